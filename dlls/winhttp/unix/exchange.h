/*
 * Exchanges: one request and its response, as the PE side sees them
 *
 * The calls below are the boundary's; the rest is for the strand of the connection that carries the exchange. An
 * exchange waits in its origin, then is attached to a connection, then is over. Its operations are posted by any thread
 * and finished on the strand (or, while it waits, by whoever takes it out of the origin's queue).
 */

#ifndef WH_EXCHANGE_H
#define WH_EXCHANGE_H

#include <pthread.h>

#include "chunk_out.h"
#include "dial.h"
#include "engine.h"
#include "intake.h"

struct conn;
struct dial;
struct origin;
struct ws;

enum op_state
{
    OP_IDLE,          /* may be posted */
    OP_ACTIVE,        /* posted: the strand may use its fields */
    OP_DONE,          /* finished; back to idle when the caller has the result or the record was fetched */
};

/* The stop before the head is written (WHX_PAUSE_SENDING). */
enum pause_state
{
    PAUSE_NONE,
    PAUSE_REACHED,    /* nobody was told yet */
    PAUSE_ANSWERED,   /* the answer of exchange_start said so */
    PAUSE_RECORDED,   /* a record says so */
    PAUSE_RESUMING,   /* a thread is at the head */
    PAUSE_RESUMED,
};

struct op
{
    enum op_state state;         /* exchange->lock */
    int           async;         /* exchange->lock: the caller was told WH_PENDING */
    uint32_t      kind;          /* enum wh_kind of its completion */
    unsigned int  progress;      /* the exchange's when it was posted */

    char         *data;          /* lent */
    uint64_t      size, done;    /* capacity or length; bytes so far */
    uint64_t      min;           /* read_body: enough */
    uint32_t      limit;         /* read_head: bytes a head may have */
    uint32_t      options;       /* WHX_END, WHX_SOFT_TIMEOUT, WHX_WS_* */
    int           framed;        /* strand: exchange->framing, or what exchange->ws sends, is about this one */
    uint32_t      total_ms;      /* deadline of the whole operation, 0 = none */
    uint32_t      step_ms;       /* deadline between two moves, 0 = none */
    uint64_t      total_at, step_at;   /* the same as times, once the strand has seen the operation; 0 = not seen */

    uint32_t      error, detail, flags, status;    /* results */
    uint64_t      content_len;
    struct note   note;
};

struct exchange
{
    struct object    obj;
    pthread_mutex_t  lock;          /* op states, conn, attached, judged, stop, failed, pause, closing */
    uint64_t         cookie;
    uint32_t         flags;         /* WHX_* */
    uint32_t         event_mask;

    struct origin   *origin;
    struct exchange *wait_next, *wait_prev;   /* pool lock: in the origin's queue */
    int              waiting;                 /* pool lock */
    struct dial     *dial;                    /* pool lock: works for it */
    wh_id            pin;
    unsigned int     requests;                /* times it asked its origin for a connection */
    struct conn     *carrier;                 /* pool lock: it was given to it */
    struct stream   *stream;                  /* strand: of HTTP/2 */
    struct exchange *attend_next;             /* in its connection's list of those that want something */
    int              attended;                /* atomic: it is in one */
    int              has_stream_error;        /* atomic: the peer has reset the stream, with this code */
    uint32_t         stream_error;
    struct dial_plan plan;
    uint32_t         match_flags;             /* WH_MATCH_* */
    uint8_t          match[WH_TAG_SIZE];
    uint32_t         identity;                /* of its route */
    uint8_t          tag[WH_TAG_SIZE];        /* pool lock: for its connection, if `tagged` */
    int              tagged;
    int              expired;                 /* atomic: its connection shall not be used again */

    struct conn     *conn;          /* attached to it, or the last one, for its facts; a reference */
    int              attached;
    struct conn     *judged;        /* waits for the program's verdict; a reference */
    int              asking;        /* its note is in the queue */
    struct op        send, read;
    struct note      gone, paused, ask;
    int              closing, close_async, gone_posted;
    int              id_kept;       /* closed, synchronous: the id goes when the last operation's end was fetched */
    uint32_t         drain_limit;
    enum wh_error    stop;          /* asked to end with this */
    enum wh_error    failed;        /* ended with this; later operations get it, too */
    uint32_t         failed_detail;
    enum pause_state pause;
    unsigned int     unfetched;     /* progress records in the queue: operations then end by record, to keep the order */
    unsigned int     progress;      /* progress records so far */

    char            *head;          /* request head, then head and body if the body is small; strand after start */
    size_t           head_len, head_sent;
    uint64_t         total_len, body_sent;
    struct chunk_out framing;       /* WHX_CHUNKED: of the piece that is going out */
    int              request_done, response_done, reused;
    char            *trailers;
    size_t           trailers_len;
    struct ws       *ws;            /* atomic, set once: by the head that grants WHX_WEBSOCKET */
    uint32_t         ws_ahead;      /* bytes of messages that may wait for a reader */
    uint32_t         head_limit;    /* bytes of heads that may wait for one */
    struct intake    intake;        /* strand: what becomes of the bytes of the body */

    struct note_queue notes;        /* engine lock: synchronous exchanges */
    struct waiter   *waiter;        /* engine lock */
    struct wh_times  times;
    struct wh_stats  stats;
};

static inline struct exchange *exchange_from_object( struct object *obj )
{
    return (struct exchange *)((char *)obj - offsetof( struct exchange, obj ));
}

/* Its WebSocket, once there is one, else NULL. Any thread. */
static inline struct ws *exchange_ws( const struct exchange *exchange )
{
    return __atomic_load_n( &exchange->ws, __ATOMIC_ACQUIRE );
}

/* 1 if its body is framed here (WHX_CHUNKED means nothing beside a known length). */
static inline int exchange_frames( const struct exchange *exchange )
{
    return (exchange->flags & WHX_CHUNKED) && exchange->total_len == WH_NO_LENGTH;
}

/* 1 if its connection may serve others afterwards, as far as it depends on the exchange. */
static inline int exchange_reuses( const struct exchange *exchange )
{
    return !(exchange->flags & WHX_NO_REUSE) && !__atomic_load_n( &exchange->expired, __ATOMIC_RELAXED );
}

/* The deadlines of an operation: they run from the moment the strand sees it first. */
static inline void op_see( struct op *op, uint64_t now_ms )
{
    if (op->step_at) return;
    op->total_at = op->total_ms ? now_ms + op->total_ms : TIMER_NEVER;
    op->step_at = op->step_ms ? now_ms + op->step_ms : TIMER_NEVER;
}

static inline void op_moved( struct op *op, uint64_t now_ms )
{
    if (op->step_ms) op->step_at = now_ms + op->step_ms;
}

static inline uint64_t op_deadline( const struct op *op )
{
    return op->total_at < op->step_at ? op->total_at : op->step_at;
}

/* The exchange of an id, with a reference, or NULL. */
struct exchange *exchange_from_id( wh_id id );

/* The calls of the boundary: see unixlib.h. */
uint32_t exchange_start( struct wh_exchange_start_params *params );
uint32_t exchange_send( struct wh_exchange_send_params *params );
uint32_t exchange_read_head( struct wh_exchange_read_head_params *params );
uint32_t exchange_read_body( struct wh_exchange_read_body_params *params );
uint32_t exchange_resume( struct wh_exchange_resume_params *params );
uint32_t exchange_query( struct wh_exchange_query_params *params );
uint32_t exchange_control( struct wh_exchange_control_params *params );
uint32_t exchange_cancel( struct wh_exchange_cancel_params *params );
uint32_t exchange_close( struct wh_exchange_close_params *params );

/* Turns a note into its record (NULL: only frees it). Returns 1, or 0 if there is nothing to report any more. */
int exchange_fetch( struct note *note, struct wh_record *record );

/* 1 if all it waits for is bytes of the response: nobody can have anything to send. */
int exchange_only_receives( struct exchange *exchange );

/* Its connection if it is attached to one, with a reference. */
struct conn *exchange_conn( struct exchange *exchange );

/* 1 if it is attached to just this one. */
int exchange_is_on( struct exchange *exchange, const struct conn *conn );

/* Lets its connection, if there is one, look at what was posted. */
void exchange_kick( struct exchange *exchange );

/* For strands. */

/* 1 if the operation is posted and not finished. */
int op_active( struct exchange *exchange, struct op *op );

/* Finishes an active operation. */
void exchange_finish( struct exchange *exchange, struct op *op, enum wh_error error, uint32_t detail );

/* The exchange is over with an error: active operations end with it, later ones, too. */
void exchange_fail( struct exchange *exchange, enum wh_error error, uint32_t detail );

/* Notes the time in a field of struct wh_times, unless there is one. For dials, of which several may work for it in turn. */
void exchange_mark_time( struct exchange *exchange, size_t field );

/* An address that was tried for it did not connect. */
void exchange_count_failure( struct exchange *exchange );

/* Queues a progress record if the program wants that kind. Without memory, or once the exchange is closed, it is left
 * out: nothing may follow the GONE record. */
void exchange_progress( struct exchange *exchange, enum wh_kind kind, const char *text );

/* A connection that is being made for it wants a verdict (PAUSE_TLS): posts the question. What it asked for another
 * connection is void. */
void exchange_ask( struct exchange *exchange, struct conn *conn );

/* It fails because of this connection, which it never had: the program may ask for its facts. */
void exchange_show( struct exchange *exchange, struct conn *conn );

/* What it was asked to end with by cancel or close; WHE_OK if it was not. */
enum wh_error exchange_ending( struct exchange *exchange );

/* The exchange left its connection for good: ends what was posted when nobody would look at it any more. */
void exchange_settle( struct exchange *exchange );

/* An operation after the end of the response: nothing is left to do for it. */
void exchange_finish_over( struct exchange *exchange, struct op *op );

/* Before the head is written the program may want to look around (WHX_PAUSE_SENDING). 1: wait for it. */
int exchange_pauses( struct exchange *exchange );

/* The connection is the exchange's now; run the strand afterwards. */
void exchange_attach( struct exchange *exchange, struct conn *conn );

/* No connection works for it any more. May post the GONE record. */
void exchange_detach( struct exchange *exchange );

#endif /* WH_EXCHANGE_H */
