/*
 * Checks that must hold for anything a server sends as Location; shared by the unit test and the fuzz target
 */

#ifndef WINHTTP_CHECK_REDIRECT_H
#define WINHTTP_CHECK_REDIRECT_H

#include "test.h"
#include "win_shim.h"
#include "redirect.h"

#define POLICY_SAFE   WINHTTP_OPTION_REDIRECT_POLICY_DISALLOW_HTTPS_TO_HTTP
#define POLICY_ALWAYS WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS

/* The text is a URL that could be sent and connected to as it is, and says what the struct says. */
static inline void check_redirect_result( const struct redirect *redirect )
{
    const struct url *url = &redirect->url;
    struct url again;
    char host[256];
    DWORD i, target_cch = url->path.cch + url->extra.cch;

    expect( !redirect->text[redirect->cch] && (int)redirect->cch == lstrlenW( redirect->text ) );
    for (i = 0; i < redirect->cch; i++) expect( redirect->text[i] > ' ' && redirect->text[i] < 0x7f );
    for (i = 0; i < redirect->cch; i++) expect( !strchr( "\"#<>\\^`{|}", redirect->text[i] ) );
    expect( !url->user.text && !url->password.text );
    expect( url->path.cch && url->path.text[0] == '/' );
    expect( url->path.text + target_cch == redirect->text + redirect->cch );
    expect( !url->extra.cch || url->extra.text[0] == '?' );
    expect( !url_host_to_ascii( url->host.text, url->host.cch, host, sizeof(host) ) );
    expect( !url_parse( &again, redirect->text, redirect->cch ) && again.port == url->port );
    expect( url->port_given == (url->port != (url->scheme_id == INTERNET_SCHEME_HTTPS ? 443 : 80)) );
}

static inline DWORD check_redirect( const WCHAR *base, DWORD base_cch, const WCHAR *source, DWORD cch )
{
    const WCHAR *location = guard_copy( source, cch * sizeof(WCHAR) );
    struct redirect redirect, again;
    struct url old;
    DWORD err = redirect_resolve( &redirect, base, base_cch, location, cch, POLICY_ALWAYS, FALSE ), err2;

    if (err)
    {
        expect( !redirect.text );
        expect( err == ERROR_WINHTTP_INVALID_URL || err == ERROR_WINHTTP_UNRECOGNIZED_SCHEME );
        return err;
    }
    check_redirect_result( &redirect );
    expect( !url_parse( &old, base, base_cch ) );

    /* the safer policy refuses exactly one thing */
    err = redirect_resolve( &again, base, base_cch, location, cch, POLICY_SAFE, FALSE );
    if (old.scheme_id == INTERNET_SCHEME_HTTPS && redirect.url.scheme_id == INTERNET_SCHEME_HTTP)
        expect( err == ERROR_WINHTTP_REDIRECT_FAILED && redirect.new_origin );
    else expect( !err && again.cch == redirect.cch );
    redirect_free( &again );

    /* led to itself it stays where it is */
    err2 = redirect_resolve( &again, redirect.text, redirect.cch, redirect.text, redirect.cch, POLICY_SAFE, TRUE );
    expect( !err2 && !again.new_origin && again.cch == redirect.cch );
    if (!err2) expect( !memcmp( again.text, redirect.text, again.cch * sizeof(WCHAR) ) );
    redirect_free( &again );
    redirect_free( &redirect );
    return 0;
}

#endif
