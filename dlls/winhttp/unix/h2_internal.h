/*
 * What the halves of an HTTP/2 connection share: h2.c has the session, h2_stream.c works for the exchanges
 */

#ifndef WH_H2_INTERNAL_H
#define WH_H2_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "conn.h"
#include "exchange.h"
#include "h2.h"
#include "h2_head.h"
#include "head.h"

#define H2_WINDOW_STREAM (256 * 1024)    /* at first; a stream whose path wants more gets it */

/* A head that has come whole and was not taken yet. */
struct answer
{
    struct answer   *next;
    char            *text;           /* owned */
    size_t           len;
    struct head_info info;
};

/* Body bytes that nobody has taken yet: the first piece of a stream is small, as most bodies are; the others are blocks. */
struct piece
{
    struct piece *next;
    uint32_t      start, end, size;  /* bytes start..end are used */
    char          data[];
};

struct pipe;

struct stream
{
    struct exchange *exchange;       /* the pool's link holds the reference; NULL: given up, waits for its end */
    struct stream   *next, *prev;    /* in h2->streams or h2->orphans */
    struct stream   *touched_next;
    struct stream   *flush_next, *flush_prev;
    int32_t          id;             /* 0: not submitted yet */
    uint64_t         deadline_ms;    /* of an orphan */

    unsigned int     touched : 1;    /* in h2->touched or h2->again */
    unsigned int     flushing : 1;   /* in h2->flushing: the send under way is framed up to `mark` */
    unsigned int     framed : 1;     /* its HEADERS have been written */
    unsigned int     closed : 1;     /* nothing goes in or out any more */
    unsigned int     moved : 1;      /* never began: another connection shall have it */
    unsigned int     deferred : 1;   /* the session waits for more of the body */
    unsigned int     end_out : 1;    /* END_STREAM was written */
    unsigned int     end_in : 1;     /* END_STREAM came */
    unsigned int     receiving : 1;  /* inside a header block */
    unsigned int     rst_in : 1;     /* the peer reset it */
    unsigned int     final : 1;      /* the final head has come */
    unsigned int     head_taken : 1; /* and was read */
    unsigned int     bodyless : 1;   /* the response cannot have one */
    unsigned int     fixed : 1;      /* the program has set the window */
    unsigned int     waits : 1;      /* for the peer's first SETTINGS */

    enum wh_error    error;          /* how it ended before its time; what came before is delivered first */
    uint32_t         detail;
    struct op       *sender, *reader;    /* active operations that wait for something to happen here */
    uint64_t         mark;           /* position in the output */

    struct pipe     *pipe;           /* of a WebSocket: what makes a layer of the stream */
    struct h2_block  block;          /* being received */
    struct answer   *answers, **answers_tail;
    size_t           head_total;     /* bytes of the heads so far */
    uint64_t         content_len;    /* WH_NO_LENGTH: not known */
    uint64_t         body_in;        /* bytes that came */
    struct piece    *pieces, **pieces_tail, *last_piece;
    size_t           queued;         /* bytes in them */

    uint32_t         window;         /* what the peer may send unasked */
    uint32_t         step;           /* it is told when so much was taken */
    uint32_t         taken;          /* since it was told */
    uint64_t         told_us, told_in;   /* when, and what had come by then */
};

struct h2
{
    nghttp2_session *session;        /* NULL: the connection is closed */
    struct stream   *streams;        /* with exchanges */
    unsigned int     count;
    struct stream   *orphans;        /* without: the peer still has to end them */
    unsigned int     orphan_count;
    struct stream   *touched, **touched_tail;     /* something has happened to them */
    struct stream   *again, **again_tail;         /* they have more to do, once others had their turn */
    struct stream   *flushing, *flushing_last;    /* in the order of their marks */
    uint64_t         now_ms;         /* of this run */

    char            *out;            /* a block: bytes out_start..out_end are for the layer; NULL = none */
    uint32_t         out_start, out_end;
    uint64_t         out_total, out_sent;         /* bytes written into it, handed on, since the beginning */
    int              readable;       /* the layer may have bytes */
    int              lazy;           /* the peer has windows enough for what is waited for: it is told of others later */
    int              owed;           /* some were not told */

    uint64_t         scan_ms;        /* an operation's, or an orphan's, time may be over then; TIMER_NEVER */
    uint64_t         last_in_ms;     /* bytes came */
    uint32_t         keepalive_ms;   /* PING after so much silence; 0 = never */
    uint64_t         ping_ms;        /* when the last PING went out, if it wants an answer; 0 = none does */
    uint64_t         rtt_start_us;   /* when SETTINGS or a PING went out whose answer is timed; 0 = none */
    uint32_t         rtt_us;         /* shortest round trip; 0 = not known */
    int              rtt_asked;      /* by a PING of its own */
    uint32_t         window;         /* of streams that ask for nothing else */
    uint64_t         promised;       /* the sum of the windows of `streams` */
    unsigned int     submitted;      /* of `streams`: have an id */

    uint32_t         begun;          /* exchanges so far */
    int              settings_in;    /* the peer's first SETTINGS are there */
    int              settings_new;   /* and have not been looked at */
    int              goaway_in, goaway_out;
    uint32_t         goaway_code;    /* the peer's */
    int              block_open;     /* the last frame that began is a part of a header block, and not its last one */
    int              overrun;        /* what is open was refused: nothing for others comes before its end, if that comes */
    int              left;           /* the pool gives it no more exchanges */
    int              dying;          /* it ends with `failed` */
    enum wh_error    failed;
    uint32_t         failed_detail;
    unsigned int     patience;       /* frames that mean nothing which the peer may still send */
    uint64_t         patience_ms;    /* when it was counted */

    nghttp2_nv      *fields;         /* of the request that is being submitted */
    size_t           field_room;
    char            *names;
    size_t           name_room;
};

/* h2.c */

/* Something has happened to the stream: it is looked at in this run. */
void h2_touch( struct h2 *h2, struct stream *stream );

/* It could go on at once, but others shall have their turn: it is touched when they had. */
void h2_again( struct h2 *h2, struct stream *stream );

/* The connection ends with this error, at the end of the run. The first one counts. */
void h2_fail( struct h2 *h2, enum wh_error error, uint32_t detail );

/* What the session's functions return: without memory the connection cannot go on; nothing else can go wrong. */
void h2_check( struct h2 *h2, int code );

/* Gives the session a stream's body, as nghttp2_submit_request wants it. */
ssize_t h2_read_body( nghttp2_session *session, int32_t id, uint8_t *buffer, size_t size, uint32_t *flags,
                      nghttp2_data_source *source, void *user_data );

/* Takes in what the layer has. 1: there may be more. */
int h2_input( struct conn *conn );

/* Writes what there is to write. 1: more of it, but others shall have their turn. */
int h2_output( struct conn *conn );

/* 1 if a new stream may begin here. */
int h2_takes( const struct h2 *h2 );

/* Tells the pool that the connection takes no more exchanges. */
void h2_leave( struct conn *conn );

/* A PING whose answer tells how long the way is. */
void h2_time_path( struct h2 *h2 );

/* At this time somebody has to look at operations and orphans. */
static inline void h2_scan_at( struct h2 *h2, uint64_t when_ms )
{
    if (when_ms < h2->scan_ms) h2->scan_ms = when_ms;
}

/* h2_stream.c: life, and what goes out */

/* An exchange was given to the connection. */
void stream_begin( struct conn *conn, struct exchange *exchange );

/* Goes on with its operations. It may be gone afterwards. */
void stream_serve( struct conn *conn, struct stream *stream );

/* Its operation whose last byte was framed is done: all of it was handed on. */
void stream_sent( struct conn *conn, struct stream *stream );

/* The connection is gone. */
void stream_lost( struct h2 *h2, struct stream *stream, enum wh_error error, uint32_t detail );

/* Its operations' deadlines: ends what is late, notes the next one. */
void stream_check_time( struct conn *conn, struct stream *stream );

/* It does not do what the protocol wants, or more than we take: reset with `code`, the exchange fails with `error`. */
void stream_refuse( struct h2 *h2, struct stream *stream, enum wh_error error, uint32_t code );

/* The exchange is over, and so is this operation of it (or NULL). The stream is cut with `code`, unless it has ended by
 * itself; 0: all of the response has come, and its end is on its way. */
void stream_finish( struct conn *conn, struct stream *stream, struct op *op, uint32_t code );

/* The exchange fails. */
void stream_fail( struct conn *conn, struct stream *stream, enum wh_error error, uint32_t detail, uint32_t code );

/* The session says that it is closed. */
void stream_closed( struct h2 *h2, struct stream *stream, uint32_t code );

/* h2_receive.c: what comes in */

/* Goes on with an active read. 1: the stream is gone. */
int stream_serve_read( struct conn *conn, struct stream *stream, struct op *op );

/* 1 if the response has come to its end, as far as its program wants it. */
int stream_is_complete( const struct stream *stream );

/* Bytes of body that the peer has still to send, WH_NO_LENGTH if that is not known; and as far as its window lets it. */
uint64_t stream_left( const struct stream *stream );
uint64_t stream_expected( const struct stream *stream );

/* Tells the peer that it may send as much as was taken, if that is worth it. */
void stream_tell( struct h2 *h2, struct stream *stream );

/* Throws away what came and is not wanted any more. */
void stream_drop_input( struct stream *stream );

/* Callbacks of the session. */
void stream_head_begins( struct h2 *h2, struct stream *stream );
void stream_field( struct h2 *h2, struct stream *stream, const char *name, size_t name_len, const char *value,
                   size_t value_len );
void stream_head_ends( struct h2 *h2, struct stream *stream, int end );
void stream_data( struct h2 *h2, struct stream *stream, const char *data, size_t len );
void stream_end( struct h2 *h2, struct stream *stream );

/* h2_stream.c again. Of what goes out: bytes of body that the stream has now, up to `room`; *end: the message ends with them. */
size_t stream_supply( const struct stream *stream, size_t room, int *end );

/* Copies and counts `len` bytes of them. */
void stream_take( struct h2 *h2, struct stream *stream, char *to, size_t len );

/* A frame of it was written: HEADERS or DATA, with END_STREAM or not. */
void stream_framed( struct h2 *h2, struct stream *stream, int headers, int end );

/* Bytes of the body that are there, into `buffer`; at least one is. Returns how many. */
size_t stream_read( struct h2 *h2, struct stream *stream, char *buffer, size_t size );

/* The session had no more of the body to send, and now has. */
void stream_resume( struct h2 *h2, struct stream *stream );

/* It is touched when all that was framed so far has left. */
void stream_wait_flushed( struct h2 *h2, struct stream *stream );

/* Takes it out of all lists, and frees it unless it is touched. */
void stream_free( struct h2 *h2, struct stream *stream );

/* h2_ws.c: the stream of a WHX_WEBSOCKET exchange */

/* Before its request is submitted. WHE_INVALID: the head has no key. Called twice does nothing. */
enum wh_error pipe_create( struct conn *conn, struct stream *stream );
void pipe_free( struct stream *stream );

/* The value of Sec-WebSocket-Accept that the program expects. */
const char *pipe_accept( const struct stream *stream );

/* As stream_supply, stream_take; and a frame of it was written. */
size_t pipe_supply( const struct stream *stream, size_t room, int *end );
void pipe_take( struct stream *stream, char *to, size_t len );
void pipe_framed( struct h2 *h2, struct stream *stream );

/* END_STREAM goes out behind what was written. */
void pipe_end( struct stream *stream );

/* Once the exchange has its WebSocket. 1: it needs the stream no more. */
int websocket_run( struct stream *stream );
void websocket_check_time( struct stream *stream );

/* The exchange is being closed: says so to the peer, in one attempt. */
void websocket_leave( struct stream *stream );

/* After either: the code to cut the stream with. */
uint32_t websocket_end( struct stream *stream );

#endif /* WH_H2_INTERNAL_H */
