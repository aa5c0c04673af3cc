/*
 * The boundary between winhttp.dll (PE side) and winhttp.so (Unix side)
 *
 * Included unchanged by PE x86_64, PE i386, the Unix library and the native test library. Fields have fixed
 * widths and explicit places, so that one call table serves every kind of caller.
 *
 * An exchange is one request head and body and one response head and body. The PE side submits operations;
 * each call answers one of three ways, and never a fourth:
 *
 *   WH_DONE     the out fields are valid, `error` says how it went, no record follows
 *   WH_PENDING  exactly one record follows, fetched with wh_wait
 *   WH_REFUSED  bad id or argument; nothing was started, no record follows
 *
 * Per exchange there is at most one operation under way in each direction: start and send share one direction,
 * read_head and read_body the other. Buffer words: "copied" before the call returns; "lent" until the operation
 * is done, or its record has been fetched.
 */

#ifndef WINHTTP_UNIXLIB_H
#define WINHTTP_UNIXLIB_H

#include <stddef.h>
#include <stdint.h>

#define WH_ABI 8

#define WH_DONE    0x00000000
#define WH_PENDING 0x00000103
#define WH_REFUSED 0xc000000d

typedef uint64_t __attribute__((aligned(8))) wh_u64;  /* i386 ELF would align it to 4, everything else to 8 */
typedef wh_u64 wh_ptr;                                 /* an address of the caller, zero-extended */
typedef wh_u64 wh_id;                                  /* slot | generation << 32, 0 is none */

#define WH_LAYOUT( name, size ) _Static_assert( sizeof(struct name) == (size), "layout of " #name )

static inline wh_ptr wh_from_ptr( const void *ptr ) { return (uintptr_t)ptr; }
static inline void *wh_to_ptr( wh_ptr ptr ) { return (void *)(uintptr_t)ptr; }

#define WH_NO_LENGTH (~(uint64_t)0)                    /* a length that is not known */

/* What went wrong: the transport's name, the Win32 code, the words for a trace. */
#define WH_ERRORS(X) \
    X( OK,           0,     "no error" ) \
    X( NO_MEMORY,    8,     "out of memory" ) \
    X( UNSUPPORTED,  50,    "not supported by this build or system" ) \
    X( INVALID,      87,    "a bad argument" ) \
    X( FAULT,        998,   "the application's buffer cannot be accessed" ) \
    X( TIMEOUT,      12002, "a deadline passed" ) \
    X( INTERNAL,     12004, "an internal error" ) \
    X( NAME,         12007, "the name did not resolve" ) \
    X( CANCELLED,    12017, "the caller gave up" ) \
    X( STATE,        12019, "the exchange is not in a state for this" ) \
    X( CONNECT,      12029, "no address accepted the connection" ) \
    X( PROXY_NAME,   12007, "the proxy's name did not resolve" ) \
    X( PROXY_CONNECT, 12029, "the proxy did not accept the connection, or does not serve us; `detail` may be its reply" ) \
    X( PROXY_TIMEOUT, 12002, "a deadline passed on the way to the proxy, or while it made the tunnel" ) \
    X( PROXY_RESET,  12030, "the proxy broke the connection before the tunnel was there" ) \
    X( PROXY_TLS,    12188, "the TLS handshake with the proxy failed" ) \
    X( PROXY_CERT,   12188, "the proxy's certificate was not accepted; `detail` holds WH_CERT_* bits" ) \
    X( PROXY_CERT_NEEDED, 12187, "the proxy demands a client certificate" ) \
    X( TUNNEL,       12029, "the proxy did not grant a tunnel; `detail` is the status of its answer" ) \
    X( RESET,        12030, "the peer broke the connection, or ended it in the middle of a message" ) \
    X( STALE,        12030, "a pooled connection turned out dead before any byte of the response" ) \
    X( STREAM,       12030, "the peer reset the stream; `detail` is its error code" ) \
    X( UNPROCESSED,  12030, "the peer says that it did not process the request: it can be sent again" ) \
    X( DOWNGRADE,    12030, "the request has to go over HTTP/1.1" ) \
    X( MISMATCH,     12190, "the peer speaks none of the protocols that are allowed" ) \
    X( CODING,       12152, "the coded body is corrupt, or ends too early" ) \
    X( CERT_NEEDED,  12044, "the server demands a client certificate" ) \
    X( CERT_KEY,     12186, "the client certificate's private key cannot be used" ) \
    X( PROTOCOL,     12152, "the peer broke the protocol" ) \
    X( HEAD_SIZE,    12152, "the response head is larger than its limit" ) \
    X( CHUNK_HEADER, 12183, "a chunk header is larger than its limit" ) \
    X( DRAIN,        12184, "too much body to throw away" ) \
    X( TLS,          12175, "the TLS handshake or a record failed" ) \
    X( CERT_REFUSED, 12175, "the server did not accept the client's certificate; `detail` is its alert" ) \
    X( CERT,         12175, "the server's certificate was not accepted; `detail` holds WH_CERT_* bits" )

enum wh_error
{
#define WH_ERROR_MEMBER( name, win32, text ) WHE_##name,
    WH_ERRORS( WH_ERROR_MEMBER )
#undef WH_ERROR_MEMBER
    WHE_COUNT
};

/* 1 if it says that this proxy is of no use, whatever the server is like: time for the next one. Nothing of the request was
 * sent. A proxy that is not who it says is no reason to go another way, which may be the open one. */
static inline int wh_proxy_is_useless( uint32_t error )
{
    return error >= WHE_PROXY_NAME && error <= WHE_PROXY_RESET;
}

/* Why a certificate was not accepted (values of WINHTTP_CALLBACK_STATUS_FLAG_*). */
#define WH_CERT_REV_FAILED   0x00000001
#define WH_CERT_INVALID      0x00000002
#define WH_CERT_REVOKED      0x00000004
#define WH_CERT_UNKNOWN_CA   0x00000008
#define WH_CERT_NAME         0x00000010
#define WH_CERT_DATE         0x00000020
#define WH_CERT_USAGE        0x00000040

enum wh_call
{
    wh_call_attach,
    wh_call_detach,
    wh_call_session_open,
    wh_call_session_close,
    wh_call_creds_open,
    wh_call_creds_close,
    wh_call_exchange_start,
    wh_call_exchange_send,
    wh_call_exchange_read_head,
    wh_call_exchange_read_body,
    wh_call_exchange_resume,
    wh_call_exchange_query,
    wh_call_exchange_control,
    wh_call_exchange_cancel,
    wh_call_exchange_close,
    wh_call_pool_query,
    wh_call_domain,
    wh_call_ocsp,
    wh_call_links,
    wh_call_hash,
    wh_call_wait,
    wh_call_wake,
    wh_call_count
};

#define WH_FEATURE_H2    0x01
#define WH_FEATURE_H3    0x02
#define WH_FEATURE_TLS   0x04
#define WH_FEATURE_TUNNEL 0x08   /* all kinds of proxies, for all schemes; without it HTTP proxies for http alone */

/* Process-wide start. Call once before anything else; more calls are harmless. */
struct wh_attach_params
{
    uint32_t abi;            /* in: WH_ABI; another one is refused */
    uint32_t log_level;      /* in: bit 0 err, 1 warn, 2 trace, 3 bytes of messages */
    uint32_t features;       /* out: WH_FEATURE_* */
    uint32_t batch;          /* out: batches handed out so far, see wait */
};
WH_LAYOUT( wh_attach_params, 16 );

/* One WinHttpOpen. `partition` of its routes is the session's business (PE side). */
struct wh_session_open_params
{
    wh_id    session;        /* out */
    uint32_t max_idle_ms;    /* in: idle life of its connections, 0 = 60 s */
    uint32_t flags;          /* in: 0 */
};
WH_LAYOUT( wh_session_open_params, 16 );

/* Idle connections of the process-wide pool stay until their idle time; those of a partition, or of identities, that nobody
 * else uses are closed. */
struct wh_session_close_params
{
    wh_id    session;        /* in */
    wh_u64   partition;      /* in: of its own, 0 = none */
    wh_ptr   identities;     /* in: uint32_t[], see struct wh_route */
    uint32_t identity_count; /* in */
    uint32_t reserved;
};
WH_LAYOUT( wh_session_close_params, 32 );

#define WH_KEY_RSA_BCRYPT  1   /* BCRYPT_RSAKEY_BLOB, BCRYPT_RSAPRIVATE_MAGIC or BCRYPT_RSAFULLPRIVATE_MAGIC */
#define WH_KEY_ECC_BCRYPT  2   /* BCRYPT_ECCKEY_BLOB, private, ECDSA or ECDH, of P-256, P-384 or P-521 */
#define WH_KEY_RSA_CAPI    3   /* PRIVATEKEYBLOB */
#define WH_KEY_PKCS8       4   /* PrivateKeyInfo in DER */

/* A client certificate with its key, for wh_route.creds. Connections and sessions are shared between all creds with an
 * equal chain. CERT_KEY: the key cannot be read, or is not the first certificate's. INVALID: the chain cannot be read. */
struct wh_creds_open_params
{
    wh_id    creds;          /* out */
    wh_ptr   chain;          /* in: copied; certificates, leaf first: uint32_t length, DER bytes, each */
    wh_ptr   key;            /* in: copied */
    uint32_t chain_len;
    uint32_t key_len;
    uint32_t format;         /* in: WH_KEY_* */
    uint32_t error;          /* out: enum wh_error */
};
WH_LAYOUT( wh_creds_open_params, 40 );

struct wh_creds_close_params
{
    wh_id    creds;          /* in */
};
WH_LAYOUT( wh_creds_close_params, 8 );

#define WH_SCHEME_HTTP   1
#define WH_SCHEME_HTTPS  2

#define WH_PROXY_NONE    0
#define WH_PROXY_HTTP    1   /* plain http through it as absolute-form; https and WebSockets through CONNECT */
#define WH_PROXY_HTTPS   2   /* the same within TLS to the proxy, which is judged by the name proxy_host, here, under
                              * tls_versions and judge (also for http). No tls_flags.IGNORE excuses it; it gets no
                              * client certificate */
#define WH_PROXY_SOCKS4  3   /* 4a: the proxy resolves the name. An IPv6 literal is given to it as a name */
#define WH_PROXY_SOCKS5  4

/* route.tls_versions (values of WINHTTP_FLAG_SECURE_PROTOCOL_*) */
#define WH_TLS_SSL3      0x0020
#define WH_TLS_1_0       0x0080
#define WH_TLS_1_1       0x0200
#define WH_TLS_1_2       0x0800
#define WH_TLS_1_3       0x2000

/* route.tls_flags (IGNORE: values of SECURITY_FLAG_IGNORE_*) */
#define WH_TLS_IGNORE_UNKNOWN_CA  0x00000100
#define WH_TLS_IGNORE_USAGE       0x00000200
#define WH_TLS_IGNORE_NAME        0x00001000
#define WH_TLS_IGNORE_DATE        0x00002000
#define WH_TLS_IGNORE_WEAK_SIGNATURE 0x00010000
#define WH_TLS_IGNORE_ANY         0x00013300
#define WH_TLS_CHECK_REVOCATION   0x01000000   /* CERT_REVOKED, or CERT_REV_FAILED if it cannot be told */
#define WH_TLS_FALSE_START        0x02000000
#define WH_TLS_NO_CLIENT_CERT     0x04000000   /* without creds: also a server that asks within a session gets none */
#define WH_TLS_REVOCATION_OFFLINE_OK 0x08000000 /* for the PE side's verdict: that cannot be told is no error to it */

/* route.judge: who has the last word on the server's certificate. A session that is resumed was judged when it began. */
enum tls_judge
{
    WH_JUDGE_HERE,               /* the transport */
    WH_JUDGE_DOUBT,              /* the PE side (PAUSE_TLS), if all that speaks against it is what other stores, or other
                                  * ways to revocation data, could cure: WH_CERT_UNKNOWN_CA, WH_CERT_REV_FAILED */
    WH_JUDGE_ALWAYS,             /* the PE side, which is told what was found here */
};

#define WH_ALPN_H1       0x01
#define WH_ALPN_H2       0x02               /* alone and with WH_SCHEME_HTTP: HTTP/2 from the first byte on */

/* route.flags */
#define WH_ROUTE_TCP_FAST_OPEN    0x01
#define WH_ROUTE_IPV6_FALLBACK    0x02   /* addresses in the order of WINHTTP_OPTION_IPV6_FAST_FALLBACK */
#define WH_ROUTE_FIRST_AVAILABLE  0x04   /* a waiting exchange takes whichever connection is free first, not only the
                                          * one that is being made for it */
#define WH_ROUTE_NO_DNS_CACHE     0x08   /* resolve anew */
#define WH_ROUTE_TUNNEL           0x10   /* CONNECT for http, too; set here for WHX_WEBSOCKET through an HTTP proxy */
#define WH_ROUTE_KEY_FLAGS        (WH_ROUTE_TCP_FAST_OPEN | WH_ROUTE_TUNNEL)    /* those that separate connections */

#define WH_TAG_SIZE 16                   /* a GUID; all zero = none */

/* route.match_flags */
#define WH_MATCH_TAG              0x01   /* of those in the pool, one that carries the tag, else one without a tag */
#define WH_MATCH_REQUIRED         0x02   /* with TAG: only one that carries it, else a new connection */

/* An identity of this kind is nobody's yet: a handshake is under way on the connection. */
#define WH_IDENTITY_HANDSHAKE 0x80000000u

/* Where an exchange goes, and what its connection must be like. Part of the pool key are partition, creds, the names,
 * ports, scheme, proxy_kind, tls_*, alpn, judge*, family, if_index and WH_ROUTE_KEY_FLAGS. The limits are those that were named
 * last; the rest says how this exchange gets a connection.
 * Host names are ASCII (punycode), without brackets around an IPv6 literal. */
struct wh_route
{
    wh_u64   partition;          /* connections are shared only within one; 0 is the process-wide one */
    wh_id    creds;              /* client certificate, 0 = none */
    wh_ptr   host;               /* name for TLS and, if connect_host_len is 0, for resolving */
    wh_ptr   connect_host;       /* name or address to resolve in place of host */
    wh_ptr   proxy_host;
    wh_ptr   proxy_auth;         /* value of Proxy-Authorization for CONNECT; user:password for SOCKS, see proxy_user_len.
                                  * No part of the key: a connection that was made with it has `identity`, over HTTP/2,
                                  * too */
    uint32_t host_len;
    uint32_t connect_host_len;
    uint32_t proxy_host_len;
    uint32_t proxy_auth_len;
    uint32_t port;
    uint32_t scheme;             /* WH_SCHEME_* */
    uint32_t proxy_kind;         /* WH_PROXY_* */
    uint32_t proxy_port;
    uint32_t tls_versions;       /* WH_TLS_*, ignored for http */
    uint32_t tls_flags;          /* WH_TLS_IGNORE_* and the bits after them */
    uint32_t alpn;               /* WH_ALPN_* */
    uint32_t family;             /* 0 any, 4, 6 */
    uint32_t conn_limit;         /* connections to this route at most, 0 = no limit */
    uint32_t conn_limit_1_0;     /* the same once the server has answered with HTTP/1.0 */
    uint32_t background;         /* connections that the first exchange to this route opens in parallel, 0 = one, at
                                  * most 64 */
    uint32_t if_index;           /* index of the network interface to go out by, 0 = any */
    uint32_t connect_retries;    /* distinct addresses tried at most, 0 = all */
    uint32_t keepalive_ms;       /* TCP keep-alive: idle time, 0 = off */
    uint32_t keepalive_interval_ms;
    uint32_t flags;              /* WH_ROUTE_* */
    uint32_t match_flags;        /* WH_MATCH_* */
    uint8_t  match[WH_TAG_SIZE];
    uint32_t judge;              /* enum tls_judge; ignored where there is no TLS */
    uint32_t judge_key[2];       /* whatever else a verdict of the PE side depends on; ignored where there is no TLS */
    uint32_t h2_window;          /* HTTP/2: bytes that the peer may send on a stream unasked, 0 = as the path wants it */
    uint32_t h2_window_delta;    /* with h2_window: the window opens again in steps of this many bytes, 0 = half of it */
    uint32_t h2_keepalive_ms;    /* HTTP/2: PING after so much silence, and no idle timeout; 0 = off */
    uint32_t identity;           /* HTTP/1.1: its connection is somebody's from now on, and serves no exchange with another
                                  * identity, or with none; 0 = nobody's. A pin is kept whatever they are. With
                                  * WH_IDENTITY_HANDSHAKE it waits for the next leg for some seconds only, and makes way for
                                  * nobody meanwhile */
    wh_ptr   proxy_head;         /* more field lines for CONNECT, each ended by CRLF: User-Agent and such. INVALID: one
                                  * that is not the proxy's to see, or that the tunnel writes itself (Host) */
    uint32_t proxy_head_len;
    uint32_t proxy_user_len;     /* SOCKS: so much of proxy_auth is the user; 0 = up to its first colon */
    uint32_t tunnel_ms;          /* for the proxy to make a tunnel, from asking to its answer; 0 = as for connecting */
    uint32_t reserved;
};
WH_LAYOUT( wh_route, 200 );

/* exchange_start flags */
#define WHX_SYNC            0x0001  /* records of this exchange are fetched with wait(exchange), not with wait(0) */
#define WHX_END             0x0002  /* the message ends with the body given here */
#define WHX_FRAMED_BY_APP   0x0004  /* the body carries its own chunked framing; its last chunk ends the message */
#define WHX_PAUSE_SENDING   0x0008  /* stop before the head is written, see PAUSE_SENDING */
#define WHX_NO_REUSE        0x0010  /* close the connection when the exchange is over */
#define WHX_FRESH           0x0020  /* do not take a pooled connection */
#define WHX_HEAD            0x0040  /* the verb is HEAD: the response has no body */
#define WHX_WEBSOCKET       0x0080  /* `head` asks for a WebSocket; once that is granted (the head read says 101, also where
                                     * HTTP/2 said 200), body operations move messages: see WHX_WS_*, WHR_WS_* */
#define WHX_SOFT_TIMEOUT    0x0100  /* read_head: running out of time ends the operation, not the exchange */
#define WHX_CHUNKED         0x0200  /* with total_len unknown: the transport frames the body (chunks in HTTP/1.1), and
                                     * the message ends with WHX_END of start or send */
#define WHX_DECODE_GZIP     0x0400  /* a body under gzip is decoded: see WHR_DECODED */
#define WHX_DECODE_MORE     0x0800  /* one under br or zstd, where this build can */
#define WHX_STREAM_END      0x1000  /* HTTP/2: the body ends with its stream, not with Content-Length's last byte */
#define WHX_NO_QUEUE        0x2000  /* HTTP/2: no waiting for a stream to become free: another connection */
#define WHX_TE_OK           0x4000  /* HTTP/2: a Transfer-Encoding field in the response is no error */
#define WHX_DECODE_DEFLATE  0x8000  /* one under deflate */
#define WHX_DECODE          (WHX_DECODE_GZIP | WHX_DECODE_DEFLATE)

/* exchange_send flags of a WebSocket, beside WHX_END, which it does not know: one of the three kinds. A close frame's data
 * are the code, two bytes in network order, and the reason, or nothing. Nothing can be sent behind it. */
#define WHX_WS_TEXT         0x010000
#define WHX_WS_BINARY       0x020000
#define WHX_WS_CLOSE        0x040000
#define WHX_WS_MORE         0x080000    /* the message goes on with the next send, of the same kind */

/* Creates an exchange and sends `head` (complete, ending in an empty line) and `body`. Done or its HEAD_SENT record:
 * all of it was accepted by the kernel. With total_len known, the message ends when that many body bytes went out.
 * When the connection is there at once and a pause was asked for, the answer is WH_PENDING with `paused` set, and no
 * record is made for the pause. If it ends in an error the exchange still has to be closed. */
struct wh_exchange_start_params
{
    wh_id    exchange;       /* out: also with WH_PENDING */
    wh_id    session;        /* in */
    wh_u64   cookie;         /* in: comes back in every record */
    wh_id    pin;            /* in: send on this connection (WHQ_PIN) or fail with STALE; 0 = any */
    wh_ptr   route;          /* in: struct wh_route, copied */
    wh_ptr   head;           /* in: copied */
    wh_ptr   body;           /* lent */
    wh_u64   total_len;      /* in: whole body, WH_NO_LENGTH if unknown */
    uint32_t head_len;
    uint32_t body_len;
    uint32_t flags;          /* in: WHX_* */
    uint32_t event_mask;     /* in: 1 << WHK_* of the progress records wanted */
    uint32_t resolve_ms;     /* in: deadlines per phase, 0 = none; connect is per address */
    uint32_t connect_ms;
    uint32_t send_ms;
    uint32_t error;          /* out: enum wh_error */
    uint32_t detail;         /* out: WH_CERT_* bits with CERT, else errno or a library's code */
    uint32_t paused;         /* out: 1 if it now waits in PAUSE_SENDING */
    uint32_t reused;         /* out: 1 if it went over a pooled connection (valid when done or paused) */
    uint32_t ws_ahead;       /* in: WEBSOCKET: bytes of messages kept for a reader that is not there, 0 = 32 KiB */
    uint32_t head_limit;     /* in: bytes of all heads that may come before a read_head says how many, 0 = 256 KiB */
    uint32_t reserved;
};
WH_LAYOUT( wh_exchange_start_params, 120 );

/* Sends body bytes as they are. Done or BODY_SENT: accepted by the kernel. After the response has come whole: STATE if
 * the message was whole, too, else RESET. Bytes beyond total_len go out, and cost the connection its reuse. */
struct wh_exchange_send_params
{
    wh_id    exchange;       /* in */
    wh_ptr   data;           /* lent */
    wh_u64   sent;           /* out: bytes of `data` that went out, also with an error */
    uint32_t len;            /* in */
    uint32_t flags;          /* in: WHX_END, WHX_WS_* */
    uint32_t timeout_ms;     /* in: 0 = no limit */
    uint32_t error;          /* out */
    uint32_t detail;         /* out */
    uint32_t reserved;
};
WH_LAYOUT( wh_exchange_send_params, 48 );

/* flags of responses */
#define WHR_INTERIM         0x01  /* a 1xx head, the next read_head gives the one after it */
#define WHR_FROM_PROXY      0x02  /* head: a proxy's answer to CONNECT, which it did not grant. Start has ended as if the
                                   * request had gone out; none of it has, and what is sent from then on is thrown
                                   * away. After a 407 the exchange that is pinned to the connection asks again */
#define WHR_END             0x04  /* no body follows / the body is complete */
#define WHR_TOO_SMALL       0x08  /* read_head: `len` bytes are needed; nothing was taken, ask again */
#define WHR_CLOSE           0x10  /* the connection will not be kept */
#define WHR_REUSED          0x20  /* HEAD_SENT: went over a pooled connection */
#define WHR_DECODED         0x40  /* head: the body will be decoded; Content-Encoding and Content-Length say nothing about it */
#define WHR_H2              0x80  /* head: it came over HTTP/2 */
#define WHR_WS_TEXT         0x0100    /* WebSocket, with the bytes read: their message's kind, */
#define WHR_WS_BINARY       0x0200
#define WHR_WS_MORE         0x0400    /* and that it goes on after them */
#define WHR_WS_CLOSE        0x0800    /* the peer's close frame came in place of a message: WHQ_WS_CLOSE; nothing follows */

/* The next response head as text: status line and field lines as received, each ended by CRLF, then CRLF.
 * With size 0 it completes with TOO_SMALL as soon as a whole head is there. After the final head: STATE. */
struct wh_exchange_read_head_params
{
    wh_id    exchange;       /* in */
    wh_ptr   buffer;         /* lent */
    wh_u64   content_len;    /* out: Content-Length of the body, WH_NO_LENGTH if unknown */
    uint32_t size;           /* in */
    uint32_t limit;          /* in: bytes a head may have, 0 = 64 KiB */
    uint32_t timeout_ms;     /* in: from now to the complete head, 0 = none */
    uint32_t receive_ms;     /* in: between two arrivals of bytes, 0 = none */
    uint32_t option;         /* in: WHX_SOFT_TIMEOUT or 0 */
    uint32_t error;          /* out */
    uint32_t detail;         /* out */
    uint32_t len;            /* out: bytes of the head */
    uint32_t status;         /* out: status code */
    uint32_t flags;          /* out: WHR_* */
};
WH_LAYOUT( wh_exchange_read_head_params, 64 );

/* Body bytes. Completes with at least `min` bytes (capped by size), or at the end of the body with what there was.
 * size 0 with min 1: completes as soon as something is there; `bytes` says how much can be read without waiting,
 * not counting past the end of a chunk. 0 bytes with WHE_OK: the end, as often as asked. A WebSocket's read completes with
 * what is there of one message; `min` means nothing to it, and size 0 reads nothing but an empty message or a close. */
struct wh_exchange_read_body_params
{
    wh_id    exchange;       /* in */
    wh_ptr   buffer;         /* lent */
    wh_u64   bytes;          /* out: stored; valid with an error too (they are in the buffer) */
    uint32_t size;           /* in: up to 0x7fffffff */
    uint32_t min;            /* in: complete once this much is there, 0 = 1 */
    uint32_t timeout_ms;     /* in: between two arrivals of bytes, 0 = none */
    uint32_t error;          /* out */
    uint32_t detail;         /* out */
    uint32_t flags;          /* out: WHR_END */
};
WH_LAYOUT( wh_exchange_read_body_params, 48 );

/* Answers a pause. verdict 0 goes on; another enum wh_error fails the exchange with it. A new head may be given. If the
 * exchange was cancelled meanwhile: PENDING while the record of that is on its way, REFUSED once it was fetched. If
 * the connection died during the pause, nothing of the request was sent: another pause follows on the next connection.
 *
 * With `conn` it answers PAUSE_TLS: that connection is accepted, or its handshake fails with verdict and bits. The answer
 * is PENDING, since the start goes on and ends by a record; REFUSED if that connection waits for nobody's verdict by now,
 * or not for this exchange's. */
struct wh_exchange_resume_params
{
    wh_id    exchange;       /* in */
    wh_ptr   head;           /* in: copied; replaces the head given to start if head_len is not 0 */
    wh_id    conn;           /* in: `bytes` of the PAUSE_TLS record; 0 = PAUSE_SENDING */
    uint32_t head_len;
    uint32_t verdict;        /* in: enum wh_error */
    uint32_t bits;           /* in: with conn: WH_CERT_* */
    uint32_t error;          /* out: how the start ended, when WH_DONE */
    uint32_t detail;         /* out */
    uint32_t reserved;
};
WH_LAYOUT( wh_exchange_resume_params, 48 );

enum wh_query
{
    WHQ_CONNECTION,          /* struct wh_connection_facts */
    WHQ_TLS,                 /* struct wh_tls_facts */
    WHQ_PEER_CHAIN,          /* certificates, leaf first: uint32_t length, DER bytes, each */
    WHQ_CHANNEL_BINDING,     /* tls-server-end-point: the hash */
    WHQ_TIMES,               /* struct wh_times */
    WHQ_TRAILERS,            /* text: field lines, each ended by CRLF */
    WHQ_PIN,                 /* wh_id of the connection */
    WHQ_STATS,               /* struct wh_stats */
    WHQ_TCP,                 /* struct wh_tcp_facts */
    WHQ_TAG,                 /* WH_TAG_SIZE bytes: the tag of its connection */
    WHQ_CERT_ISSUERS,        /* names of the issuers that the server takes: uint32_t length, DER bytes, each */
    WHQ_OCSP_STAPLE,         /* the OCSP response that came with the server's certificate, DER */
    WHQ_ANCHORS,             /* of the host's trust list, those that bear the name of one of the server's certificates or
                              * of its issuer: uint32_t length, DER bytes, each */
    WHQ_PROTOCOL,            /* uint32_t: WH_ALPN_* that it is sent over */
    WHQ_STREAM_ERROR,        /* uint32_t: the code with which the peer reset its stream */
    WHQ_REFUSAL,             /* uint32_t: the status with which the proxy has refused to make a tunnel (WHR_FROM_PROXY) */
    WHQ_WS_CLOSE,            /* the peer's close frame: code, two bytes in network order (1005: there was none), and reason */
};

/* With PEER_CHAIN, OCSP_STAPLE, ANCHORS, during a PAUSE_TLS about the proxy: its, which are not told otherwise. */
#define WHQ_OF_PROXY 0x10000

#define WH_SOCKADDR_SIZE 128

struct wh_connection_facts
{
    uint8_t  local[WH_SOCKADDR_SIZE];    /* as Windows lays out SOCKADDR_STORAGE: uint16_t family (2 or 23), port... */
    uint8_t  remote[WH_SOCKADDR_SIZE];
};
WH_LAYOUT( wh_connection_facts, 256 );

struct wh_tls_facts
{
    uint32_t version;        /* WH_TLS_* */
    uint32_t cipher_alg;     /* Windows ALG_ID */
    uint32_t cipher_bits;
    uint32_t hash_alg;       /* Windows ALG_ID */
    uint32_t hash_bits;
    uint32_t kx_alg;         /* Windows ALG_ID */
    uint32_t kx_bits;
    uint32_t suite;          /* IANA number */
    uint32_t resumed;        /* 1 if an earlier session was resumed */
    uint32_t false_start;    /* 1 if it was up before the server's last message (RFC 7918) */
    char     name[64];       /* IANA name of the suite, NUL-terminated */
};
WH_LAYOUT( wh_tls_facts, 104 );

/* Microseconds of the monotonic clock, 0 = did not happen. */
struct wh_times
{
    wh_u64   started, resolve_start, resolve_end, connect_start, connect_end, tls_start, tls_end;
    wh_u64   send_start, send_head_end, send_end, receive_start, receive_head_end, receive_end;
    wh_u64   decoding;       /* not a time but a duration: spent on decoding the body */
    wh_u64   proxy_tls_start, proxy_tls_end;     /* TLS with the proxy */
    wh_u64   tunnel_start, tunnel_end;           /* CONNECT, or SOCKS */
};
WH_LAYOUT( wh_times, 144 );

struct wh_stats
{
    wh_u64   request_head, request_body, response_head, response_body;
    wh_u64   response_coded; /* as response_body, but before decoding */
    uint32_t index;          /* earlier exchanges on this connection */
    uint32_t tls_resumed;
    uint32_t connect_failures;   /* addresses that did not connect for this exchange */
    uint32_t fast_open;      /* 1 if its connection was opened with data in the SYN, which the peer took */
    uint32_t tls_false_start;
    uint32_t reserved;
};
WH_LAYOUT( wh_stats, 64 );

/* What the kernel knows of the connection's socket; fields that it does not tell are 0. */
struct wh_tcp_facts
{
    wh_u64   age_ms;             /* since it connected */
    wh_u64   bytes_out, bytes_in, bytes_retransmitted, bytes_reordered;
    uint32_t state;              /* as Windows' TCPSTATE: 4 established, ... */
    uint32_t mss, rtt_us, min_rtt_us, bytes_in_flight, cwnd, send_window, receive_window, receive_buffer;
    uint32_t fast_retransmits, duplicate_acks, timeouts, syn_retransmits, timestamps;
};
WH_LAYOUT( wh_tcp_facts, 96 );

struct wh_exchange_query_params
{
    wh_id    exchange;       /* in */
    wh_ptr   buffer;         /* copied into; may be 0 with size 0 */
    uint32_t what;           /* in: enum wh_query */
    uint32_t size;           /* in */
    uint32_t len;            /* out: bytes stored, or needed when size was too small (then error is INVALID) */
    uint32_t error;          /* out: STATE if there is no such fact (yet), INVALID if the buffer is too small */
};
WH_LAYOUT( wh_exchange_query_params, 32 );

enum wh_control
{
    WHC_EXPIRE,              /* its connection, or the one it will get, serves nobody after this exchange */
    WHC_TAG,                 /* its connection, or the one it will get, carries `tag` from now on */
    WHC_COOKIE,              /* its records carry `cookie` from now on; nothing of it is under way */
    WHC_WS_KEEPALIVE,        /* WebSocket: a ping after `number` ms of silence, 0 = none */
    WHC_WS_DISCARD,          /* WebSocket: the read under way ends with CANCELLED; messages are thrown away from now on, so
                              * that the next read brings the peer's close; its limit is for all of it */
};

struct wh_exchange_control_params
{
    wh_id    exchange;       /* in */
    uint32_t what;           /* in: enum wh_control */
    uint32_t error;          /* out: STATE if it has no connection any more */
    uint8_t  tag[WH_TAG_SIZE];   /* in */
    wh_u64   cookie;         /* in */
    uint32_t number;         /* in */
    uint32_t reserved;
};
WH_LAYOUT( wh_exchange_control_params, 48 );

/* Pending operations end with `error` (normally CANCELLED); the id stays valid, its connection is dropped. */
struct wh_exchange_cancel_params
{
    wh_id    exchange;       /* in */
    uint32_t error;          /* in: enum wh_error */
    uint32_t reserved;
};
WH_LAYOUT( wh_exchange_cancel_params, 16 );

/* Gives up the id. Operations under way end with CANCELLED first. WH_PENDING: the GONE record is the last one;
 * WH_DONE: nothing was under way. A body that was not read is drained in the background up to drain_limit bytes,
 * so that the connection can be kept; above that, or if its end is unknown, the connection is closed. */
struct wh_exchange_close_params
{
    wh_id    exchange;       /* in */
    uint32_t drain_limit;    /* in: bytes */
    uint32_t attend;         /* out: 1 if somebody has to be in the wait for it to end in time: that draining, or the end of
                              * a WebSocket */
};
WH_LAYOUT( wh_exchange_close_params, 16 );

enum wh_kind
{
    WHK_HEAD_SENT,           /* completion of start or resume */
    WHK_BODY_SENT,           /* completion of send: bytes */
    WHK_HEAD_READ,           /* completion of read_head: status, flags, bytes = len, content_len */
    WHK_BODY_READ,           /* completion of read_body: bytes, flags */
    WHK_GONE,                /* completion of close */
    WHK_RESOLVING,           /* text: host name */
    WHK_RESOLVED,            /* text: first address */
    WHK_CONNECTING,          /* text: address */
    WHK_CONNECTED,           /* text: address */
    WHK_CLOSING,             /* the connection is being closed because the request asked for it */
    WHK_CLOSED,
    WHK_PAUSE_TLS,           /* a new TLS session waits for a verdict: resume. bytes = the connection (0: it is gone, and
                              * there is nothing to answer), detail = WH_CERT_* found so far. Facts of its TLS session
                              * and its certificates can be queried. With WHR_FROM_PROXY in flags it is the session
                              * with the proxy: WHQ_OF_PROXY, and the proxy's name */
    WHK_PAUSE_SENDING,       /* connected, head not written: resume */
    WHK_COUNT
};

#define WH_RECORD_TEXT 64

struct wh_record
{
    wh_id    exchange;
    wh_u64   cookie;
    wh_u64   bytes;
    wh_u64   content_len;
    wh_u64   time_us;        /* monotonic clock */
    uint32_t kind;           /* enum wh_kind */
    uint32_t error;          /* enum wh_error */
    uint32_t detail;
    uint32_t flags;          /* WHR_* */
    uint32_t status;
    uint32_t reserved;
    char     text[WH_RECORD_TEXT];   /* NUL-terminated; a longer name is cut short */
};
WH_LAYOUT( wh_record, 128 );

/* The pool as it is: open connections counted by host and tag. Routes that differ in something else (an address family,
 * say) make entries of their own: whoever wants sums adds them up. */
struct wh_pool_entry
{
    char     host[256];          /* NUL-terminated, without brackets */
    uint32_t port;
    uint32_t scheme;             /* WH_SCHEME_* */
    uint32_t tls_flags;          /* WH_TLS_IGNORE_* that its connections were accepted with */
    uint32_t count;
    uint8_t  tag[WH_TAG_SIZE];
};
WH_LAYOUT( wh_pool_entry, 288 );

struct wh_pool_query_params
{
    wh_u64   partition;      /* in */
    wh_ptr   entries;        /* out: struct wh_pool_entry[] */
    uint32_t capacity;       /* in */
    uint32_t count;          /* out: how many there are; more than capacity: ask again */
};
WH_LAYOUT( wh_pool_query_params, 24 );

enum wh_domain
{
    WHD_TO_ASCII,            /* UTF-8 name -> its ASCII form (IDNA 2008, UTS 46 non-transitional) */
    WHD_PUBLIC_SUFFIX,       /* `result` = 1 if the ASCII name is a public suffix */
};

struct wh_domain_params
{
    wh_ptr   name;           /* in */
    wh_ptr   ascii;          /* out: not terminated */
    uint32_t name_len;
    uint32_t size;           /* in: of ascii */
    uint32_t what;           /* in: enum wh_domain */
    uint32_t len;            /* out */
    uint32_t result;         /* out */
    uint32_t error;          /* out: INVALID if it is no name, UNSUPPORTED if this system has no list */
};
WH_LAYOUT( wh_domain_params, 40 );

/* Without a response: makes the OCSP request (DER) that asks about a certificate. With one: what it says. */
struct wh_ocsp_params
{
    wh_ptr   chain;          /* in: the certificate, then its issuer: uint32_t length, DER bytes, each */
    wh_ptr   response;       /* in: 0 = make a request */
    wh_ptr   request;        /* out */
    wh_u64   until;          /* out, of a response: when there will be a newer one, seconds since 1970; 0 = it does not say */
    uint32_t chain_len;
    uint32_t response_len;
    uint32_t request_size;   /* in */
    uint32_t request_len;    /* out */
    uint32_t bits;           /* out, of a response: 0, WH_CERT_REVOKED, WH_CERT_REV_FAILED (it cannot be relied upon) */
    uint32_t error;          /* out: INVALID if the certificates cannot be read, or the request does not fit */
};
WH_LAYOUT( wh_ocsp_params, 56 );

/* What the links of a chain are worth that the PE side has found: signatures, dates, purposes, constraints, strength. Whether
 * its end is trusted, and whether the first certificate has the right name, is not looked at. */
struct wh_links_params
{
    wh_ptr   chain;          /* in: each certificate before its issuer: uint32_t length, DER bytes, each */
    uint32_t chain_len;
    uint32_t tls_flags;      /* in: WH_TLS_IGNORE_* */
    uint32_t bits;           /* out: WH_CERT_* */
    uint32_t error;          /* out: WHE_OK, also with bits; INVALID if the list is broken; NO_MEMORY */
};
WH_LAYOUT( wh_links_params, 24 );

#define WH_HASH_MD5     0    /* 16 bytes */
#define WH_HASH_SHA256  1    /* 32 bytes */
#define WH_HASH_SHA512_256 2 /* 32 bytes */

struct wh_hash_params
{
    wh_ptr   data;           /* in */
    wh_ptr   result;         /* out */
    uint32_t len;
    uint32_t what;           /* in: WH_HASH_* */
    uint32_t error;          /* out: UNSUPPORTED where this system forbids it */
    uint32_t reserved;
};
WH_LAYOUT( wh_hash_params, 32 );

/* Drives the engine until there are records, the time is over, or a wake. For a WHX_SYNC exchange one thread waits at a
 * time; after a close the id stays good for this until the records of its operations were fetched. */
struct wh_wait_params
{
    wh_id    exchange;       /* in: a WHX_SYNC exchange, or 0 for all the others */
    wh_ptr   records;        /* out: struct wh_record[] */
    uint32_t capacity;       /* in: at least 1 */
    uint32_t timeout_ms;     /* in: ~0u = no limit */
    uint32_t count;          /* out: records stored; 0 after a wake or a time-out */
    uint32_t waiting;        /* out: other threads in wait(0) right now */
    uint32_t backlog;        /* out: asynchronous records left behind */
    uint32_t batch;          /* out: with wait(0) and count > 0, the number of this batch. Records of one exchange may be
                              * in the batches of two threads: whoever keeps the batches in order keeps them in order */
};
WH_LAYOUT( wh_wait_params, 40 );

/* Makes up to `count` threads in wait(0) return. */
struct wh_wake_params
{
    uint32_t count;          /* in */
    uint32_t reserved;
};
WH_LAYOUT( wh_wake_params, 8 );

#endif /* WINHTTP_UNIXLIB_H */
