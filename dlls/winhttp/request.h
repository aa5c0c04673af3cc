/*
 * struct request: one HTTP request, from WinHttpOpenRequest to its handle's end
 *
 * `lock` guards what changes after the handle exists; it is never held across a callback. An operation (below) is
 * claimed under the lock; until it is released only the thread that drives it touches its fields: the API call, or the
 * worker that runs the request's events.
 */

#ifndef WINHTTP_REQUEST_H
#define WINHTTP_REQUEST_H

#include "headers.h"
#include "object.h"
#include "operation.h"
#include "option.h"
#include "session.h"

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

struct request_options
{
    struct timeouts timeouts;
    DWORD connect_retries;
    DWORD redirect_policy;
    DWORD max_redirects;
    DWORD max_continue;
    DWORD max_head;
    DWORD max_drain;
    DWORD http_protocols;
    DWORD security_flags;    /* SECURITY_FLAG_IGNORE_* */
    DWORD disabled;          /* WINHTTP_DISABLE_* */
    DWORD enabled;           /* WINHTTP_ENABLE_* */
    DWORD autologon;
    struct option_text user, password, proxy_user, proxy_password;    /* for authentication, which is not there yet */
    DWORD read_buffer, write_buffer, priority;    /* kept, without effect */
};

struct request
{
    struct object    hdr;
    struct connect  *connect;        /* hdr.parent */
    struct session  *session;
    struct endpoint *endpoint;       /* where it goes: the connect's, or `moved` after a redirect to another host */
    struct endpoint *moved;
    SRWLOCK          lock;

    /* what is asked: fixed by WinHttpOpenRequest, except the headers */
    WCHAR           *verb;           /* NUL-terminated, as the next three; one block with line */
    WCHAR           *target;
    const WCHAR     *version;
    const WCHAR     *line;           /* "GET /path HTTP/1.1" */
    DWORD            target_cch, line_cch;
    BOOL             secure;
    INTERNET_PORT    port;
    struct headers   headers;
    BOOL             length_is_ours; /* Content-Length among them was put there by the last send */
    BOOL             headers_edited; /* since the head was made */
    struct request_options options;

    /* the message being sent */
    const void      *body;           /* lent until the response head is there */
    DWORD            body_len;
    UINT64           total;          /* WH_NO_LENGTH: the application frames the body */
    UINT64           written;        /* of total */
    DWORD            head_len;       /* bytes of the head */
    BOOL             no_reuse;       /* the request says Connection: close */

    /* the exchange */
    enum flow_state  flow;
    wh_id            exchange;       /* 0 = none */
    unsigned int     in_flight;      /* its operations whose record has not come yet */
    BOOL             closing;        /* the handle was closed */
    BOOL             restarted;      /* one dead pooled connection was replaced already */
    BOOL             resending;      /* a leg of the receiving operation, not of the sending one, is under way */
    BOOL             holding;        /* SENDREQUEST_COMPLETE waits for the response head, see flow.c */
    struct operation sending, receiving;

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
    UINT64           content_len;
    DWORD            announced;      /* by WinHttpQueryDataAvailable and not read yet */
    BOOL             closing_told;   /* CLOSING_CONNECTION and CONNECTION_CLOSED were delivered */
};

/* Makes the request head for the next leg: adds the automatic headers as far as they are absent and serialises. The head
 * is in `stack` (of `size` bytes), or in memory that the caller frees. request->lock is held. Returns NULL without
 * memory. Source: headers.md section 6. */
char *request_make_head( struct request *request, char *stack, DWORD size, DWORD *len );

static inline struct request *request_from_object( struct object *obj )
{
    return (struct request *)obj;
}

#endif /* WINHTTP_REQUEST_H */
