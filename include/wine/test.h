/*
 * Test framework of the Windows side
 *
 * The macros and the summary line of Wine's test framework, written for this project, so that a test file compiles
 * unchanged here, for real Windows, and inside a Wine tree (where Wine's own header of this name is found instead).
 * A test file defines START_TEST( name ); exactly one file per program defines STANDALONE before the include and
 * supplies winetest_testlist[].
 *
 * program             lists the tests
 * program NAME [...]  runs one; the exit code is the number of failures, at most 255
 *
 * Environment: WINETEST_DEBUG 0 hides traces of todo successes, 2 and more also reports each passed check;
 * WINETEST_PLATFORM "wine" or "windows" overrides the detection; WINETEST_REPORT_SUCCESS 1 reports passed checks.
 * All macros may be used from any thread.
 */
#ifndef WINHTTP_INCLUDE_WINE_TEST_H
#define WINHTTP_INCLUDE_WINE_TEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>

#ifdef __GNUC__
#define WINETEST_PRINTF_ATTR(fmt,args) __attribute__((format( __MINGW_PRINTF_FORMAT, fmt, args )))
#ifndef __MINGW_PRINTF_FORMAT
#define __MINGW_PRINTF_FORMAT printf
#endif
#else
#define WINETEST_PRINTF_ATTR(fmt,args)
#endif

struct test
{
    const char *name;
    void (*func)(void);
};

/* what the environment asked for */
extern int winetest_debug;
extern int winetest_report_success;
/* "wine" or "windows" */
extern const char *winetest_platform;

/* The arguments of the program, argv[1] is the test's name: for tests that start themselves as a child process. */
int winetest_get_mainargs( char ***argv );
/* Adds a child's failures to ours; waits for its end. */
void winetest_wait_child_process( HANDLE process );

void winetest_set_location( const char *file, int line );
/* Both return the condition, as ok() does in Wine. */
int winetest_vok( int condition, const char *format, va_list args );
int winetest_ok( int condition, const char *format, ... ) WINETEST_PRINTF_ATTR( 2, 3 );
void winetest_skip( const char *format, ... ) WINETEST_PRINTF_ATTR( 1, 2 );
void winetest_win_skip( const char *format, ... ) WINETEST_PRINTF_ATTR( 1, 2 );
void winetest_trace( const char *format, ... ) WINETEST_PRINTF_ATTR( 1, 2 );
/* The context is printed in front of every message of this thread until it is popped; at most 8 levels. */
void winetest_push_context( const char *format, ... ) WINETEST_PRINTF_ATTR( 1, 2 );
void winetest_pop_context( void );
void winetest_start_todo( int is_todo );
int winetest_loop_todo( void );
void winetest_end_todo( void );
/* True where the program runs on real Windows: the result is accepted there only. */
int broken( int condition );

#define START_TEST(name) void func_##name( void )

/* The location is set first and the call made in a comma expression, so that ok_( file, line )( cond, "..." ) works. */
#define ok_(file, line)       (winetest_set_location( file, line ), 0) ? 0 : winetest_ok
#define skip_(file, line)     (winetest_set_location( file, line ), 0) ? (void)0 : winetest_skip
#define win_skip_(file, line) (winetest_set_location( file, line ), 0) ? (void)0 : winetest_win_skip
#define trace_(file, line)    (winetest_set_location( file, line ), 0) ? (void)0 : winetest_trace

#define ok       ok_( __FILE__, __LINE__ )
#define skip     skip_( __FILE__, __LINE__ )
#define win_skip win_skip_( __FILE__, __LINE__ )
#define trace    trace_( __FILE__, __LINE__ )

#define todo_if(is_todo) for (winetest_start_todo( is_todo ); winetest_loop_todo(); winetest_end_todo())
#define todo_wine_if(is_todo) todo_if( (is_todo) && !strcmp( winetest_platform, "wine" ) )
#define todo_wine todo_if( !strcmp( winetest_platform, "wine" ) )

#ifdef STANDALONE

#define WINETEST_MAX_CONTEXTS 8
#define WINETEST_CONTEXT_SIZE 128

struct winetest_thread
{
    const char *file;
    int         line;
    int         todo_level;   /* bit per nesting level, 1 = failures are expected */
    int         todo_loop;
    unsigned    context_count;
    char        contexts[WINETEST_MAX_CONTEXTS][WINETEST_CONTEXT_SIZE];
};

int winetest_debug = 1;
int winetest_report_success;
const char *winetest_platform = "windows";

extern const struct test winetest_testlist[];

static int winetest_argc;
static char **winetest_argv;
static DWORD winetest_tls = TLS_OUT_OF_INDEXES;
static CRITICAL_SECTION winetest_print_lock;
static LONG winetest_successes, winetest_failures, winetest_skipped;
static LONG winetest_todo_successes, winetest_todo_failures;

static struct winetest_thread *winetest_get_thread( void )
{
    struct winetest_thread *data = TlsGetValue( winetest_tls );
    DWORD err = GetLastError();

    if (!data)
    {
        if (!(data = HeapAlloc( GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(*data) ))) ExitProcess( 255 );
        TlsSetValue( winetest_tls, data );
    }
    SetLastError( err );
    return data;
}

static void winetest_print( const char *prefix, const char *format, va_list args )
{
    struct winetest_thread *data = winetest_get_thread();
    const char *file = data->file ? data->file : "";
    const char *slash;
    unsigned i;

    if ((slash = strrchr( file, '/' ))) file = slash + 1;
    if ((slash = strrchr( file, '\\' ))) file = slash + 1;

    EnterCriticalSection( &winetest_print_lock );
    printf( "%s:%d: %s", file, data->line, prefix );
    for (i = 0; i < data->context_count; i++) printf( "%s: ", data->contexts[i] );
    if (format) vprintf( format, args );
    fflush( stdout );
    LeaveCriticalSection( &winetest_print_lock );
}

int winetest_get_mainargs( char ***argv )
{
    *argv = winetest_argv;
    return winetest_argc;
}

/* The last error belongs to the test: between the call it checks and the message it prints nothing may change it. */
void winetest_set_location( const char *file, int line )
{
    struct winetest_thread *data;
    DWORD err = GetLastError();

    data = winetest_get_thread();
    data->file = file;
    data->line = line;
    SetLastError( err );
}

int winetest_vok( int condition, const char *format, va_list args )
{
    struct winetest_thread *data = winetest_get_thread();
    int failed = !condition;

    if (data->todo_level)
    {
        if (failed)
        {
            if (winetest_debug > 0) winetest_print( "Test marked todo: ", format, args );
            InterlockedIncrement( &winetest_todo_successes );
        }
        else
        {
            winetest_print( "Test succeeded inside todo block: ", format, args );
            InterlockedIncrement( &winetest_todo_failures );
        }
    }
    else if (failed)
    {
        winetest_print( "Test failed: ", format, args );
        InterlockedIncrement( &winetest_failures );
    }
    else
    {
        if (winetest_report_success || winetest_debug > 1) winetest_print( "Test succeeded: ", format, args );
        InterlockedIncrement( &winetest_successes );
    }
    return condition;
}

int winetest_ok( int condition, const char *format, ... )
{
    DWORD err = GetLastError();
    va_list args;
    int ret;

    va_start( args, format );
    ret = winetest_vok( condition, format, args );
    va_end( args );
    SetLastError( err );
    return ret;
}

void winetest_skip( const char *format, ... )
{
    va_list args;

    va_start( args, format );
    winetest_print( "Tests skipped: ", format, args );
    va_end( args );
    InterlockedIncrement( &winetest_skipped );
}

/* What only an old Windows lacks: a skip there, a failure elsewhere. */
void winetest_win_skip( const char *format, ... )
{
    va_list args;

    va_start( args, format );
    if (!strcmp( winetest_platform, "windows" ))
    {
        winetest_print( "Tests skipped: ", format, args );
        InterlockedIncrement( &winetest_skipped );
    }
    else winetest_vok( 0, format, args );
    va_end( args );
}

void winetest_trace( const char *format, ... )
{
    va_list args;

    if (winetest_debug <= 0) return;
    va_start( args, format );
    winetest_print( "", format, args );
    va_end( args );
}

void winetest_push_context( const char *format, ... )
{
    struct winetest_thread *data = winetest_get_thread();
    va_list args;

    if (data->context_count < WINETEST_MAX_CONTEXTS)
    {
        char *context = data->contexts[data->context_count];

        va_start( args, format );
        vsnprintf( context, WINETEST_CONTEXT_SIZE, format, args );
        va_end( args );
        context[WINETEST_CONTEXT_SIZE - 1] = 0;
        data->context_count++;
    }
}

void winetest_pop_context( void )
{
    struct winetest_thread *data = winetest_get_thread();

    if (data->context_count) data->context_count--;
}

void winetest_start_todo( int is_todo )
{
    struct winetest_thread *data = winetest_get_thread();

    data->todo_level = (data->todo_level << 1) | !!is_todo;
    data->todo_loop = 1;
}

int winetest_loop_todo( void )
{
    struct winetest_thread *data = winetest_get_thread();
    int loop = data->todo_loop;

    data->todo_loop = 0;
    return loop;
}

void winetest_end_todo( void )
{
    winetest_get_thread()->todo_level >>= 1;
}

int broken( int condition )
{
    return condition && !strcmp( winetest_platform, "windows" );
}

void winetest_wait_child_process( HANDLE process )
{
    DWORD code = 1;

    if (WaitForSingleObject( process, 60000 ))
    {
        TerminateProcess( process, 255 );
        winetest_ok( 0, "the child process did not end\n" );
        return;
    }
    GetExitCodeProcess( process, &code );
    if (code > 255) winetest_ok( 0, "the child process crashed with %08x\n", (unsigned)code );
    else InterlockedExchangeAdd( &winetest_failures, (LONG)code );
}

static int winetest_list( FILE *out )
{
    const struct test *test;

    fprintf( out, "Usage: %s test_name\n\nValid test names:\n", winetest_argv[0] );
    for (test = winetest_testlist; test->name; test++) fprintf( out, "    %s\n", test->name );
    return 1;
}

static int winetest_run( const char *name )
{
    const struct test *test;
    LONG executed;

    for (test = winetest_testlist; test->name; test++) if (!strcmp( test->name, name )) break;
    if (!test->name)
    {
        fprintf( stderr, "Fatal: test '%s' does not exist.\n", name );
        return winetest_list( stderr );
    }

    test->func();

    executed = winetest_successes + winetest_failures + winetest_todo_successes + winetest_todo_failures;
    printf( "%04x:%s: %d tests executed (%d marked as todo, %d %s), %d skipped.\n",
            (unsigned)GetCurrentProcessId(), test->name, (int)executed, (int)winetest_todo_successes,
            (int)(winetest_failures + winetest_todo_failures),
            winetest_failures + winetest_todo_failures == 1 ? "failure" : "failures", (int)winetest_skipped );
    fflush( stdout );
    executed = winetest_failures + winetest_todo_failures;
    return executed > 255 ? 255 : (int)executed;
}

/* Wine's ntdll says who it is; nothing else of Wine is used here. */
static const char *winetest_detect_platform( void )
{
    static char value[16];
    DWORD len = GetEnvironmentVariableA( "WINETEST_PLATFORM", value, sizeof(value) );

    if (len && len < sizeof(value)) return value;
    return GetProcAddress( GetModuleHandleA( "ntdll.dll" ), "wine_get_version" ) ? "wine" : "windows";
}

static int winetest_getenv_int( const char *name, int value )
{
    char text[16];
    DWORD len = GetEnvironmentVariableA( name, text, sizeof(text) );

    return len && len < sizeof(text) ? atoi( text ) : value;
}

int main( int argc, char **argv )
{
    winetest_argc = argc;
    winetest_argv = argv;
    winetest_tls = TlsAlloc();
    InitializeCriticalSection( &winetest_print_lock );
    winetest_platform = winetest_detect_platform();
    winetest_debug = winetest_getenv_int( "WINETEST_DEBUG", 1 );
    winetest_report_success = winetest_getenv_int( "WINETEST_REPORT_SUCCESS", 0 );

    if (argc < 2 || !strcmp( argv[1], "--list" )) return winetest_list( stdout ) && argc < 2;
    return winetest_run( argv[1] );
}

#endif /* STANDALONE */

#endif /* WINHTTP_INCLUDE_WINE_TEST_H */
