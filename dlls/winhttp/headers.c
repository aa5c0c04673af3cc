/*
 * Header lists: parse, find, serialise
 *
 * The text of a list lives in a few large blocks, always as "name: value" CRLF lines in the order they came, so that
 * raw queries and heads are copies of long runs instead of many small pieces, and a header costs no allocation.
 * Adding by WinHTTP's rules is in header_add.c, queries are in header_query.c.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winhttp.h>
#endif

#include "headers.h"

#define TEXT_BLOCK_CCH     1000          /* a multiple of four; a block of 2 KB holds the headers of most requests */
#define TEXT_MAX_CCH       0x20000000    /* so that no sum of lengths or size in bytes leaves a DWORD */
#define FIELDS_MIN         16

struct text_block
{
    struct text_block *next;
    DWORD              used, size;       /* in WCHARs */
    BOOL               fixed;            /* a status line points into it: it stays until headers_clear */
    WCHAR              text[1] __attribute__((aligned(8)));     /* of the first block: fields follow the text */
};

void headers_init( struct headers *list )
{
    memset( list, 0, sizeof(*list) );
}

void headers_clear( struct headers *list )
{
    struct text_block *block;

    if (!list->fields_in_block) free( list->fields );
    while ((block = list->blocks))
    {
        list->blocks = block->next;
        free( block );
    }
    headers_init( list );
}

static BOOL add_block( struct headers *list, DWORD size_cch, size_t extra_size )
{
    struct text_block *block;

    if (!(block = malloc( offsetof( struct text_block, text ) + size_cch * sizeof(WCHAR) + extra_size ))) return FALSE;
    block->next = list->blocks;
    block->used = 0;
    block->size = size_cch;
    block->fixed = FALSE;
    list->blocks = block;
    return TRUE;
}

/* The first block of a list brings the array along: most lists never need a second allocation. */
static BOOL add_first_block( struct headers *list, DWORD fields, DWORD text_cch )
{
    DWORD size_cch = text_cch > TEXT_BLOCK_CCH ? (text_cch + 3) & ~3u : TEXT_BLOCK_CCH;

    if (fields < FIELDS_MIN) fields = FIELDS_MIN;
    if (!add_block( list, size_cch, fields * sizeof(*list->fields) )) return FALSE;
    list->fields = (struct field *)(list->blocks->text + size_cch);
    list->capacity = fields;
    list->fields_in_block = TRUE;
    return TRUE;
}

static BOOL grow_fields( struct headers *list, DWORD count )
{
    DWORD capacity = list->capacity * 2 > count ? list->capacity * 2 : count;
    struct field *fields;

    if (!(fields = malloc( capacity * sizeof(*fields) ))) return FALSE;
    if (list->count) memcpy( fields, list->fields, list->count * sizeof(*fields) );
    if (!list->fields_in_block) free( list->fields );
    list->fields = fields;
    list->capacity = capacity;
    list->fields_in_block = FALSE;
    return TRUE;
}

DWORD headers_reserve( struct headers *list, DWORD fields, DWORD text_cch )
{
    struct text_block *block = list->blocks;
    DWORD size_cch;

    if (text_cch > TEXT_MAX_CCH || list->used_cch > TEXT_MAX_CCH - text_cch) return ERROR_NOT_ENOUGH_MEMORY;
    if (!block) return add_first_block( list, fields, text_cch ) ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    if (list->count + fields > list->capacity && !grow_fields( list, list->count + fields ))
        return ERROR_NOT_ENOUGH_MEMORY;
    if (text_cch <= block->size - block->used) return 0;
    size_cch = block->size * 2 > text_cch ? block->size * 2 : text_cch;
    return add_block( list, size_cch, 0 ) ? 0 : ERROR_NOT_ENOUGH_MEMORY;
}

/* The caller made room. */
static WCHAR *take_text( struct headers *list, DWORD cch )
{
    WCHAR *text = list->blocks->text + list->blocks->used;

    list->blocks->used += cch;
    list->used_cch += cch;
    return text;
}

static WCHAR *put_text( WCHAR *dst, const WCHAR *text, DWORD cch )
{
    if (cch) memcpy( dst, text, cch * sizeof(WCHAR) );
    return dst + cch;
}

static WCHAR *put_crlf( WCHAR *dst )
{
    *dst++ = '\r';
    *dst++ = '\n';
    return dst;
}

static DWORD part_bytes( const struct text_part *part, char *bytes, DWORD size )
{
    if (!part->bytes) return header_text_narrow( part->text, part->cch, bytes, size );
    if (bytes && part->len <= size) memcpy( bytes, part->bytes, part->len );
    return part->len;
}

/* Length of the value as bytes if they must be kept, else 0. */
static ULONGLONG parts_bytes_len( const struct text_part *parts, DWORD count )
{
    ULONGLONG len = 0;
    BOOL kept = FALSE;
    DWORD i;

    for (i = 0; i < count; i++) if (parts[i].bytes) kept = TRUE;
    if (kept) for (i = 0; i < count; i++) len += part_bytes( &parts[i], NULL, 0 );
    return len;
}

DWORD headers_room( DWORD name_cch, const struct text_part *value_parts, DWORD part_count )
{
    ULONGLONG room = (ULONGLONG)name_cch + 4 + (parts_bytes_len( value_parts, part_count ) + 1) / 2;
    DWORD i;

    for (i = 0; i < part_count; i++) room += value_parts[i].cch;
    return room > TEXT_MAX_CCH ? TEXT_MAX_CCH + 1 : (DWORD)room;     /* which headers_reserve refuses */
}

/* Bytes live among the text, each value's at an even place. */
static char *take_bytes( struct headers *list, DWORD len )
{
    return (char *)take_text( list, (len + 1) / 2 );
}

static void keep_bytes( struct headers *list, struct field *field, const struct text_part *parts, DWORD count )
{
    DWORD i, pos = 0, len = parts_bytes_len( parts, count );

    if (!len) return;
    field->bytes_len = len;
    field->bytes = take_bytes( list, len );
    for (i = 0; i < count; i++) pos += part_bytes( &parts[i], (char *)field->bytes + pos, len - pos );
}

void headers_set( struct headers *list, DWORD index, const WCHAR *name, DWORD name_cch,
                  const struct text_part *value_parts, DWORD part_count )
{
    struct field field = { 0 };
    DWORD i, value_cch = 0;
    WCHAR *dst;

    for (i = 0; i < part_count; i++) value_cch += value_parts[i].cch;
    dst = take_text( list, name_cch + value_cch + 4 );
    field.name = dst;
    field.name_cch = name_cch;
    dst = put_text( dst, name, name_cch );
    *dst++ = ':';
    *dst++ = ' ';
    field.value = dst;
    field.value_cch = value_cch;
    for (i = 0; i < part_count; i++) dst = put_text( dst, value_parts[i].text, value_parts[i].cch );
    put_crlf( dst );
    keep_bytes( list, &field, value_parts, part_count );

    if (index == list->count) list->count++;
    else list->text_cch -= headers_line_cch( &list->fields[index] );
    list->text_cch += headers_line_cch( &field );
    list->fields[index] = field;
}

void headers_remove( struct headers *list, DWORD index )
{
    list->text_cch -= headers_line_cch( &list->fields[index] );
    list->count--;
    memmove( list->fields + index, list->fields + index + 1, (list->count - index) * sizeof(*list->fields) );
}

static struct text_part field_value( const struct field *field )
{
    struct text_part part = { field->value, field->value_cch, field->bytes, field->bytes_len };
    return part;
}

/* Failing to tidy is no error: the text stays where it is. */
void headers_tidy( struct headers *list )
{
    struct text_block *block;
    struct text_part value;
    struct headers tidy;
    DWORD i, in_use = list->text_cch;

    for (i = 0; i < list->count; i++) in_use += (list->fields[i].bytes_len + 1) / 2;
    if (list->used_cch / 2 < in_use || list->used_cch - in_use < TEXT_BLOCK_CCH) return;
    for (block = list->blocks; block; block = block->next) if (block->fixed) return;

    headers_init( &tidy );
    if (!add_first_block( &tidy, list->count * 2, in_use + TEXT_BLOCK_CCH )) return;
    for (i = 0; i < list->count; i++)
    {
        value = field_value( &list->fields[i] );
        headers_set( &tidy, i, list->fields[i].name, list->fields[i].name_cch, &value, 1 );
        tidy.fields[i].own_cch = list->fields[i].own_cch;
        tidy.fields[i].flags = list->fields[i].flags;
    }
    headers_clear( list );
    *list = tidy;
}

/* Four at a time: 1 if all are ASCII. x86 is little-endian, and so is every other machine that runs Windows. */
static inline BOOL widen_four( const char *bytes, WCHAR *text )
{
    ULONGLONG wide;
    UINT four;

    memcpy( &four, bytes, sizeof(four) );
    if (four & 0x80808080) return FALSE;
    wide = four;
    wide = (wide | wide << 16) & 0x0000ffff0000ffffull;
    wide = (wide | wide << 8) & 0x00ff00ff00ff00ffull;
    memcpy( text, &wide, sizeof(wide) );
    return TRUE;
}

static inline BOOL narrow_four( const WCHAR *text, char *bytes )
{
    ULONGLONG wide;
    UINT four;

    memcpy( &wide, text, sizeof(wide) );
    if (wide & 0xff80ff80ff80ff80ull) return FALSE;
    wide = (wide | wide >> 8) & 0x0000ffff0000ffffull;
    four = wide | wide >> 16;
    memcpy( bytes, &four, sizeof(four) );
    return TRUE;
}

/* Both return how many were ASCII, from the beginning. */
static DWORD widen_ascii( const char *bytes, DWORD len, WCHAR *text )
{
    DWORD i = 0;

    while (len - i >= 4 && widen_four( bytes + i, text + i )) i += 4;
    for (; i < len && !(bytes[i] & 0x80); i++) text[i] = bytes[i];
    return i;
}

static DWORD narrow_ascii( const WCHAR *text, DWORD cch, char *bytes )
{
    DWORD i = 0;

    while (cch - i >= 4 && narrow_four( text + i, bytes + i )) i += 4;
    for (; i < cch && text[i] < 0x80; i++) bytes[i] = text[i];
    return i;
}

DWORD header_text_widen( const char *bytes, DWORD len, WCHAR *text, DWORD size_cch )
{
    DWORD i, needed;

    if (len <= size_cch && widen_ascii( bytes, len, text ) == len) return len;
    for (i = 0; i < len && !(bytes[i] & 0x80); i++) ;
    if (i == len) return len;

    if (!(needed = MultiByteToWideChar( CP_ACP, 0, bytes, len, NULL, 0 ))) return 0;
    if (needed <= size_cch)
    {
        MultiByteToWideChar( CP_ACP, 0, bytes, len, text, needed );
        for (i = 0; i < needed; i++) if (text[i] == '\r' || text[i] == '\n' || !text[i]) text[i] = '?';
    }
    return needed;
}

/* A stretch beyond ASCII. Best fit may not make a line end out of something that was none. */
static DWORD narrow_other( const WCHAR *text, DWORD cch, char *bytes, DWORD size )
{
    DWORD i, needed = WideCharToMultiByte( CP_ACP, 0, text, cch, NULL, 0, NULL, NULL );

    if (needed <= size)
    {
        WideCharToMultiByte( CP_ACP, 0, text, cch, bytes, needed, NULL, NULL );
        for (i = 0; i < needed; i++) if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f) bytes[i] = '?';
    }
    return needed;
}

DWORD header_text_narrow( const WCHAR *text, DWORD cch, char *bytes, DWORD size )
{
    DWORD pos = 0, start, end = 0, room;

    if (cch <= size && narrow_ascii( text, cch, bytes ) == cch) return cch;
    while (end < cch)
    {
        for (start = end; end < cch && text[end] < 0x80; end++) ;
        if (end > start && pos + (end - start) <= size) narrow_ascii( text + start, end - start, bytes + pos );
        pos += end - start;
        for (start = end; end < cch && text[end] >= 0x80; end++) ;
        room = pos < size ? size - pos : 0;
        if (end > start) pos += narrow_other( text + start, end - start, bytes ? bytes + pos : NULL, room );
    }
    return pos;
}

DWORD header_value_bytes( const struct field *field, char *bytes, DWORD size )
{
    struct text_part part = field_value( field );

    return part_bytes( &part, bytes, size );
}

DWORD header_line_bytes( const struct field *field, char *bytes, DWORD size )
{
    const struct text_part parts[] =
    {
        { field->name, field->name_cch + 2, NULL, 0 },                           /* with ": " */
        field_value( field ),
        { field->value + field->value_cch, 2, NULL, 0 },                         /* CRLF */
    };
    DWORD i, room, len = 0;

    for (i = 0; i < ARRAYSIZE( parts ); i++)
    {
        room = len < size ? size - len : 0;
        len += part_bytes( &parts[i], room ? bytes + len : NULL, room );
    }
    return len;
}

static inline BOOL same_char( WCHAR a, WCHAR b )
{
    if (a == b) return TRUE;
    return (a ^ b) == 0x20 && (a | 0x20) >= 'a' && (a | 0x20) <= 'z';
}

static BOOL same_text( const WCHAR *a, const WCHAR *b, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch; i++) if (!same_char( a[i], b[i] )) return FALSE;
    return TRUE;
}

const struct field *headers_find( const struct headers *list, const WCHAR *name, DWORD name_cch, DWORD index )
{
    const struct field *field = list->fields;
    DWORD left;

    for (left = list->count; left; left--, field++)
    {
        if (field->name_cch != name_cch || !same_text( field->name, name, name_cch )) continue;
        if (!index--) return field;
    }
    return NULL;
}

void headers_remove_all( struct headers *list, const WCHAR *name, DWORD name_cch )
{
    struct field *field = list->fields, *kept = field, *end = field + list->count;

    for (; field < end; field++)
    {
        if (field->name_cch == name_cch && same_text( field->name, name, name_cch ))
            list->text_cch -= headers_line_cch( field );
        else *kept++ = *field;
    }
    list->count = kept - list->fields;
}

static BOOL is_blank( WCHAR c )
{
    return c == ' ' || c == '\t';
}

static BOOL value_has_token( const WCHAR *value, const WCHAR *end, const WCHAR *token, DWORD token_cch )
{
    const WCHAR *item, *item_end;

    for (item = value; item <= end; item = item_end + 1)
    {
        const WCHAR *last;

        for (item_end = item; item_end < end && *item_end != ','; item_end++) ;
        while (item < item_end && is_blank( *item )) item++;
        for (last = item_end; last > item && is_blank( last[-1] ); last--) ;
        if ((DWORD)(last - item) == token_cch && same_text( item, token, token_cch )) return TRUE;
    }
    return FALSE;
}

BOOL headers_have_token( const struct headers *list, const WCHAR *name, DWORD name_cch,
                         const WCHAR *token, DWORD token_cch )
{
    const struct field *field;
    DWORD index;

    for (index = 0; (field = headers_find( list, name, name_cch, index )); index++)
        if (value_has_token( field->value, field->value + field->value_cch, token, token_cch )) return TRUE;
    return FALSE;
}

const WCHAR *headers_run( const struct headers *list, DWORD *index, DWORD *run_cch )
{
    const struct field *field = list->fields + *index, *end = list->fields + list->count;
    const WCHAR *start = field->name, *stop = start;

    /* A field with bytes is a piece of its own, since they may be what is wanted. */
    for (; field < end && field->name == stop && !(field->bytes && stop != start); field++)
    {
        stop = field->value + field->value_cch + 2;
        if (!field->bytes) continue;
        field++;
        break;
    }
    *index = field - list->fields;
    *run_cch = stop - start;
    return start;
}

/* What a head is written with: counts everything, stores what fits. */
struct head_writer
{
    char *head;
    DWORD size, len;
};

static void write_text( struct head_writer *writer, const WCHAR *text, DWORD cch )
{
    DWORD room = writer->len < writer->size ? writer->size - writer->len : 0;

    writer->len += header_text_narrow( text, cch, room ? writer->head + writer->len : NULL, room );
}

static void write_line( struct head_writer *writer, const struct field *field )
{
    DWORD room = writer->len < writer->size ? writer->size - writer->len : 0;

    writer->len += header_line_bytes( field, room ? writer->head + writer->len : NULL, room );
}

/* The request line holds what the application gave as verb and target: whatever could end it is left out. */
static void write_request_line( struct head_writer *writer, const WCHAR *line, DWORD line_cch )
{
    DWORD start, end = 0;

    while (end < line_cch)
    {
        for (start = end; end < line_cch && line[end] && line[end] != '\r' && line[end] != '\n'; end++) ;
        write_text( writer, line + start, end - start );
        end++;
    }
}

static BOOL has_held( const struct headers *list )
{
    DWORD i;

    for (i = 0; i < list->count; i++) if (list->fields[i].flags & FIELD_HELD) return TRUE;
    return FALSE;
}

DWORD headers_serialise( const struct headers *list, const WCHAR *line, DWORD line_cch, char *head, DWORD size )
{
    static const WCHAR crlf[] = {'\r','\n'};
    struct head_writer writer = { head, size, 0 };
    const struct field *field;
    const WCHAR *run;
    DWORD index = 0, run_cch;
    BOOL held = has_held( list );

    write_request_line( &writer, line, line_cch );
    write_text( &writer, crlf, 2 );
    while (index < list->count)
    {
        field = &list->fields[index];
        if (held)    /* a run could have one in it */
        {
            if (!(field->flags & FIELD_HELD)) write_line( &writer, field );
            index++;
            continue;
        }
        run = headers_run( list, &index, &run_cch );
        if (field->bytes) write_line( &writer, field );
        else write_text( &writer, run, run_cch );
    }
    write_text( &writer, crlf, 2 );
    return writer.len;
}

/* A response head being read. */
struct head_reader
{
    const char *next, *end;
    const char *line, *line_end;     /* the current line without its line end */
};

/* Leaves at the first byte below 0x0e, which is all that can be a line end or a NUL; eight bytes at a time. */
static const char *skip_plain( const char *p, const char *end )
{
    const ULONGLONG ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;
    ULONGLONG word;

    while (end - p >= (int)sizeof(word))
    {
        memcpy( &word, p, sizeof(word) );
        if ((word - ones * 0x0e) & ~word & tops) break;
        p += sizeof(word);
    }
    while (p < end && (unsigned char)*p >= 0x0e) p++;
    return p;
}

/* Moves to the next line; FALSE for a NUL or bare CR. A line that the end of the text cuts off counts as a line. */
static BOOL read_line( struct head_reader *reader )
{
    const char *p = reader->line = reader->next;

    while ((p = skip_plain( p, reader->end )) < reader->end && *p != '\n' && *p != '\r' && *p) p++;
    reader->line_end = p;
    if (p < reader->end && *p == '\r') p++;
    if (p < reader->end && *p != '\n') return FALSE;
    if (p == reader->end && p != reader->line_end) return FALSE;
    reader->next = p < reader->end ? p + 1 : p;
    return TRUE;
}

static BOOL is_blank_byte( char c )
{
    return c == ' ' || c == '\t';
}

static void trim_bytes( const char **text, const char **end )
{
    while (*text < *end && is_blank_byte( **text )) ++*text;
    while (*end > *text && is_blank_byte( (*end)[-1] )) --*end;
}

/* Text never gets longer when it is widened, so headers_parse made room for all of it; a code page that breaks this
 * loses the text. */
static WCHAR *put_bytes( WCHAR *dst, const char *text, const char *end )
{
    DWORD cch = header_text_widen( text, end - text, dst, end - text );

    return cch <= (DWORD)(end - text) ? dst + cch : dst;
}

/* Only lines with a colon and a name of visible ASCII count; a blank before the name makes it a folded line. */
static const char *find_colon( const char *line, const char *end, const char **name_end )
{
    const char *p = line, *colon;

    while (p < end && *p != ':' && (unsigned char)*p > ' ' && (unsigned char)*p < 0x7f) p++;
    *name_end = p;
    for (colon = p; colon < end && is_blank_byte( *colon ); colon++) ;
    return p > line && colon < end && *colon == ':' ? colon : NULL;
}

static BOOL is_folded( const struct head_reader *reader )
{
    return reader->next < reader->end && is_blank_byte( *reader->next );
}

static BOOL is_ascii( const char *text, const char *end )
{
    while (text < end && !(*text & 0x80)) text++;
    return text == end;
}

/* Where a value goes: as text, or (text NULL) as bytes. */
struct value_writer
{
    WCHAR *text;
    char  *bytes;
    BOOL   empty, ascii;         /* so far */
};

static void put_piece( struct value_writer *writer, const char *text, const char *end )
{
    trim_bytes( &text, &end );
    if (text == end) return;
    if (!writer->empty && writer->text) *writer->text++ = ' ';
    else if (!writer->empty) *writer->bytes++ = ' ';
    writer->empty = FALSE;
    if (writer->text)
    {
        if (!is_ascii( text, end )) writer->ascii = FALSE;
        writer->text = put_bytes( writer->text, text, end );
        return;
    }
    memcpy( writer->bytes, text, end - text );
    writer->bytes += end - text;
}

/* The value behind the colon, and the folded lines that follow. FALSE for a line that cannot be read. */
static BOOL put_value( struct value_writer *writer, struct head_reader *reader, const char *text )
{
    writer->empty = writer->ascii = TRUE;
    put_piece( writer, text, reader->line_end );
    while (is_folded( reader ))
    {
        if (!read_line( reader )) return FALSE;
        put_piece( writer, reader->line, reader->line_end );
    }
    return TRUE;
}

/* Reads the value once more; headers_parse made room. */
static void put_value_bytes( struct headers *list, struct field *field, struct head_reader *reader, const char *text )
{
    struct value_writer writer = { NULL, (char *)(list->blocks->text + list->blocks->used), TRUE, TRUE };

    field->bytes = writer.bytes;
    put_value( &writer, reader, text );
    field->bytes_len = writer.bytes - field->bytes;
    take_bytes( list, field->bytes_len );
}

static DWORD parse_field( struct headers *list, struct head_reader *reader )
{
    const char *name_end, *colon = find_colon( reader->line, reader->line_end, &name_end );
    WCHAR *dst, *start = list->blocks->text + list->blocks->used;
    struct head_reader before = *reader;
    struct value_writer writer;
    struct field *field;
    BOOL ok = TRUE;

    if (!colon)
    {
        while (ok && is_folded( reader )) ok = read_line( reader );
        return ok ? 0 : ERROR_WINHTTP_INVALID_SERVER_RESPONSE;
    }
    if (list->count == HEADERS_MAX_RECEIVED) return ERROR_WINHTTP_HEADER_COUNT_EXCEEDED;
    if (list->count == list->capacity && !grow_fields( list, list->count + 1 )) return ERROR_NOT_ENOUGH_MEMORY;
    field = list->fields + list->count;
    memset( field, 0, sizeof(*field) );
    field->name = start;
    dst = put_bytes( start, reader->line, name_end );
    field->name_cch = dst - start;
    *dst++ = ':';
    *dst++ = ' ';
    field->value = writer.text = dst;
    if (!put_value( &writer, reader, colon + 1 )) return ERROR_WINHTTP_INVALID_SERVER_RESPONSE;
    dst = writer.text;
    field->value_cch = dst - field->value;
    dst = put_crlf( dst );
    take_text( list, dst - start );
    list->text_cch += dst - start;
    if (!writer.ascii) put_value_bytes( list, field, &before, colon + 1 );
    list->count++;
    return 0;
}

static BOOL is_digit( char c )
{
    return c >= '0' && c <= '9';
}

static BOOL parse_status_line( struct headers *list, struct status_line *line, struct head_reader *reader )
{
    const char *p = reader->line, *end = reader->line_end, *version_end;
    WCHAR *dst, *start = list->blocks->text + list->blocks->used;

    if (end - p < 5 || memcmp( p, "HTTP/", 5 )) return FALSE;
    for (version_end = p + 5; version_end < end && (unsigned char)*version_end > ' '; version_end++) ;
    line->version = start;
    dst = put_bytes( start, p, version_end );
    line->version_cch = dst - line->version;
    *dst++ = ' ';

    for (p = version_end; p < end && is_blank_byte( *p ); p++) ;
    if (p == version_end || end - p < 3 || !is_digit( p[0] ) || !is_digit( p[1] ) || !is_digit( p[2] )) return FALSE;
    if (p[0] == '0' || (end - p > 3 && !is_blank_byte( p[3] ))) return FALSE;
    line->status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    line->code = dst;
    line->code_cch = 3;
    dst = put_bytes( dst, p, p + 3 );
    *dst++ = ' ';

    p += 3;
    trim_bytes( &p, &end );
    line->reason = dst;
    dst = put_bytes( dst, p, end );
    line->reason_cch = dst - line->reason;
    take_text( list, dst - start );
    list->blocks->fixed = TRUE;
    if (is_ascii( p, end )) return TRUE;
    line->reason_len = end - p;
    line->reason_bytes = memcpy( take_bytes( list, end - p ), p, end - p );
    return TRUE;
}

static DWORD parse_head( struct headers *list, struct status_line *line, struct head_reader *reader )
{
    DWORD err = 0;

    if (line && (!read_line( reader ) || !parse_status_line( list, line, reader )))
        return ERROR_WINHTTP_INVALID_SERVER_RESPONSE;
    while (!err && reader->next < reader->end)
    {
        if (!read_line( reader )) return ERROR_WINHTTP_INVALID_SERVER_RESPONSE;
        if (reader->line == reader->line_end) break;
        err = parse_field( list, reader );
    }
    return err;
}

DWORD headers_parse( struct headers *list, struct status_line *line, const char *head, DWORD len )
{
    struct head_reader reader = { head, head + len, NULL, NULL };
    DWORD err, room = len + len / 3 * 2 + 4;

    headers_clear( list );
    if (line) memset( line, 0, sizeof(*line) );
    if (len > TEXT_MAX_CCH / 4) return ERROR_NOT_ENOUGH_MEMORY;

    /* A line of three bytes or more may grow by the blank after its colon and the CR of its line end, a last line
     * without a line end by three. Bytes that are kept take half as much again, and a place to make each even. */
    if (!is_ascii( head, head + len )) room += len / 2 + len / 3 + 1;
    if (!(err = headers_reserve( list, 0, room ))) err = parse_head( list, line, &reader );
    if (!err) return 0;
    headers_clear( list );
    if (line) memset( line, 0, sizeof(*line) );
    return err;
}
