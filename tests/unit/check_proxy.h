/*
 * What must hold for every input of proxy_list.c, proxy_blob.c and proxy_env.c; shared by unit tests and fuzzer
 */

#ifndef CHECK_PROXY_H
#define CHECK_PROXY_H

#include "test.h"
#include "win_shim.h"
#include "proxy_blob.h"
#include "proxy_env.h"
#include "proxy_list.h"

#define WINHTTP_PROXY_TYPE_DIRECT 1
#define WINHTTP_PROXY_TYPE_PROXY  2

static inline void check_proxy_servers( const struct proxy_server *servers, DWORD count, DWORD max )
{
    DWORD i, j;

    for (i = 0; i < count && i < max; i++)
    {
        expect( servers[i].port && servers[i].host[0] && servers[i].kind <= PROXY_SOCKS5 );
        for (j = 0; j < PROXY_HOST_MAX && servers[i].host[j]; j++)
            expect( servers[i].host[j] > ' ' && servers[i].host[j] != '@' && servers[i].host[j] != '/' );
        expect( j < PROXY_HOST_MAX );
    }
}

/* A NUL-terminated text as a list, an answer and a bypass list. */
static inline void check_proxy_text( const WCHAR *text )
{
    static const WCHAR host[] = L"www.example.com";
    struct proxy_server servers[4];
    WCHAR *list, *bypass;
    BOOL direct;
    DWORD count;

    count = proxy_list_find( text, L"http", servers, ARRAYSIZE( servers ) );
    check_proxy_servers( servers, count, ARRAYSIZE( servers ) );
    expect( count == proxy_list_find( text, L"http", NULL, 0 ) );
    count = proxy_script_find( text, servers, ARRAYSIZE( servers ), &direct );
    check_proxy_servers( servers, count, ARRAYSIZE( servers ) );
    proxy_list_check( text );
    proxy_bypass_match( text, L"http", host, ARRAYSIZE( host ) - 1, 80 );
    proxy_bypass_match( L"*a*b*;[::1]:80;<local>;http://*.c", L"http", text, lstrlenW( text ), 80 );

    expect( !proxy_env_list( text, NULL, text, &list ) );
    if (list)
    {
        expect( !proxy_list_check( list ) );    /* what WinHttpOpen would take */
        expect( proxy_list_find( list, L"http", NULL, 0 ) <= 1 && proxy_list_find( list, L"https", NULL, 0 ) <= 1 );
    }
    expect( !proxy_env_bypass( text, &bypass ) );
    if (bypass) proxy_bypass_match( bypass, L"http", host, ARRAYSIZE( host ) - 1, 80 );
    free( list );
    free( bypass );
}

static inline BOOL check_proxy_inside( const struct proxy_text *text, const void *data, DWORD size )
{
    const char *start = data;

    return text->at >= start && text->at <= start + size && text->len <= (DWORD)(start + size - text->at);
}

/* What is read and written again says the same. */
static inline void check_proxy_blob( const void *data, DWORD size )
{
    struct proxy_blob blob, again;
    DWORD needed, i;
    BYTE *copy;

    if (!proxy_blob_read( data, size, &blob )) return;
    expect( check_proxy_inside( &blob.proxy, data, size ) && check_proxy_inside( &blob.bypass, data, size ) &&
            check_proxy_inside( &blob.url, data, size ) );
    needed = proxy_blob_write( &blob, NULL, 0 );
    copy = malloc( needed );
    expect( proxy_blob_write( &blob, copy, needed ) == needed );
    expect( proxy_blob_read( copy, needed, &again ) );
    expect( again.version == blob.version && again.counter == blob.counter && again.flags == blob.flags );
    expect( again.proxy.len == blob.proxy.len && !memcmp( again.proxy.at, blob.proxy.at, blob.proxy.len ) );
    expect( again.bypass.len == blob.bypass.len && !memcmp( again.bypass.at, blob.bypass.at, blob.bypass.len ) );
    for (i = 0; i < 16; i++) expect( !proxy_blob_read( copy, i, &again ) );
    free( copy );
}

#endif /* CHECK_PROXY_H */
