#if 0
#pragma makedep unix
#endif

/*
 * What all sessions of one policy share: versions and ciphers for GnuTLS
 *
 * Parsing a priority string costs more than the rest of making a session, so each of the few there are is kept. Nothing
 * here changes GnuTLS for others in the process.
 */

#include <stdio.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "hooks.h"
#include "tls_internal.h"
#include "tls_policy.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct version_row
{
    uint32_t    bit;          /* WH_TLS_* */
    const char *priority;
};

/* SSL 3 is missing: GnuTLS as Debian builds it has none. */
static const struct version_row version_rows[] =
{
    { WH_TLS_1_3, ":+VERS-TLS1.3" },
    { WH_TLS_1_2, ":+VERS-TLS1.2" },
    { WH_TLS_1_1, ":+VERS-TLS1.1" },
    { WH_TLS_1_0, ":+VERS-TLS1.0" },
};

#define PRIORITY_COUNT (1 << ARRAY_SIZE( version_rows ))

/* Spelled out, so that no policy of the distribution changes it behind our back. GnuTLS' ChaCha20 is an order of
 * magnitude slower than AES-GCM where the processor has AES, and faster where it has not. */
static const char ciphers_aes[]    = ":+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305";
static const char ciphers_chacha[] = ":+CHACHA20-POLY1305:+AES-128-GCM:+AES-256-GCM";
static const char priority_rest[] =
    ":+AES-128-CBC:+AES-256-CBC:+AEAD:+SHA256:+SHA384:+SHA1"
    ":+ECDHE-ECDSA:+ECDHE-RSA:+RSA:+DHE-RSA"
    ":+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"
    ":+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256"
    ":+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA384:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-SHA384"
    ":+SIGN-ECDSA-SECP521R1-SHA512:+SIGN-ECDSA-SHA512:+SIGN-RSA-PSS-RSAE-SHA512:+SIGN-RSA-SHA512"
    ":+SIGN-EDDSA-ED25519:+SIGN-RSA-PSS-SHA256:+COMP-NULL:+CTYPE-X509";

static pthread_mutex_t global_lock = PTHREAD_MUTEX_INITIALIZER;
static int global_ready;
static gnutls_priority_t priorities[PRIORITY_COUNT];
static gnutls_certificate_credentials_t credentials;      /* shared by all sessions, never changed */

static int cpu_has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports( "aes" );
#elif defined(__aarch64__)
    return !!(getauxval( AT_HWCAP ) & (1 << 3));    /* HWCAP_AES */
#else
    return 0;
#endif
}

static int global_init(void)     /* with global_lock */
{
    if (global_ready) return 0;
    if (gnutls_global_init() < 0) return -1;
    if (gnutls_certificate_allocate_credentials( &credentials ) < 0)
    {
        gnutls_global_deinit();
        return -1;
    }
    gnutls_certificate_set_retrieve_function2( credentials, tls_client_certificate );
    global_ready = 1;
    return 0;
}

static gnutls_priority_t priority_create( unsigned int index )
{
    gnutls_priority_t priority;
    char text[1024];
    size_t i, len;

    len = snprintf( text, sizeof(text), "NONE" );
    for (i = 0; i < ARRAY_SIZE( version_rows ); i++)
        if (index & 1 << i) len += snprintf( text + len, sizeof(text) - len, "%s", version_rows[i].priority );
    snprintf( text + len, sizeof(text) - len, "%s%s", cpu_has_aes() ? ciphers_aes : ciphers_chacha, priority_rest );

    return gnutls_priority_init( &priority, text, NULL ) < 0 ? NULL : priority;
}

enum wh_error tls_settings_get( uint32_t versions, struct tls_settings *settings )
{
    enum wh_error err = WHE_OK;
    unsigned int index = 0;
    size_t i;

    for (i = 0; i < ARRAY_SIZE( version_rows ); i++)
        if (versions & version_rows[i].bit) index |= 1 << i;
    if (!index) return WHE_UNSUPPORTED;

    pthread_mutex_lock( &global_lock );
    if (global_init() < 0) err = WHE_NO_MEMORY;
    else if (!priorities[index] && !(priorities[index] = priority_create( index ))) err = WHE_UNSUPPORTED;
    settings->priority = priorities[index];
    settings->credentials = credentials;
    pthread_mutex_unlock( &global_lock );
    return err;
}

void tls_settings_free( void )
{
    size_t i;

    pthread_mutex_lock( &global_lock );
    for (i = 0; i < PRIORITY_COUNT; i++)
    {
        if (priorities[i]) gnutls_priority_deinit( priorities[i] );
        priorities[i] = NULL;
    }
    if (global_ready)
    {
        gnutls_certificate_free_credentials( credentials );
        gnutls_global_deinit();
    }
    global_ready = 0;
    pthread_mutex_unlock( &global_lock );
}
