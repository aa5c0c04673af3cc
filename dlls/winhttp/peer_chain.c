/*
 * The certificate chains of servers, as programs ask for them: built once per connection
 *
 * A program that looks at the chain of every response would spend more time in crypt32 than on the request. What the chain
 * was worth when the connection was made is the connection's verdict for as long as it lives, so the chain may be as old. The
 * number of a connection is never given twice, and so nobody has to say that one has gone: the oldest entry makes room.
 * Asked for by tls.c alone.
 */

#include <stdarg.h>

#include <windef.h>
#include <winbase.h>

#include "peer_chain.h"

#define KEPT 16    /* programs talk to few servers at a time; a chain is some 10 KiB */

static SRWLOCK lock = SRWLOCK_INIT;    /* all below */
static struct
{
    wh_id                     conn;
    DWORD                     flags;
    const CERT_CHAIN_CONTEXT *chain;    /* NULL: free */
} entries[KEPT];
static unsigned int next;               /* the oldest */

static const CERT_CHAIN_CONTEXT *find( wh_id conn, DWORD flags )
{
    unsigned int i;

    for (i = 0; i < KEPT; i++)
        if (entries[i].chain && entries[i].conn == conn && entries[i].flags == flags)
            return crypt32.pCertDuplicateCertificateChain( entries[i].chain );
    return NULL;
}

const CERT_CHAIN_CONTEXT *peer_chain_find( wh_id conn, DWORD flags )
{
    const CERT_CHAIN_CONTEXT *chain;

    if (!conn) return NULL;
    AcquireSRWLockExclusive( &lock );
    chain = find( conn, flags );
    ReleaseSRWLockExclusive( &lock );
    return chain;
}

/* Two threads may have built the same one: both are kept, and one is found. */
static void keep( wh_id conn, DWORD flags, const CERT_CHAIN_CONTEXT *chain )
{
    const CERT_CHAIN_CONTEXT *old;

    chain = crypt32.pCertDuplicateCertificateChain( chain );
    AcquireSRWLockExclusive( &lock );
    old = entries[next].chain;
    entries[next].conn  = conn;
    entries[next].flags = flags;
    entries[next].chain = chain;
    next = (next + 1) % KEPT;
    ReleaseSRWLockExclusive( &lock );
    if (old) crypt32.pCertFreeCertificateChain( old );
}

DWORD peer_chain_build( wh_id conn, DWORD flags, const CERT_CONTEXT *leaf, const CERT_CHAIN_CONTEXT **chain )
{
    CERT_CHAIN_PARA para = { .cbSize = sizeof(para) };

    if (!crypt32.pCertGetCertificateChain( NULL, leaf, NULL, leaf->hCertStore, &para, flags, NULL, chain ))
        return GetLastError();
    if (conn) keep( conn, flags, *chain );
    return ERROR_SUCCESS;
}

void peer_chain_free( void )
{
    unsigned int i;

    for (i = 0; i < KEPT; i++)
    {
        if (entries[i].chain) crypt32.pCertFreeCertificateChain( entries[i].chain );
        entries[i].chain = NULL;
    }
}
