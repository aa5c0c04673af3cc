#if 0
#pragma makedep unix
#endif

/*
 * HTTP/1 response heads: find the end, check, read the framing
 *
 * head_scan looks at each byte once, whatever the split, and takes care of what no reader may ever see (NUL, bare CR).
 * head_parse reads a complete head in one pass; only the fields that frame the message and Content-Encoding are looked
 * into.
 * Source: RFC 9112; what is tolerated beyond it is what Windows tolerates (windows-behaviour ).
 */

#include <string.h>
#include <strings.h>

#include "head.h"

static const char head_prefix[] = "HTTP/";
#define PREFIX_LEN (sizeof(head_prefix) - 1)

enum scan_state
{
    SCAN_PREFIX,         /* the first bytes must be head_prefix */
    SCAN_LINE,           /* inside a line that is not empty */
    SCAN_LINE_CR,        /* CR at the end of such a line: only LF may follow */
    SCAN_EMPTY,          /* at the beginning of a line */
    SCAN_EMPTY_CR,       /* CR at the beginning of a line: only LF may follow, and ends the head */
    SCAN_DONE,
    SCAN_BAD,
};

/* Leaves at the first byte below 0x0e, which is all that can be of interest; eight bytes at a time. */
static const char *skip_plain( const char *p, const char *end )
{
    const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;
    uint64_t word;

    while ((size_t)(end - p) >= sizeof(word))
    {
        memcpy( &word, p, sizeof(word) );
        if ((word - ones * 0x0e) & ~word & tops) break;
        p += sizeof(word);
    }
    while (p < end && (unsigned char)*p >= 0x0e) p++;
    return p;
}

static enum scan_state scan_control( enum scan_state state, char c )
{
    switch (c)
    {
    case '\n': return state == SCAN_EMPTY || state == SCAN_EMPTY_CR ? SCAN_DONE : SCAN_EMPTY;
    case '\r': return state == SCAN_EMPTY ? SCAN_EMPTY_CR : state == SCAN_LINE ? SCAN_LINE_CR : SCAN_BAD;
    case 0:    return SCAN_BAD;
    default:   return state == SCAN_EMPTY || state == SCAN_LINE ? SCAN_LINE : SCAN_BAD;
    }
}

ssize_t head_scan( struct head_scan *scan, const char *data, size_t len )
{
    enum scan_state state = scan->state;
    const char *p = data + scan->seen, *end = data + len;

    while (state == SCAN_PREFIX && p < end)
    {
        if (*p != head_prefix[p - data]) state = SCAN_BAD;
        else if (++p - data == PREFIX_LEN) state = SCAN_LINE;
    }
    while (p < end && state < SCAN_DONE)
    {
        if (state == SCAN_LINE && (p = skip_plain( p, end )) == end) break;
        state = scan_control( state, *p++ );
    }
    scan->state = state;
    scan->seen = p - data;
    if (state == SCAN_BAD) return PARSE_BAD;
    return state == SCAN_DONE ? (ssize_t)scan->seen : PARSE_MORE;
}

/* What the fields said so far. */
struct framing
{
    uint64_t length;
    int      have_length, have_coding;
    int      chunked;            /* the last coding named so far is "chunked" */
    int      close, keep_alive;  /* tokens of Connection, */
    int      proxy_close, proxy_keep_alive;      /* and of Proxy-Connection */
    struct codings codings;
};

/* Folded lines keep their line ends inside a value, so these count as blanks there. */
static int is_blank( char c )
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int is_digit( char c )
{
    return c >= '0' && c <= '9';
}

static void trim( const char **text, const char **end )
{
    while (*text < *end && is_blank( **text )) ++*text;
    while (*end > *text && is_blank( (*end)[-1] )) --*end;
}

static int text_is( const char *text, const char *end, const char *word )
{
    size_t len = strlen( word );

    return (size_t)(end - text) == len && !strncasecmp( text, word, len );
}

/* Plain digits, at most 2^63-1: a sign, 0x or a blank inside could be read in two ways. */
static int read_length( const char *text, const char *end, uint64_t *length )
{
    uint64_t value = 0;

    if (text == end) return 0;
    for (; text < end; text++)
    {
        if (!is_digit( *text )) return 0;
        if (value > (INT64_MAX - (uint64_t)(*text - '0')) / 10) return 0;
        value = value * 10 + (*text - '0');
    }
    *length = value;
    return 1;
}

static int content_length_item( struct framing *framing, const char *text, const char *end )
{
    uint64_t length;

    if (!read_length( text, end, &length )) return 0;
    if (framing->have_length && length != framing->length) return 0;
    framing->length = length;
    framing->have_length = 1;
    return 1;
}

static int transfer_encoding_item( struct framing *framing, const char *text, const char *end )
{
    if (framing->have_coding) return 0;     /* only one coding is understood, so a second one cannot be */
    framing->have_coding = 1;
    framing->chunked = text_is( text, end, "chunked" );
    return framing->chunked || text_is( text, end, "identity" );
}

static int connection_item( struct framing *framing, const char *text, const char *end )
{
    if (text_is( text, end, "close" )) framing->close = 1;
    else if (text_is( text, end, "keep-alive" )) framing->keep_alive = 1;
    return 1;
}

static int proxy_connection_item( struct framing *framing, const char *text, const char *end )
{
    if (text_is( text, end, "close" )) framing->proxy_close = 1;
    else if (text_is( text, end, "keep-alive" )) framing->proxy_keep_alive = 1;
    return 1;
}

static int content_encoding_item( struct framing *framing, const char *text, const char *end )
{
    codings_add( &framing->codings, text, end - text );
    return 1;
}

static const struct framing_field
{
    const char *name;
    size_t      name_len;
    int       (*item)( struct framing *framing, const char *text, const char *end );
}
framing_fields[] =
{
    { "connection",        10, connection_item },
    { "content-encoding",  16, content_encoding_item },
    { "content-length",    14, content_length_item },
    { "proxy-connection",  16, proxy_connection_item },
    { "transfer-encoding", 17, transfer_encoding_item },
};

static int read_items( const struct framing_field *field, struct framing *framing, const char *value, const char *end )
{
    const char *item, *item_end, *comma;

    for (;;)
    {
        comma = memchr( value, ',', end - value );
        item = value;
        item_end = comma ? comma : end;
        trim( &item, &item_end );
        if (!field->item( framing, item, item_end )) return 0;
        if (!comma) return 1;
        value = comma + 1;
    }
}

static int read_field( struct framing *framing, const char *name, size_t name_len, const char *value, const char *end )
{
    size_t i;

    for (i = 0; i < sizeof(framing_fields) / sizeof(framing_fields[0]); i++)
    {
        if (framing_fields[i].name_len != name_len) continue;
        if (!strncasecmp( name, framing_fields[i].name, name_len ))
            return read_items( &framing_fields[i], framing, value, end );
    }
    return 1;
}

/* The name in front of the colon: its length, 0 if there is none, -1 if it is not one (a blank or a control character
 * in it: two readers could see two different fields). */
static ssize_t name_length( const char *line, const char *colon, int *ambiguous )
{
    const char *end = colon, *p;

    while (end > line && is_blank( end[-1] )) end--;
    if (end < colon) *ambiguous = 1;        /* R-4, and an old way to hide a length from one of two readers */
    for (p = line; p < end; p++) if ((unsigned char)*p <= ' ' || *p == 0x7f) return -1;
    return end - line;
}

/* "HTTP/1.x", blanks, three digits; then blanks and a reason, or nothing. */
static int read_status_line( struct head_info *info, const char *line, const char *end )
{
    const char *p = line + PREFIX_LEN;

    if (end - line < 12 || memcmp( line, head_prefix, PREFIX_LEN )) return 0;
    if (p[0] != '1' || p[1] != '.' || !is_digit( p[2] )) return 0;
    info->minor = p[2] - '0';
    p += 3;
    if (!is_blank( *p )) return 0;
    while (p < end && is_blank( *p )) p++;
    if (end - p < 3 || !is_digit( p[0] ) || !is_digit( p[1] ) || !is_digit( p[2] ) || p[0] == '0') return 0;
    info->status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    return p + 3 == end || is_blank( p[3] );
}

/* The line at `line`: its end without the line end, and where the next one starts. NULL if it has no end. */
static const char *line_end( const char *line, const char *end, const char **next, int *ambiguous )
{
    const char *lf = memchr( line, '\n', end - line );

    if (!lf) return NULL;
    *next = lf + 1;
    if (lf > line && lf[-1] == '\r') return lf - 1;
    *ambiguous = 1;                         /* some readers take a bare LF for a part of the line */
    return lf;
}

static void decide_body( struct head_info *info, const struct framing *framing, int head_request )
{
    int bodyless = info->status < 200 || info->status == 204, may_keep;

    if (framing->have_length && framing->have_coding) info->ambiguous = 1;
    if (framing->have_coding && (!framing->chunked || !info->minor)) info->ambiguous = 1;
    info->content_len = framing->have_length && !framing->chunked ? framing->length : ~(uint64_t)0;

    /* A length or coding on a response that cannot have a body: somebody may wait for one. */
    if (bodyless && (framing->chunked || (framing->have_length && framing->length))) info->ambiguous = 1;

    if (head_request || bodyless || info->status == 304) info->body = HEAD_BODY_NONE;
    else if (framing->chunked) info->body = HEAD_BODY_CHUNKED;
    else if (framing->have_length) info->body = HEAD_BODY_LENGTH;
    else info->body = HEAD_BODY_CLOSE;

    may_keep = !framing->close && !info->ambiguous && info->body != HEAD_BODY_CLOSE && info->status != 101;
    info->keep_alive = may_keep && (info->minor || framing->keep_alive);
    info->proxy_keep_alive = may_keep && !framing->proxy_close &&
                             (info->minor || framing->keep_alive || framing->proxy_keep_alive);
}

ssize_t head_parse( struct head_info *info, const char *head, size_t len, int head_request )
{
    const char *line = head, *end = head + len, *text_end, *next, *value_end, *colon;
    struct framing framing;
    ssize_t name_len;

    memset( &framing, 0, sizeof(framing) );
    memset( info, 0, sizeof(*info) );
    if (!(text_end = line_end( line, end, &next, &info->ambiguous ))) return PARSE_BAD;
    if (!read_status_line( info, line, text_end )) return PARSE_BAD;

    for (line = next; (text_end = line_end( line, end, &next, &info->ambiguous )); line = next)
    {
        if (text_end == line)
        {
            decide_body( info, &framing, head_request );
            info->codings = framing.codings;
            return next - head;
        }
        value_end = text_end;
        while (next < end && (*next == ' ' || *next == '\t'))   /* a folded line goes on with the value */
        {
            info->ambiguous = 1;
            if (!(value_end = line_end( next, end, &next, &info->ambiguous ))) return PARSE_BAD;
        }
        colon = memchr( line, ':', text_end - line );
        if (!colon || !(name_len = name_length( line, colon, &info->ambiguous ))) info->ambiguous = 1;
        else if (name_len < 0) return PARSE_BAD;
        else if (!read_field( &framing, line, name_len, colon + 1, value_end )) return PARSE_BAD;
    }
    return PARSE_BAD;
}

int head_status( const char *head, size_t len )
{
    struct head_info info = { 0 };
    const char *text_end, *next;

    if (!(text_end = line_end( head, head + len, &next, &info.ambiguous ))) return PARSE_BAD;
    return read_status_line( &info, head, text_end ) ? (int)info.status : PARSE_BAD;
}
