/*
 * What the parts of a WebSocket share: ws.c runs it, ws_open.c makes it, ws_receive.c and ws_send.c are its directions
 */

#ifndef WH_WS_INTERNAL_H
#define WH_WS_INTERNAL_H

#include "buffer.h"
#include "exchange.h"
#include "utf8.h"
#include "ws.h"
#include "ws_deflate.h"
#include "ws_frame.h"

#define WS_RUN_MAX  (1024 * 1024)    /* bytes one run moves in a direction before others have their turn */
#define WS_MASKS    16               /* masks fetched at a time */

/* Frames as they arrive. `in` holds, in this order: data frames that are checked and wait for a reader (`checked` bytes; the
 * first may be a part of one), and bytes that were not looked at yet, less than a header or a control frame. Control frames
 * are taken out on the way. Bytes that the reader can take at once never come into it. */
struct ws_receiver
{
    struct buffer in;
    size_t        checked;
    uint64_t      ahead;             /* so many bytes may wait */

    uint64_t      frame_left;        /* behind what is checked: payload of a data frame still to come */
    int           open;              /* behind what is checked: inside a message, or one of its frames */
    int           no_direct;         /* the kernel cannot store into the application's buffer */
    int           discard;           /* messages are thrown away */
    int           ended;             /* nothing more comes from the stream */
    int           stuck;             /* behind what is checked is a frame that may not be */
    int           closed;            /* the peer's close frame came: nothing behind it counts */
    int           bad;               /* data were wrong: nothing before it counts either */

    int           taking;            /* the reader's side: the header of a frame was taken, its end not */
    uint64_t      take_left;
    unsigned int  take_fin;
    unsigned int  kind;              /* of the message being taken: WHR_WS_*; 0: none */
    int           compressed;
    struct utf8   utf8;

    uint64_t      look_at;           /* read ahead then although no event has come; TIMER_NEVER */
};

/* Bytes on their way out. `data` is a borrowed block with `end - start` bytes of whole frames, and of the one that the
 * operation's data go into. */
struct ws_sender
{
    char         *data;
    size_t        start, end;
    size_t        own_start, own_end;    /* where the operation's own bytes are among them */
    uint64_t      taken;             /* bytes of the operation's data that were masked (or compressed) */
    int           inside;            /* the payload of a frame is not complete: nothing may come in between */
    int           whole;             /* all of the operation's data are in frames */
    int           unflushed;         /* what the stream took may still sit in it */
    int           broken;            /* the stream takes no more: with `error` */
    enum wh_error error;
    uint32_t      detail;
    unsigned int  kind;              /* the program's message that is open: WHX_WS_*; 0: none */
    int           begun;             /* a frame of the message went out: continuations follow */
    uint8_t       mask[WS_MASK_SIZE];
    uint8_t       masks[WS_MASKS * WS_MASK_SIZE];
    unsigned int  masks_left;

    int           close_sent;        /* a close frame is out, or among `data` */
    unsigned int  close_code;        /* of a close frame that is due, and not as an operation; WS_CODE_NONE: without one */
    int           pong_due;          /* with what is in `pong` */
    uint8_t       pong[WS_CONTROL_MAX];
    unsigned int  pong_len;
    int           ping_due;
};

struct ws
{
    struct ws_receiver receiver;
    struct ws_sender   sender;
    struct ws_deflate  codec;
    struct object     *obj;          /* the exchange's, for traces; not referenced */

    enum wh_error      error;        /* it ends with this when the reader has what came before; WHE_OK: it goes on */
    uint32_t           detail;

    uint64_t           looked_ms;    /* when the stream was last asked for bytes that it had not told of */

    uint32_t           keepalive_ms;
    int                pinged;       /* nothing came since the keep-alive's ping */
    uint64_t           keepalive_at; /* a ping then, or the end */
    uint32_t           pings;        /* sent so far: their payload */

    uint8_t            peer_close[WS_CONTROL_MAX];    /* code and reason */
    unsigned int       peer_close_len;
    int                told;         /* atomic: a read has brought it; the two above do not change any more */
};

enum ws_step { WS_STEP_WAIT, WS_STEP_MORE, WS_STEP_FAILED };

/* Receiving, as far as it goes. `op`: the read that is posted, or NULL. FAILED: ws->error says how, and nothing that came
 * before it waits for a reader. */
enum ws_step ws_receive( struct ws *ws, struct exchange *exchange, struct layer *stream, struct op *op, uint64_t now_ms );

/* Control frames that are due, and the operation's data. `op`: the send that is posted, or NULL; only then is the exchange
 * looked at. FAILED: ws->error says how. */
enum ws_step ws_send( struct ws *ws, struct exchange *exchange, struct layer *stream, struct op *op, uint64_t now_ms );

/* A ping has come: the answer goes out as soon as it can. */
void ws_answer( struct ws *ws, const void *payload, unsigned int len );

/* 1 if there is something to send beside operations. */
int ws_send_due( const struct ws *ws );

/* The stream takes nothing more. What waits to go out is given up. */
void ws_send_broken( struct ws *ws, enum wh_error error, uint32_t detail );

/* The peer broke the protocol. A close frame with the code will go out; the exchange fails when the reader has what came
 * before. */
void ws_violation( struct ws *ws, unsigned int code );

/* Data that no read has taken. */
static inline int ws_waiting( const struct ws *ws )
{
    return ws->receiver.checked || ws->codec.peeked;
}

/* Gives the blocks back. */
void ws_receiver_release( struct ws_receiver *receiver );
void ws_sender_release( struct ws_sender *sender );

#endif /* WH_WS_INTERNAL_H */
