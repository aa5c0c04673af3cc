/*
 * Basic authentication (RFC 7617), and the base64 that other schemes use, too
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <windef.h>
#include <winbase.h>
#include <winnls.h>
#endif

#include "auth_basic.h"

#define MAX_BYTES 0x10000000    /* of what is encoded: beyond this lengths could not be held */

void auth_zero( void *data, DWORD len )
{
    volatile char *p = data;    /* or the compiler sees that nobody looks */
    DWORD i;

    for (i = 0; i < len; i++) p[i] = 0;
}

void auth_wipe( char *text, DWORD len )
{
    if (!text) return;
    auth_zero( text, len );
    free( text );
}

char *auth_text_bytes( const WCHAR *text, BOOL utf8, DWORD *len )
{
    DWORD cch = wcslen( text );
    BOOL lost = FALSE;
    char *bytes;
    int count;

    *len = 0;
    if (cch > MAX_BYTES / 4 || !(bytes = malloc( cch * 4 + 1 ))) return NULL;    /* no code page takes more */
    utf8  = utf8 || GetACP() == CP_UTF8;
    count = cch && !utf8 ? WideCharToMultiByte( CP_ACP, WC_NO_BEST_FIT_CHARS, text, cch, bytes, cch * 4, NULL, &lost ) : 0;
    if (cch && (utf8 || lost)) count = WideCharToMultiByte( CP_UTF8, 0, text, cch, bytes, cch * 4, NULL, NULL );
    bytes[count] = 0;
    *len = count;
    return bytes;
}

char *auth_basic_answer( const WCHAR *user, const WCHAR *password, BOOL utf8 )
{
    DWORD user_len, password_len = 0, len = 0;
    char *user_bytes = auth_text_bytes( user, utf8, &user_len ), *password_bytes, *pair = NULL, *answer = NULL;

    password_bytes = auth_text_bytes( password, utf8, &password_len );
    if (user_bytes && password_bytes && (pair = malloc( user_len + 1 + password_len + 1 )))
    {
        memcpy( pair, user_bytes, user_len );
        pair[user_len] = ':';
        memcpy( pair + user_len + 1, password_bytes, password_len );
        len = user_len + 1 + password_len;
        answer = auth_base64_encode( "Basic ", pair, len );
    }
    auth_wipe( pair, len );
    auth_wipe( password_bytes, password_len );
    free( user_bytes );
    return answer;
}

/*--- base64 --------------------------------------------------------------------------------------------------------*/

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *auth_base64_encode( const char *prefix, const void *data, DWORD len )
{
    const BYTE *bytes = data;
    size_t prefix_len = strlen( prefix );
    char *text, *p;
    DWORD i, bits;

    if (len > MAX_BYTES || !(text = malloc( prefix_len + (len + 2) / 3 * 4 + 1 ))) return NULL;
    memcpy( text, prefix, prefix_len );
    for (i = 0, p = text + prefix_len; i < len; i += 3)
    {
        bits = bytes[i] << 16 | (i + 1 < len ? bytes[i + 1] << 8 : 0) | (i + 2 < len ? bytes[i + 2] : 0);
        *p++ = digits[bits >> 18];
        *p++ = digits[bits >> 12 & 63];
        *p++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
        *p++ = i + 2 < len ? digits[bits & 63] : '=';
    }
    *p = 0;
    return text;
}

BYTE *auth_base64_decode( const char *text, DWORD len, DWORD *ret )
{
    const char *digit;
    DWORD i, bits = 0, count = 0;
    BYTE *bytes;

    while (len && text[len - 1] == '=') len--;
    if (len % 4 == 1 || !(bytes = malloc( len / 4 * 3 + 3 ))) return NULL;
    for (i = 0; i < len; i++)
    {
        if (!text[i] || !(digit = strchr( digits, text[i] )))
        {
            free( bytes );
            return NULL;
        }
        bits = bits << 6 | (DWORD)(digit - digits);
        if (i % 4) bytes[count++] = bits >> (6 - i % 4 * 2) & 255;
    }
    *ret = count;
    return bytes;
}
