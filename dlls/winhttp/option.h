/*
 * Options: the engine and its table
 *
 * One table, option_table.c: a row per WINHTTP_OPTION_*, sorted by id. The engine does lookup, handle kind, access, size,
 * range and the buffer protocol; a row only says what is special, and names functions where a field is not enough. They
 * live with their noun: option_process.c, option_session.c, option_request.c, option_connection.c, proxy.c, tls.c.
 * Rules: options.md section 1, windows-behaviour.md O-1 to O-8.
 */

#ifndef WINHTTP_OPTION_H
#define WINHTTP_OPTION_H

#include "object.h"
#include "request_options.h"

/* Kinds of handles, 1 << WINHTTP_HANDLE_TYPE_*, and the NULL handle. */
#define ON_PROCESS    0x01
#define ON_SESSION    0x02
#define ON_CONNECT    0x04
#define ON_REQUEST    0x08
#define ON_RESOLVER   0x10
#define ON_WEBSOCKET  0x20

/* flags */
#define OPT_SIZE_87   0x01    /* a wrong length is ERROR_INVALID_PARAMETER, not ERROR_INSUFFICIENT_BUFFER */
#define OPT_NO_VALUE  0x02    /* set with NULL and 0 */
#define OPT_NULL_OK   0x04    /* set: NULL with length 0 is a value, too */
#define OPT_TEXT      0x08    /* the field is a struct option_text; the length is set in characters, queried in bytes */
#define OPT_BYTES     0x10    /* OPT_TEXT whose length is set in bytes, too */
#define OPT_STATE     0x20    /* OPT_TEXT that something else sets; until then ERROR_WINHTTP_INCORRECT_HANDLE_STATE */

/* Guards what options own (texts, proxies, certificates) and values of more than one word: shared to read, and never for
 * long. */
extern SRWLOCK option_text_lock;

/* A copy of `text`, which may end before cch with a NUL. Returns 0, ERROR_INVALID_PARAMETER (a line break, which could
 * start a header of its own) or ERROR_NOT_ENOUGH_MEMORY. */
DWORD option_text_set( struct option_text *field, const WCHAR *text, DWORD cch );
void option_text_free( struct option_text *field );    /* and wipes it */

enum option_base           /* what a row's offset counts from */
{
    BASE_NONE,             /* the row has functions */
    BASE_OBJECT,           /* struct object */
    BASE_OPTIONS,          /* struct request_options: a request's own, a session's defaults; a connect shows its session's */
    BASE_SESSION,          /* struct session */
};

struct option
{
    DWORD  id;
    BYTE   get_on, set_on; /* ON_*; both 0: known, and not supported here */
    WORD   flags;          /* OPT_* */
    WORD   size;           /* bytes of a value; 0 = OPT_TEXT, OPT_NO_VALUE, or the sized functions check it */
    BYTE   base;           /* enum option_base */
    DWORD  offset;
    DWORD  lo, hi;         /* range of a DWORD that is set, 0, 0 = any; OPT_TEXT: `hi` characters at most, 0 = any */
    DWORD  bits;           /* those that a DWORD may have, 0 = any */

    /* A value of the row's size, at an address that need not be aligned. */
    DWORD (*get)( struct object *obj, void *value );
    DWORD (*set)( struct object *obj, const void *value );
    /* With size 0: the buffer as the application gave it. Applications' units: options.md section 1.2. */
    DWORD (*get_sized)( struct object *obj, void *buffer, DWORD *size );
    DWORD (*set_sized)( struct object *obj, const void *buffer, DWORD len );
};

/* Sorted by id. */
extern const struct option option_table[];
extern const unsigned int  option_count;

/* The struct of BASE_OPTIONS. */
struct request_options *option_options( struct object *obj );

/* A text for the application: options.md section 1.1 "String results". Returns 0 or ERROR_INSUFFICIENT_BUFFER. */
DWORD option_return_text( const WCHAR *text, DWORD cch, void *buffer, DWORD *size );

/* WINHTTP_OPTION_HTTP_VERSION of the process: what an empty version of WinHttpOpenRequest means. */
BOOL option_http_1_0( void );

#endif /* WINHTTP_OPTION_H */
