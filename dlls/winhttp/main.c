/*
 * Process start and end
 *
 * Nothing is done at the start but two TLS slots: the Unix side is loaded by the first WinHttpOpen. Workers hold a
 * reference on the module, so it is unloaded only when none runs and, the program keeping its promise, no handle is open.
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "autoproxy.h"
#include "distrust.h"
#include "error.h"
#include "notify.h"
#include "peer_chain.h"
#include "proxy_plan.h"
#include "revocation.h"
#include "transport.h"
#include "verdict.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

BOOL WINAPI DllMain( HINSTANCE instance, DWORD reason, void *reserved )
{
    switch (reason)
    {
    case DLL_PROCESS_ATTACH:
        DisableThreadLibraryCalls( instance );
        return notify_startup() && error_startup();

    case DLL_PROCESS_DETACH:
        if (reserved) break;    /* the process ends: other threads were stopped anywhere */
        transport_detach();
        autoproxy_reset( WINHTTP_RESET_ALL );
        proxy_plan_forget();
        verdict_free();
        peer_chain_free();
        revocation_free();
        distrust_free();
        error_shutdown();
        notify_shutdown();
        break;
    }
    return TRUE;
}

BOOL WINAPI WinHttpCheckPlatform(void)
{
    TRACE( "\n" );
    SetLastError( ERROR_SUCCESS );
    return TRUE;
}
