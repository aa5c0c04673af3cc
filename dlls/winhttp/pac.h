/*
 * Proxy scripts: a script that can be asked about URLs, from any thread, within limits
 *
 * Each script that is in use has a thread with an engine, made at its first question and kept for some seconds after the last
 * one: then a question costs a change of threads and the call.
 */

#ifndef WINHTTP_PAC_H
#define WINHTTP_PAC_H

struct pac;

/* The text is given (free); one reference. NULL without memory, and the text is still the caller's. */
struct pac *pac_create( WCHAR *script );
void pac_grab( struct pac *pac );
void pac_release( struct pac *pac );    /* NULL is nothing to release */

/* What the script says about a URL, which it sees as pac_view() gives it; one question at a time. `cancel` may be NULL, or an
 * event that ends the waiting. *answer is given (free). Returns what pac_view, pac_engine_create and pac_engine_find return;
 * ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR also for a script that takes more than a minute, half a GiB or its stack: it is ended;
 * ERROR_WINHTTP_OPERATION_CANCELLED. */
DWORD pac_find( struct pac *pac, const WCHAR *url, BOOL lower_host, HANDLE cancel, WCHAR **answer );

#endif /* WINHTTP_PAC_H */
