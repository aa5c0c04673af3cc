/*
 * What Windows exports and this module does not do yet
 *
 * Each function checks its arguments as documented, says once on the winhttp channel that it is missing, and fails
 * with an error that its documentation names, so that a program takes the path it has for that failure. None ever
 * reports a success. A function moves out of here when it is written; nothing else calls into this file.
 * Source: the function reference; names and argument sizes of the undocumented ones from Windows' export table.
 */

#include <stdarg.h>

#define COBJMACROS
#include <windef.h>
#include <winbase.h>
#include <objbase.h>
#include <olectl.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "object.h"

WINE_DEFAULT_DEBUG_CHANNEL( winhttp );

#define FIXME_ONCE( ... ) \
    do { \
        static LONG once; \
        if (!InterlockedExchange( &once, 1 )) FIXME( __VA_ARGS__ ); \
    } while (0)

/* 0 if `handle` is a live handle of that type, ERROR_INVALID_HANDLE, or ERROR_WINHTTP_INCORRECT_HANDLE_TYPE. */
static DWORD check_handle( HINTERNET handle, DWORD type )
{
    struct object *obj;
    DWORD err;

    if (!(obj = object_enter( handle, (enum object_type)type, &err ))) return err;
    object_leave( obj );
    return 0;
}

/* The same for a call whose arguments are right or not: LE-5 puts that between the two errors of the handle. */
static DWORD check_call( HINTERNET handle, DWORD type, BOOL arguments )
{
    return arguments ? check_handle( handle, type ) : object_refuse( handle, ERROR_INVALID_PARAMETER );
}

/* The same where a handle of the wanted type cannot exist yet, since nothing makes one. */
static DWORD refuse_handle( HINTERNET handle, DWORD type )
{
    DWORD err = check_handle( handle, type );

    return err ? err : ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
}


/* Proxies and policies per connection: the service that keeps them on Windows does not exist here, which is
 * ERROR_WINHTTP_NOT_INITIALIZED there. */

DWORD WINAPI WinHttpConnectionSetPolicyEntries( HINTERNET handle, DWORD tag, void *list )
{
    DWORD err;

    TRACE( "%p, %lu, %p\n", handle, tag, list );

    if ((err = check_call( handle, WINHTTP_HANDLE_TYPE_SESSION, list != NULL ))) return err;
    FIXME_ONCE( "connection policies are not there yet\n" );
    return ERROR_WINHTTP_NOT_INITIALIZED;
}

DWORD WINAPI WinHttpConnectionDeletePolicyEntries( HINTERNET handle, DWORD tag )
{
    DWORD err;

    TRACE( "%p, %lu\n", handle, tag );

    if ((err = check_handle( handle, WINHTTP_HANDLE_TYPE_SESSION ))) return err;
    FIXME_ONCE( "connection policies are not there yet\n" );
    return ERROR_WINHTTP_NOT_INITIALIZED;
}

DWORD WINAPI WinHttpConnectionUpdateIfIndexTable( HINTERNET handle, void *list )
{
    DWORD err;

    TRACE( "%p, %p\n", handle, list );

    if ((err = check_call( handle, WINHTTP_HANDLE_TYPE_SESSION, list != NULL ))) return err;
    FIXME_ONCE( "connection policies are not there yet\n" );
    return ERROR_WINHTTP_NOT_INITIALIZED;
}

DWORD WINAPI WinHttpConnectionSetProxyInfo( const WCHAR *connection, DWORD type, const void *info )
{
    TRACE( "%s, %lu, %p\n", debugstr_w( connection ), type, info );

    if (!connection || !info) return ERROR_INVALID_PARAMETER;
    FIXME_ONCE( "proxies per connection are not there yet\n" );
    return ERROR_ACCESS_DENIED;
}

DWORD WINAPI WinHttpConnectionDeleteProxyInfo( const WCHAR *connection, DWORD type )
{
    TRACE( "%s, %lu\n", debugstr_w( connection ), type );

    if (!connection) return ERROR_INVALID_PARAMETER;
    FIXME_ONCE( "proxies per connection are not there yet\n" );
    return ERROR_FILE_NOT_FOUND;
}


/* Upgraded connections without a protocol of ours: nothing switches to one yet, so no handle of that type exists. */

HINTERNET WINAPI WinHttpProtocolCompleteUpgrade( HINTERNET handle, DWORD_PTR context )
{
    TRACE( "%p, %#Ix\n", handle, context );

    FIXME_ONCE( "protocol upgrades are not there yet\n" );
    SetLastError( refuse_handle( handle, WINHTTP_HANDLE_TYPE_REQUEST ) );
    return NULL;
}

DWORD WINAPI WinHttpProtocolSend( HINTERNET handle, ULONGLONG flags, void *buffer, DWORD size )
{
    TRACE( "%p, %s, %p, %lu\n", handle, wine_dbgstr_longlong( flags ), buffer, size );

    return refuse_handle( handle, WINHTTP_HANDLE_TYPE_PROTOCOL );
}

DWORD WINAPI WinHttpProtocolReceive( HINTERNET handle, ULONGLONG flags, void *buffer, DWORD size, DWORD *read )
{
    TRACE( "%p, %s, %p, %lu, %p\n", handle, wine_dbgstr_longlong( flags ), buffer, size, read );

    return refuse_handle( handle, WINHTTP_HANDLE_TYPE_PROTOCOL );
}


/* Undocumented: only the name is known, and for most the size of the arguments, which a 32-bit callee must pop.
 * The code is both returned and left as the last error, since some of them may be BOOL functions. */

static DWORD undocumented( const char *name )
{
    static LONG once;

    if (!InterlockedExchange( &once, 1 )) FIXME( "%s: undocumented\n", name );
    else TRACE( "%s\n", name );
    SetLastError( ERROR_CALL_NOT_IMPLEMENTED );
    return ERROR_CALL_NOT_IMPLEMENTED;
}

#define A( n )  void *arg##n __attribute__((unused))
#define ARGS_1  A( 1 )
#define ARGS_2  ARGS_1, A( 2 )
#define ARGS_3  ARGS_2, A( 3 )
#define ARGS_4  ARGS_3, A( 4 )
#define ARGS_5  ARGS_4, A( 5 )
#define ARGS_6  ARGS_5, A( 6 )
#define ARGS_8  ARGS_6, A( 7 ), A( 8 )
#define ARGS_9  ARGS_8, A( 9 )

#define UNDOCUMENTED( name, args ) \
    DWORD WINAPI name( args ) { return undocumented( #name ); }
#define UNDOCUMENTED_VOID( name, args ) \
    void WINAPI name( args ) { undocumented( #name ); }

UNDOCUMENTED( Private1, ARGS_5 )
UNDOCUMENTED_VOID( SvchostPushServiceGlobals, ARGS_1 )
UNDOCUMENTED_VOID( WinHttpAutoProxySvcMain, ARGS_2 )
UNDOCUMENTED_VOID( WinHttpConnectionFreeNameList, ARGS_1 )
UNDOCUMENTED_VOID( WinHttpConnectionFreeProxyInfo, ARGS_1 )
UNDOCUMENTED_VOID( WinHttpConnectionFreeProxyList, ARGS_1 )
UNDOCUMENTED( WinHttpConnectionGetNameList, ARGS_1 )
UNDOCUMENTED( WinHttpConnectionGetProxyInfo, ARGS_3 )
UNDOCUMENTED( WinHttpConnectionGetProxyList, ARGS_2 )
UNDOCUMENTED( WinHttpGetProxyForUrlHvsi, ARGS_9 )
UNDOCUMENTED( WinHttpGetTunnelSocket, ARGS_4 )
UNDOCUMENTED( WinHttpPacJsWorkerMain, ARGS_2 )
UNDOCUMENTED( WinHttpProbeConnectivity, ARGS_6 )
UNDOCUMENTED( WinHttpReadProxySettingsHvsi, ARGS_8 )
UNDOCUMENTED( WinHttpSaveProxyCredentials, ARGS_4 )

#ifdef _WIN64    /* the caller pops: any number of arguments is safe */
UNDOCUMENTED( WinHttpConnectionDeletePolicyEntriesByAppSid, void )
UNDOCUMENTED( WinHttpConnectionOnlyConvert, void )
UNDOCUMENTED( WinHttpConnectionOnlyReceive, void )
UNDOCUMENTED( WinHttpConnectionOnlySend, void )
UNDOCUMENTED( WinHttpCreateProxyList, void )
UNDOCUMENTED( WinHttpCreateProxyManager, void )
UNDOCUMENTED( WinHttpCreateProxyResult, void )
UNDOCUMENTED( WinHttpCreateUiCompatibleProxyString, void )
UNDOCUMENTED( WinHttpRefreshProxySettings, void )
UNDOCUMENTED( WinHttpResolverGetProxyForUrl, void )
UNDOCUMENTED( WinHttpSetSecureLegacyServersAppCompat, void )
#endif
