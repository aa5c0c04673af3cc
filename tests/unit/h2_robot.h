/*
 * An HTTP/2 server that answers by itself, for tests where the client has threads: h2_peer.h with a loop around it
 *
 * The path says what it does:
 *   /123     a body of so many bytes, as the windows allow        /i   103, then 200 with "ok"
 *   /t       "ok" and a trailer                                   /r   RST_STREAM: REFUSED_STREAM
 *   /h       half a body, then RST_STREAM: INTERNAL_ERROR         /s   nothing, ever
 *   /g       "ok", and GOAWAY behind it                           /x   the connection ends
 * A request with a body is answered when it has ended, with "ok".
 */

#ifndef WINHTTP_UNIT_H2_ROBOT_H
#define WINHTTP_UNIT_H2_ROBOT_H

#include <poll.h>

#include "h2_peer.h"

struct h2_robot
{
    struct h2_peer peer;
    uint32_t       seen;                    /* streams below this index were looked at */
    uint32_t       busy_from;               /* below this index all are done */
    uint64_t       left[H2_STREAMS];        /* of the bodies */
    uint8_t        state[H2_STREAMS];       /* 0 new, 1 has a body to send, 2 done */
};

static inline void h2_robot_begin( struct h2_robot *robot, uint32_t index )
{
    struct h2_peer *peer = &robot->peer;
    struct h2_stream *stream = &peer->streams[index];
    uint32_t id = index * 2 + 1;

    robot->state[index] = 2;
    switch (stream->path[1])
    {
    case 't':
        h2_send_fields( peer, id, ":status=200", 0 );
        h2_send_data( peer, id, "ok", 2, 0 );
        h2_send_fields( peer, id, "t=u", H2_END_STREAM );
        break;
    case 'i':
        h2_send_fields( peer, id, ":status=103", 0 );
        h2_answer( peer, id, "ok" );
        break;
    case 'h':
        h2_send_fields( peer, id, ":status=200|content-length=10", 0 );
        h2_send_data( peer, id, "half", 4, 0 );
        h2_send_rst( peer, id, H2_INTERNAL_ERROR );
        break;
    case 'g':
        h2_answer( peer, id, "ok" );
        h2_send_goaway( peer, id, H2_NO_ERROR );
        break;
    case 'r': h2_send_rst( peer, id, H2_REFUSED_STREAM ); break;
    case 's': break;
    case 'x': shutdown( peer->fd, SHUT_RDWR ); break;
    default:
        if (stream->body || !(robot->left[index] = strtoul( stream->path + 1, NULL, 10 ))) h2_answer( peer, id, "ok" );
        else
        {
            h2_send_fields( peer, id, ":status=200", 0 );
            robot->state[index] = 1;
        }
        break;
    }
}

static inline void h2_robot_body( struct h2_robot *robot, uint32_t index )
{
    static const uint8_t zeros[H2_FRAME_LIMIT];
    struct h2_peer *peer = &robot->peer;
    uint32_t id = index * 2 + 1, len;
    uint64_t room;

    if (peer->streams[index].closed) robot->state[index] = 2;
    while (robot->state[index] == 1 && (room = h2_room( peer, id )) && peer->out_len - peer->out_pos < 1024 * 1024)
    {
        len = room < H2_FRAME_LIMIT ? (uint32_t)room : H2_FRAME_LIMIT;
        if (len > robot->left[index]) len = (uint32_t)robot->left[index];
        robot->left[index] -= len;
        h2_send_data( peer, id, zeros, len, robot->left[index] ? 0 : H2_END_STREAM );
        if (!robot->left[index]) robot->state[index] = 2;
    }
}

/* Serves one connection to its end, and gives back what the client broke of the protocol. Takes no descriptor. */
static inline uint32_t h2_robot_serve( int fd, uint32_t stream_limit )
{
    struct h2_robot *robot = calloc( 1, sizeof(*robot) );
    struct h2_peer *peer = &robot->peer;
    struct pollfd pfd = { fd, POLLIN, 0 };
    uint32_t i, complaints, active;

    h2_peer_init( peer );
    peer->listener = -1;
    peer->fd = fd;
    peer->accepted = 1;
    fcntl( fd, F_SETFL, O_NONBLOCK );
    h2_send_setting( peer, H2_MAX_CONCURRENT_STREAMS, stream_limit );
    while (!peer->eof && !peer->reset)
    {
        h2_turn( peer );
        for (active = 1, i = robot->busy_from; i <= peer->last_id / 2 && i < H2_STREAMS; i++)
        {
            struct h2_stream *stream = &peer->streams[i];

            /* A body is taken as it comes. */
            if (stream->blocks && !stream->end && stream->window < 65536)
            {
                h2_send_window( peer, i * 2 + 1, 65536 );
                h2_send_window( peer, 0, 65536 );
            }
            if (!robot->state[i] && stream->end && !stream->closed) h2_robot_begin( robot, i );
            else if (!robot->state[i] && stream->closed) robot->state[i] = 2;
            if (robot->state[i] == 1) h2_robot_body( robot, i );
            if (active && robot->state[i] == 2) robot->busy_from = i + 1;
            else active = 0;
        }
        pfd.events = peer->out_pos < peer->out_len ? POLLIN | POLLOUT : POLLIN;
        if (h2_turn( peer )) continue;
        poll( &pfd, 1, 1000 );
    }
    complaints = peer->complaints;
    peer->fd = -1;
    h2_peer_stop( peer );
    free( robot );
    return complaints;
}

#endif /* WINHTTP_UNIT_H2_ROBOT_H */
