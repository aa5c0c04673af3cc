/*
 * What the transport reports, as Win32 codes
 */

#ifndef WINHTTP_ERROR_H
#define WINHTTP_ERROR_H

#include "unixlib.h"

/* The WH_ERRORS list is the only place that pairs the two. An unknown value is ERROR_WINHTTP_INTERNAL_ERROR. */
DWORD error_to_win32( enum wh_error error );

/* For traces: "TIMEOUT". Never NULL. */
const char *error_name( enum wh_error error );

/* The bits of WINHTTP_CALLBACK_STATUS_SECURE_FAILURE for an error of TLS; 0 for any other error. */
DWORD error_secure_failure( enum wh_error error, DWORD detail );

/* What WINHTTP_OPTION_EXTENDED_ERROR tells this thread: the Winsock code behind its last failed operation, 0 if none has
 * failed. A callback runs on the thread that has noted its request's failure. */
void error_note( enum wh_error error, DWORD detail );
DWORD error_extended( void );

BOOL error_startup( void );    /* process attach; FALSE: no thread-local slot is left */
void error_shutdown( void );

#endif /* WINHTTP_ERROR_H */
