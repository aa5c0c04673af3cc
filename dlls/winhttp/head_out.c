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

#include "head_out.h"
#include "jar.h"
#include "option.h"

#define NAME( text ) text, ARRAYSIZE( text ) - 1

/*--- automatic fields ----------------------------------------------------------------------------------------------*/

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

static DWORD add_connection( struct request *request )
{
    struct headers *list = &request->headers;
    DWORD err;

    if (!(request->options.disabled & WINHTTP_DISABLE_KEEP_ALIVE))
        err = add_if_absent( list, NAME( L"Connection" ), NAME( L"Keep-Alive" ) );
    else if (!headers_have_token( list, NAME( L"Connection" ), NAME( L"close" ) ))
    {
        while (headers_find( list, NAME( L"Connection" ), 0 ))
            headers_remove( list, headers_find( list, NAME( L"Connection" ), 0 ) - list->fields );
        err = add_automatic( list, NAME( L"Connection" ), NAME( L"close" ) );
    }
    else err = ERROR_SUCCESS;
    request->no_reuse = headers_have_token( list, NAME( L"Connection" ), NAME( L"close" ) );
    return err;
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

/*--- the head ------------------------------------------------------------------------------------------------------*/

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

char *head_make( struct request *request, char *stack, DWORD size, DWORD *len )
{
    char *head = stack;

    if (head_strip( request )) return NULL;
    if (add_connection( request ) || add_agent( request ) || add_framing( request ) || add_host( request ) ||
        add_cookies( request ))
        return NULL;
    request->headers_edited = FALSE;
    *len = headers_serialise( &request->headers, request->line, request->line_cch, stack, size );
    if (*len > size)
    {
        if (!(head = malloc( *len ))) return NULL;
        headers_serialise( &request->headers, request->line, request->line_cch, head, *len );
    }
    return head;
}
