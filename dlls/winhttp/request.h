/*
 * struct request: one HTTP request, from WinHttpOpenRequest to its handle's end
 *
 * `lock` guards what changes after the handle exists; it is never held across a callback. An operation (below) is
 * claimed under the lock; until it is released only the thread that drives it touches its fields: the API call, or the
 * worker that runs the request's events.
 */

#ifndef WINHTTP_REQUEST_H
#define WINHTTP_REQUEST_H

#include "drive.h"
#include "headers.h"
#include "object.h"
#include "operation.h"
#include "option.h"
#include "proxy_plan.h"
#include "request_options.h"
#include "session.h"

struct url_escape;

/* What the application has asked and the transport has done. The list is the trace names, too. */
#define FLOW_STATES(X) \
    X( IDLE )     /* opened; nothing was sent yet */ \
    X( SENDING )  /* the head is on its way: ends with HEAD_SENT, or the connect and send deadlines */ \
    X( BODY )     /* the head is out, the application still owes body bytes */ \
    X( SENT )     /* the whole message is out */ \
    X( READING )  /* the response head is in, the application is taking the body */ \
    X( DONE )     /* the body was taken to its end */ \
    X( FAILED )   /* only close or a new send is possible */

enum flow_state
{
#define FLOW_MEMBER( name ) FLOW_##name,
    FLOW_STATES( FLOW_MEMBER )
#undef FLOW_MEMBER
    FLOW_COUNT
};

struct request
{
    struct object    hdr;
    struct connect  *connect;        /* hdr.parent */
    struct session  *session;
    struct endpoint *endpoint;       /* where it goes: the connect's, or `moved` after a redirect to another host */
    struct endpoint *moved;
    SRWLOCK          lock;

    /* what is asked: fixed by WinHttpOpenRequest, except the headers, until a redirect changes it */
    WCHAR           *verb;           /* NUL-terminated, as the next three; one block with line */
    WCHAR           *target;
    const WCHAR     *version;
    const WCHAR     *line;           /* "GET /path HTTP/1.1" */
    DWORD            target_cch, line_cch;
    BOOL             secure;
    INTERNET_PORT    port;
    DWORD            escape_flags;   /* of WinHttpOpenRequest, */
    WCHAR           *object;         /* and the name as it was given, where ENCODE_EXTRA can change the target; else NULL */
    struct headers   headers;
    BOOL             headers_edited; /* since the head was made */
    BOOL             auto_chunked;   /* WINHTTP_FLAG_AUTOMATIC_CHUNKING */
    struct request_options options;
    struct auth     *auth;           /* see auth.h; NULL: it has no credentials, and was not asked for any */

    /* the message being sent */
    const void      *body;           /* lent until the response head is there */
    DWORD            body_len;
    UINT64           total;          /* WH_NO_LENGTH: the application frames the body, or it is chunked */
    UINT64           written;        /* of total */
    BOOL             chunked;        /* the transport frames the body, until WinHttpWriteData( NULL, 0 ) has */
    BOOL             ended;          /* ended it; */
    BOOL             ending;         /* the write under way does so */
    DWORD            head_len;       /* bytes of the head */
    BOOL             no_reuse;       /* the request says Connection: close */
    uint32_t         codings;        /* WHX_DECODE_*: what is decoded in the present leg */
    BOOL             h1_only;        /* its server has sent it to HTTP/1.1; until it goes to another one */

    struct proxy_plan proxies;       /* how it goes to its present place; */
    BOOL             plan_later;     /* a worker finds that out before the leg begins */

    /* the exchange */
    enum flow_state  flow;
    wh_id            exchange;       /* 0 = none */
    BOOL             websocket;      /* the present leg has asked for a WebSocket; */
    BOOL             upgraded;       /* it is one, and the exchange is that handle's: here it is only asked about */
    DWORD            tls_flags;      /* of its route: what its connection is judged by */
    uint32_t         judge_key[2];   /* of its route */
    unsigned int     in_flight;      /* its operations whose record has not come yet */
    BOOL             closing;        /* the handle was closed */
    DWORD            retries;        /* legs that began again since the request went to its present place */
    DWORD            redirects;      /* followed since then */
    BOOL             parked;         /* a write waits for the leg of the receiving operation, with: */
    const void      *parked_data;
    DWORD            parked_len;
    BOOL             receiving_leg;  /* the leg under way is one of the receiving operation, not of the sending one; */
    BOOL             following;      /* it has an answer of its own: RECEIVING_RESPONSE comes again */
    BOOL             drain_wanted;   /* of the leg that will begin: see leg_begin */
    BOOL             fresh;          /* the leg wants a new connection */
    void            *drain;          /* lent to read_body while the leg takes away what is left of the one before, */
    UINT64           drained;        /* so many bytes so far, */
    DWORD            drain_since;    /* from this GetTickCount on */
    BOOL             holding;        /* SENDREQUEST_COMPLETE waits for the response head, see flow.c */
    struct operation sending, receiving;
    struct drive     drive;          /* synchronous: those that wait for them */
    DWORD            send_number;    /* of the last WinHttpSendRequest; never 0 once there was one */

    /* the response */
    DWORD            head_ready;     /* bytes of a head that read_head has announced */
    DWORD            early_error;    /* enum wh_error that came while holding: for the receiving operation */
    DWORD            early_detail;
    void            *head_buffer;    /* lent to read_head; a synchronous call's stack or head_heap */
    DWORD            head_size;
    void            *head_heap;
    DWORD            interim;        /* 1xx heads so far */
    BOOL             have_response;
    struct headers   response;
    struct status_line status;
    BOOL             have_trailers;
    struct headers   trailers;
    DWORD            head_flags;     /* WHR_* of the final head */
    UINT64           content_len;
    UINT64           taken;          /* body bytes read */
    DWORD            announced;      /* by WinHttpQueryDataAvailable and not read yet */
    BOOL             closing_told;   /* CLOSING_CONNECTION and CONNECTION_CLOSED were delivered */
};

/* Gives the request a new verb and target, and the line of both. `object` goes through url_escape_target, with escape NULL
 * it is a target already. On failure nothing has changed; request->lock is held, or nobody knows the request yet. Returns
 * 0, ERROR_INVALID_PARAMETER (verb), ERROR_NOT_ENOUGH_MEMORY. */
DWORD request_set_line( struct request *request, const WCHAR *verb, const WCHAR *object, const struct url_escape *escape );

/* WINHTTP_OPTION_ENCODE_EXTRA was set: makes the target anew. A request that is under way, or was redirected, keeps its own.
 * request->lock is held. Returns 0 or ERROR_NOT_ENOUGH_MEMORY. */
DWORD request_escape_again( struct request *request );

/* The URL of the present leg: absolute, as WINHTTP_OPTION_URL shows it. Given (free); NULL without memory. request->lock is
 * held. */
WCHAR *request_url( const struct request *request, DWORD *cch );

/* WinHttpReceiveResponse. */
DWORD request_receive( struct request *request );

/* Whether the request may go where it is to go. Returns 0 or the error that it fails with. */
DWORD request_check_target( const struct request *request );

static inline struct request *request_from_object( struct object *obj )
{
    return (struct request *)obj;
}

#endif /* WINHTTP_REQUEST_H */
