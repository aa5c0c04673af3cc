/*
 * Tracing of the Unix side
 *
 * Lines start with the object ("exchange 3.17: ..."), end without a newline, and never hold credentials, cookies or
 * bodies. Off costs one test. A thread that did not come in through a unix call (a resolver thread) must not log.
 */

#ifndef WH_LOG_H
#define WH_LOG_H

#include <stddef.h>

struct object;

enum log_level { LOG_ERR = 1, LOG_WARN = 2, LOG_TRACE = 4, LOG_DATA = 8 };

extern unsigned int log_levels;                                     /* set by attach */
extern void (*log_sink)( enum log_level level, const char *line );  /* set by entry.c or a test; may be NULL */

void log_write( enum log_level level, const char *format, ... ) __attribute__((format( printf, 2, 3 )));

/* Bytes of a message, line by line, with what is not printable escaped. `direction`: '>' sent, '<' received. This is the
 * only place where credentials, cookies and bodies may appear. */
void log_bytes( const struct object *obj, char direction, const char *bytes, size_t len );

#define LOG_BYTES( obj, direction, bytes, len ) \
    do { if (log_levels & LOG_DATA) log_bytes( obj, direction, bytes, len ); } while (0)

#define LOG( level, ... ) do { if (log_levels & (level)) log_write( level, __VA_ARGS__ ); } while (0)

#endif /* WH_LOG_H */
