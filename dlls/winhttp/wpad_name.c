/*
 * Discovery of proxy scripts: which domains may be asked for a host named "wpad"
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <string.h>
#include <wchar.h>
#include <windef.h>
#include <winbase.h>
#endif

#include "hostname.h"
#include "wpad_name.h"

#define DOMAIN_MAX_CCH 247     /* with "wpad." a name of at most 252 characters */

static BOOL is_label_char( WCHAR c )
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

BOOL wpad_is_owned( const WCHAR *domain )
{
    BOOL dot = TRUE, letter = FALSE;     /* before the first label, as behind a dot; in the last label */
    DWORD i;

    for (i = 0; domain[i]; i++)
    {
        if (domain[i] == '.')
        {
            if (dot) return FALSE;
            letter = FALSE;
        }
        else if (!is_label_char( domain[i] )) return FALSE;
        else if (domain[i] > '9') letter = TRUE;
        dot = domain[i] == '.';
    }
    return i && i <= DOMAIN_MAX_CCH && !dot && letter && !hostname_is_public_suffix( domain, i );
}

const WCHAR *wpad_above( const WCHAR *domain )
{
    while (*domain && *domain != '.') domain++;
    return *domain ? domain + 1 : NULL;
}
