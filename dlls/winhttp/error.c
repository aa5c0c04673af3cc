/*
 * What the transport reports, as Win32 codes
 *
 * Tables made from the WH_ERRORS list of unixlib.h; nothing is paired by hand. Source: errors.md sections 1 and 3.
 */

#include <stdarg.h>

#include <winsock2.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "error.h"

static const struct
{
    DWORD       win32;
    const char *name;
} errors[WHE_COUNT] =
{
#define WH_ERROR_ROW( name, win32, text ) [WHE_##name] = { win32, #name },
    WH_ERRORS( WH_ERROR_ROW )
#undef WH_ERROR_ROW
};

DWORD error_to_win32( enum wh_error error )
{
    return (unsigned int)error < WHE_COUNT ? errors[error].win32 : ERROR_WINHTTP_INTERNAL_ERROR;
}

const char *error_name( enum wh_error error )
{
    return (unsigned int)error < WHE_COUNT ? errors[error].name : "?";
}

DWORD error_secure_failure( enum wh_error error, DWORD detail )
{
    /* The WH_CERT_* bits are the callback's own. It has none that would tell a proxy from a server: the error code does. */
    if (error == WHE_CERT || error == WHE_PROXY_CERT) return detail ? detail : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CERT;
    if (error == WHE_TLS || error == WHE_CERT_REFUSED || error == WHE_PROXY_TLS) return WINHTTP_CALLBACK_STATUS_FLAG_SECURITY_CHANNEL_ERROR;
    return 0;
}

/*--- the extended error --------------------------------------------------------------------------------------------*/

static DWORD extended_slot = TLS_OUT_OF_INDEXES;

/* Numbers of Linux' errno, which is what the Unix side's detail is: asm-generic/errno.h. Winsock has the same names. */
static const struct { DWORD number, code; } sockets[] =
{
    { 13,  WSAEACCES },
    { 24,  WSAEMFILE },
    { 32,  WSAECONNRESET },      /* EPIPE: the peer had gone before the write */
    { 97,  WSAEAFNOSUPPORT },
    { 98,  WSAEADDRINUSE },
    { 99,  WSAEADDRNOTAVAIL },
    { 100, WSAENETDOWN },
    { 101, WSAENETUNREACH },
    { 103, WSAECONNABORTED },
    { 104, WSAECONNRESET },
    { 105, WSAENOBUFS },
    { 110, WSAETIMEDOUT },
    { 111, WSAECONNREFUSED },
    { 112, WSAEHOSTDOWN },
    { 113, WSAEHOSTUNREACH },
};

/* What a failure without an errno stands for. */
static const DWORD conditions[WHE_COUNT] =
{
    [WHE_TIMEOUT] = WSAETIMEDOUT,
    [WHE_NAME]    = WSAHOST_NOT_FOUND,
    [WHE_CONNECT] = WSAECONNREFUSED,
    [WHE_RESET]   = WSAECONNRESET,
    [WHE_STALE]   = WSAECONNRESET,
    [WHE_PROXY_TIMEOUT] = WSAETIMEDOUT,
    [WHE_PROXY_NAME]    = WSAHOST_NOT_FOUND,
    [WHE_PROXY_CONNECT] = WSAECONNREFUSED,
    [WHE_PROXY_RESET]   = WSAECONNRESET,
};

static DWORD winsock_code( enum wh_error error, DWORD detail )
{
    unsigned int i;

    /* Details of other errors are no errno, and of names resolvers' codes. */
    if (error == WHE_TIMEOUT || error == WHE_CONNECT || error == WHE_RESET || error == WHE_STALE ||
        error == WHE_PROXY_TIMEOUT || error == WHE_PROXY_CONNECT || error == WHE_PROXY_RESET)
        for (i = 0; i < ARRAYSIZE( sockets ); i++) if (sockets[i].number == detail) return sockets[i].code;
    return (unsigned int)error < WHE_COUNT ? conditions[error] : 0;
}

void error_note( enum wh_error error, DWORD detail )
{
    /* What Winsock knows nothing of is told as the error itself: the option's documentation allows both. */
    DWORD code = winsock_code( error, detail );

    TlsSetValue( extended_slot, (void *)(ULONG_PTR)(code ? code : error_to_win32( error )) );
}

DWORD error_extended(void)
{
    DWORD last = GetLastError(), code = (ULONG_PTR)TlsGetValue( extended_slot );

    SetLastError( last );
    return code;
}

BOOL error_startup(void)
{
    extended_slot = TlsAlloc();
    return extended_slot != TLS_OUT_OF_INDEXES;
}

void error_shutdown(void)
{
    TlsFree( extended_slot );
}
