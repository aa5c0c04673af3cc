/*
 * Proxy scripts: those that are kept, and those that are being fetched
 *
 * Scripts are kept per process, the more so per session: as on Windows, where a service keeps them for all. Whoever needs
 * one that another thread fetches already waits for that one: a program with many requests asks the server once.
 */

#ifndef WINHTTP_PAC_CACHE_H
#define WINHTTP_PAC_CACHE_H

#include "pac_fetch.h"

struct pac;

/* The script of fetch->url, with a reference (pac_release). `fresh`: neither one that is kept nor one that is on its way will
 * do, but what comes is kept. One that is fetched with somebody's credentials (fetch->logon) is not for the others: it is
 * neither shared nor kept. `cancel` may be NULL, or an event that ends the waiting for another thread; pac_fetch_cancel ends
 * the own fetch. Blocks. Returns what pac_fetch returns; of a fetch that was shared, its error. */
DWORD pac_cache_get( struct pac_fetch *fetch, BOOL fresh, HANDLE cancel, struct pac **pac );

/* Nothing that was fetched, or began to be fetched, before this is used for a question that comes after it. */
void pac_cache_forget(void);

#endif /* WINHTTP_PAC_CACHE_H */
