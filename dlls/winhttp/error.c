/*
 * What the transport reports, as Win32 codes
 *
 * Tables made from the WH_ERRORS list of unixlib.h; nothing is paired by hand. Source: errors.md sections 1 and 3.
 */

#include <stdarg.h>

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
    /* The WH_CERT_* bits are the callback's own. */
    if (error == WHE_CERT) return detail ? detail : WINHTTP_CALLBACK_STATUS_FLAG_INVALID_CERT;
    if (error == WHE_TLS) return WINHTTP_CALLBACK_STATUS_FLAG_SECURITY_CHANNEL_ERROR;
    return 0;
}
