/*
 * Checks that must hold for any text given to the URL functions; shared by the unit test and the fuzz target
 */

#ifndef WINHTTP_CHECK_URL_H
#define WINHTTP_CHECK_URL_H

#include "test.h"
#include "win_shim.h"
#include "url.h"

#undef malloc      /* the memory of the tests themselves does not fail */

static inline int span_inside( const struct url_span *span, const WCHAR *text, DWORD cch )
{
    return !span->text || (span->text >= text && span->text + span->cch <= text + cch);
}

static inline int same_span( const WCHAR *text, DWORD cch, const struct url_span *span )
{
    return cch == span->cch && (!cch || !memcmp( text, span->text, cch * sizeof(WCHAR) ));
}

/* Takes apart and puts together: the result means the same, to the letter but for a default port. */
static inline void check_round_trip( const WCHAR *text, DWORD cch, const struct url *url )
{
    URL_COMPONENTS comps = { .dwStructSize = sizeof(comps), .dwSchemeLength = 1, .dwHostNameLength = 1,
                             .dwUserNameLength = 1, .dwPasswordLength = 1, .dwUrlPathLength = 1, .dwExtraInfoLength = 1 };
    DWORD size = cch + 16;
    WCHAR *made = malloc( size * sizeof(WCHAR) );
    struct url again;

    expect( WinHttpCrackUrl( text, cch, 0, &comps ) );
    expect( same_span( comps.lpszHostName, comps.dwHostNameLength, &url->host ) );
    /* A length of 0 with a pointer means a terminated string, which these are not. */
    if (comps.lpszUserName && !comps.dwUserNameLength) comps.lpszUserName = (WCHAR *)L"";
    if (comps.lpszPassword && !comps.dwPasswordLength) comps.lpszPassword = (WCHAR *)L"";
    if (!comps.dwUrlPathLength) comps.lpszUrlPath = NULL;
    if (!comps.dwExtraInfoLength) comps.lpszExtraInfo = NULL;
    if (expect( WinHttpCreateUrl( &comps, 0, made, &size ) ))
    {
        expect( !url_parse( &again, made, size ) );
        expect( same_span( again.host.text, again.host.cch, &url->host ) );
        expect( same_span( again.user.text, again.user.cch, &url->user ) );
        expect( same_span( again.password.text, again.password.cch, &url->password ) );
        expect( same_span( again.path.text, again.path.cch, &url->path ) );
        expect( same_span( again.extra.text, again.extra.cch, &url->extra ) );
        expect( again.port == url->port && again.scheme_id == url->scheme_id );
    }
    free( made );
}

static inline void check_parse( const WCHAR *text, DWORD cch )
{
    struct url url;
    DWORD i, err = url_parse( &url, text, cch );

    expect( !err || err == ERROR_WINHTTP_INVALID_URL || err == ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
    if (err) return;
    expect( url.host.cch && span_inside( &url.host, text, cch ) );
    expect( span_inside( &url.user, text, cch ) && span_inside( &url.password, text, cch ) );
    expect( span_inside( &url.path, text, cch ) && span_inside( &url.extra, text, cch ) );
    expect( url.extra.text + url.extra.cch == text + cch );
    for (i = 0; i < url.host.cch; i++)
        expect( url.host.text[i] >= ' ' && !memchr( "/?#@\\\x7f", url.host.text[i] < 0x80 ? url.host.text[i] : 'x', 6 ) );
    if (cch && !memchr( text, 0, 1 )) check_round_trip( text, cch, &url );
}

/* With buffers of every usefulness, all flags: never beyond them. */
static inline void check_crack_buffers( const WCHAR *text, DWORD cch, DWORD flags, DWORD size )
{
    WCHAR *buffer = malloc( 3 * size * sizeof(WCHAR) );
    URL_COMPONENTS comps = { .dwStructSize = sizeof(comps), .lpszHostName = buffer, .dwHostNameLength = size,
                             .lpszUrlPath = buffer + size, .dwUrlPathLength = size,
                             .lpszExtraInfo = buffer + 2 * size, .dwExtraInfoLength = size };

    if (cch && WinHttpCrackUrl( text, cch, flags, &comps ))
    {
        expect( comps.dwHostNameLength < size && !buffer[comps.dwHostNameLength] );
        expect( comps.dwUrlPathLength < size && !buffer[size + comps.dwUrlPathLength] );
        expect( comps.dwExtraInfoLength < size && !buffer[2 * size + comps.dwExtraInfoLength] );
    }
    free( buffer );
}

static inline void check_target( const WCHAR *text, DWORD cch, const struct url_escape *how )
{
    WCHAR *object = malloc( (cch + 1) * sizeof(WCHAR) ), *target = NULL;
    DWORD i, target_cch = 0, err;

    if (cch) memcpy( object, text, cch * sizeof(WCHAR) );
    object[cch] = 0;
    err = url_escape_target( object, how, &target, &target_cch );
    if (!err)
    {
        expect( target[0] == '/' && !target[target_cch] );
        for (i = 0; i < target_cch; i++)
            expect( target[i] && target[i] < 0x80 && target[i] != ' ' && target[i] != '\r' && target[i] != '\n' );
        free( target );
    }
    else expect( err == ERROR_NOT_ENOUGH_MEMORY );
    free( object );
}

/* What came out is a name that stays as it is. */
static inline void check_host_again( const char *host )
{
    WCHAR wide[256];
    char again[256];
    DWORD i;

    for (i = 0; host[i]; i++) wide[i] = host[i];
    expect( !url_host_to_ascii( wide, i, again, sizeof(again) ) && !strcmp( host, again ) );
}

static inline void check_host( const WCHAR *text, DWORD cch )
{
    char host[256];
    DWORD i;

    if (url_host_to_ascii( text, cch, host, sizeof(host) )) return;
    expect( host[0] && strlen( host ) < sizeof(host) );
    for (i = 0; host[i]; i++) expect( host[i] > ' ' && host[i] < 0x7f && !strchr( "/?#@\\[]", host[i] ) );
    check_host_again( host );
}

static inline void check_url( const WCHAR *source, DWORD cch )
{
    static const struct url_escape escapes[] =
    {
        { 0, CP_UTF8, FALSE }, { WINHTTP_FLAG_ESCAPE_PERCENT, 1252, FALSE },
        { WINHTTP_FLAG_ESCAPE_DISABLE, CP_UTF8, FALSE }, { WINHTTP_FLAG_ESCAPE_DISABLE, 1252, TRUE },
        { WINHTTP_FLAG_ESCAPE_DISABLE_QUERY, 1252, FALSE },
    };
    const WCHAR *text = guard_copy( source, cch * sizeof(WCHAR) );
    DWORD i, end;

    for (end = 0; end < cch && text[end]; end++) ;
    check_parse( text, end );
    for (i = 1; i <= 4 * cch + 1; i = i * 2 + 1)
    {
        check_crack_buffers( text, cch, 0, i );
        check_crack_buffers( text, cch, ICU_DECODE, i );
        check_crack_buffers( text, cch, ICU_ESCAPE, i );
        check_crack_buffers( text, cch, ICU_ESCAPE | ICU_DECODE, i );
    }
    for (i = 0; i < ARRAYSIZE( escapes ); i++) check_target( text, cch, &escapes[i] );
    check_host( text, cch );
}

#endif
