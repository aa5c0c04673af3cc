/*
 * The head that goes out: what a leg adds to the headers of the application
 *
 * Source: headers.md section 6, windows-behaviour.md HA-20, HA-24 to HA-29, CO-4, CO-6.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#include <ntsecapi.h>

#include "auth_basic.h"
#include "auth_head.h"
#include "head_out.h"
#include "jar.h"
#include "option.h"

#define NAME( text ) text, ARRAYSIZE( text ) - 1

/*--- automatic fields ----------------------------------------------------------------------------------------------*/

/* It may be an answer to a challenge. The text is the list's own, but for a repeated block it is in no other. */
static void wipe_value( const struct field *field )
{
    auth_zero( (void *)field->value, field->value_cch * sizeof(WCHAR) );
    if (field->bytes) auth_zero( (void *)field->bytes, field->bytes_len );
}

DWORD head_strip( struct request *request )
{
    struct headers *list = &request->headers;
    struct text_part own = { 0 };
    struct field *field;
    DWORD i, flags;

    for (i = list->count; i--;)
    {
        field = &list->fields[i];
        if (!(field->flags & FIELD_AUTOMATIC)) continue;
        if (!field->own_cch)
        {
            wipe_value( field );
            headers_remove( list, i );
            continue;
        }
        if (headers_reserve( list, 0, headers_line_cch( field ) )) return ERROR_NOT_ENOUGH_MEMORY;
        field    = &list->fields[i];
        flags    = field->flags & ~FIELD_AUTOMATIC;
        own.text = field->value;
        own.cch  = field->own_cch;
        headers_set( list, i, field->name, field->name_cch, &own, 1 );
        list->fields[i].flags = flags;
    }
    return ERROR_SUCCESS;
}

static DWORD add_automatic( struct headers *list, const WCHAR *name, DWORD name_cch, const WCHAR *value,
                            DWORD value_cch )
{
    DWORD err;

    if (!(err = headers_add_field( list, name, name_cch, value, value_cch, WINHTTP_ADDREQ_FLAG_ADD )))
        list->fields[list->count - 1].flags = FIELD_AUTOMATIC;
    return err;
}

static DWORD add_if_absent( struct headers *list, const WCHAR *name, DWORD name_cch, const WCHAR *value, DWORD value_cch )
{
    if (headers_find( list, name, name_cch, 0 )) return ERROR_SUCCESS;
    return add_automatic( list, name, name_cch, value, value_cch );
}

static DWORD format_number( UINT64 number, WCHAR *end )
{
    WCHAR *p = end;

    do *--p = '0' + number % 10; while (number /= 10);
    return end - p;
}

/* 16 random bytes in base64, RFC 6455 section 4.1. */
#define KEY_BYTES 16
#define KEY_CCH   24

static BOOL make_key( WCHAR key[KEY_CCH] )
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    BYTE bytes[KEY_BYTES + 2] = { 0 };
    unsigned int i, bits;

    if (!RtlGenRandom( bytes, KEY_BYTES )) return FALSE;
    for (i = 0; i < KEY_CCH; i++)
    {
        bits = bytes[i * 6 / 8] << 8 | bytes[i * 6 / 8 + 1];
        key[i] = i * 6 < KEY_BYTES * 8 ? digits[bits >> (10 - i * 6 % 8) & 63] : '=';
    }
    return TRUE;
}

/* What asks for a WebSocket. Fields of these names that the application has added itself give way: there is one key and one
 * version. Which protocols and extensions are offered is its business. */
static DWORD add_upgrade( struct request *request )
{
    struct headers *list = &request->headers;
    WCHAR key[KEY_CCH];
    DWORD err;

    if (!make_key( key )) return ERROR_NOT_ENOUGH_MEMORY;
    if (!headers_have_token( list, NAME( L"Connection" ), NAME( L"Upgrade" ) )) headers_remove_all( list, NAME( L"Connection" ) );
    headers_remove_all( list, NAME( L"Upgrade" ) );
    headers_remove_all( list, NAME( L"Sec-WebSocket-Key" ) );
    headers_remove_all( list, NAME( L"Sec-WebSocket-Version" ) );
    if ((err = add_if_absent( list, NAME( L"Connection" ), NAME( L"Upgrade" ) )) ||
        (err = add_automatic( list, NAME( L"Upgrade" ), NAME( L"websocket" ) )) ||
        (err = add_automatic( list, NAME( L"Sec-WebSocket-Key" ), key, KEY_CCH )))
        return err;
    return add_automatic( list, NAME( L"Sec-WebSocket-Version" ), NAME( L"13" ) );
}

static DWORD add_connection( struct request *request )
{
    struct headers *list = &request->headers;
    DWORD err;

    if (request->websocket)
    {
        request->no_reuse = FALSE;
        return add_upgrade( request );
    }
    /* A proxy gets the field that was made for proxies of HTTP/1.0; Connection is the program's then. */
    if (!(request->options.disabled & WINHTTP_DISABLE_KEEP_ALIVE) && proxy_plan_is_absolute( request ))
        err = headers_find( list, NAME( L"Connection" ), 0 ) ? ERROR_SUCCESS :
              add_if_absent( list, NAME( L"Proxy-Connection" ), NAME( L"Keep-Alive" ) );
    else if (!(request->options.disabled & WINHTTP_DISABLE_KEEP_ALIVE))
        err = add_if_absent( list, NAME( L"Connection" ), NAME( L"Keep-Alive" ) );
    else if (!headers_have_token( list, NAME( L"Connection" ), NAME( L"close" ) ))
    {
        headers_remove_all( list, NAME( L"Connection" ) );
        err = add_automatic( list, NAME( L"Connection" ), NAME( L"close" ) );
    }
    else err = ERROR_SUCCESS;
    request->no_reuse = headers_have_token( list, NAME( L"Connection" ), NAME( L"close" ) ) ||
                        (proxy_plan_hop( request ) && headers_have_token( list, NAME( L"Proxy-Connection" ), NAME( L"close" ) ));
    return err;
}

/* An item of Accept-Encoding, with or without a weight. */
static BOOL names_coding( const struct headers *list, const WCHAR *coding, DWORD cch )
{
    const struct field *field;
    const WCHAR *item, *end, *p;
    DWORD i;

    for (i = 0; (field = headers_find( list, NAME( L"Accept-Encoding" ), i )); i++)
    {
        end = field->value + field->value_cch;
        for (item = field->value; item < end; item = p + 1)
        {
            while (item < end && (*item == ' ' || *item == '\t')) item++;
            for (p = item; p < end && *p != ',' && *p != ';' && *p != ' ' && *p != '\t'; p++) ;
            if ((DWORD)(p - item) == cch && !_wcsnicmp( item, coding, cch )) return TRUE;
            while (p < end && *p != ',') p++;
        }
    }
    return FALSE;
}

uint32_t head_codings( const struct request *request )
{
    DWORD flags = request->options.decompression;
    uint32_t codings = 0;

    if (flags & WINHTTP_DECOMPRESSION_FLAG_GZIP) codings |= WHX_DECODE_GZIP;
    if (flags & WINHTTP_DECOMPRESSION_FLAG_DEFLATE) codings |= WHX_DECODE_DEFLATE;
    if (codings && (names_coding( &request->headers, NAME( L"br" ) ) || names_coding( &request->headers, NAME( L"zstd" ) )) &&
        session_decodes_more( request->session ))
        codings |= WHX_DECODE_MORE;
    return codings;
}

/* What the program has of it is replaced: what comes back under another coding would not be decoded. With DECODE_MORE it
 * is the program that says what is to be decoded. */
static DWORD add_codings( struct request *request )
{
    struct headers *list = &request->headers;

    if (!(request->codings & WHX_DECODE)) return ERROR_SUCCESS;
    if ((request->codings & WHX_DECODE_MORE) && headers_find( list, NAME( L"Accept-Encoding" ), 0 )) return ERROR_SUCCESS;
    headers_remove_all( list, NAME( L"Accept-Encoding" ) );
    switch (request->codings & WHX_DECODE)
    {
    case WHX_DECODE_GZIP:    return add_automatic( list, NAME( L"Accept-Encoding" ), NAME( L"gzip" ) );
    case WHX_DECODE_DEFLATE: return add_automatic( list, NAME( L"Accept-Encoding" ), NAME( L"deflate" ) );
    default:                 return add_automatic( list, NAME( L"Accept-Encoding" ), NAME( L"gzip, deflate" ) );
    }
}

static DWORD add_agent( struct request *request )
{
    const struct option_text *agent = &request->session->agent;
    DWORD err = ERROR_SUCCESS;

    AcquireSRWLockShared( &option_text_lock );
    if (agent->text) err = add_if_absent( &request->headers, NAME( L"User-Agent" ), agent->text, agent->cch );
    ReleaseSRWLockShared( &option_text_lock );
    return err;
}

static BOOL same_length( const struct field *field, const WCHAR *number, DWORD cch )
{
    return field->value_cch == cch && !memcmp( field->value, number, cch * sizeof(WCHAR) );
}

/* Bodies that are known to be empty are announced only where a body would be expected, HA-24. A callback can have added
 * framing of its own after the message was measured. It goes out as the program wants it, but where the two disagree a
 * server may take what is left over for another request: none follows on that connection. */
static DWORD add_framing( struct request *request )
{
    struct headers *list = &request->headers;
    const struct field *length = headers_find( list, NAME( L"Content-Length" ), 0 );
    BOOL chunked = headers_have_token( list, NAME( L"Transfer-Encoding" ), NAME( L"chunked" ) );
    WCHAR number[20];
    DWORD cch;

    if (request->chunked || request->total == WH_NO_LENGTH)
    {
        if (length) request->no_reuse = TRUE;
        if (chunked || !request->chunked) return ERROR_SUCCESS;
        return add_automatic( list, NAME( L"Transfer-Encoding" ), NAME( L"chunked" ) );
    }
    cch = format_number( request->total, number + ARRAYSIZE( number ) );
    if (chunked || (length && !same_length( length, number + ARRAYSIZE( number ) - cch, cch ))) request->no_reuse = TRUE;
    if (chunked || length) return ERROR_SUCCESS;
    if (!request->total && wcscmp( request->verb, L"POST" ) && wcscmp( request->verb, L"PUT" )) return ERROR_SUCCESS;
    return add_automatic( list, NAME( L"Content-Length" ), number + ARRAYSIZE( number ) - cch, cch );
}

static DWORD add_host( struct request *request )
{
    const struct endpoint *endpoint = request->endpoint;
    INTERNET_PORT normal = request->secure ? INTERNET_DEFAULT_HTTPS_PORT : INTERNET_DEFAULT_HTTP_PORT;
    WCHAR value[sizeof(endpoint->ascii) + 10], number[8];
    DWORD cch = endpoint->host_cch, count;

    if (request->port == normal) return add_if_absent( &request->headers, NAME( L"Host" ), endpoint->host, cch );
    memcpy( value, endpoint->host, cch * sizeof(WCHAR) );
    value[cch++] = ':';
    count = format_number( request->port, number + ARRAYSIZE( number ) );
    memcpy( value + cch, number + ARRAYSIZE( number ) - count, count * sizeof(WCHAR) );
    return add_if_absent( &request->headers, NAME( L"Host" ), value, cch + count );
}

/* What is stored goes behind the application's own text, in its first Cookie header. */
static DWORD merge_cookies( struct headers *list, const WCHAR *stored, DWORD stored_cch )
{
    const struct field *own = headers_find( list, NAME( L"Cookie" ), 0 );
    DWORD err, index, flags, own_cch;

    if (!own) return add_automatic( list, NAME( L"Cookie" ), stored, stored_cch );
    index   = own - list->fields;
    flags   = own->flags;
    own_cch = own->value_cch;
    err = headers_add_field( list, NAME( L"Cookie" ), stored, stored_cch,
                             own_cch ? WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON : WINHTTP_ADDREQ_FLAG_REPLACE );
    if (err) return err;
    list->fields[index].own_cch = own_cch;
    list->fields[index].flags   = flags | FIELD_AUTOMATIC;
    return ERROR_SUCCESS;
}

static DWORD add_cookies( struct request *request )
{
    struct headers *list = &request->headers;
    const struct field *field;
    WCHAR *stored;
    DWORD cch, i, err = ERROR_SUCCESS;

    if (!(request->options.disabled & WINHTTP_DISABLE_COOKIES))
    {
        if ((err = jar_get( request, &stored, &cch ))) return err;
        if (stored) err = merge_cookies( list, stored, cch );
        free( stored );
    }
    for (i = 0; (field = headers_find( list, NAME( L"Cookie" ), i )); i++)
        list->fields[field - list->fields].flags |= FIELD_SENT;
    return err;
}

/* What answers a challenge, or goes ahead of one, takes the place of a field that the program has added. */
static DWORD add_auth( struct request *request, DWORD target, const WCHAR *name, DWORD name_cch )
{
    struct field field = { .name = name, .name_cch = name_cch };
    char *value = auth_field( request, target );
    DWORD err = ERROR_NOT_ENOUGH_MEMORY, len;
    WCHAR *text;

    if (!value) return ERROR_SUCCESS;
    len = strlen( value );
    if ((text = malloc( (len + 1) * sizeof(WCHAR) )))
    {
        field.value     = text;
        field.value_cch = header_text_widen( value, len, text, len );
        for (field.bytes_len = 0; field.bytes_len < len && !(value[field.bytes_len] & 0x80); field.bytes_len++) ;
        field.bytes     = field.bytes_len == len ? NULL : value;
        field.bytes_len = field.bytes ? len : 0;
        headers_remove_all( &request->headers, name, name_cch );
        if (!(err = headers_add_fields( &request->headers, &field, 1, WINHTTP_ADDREQ_FLAG_ADD )))
            request->headers.fields[request->headers.count - 1].flags = FIELD_AUTOMATIC;
        SecureZeroMemory( text, len * sizeof(WCHAR) );
    }
    free( text );
    auth_wipe( value, len );
    return err;
}

static DWORD add_auths( struct request *request )
{
    DWORD err;

    if (!request->auth) return ERROR_SUCCESS;
    if ((err = add_auth( request, WINHTTP_AUTH_TARGET_SERVER, NAME( L"Authorization" ) ))) return err;
    return add_auth( request, WINHTTP_AUTH_TARGET_PROXY, NAME( L"Proxy-Authorization" ) );
}

/* What the program has added for the proxy itself goes with CONNECT, where there is one, and not to the server. A proxy that
 * reads the request, and a server that is reached without one, get what the program wrote. */
static void hold_for_proxy( struct request *request )
{
    struct headers *list = &request->headers;
    const struct field *field;
    DWORD i;

    for (i = 0; (field = headers_find( list, NAME( L"Proxy-Authorization" ), i )); i++)
    {
        if (proxy_plan_is_tunnel( request )) list->fields[field - list->fields].flags |= FIELD_HELD;
        else list->fields[field - list->fields].flags &= ~FIELD_HELD;
    }
}

/*--- the head ------------------------------------------------------------------------------------------------------*/

/* The first line: a proxy that reads the request wants the whole URL. *heap is to be freed. NULL without memory. */
static const WCHAR *make_line( const struct request *request, WCHAR **heap, DWORD *cch )
{
    WCHAR *url;
    DWORD size;

    *heap = NULL;
    *cch  = request->line_cch;
    if (!proxy_plan_is_absolute( request )) return request->line;
    if (!(url = request_url( request, &size ))) return NULL;
    size += wcslen( request->verb ) + wcslen( request->version ) + 3;
    if ((*heap = malloc( size * sizeof(WCHAR) )))
        *cch = swprintf( *heap, size, L"%ls %ls %ls", request->verb, url, request->version );
    free( url );
    return *heap;
}

void head_forget_cookies( struct request *request )
{
    struct headers *list = &request->headers;
    const struct field *field;
    DWORD i = 0;

    while ((field = headers_find( list, NAME( L"Cookie" ), i )))
    {
        if (field->flags & FIELD_SENT) headers_remove( list, field - list->fields );
        else i++;
    }
}

void head_wipe( char *head, char *stack, DWORD len )
{
    if (head) auth_zero( head, len );
    if (head != stack) free( head );
}

char *head_make( struct request *request, char *stack, DWORD size, DWORD *len )
{
    char *head = stack;
    const WCHAR *line;
    WCHAR *heap;
    DWORD cch;

    if (head_strip( request )) return NULL;
    if (add_connection( request ) || add_codings( request ) || add_agent( request ) || add_framing( request ) || add_host( request ) ||
        add_auths( request ) || add_cookies( request ))
        return NULL;
    if (!(line = make_line( request, &heap, &cch ))) return NULL;
    hold_for_proxy( request );
    request->headers_edited = FALSE;
    *len = headers_serialise( &request->headers, line, cch, stack, size );
    if (*len > size)
    {
        auth_zero( stack, size );
        if ((head = malloc( *len ))) headers_serialise( &request->headers, line, cch, head, *len );
    }
    free( heap );
    return head;
}
