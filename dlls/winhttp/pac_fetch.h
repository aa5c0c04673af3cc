/*
 * Proxy scripts: from where they are to a text
 */

#ifndef WINHTTP_PAC_FETCH_H
#define WINHTTP_PAC_FETCH_H

#include "request_options.h"

/* A fetch that another thread can end. All zero to begin with, but for the fields of the caller. */
struct pac_fetch
{
    const WCHAR    *url;         /* http or https */
    struct timeouts timeouts;    /* of each phase; the whole has an end, too */
    BOOL            logon;       /* the user's own credentials, if the server asks for some */

    SRWLOCK         lock;        /* the rest */
    HINTERNET       request;
    BOOL            cancelled;
};

/* The script, given (free). Blocks. Returns 0, ERROR_WINHTTP_UNRECOGNIZED_SCHEME, ERROR_WINHTTP_INVALID_URL,
 * ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, ERROR_WINHTTP_LOGIN_FAILURE, ERROR_WINHTTP_UNHANDLED_SCRIPT_TYPE (it is said to be
 * something else, or is no text), ERROR_WINHTTP_OPERATION_CANCELLED or ERROR_NOT_ENOUGH_MEMORY. */
DWORD pac_fetch( struct pac_fetch *fetch, WCHAR **script );

void pac_fetch_cancel( struct pac_fetch *fetch );    /* any thread, also before or after */

#endif /* WINHTTP_PAC_FETCH_H */
