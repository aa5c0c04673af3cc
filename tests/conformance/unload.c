/*
 * The end: of a session's callbacks, of the library, of the process
 *
 * Rules: windows-notifications.md section 2 (the unload event); options.md UNLOAD_NOTIFY_EVENT; issue "process exit in any
 * state". What ends a process runs in a child: this program again, with arguments behind the test's name. A child plays
 * its own server, brings itself into one state and ends with CHILD_EXIT; whatever else happens, it ends with another code.
 *
 * FreeLibrary needs a program that is not linked to the library. Such a one is made by taking the import of winhttp.dll
 * out of a copy of this program's file; all its calls go through pointers.
 */
#include <winsock2.h>
#include <windows.h>
#include <winternl.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define REPLY( len, body ) "HTTP/1.1 200 OK\r\nContent-Length: " len "\r\n\r\n" body
#define CHILD_EXIT 77
#define CHILD_STUCK 78       /* did not reach its state */

/* ---- the unload event ---- */

/* Set after the session's HANDLE_CLOSING, not before. */
static void test_unload_event( DWORD open_flags )
{
    static const struct step script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HANDLE event = CreateEventW( NULL, FALSE, FALSE, NULL );
    struct client client;
    HINTERNET session;
    BOOL ret;

    if (!server) return;
    if (recorder_open( recorder, &client, server_port( server ), open_flags, L"GET", L"/" ))
    {
        session = client.session;
        ret = WinHttpSetOption( session, WINHTTP_OPTION_UNLOAD_NOTIFY_EVENT, &event, sizeof(event) );
        ok( ret, "WinHttpSetOption failed with %lu\n", GetLastError() );
        if (open_flags) recorder_get( recorder, &client, NULL, NULL );
        else if (send_marked( recorder, &client, NULL, 0 )) receive_marked( recorder, &client );
        WinHttpCloseHandle( client.request );
        WinHttpCloseHandle( client.connect );
        ok( WaitForSingleObject( event, 0 ) == WAIT_TIMEOUT, "the event is set although the session is open\n" );
        WinHttpCloseHandle( session );
        if (ret) ok( !WaitForSingleObject( event, WAIT_MS ), "the event is not set\n" );    /* N-2g */
        ok( recorder_count( recorder, session, STATUS( HANDLE_CLOSING ) ) == 1, "no HANDLE_CLOSING of the session\n" );
        memset( &client, 0, sizeof(client) );
    }
    client_close( &client );
    CloseHandle( event );
    server_stop( server );
}

struct last_callback
{
    HANDLE inside, release;
};

static void last_callback_hook( struct recorder *recorder, const struct event *event )
{
    struct last_callback *last = recorder->hook_data;

    if (event->status != STATUS( REQUEST_ERROR )) return;
    SetEvent( last->inside );
    WaitForSingleObject( last->release, WAIT_MS );
}

/* The session is closed while the callback of a cancelled operation runs: the event waits for it, and for the child's
 * HANDLE_CLOSING. */
static void test_unload_event_waits_for_the_last_callback(void)
{
    static const struct step script[] = { ACCEPT, HEAD, BODY( 1 ), SIGNAL, GONE, END };
    struct server *server = server_start( script );
    struct recorder *recorder = recorder_create();
    HANDLE event = CreateEventW( NULL, TRUE, FALSE, NULL );
    static struct last_callback last;
    struct client client;
    HINTERNET request;

    if (!server) return;
    last.inside  = CreateEventW( NULL, TRUE, FALSE, NULL );
    last.release = CreateEventW( NULL, TRUE, FALSE, NULL );
    if (recorder_start_receive( recorder, &client, server_port( server ) ) && server_wait( server ))
    {
        WinHttpSetOption( client.session, WINHTTP_OPTION_UNLOAD_NOTIFY_EVENT, &event, sizeof(event) );
        recorder->hook_data = &last;
        recorder->hook = last_callback_hook;
        request = client.request;
        client_close( &client );
        ok( !WaitForSingleObject( last.inside, WAIT_MS ), "the operation was not cancelled\n" );
        ok( WaitForSingleObject( event, 0 ) == WAIT_TIMEOUT, "the event is set while a callback runs\n" );
        ok( !recorder_count( recorder, request, STATUS( HANDLE_CLOSING ) ), "HANDLE_CLOSING overtook a callback\n" );
        SetEvent( last.release );
        ok( !WaitForSingleObject( event, WAIT_MS ), "the event is not set\n" );             /* N-2g */
        recorder_check_last( recorder, request );
        ok( recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) == 3, "%u HANDLE_CLOSING\n",
            recorder_count( recorder, NULL, STATUS( HANDLE_CLOSING ) ) );
        recorder->hook = NULL;
    }
    client_close( &client );
    server_stop( server );
}

/* A session that is closed before its children ends with the last of them. */
static void test_unload_event_waits_for_children(void)
{
    HANDLE event = CreateEventW( NULL, TRUE, FALSE, NULL );
    struct client client;

    if (client_open( &client, 80, 0, NULL, NULL ))
    {
        WinHttpSetOption( client.session, WINHTTP_OPTION_UNLOAD_NOTIFY_EVENT, &event, sizeof(event) );
        WinHttpCloseHandle( client.session );
        client.session = NULL;
        ok( WaitForSingleObject( event, 0 ) == WAIT_TIMEOUT, "the event is set although there are children\n" );
        client_close( &client );
        ok( !WaitForSingleObject( event, WAIT_MS ), "the event is not set\n" );
    }
    client_close( &client );
}

/* ---- the end of the process ---- */

static const struct step answer_script[] = { ACCEPT, HEAD, SEND( REPLY( "2", "ok" ) ), UNHURRIED, SIGNAL, HOLD, END };
static const struct step silent_script[] = { ACCEPT, HEAD, SIGNAL, HOLD, END };
static const struct step handshake_script[] = { ACCEPT, SIGNAL, HOLD, END };
static const struct step half_script[] =
    { ACCEPT, HEAD, SEND( "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" ), SIGNAL, HOLD, END };

enum child_call { DO_NOTHING, DO_SEND, DO_WRITE, DO_RECEIVE, DO_READ };

/* The states in which a process ends. The child makes the calls up to `last`, each after the completion of the one
 * before; `last` is under way, or complete if it cannot be anything else. */
static const struct child_state
{
    const char *name;
    const struct step *script;       /* NULL: no server */
    DWORD open_flags, request_flags;
    enum child_call last;
    DWORD inside;                    /* the callback that ends the process; else the main thread does */
    BOOL other_thread;               /* `last` blocks on another thread */
    const WCHAR *host;
}
states[] =
{
    { "handles only",           NULL,             0,                  0, DO_NOTHING, 0, FALSE, NULL },
    { "resolving",              NULL,             WINHTTP_FLAG_ASYNC, 0, DO_SEND,    0, FALSE, L"does.not.exist.invalid" },
    { "resolving, blocked",     NULL,             0,                  0, DO_SEND,    0, TRUE,  L"does.not.exist.invalid" },
    { "handshake",              handshake_script, WINHTTP_FLAG_ASYNC, WINHTTP_FLAG_SECURE, DO_SEND, 0, FALSE, NULL },
    { "handshake, blocked",     handshake_script, 0,                  WINHTTP_FLAG_SECURE, DO_SEND, 0, TRUE, NULL },
    { "no response",            silent_script,    WINHTTP_FLAG_ASYNC, 0, DO_SEND,    0, FALSE, NULL },
    { "no response, received",  silent_script,    WINHTTP_FLAG_ASYNC, 0, DO_RECEIVE, 0, FALSE, NULL },
    { "no response, blocked",   silent_script,    0,                  0, DO_RECEIVE, 0, TRUE,  NULL },
    { "writing",                silent_script,    WINHTTP_FLAG_ASYNC, 0, DO_WRITE,   0, FALSE, NULL },
    { "writing, blocked",       silent_script,    0,                  0, DO_WRITE,   0, TRUE,  NULL },
    { "response there",         answer_script,    WINHTTP_FLAG_ASYNC, 0, DO_SEND,    0, FALSE, NULL },
    { "response unread",        answer_script,    WINHTTP_FLAG_ASYNC, 0, DO_RECEIVE, 0, FALSE, NULL },
    { "response read",          answer_script,    0,                  0, DO_READ,    0, FALSE, NULL },
    { "reading",                half_script,      WINHTTP_FLAG_ASYNC, 0, DO_READ,    0, FALSE, NULL },
    { "reading, blocked",       half_script,      0,                  0, DO_READ,    0, TRUE,  NULL },
    { "in HANDLE_CREATED",      NULL,             0,                  0, DO_NOTHING, STATUS( HANDLE_CREATED ), FALSE, NULL },
    { "in CONNECTING",          answer_script,    WINHTTP_FLAG_ASYNC, 0, DO_SEND,    STATUS( CONNECTING_TO_SERVER ), FALSE, NULL },
    { "in SENDING",             answer_script,    WINHTTP_FLAG_ASYNC, 0, DO_SEND,    STATUS( SENDING_REQUEST ), FALSE, NULL },
    { "in SENDING, sync",       answer_script,    0,                  0, DO_SEND,    STATUS( SENDING_REQUEST ), FALSE, NULL },
    { "in SENDREQUEST_COMPLETE", answer_script,   WINHTTP_FLAG_ASYNC, 0, DO_SEND,    STATUS( SENDREQUEST_COMPLETE ), FALSE, NULL },
    { "in HEADERS_AVAILABLE",   answer_script,    WINHTTP_FLAG_ASYNC, 0, DO_RECEIVE, STATUS( HEADERS_AVAILABLE ), FALSE, NULL },
    { "in READ_COMPLETE",       answer_script,    WINHTTP_FLAG_ASYNC, 0, DO_READ,    STATUS( READ_COMPLETE ), FALSE, NULL },
    { "in REQUEST_ERROR",       NULL,             WINHTTP_FLAG_ASYNC, 0, DO_SEND,    STATUS( REQUEST_ERROR ), FALSE, NULL },
    { "in HANDLE_CLOSING",      answer_script,    WINHTTP_FLAG_ASYNC, 0, DO_SEND,    STATUS( HANDLE_CLOSING ), FALSE, NULL },
};

static struct
{
    const struct child_state *state;
    HINTERNET request;
    HANDLE complete, about_to_block;
    char buffer[16];
}
child;

static char child_block[64 << 20];   /* more than any socket takes */

static void CALLBACK child_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)handle; (void)context; (void)info; (void)len;
    if (status == child.state->inside) ExitProcess( CHILD_EXIT );
    if (status & COMPLETIONS) SetEvent( child.complete );
}

static BOOL child_do( enum child_call call )
{
    DWORD total = child.state->last == DO_WRITE ? sizeof(child_block) : 0, count;

    switch (call)
    {
    case DO_SEND:    return WinHttpSendRequest( child.request, NULL, 0, NULL, 0, total, 0 );
    case DO_WRITE:   return !total || WinHttpWriteData( child.request, child_block, total, &count );
    case DO_RECEIVE: return WinHttpReceiveResponse( child.request, NULL );
    case DO_READ:    return WinHttpReadData( child.request, child.buffer, sizeof(child.buffer), &count );
    default:         return TRUE;
    }
}

static DWORD WINAPI child_thread( void *arg )
{
    (void)arg;
    SetEvent( child.about_to_block );
    child_do( child.state->last );
    return 0;
}

/* Ends the process in any case. */
static void run_exit_child( unsigned int index )
{
    const struct child_state *state = &states[index];
    struct server *server = NULL;
    HINTERNET session, connect;
    unsigned short port;
    enum child_call call;

    if (index >= count_of( states )) ExitProcess( CHILD_STUCK );
    child.state = state;
    child.complete = CreateEventW( NULL, FALSE, FALSE, NULL );
    child.about_to_block = CreateEventW( NULL, FALSE, FALSE, NULL );
    if (state->script && !(server = server_start( state->script ))) ExitProcess( CHILD_STUCK );
    port = server ? server_port( server ) : server_closed_port();

    session = WinHttpOpen( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, state->open_flags );
    WinHttpSetStatusCallback( session, child_callback, WINHTTP_CALLBACK_FLAG_ALL_NOTIFICATIONS, 0 );
    connect = WinHttpConnect( session, state->host ? state->host : L"127.0.0.1", port, 0 );
    child.request = WinHttpOpenRequest( connect, L"GET", NULL, NULL, NULL, NULL, state->request_flags );
    for (call = DO_SEND; call < state->last; call++)
    {
        if (call == DO_WRITE) continue;
        if (!child_do( call )) ExitProcess( CHILD_STUCK );
        /* ReceiveResponse may be called while the send goes on, and must be, where no response comes */
        if (state->script == silent_script && state->last == DO_RECEIVE) continue;
        if (state->open_flags && WaitForSingleObject( child.complete, WAIT_MS )) ExitProcess( CHILD_STUCK );
    }
    if (state->other_thread)
    {
        CreateThread( NULL, 0, child_thread, NULL, 0, NULL );
        WaitForSingleObject( child.about_to_block, WAIT_MS );
    }
    else if (state->last && !child_do( state->last )) ExitProcess( CHILD_STUCK );
    if (state->inside)
    {
        if (state->inside == STATUS( HANDLE_CLOSING )) WinHttpCloseHandle( child.request );
        Sleep( WAIT_MS );    /* the callback ends the process; this is its bound */
        ExitProcess( CHILD_STUCK );
    }
    if (server && !server_wait( server )) ExitProcess( CHILD_STUCK );
    ExitProcess( CHILD_EXIT );
}

static void check_child( const char *program, const char *what, unsigned int number, DWORD expected )
{
    PROCESS_INFORMATION process;
    STARTUPINFOA startup;
    char command[2 * MAX_PATH];
    DWORD code = 0;
    BOOL ret;

    memset( &startup, 0, sizeof(startup) );
    startup.cb = sizeof(startup);
    snprintf( command, sizeof(command), "\"%s\" unload %s %u", program, what, number );
    ret = CreateProcessA( NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process );
    ok( ret, "CreateProcess failed with %lu\n", GetLastError() );
    if (!ret) return;
    ret = !WaitForSingleObject( process.hProcess, 3 * WAIT_MS );
    ok( ret, "the process does not end\n" );
    if (!ret) TerminateProcess( process.hProcess, 1 );
    GetExitCodeProcess( process.hProcess, &code );
    ok( code == expected, "exit code %#lx\n", code );
    CloseHandle( process.hThread );
    CloseHandle( process.hProcess );
}

static void test_process_ends_in_any_state( const char *program )
{
    unsigned int i;

    for (i = 0; i < count_of( states ); i++)
    {
        winetest_push_context( "%s", states[i].name );
        check_child( program, "exit", i, CHILD_EXIT );
        winetest_pop_context();
    }
}

/* ---- the end of the library ---- */

struct library
{
    HMODULE module;
    __typeof__( WinHttpOpen )              *open;
    __typeof__( WinHttpConnect )           *connect;
    __typeof__( WinHttpOpenRequest )       *open_request;
    __typeof__( WinHttpSendRequest )       *send;
    __typeof__( WinHttpReceiveResponse )   *receive;
    __typeof__( WinHttpReadData )          *read;
    __typeof__( WinHttpCloseHandle )       *close;
    __typeof__( WinHttpSetStatusCallback ) *set_callback;
    __typeof__( WinHttpSetOption )         *set_option;
};

static const struct step loop_script[] = { HEAD, SEND( REPLY( "2", "ok" ) ), LOOP };

/* In the child everything that is not as it should be ends it, with the line for a code. */
#define CHECK( condition ) do { if (!(condition)) ExitProcess( 1000 + __LINE__ ); } while (0)

#define PROC( name ) ((void *)GetProcAddress( library->module, name ))

static void library_load( struct library *library )
{
    CHECK( (library->module = LoadLibraryW( L"winhttp.dll" )) );
    library->open         = PROC( "WinHttpOpen" );
    library->connect      = PROC( "WinHttpConnect" );
    library->open_request = PROC( "WinHttpOpenRequest" );
    library->send         = PROC( "WinHttpSendRequest" );
    library->receive      = PROC( "WinHttpReceiveResponse" );
    library->read         = PROC( "WinHttpReadData" );
    library->close        = PROC( "WinHttpCloseHandle" );
    library->set_callback = PROC( "WinHttpSetStatusCallback" );
    library->set_option   = PROC( "WinHttpSetOption" );
    CHECK( library->open && library->connect && library->open_request && library->send && library->receive
           && library->read && library->close && library->set_callback && library->set_option );
}

/* A synchronous exchange; the handles are left in handles[3], session first. */
static void library_get( const struct library *library, unsigned short port, HINTERNET *handles )
{
    char buffer[8];
    DWORD count;

    CHECK( (handles[0] = library->open( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, 0 )) );
    CHECK( (handles[1] = library->connect( handles[0], L"127.0.0.1", port, 0 )) );
    CHECK( (handles[2] = library->open_request( handles[1], NULL, NULL, NULL, NULL, NULL, 0 )) );
    CHECK( library->send( handles[2], NULL, 0, NULL, 0, 0, 0 ) );
    CHECK( library->receive( handles[2], NULL ) );
    CHECK( library->read( handles[2], buffer, sizeof(buffer), &count ) && count == 2 && !memcmp( buffer, "ok", 2 ) );
}

static void library_close( const struct library *library, HINTERNET *handles )
{
    unsigned int i;

    for (i = 3; i--;) CHECK( library->close( handles[i] ) );
}

static struct
{
    struct library winhttp;
    HANDLE read, closed, freed;
    char buffer[8];
    BOOL free_inside;
}
async;

static void CALLBACK async_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    (void)context; (void)info; (void)len;
    switch (status)
    {
    case STATUS( SENDREQUEST_COMPLETE ):
        CHECK( async.winhttp.receive( handle, NULL ) );
        break;
    case STATUS( HEADERS_AVAILABLE ):
        CHECK( async.winhttp.read( handle, async.buffer, sizeof(async.buffer), NULL ) );
        break;
    case STATUS( READ_COMPLETE ):
        CHECK( len == 2 && !memcmp( async.buffer, "ok", 2 ) );
        SetEvent( async.read );
        break;
    case STATUS( REQUEST_ERROR ):
        CHECK( FALSE );
        break;
    }
}

/* An asynchronous exchange to its end, everything closed, the unload event awaited. */
static void library_get_async( unsigned short port )
{
    HINTERNET session, connect, request;

    async.read   = CreateEventW( NULL, TRUE, FALSE, NULL );
    async.closed = CreateEventW( NULL, TRUE, FALSE, NULL );
    CHECK( (session = async.winhttp.open( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC )) );
    async.winhttp.set_callback( session, async_callback, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, 0 );
    CHECK( async.winhttp.set_option( session, WINHTTP_OPTION_UNLOAD_NOTIFY_EVENT, &async.closed, sizeof(async.closed) ) );
    CHECK( (connect = async.winhttp.connect( session, L"127.0.0.1", port, 0 )) );
    CHECK( (request = async.winhttp.open_request( connect, NULL, NULL, NULL, NULL, NULL, 0 )) );
    CHECK( async.winhttp.send( request, NULL, 0, NULL, 0, 0, 1 ) );
    CHECK( !WaitForSingleObject( async.read, WAIT_MS ) );
    CHECK( async.winhttp.close( request ) && async.winhttp.close( connect ) && async.winhttp.close( session ) );
    CHECK( !WaitForSingleObject( async.closed, WAIT_MS ) );
}

/* ntdll tells when a module goes; documented for Windows Vista and later, in no header. */
struct notification_data
{
    ULONG flags;
    const UNICODE_STRING *full_name, *base_name;
    void *base;
    ULONG size;
};

static void CALLBACK module_callback( ULONG reason, const struct notification_data *data, void *event )
{
    if (reason == 2 /* unloaded */ && data->base_name->Length == 11 * sizeof(WCHAR)
        && !_wcsnicmp( data->base_name->Buffer, L"winhttp.dll", 11 )) SetEvent( event );
}

static HANDLE watch_module(void)
{
    LONG (WINAPI *watch)( ULONG, void *, void *, void ** ) =
        (void *)GetProcAddress( GetModuleHandleW( L"ntdll.dll" ), "LdrRegisterDllNotification" );
    HANDLE event = CreateEventW( NULL, TRUE, FALSE, NULL );
    void *cookie;

    CHECK( watch && !watch( 0, module_callback, event, &cookie ) );
    return event;
}

/* Loaded and unloaded, never used. */
static void library_unused( unsigned short port )
{
    struct library library;
    unsigned int i;

    (void)port;
    for (i = 0; i < 5; i++)
    {
        library_load( &library );
        CHECK( FreeLibrary( library.module ) );
    }
}

/* Used and unloaded while idle, more than once. */
static void library_idle( unsigned short port )
{
    struct library library;
    HINTERNET handles[3];
    unsigned int i;

    for (i = 0; i < 3; i++)
    {
        library_load( &library );
        library_get( &library, port, handles );
        library_close( &library, handles );
        CHECK( FreeLibrary( library.module ) );
    }
}

/* A program that forgets its handles. */
static void library_with_handles( unsigned short port )
{
    struct library library;
    HINTERNET handles[3];
    unsigned int i;

    for (i = 0; i < 3; i++)
    {
        library_load( &library );
        library_get( &library, port, handles );
        CHECK( FreeLibrary( library.module ) );
    }
}

/* Right behind the unload event of an asynchronous session, and used again at once. */
static void library_after_event( unsigned short port )
{
    unsigned int i;

    for (i = 0; i < 3; i++)
    {
        library_load( &async.winhttp );
        library_get_async( port );
        CHECK( FreeLibrary( async.winhttp.module ) );
    }
}

static void CALLBACK free_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len )
{
    async_callback( handle, context, status, info, len );
    if (status != STATUS( READ_COMPLETE )) return;
    CHECK( FreeLibrary( async.winhttp.module ) );
    SetEvent( async.freed );
}

/* The last reference goes inside a callback; the handles are not closed. */
static void library_freed_inside( unsigned short port )
{
    HINTERNET session, connect, request;

    async.read  = CreateEventW( NULL, TRUE, FALSE, NULL );
    async.freed = CreateEventW( NULL, TRUE, FALSE, NULL );
    library_load( &async.winhttp );
    CHECK( (session = async.winhttp.open( NULL, WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL, WINHTTP_FLAG_ASYNC )) );
    async.winhttp.set_callback( session, free_callback, WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS, 0 );
    CHECK( (connect = async.winhttp.connect( session, L"127.0.0.1", port, 0 )) );
    CHECK( (request = async.winhttp.open_request( connect, NULL, NULL, NULL, NULL, NULL, 0 )) );
    /* the calls return through the library: the main thread's must be over before the callback frees it */
    CHECK( async.winhttp.send( request, NULL, 0, NULL, 0, 0, 1 ) );
    CHECK( !WaitForSingleObject( async.freed, WAIT_MS ) );
}

/* Its threads keep the library until they are idle for some time; then it goes. On Windows it may stay. */
static void library_goes( unsigned short port )
{
    HANDLE gone = watch_module();
    HINTERNET handles[3];

    library_load( &async.winhttp );
    library_get_async( port );
    CHECK( FreeLibrary( async.winhttp.module ) );
    if (strcmp( winetest_platform, "wine" )) return;
    CHECK( !WaitForSingleObject( gone, 2 * WAIT_MS ) );
    CHECK( !GetModuleHandleW( L"winhttp.dll" ) );
    library_load( &async.winhttp );
    library_get( &async.winhttp, port, handles );
    library_close( &async.winhttp, handles );
}

static const struct { const char *name; void (*run)( unsigned short port ); } scenes[] =
{
    { "never used",                library_unused },
    { "idle",                      library_idle },
    { "with handles",              library_with_handles },
    { "after the unload event",    library_after_event },
    { "freed inside a callback",   library_freed_inside },
    { "until its threads are gone", library_goes },
};

static void run_library_child( unsigned int index )
{
    struct server *server;

    CHECK( index < count_of( scenes ) && !GetModuleHandleW( L"winhttp.dll" ) );
    CHECK( (server = server_start_each( loop_script )) );
    scenes[index].run( server_port( server ) );
    ExitProcess( CHILD_EXIT );
}

static void *at_rva( char *file, const IMAGE_NT_HEADERS *nt, DWORD rva )
{
    const IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION( nt );
    unsigned int i;

    for (i = 0; i < nt->FileHeader.NumberOfSections; i++, section++)
        if (rva >= section->VirtualAddress && rva - section->VirtualAddress < section->SizeOfRawData)
            return file + section->PointerToRawData + (rva - section->VirtualAddress);
    return NULL;
}

/* Takes the import of winhttp.dll out of a program's file in memory. */
static BOOL drop_import( char *file )
{
    IMAGE_NT_HEADERS *nt = (IMAGE_NT_HEADERS *)(file + ((IMAGE_DOS_HEADER *)file)->e_lfanew);
    DWORD rva = nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    IMAGE_IMPORT_DESCRIPTOR *import = at_rva( file, nt, rva );
    const char *name;

    for (; import && import->Name; import++)
    {
        if (!(name = at_rva( file, nt, import->Name )) || _stricmp( name, "winhttp.dll" )) continue;
        do import[0] = import[1]; while ((import++)->Name);
        return TRUE;
    }
    return FALSE;
}

/* A copy of this program that is not linked to the library. */
static BOOL make_unlinked_copy( const char *copy )
{
    char program[MAX_PATH], *data = NULL;
    HANDLE file;
    DWORD size = 0, done;
    BOOL ret = FALSE;

    GetModuleFileNameA( NULL, program, sizeof(program) );
    file = CreateFileA( program, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL );
    if (file == INVALID_HANDLE_VALUE) return FALSE;
    size = GetFileSize( file, NULL );
    if ((data = malloc( size ))) ret = ReadFile( file, data, size, &done, NULL ) && done == size && drop_import( data );
    CloseHandle( file );
    if (ret)
    {
        file = CreateFileA( copy, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL );
        ret = file != INVALID_HANDLE_VALUE && WriteFile( file, data, size, &done, NULL ) && done == size;
        if (file != INVALID_HANDLE_VALUE) CloseHandle( file );
    }
    free( data );
    return ret;
}

static void test_library_is_unloaded(void)
{
    char directory[MAX_PATH], copy[MAX_PATH + 32];
    unsigned int i;
    BOOL ret;

    GetTempPathA( sizeof(directory), directory );
    snprintf( copy, sizeof(copy), "%swinhttp_unlinked_%lx.exe", directory, GetCurrentProcessId() );
    ret = make_unlinked_copy( copy );
    ok( ret, "no program without the library, error %lu\n", GetLastError() );
    for (i = 0; ret && i < count_of( scenes ); i++)
    {
        winetest_push_context( "%s", scenes[i].name );
        check_child( copy, "library", i, CHILD_EXIT );
        winetest_pop_context();
    }
    DeleteFileA( copy );
}

START_TEST(unload)
{
    char **argv;
    int argc = winetest_get_mainargs( &argv );

    if (argc >= 4 && !strcmp( argv[2], "exit" )) run_exit_child( (unsigned int)atoi( argv[3] ) );
    if (argc >= 4 && !strcmp( argv[2], "library" )) run_library_child( (unsigned int)atoi( argv[3] ) );
    test_unload_event( 0 );
    test_unload_event( WINHTTP_FLAG_ASYNC );
    test_unload_event_waits_for_the_last_callback();
    test_unload_event_waits_for_children();
    test_process_ends_in_any_state( argv[0] );
    test_library_is_unloaded();
}
