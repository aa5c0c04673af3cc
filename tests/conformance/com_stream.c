/*
 * ResponseStream of the scripting object: a stream that is the program's own
 *
 * Rules: windows-behaviour.md section 16 (COM-32 to COM-34); for the rest the documentation of IStream. Whether the stream
 * can be written to is not documented: read-only is the choice here.
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"
#include "com_client.h"

#define TEXT_LEN 36
static const char alphabet[TEXT_LEN + 1] = "0123456789abcdefghijklmnopqrstuvwxyz";

static const struct step script[] =
{
    ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n0123456789abcdefghijklmnopqrstuvwxyz" ), END
};

/* A stream of a response whose body is the alphabet; the request is kept if `request` asks for it. */
static IStream *get_stream( IWinHttpRequest **request )
{
    struct server *server = server_start( script );
    IWinHttpRequest *object = server ? com_get( server ) : NULL;
    IStream *stream = object ? com_stream( object ) : NULL;

    if (request) *request = object;
    else if (object) IWinHttpRequest_Release( object );
    if (server) server_stop( server );
    return stream;
}

static void check_read_( int line, IStream *stream, ULONG size, const char *expected )
{
    char data[64] = "";
    ULONG read = ~0u;
    HRESULT hr = IStream_Read( stream, data, size, &read );

    winetest_set_location( __FILE__, line );
    winetest_ok( hr == S_OK || (hr == S_FALSE && read < size), "Read: %#lx\n", hr );      /* either: S_FALSE at the end */
    winetest_ok( read == strlen( expected ) && !memcmp( data, expected, read ), "got %lu bytes \"%.*s\"\n", read, (int)read,
                 data );
}
#define check_read( stream, size, expected ) check_read_( __LINE__, stream, size, expected )

static HRESULT seek( IStream *stream, LONGLONG move, DWORD origin, ULONGLONG *position )
{
    ULARGE_INTEGER pos = { .QuadPart = ~(ULONGLONG)0 };
    LARGE_INTEGER offset = { .QuadPart = move };
    HRESULT hr = IStream_Seek( stream, offset, origin, &pos );

    *position = pos.QuadPart;
    return hr;
}

static void check_seek_( int line, IStream *stream, LONGLONG move, DWORD origin, ULONGLONG expected )
{
    ULONGLONG position;
    HRESULT hr = seek( stream, move, origin, &position );

    winetest_set_location( __FILE__, line );
    winetest_ok( hr == S_OK, "Seek: %#lx\n", hr );
    winetest_ok( position == expected, "at %llu\n", position );
}
#define check_seek( stream, move, origin, expected ) check_seek_( __LINE__, stream, move, origin, expected )

static void test_each_is_a_new_one( void )
{
    IWinHttpRequest *request;
    IStream *first = get_stream( &request ), *second;

    if (!first) return;
    check_read( first, 10, "0123456789" );                                                /* COM-33 */
    if ((second = com_stream( request )))
    {
        ok( second != first, "the same stream\n" );                                       /* COM-33 */
        check_read( second, 4, "0123" );                                                  /* COM-33 */
        check_read( first, 4, "abcd" );
        ok( !IStream_Release( second ), "still held\n" );
    }
    IWinHttpRequest_Release( request );
    ok( !IStream_Release( first ), "still held\n" );
}

static void test_it_outlives_the_request( void )
{
    IStream *stream = get_stream( NULL );

    if (!stream) return;
    check_seek( stream, 0, STREAM_SEEK_SET, 0 );                                          /* COM-34 */
    check_read( stream, 64, alphabet );                                                   /* COM-34 */
    IStream_Release( stream );
}

static void test_interfaces( void )
{
    IStream *stream = get_stream( NULL );
    void *obj;
    HRESULT hr;

    if (!stream) return;
    hr = IStream_QueryInterface( stream, &IID_IStream, &obj );
    ok( hr == S_OK && obj == stream, "IStream: %#lx\n", hr );                             /* COM-32 */
    if (SUCCEEDED(hr)) IStream_Release( stream );
    hr = IStream_QueryInterface( stream, &IID_IUnknown, &obj );
    ok( hr == S_OK, "IUnknown: %#lx\n", hr );
    if (SUCCEEDED(hr)) IUnknown_Release( (IUnknown *)obj );
    hr = IStream_QueryInterface( stream, &IID_ISequentialStream, &obj );
    ok( hr == S_OK, "ISequentialStream: %#lx\n", hr );
    if (SUCCEEDED(hr)) IUnknown_Release( (IUnknown *)obj );
    obj = stream;
    hr = IStream_QueryInterface( stream, &IID_IStorage, &obj );
    ok( hr == E_NOINTERFACE && !obj, "IStorage: %#lx, %p\n", hr, obj );
    ok( !IStream_Release( stream ), "still held\n" );
}

static void test_read( void )
{
    IStream *stream = get_stream( NULL );
    char data[64];
    ULONG read;
    HRESULT hr;

    if (!stream) return;
    check_read( stream, 0, "" );
    check_read( stream, 30, "0123456789abcdefghijklmnopqrst" );
    check_read( stream, 64, "uvwxyz" );
    check_read( stream, 64, "" );

    check_seek( stream, 0, STREAM_SEEK_SET, 0 );
    hr = IStream_Read( stream, data, 4, NULL );
    ok( hr == S_OK && !memcmp( data, "0123", 4 ), "without a count: %#lx\n", hr );
    read = 77;
    hr = IStream_Read( stream, NULL, 4, &read );
    ok( hr == STG_E_INVALIDPOINTER, "without a buffer: %#lx\n", hr );
    check_read( stream, 2, "45" );
    IStream_Release( stream );
}

static void test_seek( void )
{
    IStream *stream = get_stream( NULL );
    ULONGLONG position;
    HRESULT hr;

    if (!stream) return;
    check_seek( stream, 10, STREAM_SEEK_SET, 10 );
    check_read( stream, 2, "ab" );
    check_seek( stream, 0, STREAM_SEEK_CUR, 12 );
    check_seek( stream, -4, STREAM_SEEK_CUR, 8 );
    check_read( stream, 2, "89" );
    check_seek( stream, -1, STREAM_SEEK_END, 35 );
    check_read( stream, 2, "z" );
    check_seek( stream, 0, STREAM_SEEK_END, 36 );
    check_read( stream, 2, "" );

    /* beyond the end there is nothing to read, but one may be there */
    check_seek( stream, 100, STREAM_SEEK_SET, 100 );
    check_read( stream, 2, "" );
    check_seek( stream, -90, STREAM_SEEK_CUR, 10 );
    check_read( stream, 1, "a" );

    /* not before the start: the position stays */
    hr = seek( stream, -12, STREAM_SEEK_CUR, &position );
    ok( hr == STG_E_INVALIDFUNCTION, "before the start: %#lx\n", hr );
    check_seek( stream, 0, STREAM_SEEK_CUR, 11 );
    hr = seek( stream, -37, STREAM_SEEK_END, &position );
    ok( hr == STG_E_INVALIDFUNCTION, "before the start: %#lx\n", hr );
    hr = seek( stream, 0, 3, &position );
    ok( hr == STG_E_INVALIDFUNCTION, "no origin: %#lx\n", hr );
    check_read( stream, 1, "b" );

    hr = IStream_Seek( stream, (LARGE_INTEGER){ .QuadPart = 0 }, STREAM_SEEK_SET, NULL );
    ok( hr == S_OK, "without a position: %#lx\n", hr );
    check_read( stream, 1, "0" );
    IStream_Release( stream );
}

static void test_extreme_seeks( void )
{
    static const struct { LONGLONG move; DWORD origin; } tests[] =
    {
        { MINLONGLONG, STREAM_SEEK_CUR }, { MINLONGLONG, STREAM_SEEK_END }, { MAXLONGLONG, STREAM_SEEK_CUR },
        { MAXLONGLONG, STREAM_SEEK_END },
    };
    IStream *stream = get_stream( NULL );
    ULONGLONG position;
    unsigned int i;
    HRESULT hr;

    if (!stream) return;
    for (i = 0; i < ARRAYSIZE( tests ); i++)
    {
        check_seek( stream, 1, STREAM_SEEK_SET, 1 );
        hr = seek( stream, tests[i].move, tests[i].origin, &position );
        ok( FAILED(hr) || broken( position > MAXLONG ), "%u: %#lx, at %llu\n", i, hr, position );
        if (FAILED(hr)) check_read( stream, 1, "1" );
    }
    check_seek( stream, 0, STREAM_SEEK_SET, 0 );
    check_read( stream, 2, "01" );
    IStream_Release( stream );
}

static void test_stat( void )
{
    IStream *stream = get_stream( NULL );
    STATSTG stat;
    HRESULT hr;

    if (!stream) return;
    memset( &stat, 0xcc, sizeof(stat) );
    hr = IStream_Stat( stream, &stat, STATFLAG_NONAME );
    ok( hr == S_OK, "Stat: %#lx\n", hr );
    ok( stat.type == STGTY_STREAM, "type %lu\n", stat.type );
    ok( stat.cbSize.QuadPart == TEXT_LEN, "size %llu\n", stat.cbSize.QuadPart );
    ok( !stat.pwcsName, "a name\n" );
    ok( !stat.grfLocksSupported, "locks %#lx\n", stat.grfLocksSupported );
    hr = IStream_Stat( stream, NULL, STATFLAG_NONAME );
    ok( hr == STG_E_INVALIDPOINTER || broken( FAILED(hr) ), "without a place: %#lx\n", hr );
    IStream_Release( stream );
}

static void test_clone( void )
{
    IStream *stream = get_stream( NULL ), *clone = NULL;
    HRESULT hr;

    if (!stream) return;
    check_seek( stream, 10, STREAM_SEEK_SET, 10 );
    hr = IStream_Clone( stream, &clone );
    ok( hr == S_OK && clone && clone != stream, "Clone: %#lx\n", hr );
    if (SUCCEEDED(hr))
    {
        check_read( clone, 3, "abc" );          /* starts where the other one stands, then they are independent */
        check_read( stream, 2, "ab" );
        check_read( clone, 1, "d" );
        IStream_Release( stream );
        check_seek( clone, 0, STREAM_SEEK_SET, 0 );
        check_read( clone, 64, alphabet );
        stream = clone;
    }
    hr = IStream_Clone( stream, NULL );
    ok( hr == STG_E_INVALIDPOINTER || broken( FAILED(hr) ), "without a place: %#lx\n", hr );
    ok( !IStream_Release( stream ), "still held\n" );
}

static void test_copy_to( void )
{
    IStream *stream = get_stream( NULL ), *target;
    ULARGE_INTEGER read, written, size = { .QuadPart = 5 };
    HRESULT hr;

    if (!stream) return;
    hr = CreateStreamOnHGlobal( NULL, TRUE, &target );
    ok( hr == S_OK, "CreateStreamOnHGlobal: %#lx\n", hr );
    check_seek( stream, 10, STREAM_SEEK_SET, 10 );
    hr = IStream_CopyTo( stream, target, size, &read, &written );
    ok( hr == S_OK && read.QuadPart == 5 && written.QuadPart == 5, "CopyTo: %#lx, %llu, %llu\n", hr, read.QuadPart,
        written.QuadPart );
    check_seek( target, 0, STREAM_SEEK_SET, 0 );
    check_read( target, 64, "abcde" );
    check_read( stream, 1, "f" );

    size.QuadPart = ~(ULONGLONG)0;              /* all of it */
    check_seek( target, 0, STREAM_SEEK_SET, 0 );
    hr = IStream_CopyTo( stream, target, size, &read, &written );
    ok( hr == S_OK && read.QuadPart == 20 && written.QuadPart == 20, "CopyTo: %#lx, %llu, %llu\n", hr, read.QuadPart,
        written.QuadPart );
    check_seek( target, 0, STREAM_SEEK_SET, 0 );
    check_read( target, 64, "ghijklmnopqrstuvwxyz" );
    hr = IStream_CopyTo( stream, target, size, &read, &written );
    ok( hr == S_OK && !read.QuadPart && !written.QuadPart, "at the end: %#lx, %llu\n", hr, read.QuadPart );
    check_seek( stream, 0, STREAM_SEEK_SET, 0 );
    hr = IStream_CopyTo( stream, target, size, NULL, NULL );
    ok( hr == S_OK, "without counts: %#lx\n", hr );
    hr = IStream_CopyTo( stream, NULL, size, NULL, NULL );
    ok( hr == STG_E_INVALIDPOINTER || broken( FAILED(hr) ), "to nowhere: %#lx\n", hr );
    IStream_Release( target );
    IStream_Release( stream );
}

/* A choice: what the server sent stays what it sent, for all streams of the response. */
static void test_it_is_read_only( void )
{
    ULARGE_INTEGER size = { .QuadPart = 5 };
    IWinHttpRequest *request;
    IStream *stream = get_stream( &request ), *other;
    ULONG written = 77;
    HRESULT hr;

    if (!stream) return;
    hr = IStream_Write( stream, "XXXX", 4, &written );
    ok( (hr == STG_E_ACCESSDENIED && !written) || broken( hr == S_OK && written == 4 ), "Write: %#lx, %lu\n", hr, written );
    hr = IStream_SetSize( stream, size );
    ok( hr == STG_E_ACCESSDENIED || broken( hr == S_OK ), "SetSize: %#lx\n", hr );
    hr = IStream_LockRegion( stream, size, size, LOCK_WRITE );
    ok( hr == STG_E_INVALIDFUNCTION || broken( FAILED(hr) ), "LockRegion: %#lx\n", hr );
    hr = IStream_UnlockRegion( stream, size, size, LOCK_WRITE );
    ok( hr == STG_E_INVALIDFUNCTION || broken( FAILED(hr) ), "UnlockRegion: %#lx\n", hr );
    hr = IStream_Commit( stream, STGC_DEFAULT );
    ok( hr == S_OK || broken( FAILED(hr) ), "Commit: %#lx\n", hr );
    hr = IStream_Revert( stream );
    ok( hr == S_OK || broken( FAILED(hr) ), "Revert: %#lx\n", hr );
    if ((other = com_stream( request )))
    {
        check_read( other, 64, alphabet );
        IStream_Release( other );
    }
    IStream_Release( stream );
    IWinHttpRequest_Release( request );
}

/*--- other threads -------------------------------------------------------------------------------------------------*/

struct reader
{
    IStream *marshalled;
    char     data[64];
    ULONG    read;
    HRESULT  hr;
};

static DWORD WINAPI read_in_mta( void *param )
{
    struct reader *reader = param;
    IStream *stream;

    CoInitializeEx( NULL, COINIT_MULTITHREADED );
    reader->hr = CoGetInterfaceAndReleaseStream( reader->marshalled, &IID_IStream, (void **)&stream );
    if (SUCCEEDED(reader->hr))
    {
        reader->hr = IStream_Read( stream, reader->data, sizeof(reader->data), &reader->read );
        IStream_Release( stream );
    }
    CoUninitialize();
    return 0;
}

static BOOL pump_until( HANDLE object )
{
    ULONGLONG end = GetTickCount64() + WAIT_MS, now;
    MSG msg;

    while ((now = GetTickCount64()) < end)
    {
        if (MsgWaitForMultipleObjects( 1, &object, FALSE, end - now, QS_ALLINPUT ) == WAIT_OBJECT_0) return TRUE;
        while (PeekMessageW( &msg, NULL, 0, 0, PM_REMOVE )) DispatchMessageW( &msg );
    }
    return FALSE;
}

/* Marshalled from this STA to a thread in the MTA; the request is gone by then. */
static void test_it_works_in_another_apartment( void )
{
    IStream *stream = get_stream( NULL );
    struct reader reader = { NULL };
    HANDLE thread;
    HRESULT hr;

    if (!stream) return;
    hr = CoMarshalInterThreadInterfaceInStream( &IID_IStream, (IUnknown *)stream, &reader.marshalled );
    ok( hr == S_OK, "CoMarshalInterThreadInterfaceInStream: %#lx\n", hr );
    thread = CreateThread( NULL, 0, read_in_mta, &reader, 0, NULL );
    ok( pump_until( thread ), "the other thread hangs\n" );
    CloseHandle( thread );
    ok( reader.hr == S_OK || reader.hr == S_FALSE, "Read: %#lx\n", reader.hr );
    ok( reader.read == TEXT_LEN && !memcmp( reader.data, alphabet, TEXT_LEN ), "got %lu bytes\n", reader.read );
    IStream_Release( stream );
}

START_TEST( com_stream )
{
    CoInitialize( NULL );
    test_each_is_a_new_one();
    test_it_outlives_the_request();
    test_interfaces();
    test_read();
    test_seek();
    test_extreme_seeks();
    test_stat();
    test_clone();
    test_copy_to();
    test_it_is_read_only();
    test_it_works_in_another_apartment();
    CoUninitialize();
}
