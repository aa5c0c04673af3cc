/*
 * Options: the engine and its tables
 *
 * One table per kind of handle, sorted by id: process_options (NULL handle), session_options and connect_options in
 * option_session.c, request_options in option_request.c. The engine does lookup, handle kind, access, size, range and
 * the buffer protocol; a row only says what is special. Rules: options.md section 1, windows-behaviour.md O-1 to O-8.
 */

#ifndef WINHTTP_OPTION_H
#define WINHTTP_OPTION_H

#include "object.h"

/* access */
#define OPT_R        0x01    /* can be queried */
#define OPT_W        0x02    /* can be set */
#define OPT_PARENT   0x04    /* the field is the parent's: what a connect shows of its session */
#define OPT_SIZE_87  0x08    /* a wrong length is ERROR_INVALID_PARAMETER, not ERROR_INSUFFICIENT_BUFFER */
#define OPT_NULL_OK  0x10    /* set: NULL with length 0 is a value */
#define OPT_TEXT     0x20    /* the field is a struct option_text; the length is set in characters, queried in bytes */

struct option_text
{
    WCHAR *text;             /* NULL = never set, or set to nothing */
    DWORD  cch;
};

/* Guards all of them: shared to read one, and never for long. */
extern SRWLOCK option_text_lock;

/* A copy of `text`, which may end before cch with a NUL. Returns 0, ERROR_INVALID_PARAMETER (a line break, which could
 * start a header of its own) or ERROR_NOT_ENOUGH_MEMORY. */
DWORD option_text_set( struct option_text *field, const WCHAR *text, DWORD cch );
void option_text_free( struct option_text *field );    /* and wipes it */

struct option
{
    DWORD  id;
    WORD   access;
    WORD   size;             /* bytes of a value; 0 = OPT_TEXT, or get_sized and set_sized check it */
    DWORD  offset;           /* of the field, used where there is no function */
    DWORD  lo, hi;           /* range of a DWORD that is set; 0, 0 = any */

    /* A value of the row's size, at an address that need not be aligned. */
    DWORD (*get)( struct object *obj, void *value );
    DWORD (*set)( struct object *obj, const void *value );
    /* With size 0: the buffer as the application gave it. Applications' units: options.md section 1.2. */
    DWORD (*get_sized)( struct object *obj, void *buffer, DWORD *size );
    DWORD (*set_sized)( struct object *obj, const void *buffer, DWORD len );
};

/* A row, and what may follow its three columns: where the field is, which values it takes, which functions do it. */
#define OPTION( name, flags, bytes, ... ) \
    { .id = WINHTTP_OPTION_##name, .access = flags, .size = bytes, __VA_ARGS__ }
#define RW                  (OPT_R | OPT_W)
#define OBJ( field )        .offset = FIELD_OFFSET( struct object, field )
#define RANGE( from, to )   .lo = from, .hi = to

struct option_table
{
    const struct option *options;
    unsigned int         count;
};

extern const struct option_table process_options, session_options, connect_options, request_options;

/* A text for the application: options.md section 1.1 "String results". Returns 0 or ERROR_INSUFFICIENT_BUFFER. */
DWORD option_return_text( const WCHAR *text, DWORD cch, void *buffer, DWORD *size );

/* The custom functions that several tables use. */
DWORD option_get_parent( struct object *obj, void *value );
DWORD option_get_thread_count( struct object *obj, void *value );

/* WINHTTP_OPTION_HTTP_VERSION of the process: what an empty version of WinHttpOpenRequest means. */
BOOL option_http_1_0( void );

#endif /* WINHTTP_OPTION_H */
