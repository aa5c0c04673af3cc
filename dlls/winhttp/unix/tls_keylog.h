/*
 * The secrets of sessions, for who looks at the wire: SSLKEYLOGFILE
 */

#ifndef WH_TLS_KEYLOG_H
#define WH_TLS_KEYLOG_H

#include <gnutls/gnutls.h>

/* Has the session's secrets appended to the file that SSLKEYLOGFILE names, if it names one: lines in NSS' key log format,
 * as curl, browsers and Wireshark have it. A process with raised privileges ignores the variable. The file is opened at
 * the first secret, once per process; one that is made is for its owner only. Thread-safe. */
void tls_keylog( gnutls_session_t session );

/* Closes the file; the variable is looked at anew (tests). */
void tls_keylog_free( void );

#endif /* WH_TLS_KEYLOG_H */
