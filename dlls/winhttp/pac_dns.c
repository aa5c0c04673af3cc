/*
 * Proxy scripts: names and this machine's own addresses, through Winsock
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <iphlpapi.h>

#include "wine/debug.h"
#include "pac_dns.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

/* Never given back: at the module's end it is too late to call another one. */
static BOOL CALLBACK start_winsock( INIT_ONCE *once UNUSED, void *param UNUSED, void **context UNUSED )
{
    WSADATA data;

    return !WSAStartup( MAKEWORD( 2, 2 ), &data );
}

static BOOL winsock_started(void)
{
    static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

    return InitOnceExecuteOnce( &once, start_winsock, NULL, NULL );
}

/* Another address for the list, if there is room. */
static void append( WCHAR *list, const SOCKADDR *address, int size )
{
    WCHAR text[64];
    DWORD cch = ARRAYSIZE( text ), used = wcslen( list );

    if (WSAAddressToStringW( (SOCKADDR *)address, size, NULL, text, &cch )) return;
    if (used + wcslen( text ) + 2 > PAC_DNS_LIST_CCH) return;
    if (used) wcscat( list, L";" );
    wcscat( list, text );
}

BOOL pac_dns_resolve( const WCHAR *name, BOOL all, WCHAR *list )
{
    ADDRINFOW hints = { .ai_family = all ? AF_UNSPEC : AF_INET, .ai_socktype = SOCK_STREAM }, *info, *p;
    int ret;

    *list = 0;
    if (!winsock_started()) return FALSE;
    if ((ret = GetAddrInfoW( name, NULL, &hints, &info )))
    {
        TRACE( "%s: %d\n", debugstr_w( name ), ret );
        return FALSE;
    }
    for (p = info; p && (all || !*list); p = p->ai_next)
        if (p->ai_family == AF_INET || p->ai_family == AF_INET6) append( list, p->ai_addr, p->ai_addrlen );
    FreeAddrInfoW( info );
    TRACE( "%s: %s\n", debugstr_w( name ), debugstr_w( list ) );
    return *list != 0;
}

/* Connecting a datagram socket sends nothing: it only finds the way, and with it the address that one would come from.
 * 192.0.2.1 is nobody's (RFC 5737), so it lies behind the default route. */
static void append_outgoing( WCHAR *list )
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons( 80 ) };
    int size = sizeof(address);
    SOCKET s;

    address.sin_addr.s_addr = htonl( 0xc0000201 );
    if ((s = socket( AF_INET, SOCK_DGRAM, 0 )) == INVALID_SOCKET) return;
    if (!connect( s, (SOCKADDR *)&address, sizeof(address) ) && !getsockname( s, (SOCKADDR *)&address, &size ) &&
        address.sin_addr.s_addr)
    {
        address.sin_port = 0;    /* it would be part of the text */
        append( list, (SOCKADDR *)&address, sizeof(address) );
    }
    closesocket( s );
}

static void append_adapters( WCHAR *list, ULONG family, BOOL all )
{
    const ULONG flags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
    IP_ADAPTER_ADDRESSES *adapters = NULL, *adapter;
    IP_ADAPTER_UNICAST_ADDRESS *address;
    ULONG size = 16384, err = ERROR_BUFFER_OVERFLOW;
    int tries;

    for (tries = 0; tries < 3 && err == ERROR_BUFFER_OVERFLOW; tries++)    /* adapters may come meanwhile */
    {
        free( adapters );
        if (!(adapters = malloc( size ))) return;
        err = GetAdaptersAddresses( family, flags, NULL, adapters, &size );
    }
    for (adapter = err ? NULL : adapters; adapter; adapter = adapter->Next)
    {
        if (adapter->OperStatus != IfOperStatusUp || adapter->IfType == IF_TYPE_SOFTWARE_LOOPBACK) continue;
        for (address = adapter->FirstUnicastAddress; address && (all || !*list); address = address->Next)
            append( list, address->Address.lpSockaddr, address->Address.iSockaddrLength );
    }
    free( adapters );
}

void pac_dns_local( BOOL all, WCHAR *list )
{
    *list = 0;
    if (!winsock_started()) /* nothing */;
    else if (all) append_adapters( list, AF_UNSPEC, TRUE );
    else
    {
        append_outgoing( list );
        if (!*list) append_adapters( list, AF_INET, FALSE );    /* no default route */
    }
    if (!all && !*list) wcscpy( list, L"127.0.0.1" );
}
