/*
 * Certificates for the tests of TLS, made when a test begins
 */

#ifndef WINHTTP_UNIT_CERTS_H
#define WINHTTP_UNIT_CERTS_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static char certs[256];      /* directory of the certificates */

/* Certificates come from tests/fixtures/make-certs, or from the directory that WH_TEST_CERTS names. */
static inline void make_certificates(void)
{
    const char *top = getenv( "SRCDIR" ), *given = getenv( "WH_TEST_CERTS" );
    char command[1024], path[300];

    if (given) snprintf( certs, sizeof(certs), "%s", given );
    else
    {
        strcpy( certs, "/tmp/winhttp-certs-XXXXXX" );
        if (!mkdtemp( certs )) certs[0] = 0;
        snprintf( command, sizeof(command), "sh '%s/tests/fixtures/make-certs' %s", top ? top : ".", certs );
        if (!expect( !system( command ) )) exit( test_end( "certificates" ) );
    }
    snprintf( path, sizeof(path), "%s/ca.pem", certs );
    setenv( "SSL_CERT_FILE", path, 1 );
    unsetenv( "SSL_CERT_DIR" );
}

static inline void remove_certificates(void)
{
    struct dirent *entry;
    char path[600];
    DIR *dir;

    if (getenv( "WH_TEST_CERTS" ) || !(dir = opendir( certs ))) return;
    while ((entry = readdir( dir )))
    {
        snprintf( path, sizeof(path), "%s/%s", certs, entry->d_name );
        if (entry->d_name[0] != '.') unlink( path );
    }
    closedir( dir );
    rmdir( certs );
}

#endif /* WINHTTP_UNIT_CERTS_H */
