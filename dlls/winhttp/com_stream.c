/*
 * ResponseStream: a stream over the bytes of a response
 *
 * Read-only: what came from a server is not to be changed, and streams share it. Any thread of any apartment may call any
 * method.
 * Rules of IStream: documentation of ISequentialStream and IStream; errors are STG_E_*.
 */

#define COBJMACROS
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <objbase.h>
#include <oleauto.h>

#include "wine/debug.h"
#include "com_body.h"
#include "com_marshal.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

#define COPY_SIZE 0x1000000     /* written to another stream at a time: its count is a ULONG */

struct stream
{
    IStream          IStream_iface;
    LONG             refs;
    CRITICAL_SECTION lock;          /* of the position; not held across calls of others' objects */
    ULONGLONG        position;      /* may be beyond the end */
    struct com_bytes bytes;         /* never changes */
    IUnknown        *marshaler;     /* NULL until it is asked for */
};

static HRESULT stream_create( const struct com_bytes *bytes, ULONGLONG position, IStream **ret );

static struct stream *impl_from_IStream( IStream *iface )
{
    return CONTAINING_RECORD( iface, struct stream, IStream_iface );
}

/* The bytes from the position on. */
static SIZE_T bytes_left( const struct stream *stream )
{
    return stream->position < stream->bytes.len ? stream->bytes.len - stream->position : 0;
}

/* Moves the position over at most `count` bytes and returns where they are. */
static const BYTE *take( struct stream *stream, ULONGLONG *count )
{
    const BYTE *data = NULL;

    EnterCriticalSection( &stream->lock );
    *count = min( *count, bytes_left( stream ) );
    if (*count)
    {
        data = stream->bytes.data + stream->position;
        stream->position += *count;
    }
    LeaveCriticalSection( &stream->lock );
    return data;
}

static HRESULT WINAPI stream_QueryInterface( IStream *iface, REFIID iid, void **obj )
{
    struct stream *stream = impl_from_IStream( iface );

    if (!obj) return E_POINTER;
    *obj = NULL;
    if (IsEqualGUID( iid, &IID_IMarshal )) return com_marshal_query( &stream->marshaler, (IUnknown *)iface, iid, obj );
    if (!IsEqualGUID( iid, &IID_IUnknown ) && !IsEqualGUID( iid, &IID_ISequentialStream ) &&
        !IsEqualGUID( iid, &IID_IStream ))
        return E_NOINTERFACE;
    IStream_AddRef( iface );
    *obj = iface;
    return S_OK;
}

static ULONG WINAPI stream_AddRef( IStream *iface )
{
    return InterlockedIncrement( &impl_from_IStream( iface )->refs );
}

static ULONG WINAPI stream_Release( IStream *iface )
{
    struct stream *stream = impl_from_IStream( iface );
    ULONG refs = InterlockedDecrement( &stream->refs );

    if (refs) return refs;
    stream->refs = 1;       /* the marshaler may take and drop a reference on its way out */
    if (stream->marshaler) IUnknown_Release( stream->marshaler );
    com_bytes_free( &stream->bytes );
    DeleteCriticalSection( &stream->lock );
    free( stream );
    return 0;
}

static HRESULT WINAPI stream_Read( IStream *iface, void *buffer, ULONG size, ULONG *read )
{
    ULONGLONG count = size;
    const BYTE *data;

    if (read) *read = 0;
    if (!buffer) return STG_E_INVALIDPOINTER;
    if ((data = take( impl_from_IStream( iface ), &count ))) memcpy( buffer, data, count );
    if (read) *read = count;
    return S_OK;            /* also at the end, with fewer bytes or none */
}

static HRESULT WINAPI stream_Write( IStream *iface UNUSED, const void *data, ULONG size UNUSED, ULONG *written )
{
    if (written) *written = 0;
    return data ? STG_E_ACCESSDENIED : STG_E_INVALIDPOINTER;
}

static HRESULT WINAPI stream_Seek( IStream *iface, LARGE_INTEGER move, DWORD origin, ULARGE_INTEGER *position )
{
    struct stream *stream = impl_from_IStream( iface );
    ULONGLONG base, target;
    HRESULT hr = S_OK;

    if (origin > STREAM_SEEK_END) return STG_E_INVALIDFUNCTION;
    EnterCriticalSection( &stream->lock );
    base = origin == STREAM_SEEK_CUR ? stream->position : origin == STREAM_SEEK_END ? stream->bytes.len : 0;
    target = base + move.QuadPart;
    /* neither before the start, nor where a LARGE_INTEGER does not reach */
    if (target > MAXLONGLONG || (move.QuadPart < 0 ? target > base : target < base)) hr = STG_E_INVALIDFUNCTION;
    else stream->position = target;
    if (position) position->QuadPart = stream->position;
    LeaveCriticalSection( &stream->lock );
    return hr;
}

static HRESULT WINAPI stream_SetSize( IStream *iface UNUSED, ULARGE_INTEGER size UNUSED )
{
    return STG_E_ACCESSDENIED;
}

static HRESULT WINAPI stream_CopyTo( IStream *iface, IStream *target, ULARGE_INTEGER size, ULARGE_INTEGER *read,
                                     ULARGE_INTEGER *written )
{
    ULONGLONG count, pos, total = 0, left = size.QuadPart;
    HRESULT hr = S_OK;
    const BYTE *data;
    ULONG put;

    if (read) read->QuadPart = 0;
    if (written) written->QuadPart = 0;
    if (!target) return STG_E_INVALIDPOINTER;
    IStream_AddRef( iface );    /* the other stream may be the one that holds us */
    data = take( impl_from_IStream( iface ), &left );
    for (pos = 0; pos < left && SUCCEEDED(hr); pos += count)
    {
        count = min( left - pos, COPY_SIZE );
        put = 0;
        hr = IStream_Write( target, data + pos, count, &put );
        total += put;
        if (SUCCEEDED(hr) && put < count) hr = STG_E_MEDIUMFULL;
    }
    if (read) read->QuadPart = left;
    if (written) written->QuadPart = total;
    IStream_Release( iface );
    return hr;
}

/* Nothing is ever buffered here. */
static HRESULT WINAPI stream_Commit( IStream *iface UNUSED, DWORD flags UNUSED )
{
    return S_OK;
}

static HRESULT WINAPI stream_Revert( IStream *iface UNUSED )
{
    return S_OK;
}

static HRESULT WINAPI stream_LockRegion( IStream *iface UNUSED, ULARGE_INTEGER offset UNUSED, ULARGE_INTEGER size UNUSED,
                                         DWORD type UNUSED )
{
    return STG_E_INVALIDFUNCTION;
}

static HRESULT WINAPI stream_Stat( IStream *iface, STATSTG *stat, DWORD flags )
{
    if (!stat) return STG_E_INVALIDPOINTER;
    memset( stat, 0, sizeof(*stat) );
    if (flags & ~(STATFLAG_NONAME | STATFLAG_NOOPEN)) return STG_E_INVALIDFLAG;
    stat->type = STGTY_STREAM;
    stat->cbSize.QuadPart = impl_from_IStream( iface )->bytes.len;
    stat->grfMode = STGM_READ;
    return S_OK;
}

static HRESULT WINAPI stream_Clone( IStream *iface, IStream **clone )
{
    struct stream *stream = impl_from_IStream( iface );
    ULONGLONG position;

    if (!clone) return STG_E_INVALIDPOINTER;
    EnterCriticalSection( &stream->lock );
    position = stream->position;
    LeaveCriticalSection( &stream->lock );
    return stream_create( &stream->bytes, position, clone );
}

static const IStreamVtbl stream_vtbl =
{
    stream_QueryInterface,
    stream_AddRef,
    stream_Release,
    stream_Read,
    stream_Write,
    stream_Seek,
    stream_SetSize,
    stream_CopyTo,
    stream_Commit,
    stream_Revert,
    stream_LockRegion,
    stream_LockRegion,      /* UnlockRegion: the same arguments, the same answer */
    stream_Stat,
    stream_Clone,
};

static HRESULT stream_create( const struct com_bytes *bytes, ULONGLONG position, IStream **ret )
{
    struct stream *stream;

    *ret = NULL;
    if (!(stream = calloc( 1, sizeof(*stream) ))) return E_OUTOFMEMORY;
    stream->IStream_iface.lpVtbl = (IStreamVtbl *)&stream_vtbl;
    stream->refs = 1;
    stream->position = position;
    InitializeCriticalSection( &stream->lock );
    com_bytes_share( bytes, &stream->bytes );
    TRACE( "stream %p: <%Iu bytes>\n", stream, stream->bytes.len );
    *ret = &stream->IStream_iface;
    return S_OK;
}

HRESULT com_body_stream( const struct com_bytes *bytes, VARIANT *body )
{
    IStream *stream;
    HRESULT hr;

    VariantInit( body );
    if (FAILED(hr = stream_create( bytes, 0, &stream ))) return hr;
    V_VT( body ) = VT_UNKNOWN;
    V_UNKNOWN( body ) = (IUnknown *)stream;
    return S_OK;
}
