/*
 * Tracing: levels, and bytes as lines
 */

#include "log.h"
#include "object.h"

#include "test.h"

static char lines[16][512];
static unsigned int line_count;

static void sink( enum log_level level, const char *line )
{
    if (line_count < 16) snprintf( lines[line_count], sizeof(lines[0]), "%u %s", level, line );
    line_count++;
}

static void log_start( unsigned int levels )
{
    log_sink = sink;
    log_levels = levels;
    line_count = 0;
}

static void test_only_wanted_levels_reach_the_sink( void )
{
    log_start( LOG_ERR | LOG_WARN );
    LOG( LOG_WARN, "conn %u: %s", 1, "odd" );
    LOG( LOG_TRACE, "not wanted" );
    expect( line_count == 1 && !strcmp( lines[0], "2 conn 1: odd" ) );
}

static void test_long_lines_are_cut( void )
{
    static char text[2000];

    memset( text, 'x', sizeof(text) - 1 );
    log_start( LOG_ERR );
    LOG( LOG_ERR, "%s", text );
    expect( line_count == 1 && strlen( lines[0] ) < sizeof(lines[0]) );
}

static void test_bytes_come_line_by_line_and_escaped( void )
{
    static const char bytes[] = "GET / HTTP/1.1\r\nX: a\\b\x01\xff\0c";
    struct object obj = { .id = 3 | (wh_id)17 << 32 };

    log_start( LOG_DATA );
    LOG_BYTES( &obj, '>', bytes, sizeof(bytes) - 1 );
    expect( line_count == 2 );
    expect( !strcmp( lines[0], "8 conn 3.17: > GET / HTTP/1.1\\r\\n" ) );
    expect( !strcmp( lines[1], "8 conn 3.17: > X: a\\x5cb\\x01\\xff\\x00c" ) );
}

static void test_bytes_without_line_ends_are_split( void )
{
    static char bytes[200];
    struct object obj = { .id = 1 };

    memset( bytes, 0x80, sizeof(bytes) );    /* the longest form of each byte */
    log_start( LOG_DATA );
    LOG_BYTES( &obj, '<', bytes, sizeof(bytes) );
    expect( line_count == 3 );
    log_start( LOG_TRACE );
    LOG_BYTES( &obj, '<', bytes, sizeof(bytes) );
    LOG_BYTES( &obj, '<', bytes, 0 );
    expect( !line_count );
}

int main( void )
{
    run( test_only_wanted_levels_reach_the_sink );
    run( test_long_lines_are_cut );
    run( test_bytes_come_line_by_line_and_escaped );
    run( test_bytes_without_line_ends_are_split );
    return test_end( "log" );
}
