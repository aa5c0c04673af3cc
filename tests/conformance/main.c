/*
 * The program of the conformance tests: one row per test file
 *
 * Not in the SOURCES of Makefile.in: a Wine tree generates this file from them, and our build adds it.
 * Each row is the START_TEST of the file of that name.
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#define STANDALONE
#include "wine/test.h"

#define TESTS(X) \
    X( body ) \
    X( client ) \
    X( closing ) \
    X( connection ) \
    X( handles ) \
    X( headers ) \
    X( lifetime ) \
    X( notification ) \
    X( options ) \
    X( query ) \
    X( receive ) \
    X( security ) \
    X( send ) \
    X( server ) \
    X( threads ) \
    X( time ) \
    X( timeout ) \
    X( url )

#define DECLARE(name) extern void func_##name( void );
TESTS( DECLARE )

#define ROW(name) { #name, func_##name },
const struct test winetest_testlist[] =
{
    TESTS( ROW )
    { NULL, NULL }
};
