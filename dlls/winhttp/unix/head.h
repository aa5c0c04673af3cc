/*
 * HTTP/1 response heads: find the end, check, read the framing
 *
 * Bytes in, facts out; no sockets, no allocation, no copies. Called by h1.c. Source: RFC 9112; windows-behaviour
 * for what Windows tolerates; security.md for what nobody may.
 */

#ifndef WH_HEAD_H
#define WH_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "decode.h"

#define PARSE_MORE 0
#define PARSE_BAD -1

struct head_scan
{
    size_t seen;             /* bytes looked at so far */
    unsigned int state;
};
#define HEAD_SCAN_INIT { 0, 0 }

/* Looks for the end of the head (an empty line; lines end in CRLF or LF) in the first `len` bytes of `data`; call
 * again with the same start and more bytes. Returns the length of the head including the empty line, PARSE_MORE, or
 * PARSE_BAD (sticky): a NUL, a bare CR, or a beginning that is not "HTTP/". */
ssize_t head_scan( struct head_scan *scan, const char *data, size_t len );

enum head_body { HEAD_BODY_NONE, HEAD_BODY_LENGTH, HEAD_BODY_CHUNKED, HEAD_BODY_CLOSE };

struct head_info
{
    unsigned int   status;       /* 100 to 999 */
    unsigned int   minor;        /* HTTP/1.minor; a 0.9 or 2.0 status line is bad */
    enum head_body body;
    uint64_t       content_len;  /* Content-Length if there is exactly one value and no transfer coding, else ~0 */
    int            keep_alive;   /* what version, Connection and framing allow; */
    int            proxy_keep_alive;     /* and Proxy-Connection, for a head that comes from a proxy itself */
    int            ambiguous;    /* something two parsers could read differently: deliver, but never reuse */
    struct codings codings;      /* Content-Encoding, all of its fields and items */
};

/* Reads a whole head as head_scan delimited it. `head_request`: it answers HEAD. Returns the length or PARSE_BAD:
 * a malformed status line, differing Content-Length values, a value that is not plain digits or overflows
 * 63 bits, a transfer coding other than a single "chunked" ("identity" of RFC 2616 counts as none, ambiguous).
 * A blank or a control character inside a name is bad, too. A field line that starts with a blank goes on with the
 * value before it; a line without a colon, or without a name before it, is ignored. Both, a bare LF, blanks before a
 * colon, a transfer coding beside a length or from HTTP/1.0, and framing on a response that has no body are ambiguous;
 * keep_alive is 0 then. */
ssize_t head_parse( struct head_info *info, const char *head, size_t len, int head_request );

/* The status of a whole head as head_scan delimited it, whatever its fields say; or PARSE_BAD. */
int head_status( const char *head, size_t len );

#endif /* WH_HEAD_H */
