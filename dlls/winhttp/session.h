/*
 * Sessions and connects: WinHttpOpen, WinHttpConnect, and what requests take over from them
 */

#ifndef WINHTTP_SESSION_H
#define WINHTTP_SESSION_H

#include "cookie.h"
#include "object.h"
#include "option.h"
#include "request_options.h"

#define SECURE_PROTOCOLS_KNOWN \
    (WINHTTP_FLAG_SECURE_PROTOCOL_SSL2 | WINHTTP_FLAG_SECURE_PROTOCOL_SSL3 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1 | \
     WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_1 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_3)
#define SECURE_PROTOCOLS_MODERN (WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_3)

struct session
{
    struct object   hdr;
    volatile LONG64 id;                /* the transport's, 0 until a request needs it */
    DWORD           flags;             /* of WinHttpOpen */
    struct option_text agent;
    struct request_options defaults;   /* of its requests */

    SRWLOCK         cookie_lock;
    struct cookies  cookies;
    SRWLOCK         identity_lock;
    struct auth_identity *identities;  /* of its authenticated connections, see auth_login.h */

    /* what its connections are like; read when a request's leg starts */
    volatile LONG   secure_protocols;  /* WINHTTP_FLAG_SECURE_PROTOCOL_*, or PROTOCOLS_UNSET: see session_protocols */
    volatile LONG   decodes_more;      /* see session_decodes_more: 0 = not asked for yet, 1 = no, 2 = yes */
    DWORD           max_conns, max_conns_1_0;
    BOOL            own_pool;
    wh_u64          partition;         /* of its routes: 0, or its own with own_pool */
    DWORD           idle_ms;           /* idle life of its connections, 0 = the transport's default */
    BOOL            ipv6_fallback;
    BOOL            first_available;
    DWORD           background;        /* connections that the first request to a host opens */
    struct { ULONG on, time_ms, interval_ms; } keepalive;             /* struct tcp_keepalive */
    BOOL            fast_open;
    BOOL            h2_client_cert;    /* requests with a client certificate may go over HTTP/2 */
    DWORD           h2_keepalive_ms;   /* 0 = off */
    struct { DWORD max, conditions; } failed_retries;                 /* WINHTTP_FAILED_CONNECTION_RETRIES */
    WINHTTP_RESOLVER_CACHE_CONFIG resolver;                           /* kept but for BYPASS_CACHE */

    DWORD           codepage;          /* of the query part of request targets */
    HANDLE          unload_event;

    DWORD           enabled;           /* WINHTTP_ENABLE_* */
    BOOL            false_start, no_chain_building;
    DWORD           no_proxy_auth;     /* WINHTTP_PROXY_DISABLE_* */
    DWORD           passport;          /* WINHTTP_ENABLE_PASSPORT_* */

    /* kept: their machinery is not there yet, or never will be (README, "Options without effect") */
    BOOL            no_secure_fallback, insecure_fallback, session_sch_cred;
    DWORD           h3_keepalive_ms, downgrade_ttl;
    struct option_text passport_return;
    BOOL            no_proxy_service, lookaside;
    GUID            error_log;
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

/* Whether the session has, or has had, connects: some options must be set before. */
BOOL session_has_children( struct session *session );

/* From now on the session shares no connections with others. */
void session_leave_pool( struct session *session );

/* The session's half on the Unix side, made for its first request: many sessions never send one. 0 without memory. */
wh_id session_transport( struct session *session );

/* The TLS versions of its requests: what was set, else the machine's default, asked for at the first use. */
#define PROTOCOLS_UNSET -1
DWORD session_protocols( struct session *session );

/* Whether br and zstd are decoded for programs that ask their servers for them: an extension, off unless the DWORD
 * DecodeBrotliAndZstd is not 0 in HKCU or HKLM, Software\Microsoft\Windows\CurrentVersion\Internet Settings\WinHttp. Asked
 * for at the first use. */
BOOL session_decodes_more( struct session *session );

#endif /* WINHTTP_SESSION_H */
