/*
 * Proxy resolvers: handles on which the proxies of a URL are found out in the background
 *
 * One operation at a time, each on a thread of its own, since it may take as long as a script wants; it is a user of the
 * resolver, and ends with one completion. Closing the handle cancels it.
 */

#ifndef WINHTTP_PROXY_RESOLVER_H
#define WINHTTP_PROXY_RESOLVER_H

#include "object.h"

struct proxy_resolver;

/* What an operation does on its thread. `data` is its own. Returns its error. */
typedef DWORD (*resolver_work)( struct proxy_resolver *resolver, void *data );

/* Starts one. `api` and `status` are those of its completion. `context` is the application's, 0 keeps the handle's. Returns
 * ERROR_IO_PENDING, ERROR_WINHTTP_INCORRECT_HANDLE_STATE (another one is under way), ERROR_WINHTTP_OPERATION_CANCELLED,
 * ERROR_NOT_ENOUGH_MEMORY; but for the first, `work` is not called. */
DWORD resolver_start( struct proxy_resolver *resolver, DWORD api, DWORD status, DWORD_PTR context, resolver_work work,
                      void *data );

struct proxy_settings;

/* What the latest WinHttpGetProxySettingsEx of the resolver has found: it takes the texts; and a copy of it, to be freed,
 * ERROR_WINHTTP_INCORRECT_HANDLE_STATE (nothing yet) or ERROR_NOT_ENOUGH_MEMORY. */
void resolver_keep_settings( struct proxy_resolver *resolver, struct proxy_settings *settings );
DWORD resolver_copy_settings( struct proxy_resolver *resolver, struct proxy_settings *copy );

#endif /* WINHTTP_PROXY_RESOLVER_H */
