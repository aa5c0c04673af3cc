/*
 * Unit tests: the framework
 *
 * A program is one file of test functions and a main that runs them: `run( test_x ); ... return test_end( "name" );`.
 * expect() reports and goes on. In a fuzz target (TEST_FATAL) it aborts, so that the same checkers serve there.
 */

#ifndef WINHTTP_UNIT_TEST_H
#define WINHTTP_UNIT_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned int test_count, test_failures;

static inline int test_expect( int ok, const char *what, const char *file, int line )
{
    if (ok) return 1;
    fprintf( stderr, "%s:%d: expected %s\n", file, line, what );
#ifdef TEST_FATAL
    abort();
#endif
    test_failures++;
    return 0;
}
#define expect( what ) test_expect( (what) != 0, #what, __FILE__, __LINE__ )

#define run( test ) (test_count++, (test)())

static inline int test_end( const char *name )
{
    printf( "%s: %u tests, %u failures\n", name, test_count, test_failures );
    return test_failures != 0;
}

#define GUARD_SIZE 0x200000     /* the largest text that can be guarded */

/* A copy of len bytes whose last byte is the last one before a page that may not be read. Valid until the next call. */
static inline void *guard_copy( const void *data, size_t len )
{
    static char *area;
    size_t page = sysconf( _SC_PAGESIZE );

    if (!area)
    {
        area = mmap( NULL, GUARD_SIZE + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 );
        if (area == MAP_FAILED || mprotect( area + GUARD_SIZE, page, PROT_NONE )) abort();
    }
    if (len > GUARD_SIZE) abort();
    if (len) memcpy( area + GUARD_SIZE - len, data, len );
    return area + GUARD_SIZE - len;
}

#endif
