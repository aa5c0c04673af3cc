/*
 * Sessions and connects: WinHttpOpen, WinHttpConnect, and what requests take over from them
 */

#ifndef WINHTTP_SESSION_H
#define WINHTTP_SESSION_H

#include "object.h"
#include "option.h"

#define TIMEOUT_UNSET 0xffffffff

struct timeouts            /* milliseconds as the options hold them: 0 and 0xffffffff are no limit */
{
    DWORD resolve, connect, send, receive;
    DWORD response;        /* TIMEOUT_UNSET: the default limit */
};

/* As the Unix side takes them: 0 is no limit. */
static inline uint32_t timeout_ms( DWORD option ) { return option == TIMEOUT_UNSET ? 0 : option; }

/* What a request copies from its session when it is opened. */
struct defaults
{
    struct timeouts timeouts;
    DWORD connect_retries;
    DWORD redirect_policy;
    DWORD max_redirects;
    DWORD max_continue;
    DWORD max_head;
    DWORD max_drain;
    DWORD http_protocols;      /* WINHTTP_PROTOCOL_FLAG_* */
};

struct session
{
    struct object   hdr;
    volatile LONG64 id;                /* the transport's, 0 until a request needs it */
    DWORD           flags;             /* of WinHttpOpen */
    DWORD           access_type;
    struct option_text agent;
    struct defaults defaults;
    DWORD           secure_protocols;
    DWORD           enabled;           /* WINHTTP_ENABLE_* */
    DWORD           max_conns, max_conns_1_0;
    BOOL            own_pool;
    wh_u64          partition;         /* of its routes: 0, or its own with own_pool */
    HANDLE          unload_event;
};

/* A server's name in the forms that are needed. */
struct endpoint
{
    WCHAR         *name;               /* as given */
    DWORD          name_cch;
    WCHAR         *host;               /* for Host and URLs: ASCII, an IPv6 literal in brackets; behind the name */
    DWORD          host_cch;
    char           ascii[256];         /* for the transport: without brackets */
    DWORD          ascii_len;
};

struct connect
{
    struct object   hdr;
    INTERNET_PORT   port;              /* 0 = the scheme's default */
    struct endpoint endpoint;
};

/* Fills an endpoint that is all zero. Returns 0, ERROR_WINHTTP_INVALID_URL or ERROR_NOT_ENOUGH_MEMORY; free it in any
 * case. */
DWORD endpoint_init( struct endpoint *endpoint, const WCHAR *name, DWORD cch );
void endpoint_free( struct endpoint *endpoint );

static inline struct session *session_of( const struct connect *connect )
{
    return (struct session *)connect->hdr.parent;
}

/* Whether requests would need a proxy, which does not exist yet. Reads the machine's or the user's settings once per
 * process where the access type asks for them. */
BOOL session_needs_proxy( const struct session *session );

/* From now on the session shares no connections with others. */
void session_leave_pool( struct session *session );

/* The session's half on the Unix side, made for its first request: many sessions never send one. 0 without memory. */
wh_id session_transport( struct session *session );

#endif /* WINHTTP_SESSION_H */
