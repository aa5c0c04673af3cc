/*
 * The way to the Unix side: binding
 *
 * ntdll exports a variable that points to the dispatcher of unix calls, and tells the handle of our Unix library. Both
 * are looked up at the first WinHttpOpen: a program that only takes URLs apart does not load the Unix side. Nothing is
 * imported, so the module loads on Windows, too, where it says so and fails.
 * Source: platform.md section 1.
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winternl.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);
WINE_DECLARE_DEBUG_CHANNEL(winhttp_net);
WINE_DECLARE_DEBUG_CHANNEL(winhttp_data);

#define MEMORY_WINE_UNIX_FUNCS 1000    /* Wine's MemoryWineUnixFuncs: a module's unix library */

#define UNUSED __attribute__((unused))

extern IMAGE_DOS_HEADER __ImageBase;

transport_dispatcher transport_dispatch;
UINT64               transport_library;

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static DWORD features, batches;

typedef LONG (WINAPI *query_memory_proc)( HANDLE, const void *, int, void *, SIZE_T, SIZE_T * );

/* What the Unix side may print; it cannot ask by itself on its own threads. */
static DWORD log_level(void)
{
    return (ERR_ON( winhttp_net ) ? 1 : 0) | (WARN_ON( winhttp_net ) ? 2 : 0) | (TRACE_ON( winhttp_net ) ? 4 : 0) |
           (TRACE_ON( winhttp_data ) ? 8 : 0);
}

static BOOL find_library(void)
{
    HMODULE ntdll = GetModuleHandleW( L"ntdll.dll" );
    transport_dispatcher *dispatcher = (void *)GetProcAddress( ntdll, "__wine_unix_call_dispatcher" );
    query_memory_proc query_memory = (void *)GetProcAddress( ntdll, "NtQueryVirtualMemory" );
    LONG status;

    if (!dispatcher || !*dispatcher || !query_memory)
    {
        ERR( "this winhttp needs Wine: ntdll has no unix call dispatcher\n" );
        return FALSE;
    }
    status = query_memory( GetCurrentProcess(), &__ImageBase, MEMORY_WINE_UNIX_FUNCS, &transport_library,
                           sizeof(transport_library), NULL );
    if (status)
    {
        ERR( "no winhttp.so, or it lacks a library it needs (status %#lx)\n", status );
        return FALSE;
    }
    transport_dispatch = *dispatcher;
    return TRUE;
}

static BOOL WINAPI attach( INIT_ONCE *init UNUSED, void *param UNUSED, void **context UNUSED )
{
    struct wh_attach_params params = { WH_ABI, log_level(), 0, 0 };
    unsigned int status;

    if (!find_library()) return TRUE;    /* asking again would not help */
    status = transport_dispatch( transport_library, wh_call_attach, &params );
    if (status != WH_DONE)
    {
        ERR( "winhttp.so does not start (status %#x)\n", status );
        transport_dispatch = NULL;
        return TRUE;
    }
    features = params.features;
    batches = params.batch;
    TRACE( "features %#lx\n", features );
    return TRUE;
}

DWORD transport_attach(void)
{
    InitOnceExecuteOnce( &once, attach, NULL, NULL );
    return transport_dispatch ? ERROR_SUCCESS : ERROR_WINHTTP_INTERNAL_ERROR;
}

void transport_detach(void)
{
    if (!transport_dispatch) return;
    transport_dispatch( transport_library, wh_call_detach, NULL );
    transport_dispatch = NULL;
}

DWORD transport_batches(void)
{
    return batches;
}

DWORD transport_features(void)
{
    return features;
}
