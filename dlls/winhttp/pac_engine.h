/*
 * Proxy scripts: one script in the system's JScript engine
 *
 * The engine belongs to the thread that has made it, which is in an apartment; only pac_engine_interrupt and
 * pac_engine_owns may be called by others. The script reaches nothing but its helper functions: no objects of the system, no
 * files, no network beyond names. Source: platform.md section 5, security.md (PAC script).
 */

#ifndef WINHTTP_PAC_ENGINE_H
#define WINHTTP_PAC_ENGINE_H

struct pac_engine;

/* Loads a script, and runs what stands outside its functions. `*ret` is set before that, so that an endless script can be
 * interrupted; it is the caller's even on failure, unless NULL. Once *stop is not 0, helper functions do not return.
 * Returns 0, ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT (it does not run, or has no FindProxyForURL),
 * ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR (there is no engine) or ERROR_NOT_ENOUGH_MEMORY. */
DWORD pac_engine_create( const WCHAR *script, const volatile LONG *stop, struct pac_engine * volatile *ret );
void pac_engine_free( struct pac_engine *engine );

/* Calls FindProxyForURLEx if the script has it, else FindProxyForURL. *answer is given (free): "" where the script returns
 * null or undefined, which is "no proxy". Returns 0, ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR or ERROR_NOT_ENOUGH_MEMORY. */
DWORD pac_engine_find( struct pac_engine *engine, const WCHAR *url, const WCHAR *host, WCHAR **answer );

/* Asks the engine to give up what runs in it. It may be one that cannot. */
void pac_engine_interrupt( struct pac_engine *engine );

/* Whether code at `address` is the engine's own. Takes no lock: its thread may be suspended. */
BOOL pac_engine_owns( struct pac_engine *engine, ULONG_PTR address );

#endif /* WINHTTP_PAC_ENGINE_H */
