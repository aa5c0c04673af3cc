/*
 * Bytes of a scripting object: what it sends, what it received
 *
 * A buffer that grows by appending. Its block is reference-counted, so that any number of streams can read it and
 * outlive the request (windows-behaviour COM-34) without a copy of the body for each.
 */

#ifndef WINHTTP_COM_BYTES_H
#define WINHTTP_COM_BYTES_H

struct com_bytes          /* all zero is an empty one */
{
    BYTE  *data;          /* NULL as long as nothing was appended */
    SIZE_T len, size;
};

/* Appends a copy of `len` bytes. A block that streams read does not change: the bytes move to a new one then.
 * Returns S_OK, or E_OUTOFMEMORY and changes nothing. The caller serializes uses of one struct com_bytes. */
HRESULT com_bytes_append( struct com_bytes *bytes, const void *data, SIZE_T len );

/* Room for `len` more bytes at bytes->data + bytes->len, to be filled by the caller, who then adds to bytes->len. Same
 * results. */
HRESULT com_bytes_reserve( struct com_bytes *bytes, SIZE_T len );

/* Makes it an empty one again. Streams keep what they read. */
void com_bytes_free( struct com_bytes *bytes );

/* The same bytes once more, without a copy; each is freed on its own. */
void com_bytes_share( const struct com_bytes *bytes, struct com_bytes *copy );

#endif /* WINHTTP_COM_BYTES_H */
