/*
 * Bytes of a scripting object: what it sends, what it received
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>

#include "com_bytes.h"

#define FIRST_SIZE 4096

/* What data points into. Whoever has the only reference may change the bytes. */
struct block
{
    LONG refs;
    BYTE data[];
};

static struct block *block_of( const struct com_bytes *bytes )
{
    return (struct block *)(bytes->data - FIELD_OFFSET( struct block, data ));
}

static BOOL is_shared( const struct com_bytes *bytes )
{
    return bytes->data && InterlockedCompareExchange( &block_of( bytes )->refs, 0, 0 ) > 1;
}

/* To a block of `size` bytes, its own one. */
static HRESULT move( struct com_bytes *bytes, SIZE_T size )
{
    BOOL shared = is_shared( bytes );
    struct block *block;

    if (size > ~(SIZE_T)0 - sizeof(*block)) return E_OUTOFMEMORY;
    if (!(block = realloc( shared || !bytes->data ? NULL : block_of( bytes ), sizeof(*block) + size ))) return E_OUTOFMEMORY;
    if (shared)
    {
        memcpy( block->data, bytes->data, bytes->len );
        if (!InterlockedDecrement( &block_of( bytes )->refs )) free( block_of( bytes ) );
    }
    block->refs = 1;
    bytes->data = block->data;
    bytes->size = size;
    return S_OK;
}

HRESULT com_bytes_reserve( struct com_bytes *bytes, SIZE_T len )
{
    SIZE_T size = bytes->size ? bytes->size : FIRST_SIZE;

    if (len > ~(SIZE_T)0 - bytes->len) return E_OUTOFMEMORY;
    if (bytes->data && bytes->len + len <= bytes->size && !is_shared( bytes )) return S_OK;
    while (size < bytes->len + len) size = size > ~(SIZE_T)0 / 2 ? bytes->len + len : size * 2;
    return move( bytes, size );
}

HRESULT com_bytes_append( struct com_bytes *bytes, const void *data, SIZE_T len )
{
    HRESULT hr;

    if (!len) return S_OK;
    if (FAILED(hr = com_bytes_reserve( bytes, len ))) return hr;
    memcpy( bytes->data + bytes->len, data, len );
    bytes->len += len;
    return S_OK;
}

void com_bytes_free( struct com_bytes *bytes )
{
    if (bytes->data && !InterlockedDecrement( &block_of( bytes )->refs )) free( block_of( bytes ) );
    memset( bytes, 0, sizeof(*bytes) );
}

void com_bytes_share( const struct com_bytes *bytes, struct com_bytes *copy )
{
    *copy = *bytes;
    if (copy->data) InterlockedIncrement( &block_of( copy )->refs );
}
