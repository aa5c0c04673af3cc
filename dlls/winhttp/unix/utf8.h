/*
 * UTF-8, checked as it arrives
 *
 * Bytes in, a verdict out; no allocation. Called for the text messages of WebSockets, over any split of a message.
 * Source: RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF.
 */

#ifndef WH_UTF8_H
#define WH_UTF8_H

#include <stddef.h>
#include <stdint.h>

struct utf8
{
    uint8_t left;          /* bytes that the character begun still needs */
    uint8_t low, high;     /* what the next one of them may be */
};
#define UTF8_INIT { 0, 0, 0 }

/* 1: the bytes go on with what came before as UTF-8 may. 0: they do not; begin anew with UTF8_INIT. */
int utf8_feed( struct utf8 *utf8, const void *data, size_t len );

/* 1: what came so far ends with a whole character (or nothing came). */
static inline int utf8_whole( const struct utf8 *utf8 ) { return !utf8->left; }

#endif /* WH_UTF8_H */
