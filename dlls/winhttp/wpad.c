/*
 * Discovery of proxy scripts: where the network says that one is
 *
 * The system's resolver takes its own time, so a thread asks, and whoever waits leaves it behind when it takes too long. Wine
 * has DHCP's answers where its dhcpcsvc.dll can get them from the host; where it cannot, DHCP says nothing.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <iphlpapi.h>
#include <dhcpcsdk.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "pac_dns.h"
#include "transport.h"
#include "wpad.h"
#include "wpad_name.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define DETECT_MS   8000        /* two names that nobody answers for take the resolver longer */
#define MAX_URL     2048
#define OPTION_WPAD 252
#define FOUND_MS    300000
#define NOTHING_MS  60000
#define LOOK_MS     20          /* how often whoever waits for another thread looks whether it is still to wait */

/*--- the machine's adapters ----------------------------------------------------------------------------------------*/

/* Given (free); NULL: none, or no memory. */
static IP_ADAPTER_ADDRESSES *list_adapters(void)
{
    const ULONG flags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_UNICAST;
    IP_ADAPTER_ADDRESSES *adapters = NULL;
    ULONG size = 16384, err = ERROR_BUFFER_OVERFLOW;
    int tries;

    for (tries = 0; tries < 3 && err == ERROR_BUFFER_OVERFLOW; tries++)    /* some may come meanwhile */
    {
        free( adapters );
        if (!(adapters = malloc( size ))) return NULL;
        err = GetAdaptersAddresses( AF_UNSPEC, flags, NULL, adapters, &size );
    }
    if (!err) return adapters;
    free( adapters );
    return NULL;
}

static BOOL is_in_use( const IP_ADAPTER_ADDRESSES *adapter )
{
    return adapter->OperStatus == IfOperStatusUp && adapter->IfType != IF_TYPE_SOFTWARE_LOOPBACK;
}

/*--- DHCP ----------------------------------------------------------------------------------------------------------*/

struct dhcp
{
    HMODULE module;
    __typeof__( DhcpCApiInitialize ) *initialize;
    __typeof__( DhcpCApiCleanup )    *cleanup;
    __typeof__( DhcpRequestParams )  *request;
};

static BOOL dhcp_load( struct dhcp *dhcp )
{
    DWORD version;

    if (!(dhcp->module = LoadLibraryW( L"dhcpcsvc.dll" ))) return FALSE;
    dhcp->initialize = (void *)GetProcAddress( dhcp->module, "DhcpCApiInitialize" );
    dhcp->cleanup    = (void *)GetProcAddress( dhcp->module, "DhcpCApiCleanup" );
    dhcp->request    = (void *)GetProcAddress( dhcp->module, "DhcpRequestParams" );
    if (dhcp->initialize && dhcp->cleanup && dhcp->request && !dhcp->initialize( &version )) return TRUE;
    FreeLibrary( dhcp->module );
    return FALSE;
}

/* The option's bytes as a URL: one byte per character, perhaps with a NUL or a line break at the end. Given, or NULL. */
static WCHAR *option_url( const BYTE *data, DWORD len )
{
    WCHAR *url;
    DWORD i;

    while (len && (data[len - 1] <= ' ')) len--;
    if (!len || !(url = malloc( (len + 1) * sizeof(WCHAR) ))) return NULL;
    for (i = 0; i < len && data[i] > ' ' && data[i] < 0x7f; i++) url[i] = data[i];
    url[i] = 0;
    if (i == len) return url;
    free( url );
    return NULL;
}

static WCHAR *ask_dhcp_on( const struct dhcp *dhcp, const char *adapter )
{
    DHCPCAPI_PARAMS param = { 0, OPTION_WPAD, FALSE, NULL, 0 };
    DHCPCAPI_PARAMS_ARRAY send = { 0, NULL }, receive = { 1, &param };
    BYTE data[MAX_URL];
    DWORD size = sizeof(data), err;
    WCHAR name[256];

    if (!MultiByteToWideChar( CP_ACP, 0, adapter, -1, name, ARRAYSIZE( name ) )) return NULL;
    err = dhcp->request( DHCPCAPI_REQUEST_SYNCHRONOUS, NULL, name, NULL, send, receive, data, &size, NULL );
    TRACE( "%s: %lu, %lu bytes\n", debugstr_w( name ), err, err ? 0 : param.nBytesData );
    return err || !param.Data ? NULL : option_url( param.Data, min( param.nBytesData, sizeof(data) ) );
}

static WCHAR *ask_dhcp(void)
{
    IP_ADAPTER_ADDRESSES *adapters = list_adapters(), *adapter;
    WCHAR *url = NULL;
    struct dhcp dhcp;

    if (dhcp_load( &dhcp ))
    {
        for (adapter = adapters; adapter && !url; adapter = adapter->Next)
            if (is_in_use( adapter )) url = ask_dhcp_on( &dhcp, adapter->AdapterName );
        dhcp.cleanup();
        FreeLibrary( dhcp.module );
    }
    free( adapters );
    return url;
}

/*--- DNS -----------------------------------------------------------------------------------------------------------*/

static WCHAR *ask_dns_in( const WCHAR *domain )
{
    WCHAR name[256], list[PAC_DNS_LIST_CCH], *url = NULL;

    for (; domain && !url && wpad_is_owned( domain ); domain = wpad_above( domain ))
    {
        /* The dot at the end: no suffix is to be tried. */
        swprintf( name, ARRAYSIZE( name ), L"wpad.%ls.", domain );
        if (!pac_dns_resolve( name, FALSE, list )) continue;
        if (!(url = malloc( (wcslen( domain ) + 32) * sizeof(WCHAR) ))) break;
        swprintf( url, wcslen( domain ) + 32, L"http://wpad.%ls/wpad.dat", domain );
    }
    return url;
}

/* The domain of the machine's own name, as the host's resolver has it; FALSE without one. */
static BOOL host_domain( WCHAR *domain, DWORD cch )
{
    FIXED_INFO *info = NULL;
    ULONG size = sizeof(*info);
    BOOL ret = FALSE;

    if ((info = malloc( size )) && GetNetworkParams( info, &size ) == ERROR_BUFFER_OVERFLOW)
    {
        free( info );
        info = malloc( size );
    }
    if (info && !GetNetworkParams( info, &size ))
        ret = MultiByteToWideChar( CP_ACP, 0, info->DomainName, -1, domain, cch ) > 1;
    free( info );
    return ret;
}

static WCHAR *ask_dns(void)
{
    IP_ADAPTER_ADDRESSES *adapters, *adapter;
    WCHAR domain[256], *url = NULL;

    if (host_domain( domain, ARRAYSIZE( domain ) ) && (url = ask_dns_in( domain ))) return url;
    adapters = list_adapters();
    for (adapter = adapters; adapter && !url; adapter = adapter->Next)
        if (is_in_use( adapter ) && adapter->DnsSuffix && *adapter->DnsSuffix) url = ask_dns_in( adapter->DnsSuffix );
    free( adapters );
    return url;
}

/*--- the thread that asks ------------------------------------------------------------------------------------------*/

struct detection
{
    LONG   refs;        /* the thread, and whoever waits */
    DWORD  flags;
    HANDLE done;
    WCHAR *url;
};

static void detection_release( struct detection *detection )
{
    if (InterlockedDecrement( &detection->refs )) return;
    if (detection->done) CloseHandle( detection->done );
    free( detection->url );
    free( detection );
}

static DWORD CALLBACK detection_proc( void *arg )
{
    struct detection *detection = arg;
    HMODULE module = NULL;

    if (detection->flags & WINHTTP_AUTO_DETECT_TYPE_DHCP) detection->url = ask_dhcp();
    if (!detection->url && (detection->flags & WINHTTP_AUTO_DETECT_TYPE_DNS_A)) detection->url = ask_dns();
    SetEvent( detection->done );
    detection_release( detection );
    GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                        (const WCHAR *)detection_proc, &module );
    FreeLibraryAndExitThread( module, 0 );
}

static BOOL detection_start( struct detection *detection )
{
    HANDLE thread = NULL;
    HMODULE module;

    if (!(detection->done = CreateEventW( NULL, TRUE, FALSE, NULL ))) return FALSE;
    if (!GetModuleHandleExW( GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)detection_proc, &module )) return FALSE;
    detection->refs++;
    if ((thread = CreateThread( NULL, 0, detection_proc, detection, 0, NULL )))
    {
        CloseHandle( thread );
        return TRUE;
    }
    detection->refs--;
    FreeLibrary( module );
    return FALSE;
}

DWORD wpad_detect( DWORD flags, HANDLE cancel, WCHAR **url )
{
    struct detection *detection;
    DWORD err = ERROR_WINHTTP_AUTODETECTION_FAILED, attach_err;
    HANDLE handles[2];

    *url = NULL;
    if ((attach_err = transport_attach())) return attach_err;    /* public suffixes: the first call may be this one */
    if (!(detection = calloc( 1, sizeof(*detection) ))) return ERROR_NOT_ENOUGH_MEMORY;
    detection->refs  = 1;
    detection->flags = flags;
    if (!detection_start( detection )) err = ERROR_NOT_ENOUGH_MEMORY;
    else
    {
        handles[0] = detection->done;
        handles[1] = cancel;
        switch (WaitForMultipleObjects( cancel ? 2 : 1, handles, FALSE, DETECT_MS ))
        {
        case WAIT_OBJECT_0:
            *url = detection->url;
            detection->url = NULL;
            if (*url) err = ERROR_SUCCESS;
            break;
        case WAIT_OBJECT_0 + 1:
            err = ERROR_WINHTTP_OPERATION_CANCELLED;
            break;
        default:
            WARN( "nobody has answered in time\n" );
        }
    }
    detection_release( detection );
    TRACE( "%#lx: %lu, %s\n", flags, err, debugstr_w( *url ) );
    return err;
}

/*--- what was found out before -------------------------------------------------------------------------------------*/

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE answered = CONDITION_VARIABLE_INIT;

static struct
{
    WCHAR    *url;       /* NULL: nothing was found */
    ULONGLONG until;
    BOOL      asking;    /* some thread asks the network: the others wait for what it finds */
}
known[WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A];    /* by flags - 1 */

static unsigned int generation;    /* what was asked for in an earlier one is not remembered */

/* The lock is held. */
static BOOL recall( unsigned int index, WCHAR **url, DWORD *err )
{
    if (GetTickCount64() >= known[index].until) return FALSE;
    *url = known[index].url ? wcsdup( known[index].url ) : NULL;
    *err = *url ? ERROR_SUCCESS : known[index].url ? ERROR_NOT_ENOUGH_MEMORY : ERROR_WINHTTP_AUTODETECTION_FAILED;
    return TRUE;
}

/* The same. */
static void remember( unsigned int index, const WCHAR *url )
{
    WCHAR *copy = url ? wcsdup( url ) : NULL;

    if (url && !copy) return;
    free( known[index].url );
    known[index].url   = copy;
    known[index].until = GetTickCount64() + (url ? FOUND_MS : NOTHING_MS);
}

/* TRUE: it is known, or was cancelled. FALSE: the caller is to ask, and nobody else does. */
static BOOL recall_or_ask( unsigned int index, HANDLE cancel, WCHAR **url, DWORD *err, unsigned int *begun )
{
    BOOL found;

    AcquireSRWLockExclusive( &lock );
    while (!(found = recall( index, url, err )) && known[index].asking)
    {
        if (SleepConditionVariableSRW( &answered, &lock, LOOK_MS, 0 )) continue;
        if (!cancel || WaitForSingleObject( cancel, 0 )) continue;
        *err = ERROR_WINHTTP_OPERATION_CANCELLED;
        found = TRUE;
        break;
    }
    if (!found) known[index].asking = TRUE;
    *begun = generation;
    ReleaseSRWLockExclusive( &lock );
    return found;
}

DWORD wpad_find( DWORD flags, HANDLE cancel, WCHAR **url )
{
    unsigned int index = (flags & ARRAYSIZE( known )) - 1, begun;
    DWORD err;

    *url = NULL;
    if (index >= ARRAYSIZE( known )) return ERROR_WINHTTP_AUTODETECTION_FAILED;
    if (recall_or_ask( index, cancel, url, &err, &begun )) return err;
    err = wpad_detect( flags, cancel, url );
    AcquireSRWLockExclusive( &lock );
    known[index].asking = FALSE;
    if (begun == generation && (!err || err == ERROR_WINHTTP_AUTODETECTION_FAILED)) remember( index, *url );
    ReleaseSRWLockExclusive( &lock );
    WakeAllConditionVariable( &answered );
    return err;
}

void wpad_forget(void)
{
    unsigned int i;

    AcquireSRWLockExclusive( &lock );
    generation++;
    for (i = 0; i < ARRAYSIZE( known ); i++)
    {
        free( known[i].url );
        known[i].url   = NULL;
        known[i].until = 0;
    }
    ReleaseSRWLockExclusive( &lock );
}
