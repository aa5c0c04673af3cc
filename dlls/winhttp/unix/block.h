/*
 * The large blocks of memory that connections borrow while data flows
 *
 * 64 KiB save system calls while data flows and are a waste while a connection waits; ten thousand waiting
 * connections must not own one each. So blocks go round: buffer.c and tls_buffer.c have one only while there are bytes
 * in it, and some are kept here for the next borrower. Thread-safe.
 */

#ifndef WH_BLOCK_H
#define WH_BLOCK_H

/* Four TLS records of the largest size a peer normally sends (16 KiB and its framing), so that a stream of them is
 * fetched with one system call per 64 KiB; any single record that TLS allows fits as well. Measured without TLS:
 * larger reads gain nothing on loopback, smaller ones cost system calls. */
#define BLOCK_SIZE (4 * (16384 + 128))

/* A block of BLOCK_SIZE bytes, uninitialised. NULL without memory. */
void *block_get( void );

/* Gives a block back; not NULL. */
void block_put( void *data );

/* Blocks that are lent at this moment. */
unsigned int block_out( void );

/* Frees the blocks nobody has borrowed (tests). Everything may be used again after. */
void block_shutdown( void );

#endif /* WH_BLOCK_H */
