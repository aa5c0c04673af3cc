/*
 * The client certificate of the scripting object
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "com_certificate.h"
#include "crypt32.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

static const struct { const WCHAR *name; DWORD location; } locations[] =
{
    { L"CURRENT_USER",  CERT_SYSTEM_STORE_CURRENT_USER },
    { L"LOCAL_MACHINE", CERT_SYSTEM_STORE_LOCAL_MACHINE },
};

#define STORE_SIZE 256    /* no store of Windows comes near */

struct certificate_name
{
    DWORD        location;
    WCHAR        store[STORE_SIZE];
    const WCHAR *subject;    /* borrowed from the text */
};

/* FALSE: a location that does not exist, an empty or too long store, a location alone. */
static BOOL parse_name( const WCHAR *text, struct certificate_name *name )
{
    const WCHAR *first = wcschr( text, '\\' ), *second;
    unsigned int i;

    name->location = CERT_SYSTEM_STORE_CURRENT_USER;
    wcscpy( name->store, L"MY" );
    name->subject = text;
    if (!first) return TRUE;

    for (i = 0; i < ARRAYSIZE( locations ); i++)
    {
        if (wcslen( locations[i].name ) == (size_t)(first - text) &&
            !_wcsnicmp( text, locations[i].name, first - text )) break;
    }
    if (i == ARRAYSIZE( locations ) || !(second = wcschr( first + 1, '\\' ))) return FALSE;
    if (second == first + 1 || second - first > STORE_SIZE) return FALSE;

    name->location = locations[i].location;
    memcpy( name->store, first + 1, (second - first - 1) * sizeof(WCHAR) );
    name->store[second - first - 1] = 0;
    name->subject = second + 1;
    return TRUE;
}

BOOL com_certificate_check( const WCHAR *text )
{
    struct certificate_name name;

    return !text || parse_name( text, &name );
}

/* Given: CertFreeCertificateContext. */
static const CERT_CONTEXT *find_certificate( HCERTSTORE store, const WCHAR *subject )
{
    if (!*subject) return crypt32.pCertEnumCertificatesInStore( store, NULL );
    return crypt32.pCertFindCertificateInStore( store, X509_ASN_ENCODING | PKCS_7_ASN_ENCODING, 0, CERT_FIND_SUBJECT_STR_W,
                                                subject, NULL );
}

DWORD com_certificate_set( const WCHAR *text, HINTERNET request )
{
    DWORD err = ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED;
    struct certificate_name name;
    const CERT_CONTEXT *cert;
    HCERTSTORE store;

    if (!parse_name( text, &name ) || !crypt32_load() ||
        !(store = crypt32_system_store( name.location, name.store ))) return err;

    if ((cert = find_certificate( store, name.subject )))
    {
        err = WinHttpSetOption( request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, (void *)cert, sizeof(*cert) ) ? 0 : GetLastError();
        crypt32.pCertFreeCertificateContext( cert );
    }
    else WARN( "there is no certificate %s\n", wine_dbgstr_w( text ) );
    crypt32.pCertCloseStore( store, 0 );
    return err;
}
