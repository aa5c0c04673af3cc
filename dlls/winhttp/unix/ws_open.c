#if 0
#pragma makedep unix
#endif

/*
 * The opening handshake of a WebSocket: the server's answer against what the program has asked for
 *
 * Both heads are text that head.c or a program has formed into lines; here only the handshake's own fields are looked at.
 * Anything that two readers could understand in two ways is refused. Source: RFC 6455 sections 4.1 and 4.2.2.
 */

#include <string.h>
#include <strings.h>

#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>

#include "hooks.h"
#include "log.h"
#include "ws_internal.h"

#define KEY_MAX   256      /* 24 characters is what RFC 6455 wants; longer ones are hashed all the same */
#define SHA1_SIZE 20

static const char accept_suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

int ws_accept_key( const char *key, size_t len, char accept[WS_ACCEPT_SIZE] )
{
    char text[KEY_MAX + sizeof(accept_suffix)];
    uint8_t hash[SHA1_SIZE];
    gnutls_datum_t data = { hash, sizeof(hash) }, base64;

    if (len > KEY_MAX) return -1;
    memcpy( text, key, len );
    memcpy( text + len, accept_suffix, sizeof(accept_suffix) );
    if (gnutls_hash_fast( GNUTLS_DIG_SHA1, text, len + sizeof(accept_suffix) - 1, hash ) < 0) return -1;
    if (gnutls_base64_encode2( &data, &base64 ) < 0) return -1;
    memcpy( accept, base64.data, WS_ACCEPT_SIZE - 1 );
    accept[WS_ACCEPT_SIZE - 1] = 0;
    gnutls_free( base64.data );
    return 0;
}

/* A head's fields, and the items of their lists. */

struct span
{
    const char *text;
    size_t      len;
};

static int is_blank( char c )
{
    return c == ' ' || c == '\t';
}

static struct span span_trim( const char *text, const char *end )
{
    struct span span;

    while (text < end && is_blank( *text )) text++;
    while (end > text && is_blank( end[-1] )) end--;
    span.text = text;
    span.len = end - text;
    return span;
}

static int span_equal( struct span a, struct span b )
{
    return a.len == b.len && !memcmp( a.text, b.text, a.len );
}

static int span_is( struct span span, const char *word )
{
    return span.len == strlen( word ) && !strncasecmp( span.text, word, span.len );
}

/* The next field of that name from *position (0: the first line behind the start line) on. 1: *value is it. */
static int next_field( struct span head, size_t *position, const char *name, struct span *value )
{
    const char *line, *end = head.text + head.len, *lf, *line_end, *colon;

    for (;;)
    {
        if (!*position)
        {
            if (!(lf = memchr( head.text, '\n', head.len ))) return 0;
            *position = lf + 1 - head.text;
        }
        line = head.text + *position;
        if (line == end || !(lf = memchr( line, '\n', end - line ))) return 0;
        *position = lf + 1 - head.text;
        line_end = lf > line && lf[-1] == '\r' ? lf - 1 : lf;
        if (line_end == line) return 0;
        if (!(colon = memchr( line, ':', line_end - line ))) continue;
        if (!span_is( span_trim( line, colon ), name )) continue;
        *value = span_trim( colon + 1, line_end );
        return 1;
    }
}

/* The one field of that name. 1, 0: there is none, -1: there are several. */
static int only_field( struct span head, const char *name, struct span *value )
{
    size_t position = 0;
    struct span other;

    if (!next_field( head, &position, name, value )) return 0;
    return next_field( head, &position, name, &other ) ? -1 : 1;
}

/* The items of all the fields of one name; begun with head and name. */
struct list
{
    struct span head;
    const char *name;
    size_t      position;
    struct span rest;          /* of the present field */
    int         inside;
};

/* The next item that is not empty; commas in quoted strings separate nothing. 1: *item is it. */
static int next_item( struct list *list, struct span *item )
{
    const char *p, *end;
    int quoted;

    for (;;)
    {
        if (!list->inside && !next_field( list->head, &list->position, list->name, &list->rest )) return 0;
        list->inside = 1;
        end = list->rest.text + list->rest.len;
        for (p = list->rest.text, quoted = 0; p < end && (quoted || *p != ','); p++)
        {
            if (quoted && *p == '\\' && p + 1 < end) p++;
            else if (*p == '"') quoted = !quoted;
        }
        *item = span_trim( list->rest.text, p );
        if (p == end) list->inside = 0;
        else
        {
            list->rest.text = p + 1;
            list->rest.len = end - (p + 1);
        }
        if (item->len) return 1;
    }
}

/* A folded line could hide from one reader what another one sees. */
static int is_folded( struct span head )
{
    size_t i;

    for (i = 0; i + 1 < head.len; i++) if (head.text[i] == '\n' && is_blank( head.text[i + 1] )) return 1;
    return 0;
}

/* The checks: each returns what is wrong, or NULL. */

struct handshake
{
    struct span request, answer;
    struct ws_deflate_params deflate;     /* agreed */
};

static const char *check_upgrade( struct handshake *handshake )
{
    struct span value;

    if (only_field( handshake->answer, "Upgrade", &value ) != 1 || !span_is( value, "websocket" ))
        return "Upgrade is not websocket";
    return NULL;
}

static const char *check_connection( struct handshake *handshake )
{
    struct list list = { .head = handshake->answer, .name = "Connection" };
    struct span item;

    while (next_item( &list, &item )) if (span_is( item, "Upgrade" )) return NULL;
    return "Connection does not say Upgrade";
}

static const char *check_accept( struct handshake *handshake )
{
    char accept[WS_ACCEPT_SIZE];
    struct span key, value;

    if (only_field( handshake->request, "Sec-WebSocket-Key", &key ) != 1 || ws_accept_key( key.text, key.len, accept ))
        return "there was no usable Sec-WebSocket-Key";
    if (only_field( handshake->answer, "Sec-WebSocket-Accept", &value ) != 1 || value.len != WS_ACCEPT_SIZE - 1 ||
        memcmp( value.text, accept, value.len ))
        return "Sec-WebSocket-Accept does not belong to the key";
    return NULL;
}

/* None is a choice that the server has, even if there was an offer; what it chooses must have been offered. */
static const char *check_protocol( struct handshake *handshake )
{
    struct list offers = { .head = handshake->request, .name = "Sec-WebSocket-Protocol" };
    struct span value, offer;
    int count = only_field( handshake->answer, "Sec-WebSocket-Protocol", &value );

    if (!count) return NULL;
    while (count == 1 && next_item( &offers, &offer )) if (span_equal( offer, value )) return NULL;
    return "that Sec-WebSocket-Protocol was not offered";
}

static struct span extension_name( struct span item )
{
    const char *semicolon = memchr( item.text, ';', item.len );

    return span_trim( item.text, semicolon ? semicolon : item.text + item.len );
}

static int extension_offered( struct handshake *handshake, struct span answer, const struct ws_deflate_params *params )
{
    struct list offers = { .head = handshake->request, .name = "Sec-WebSocket-Extensions" };
    struct ws_deflate_params offer_params;
    struct span offer;

    while (next_item( &offers, &offer ))
    {
        if (params->present)
        {
            if (ws_deflate_parse( &offer_params, offer.text, offer.len ) == 1 &&
                ws_deflate_answers( &offer_params, params )) return 1;
        }
        else if (span_equal( extension_name( offer ), extension_name( answer ) )) return 1;
    }
    return 0;
}

/* An extension that is not known here may be agreed upon by the program and its server; if it changes frames, these will not
 * pass. */
static const char *check_extensions( struct handshake *handshake )
{
    struct list list = { .head = handshake->answer, .name = "Sec-WebSocket-Extensions" };
    struct ws_deflate_params params;
    struct span item;

    while (next_item( &list, &item ))
    {
        if (ws_deflate_parse( &params, item.text, item.len ) < 0) return "bad parameters of permessage-deflate";
        if (params.present && handshake->deflate.present) return "permessage-deflate is there twice";
        if (!extension_offered( handshake, item, &params )) return "that Sec-WebSocket-Extensions was not offered";
        if (params.present) handshake->deflate = params;
    }
    return NULL;
}

static const char *(*const checks[])( struct handshake *handshake ) =
{
    check_upgrade, check_connection, check_accept, check_protocol, check_extensions
};

enum wh_error ws_open( struct exchange *exchange, const char *answer, size_t len )
{
    struct handshake handshake = { .request = { exchange->head, exchange->stats.request_head }, .answer = { answer, len } };
    const char *wrong = is_folded( handshake.answer ) ? "a folded line" : NULL;
    unsigned int i;
    struct ws *ws;

    for (i = 0; i < sizeof(checks) / sizeof(checks[0]) && !wrong; i++) wrong = checks[i]( &handshake );
    if (wrong)
    {
        LOG( LOG_WARN, "exchange " OBJECT_FMT ": no WebSocket: %s", OBJECT_ARG( &exchange->obj ), wrong );
        return WHE_PROTOCOL;
    }
    if (!(ws = wh_calloc( 1, sizeof(*ws) ))) return WHE_NO_MEMORY;
    ws->obj = &exchange->obj;
    ws->codec.params = handshake.deflate;
    ws->receiver.ahead = exchange->ws_ahead;
    ws->receiver.look_at = ws->keepalive_at = TIMER_NEVER;
    __atomic_store_n( &exchange->ws, ws, __ATOMIC_RELEASE );
    LOG( LOG_TRACE, "exchange " OBJECT_FMT ": WebSocket%s", OBJECT_ARG( &exchange->obj ),
         handshake.deflate.present ? ", permessage-deflate" : "" );
    return WHE_OK;
}
