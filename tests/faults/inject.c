/*
 * Faults in winhttp.so while a Windows program runs: the environment says which
 *
 * Linked, with the hooks of the unit tests, to the winhttp.so of the test build in tests/faults; no other build has
 * this. WINHTTP_FAULTS is one of
 *
 *   alloc:N              the Nth allocation fails; alloc:N+ also all later ones
 *   syscall:N:ERROR      the Nth system call fails with ERROR (a name of hook_errors), or with what it can fail with
 *   seed:S:R             one call in R fails; which ones is up to S and to the order in which threads come
 *
 * Each fault is one line on standard error.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unix/hooks.h"
#include "../unit/hooks.h"

static void tell( enum hook hook, int error )
{
    char line[64];
    int len = snprintf( line, sizeof(line), "fault: %s %d\n", hook_names[hook], error );

    if (write( 2, line, len ) != len) return;    /* whoever does not listen need not know */
}

static int errno_from_name( const char *name )
{
    unsigned int i;

    for (i = 0; i < hook_error_count; i++)
        if (!strcmp( hook_errors[i].name, name )) return hook_errors[i].error;
    fprintf( stderr, "WINHTTP_FAULTS: no call fails with %s\n", name );
    exit( 2 );
}

static __attribute__((constructor)) void inject( void )
{
    const char *text = getenv( "WINHTTP_FAULTS" );
    unsigned int a = 0, b = 0;
    char name[32], more = 0;

    if (!text || !*text) return;
    hooks_told = tell;
    if (sscanf( text, "alloc:%u%c", &a, &more ) >= 1 && a) hooks_fail( HOOK_ALLOC, a, more == '+', 0 );
    else if (sscanf( text, "syscall:%u:%31s", &a, name ) == 2 && a) hooks_fail_syscall( a, errno_from_name( name ) );
    else if (sscanf( text, "seed:%u:%u", &a, &b ) == 2 && b) hooks_fail_sometimes( a, b );
    else
    {
        fprintf( stderr, "WINHTTP_FAULTS: %s is not understood\n", text );
        exit( 2 );    /* a test that believes to inject must not pass */
    }
}
