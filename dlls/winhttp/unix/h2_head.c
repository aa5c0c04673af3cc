#if 0
#pragma makedep unix
#endif

/*
 * HTTP/2 heads: from the text of a request to fields, from the fields of a response to text
 *
 * The text of a request is the PE side's, so its lines are whole; what it must not hold is checked all the same, since
 * nghttp2 does not look at what a client sends. A field of a response is checked before a byte of it is stored.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "h2_head.h"
#include "hooks.h"

#define TEXT_FIRST 512     /* most heads are smaller */

/* ---- requests ---- */

struct line
{
    const char *name, *value;
    size_t      name_len, value_len;
};

static int is_blank( char c )
{
    return c == ' ' || c == '\t';
}

/* The field line at *pos, without blanks around its value; moves *pos behind it. 0 at the empty line, and where no line
 * follows that has a colon. */
static int next_line( const char **pos, const char *end, struct line *line )
{
    const char *lf = memchr( *pos, '\n', end - *pos ), *colon, *stop;

    if (!lf) return 0;
    stop = lf > *pos && lf[-1] == '\r' ? lf - 1 : lf;
    if (!(colon = memchr( *pos, ':', stop - *pos ))) return 0;
    line->name = *pos;
    line->name_len = colon - *pos;
    line->value = colon + 1;
    while (line->value < stop && is_blank( *line->value )) line->value++;
    while (stop > line->value && is_blank( stop[-1] )) stop--;
    line->value_len = stop - line->value;
    *pos = lf + 1;
    return 1;
}

static int name_is( const char *name, size_t len, const char *small )
{
    return strlen( small ) == len && !strncasecmp( name, small, len );
}

/* Where the fields begin; NULL if there is no request line. */
static const char *fields_begin( const char *head, size_t len )
{
    const char *lf = memchr( head, '\n', len );

    return lf ? lf + 1 : NULL;
}

const char *h2_request_value( const char *head, size_t len, const char *name, size_t *value_len )
{
    const char *pos = fields_begin( head, len );
    struct line line;

    while (pos && next_line( &pos, head + len, &line ))
        if (name_is( line.name, line.name_len, name ))
        {
            *value_len = line.value_len;
            return line.value;
        }
    return NULL;
}

size_t h2_request_room( const char *head, size_t len )
{
    const char *pos, *end = head + len;
    size_t count = H2_REQUEST_EXTRA;

    for (pos = head; (pos = memchr( pos, '\n', end - pos )); pos++) count++;
    return count;
}

/* One item of a list with commas. */
static int next_item( const char **pos, const char *end, const char **item, size_t *len )
{
    const char *comma, *stop;

    if (*pos >= end) return 0;
    comma = memchr( *pos, ',', end - *pos );
    stop = comma ? comma : end;
    for (*item = *pos; *item < stop && is_blank( **item ); ++*item) ;
    *pos = stop + 1;
    while (stop > *item && is_blank( stop[-1] )) stop--;
    *len = stop - *item;
    return 1;
}

/* 1 if a Connection field names this one; without a name, if one names anything but what is dropped anyway: mostly none
 * does, and then nobody has to look again for each field. */
static int named_by_connection( const char *fields, const char *end, const char *name, size_t name_len )
{
    const char *pos, *item;
    struct line line;
    size_t len;

    while (next_line( &fields, end, &line ))
    {
        if (!name_is( line.name, line.name_len, "connection" )) continue;
        for (pos = line.value; next_item( &pos, line.value + line.value_len, &item, &len ); )
        {
            if (name && len == name_len && !strncasecmp( item, name, len )) return 1;
            if (!name && !name_is( item, len, "close" ) && !name_is( item, len, "keep-alive" ) &&
                !name_is( item, len, "upgrade" )) return 1;
        }
    }
    return 0;
}

/* Fields of RFC 9113 section 8.2.2, and those that pseudo-fields, or the handshake of RFC 8441, replace. */
static int is_dropped( const struct line *line, int websocket )
{
    static const char *const dropped[] =
    {
        "connection", "host", "http2-settings", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"
    };
    size_t i;

    for (i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
        if (name_is( line->name, line->name_len, dropped[i] )) return 1;
    if (name_is( line->name, line->name_len, "te" )) return !name_is( line->value, line->value_len, "trailers" );
    return websocket && name_is( line->name, line->name_len, "sec-websocket-key" );
}

/* They are not to be found out by guessing them into the compression table, nor kept by those in between. */
static int is_secret( const char *name, size_t len )
{
    static const char *const secrets[] = { "authorization", "cookie", "proxy-authorization", "set-cookie" };
    size_t i;

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) if (name_is( name, len, secrets[i] )) return 1;
    return 0;
}

static void put( nghttp2_nv *field, const char *name, size_t name_len, const char *value, size_t value_len )
{
    field->name = (uint8_t *)name;
    field->namelen = name_len;
    field->value = (uint8_t *)value;
    field->valuelen = value_len;
    field->flags = is_secret( name, name_len ) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
}

static int put_pseudo( nghttp2_nv *field, const char *name, const char *value, size_t value_len )
{
    put( field, name, strlen( name ), value, value_len );
    return value_len && nghttp2_check_header_value( (const uint8_t *)value, value_len );
}

/* Any token, whatever its letters; nghttp2 knows the small ones only. */
static int put_line( nghttp2_nv *field, const struct line *line, char *name )
{
    size_t i;

    for (i = 0; i < line->name_len; i++)
        name[i] = line->name[i] >= 'A' && line->name[i] <= 'Z' ? line->name[i] - 'A' + 'a' : line->name[i];
    put( field, name, line->name_len, line->value, line->value_len );
    return line->name_len && nghttp2_check_header_name( (const uint8_t *)name, line->name_len ) &&
           nghttp2_check_header_value( (const uint8_t *)line->value, line->value_len );
}

size_t h2_request_fields( const char *head, size_t len, const char *scheme, int websocket, nghttp2_nv *fields,
                          char *names )
{
    const char *end = head + len, *lines = fields_begin( head, len ), *method_end, *target, *target_end, *host, *pos;
    size_t count = 0, host_len;
    struct line line;
    int named;

    if (!lines || !(method_end = memchr( head, ' ', lines - head ))) return 0;
    target = method_end + 1;
    if (!(target_end = memchr( target, ' ', lines - target ))) return 0;
    if (!(host = h2_request_value( head, len, "host", &host_len ))) return 0;

    if (websocket)
    {
        put( &fields[count++], ":method", 7, "CONNECT", 7 );
        put( &fields[count++], ":protocol", 9, "websocket", 9 );
    }
    else if (!put_pseudo( &fields[count++], ":method", head, method_end - head )) return 0;
    put_pseudo( &fields[count++], ":scheme", scheme, strlen( scheme ) );
    if (!put_pseudo( &fields[count++], ":authority", host, host_len )) return 0;
    if (!put_pseudo( &fields[count++], ":path", target, target_end - target )) return 0;

    named = named_by_connection( lines, end, NULL, 0 );
    for (pos = lines; next_line( &pos, end, &line ); )
    {
        if (is_dropped( &line, websocket )) continue;
        if (named && named_by_connection( lines, end, line.name, line.name_len )) continue;
        if (!put_line( &fields[count++], &line, names )) return 0;
        names += line.name_len;
    }
    return count;
}

/* ---- responses ---- */

/* RFC 9110 section 15, and what is registered beside it. */
static const struct { unsigned int status; const char *reason; } reasons[] =
{
    { 100, "Continue" },                      { 101, "Switching Protocols" },          { 102, "Processing" },
    { 103, "Early Hints" },
    { 200, "OK" },                            { 201, "Created" },                      { 202, "Accepted" },
    { 203, "Non-Authoritative Information" }, { 204, "No Content" },                   { 205, "Reset Content" },
    { 206, "Partial Content" },               { 207, "Multi-Status" },                 { 208, "Already Reported" },
    { 226, "IM Used" },
    { 300, "Multiple Choices" },              { 301, "Moved Permanently" },            { 302, "Found" },
    { 303, "See Other" },                     { 304, "Not Modified" },                 { 305, "Use Proxy" },
    { 307, "Temporary Redirect" },            { 308, "Permanent Redirect" },
    { 400, "Bad Request" },                   { 401, "Unauthorized" },                 { 402, "Payment Required" },
    { 403, "Forbidden" },                     { 404, "Not Found" },                    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },                { 407, "Proxy Authentication Required" }, { 408, "Request Timeout" },
    { 409, "Conflict" },                      { 410, "Gone" },                         { 411, "Length Required" },
    { 412, "Precondition Failed" },           { 413, "Content Too Large" },            { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },        { 416, "Range Not Satisfiable" },        { 417, "Expectation Failed" },
    { 421, "Misdirected Request" },           { 422, "Unprocessable Content" },        { 423, "Locked" },
    { 424, "Failed Dependency" },             { 425, "Too Early" },                    { 426, "Upgrade Required" },
    { 428, "Precondition Required" },         { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" }, { 451, "Unavailable For Legal Reasons" },
    { 500, "Internal Server Error" },         { 501, "Not Implemented" },              { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },           { 504, "Gateway Timeout" },              { 505, "HTTP Version Not Supported" },
    { 506, "Variant Also Negotiates" },       { 507, "Insufficient Storage" },         { 508, "Loop Detected" },
    { 510, "Not Extended" },                  { 511, "Network Authentication Required" },
};

const char *h2_reason( unsigned int status )
{
    size_t i;

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) if (reasons[i].status == status) return reasons[i].reason;
    return "";
}

void h2_block_begin( struct h2_block *block, int trailers, int te_ok, size_t limit )
{
    memset( block, 0, sizeof(*block) );
    block->trailers = trailers;
    block->te_ok = te_ok;
    block->limit = limit;
}

void h2_block_free( struct h2_block *block )
{
    wh_free( block->text );
    block->text = NULL;
    block->len = block->size = 0;
}

/* Room for so much more text. */
static enum h2_block_result make_room( struct h2_block *block, size_t more )
{
    size_t size = block->size ? block->size : TEXT_FIRST;
    char *text;

    if (more > block->limit || block->len > block->limit - more) return H2_BLOCK_LARGE;
    if (block->len + more <= block->size) return H2_BLOCK_OK;
    while (size < block->len + more) size *= 2;
    if (!(text = wh_realloc( block->text, size ))) return H2_BLOCK_NO_MEMORY;
    block->text = text;
    block->size = size;
    return H2_BLOCK_OK;
}

static void add( struct h2_block *block, const char *bytes, size_t len )
{
    if (len) memcpy( block->text + block->len, bytes, len );
    block->len += len;
}

/* The status line, which stands in for :status. */
static enum h2_block_result begin_text( struct h2_block *block )
{
    char line[256];
    enum h2_block_result result;
    int len;

    if (block->accept && block->status == 200)
    {
        block->status = 101;
        len = snprintf( line, sizeof(line), "HTTP/1.1 101 %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n", h2_reason( 101 ), block->accept );
    }
    else len = snprintf( line, sizeof(line), "HTTP/1.1 %u %s\r\n", block->status, h2_reason( block->status ) );
    if ((result = make_room( block, len ))) return result;
    add( block, line, len );
    return H2_BLOCK_OK;
}

/* The one pseudo-field of a response. A status of 101 has no meaning here (RFC 9113 section 8.6). */
static enum h2_block_result status_field( struct h2_block *block, const char *name, size_t name_len,
                                          const char *value, size_t value_len )
{
    size_t i;

    if (block->trailers || block->regular || block->status || name_len != 7 || memcmp( name, ":status", 7 ) ||
        value_len != 3) return H2_BLOCK_BAD;
    for (i = 0; i < 3; i++)
    {
        if (value[i] < '0' || value[i] > '9') return H2_BLOCK_BAD;
        block->status = block->status * 10 + (value[i] - '0');
    }
    if (block->status < 100 || block->status == 101) return H2_BLOCK_BAD;
    return begin_text( block );
}

/* RFC 9113 section 8.2.2: fields that belong to a connection of HTTP/1.1. */
static int is_connection_field( const struct h2_block *block, const char *name, size_t len )
{
    static const char *const fields[] = { "connection", "keep-alive", "proxy-connection", "upgrade", "te" };
    size_t i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (len == strlen( fields[i] ) && !memcmp( name, fields[i], len )) return 1;
    return !block->te_ok && len == 17 && !memcmp( name, "transfer-encoding", 17 );
}

enum h2_block_result h2_block_field( struct h2_block *block, const char *name, size_t name_len,
                                     const char *value, size_t value_len )
{
    enum h2_block_result result;

    if (!nghttp2_check_header_value( (const uint8_t *)value, value_len )) return H2_BLOCK_BAD;
    if (name_len && name[0] == ':') return status_field( block, name, name_len, value, value_len );
    if (!nghttp2_check_header_name( (const uint8_t *)name, name_len ) || is_connection_field( block, name, name_len ))
        return H2_BLOCK_BAD;
    if (!block->trailers && !block->status) return H2_BLOCK_BAD;
    block->regular = 1;
    if (name_len > block->limit || value_len > block->limit) return H2_BLOCK_LARGE;
    if ((result = make_room( block, name_len + 2 + value_len + 2 ))) return result;
    add( block, name, name_len );
    add( block, ": ", 2 );
    add( block, value, value_len );
    add( block, "\r\n", 2 );
    return H2_BLOCK_OK;
}

enum h2_block_result h2_block_end( struct h2_block *block )
{
    enum h2_block_result result;

    if (block->trailers) return H2_BLOCK_OK;
    if (!block->status) return H2_BLOCK_BAD;
    if ((result = make_room( block, 2 ))) return result;
    add( block, "\r\n", 2 );
    return H2_BLOCK_OK;
}
