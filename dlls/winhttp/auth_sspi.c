/*
 * NTLM and Negotiate: handshakes through SSPI
 *
 * Source: behaviour-concepts.md section 3, platform.md section 5. The names of SSPI's structures are mingw-w64's.
 */

#define SECURITY_WIN32
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#include <sspi.h>
#include <secext.h>

#include "wine/debug.h"
#include "auth_basic.h"
#include "auth_sspi.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define UNUSED __attribute__((unused))

#define CONTEXT_FLAGS ISC_REQ_CONNECTION    /* no ISC_REQ_ALLOCATE_MEMORY: Wine's Kerberos does not know it */
#define TOKEN_MAX     65535                 /* the most that Kerberos can be configured for on Windows */
#define BINDING_MAX   64

/*--- secur32 -------------------------------------------------------------------------------------------------------*/

#define SECUR32_FUNCS(X) \
    X( AcquireCredentialsHandleW ) \
    X( DeleteSecurityContext ) \
    X( FreeCredentialsHandle ) \
    X( InitializeSecurityContextW )

static struct
{
#define SECUR32_FUNC( name ) __typeof__( name ) *p##name;
    SECUR32_FUNCS( SECUR32_FUNC )
#undef SECUR32_FUNC
} secur32;

static INIT_ONCE secur32_once = INIT_ONCE_STATIC_INIT;

static BOOL WINAPI load( INIT_ONCE *once UNUSED, void *param UNUSED, void **context UNUSED )
{
    HMODULE module = LoadLibraryW( L"secur32.dll" );
    BOOL ret = module != NULL;

#define SECUR32_FUNC( name ) ret = ret && (secur32.p##name = (void *)GetProcAddress( module, #name ));
    SECUR32_FUNCS( SECUR32_FUNC )
#undef SECUR32_FUNC
    return ret;
}

static BOOL secur32_load( void )
{
    return InitOnceExecuteOnce( &secur32_once, load, NULL, NULL );
}

/*--- handshakes ----------------------------------------------------------------------------------------------------*/

struct auth_sspi
{
    CredHandle   credentials;
    CtxtHandle   context;
    BOOL         begun;       /* there is a context */
    BOOL         complete;
    unsigned int steps;
    const char  *prefix;      /* of its answers */
    WCHAR        spn[1];
};

/* "DOMAIN\user" in two; anything else is a user for the package to understand. */
static void split_user( const WCHAR *user, SEC_WINNT_AUTH_IDENTITY_W *identity )
{
    const WCHAR *slash = wcschr( user, '\\' );

    identity->Domain       = (unsigned short *)user;
    identity->DomainLength = slash ? slash - user : 0;
    if (slash) user = slash + 1;
    identity->User         = (unsigned short *)user;
    identity->UserLength   = wcslen( user );
}

static SECURITY_STATUS acquire( struct auth_sspi *sspi, const WCHAR *package, const WCHAR *user, const WCHAR *password )
{
    SEC_WINNT_AUTH_IDENTITY_W identity = { 0 };
    TimeStamp expiry;

    identity.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    if (user)
    {
        split_user( user, &identity );
        identity.Password       = (unsigned short *)password;
        identity.PasswordLength = wcslen( password );
    }
    return secur32.pAcquireCredentialsHandleW( NULL, (WCHAR *)package, SECPKG_CRED_OUTBOUND, NULL, user ? &identity : NULL,
                                               NULL, NULL, &sspi->credentials, &expiry );
}

struct auth_sspi *auth_sspi_begin( DWORD scheme, const WCHAR *user, const WCHAR *password, const WCHAR *spn )
{
    const BOOL ntlm = scheme == WINHTTP_AUTH_SCHEME_NTLM;
    struct auth_sspi *sspi;
    SECURITY_STATUS status;

    if (!secur32_load() || !(sspi = calloc( 1, sizeof(*sspi) + wcslen( spn ) * sizeof(WCHAR) ))) return NULL;
    wcscpy( sspi->spn, spn );
    sspi->prefix = ntlm ? "NTLM " : "Negotiate ";
    status = acquire( sspi, ntlm ? L"NTLM" : L"Negotiate", user, password );
    if (!status) return sspi;
    TRACE( "no credentials for %s(status %#lx)\n", sspi->prefix, status );
    free( sspi );
    return NULL;
}

void auth_sspi_free( struct auth_sspi *sspi )
{
    if (!sspi) return;
    if (sspi->begun) secur32.pDeleteSecurityContext( &sspi->context );
    secur32.pFreeCredentialsHandle( &sspi->credentials );
    free( sspi );
}

BOOL auth_sspi_is_complete( const struct auth_sspi *sspi )
{
    return sspi->complete;
}

BOOL auth_sspi_is_first( const struct auth_sspi *sspi )
{
    return sspi->steps == 1;
}

/* SEC_CHANNEL_BINDINGS and what belongs to it. */
struct binding
{
    SEC_CHANNEL_BINDINGS head;
    char                 data[21 + BINDING_MAX];
};

static DWORD make_binding( struct binding *binding, const BYTE *hash, DWORD len )
{
    static const char prefix[] = "tls-server-end-point:";

    memset( binding, 0, sizeof(*binding) );
    if (!len || len > BINDING_MAX) return 0;
    memcpy( binding->data, prefix, sizeof(prefix) - 1 );
    memcpy( binding->data + sizeof(prefix) - 1, hash, len );
    binding->head.cbApplicationDataLength = sizeof(prefix) - 1 + len;
    binding->head.dwApplicationDataOffset = FIELD_OFFSET( struct binding, data );
    return FIELD_OFFSET( struct binding, data ) + binding->head.cbApplicationDataLength;
}

/* One call. The buffers of `in` are as many as there is something to say; what comes of it goes to `buffer`, which has
 * TOKEN_MAX bytes. */
static SECURITY_STATUS step( struct auth_sspi *sspi, SecBuffer *in, ULONG count, void *buffer, SecBuffer *out )
{
    SecBufferDesc in_desc = { SECBUFFER_VERSION, count, in }, out_desc = { SECBUFFER_VERSION, 1, out };
    ULONG attributes;
    TimeStamp expiry;

    out->BufferType = SECBUFFER_TOKEN;
    out->cbBuffer   = TOKEN_MAX;
    out->pvBuffer   = buffer;
    return secur32.pInitializeSecurityContextW( &sspi->credentials, sspi->begun ? &sspi->context : NULL, sspi->spn,
                                                CONTEXT_FLAGS, 0, SECURITY_NETWORK_DREP, count ? &in_desc : NULL, 0,
                                                &sspi->context, &out_desc, &attributes, &expiry );
}

BOOL auth_sspi_step( struct auth_sspi *sspi, const BYTE *token, DWORD token_len, const BYTE *hash, DWORD hash_len,
                     char **answer )
{
    struct binding binding;
    SecBuffer in[2] = { { 0 } }, out;
    DWORD count = 0, binding_len = make_binding( &binding, hash, hash_len );
    SECURITY_STATUS status;
    void *buffer;

    *answer = NULL;
    if (!(buffer = malloc( TOKEN_MAX ))) return FALSE;
    if (token)
    {
        in[count].BufferType = SECBUFFER_TOKEN;
        in[count].pvBuffer   = (void *)token;
        in[count++].cbBuffer = token_len;
    }
    if (binding_len)
    {
        in[count].BufferType = SECBUFFER_CHANNEL_BINDINGS;
        in[count].pvBuffer   = &binding;
        in[count++].cbBuffer = binding_len;
    }
    status = step( sspi, in, count, buffer, &out );
    /* Wine's packages look for a token in whatever there is, also before there can be one. Measured on 8.0. */
    if (status == SEC_E_INVALID_TOKEN && !token && count) status = step( sspi, in, 0, buffer, &out );
    TRACE( "%s%lu bytes in, %lu out, status %#lx\n", sspi->prefix, token_len, out.cbBuffer, status );
    if (status == SEC_E_OK || status == SEC_I_CONTINUE_NEEDED)
    {
        sspi->steps++;
        sspi->begun    = TRUE;
        sspi->complete = status == SEC_E_OK;
        if (out.cbBuffer) *answer = auth_base64_encode( sspi->prefix, out.pvBuffer, out.cbBuffer );
    }
    free( buffer );
    if (status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED) return FALSE;
    return *answer || sspi->complete;    /* to go on without a word would be without memory */
}
