/*
 * A plain HTTP/2 server for a thread: nghttp2's, over whatever carries bytes
 *
 * Every request is answered with 200, once it has come whole, and a body of x's. For tests that need a peer which behaves;
 * the one in h2_peer.h does what it is told.
 */

#ifndef WINHTTP_UNIT_H2_SERVER_H
#define WINHTTP_UNIT_H2_SERVER_H

#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

struct h2_server
{
    ssize_t (*recv)( void *carrier, void *data, size_t size );          /* > 0, or it ends */
    ssize_t (*send)( void *carrier, const void *data, size_t size );
    void     *carrier;
    uint32_t  streams;       /* SETTINGS_MAX_CONCURRENT_STREAMS, 0 = no limit */
    size_t    body_len;
    int       trailers;      /* x-end: y */
};

static inline ssize_t h2_server_send( nghttp2_session *session, const uint8_t *data, size_t len, int flags, void *user_data )
{
    struct h2_server *server = user_data;
    ssize_t ret = server->send( server->carrier, data, len );

    (void)session;
    (void)flags;
    return ret > 0 ? ret : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static inline ssize_t h2_server_body( nghttp2_session *session, int32_t id, uint8_t *buffer, size_t size, uint32_t *flags,
                                      nghttp2_data_source *source, void *user_data )
{
    nghttp2_nv field = { (uint8_t *)"x-end", (uint8_t *)"y", 5, 1, 0 };
    size_t left = (size_t)(uintptr_t)nghttp2_session_get_stream_user_data( session, id );
    struct h2_server *server = user_data;

    (void)source;
    if (size > left) size = left;
    memset( buffer, 'x', size );
    nghttp2_session_set_stream_user_data( session, id, (void *)(uintptr_t)(left - size) );
    if (left != size) return size;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!server->trailers) return size;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer( session, id, &field, 1 );
    return size;
}

static inline int h2_server_frame( nghttp2_session *session, const nghttp2_frame *frame, void *user_data )
{
    nghttp2_nv status = { (uint8_t *)":status", (uint8_t *)"200", 7, 3, 0 };
    nghttp2_data_provider body = { { 0 }, h2_server_body };
    struct h2_server *server = user_data;

    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    nghttp2_session_set_stream_user_data( session, frame->hd.stream_id, (void *)(uintptr_t)server->body_len );
    return nghttp2_submit_response( session, frame->hd.stream_id, &status, 1, &body );
}

/* Serves one connection to its end. */
static inline void h2_serve( struct h2_server *server )
{
    const nghttp2_settings_entry limit = { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server->streams };
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;
    uint8_t data[16384];
    ssize_t count;

    nghttp2_session_callbacks_new( &callbacks );
    nghttp2_session_callbacks_set_send_callback( callbacks, h2_server_send );
    nghttp2_session_callbacks_set_on_frame_recv_callback( callbacks, h2_server_frame );
    nghttp2_session_server_new( &session, callbacks, server );
    nghttp2_session_callbacks_del( callbacks );
    nghttp2_submit_settings( session, NGHTTP2_FLAG_NONE, &limit, server->streams ? 1 : 0 );
    while (!nghttp2_session_send( session ) && (count = server->recv( server->carrier, data, sizeof(data) )) > 0)
        if (nghttp2_session_mem_recv( session, data, count ) != count) break;
    nghttp2_session_del( session );
}

/* Over a socket. */

static inline ssize_t h2_server_recv_fd( void *carrier, void *data, size_t size )
{
    return recv( *(int *)carrier, data, size, 0 );
}

static inline ssize_t h2_server_send_fd( void *carrier, const void *data, size_t size )
{
    return send( *(int *)carrier, data, size, MSG_NOSIGNAL );
}

#endif /* WINHTTP_UNIT_H2_SERVER_H */
