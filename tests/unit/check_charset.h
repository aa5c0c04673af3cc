/*
 * What holds for any Content-Type and any bytes in com_charset.c: shared by the unit tests and the fuzz target
 */

#ifndef WINHTTP_CHECK_CHARSET_H
#define WINHTTP_CHECK_CHARSET_H

#include "test.h"
#include "win_shim.h"
#include "com_charset.h"

/* The value found lies within the field, and a code page that is found for it is a sensible one and is found in any case
 * of letters. `field` is terminated. */
static inline void check_charset( const WCHAR *field )
{
    WCHAR upper[64];
    const WCHAR *name = NULL;
    DWORD i, cch = 0, len = lstrlenW( field );
    UINT page = 0, again = 0;

    if (!charset_parameter( field, &name, &cch )) return;
    expect( cch && name > field && name + cch <= field + len );
    if (!charset_code_page( name, cch, &page )) return;
    expect( page >= 37 && page <= 65001 && page != 65000 && page != 42 );
    expect( cch < ARRAYSIZE( upper ) );
    for (i = 0; i < cch; i++) upper[i] = name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i];
    expect( charset_code_page( upper, cch, &again ) && again == page );
}

#endif
