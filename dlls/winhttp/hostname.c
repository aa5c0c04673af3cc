/*
 * Host names: the way to libidn2 and libpsl on the Unix side
 *
 * Also compiled natively, where the Unix side's function is called directly. WinHttpOpen has attached the transport
 * before a name can come here.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#include "unix/domain.h"
#define wh_domain( params ) domain_call( params )
#else
#include <stdarg.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#include <winhttp.h>
#include "transport.h"
#endif

#include "hostname.h"

#define NAME_MAX_CCH 512     /* 253 characters that are surrogate pairs, and a dot at the end */

/* Fills name and what; FALSE for a text that is no Unicode or too long. Half a surrogate pair becomes U+FFFD, which
 * is in no name. */
static BOOL set_name( struct wh_domain_params *params, enum wh_domain what, const WCHAR *name, DWORD cch,
                      char *utf8, DWORD size )
{
    memset( params, 0, sizeof(*params) );
    if (!cch || cch > NAME_MAX_CCH) return FALSE;
    params->what     = what;
    params->name     = wh_from_ptr( utf8 );
    params->name_len = WideCharToMultiByte( CP_UTF8, 0, name, cch, utf8, size, NULL, NULL );
    return params->name_len != 0;
}

DWORD hostname_to_ascii( const WCHAR *name, DWORD name_cch, char *ascii, DWORD size )
{
    struct wh_domain_params params;
    char utf8[NAME_MAX_CCH * 3];

    if (!size || !set_name( &params, WHD_TO_ASCII, name, name_cch, utf8, sizeof(utf8) ))
        return ERROR_WINHTTP_INVALID_URL;
    params.ascii = wh_from_ptr( ascii );
    params.size  = size - 1;
    if (wh_domain( &params ) != WH_DONE) return ERROR_WINHTTP_INVALID_URL;
    if (params.error == WHE_NO_MEMORY) return ERROR_NOT_ENOUGH_MEMORY;
    if (params.error || params.len > params.size) return ERROR_WINHTTP_INVALID_URL;
    ascii[params.len] = 0;
    return 0;
}

BOOL hostname_is_public_suffix( const WCHAR *domain, DWORD cch )
{
    struct wh_domain_params params;
    char utf8[NAME_MAX_CCH * 3];
    DWORD i;

    if (set_name( &params, WHD_PUBLIC_SUFFIX, domain, cch, utf8, sizeof(utf8) ) &&
        wh_domain( &params ) == WH_DONE && !params.error) return params.result != 0;

    for (i = 0; i < cch && domain[i] != '.'; i++) ;
    return i == cch;
}
