/*
 * Adding to a header list by the rules of WinHttpAddRequestHeaders
 *
 * First every line is checked, then room is made, then the lines are applied one by one; when a rule refuses a later
 * line, the fields as they were come back (their text was never overwritten). Rules: windows-behaviour HA-1 to HA-21,
 * headers.md section 4. Where the documents are silent a bad line is ERROR_INVALID_PARAMETER.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#endif

#include "headers.h"

#define ADD_COALESCE (WINHTTP_ADDREQ_FLAG_COALESCE_WITH_COMMA | WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON)
#define ADD_ALL      (WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_ADD_IF_NEW | WINHTTP_ADDREQ_FLAG_REPLACE | \
                      ADD_COALESCE | WINHTTP_ADDREQ_INDEX_MASK)

#define FIELDS_MAX_ADDED 0x100000    /* in one call; no array of them leaves a DWORD */

static BOOL is_blank( WCHAR c )
{
    return c == ' ' || c == '\t';
}

/* A name is a token (HA-15, RFC 9110 section 5.6.2): anything else a server may take for the end of the name. One bit
 * per character below 0x80: all but controls, blank, "(),/:;<=>?@[\\]{} and 0x7f. */
static BOOL is_name_char( WCHAR c )
{
    static const DWORD token_chars[4] = { 0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff };

    return c < 0x80 && (token_chars[c / 32] >> (c % 32) & 1);
}

static BOOL is_value_char( WCHAR c )
{
    return c && c != '\r' && c != '\n';
}

static void trim_value( struct field *field )
{
    while (field->value_cch && is_blank( field->value[0] ))
    {
        field->value++;
        field->value_cch--;
    }
    while (field->value_cch && is_blank( field->value[field->value_cch - 1] )) field->value_cch--;
}

/* The next line that is not empty. Returns 0, or ERROR_INVALID_PARAMETER; at the end of the text name_cch is 0. */
static DWORD next_line( const WCHAR **text, const WCHAR *end, struct field *field )
{
    const WCHAR *p = *text;

    memset( field, 0, sizeof(*field) );
    while (p < end && (*p == '\r' || *p == '\n')) p++;
    field->name = p;
    while (p < end && is_name_char( *p )) p++;
    field->name_cch = p - field->name;
    field->value = p;
    if (p < end)
    {
        if (*p != ':' || !field->name_cch) return ERROR_INVALID_PARAMETER;
        field->value = ++p;
        while (p < end && is_value_char( *p )) p++;
        if (p < end && !*p) return ERROR_INVALID_PARAMETER;
        field->value_cch = p - field->value;
        trim_value( field );
    }
    else if (field->name_cch) return ERROR_INVALID_PARAMETER;
    *text = p;
    return 0;
}

static struct text_part value_of( const struct field *field )
{
    struct text_part part = { field->value, field->value_cch, field->bytes, field->bytes_len };
    return part;
}

static DWORD append( struct headers *list, const struct field *field )
{
    struct text_part value = value_of( field );
    DWORD err;

    if ((err = headers_reserve( list, 1, headers_room( field->name_cch, &value, 1 ) ))) return err;
    headers_set( list, list->count, field->name, field->name_cch, &value, 1 );
    return 0;
}

static DWORD replace( struct headers *list, DWORD index, const struct field *field )
{
    struct text_part value = value_of( field );
    DWORD err;

    if (!field->value_cch)
    {
        headers_remove( list, index );
        return 0;
    }
    if ((err = headers_reserve( list, 0, headers_room( field->name_cch, &value, 1 ) ))) return err;
    headers_set( list, index, field->name, field->name_cch, &value, 1 );
    return 0;
}

static DWORD coalesce( struct headers *list, DWORD index, const struct field *field, DWORD flags )
{
    static const WCHAR comma[] = {',',' '}, semicolon[] = {';',' '};
    const struct field old = list->fields[index];
    struct text_part value[3];
    DWORD err;

    if (!field->value_cch) return 0;
    value[0] = value_of( &old );
    value[1].text = flags & WINHTTP_ADDREQ_FLAG_COALESCE_WITH_SEMICOLON ? semicolon : comma;
    value[1].cch = 2;
    value[1].bytes = NULL;
    value[1].len = 0;
    value[2] = value_of( field );
    if ((err = headers_reserve( list, 0, headers_room( old.name_cch, value, 3 ) ))) return err;
    headers_set( list, index, old.name, old.name_cch, value, 3 );
    return 0;
}

static DWORD apply( struct headers *list, const struct field *field, DWORD flags )
{
    DWORD index = flags & WINHTTP_ADDREQ_FLAG_REPLACE ? flags & WINHTTP_ADDREQ_INDEX_MASK : 0;
    const struct field *old;

    /* Plain adding needs no search. */
    if (!(flags & ~(WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_INDEX_MASK))) return append( list, field );

    old = headers_find( list, field->name, field->name_cch, index );
    index = old ? old - list->fields : 0;
    if (flags & WINHTTP_ADDREQ_FLAG_REPLACE)
    {
        if (old) return replace( list, index, field );
        if (!(flags & WINHTTP_ADDREQ_FLAG_ADD)) return ERROR_WINHTTP_HEADER_NOT_FOUND;
        return field->value_cch ? append( list, field ) : 0;
    }
    if (old && (flags & WINHTTP_ADDREQ_FLAG_ADD_IF_NEW)) return ERROR_WINHTTP_HEADER_ALREADY_EXISTS;
    if (old && (flags & ADD_COALESCE)) return coalesce( list, index, field, flags );
    return append( list, field );
}

/* The fields of a list, to be brought back if a line of several is refused. */
struct snapshot
{
    struct field *fields;
    DWORD         count, text_cch;
};

static BOOL snapshot_take( struct snapshot *snapshot, const struct headers *list )
{
    snapshot->count = list->count;
    snapshot->text_cch = list->text_cch;
    snapshot->fields = malloc( (list->count + 1) * sizeof(*snapshot->fields) );
    if (!snapshot->fields) return FALSE;
    if (list->count) memcpy( snapshot->fields, list->fields, list->count * sizeof(*list->fields) );
    return TRUE;
}

static void snapshot_restore( const struct snapshot *snapshot, struct headers *list )
{
    if (snapshot->count) memcpy( list->fields, snapshot->fields, snapshot->count * sizeof(*list->fields) );
    list->count = snapshot->count;
    list->text_cch = snapshot->text_cch;
}

/* Lines that were checked, or fields. */
struct additions
{
    const WCHAR        *text, *end;
    const struct field *fields;          /* not NULL: instead of the text */
    DWORD               count;
};

static DWORD apply_all( struct headers *list, const struct additions *additions, DWORD flags )
{
    const WCHAR *text = additions->text;
    struct field field;
    DWORD i, err = 0;

    for (i = 0; !err && i < additions->count; i++)
    {
        if (additions->fields) field = additions->fields[i];
        else next_line( &text, additions->end, &field );
        err = apply( list, &field, flags );
    }
    return err;
}

/* A single line is applied as a whole or not at all by itself. */
static DWORD add_all( struct headers *list, const struct additions *additions, DWORD flags )
{
    struct snapshot snapshot;
    DWORD err;

    headers_tidy( list );
    if (additions->count == 1) return apply_all( list, additions, flags );

    if (!snapshot_take( &snapshot, list )) return ERROR_NOT_ENOUGH_MEMORY;
    if ((err = apply_all( list, additions, flags ))) snapshot_restore( &snapshot, list );
    free( snapshot.fields );
    return err;
}

DWORD headers_add( struct headers *list, const WCHAR *text, DWORD text_cch, DWORD flags )
{
    struct additions additions = { text, NULL, NULL, 0 };
    const WCHAR *p = text;
    struct field field;

    if (flags & ~ADD_ALL) return ERROR_INVALID_PARAMETER;
    while (text_cch && !text[text_cch - 1]) text_cch--;     /* a length that counts the terminator */
    for (additions.end = text + text_cch; p < additions.end; additions.count += field.name_cch != 0)
        if (next_line( &p, additions.end, &field )) return ERROR_INVALID_PARAMETER;
    return additions.count ? add_all( list, &additions, flags ) : 0;
}

static void trim_bytes( struct field *field )
{
    while (field->bytes_len && is_blank( (unsigned char)field->bytes[0] ))
    {
        field->bytes++;
        field->bytes_len--;
    }
    while (field->bytes_len && is_blank( (unsigned char)field->bytes[field->bytes_len - 1] )) field->bytes_len--;
}

/* What a field of its own must be; trims its value. */
static DWORD check_field( struct field *field )
{
    DWORD i;

    if (!field->name_cch) return ERROR_INVALID_PARAMETER;
    if (field->name_cch > 0x7fffffff || field->value_cch > 0x7fffffff - field->name_cch) return ERROR_NOT_ENOUGH_MEMORY;
    for (i = 0; i < field->name_cch; i++) if (!is_name_char( field->name[i] )) return ERROR_INVALID_PARAMETER;
    for (i = 0; i < field->value_cch; i++) if (!is_value_char( field->value[i] )) return ERROR_INVALID_PARAMETER;
    for (i = 0; i < field->bytes_len; i++)
        if (!is_value_char( (unsigned char)field->bytes[i] )) return ERROR_INVALID_PARAMETER;
    trim_value( field );
    if (field->bytes) trim_bytes( field );
    return 0;
}

DWORD headers_add_fields( struct headers *list, const struct field *fields, DWORD count, DWORD flags )
{
    struct additions additions = { NULL, NULL, NULL, count };
    struct field *checked;
    DWORD i, err = 0;

    if (!count || count > FIELDS_MAX_ADDED || (flags & ~ADD_ALL)) return ERROR_INVALID_PARAMETER;
    if (!(checked = malloc( count * sizeof(*checked) ))) return ERROR_NOT_ENOUGH_MEMORY;
    memcpy( checked, fields, count * sizeof(*checked) );
    for (i = 0; i < count && !err; i++) err = check_field( &checked[i] );
    additions.fields = checked;
    if (!err) err = add_all( list, &additions, flags );
    free( checked );
    return err;
}

DWORD headers_add_field( struct headers *list, const WCHAR *name, DWORD name_cch,
                         const WCHAR *value, DWORD value_cch, DWORD flags )
{
    struct field field = { .name = name, .value = value, .name_cch = name_cch, .value_cch = value_cch };
    DWORD err;

    if (flags & ~ADD_ALL) return ERROR_INVALID_PARAMETER;
    if ((err = check_field( &field ))) return err;
    headers_tidy( list );
    return apply( list, &field, flags );
}
