/*
 * WinHttpQueryHeaders(Ex): the attribute table and the forms of an answer
 *
 * An attribute is a header name or one of a few things that are no headers. Sizes of text and raw blocks come from the
 * list's running totals, so nothing is scanned to learn that a buffer is too small.
 * Spec: windows-behaviour, headers.md sections 1 to 3.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winhttp.h>
#endif

#include "header_query.h"
#include "http_time.h"

#define QUERY_MODIFIERS 0xff000000
#define QUERY_BINARY    (WINHTTP_QUERY_FLAG_NUMBER | WINHTTP_QUERY_FLAG_NUMBER64 | WINHTTP_QUERY_FLAG_SYSTEMTIME)

/* The wide member of WINHTTP_EXTENDED_HEADER and its narrow one share their place, as in WINHTTP_HEADER_NAME. */
struct extended_header { const void *name, *value; };

enum attribute_kind
{
    ATTR_NONE, ATTR_HEADER, ATTR_VERSION, ATTR_CODE, ATTR_TEXT, ATTR_METHOD, ATTR_RAW, ATTR_RAW_CRLF
};

static const struct attribute
{
    const WCHAR        *name;
    DWORD               name_cch;
    enum attribute_kind kind;
}
attributes[WINHTTP_QUERY_MAX + 1] =      /* the numbers without a row are known and never found */
{
#define HEADER( name ) { L##name, sizeof(name) - 1, ATTR_HEADER }
    [WINHTTP_QUERY_MIME_VERSION]              = HEADER( "Mime-Version" ),
    [WINHTTP_QUERY_CONTENT_TYPE]              = HEADER( "Content-Type" ),
    [WINHTTP_QUERY_CONTENT_TRANSFER_ENCODING] = HEADER( "Content-Transfer-Encoding" ),
    [WINHTTP_QUERY_CONTENT_ID]                = HEADER( "Content-Id" ),
    [WINHTTP_QUERY_CONTENT_DESCRIPTION]       = HEADER( "Content-Description" ),
    [WINHTTP_QUERY_CONTENT_LENGTH]            = HEADER( "Content-Length" ),
    [WINHTTP_QUERY_CONTENT_LANGUAGE]          = HEADER( "Content-Language" ),
    [WINHTTP_QUERY_ALLOW]                     = HEADER( "Allow" ),
    [WINHTTP_QUERY_PUBLIC]                    = HEADER( "Public" ),
    [WINHTTP_QUERY_DATE]                      = HEADER( "Date" ),
    [WINHTTP_QUERY_EXPIRES]                   = HEADER( "Expires" ),
    [WINHTTP_QUERY_LAST_MODIFIED]             = HEADER( "Last-Modified" ),
    [WINHTTP_QUERY_MESSAGE_ID]                = HEADER( "Message-Id" ),
    [WINHTTP_QUERY_URI]                       = HEADER( "URI" ),
    [WINHTTP_QUERY_DERIVED_FROM]              = HEADER( "Derived-From" ),
    [WINHTTP_QUERY_COST]                      = HEADER( "Cost" ),
    [WINHTTP_QUERY_LINK]                      = HEADER( "Link" ),
    [WINHTTP_QUERY_PRAGMA]                    = HEADER( "Pragma" ),
    [WINHTTP_QUERY_VERSION]                   = { NULL, 0, ATTR_VERSION },
    [WINHTTP_QUERY_STATUS_CODE]               = { NULL, 0, ATTR_CODE },
    [WINHTTP_QUERY_STATUS_TEXT]               = { NULL, 0, ATTR_TEXT },
    [WINHTTP_QUERY_RAW_HEADERS]               = { NULL, 0, ATTR_RAW },
    [WINHTTP_QUERY_RAW_HEADERS_CRLF]          = { NULL, 0, ATTR_RAW_CRLF },
    [WINHTTP_QUERY_CONNECTION]                = HEADER( "Connection" ),
    [WINHTTP_QUERY_ACCEPT]                    = HEADER( "Accept" ),
    [WINHTTP_QUERY_ACCEPT_CHARSET]            = HEADER( "Accept-Charset" ),
    [WINHTTP_QUERY_ACCEPT_ENCODING]           = HEADER( "Accept-Encoding" ),
    [WINHTTP_QUERY_ACCEPT_LANGUAGE]           = HEADER( "Accept-Language" ),
    [WINHTTP_QUERY_AUTHORIZATION]             = HEADER( "Authorization" ),
    [WINHTTP_QUERY_CONTENT_ENCODING]          = HEADER( "Content-Encoding" ),
    [WINHTTP_QUERY_FORWARDED]                 = HEADER( "Forwarded" ),
    [WINHTTP_QUERY_FROM]                      = HEADER( "From" ),
    [WINHTTP_QUERY_IF_MODIFIED_SINCE]         = HEADER( "If-Modified-Since" ),
    [WINHTTP_QUERY_LOCATION]                  = HEADER( "Location" ),
    [WINHTTP_QUERY_ORIG_URI]                  = HEADER( "Orig-Uri" ),
    [WINHTTP_QUERY_REFERER]                   = HEADER( "Referer" ),
    [WINHTTP_QUERY_RETRY_AFTER]               = HEADER( "Retry-After" ),
    [WINHTTP_QUERY_SERVER]                    = HEADER( "Server" ),
    [WINHTTP_QUERY_TITLE]                     = HEADER( "Title" ),
    [WINHTTP_QUERY_USER_AGENT]                = HEADER( "User-Agent" ),
    [WINHTTP_QUERY_WWW_AUTHENTICATE]          = HEADER( "WWW-Authenticate" ),
    [WINHTTP_QUERY_PROXY_AUTHENTICATE]        = HEADER( "Proxy-Authenticate" ),
    [WINHTTP_QUERY_ACCEPT_RANGES]             = HEADER( "Accept-Ranges" ),
    [WINHTTP_QUERY_SET_COOKIE]                = HEADER( "Set-Cookie" ),
    [WINHTTP_QUERY_COOKIE]                    = HEADER( "Cookie" ),
    [WINHTTP_QUERY_REQUEST_METHOD]            = { NULL, 0, ATTR_METHOD },
    [WINHTTP_QUERY_REFRESH]                   = HEADER( "Refresh" ),
    [WINHTTP_QUERY_CONTENT_DISPOSITION]       = HEADER( "Content-Disposition" ),
    [WINHTTP_QUERY_AGE]                       = HEADER( "Age" ),
    [WINHTTP_QUERY_CACHE_CONTROL]             = HEADER( "Cache-Control" ),
    [WINHTTP_QUERY_CONTENT_BASE]              = HEADER( "Content-Base" ),
    [WINHTTP_QUERY_CONTENT_LOCATION]          = HEADER( "Content-Location" ),
    [WINHTTP_QUERY_CONTENT_MD5]               = HEADER( "Content-MD5" ),
    [WINHTTP_QUERY_CONTENT_RANGE]             = HEADER( "Content-Range" ),
    [WINHTTP_QUERY_ETAG]                      = HEADER( "ETag" ),
    [WINHTTP_QUERY_HOST]                      = HEADER( "Host" ),
    [WINHTTP_QUERY_IF_MATCH]                  = HEADER( "If-Match" ),
    [WINHTTP_QUERY_IF_NONE_MATCH]             = HEADER( "If-None-Match" ),
    [WINHTTP_QUERY_IF_RANGE]                  = HEADER( "If-Range" ),
    [WINHTTP_QUERY_IF_UNMODIFIED_SINCE]       = HEADER( "If-Unmodified-Since" ),
    [WINHTTP_QUERY_MAX_FORWARDS]              = HEADER( "Max-Forwards" ),
    [WINHTTP_QUERY_PROXY_AUTHORIZATION]       = HEADER( "Proxy-Authorization" ),
    [WINHTTP_QUERY_RANGE]                     = HEADER( "Range" ),
    [WINHTTP_QUERY_TRANSFER_ENCODING]         = HEADER( "Transfer-Encoding" ),
    [WINHTTP_QUERY_UPGRADE]                   = HEADER( "Upgrade" ),
    [WINHTTP_QUERY_VARY]                      = HEADER( "Vary" ),
    [WINHTTP_QUERY_VIA]                       = HEADER( "Via" ),
    [WINHTTP_QUERY_WARNING]                   = HEADER( "Warning" ),
    [WINHTTP_QUERY_EXPECT]                    = HEADER( "Expect" ),
    [WINHTTP_QUERY_PROXY_CONNECTION]          = HEADER( "Proxy-Connection" ),
    [WINHTTP_QUERY_UNLESS_MODIFIED_SINCE]     = HEADER( "Unless-Modified-Since" ),
    [WINHTTP_QUERY_PROXY_SUPPORT]             = HEADER( "Proxy-Support" ),
    [WINHTTP_QUERY_AUTHENTICATION_INFO]       = HEADER( "Authentication-Info" ),
    [WINHTTP_QUERY_PASSPORT_URLS]             = HEADER( "PassportURLs" ),
    [WINHTTP_QUERY_PASSPORT_CONFIG]           = HEADER( "PassportConfig" ),
#undef HEADER
};

/* The attribute of a level, CUSTOM with the name it asks for; FALSE for an argument that is wrong. */
static BOOL find_attribute( DWORD level, const WCHAR *name, struct attribute *attribute )
{
    DWORD number = level & ~QUERY_MODIFIERS;

    if (number <= WINHTTP_QUERY_MAX) *attribute = attributes[number];
    else
    {
        if (number != WINHTTP_QUERY_CUSTOM || !name) return FALSE;
        attribute->name = name;
        attribute->name_cch = wcslen( name );
        attribute->kind = ATTR_HEADER;
    }
    return TRUE;
}

struct text { const WCHAR *text; DWORD cch; const char *bytes; DWORD len; };     /* bytes as in struct field */

static BOOL set_text( struct text *text, const WCHAR *str, DWORD cch )
{
    text->text = str;
    text->cch = cch;
    text->bytes = NULL;
    text->len = 0;
    return str != NULL;
}

static BOOL set_value( struct text *text, const struct field *field )
{
    set_text( text, field->value, field->value_cch );
    text->bytes = field->bytes;
    text->len = field->bytes_len;
    return TRUE;
}

static void set_reason( struct text *text, const struct status_line *line )
{
    set_text( text, line->reason, line->reason_cch );
    text->bytes = line->reason_bytes;
    text->len = line->reason_len;
}

static BOOL find_text( const struct header_source *source, const struct attribute *attribute, DWORD index,
                       struct text *text )
{
    const struct status_line *line = source->is_request ? NULL : source->line;
    const struct field *field;

    switch (attribute->kind)
    {
    case ATTR_HEADER:
        if (!(field = headers_find( source->list, attribute->name, attribute->name_cch, index ))) return FALSE;
        return set_value( text, field );
    case ATTR_VERSION:
        if (line) return set_text( text, line->version, line->version_cch );
        if (!source->is_request || !source->version) return FALSE;
        return set_text( text, source->version, wcslen( source->version ) );
    case ATTR_CODE:
        return line && set_text( text, line->code, line->code_cch );
    case ATTR_TEXT:
        if (line) set_reason( text, line );
        return line != NULL;
    case ATTR_METHOD:
        return source->verb && set_text( text, source->verb, wcslen( source->verb ) );
    default:
        return FALSE;
    }
}

/* Fixed-size answers. */
static DWORD give_binary( const void *value, DWORD value_size, void *buffer, DWORD *size )
{
    DWORD room = *size;

    *size = value_size;
    if (!buffer || room < value_size) return ERROR_INSUFFICIENT_BUFFER;
    memcpy( buffer, value, value_size );
    return 0;
}

/* Leading digits count, no digits are 0 (a choice; Windows was not measured). A number that does not fit fails, where
 * cutting it would make a program believe a short length. */
static BOOL read_number( const struct text *text, ULONGLONG max, ULONGLONG *number )
{
    DWORD i;

    *number = 0;
    for (i = 0; i < text->cch && text->text[i] >= '0' && text->text[i] <= '9'; i++)
    {
        if (*number > (max - (text->text[i] - '0')) / 10) return FALSE;
        *number = *number * 10 + (text->text[i] - '0');
    }
    return TRUE;
}

static DWORD give_number( const struct text *text, void *buffer, DWORD *size )
{
    ULONGLONG number;
    DWORD value;

    if (!read_number( text, ~(DWORD)0, &number )) return ERROR_WINHTTP_INVALID_QUERY_REQUEST;
    value = number;
    return give_binary( &value, sizeof(value), buffer, size );
}

static DWORD give_number64( const struct text *text, void *buffer, DWORD *size )
{
    ULONGLONG number;

    if (!read_number( text, ~(ULONGLONG)0, &number )) return ERROR_WINHTTP_INVALID_QUERY_REQUEST;
    return give_binary( &number, sizeof(number), buffer, size );
}

/* A value that is no date: the header is there, its content is not what was asked for (a choice). */
static DWORD give_time( const struct text *text, void *buffer, DWORD *size )
{
    SYSTEMTIME time;

    if (!time_parse( &time, text->text, text->cch )) return ERROR_INVALID_DATA;
    return give_binary( &time, sizeof(time), buffer, size );
}

static DWORD give_text( const struct text *text, void *buffer, DWORD *size )
{
    static const WCHAR nul;
    DWORD len = text->cch * sizeof(WCHAR);

    if (!buffer || *size < len + sizeof(WCHAR))
    {
        *size = len + sizeof(WCHAR);
        return ERROR_INSUFFICIENT_BUFFER;
    }
    memcpy( buffer, text->text, len );
    memcpy( (char *)buffer + len, &nul, sizeof(nul) );
    *size = len;
    return 0;
}

/* The bytes as they came, or those that the text would be sent as. As header_text_narrow. */
static DWORD text_bytes( const struct text *text, char *bytes, DWORD size )
{
    if (!text->bytes) return header_text_narrow( text->text, text->cch, bytes, size );
    if (bytes && text->len <= size) memcpy( bytes, text->bytes, text->len );
    return text->len;
}

/* A terminator of one byte is wanted and not counted: a choice that clients agree with which cut at the length. */
static DWORD give_wire_text( const struct text *text, void *buffer, DWORD *size )
{
    DWORD len = text_bytes( text, NULL, 0 );

    if (!buffer || *size <= len)
    {
        *size = len + 1;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    text_bytes( text, buffer, len );
    ((char *)buffer)[len] = 0;
    *size = len;
    return 0;
}

/* The first line of a raw block: up to three words. A trailer section has none. */
static DWORD first_line( const struct header_source *source, struct text *words )
{
    const struct status_line *line = source->line;
    DWORD count = 0;

    if (source->is_request)
    {
        set_text( &words[count++], source->verb, wcslen( source->verb ) );
        set_text( &words[count++], source->target, wcslen( source->target ) );
        set_text( &words[count++], source->version, wcslen( source->version ) );
    }
    else if (line)
    {
        set_text( &words[count++], line->version, line->version_cch );
        set_text( &words[count++], line->code, line->code_cch );
        if (line->reason_cch) set_reason( &words[count++], line );
    }
    return count;
}

static WCHAR *put_text( WCHAR *dst, const WCHAR *text, DWORD cch )
{
    if (cch) memcpy( dst, text, cch * sizeof(WCHAR) );
    return dst + cch;
}

static WCHAR *put_line_end( WCHAR *dst, BOOL crlf )
{
    *dst++ = crlf ? '\r' : 0;
    if (crlf) *dst++ = '\n';
    return dst;
}

static WCHAR *put_words( WCHAR *dst, const struct text *words, DWORD count )
{
    DWORD i;

    for (i = 0; i < count; i++)
    {
        if (i) *dst++ = ' ';
        dst = put_text( dst, words[i].text, words[i].cch );
    }
    return dst;
}

static WCHAR *put_fields( WCHAR *dst, const struct headers *list, BOOL crlf )
{
    const struct field *field;
    const WCHAR *run;
    DWORD index = 0, run_cch;

    if (!crlf)
    {
        for (; index < list->count; index++)
        {
            field = &list->fields[index];
            dst = put_text( dst, field->name, headers_line_cch( field ) - 2 );
            *dst++ = 0;
        }
    }
    else while (index < list->count)
    {
        run = headers_run( list, &index, &run_cch );
        dst = put_text( dst, run, run_cch );
    }
    return dst;
}

/* Length of a raw block without the terminator: the last NUL of RAW_HEADERS is that terminator. */
static DWORD raw_length( const struct header_source *source, const struct text *words, DWORD count, BOOL crlf )
{
    DWORD i, cch = source->list->text_cch - (crlf ? 0 : source->list->count);

    for (i = 0; i < count; i++) cch += words[i].cch + (i != 0);
    if (count) cch += crlf ? 2 : 1;
    return cch + (crlf ? 2 : 0);
}

static void put_raw( const struct header_source *source, const struct text *words, DWORD count, BOOL crlf, WCHAR *dst )
{
    if (count) dst = put_line_end( put_words( dst, words, count ), crlf );
    dst = put_fields( dst, source->list, crlf );
    if (crlf) dst = put_line_end( dst, crlf );
    *dst = 0;
}

/* A raw block as bytes: with dst NULL only its length. */
static ULONGLONG put_wire_raw( const struct header_source *source, const struct text *words, DWORD count, BOOL crlf,
                               char *dst )
{
    DWORD i, len;
    ULONGLONG pos = 0;

    for (i = 0; i < count; i++)
    {
        if (dst && i) dst[pos] = ' ';
        pos += i != 0;
        len = text_bytes( &words[i], NULL, 0 );
        if (dst) text_bytes( &words[i], dst + pos, len );
        pos += len;
    }
    if (dst && count && crlf) memcpy( dst + pos, "\r\n", 2 );
    else if (dst && count) dst[pos] = 0;
    if (count) pos += crlf ? 2 : 1;
    for (i = 0; i < source->list->count; i++)
    {
        len = header_line_bytes( &source->list->fields[i], NULL, 0 );
        if (dst) header_line_bytes( &source->list->fields[i], dst + pos, len );
        pos += len;
        if (crlf) continue;
        pos--;                                   /* one NUL in the place of the two */
        if (dst) dst[pos - 1] = 0;
    }
    if (dst && crlf) memcpy( dst + pos, "\r\n", 2 );
    return pos + (crlf ? 2 : 0);
}

static DWORD give_wire_raw( const struct header_source *source, const struct text *words, DWORD count, BOOL crlf,
                            void *buffer, DWORD *size )
{
    ULONGLONG len = put_wire_raw( source, words, count, crlf, NULL );

    if (len >= ~(DWORD)0) return ERROR_NOT_ENOUGH_MEMORY;
    if (!buffer || *size <= len)
    {
        *size = len + 1;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    put_wire_raw( source, words, count, crlf, buffer );
    ((char *)buffer)[len] = 0;
    *size = len;
    return 0;
}

static DWORD give_raw( const struct header_source *source, DWORD level, BOOL crlf, void *buffer, DWORD *size )
{
    struct text words[3], raw;
    DWORD count = first_line( source, words ), err;
    WCHAR *text;

    if (!count && !source->list->count) return ERROR_WINHTTP_HEADER_NOT_FOUND;
    if (level & WINHTTP_QUERY_FLAG_WIRE_ENCODING) return give_wire_raw( source, words, count, crlf, buffer, size );

    set_text( &raw, NULL, raw_length( source, words, count, crlf ) );
    if (!buffer || *size / sizeof(WCHAR) <= raw.cch) return give_text( &raw, NULL, size );
    if (!((ULONG_PTR)buffer & 1))
    {
        put_raw( source, words, count, crlf, buffer );
        *size = raw.cch * sizeof(WCHAR);
        return 0;
    }
    if (!(text = malloc( (raw.cch + 1) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    put_raw( source, words, count, crlf, text );
    raw.text = text;
    err = give_text( &raw, buffer, size );
    free( text );
    return err;
}

DWORD header_query( const struct header_source *source, DWORD level, const WCHAR *name,
                    void *buffer, DWORD *size, DWORD *index )
{
    struct attribute attribute;
    struct text text;
    DWORD err;

    if (!size || !find_attribute( level, name, &attribute )) return ERROR_INVALID_PARAMETER;
    /* Of what is no header only the status code has another form, and that in one size. */
    if (attribute.kind != ATTR_HEADER && (level & QUERY_BINARY) &&
        (attribute.kind != ATTR_CODE || (level & QUERY_BINARY) != WINHTTP_QUERY_FLAG_NUMBER))
        return ERROR_WINHTTP_INVALID_QUERY_REQUEST;
    if (attribute.kind == ATTR_RAW || attribute.kind == ATTR_RAW_CRLF)
        return give_raw( source, level, attribute.kind == ATTR_RAW_CRLF, buffer, size );

    if (!find_text( source, &attribute, index ? *index : 0, &text )) return ERROR_WINHTTP_HEADER_NOT_FOUND;
    if (level & WINHTTP_QUERY_FLAG_NUMBER) err = give_number( &text, buffer, size );
    else if (level & WINHTTP_QUERY_FLAG_NUMBER64) err = give_number64( &text, buffer, size );
    else if (level & WINHTTP_QUERY_FLAG_SYSTEMTIME) err = give_time( &text, buffer, size );
    else if (level & WINHTTP_QUERY_FLAG_WIRE_ENCODING) err = give_wire_text( &text, buffer, size );
    else err = give_text( &text, buffer, size );
    if (!err && index && attribute.kind == ATTR_HEADER) ++*index;
    return err;
}

/* Where the strings of QueryHeadersEx go: counts in a first pass (next NULL), stores in a second one. */
struct string_writer
{
    char     *next;
    ULONGLONG size;
    UINT      codepage;          /* of wide strings */
    BOOL      wire;
};

static BOOL is_ascii( const WCHAR *text, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch; i++) if (text[i] >= 0x80) return FALSE;
    return TRUE;
}

/* The bytes of the text, read in another code page. 0 if that cannot be done: the page's number is not checked. */
static DWORD recode( const struct text *text, UINT codepage, WCHAR *dst, DWORD dst_cch )
{
    DWORD i, len = text_bytes( text, NULL, 0 ), ret;
    char *bytes;

    if (!(bytes = malloc( len ))) return 0;
    text_bytes( text, bytes, len );
    ret = MultiByteToWideChar( codepage, 0, bytes, len, dst, dst_cch );
    for (i = 0; i < ret && i < dst_cch; i++) if (dst[i] == '\r' || dst[i] == '\n' || !dst[i]) dst[i] = '?';
    free( bytes );
    return ret;
}

static DWORD put_wide( const struct string_writer *writer, const struct text *text )
{
    BOOL same = writer->codepage == CP_ACP || writer->codepage == GetACP() || is_ascii( text->text, text->cch );
    DWORD ret = same ? 0 : recode( text, writer->codepage, NULL, 0 );

    if (ret && writer->next) recode( text, writer->codepage, (WCHAR *)writer->next, ret );
    if (ret) return ret;
    if (writer->next) put_text( (WCHAR *)writer->next, text->text, text->cch );
    return text->cch;
}

/* Writes a string with its terminator; returns where it is. */
static const void *put_string( struct string_writer *writer, const struct text *text )
{
    DWORD char_size = writer->wire ? sizeof(char) : sizeof(WCHAR), len;
    char *start = writer->next;

    if (writer->wire)
    {
        len = text_bytes( text, NULL, 0 );
        if (start) text_bytes( text, start, len );
    }
    else len = put_wide( writer, text ) * sizeof(WCHAR);
    if (start) memset( start + len, 0, char_size );
    if (start) writer->next += len + char_size;
    writer->size += len + char_size;
    return start;
}

static void put_pairs( struct string_writer *writer, const struct field *fields, DWORD count,
                       struct extended_header *headers )
{
    const void *name, *value;
    struct text text;
    DWORD i;

    for (i = 0; i < count; i++)
    {
        set_text( &text, fields[i].name, fields[i].name_cch );
        name = put_string( writer, &text );
        set_value( &text, &fields[i] );
        value = put_string( writer, &text );
        if (!headers) continue;
        headers[i].name = name;
        headers[i].value = value;
    }
}

static DWORD give_pairs( const struct field *fields, DWORD count, UINT codepage, BOOL wire, void *buffer, DWORD *size,
                         void **headers )
{
    DWORD array_size = count * sizeof(struct extended_header);
    struct string_writer writer = { NULL, array_size, codepage, wire };

    put_pairs( &writer, fields, count, NULL );
    if (writer.size > ~(DWORD)0) return ERROR_NOT_ENOUGH_MEMORY;
    if (!buffer || *size < writer.size)
    {
        *size = writer.size;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    writer.next = (char *)buffer + array_size;
    writer.size = array_size;
    put_pairs( &writer, fields, count, buffer );
    *size = writer.size;
    *headers = buffer;
    return 0;
}

/* The name a CUSTOM query asks for, widened if it is given in bytes; *ret is given. */
static DWORD custom_name( const void *name, BOOL wire, WCHAR **ret )
{
    const void *text;
    DWORD len, cch;

    memcpy( &text, name, sizeof(text) );
    if (!text) return ERROR_INVALID_PARAMETER;
    len = wire ? strlen( text ) : wcslen( text );
    cch = wire ? header_text_widen( text, len, NULL, 0 ) : len;
    if (!(*ret = malloc( (cch + 1) * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
    if (wire) header_text_widen( text, len, *ret, cch );
    else put_text( *ret, text, cch );
    (*ret)[cch] = 0;
    return 0;
}

static DWORD query_pairs( const struct header_source *source, const struct attribute *attribute, UINT codepage,
                          BOOL wire, DWORD *index, void *buffer, DWORD *size, void **headers, DWORD *count )
{
    const struct field *fields = source->list->fields;
    DWORD found = source->list->count, err;

    if (attribute->kind != ATTR_RAW)
    {
        fields = headers_find( source->list, attribute->name, attribute->name_cch, index ? *index : 0 );
        found = fields ? 1 : 0;
    }
    if (!found) return ERROR_WINHTTP_HEADER_NOT_FOUND;
    if ((err = give_pairs( fields, found, codepage, wire, buffer, size, headers ))) return err;
    *count = found;
    if (index && attribute->kind != ATTR_RAW) ++*index;
    return 0;
}

DWORD header_query_ex( const struct header_source *source, DWORD level, UINT codepage, DWORD *index,
                       const void *name, void *buffer, DWORD *size, void **headers, DWORD *count )
{
    BOOL custom = (level & ~QUERY_MODIFIERS) == WINHTTP_QUERY_CUSTOM;
    BOOL wire = (level & WINHTTP_QUERY_FLAG_WIRE_ENCODING) != 0;
    struct attribute attribute;
    WCHAR *wide_name = NULL;
    DWORD err;

    if (!size || !headers || !count || (level & QUERY_BINARY)) return ERROR_INVALID_PARAMETER;
    if (custom && (!name || (err = custom_name( name, wire, &wide_name ))))
        return name ? err : ERROR_INVALID_PARAMETER;

    if (!find_attribute( level, wide_name, &attribute )) err = ERROR_INVALID_PARAMETER;
    else if (attribute.kind == ATTR_NONE) err = ERROR_WINHTTP_HEADER_NOT_FOUND;
    else if (attribute.kind != ATTR_HEADER && attribute.kind != ATTR_RAW) err = ERROR_INVALID_PARAMETER;
    else err = query_pairs( source, &attribute, codepage, wire, index, buffer, size, headers, count );
    free( wide_name );
    return err;
}
