#if 0
#pragma makedep unix
#endif

/*
 * Tracing of the Unix side
 */

#include <stdarg.h>
#include <stdio.h>

#include "log.h"

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
