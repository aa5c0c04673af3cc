/*
 * Proxy lists and bypass lists as Windows' programs and settings write them
 *
 * What a list leaves open is a choice here: an entry for another scheme does not serve requests of a scheme that the list
 * does not name (they go direct), "socks=" entries are for other programs, and a '*' of a bypass entry may stand anywhere.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#endif

#include "proxy_list.h"

struct text { const WCHAR *at, *end; };

static BOOL is_separator( WCHAR c ) { return c == ';' || c == ' ' || (c >= '\t' && c <= '\r'); }

static WCHAR lower( WCHAR c ) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

/* The next entry of a list; FALSE at its end. */
static BOOL next_entry( const WCHAR **list, struct text *entry )
{
    const WCHAR *p = *list;

    while (is_separator( *p )) p++;
    entry->at = p;
    while (*p && !is_separator( *p )) p++;
    entry->end = *list = p;
    return entry->at < entry->end;
}

static BOOL text_is( const struct text *text, const WCHAR *word )
{
    const WCHAR *p = text->at;

    while (p < text->end && *word && lower( *p ) == lower( *word )) p++, word++;
    return p == text->end && !*word;
}

/* Takes what stands before `mark` off the front; FALSE, and `front` empty: there is no mark. */
static BOOL cut_front( struct text *text, const WCHAR *mark, struct text *front )
{
    const WCHAR *p, *m, *q;

    for (p = text->at; p < text->end; p++)
    {
        for (q = p, m = mark; q < text->end && *m && *q == *m; q++) m++;
        if (*m) continue;
        front->at = text->at;
        front->end = p;
        text->at = q;
        return TRUE;
    }
    front->at = front->end = text->at;
    return FALSE;
}

/* A number from 1 to 65535 that fills the text; 0: it is none. */
static INTERNET_PORT parse_port( const struct text *text )
{
    const WCHAR *p;
    DWORD port = 0;

    for (p = text->at; p < text->end; p++)
    {
        if (*p < '0' || *p > '9' || p - text->at >= 5) return 0;
        port = port * 10 + *p - '0';
    }
    return port <= 65535 ? port : 0;
}

/* host[:port]: an address of IPv6 may have brackets, and has no port without them. *port is 0 if there is none; FALSE: what
 * stands there is no port, or no host is left. */
static BOOL cut_port( struct text *text, INTERNET_PORT *port )
{
    struct text number = { NULL, text->end };
    const WCHAR *p;
    BOOL several = FALSE;

    *port = 0;
    if (text->at < text->end && *text->at == '[')
    {
        for (p = ++text->at; p < text->end && *p != ']'; p++) ;
        if (p == text->end) return FALSE;
        if (p + 1 < text->end)
        {
            if (p[1] != ':') return FALSE;
            number.at = p + 2;
        }
        text->end = p;
    }
    else
    {
        for (p = text->at; p < text->end; p++)
        {
            if (*p != ':') continue;
            several = number.at != NULL;
            number.at = p + 1;
        }
        if (several) number.at = NULL;
        else if (number.at) text->end = number.at - 1;
    }
    if (number.at && !(*port = parse_port( &number ))) return FALSE;
    return text->at < text->end;
}

static BOOL contains( const struct text *text, WCHAR c )
{
    const WCHAR *p;

    for (p = text->at; p < text->end; p++) if (*p == c) return TRUE;
    return FALSE;
}

static BOOL has_control( const struct text *text )
{
    const WCHAR *p;

    for (p = text->at; p < text->end; p++) if (*p < ' ' || *p == 0x7f) return TRUE;
    return FALSE;
}

/* What serves as a server, `text` being its host and port. FALSE: nothing that could be connected to. */
static BOOL make_server( struct text text, enum proxy_server_kind kind, INTERNET_PORT usual_port, struct proxy_server *server )
{
    DWORD cch;

    while (text.at < text.end && text.end[-1] == '/') text.end--;
    if (contains( &text, '@' ) || contains( &text, '/' ) || has_control( &text )) return FALSE;
    if (!cut_port( &text, &server->port ) || (cch = text.end - text.at) >= PROXY_HOST_MAX) return FALSE;
    memcpy( server->host, text.at, cch * sizeof(WCHAR) );
    server->host[cch] = 0;
    if (!server->port) server->port = usual_port;
    server->kind = kind;
    return TRUE;
}

/* What can stand before a server. SOCKS with a scheme of its own is an extension: what names it means it, and would
 * otherwise go direct. */
static const struct
{
    const WCHAR           *scheme;
    enum proxy_server_kind kind;
    INTERNET_PORT          port;
}
protocols[] =
{
    { L"",       PROXY_HTTP,   80 },
    { L"http",   PROXY_HTTP,   80 },
    { L"https",  PROXY_HTTPS,  443 },
    { L"socks4", PROXY_SOCKS4, 1080 },
    { L"socks5", PROXY_SOCKS5, 1080 },
};

/* [scheme=][proxy scheme://]server[:port]. FALSE: it is of another kind, or of none. */
static BOOL parse_entry( struct text entry, struct text *scheme, struct proxy_server *server )
{
    struct text protocol;
    unsigned int i;

    cut_front( &entry, L"=", scheme );
    cut_front( &entry, L"://", &protocol );
    for (i = 0; i < ARRAYSIZE( protocols ); i++)
        if (text_is( &protocol, protocols[i].scheme ))
            return make_server( entry, protocols[i].kind, protocols[i].port, server );
    return FALSE;
}

DWORD proxy_list_check( const WCHAR *list )
{
    struct text entry, scheme, protocol;
    INTERNET_PORT port;

    while (next_entry( &list, &entry ))
    {
        cut_front( &entry, L"=", &scheme );
        cut_front( &entry, L"://", &protocol );
        while (entry.at < entry.end && entry.end[-1] == '/') entry.end--;
        if (contains( &entry, '@' ) || has_control( &entry ) || !cut_port( &entry, &port )) return ERROR_INVALID_PARAMETER;
    }
    return 0;
}

/* Those for one scheme; an empty one is the scheme of entries that name none. */
static DWORD find_for( const WCHAR *list, const WCHAR *wanted, struct proxy_server *servers, DWORD max )
{
    struct proxy_server server;
    struct text entry, scheme;
    DWORD count = 0;

    while (next_entry( &list, &entry ))
    {
        if (!parse_entry( entry, &scheme, &server ) || !text_is( &scheme, wanted )) continue;
        if (count < max) servers[count] = server;
        count++;
    }
    return count;
}

DWORD proxy_list_find( const WCHAR *list, const WCHAR *scheme, struct proxy_server *servers, DWORD max )
{
    DWORD count = find_for( list, scheme, servers, max );

    return count ? count : find_for( list, L"", servers, max );
}

/* The keywords of scripts. "SOCKS" alone has always been version 4. */
static const struct
{
    const WCHAR           *word;
    enum proxy_server_kind kind;
    INTERNET_PORT          port;
}
keywords[] =
{
    { L"PROXY",  PROXY_HTTP,   80 },
    { L"HTTP",   PROXY_HTTP,   80 },
    { L"HTTPS",  PROXY_HTTPS,  443 },
    { L"SOCKS",  PROXY_SOCKS4, 1080 },
    { L"SOCKS4", PROXY_SOCKS4, 1080 },
    { L"SOCKS5", PROXY_SOCKS5, 1080 },
};

static BOOL is_blank( WCHAR c ) { return is_separator( c ) && c != ';'; }

/* "KEYWORD server[:port]" up to the next ';', without blanks around it. */
static BOOL next_answer( const WCHAR **answer, struct text *word, struct text *rest )
{
    const WCHAR *p = *answer;

    while (is_separator( *p )) p++;
    if (!*p)
    {
        *answer = p;
        return FALSE;
    }
    word->at = p;
    while (*p && !is_separator( *p )) p++;
    word->end = p;
    while (is_blank( *p )) p++;
    rest->at = p;
    while (*p && *p != ';') p++;
    *answer = p;
    while (p > rest->at && is_blank( p[-1] )) p--;
    rest->end = p;
    return TRUE;
}

DWORD proxy_script_find( const WCHAR *answer, struct proxy_server *servers, DWORD max, BOOL *direct )
{
    struct proxy_server server;
    struct text word, rest;
    DWORD i, count = 0;

    *direct = FALSE;
    while (next_answer( &answer, &word, &rest ))
    {
        if (text_is( &word, L"DIRECT" ))
        {
            *direct = TRUE;
            break;
        }
        for (i = 0; i < ARRAYSIZE( keywords ) && !text_is( &word, keywords[i].word ); i++) ;
        if (i == ARRAYSIZE( keywords ) || contains( &rest, ' ' )) continue;
        if (!make_server( rest, keywords[i].kind, keywords[i].port, &server )) continue;
        if (count < max) servers[count] = server;
        count++;
    }
    return count;
}

/* '*' stands for any characters, also for none. Linear in both texts but for the last star, to which it goes back. */
static BOOL matches( const struct text *pattern, const struct text *text )
{
    const WCHAR *p = pattern->at, *t = text->at, *star = NULL, *back = NULL;

    while (t < text->end)
    {
        if (p < pattern->end && *p == '*')
        {
            star = ++p;
            back = t;
        }
        else if (p < pattern->end && lower( *p ) == lower( *t )) p++, t++;
        else if (star)
        {
            p = star;
            t = ++back;
        }
        else return FALSE;
    }
    while (p < pattern->end && *p == '*') p++;
    return p == pattern->end;
}

BOOL proxy_bypass_match( const WCHAR *bypass, const WCHAR *scheme, const WCHAR *host, DWORD host_cch, INTERNET_PORT port )
{
    struct text entry, entry_scheme, name = { host, host + host_cch };
    INTERNET_PORT entry_port;

    if (!bypass) return FALSE;
    if (host_cch >= 2 && host[0] == '[' && host[host_cch - 1] == ']') name.at++, name.end--;
    while (next_entry( &bypass, &entry ))
    {
        if (text_is( &entry, L"<local>" ))
        {
            if (!contains( &name, '.' ) && !contains( &name, ':' )) return TRUE;
            continue;
        }
        if (cut_front( &entry, L"://", &entry_scheme ) && !text_is( &entry_scheme, scheme )) continue;
        if (!cut_port( &entry, &entry_port ) || (entry_port && entry_port != port)) continue;
        if (matches( &entry, &name )) return TRUE;
    }
    return FALSE;
}
