/*
 * crypt32: loaded at its first use, and certificates brought to it
 *
 * Loading it costs a program milliseconds, its first chain up to a second, and most programs never need either.
 */

#ifndef WINHTTP_CRYPT32_H
#define WINHTTP_CRYPT32_H

#include <wincrypt.h>

#define CRYPT32_FUNCS(X) \
    X( CertAddEncodedCertificateToStore ) \
    X( CertAddStoreToCollection ) \
    X( CertCloseStore ) \
    X( CertCreateCRLContext ) \
    X( CertDuplicateCRLContext ) \
    X( CertDuplicateCertificateChain ) \
    X( CertDuplicateCertificateContext ) \
    X( CertEnumCertificatesInStore ) \
    X( CertFindCertificateInCRL ) \
    X( CertFindCertificateInStore ) \
    X( CertFindExtension ) \
    X( CertFreeCRLContext ) \
    X( CertFreeCertificateChain ) \
    X( CertFreeCertificateContext ) \
    X( CertGetCertificateChain ) \
    X( CertGetCertificateContextProperty ) \
    X( CertGetIntendedKeyUsage ) \
    X( CertNameToStrW ) \
    X( CertOpenStore ) \
    X( CertVerifyCertificateChainPolicy ) \
    X( CryptAcquireCertificatePrivateKey ) \
    X( CryptDecodeObjectEx ) \
    X( CryptVerifyCertificateSignatureEx )

struct crypt32
{
#define CRYPT32_FUNC( name ) __typeof__( name ) *p##name;
    CRYPT32_FUNCS( CRYPT32_FUNC )
#undef CRYPT32_FUNC
};

extern struct crypt32 crypt32;    /* valid once crypt32_load has said TRUE */

/* FALSE: it is not there; asked again next time. Any thread. */
BOOL crypt32_load( void );

/* The next of the certificates that the transport lists (uint32_t length, DER, each) in *pos, which moves on. NULL at the
 * end, or where the list is broken. */
const BYTE *crypt32_next( const BYTE **pos, const BYTE *end, DWORD *len );

/* The first of such a list as a context, the others in its store. Given; NULL without memory, or if the first is no
 * certificate. Others that are none are left out. crypt32 is loaded. */
const CERT_CONTEXT *crypt32_leaf( const BYTE *chain, DWORD len );

/* Such a list of `count` certificates. Given: free. NULL without memory. */
BYTE *crypt32_list( const CERT_CONTEXT * const *certs, DWORD count, DWORD *len );

/* Adds the certificates of such a list to a store. */
void crypt32_add( HCERTSTORE store, const BYTE *certs, DWORD len );

/* A store of the system, "ROOT" and the like, to read, or NULL. Given: CertCloseStore( store, 0 ). crypt32 is loaded. */
HCERTSTORE crypt32_system_store( DWORD location, const WCHAR *name );

#endif /* WINHTTP_CRYPT32_H */
