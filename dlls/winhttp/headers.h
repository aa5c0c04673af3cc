/*
 * Header lists: parse, find, add, replace, remove, serialise
 *
 * One representation for request and response headers: fields in order, names as spelled, values trimmed, as
 * WCHAR text. A value that came as bytes beyond ASCII keeps them, too: no code page gives all bytes back. Knows nothing
 * of handles, threads or the boundary; compiled natively for unit tests, too.
 * The owner's lock (request->lock) protects a list.
 */

#ifndef WINHTTP_HEADERS_H
#define WINHTTP_HEADERS_H

struct field
{
    const WCHAR *name;           /* not NUL-terminated; valid until the list changes */
    const WCHAR *value;
    DWORD        name_cch;
    DWORD        value_cch;
    DWORD        own_cch;        /* the owner's mark: so much of the value is the application's, see head_out.c */
    DWORD        flags;          /* FIELD_*, the owner's, too; both are 0 in a field that was added or replaced */
    const char  *bytes;          /* the value on the wire, where it came as bytes and is not ASCII; else NULL */
    DWORD        bytes_len;
};

#define FIELD_AUTOMATIC 1        /* generated for one leg, from own_cch on */
#define FIELD_SENT      2        /* was there when the request was last sent */
#define FIELD_HELD      4        /* is not written: it is for somebody else than the one who gets the head */

struct headers
{
    struct field *fields;
    DWORD         count, capacity;
    DWORD         text_cch;      /* of all field lines, "name: value" CRLF each */
    DWORD         used_cch;      /* WCHARs taken from the blocks; what exceeds text_cch is replaced text */
    BOOL          fields_in_block;   /* the array is part of the first block, not an allocation of its own */
    struct text_block *blocks;   /* where the text lives, newest first */
};

void headers_init( struct headers *list );
void headers_clear( struct headers *list );              /* frees everything, the list is empty and usable again */

/* Bytes as they stand on the wire <-> WCHARs: ASCII directly, the rest through CP_ACP. Return the length needed. */
/* With less room than that nothing of use is stored. What CP_ACP turns into a line end becomes '?'. */
DWORD header_text_widen( const char *bytes, DWORD len, WCHAR *text, DWORD size_cch );
DWORD header_text_narrow( const WCHAR *text, DWORD cch, char *bytes, DWORD size );

/* A field as it stands on the wire: its value, or its whole line with CRLF. As header_text_narrow. */
DWORD header_value_bytes( const struct field *field, char *bytes, DWORD size );
DWORD header_line_bytes( const struct field *field, char *bytes, DWORD size );

/* The response head as the boundary gives it: a status line and field lines. Replaces the list's content and fills
 * `line`: lengths and places inside the list's own text. Folded lines are joined with one blank, blanks before the
 * colon are dropped, values trimmed, lines without a name of visible ASCII dropped. A trailer block has
 * no status line: pass line NULL. A head without its empty line is accepted. Returns 0,
 * ERROR_WINHTTP_INVALID_SERVER_RESPONSE, ERROR_WINHTTP_HEADER_COUNT_EXCEEDED (HEADERS_MAX_RECEIVED),
 * ERROR_NOT_ENOUGH_MEMORY. */
struct status_line
{
    const WCHAR *version, *code, *reason;
    DWORD        version_cch, code_cch, reason_cch, status;
    const char  *reason_bytes;           /* as in struct field */
    DWORD        reason_len;
};
/* Lists are searched from the beginning for each name: a head of nothing but names must not cost minutes. Windows'
 * own number is not known. */
#define HEADERS_MAX_RECEIVED 4096
DWORD headers_parse( struct headers *list, struct status_line *line, const char *head, DWORD len );

/* The index-th field called `name` (case-insensitive); NULL if there is none. */
const struct field *headers_find( const struct headers *list, const WCHAR *name, DWORD name_cch, DWORD index );

/* All fields called `name` are gone. */
void headers_remove_all( struct headers *list, const WCHAR *name, DWORD name_cch );

/* Adds the field lines of `text` (text_cch WCHARs; any run of CR and LF separates, HA-18) by WINHTTP_ADDREQ_FLAG_* rules
 * (headers.md section 4). All or nothing: on failure the list is unchanged. The text is copied; it must not be text of
 * this list. Empty lines and NULs at the end are skipped; nothing but those is a success without effect.
 * Returns 0, ERROR_INVALID_PARAMETER (malformed line), ERROR_WINHTTP_HEADER_NOT_FOUND,
 * ERROR_WINHTTP_HEADER_ALREADY_EXISTS, ERROR_NOT_ENOUGH_MEMORY. */
DWORD headers_add( struct headers *list, const WCHAR *text, DWORD text_cch, DWORD flags );

/* The same for names and values that are already apart; a field with bytes has both them and their text. A value that
 * could end its line is ERROR_INVALID_PARAMETER, as a name that is no token. */
DWORD headers_add_fields( struct headers *list, const struct field *fields, DWORD count, DWORD flags );
DWORD headers_add_field( struct headers *list, const WCHAR *name, DWORD name_cch,
                         const WCHAR *value, DWORD value_cch, DWORD flags );

/* 1 if the comma-separated values of all fields called `name` hold `token` (case-insensitive). */
BOOL headers_have_token( const struct headers *list, const WCHAR *name, DWORD name_cch,
                         const WCHAR *token, DWORD token_cch );

/* The whole head as wire bytes: `line` (without CRLF), CRLF, fields, CRLF. Returns the length needed; stores when it
 * fits into size. Never emits a CR, LF or NUL inside a line. */
DWORD headers_serialise( const struct headers *list, const WCHAR *line, DWORD line_cch, char *head, DWORD size );

/* The longest piece of "name: value" CRLF lines, from field *index on, that lies in one place; moves *index behind it.
 * A list nobody edited is one piece, but for fields with bytes. *index must be below count. */
const WCHAR *headers_run( const struct headers *list, DWORD *index, DWORD *run_cch );

/* What header_add.c is built from. room is what a line takes, in WCHARs; reserve makes room for so many fields and so many
 * WCHARs, so that set can not fail; it returns 0 or ERROR_NOT_ENOUGH_MEMORY. set writes a field (index == count appends);
 * value_parts are joined, and so are their bytes if one has some. tidy drops replaced text when there is more of it than
 * text in use: field pointers end there. */
struct text_part { const WCHAR *text; DWORD cch; const char *bytes; DWORD len; };
DWORD headers_room( DWORD name_cch, const struct text_part *value_parts, DWORD part_count );
DWORD headers_reserve( struct headers *list, DWORD fields, DWORD text_cch );
void headers_set( struct headers *list, DWORD index, const WCHAR *name, DWORD name_cch,
                  const struct text_part *value_parts, DWORD part_count );
void headers_remove( struct headers *list, DWORD index );
void headers_tidy( struct headers *list );

/* "name: value" CRLF */
static inline DWORD headers_line_cch( const struct field *field ) { return field->name_cch + field->value_cch + 4; }

#endif
