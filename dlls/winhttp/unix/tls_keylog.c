#if 0
#pragma makedep unix
#endif

/*
 * The secrets of sessions, for who looks at the wire: SSLKEYLOGFILE
 *
 * GnuTLS would write such a file by itself, readable for everybody and through a FILE of its own. Here each line is one
 * write in append mode, so that several processes (Wine starts many) can share a file. Called by tls_handshake.c.
 * Source: NSS Key Log Format; gnutls_session_set_keylog_function.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE      /* secure_getenv */
#endif

#include <fcntl.h>
#include <stdio.h>

#include "hooks.h"
#include "log.h"
#include "tls_keylog.h"

#define RANDOM_LEN  32
#define MAX_SECRET  64           /* SHA-512's; the longest there is in TLS is 48 */
#define MAX_LABEL   64

static pthread_mutex_t keylog_lock = PTHREAD_MUTEX_INITIALIZER;
static int keylog_asked;
static int keylog_fd = -1;

/* The descriptor, or -1. It stays open to the end of the process, so it can be used without the lock. */
static int keylog_open(void)
{
    const char *path;
    int fd;

    pthread_mutex_lock( &keylog_lock );
    if (!keylog_asked)
    {
        keylog_asked = 1;
        if ((path = secure_getenv( "SSLKEYLOGFILE" )) && *path)
        {
            keylog_fd = open( path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600 );
            if (keylog_fd == -1) LOG( LOG_WARN, "tls: SSLKEYLOGFILE: %s cannot be opened", path );
            else LOG( LOG_WARN, "tls: the secrets of all sessions are written to %s", path );
        }
    }
    fd = keylog_fd;
    pthread_mutex_unlock( &keylog_lock );
    return fd;
}

static char *put_hex( char *out, const unsigned char *data, size_t len )
{
    static const char digits[] = "0123456789abcdef";

    while (len--)
    {
        *out++ = digits[*data >> 4];
        *out++ = digits[*data++ & 15];
    }
    return out;
}

/* A secret that cannot be written must not make the handshake fail: who looks on sees less, the program nothing. */
static int on_secret( gnutls_session_t session, const char *label, const gnutls_datum_t *secret )
{
    char line[MAX_LABEL + 2 * RANDOM_LEN + 2 * MAX_SECRET + 3], *out = line;
    gnutls_datum_t random, unused;
    size_t label_len = strlen( label );
    int fd = keylog_open();

    if (fd == -1 || label_len > MAX_LABEL || secret->size > MAX_SECRET) return 0;
    gnutls_session_get_random( session, &random, &unused );
    if (random.size != RANDOM_LEN) return 0;

    memcpy( out, label, label_len );
    out += label_len;
    *out++ = ' ';
    out = put_hex( out, random.data, random.size );
    *out++ = ' ';
    out = put_hex( out, secret->data, secret->size );
    *out++ = '\n';
    if (write( fd, line, out - line ) != out - line) LOG( LOG_WARN, "tls: a secret was not written to SSLKEYLOGFILE" );
    explicit_bzero( line, sizeof(line) );
    return 0;
}

void tls_keylog( gnutls_session_t session )
{
    gnutls_session_set_keylog_function( session, on_secret );
}

void tls_keylog_free( void )
{
    pthread_mutex_lock( &keylog_lock );
    if (keylog_fd != -1) close( keylog_fd );
    keylog_fd = -1;
    keylog_asked = 0;
    pthread_mutex_unlock( &keylog_lock );
}
