/*
 * The Disallowed store: certificates that users and administrators have ruled out
 *
 * A store keeps each certificate in a key of its own, which is named by the SHA-1 hash in hexadecimal.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winreg.h>

#include "wine/debug.h"
#include "distrust.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

struct hashes
{
    BYTE (*list)[SHA1_SIZE];
    DWORD  count, size;
};

static struct
{
    SRWLOCK       lock;
    ULONGLONG     read_at;      /* GetTickCount64, 0 = never */
    DWORD         generation;
    struct hashes hashes;
} distrust = { .lock = SRWLOCK_INIT };

/* The places of the store, as crypt32 opens it. */
static const struct { HKEY root; const WCHAR *path; } places[] =
{
    { HKEY_CURRENT_USER,  L"Software\\Microsoft\\SystemCertificates\\Disallowed\\Certificates" },
    { HKEY_LOCAL_MACHINE, L"Software\\Microsoft\\SystemCertificates\\Disallowed\\Certificates" },
    { HKEY_CURRENT_USER,  L"Software\\Policies\\Microsoft\\SystemCertificates\\Disallowed\\Certificates" },
    { HKEY_LOCAL_MACHINE, L"Software\\Policies\\Microsoft\\SystemCertificates\\Disallowed\\Certificates" },
};

static int hex_digit( WCHAR ch )
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    if (ch >= 'A' && ch <= 'F') return ch - 'A' + 10;
    if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
    return -1;
}

static BOOL parse_hash( const WCHAR *name, BYTE *hash )
{
    int high, low;
    unsigned int i;

    for (i = 0; i < SHA1_SIZE; i++, name += 2)
    {
        if ((high = hex_digit( name[0] )) < 0 || (low = hex_digit( name[1] )) < 0) return FALSE;
        hash[i] = high << 4 | low;
    }
    return !*name;
}

static BOOL hashes_add( struct hashes *hashes, const BYTE *hash )
{
    BYTE (*list)[SHA1_SIZE];

    if (hashes->count == hashes->size)
    {
        if (!(list = realloc( hashes->list, (hashes->size + 16) * sizeof(*list) ))) return FALSE;
        hashes->list = list;
        hashes->size += 16;
    }
    memcpy( hashes->list[hashes->count++], hash, SHA1_SIZE );
    return TRUE;
}

/* FALSE without memory. */
static BOOL read_place( HKEY root, const WCHAR *path, struct hashes *hashes )
{
    WCHAR name[2 * SHA1_SIZE + 2];
    BYTE hash[SHA1_SIZE];
    BOOL ret = TRUE;
    DWORD i, cch;
    LSTATUS err;
    HKEY key;

    if (RegOpenKeyExW( root, path, 0, KEY_ENUMERATE_SUB_KEYS, &key )) return TRUE;
    for (i = 0; ret; i++)
    {
        cch = ARRAYSIZE( name );
        if ((err = RegEnumKeyExW( key, i, name, &cch, NULL, NULL, NULL, NULL )) == ERROR_MORE_DATA) continue;
        if (err) break;
        if (parse_hash( name, hash )) ret = hashes_add( hashes, hash );
    }
    RegCloseKey( key );
    return ret;
}

/* lock is held exclusively. Without memory the old list stays: better than none. */
static void read_again( void )
{
    struct hashes hashes = { NULL, 0, 0 };
    unsigned int i;
    BOOL ok = TRUE;

    for (i = 0; i < ARRAYSIZE( places ) && ok; i++) ok = read_place( places[i].root, places[i].path, &hashes );
    if (ok && (hashes.count != distrust.hashes.count ||
               (hashes.count && memcmp( hashes.list, distrust.hashes.list, hashes.count * SHA1_SIZE ))))
    {
        TRACE( "%lu certificates are disallowed\n", hashes.count );
        free( distrust.hashes.list );
        distrust.hashes = hashes;
        distrust.generation++;
        return;
    }
    free( hashes.list );
}

/* Leaves with the lock held, shared. */
static void look( void )
{
    ULONGLONG now = GetTickCount64();

    AcquireSRWLockShared( &distrust.lock );
    if (distrust.read_at && now - distrust.read_at < DISTRUST_MS) return;
    ReleaseSRWLockShared( &distrust.lock );

    AcquireSRWLockExclusive( &distrust.lock );
    if (!distrust.read_at || now - distrust.read_at >= DISTRUST_MS)
    {
        distrust.read_at = now ? now : 1;
        read_again();
    }
    ReleaseSRWLockExclusive( &distrust.lock );
    AcquireSRWLockShared( &distrust.lock );
}

BOOL distrust_any( void )
{
    BOOL ret;

    look();
    ret = distrust.hashes.count != 0;
    ReleaseSRWLockShared( &distrust.lock );
    return ret;
}

BOOL distrust_has( const BYTE *hash )
{
    BOOL ret = FALSE;
    DWORD i;

    look();
    for (i = 0; i < distrust.hashes.count && !ret; i++) ret = !memcmp( distrust.hashes.list[i], hash, SHA1_SIZE );
    ReleaseSRWLockShared( &distrust.lock );
    return ret;
}

DWORD distrust_generation( void )
{
    DWORD ret;

    look();
    ret = distrust.generation;
    ReleaseSRWLockShared( &distrust.lock );
    return ret;
}

void distrust_free( void )
{
    free( distrust.hashes.list );
    distrust.hashes.list  = NULL;
    distrust.hashes.count = distrust.hashes.size = 0;
}
