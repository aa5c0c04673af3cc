/*
 * Automatic proxies: from a URL and a program's options to an answer
 *
 * Which scripts there are to ask, and in which order. What is kept of them is pac_cache.c's and wpad.c's business.
 */

#ifndef WINHTTP_AUTOPROXY_H
#define WINHTTP_AUTOPROXY_H

#include "pac_fetch.h"
#include "proxy_list.h"

struct autoproxy               /* a question; all zero to begin with, but for the fields of the caller */
{
    const WCHAR     *url;
    const WCHAR     *config_url;       /* with WINHTTP_AUTOPROXY_CONFIG_URL */
    DWORD            flags;            /* WINHTTP_AUTOPROXY_* */
    DWORD            detect_flags;     /* WINHTTP_AUTO_DETECT_TYPE_*, with WINHTTP_AUTOPROXY_AUTO_DETECT */
    HANDLE           cancel;           /* a manual-reset event; may be NULL */
    struct pac_fetch fetch;            /* its timeouts and logon */
};

struct autoproxy_answer        /* texts are given; one of the first two, or neither: no proxy */
{
    WCHAR *script;             /* what a script said: proxy_script_find */
    WCHAR *proxy;              /* a list of the user's settings: proxy_list_find, */
    WCHAR *bypass;             /* and its exceptions; may be NULL */
};

/* 0, or what GetProxyForUrl says to options that make no sense: ERROR_INVALID_PARAMETER. PX-30, PX-31 */
DWORD autoproxy_check( const WCHAR *url, const WINHTTP_AUTOPROXY_OPTIONS *options );

/* Detection first, then the program's script, then the user's settings as far as the flags allow them; the next one only where
 * no script could be had. Blocks. Returns 0 or the error of the first source, see wpad_find, pac_fetch and pac_find. */
DWORD autoproxy_find( struct autoproxy *question, struct autoproxy_answer *answer );
void autoproxy_answer_free( struct autoproxy_answer *answer );

/* Ends autoproxy_find on another thread, or at its start: ERROR_WINHTTP_OPERATION_CANCELLED. Sets the event, too. */
void autoproxy_cancel( struct autoproxy *question );

/* The servers of an answer for a URL, at most `max`, in order; how many are stored. *direct: then, or at once, direct.
 * *bypass: an exception of the settings is why. */
DWORD autoproxy_servers( const struct autoproxy_answer *answer, const WCHAR *url, struct proxy_server *servers, DWORD max,
                         BOOL *direct, BOOL *bypass );

/* WINHTTP_RESET_*: what is kept is found out anew. */
void autoproxy_reset( DWORD flags );

#endif /* WINHTTP_AUTOPROXY_H */
