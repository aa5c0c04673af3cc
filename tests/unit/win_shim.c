/*
 * The handful of Windows that the pure PE modules need, for native builds: the functions
 */

#include "win_shim.h"

UINT shim_acp = 1252;
DWORD shim_last_error;

UINT GetACP( void )
{
    return shim_acp;
}

void SetLastError( DWORD error )
{
    shim_last_error = error;
}

DWORD GetLastError( void )
{
    return shim_last_error;
}

int lstrlenW( const WCHAR *str )
{
    int len = 0;

    while (str[len]) len++;
    return len;
}

static int put_wide( WCHAR *dst, int dst_cch, int pos, unsigned int c )
{
    int count = c >= 0x10000 ? 2 : 1;

    if (!dst || pos + count > dst_cch) return count;
    if (count == 2)
    {
        dst[pos] = 0xd800 + ((c - 0x10000) >> 10);
        dst[pos + 1] = 0xdc00 + ((c - 0x10000) & 0x3ff);
    }
    else dst[pos] = c;
    return count;
}

/* Length of the UTF-8 sequence at src, 0 if it is none. Short forms and surrogates are not looked at. */
static int utf8_sequence( const unsigned char *src, int len, unsigned int *c )
{
    int i, count = src[0] >= 0xf0 ? 4 : src[0] >= 0xe0 ? 3 : src[0] >= 0xc2 ? 2 : 0;

    if (!count || count > len || src[0] > 0xf4) return 0;
    *c = src[0] & (0x7f >> count);
    for (i = 1; i < count; i++)
    {
        if ((src[i] & 0xc0) != 0x80) return 0;
        *c = *c << 6 | (src[i] & 0x3f);
    }
    return count;
}

int MultiByteToWideChar( UINT codepage, DWORD flags, const char *src, int src_len, WCHAR *dst, int dst_cch )
{
    const unsigned char *bytes = (const unsigned char *)src;
    unsigned int c;
    int i = 0, pos = 0, count;

    (void)flags;
    if (codepage == CP_ACP) codepage = shim_acp;
    if (codepage == 99999) return 0;
    if (!dst_cch) dst = NULL;
    while (i < src_len)
    {
        if (codepage != CP_UTF8 || bytes[i] < 0x80) c = bytes[i++];
        else if ((count = utf8_sequence( bytes + i, src_len - i, &c ))) i += count;
        else
        {
            c = 0xfffd;
            i++;
        }
        pos += put_wide( dst, dst_cch, pos, c );
    }
    return dst && pos > dst_cch ? 0 : pos;
}

int WideCharToMultiByte( UINT codepage, DWORD flags, const WCHAR *src, int src_cch, char *dst, int dst_size,
                         const char *def, BOOL *used )
{
    int i, j, count, pos = 0;
    unsigned int c;

    (void)flags;
    (void)def;
    if (used) *used = FALSE;
    if (codepage == CP_ACP) codepage = shim_acp;
    if (codepage == 99999) return 0;        /* a page that does not exist */
    if (!dst_size) dst = NULL;
    for (i = 0; i < src_cch; i++, pos += count)
    {
        c = src[i];
        if (c >= 0xd800 && c < 0xe000)
        {
            BOOL pair = c < 0xdc00 && i + 1 < src_cch && src[i + 1] >= 0xdc00 && src[i + 1] < 0xe000;
            c = pair ? 0x10000 + ((c & 0x3ff) << 10) + (src[++i] & 0x3ff) : 0xfffd;
        }
        /* U+560A stands for what best fit may do: the page has nothing like it but its low byte, a line feed */
        if (used && codepage != CP_UTF8 && c >= 0x100) *used = TRUE;
        if (codepage != CP_UTF8) c = c < 0x100 ? c : c == 0x560a ? '\n' : '?';
        count = codepage != CP_UTF8 || c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        if (!dst || pos + count > dst_size) continue;
        if (count == 1) dst[pos] = c;
        else
        {
            for (j = count - 1; j; j--, c >>= 6) dst[pos + j] = 0x80 | (c & 0x3f);
            dst[pos] = (0xf00 >> count & 0xff) | c;
        }
    }
    return dst && pos > dst_size ? 0 : pos;
}
