/*
 * Proxy settings as Windows keeps them in binary values of the registry
 *
 * One layout for the machine's (WinHttpSettings, versions 0x18 and 0x28) and the users' (DefaultConnectionSettings and
 * those of named connections, 0x3c and 0x46): four numbers, of which the last one is the length of the first text; texts
 * with their lengths before them; more that does not matter here. Bytes in, bytes out; no handles, no threads. Compiled
 * natively for unit tests, too. Source: behaviour-concepts.md sections 4.4 and 4.5.
 */

#ifndef WINHTTP_PROXY_BLOB_H
#define WINHTTP_PROXY_BLOB_H

#define PROXY_BLOB_MACHINE 0x18
#define PROXY_BLOB_USER    0x46

struct proxy_text { const char *at; DWORD len; };    /* single bytes, without a terminator; borrowed */

struct proxy_blob
{
    DWORD version;                        /* PROXY_BLOB_*, or another one that was found */
    DWORD counter;                        /* of changes */
    DWORD flags;                          /* WINHTTP_PROXY_TYPE_* */
    struct proxy_text proxy, bypass, url;
};

/* FALSE: malformed (shorter than the four numbers, or a text is longer than what is there), and *blob is not touched. Texts
 * behind the end are empty. */
BOOL proxy_blob_read( const void *data, DWORD size, struct proxy_blob *blob );

/* Stores at most `size` bytes; returns how many it takes. The machine's has no URL. */
DWORD proxy_blob_write( const struct proxy_blob *blob, void *data, DWORD size );

#endif /* WINHTTP_PROXY_BLOB_H */
