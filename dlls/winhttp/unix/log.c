#if 0
#pragma makedep unix
#endif

/*
 * Tracing of the Unix side
 */

#include <stdarg.h>
#include <stdio.h>

#include "log.h"
#include "object.h"

unsigned int log_levels;
void (*log_sink)( enum log_level level, const char *line );

void log_write( enum log_level level, const char *format, ... )
{
    char line[512];       /* a longer line is cut: no trace is worth more stack */
    va_list args;

    if (!log_sink) return;
    va_start( args, format );
    vsnprintf( line, sizeof(line), format, args );
    va_end( args );
    log_sink( level, line );
}

void log_bytes( const struct object *obj, char direction, const char *bytes, size_t len )
{
    char line[4 * 96 + 1], *out = line;    /* each byte takes four characters at most */
    size_t i, start = 0;

    for (i = 0; i < len; i++)
    {
        unsigned char c = bytes[i];

        if (c == '\r' || c == '\n') out += sprintf( out, c == '\r' ? "\\r" : "\\n" );
        else if (c >= ' ' && c < 0x7f && c != '\\') *out++ = c;
        else out += sprintf( out, "\\x%02x", c );
        if (c != '\n' && i - start < 95 && i + 1 < len) continue;
        *out = 0;
        log_write( LOG_DATA, "conn " OBJECT_FMT ": %c %s", OBJECT_ARG( obj ), direction, line );
        out = line;
        start = i + 1;
    }
}
