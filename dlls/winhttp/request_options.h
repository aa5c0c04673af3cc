/*
 * What options say about a request
 *
 * The session holds one as the defaults of its requests; WinHttpOpenRequest copies it whole, so no option can miss its
 * inheritance. Which of the fields can be set on a session is the business of the tables in option_session.c and
 * option_request.c; those for requests only stay as session_open has made them. Fields that say "kept" have no machinery
 * behind them yet, or never (README, "Options without effect").
 *
 * The application may set any of them at any time; single words are read without a lock, when a leg of the request
 * starts or when the thing they govern happens. What is owned (texts, proxy, certificate) is guarded by option_text_lock.
 */

#ifndef WINHTTP_REQUEST_OPTIONS_H
#define WINHTTP_REQUEST_OPTIONS_H

#include <stdint.h>

#define TIMEOUT_UNSET 0xffffffff

struct timeouts            /* milliseconds as the options hold them: 0 and 0xffffffff are no limit */
{
    DWORD resolve, connect, send, receive;
    DWORD response;        /* TIMEOUT_UNSET: the default limit */
};

/* As the Unix side takes them: 0 is no limit. */
static inline uint32_t timeout_ms( DWORD option ) { return option == TIMEOUT_UNSET ? 0 : option; }

struct option_text
{
    WCHAR *text;           /* NULL = never set, or set to nothing */
    DWORD  cch;
};

struct proxy_choice;       /* proxy.h */

struct request_options
{
    /* of sessions and requests */
    struct timeouts      timeouts;
    DWORD                connect_retries;
    DWORD                redirect_policy;
    DWORD                max_redirects;
    DWORD                max_continue;
    DWORD                max_head;
    DWORD                max_drain;
    struct proxy_choice *proxy;                   /* counted; never NULL */
    BOOL                 encode_extra;
    DWORD                http_protocols;          /* WINHTTP_PROTOCOL_FLAG_* */
    BOOL                 protocol_required;
    DWORD                decompression;           /* WINHTTP_DECOMPRESSION_FLAG_* */
    BOOL                 global_creds;            /* USE_GLOBAL_SERVER_CREDENTIALS */
    BOOL                 connect_response;        /* a proxy's refusal of CONNECT can be read as the response */
    DWORD                ws_receive_buffer, ws_send_buffer;
    DWORD                priority_hint;           /* kept */
    BOOL                 no_stream_queue;
    BOOL                 require_stream_end;
    BOOL                 h2_transfer_encoding;    /* a response over HTTP/2 may have the field */
    WINHTTP_HTTP2_RECEIVE_WINDOW h2_window;       /* 0 = the protocol's own choice */
    DWORD                h3_handshake_ms, h3_initial_rtt_ms;    /* kept; 0 = the protocol's own choice */
    DWORD                chain_flags;             /* WINHTTP_SERVER_CERT_CHAIN_* */
    BOOL                 chain_cache_only;
    BOOL                 revert_impersonation;
    DWORD                dscp;

    /* of requests only */
    DWORD                security_flags;          /* SECURITY_FLAG_IGNORE_* */
    DWORD                disabled;                /* WINHTTP_DISABLE_* */
    DWORD                enabled;                 /* WINHTTP_ENABLE_* */
    BOOL                 reject_userpwd;          /* refuse URLs with user information */
    BOOL                 revocation_offline_ok;
    DWORD                autologon;               /* with the next three: authentication */
    DWORD                spn;
    struct option_text   user, password, proxy_user, proxy_password;
    struct option_text   server_spn, proxy_spn;   /* what authentication has used */
    const void          *client_cert;             /* CERT_CONTEXT, ours; see client_cert.h, as the next two */
    uint64_t             client_creds;            /* the transport's, 0 = not asked for yet */
    BOOL                 no_client_cert;          /* the program has said that there shall be none */
    BOOL                 upgrade;                 /* to a WebSocket */
    DWORD                ws_close_ms;
    DWORD                if_index;
    char                *resolve_host;            /* to be resolved in place of the server's name, ASCII; NULL = none */
    WINHTTP_MATCH_CONNECTION_GUID match;          /* with has_match */
    BOOL                 has_match;
    GUID                 tag;                     /* for the connections it gets, with has_tag */
    BOOL                 has_tag;
    DWORD                read_buffer, write_buffer, priority, unsafe_parsing;    /* kept, without effect */
    struct option_text   annotation;
    GUID                 error_log;
};

/* Copies all of `from` into `to`, which is all zero; takes a reference on the proxy. Of the texts and the certificate
 * there is nothing to copy: a session has none. */
void request_options_copy( struct request_options *to, const struct request_options *from );
void request_options_free( struct request_options *options );

#endif /* WINHTTP_REQUEST_OPTIONS_H */
