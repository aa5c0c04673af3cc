#if 0
#pragma makedep unix
#endif

/*
 * Domain names: IDNA and the public suffix list
 *
 * libidn2 maps by UTS 46 without the transitional exceptions, so that a sharp s or a joiner leads to the same host as in
 * browsers, and checks by IDNA 2008. What comes out is text for the caller to check as any other name: the mapping can
 * turn a wide slash into a real one. The suffix list is read once per process, at the first question: the newer one of
 * the distribution's file and libpsl's own.
 */

#include <idn2.h>
#include <libpsl.h>

#include "domain.h"
#include "hooks.h"

#define NAME_MAX_LEN  1024      /* UTF-8: 253 characters that take four bytes each, and a dot at the end */
#define ASCII_MAX_LEN 254       /* RFC 1035, with a dot at the end */

static pthread_once_t suffixes_once = PTHREAD_ONCE_INIT;
static const psl_ctx_t *suffixes;

static void load_suffixes(void)
{
    suffixes = psl_latest( NULL );      /* libpsl's own list where there is no file; NULL if it has none either */
}

static enum wh_error idn_error( int result )
{
    return result == IDN2_MALLOC ? WHE_NO_MEMORY : WHE_INVALID;
}

static enum wh_error to_ascii( const char *name, struct wh_domain_params *params )
{
    char *ascii;
    size_t len;
    int result;

    if ((result = idn2_to_ascii_8z( name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL )) != IDN2_OK)
        return idn_error( result );
    len = strlen( ascii );
    if (len && len <= ASCII_MAX_LEN)
    {
        params->len = len;
        if (len <= params->size) memcpy( wh_to_ptr( params->ascii ), ascii, len );
    }
    idn2_free( ascii );
    return params->len ? WHE_OK : WHE_INVALID;
}

/* The list is asked in lower case and without the dot of the root. */
static enum wh_error find_suffix( char *name, size_t len, struct wh_domain_params *params )
{
    size_t i;

    for (i = 0; i < len; i++) if (name[i] >= 'A' && name[i] <= 'Z') name[i] |= 0x20;
    if (name[len - 1] == '.') name[--len] = 0;
    if (!len || name[0] == '.' || name[len - 1] == '.') return WHE_INVALID;

    pthread_once( &suffixes_once, load_suffixes );
    if (!suffixes) return WHE_UNSUPPORTED;
    params->result = psl_is_public_suffix( suffixes, name ) != 0;
    return WHE_OK;
}

uint32_t domain_call( struct wh_domain_params *params )
{
    char name[NAME_MAX_LEN + 1];

    params->len = params->result = 0;
    params->error = WHE_INVALID;
    if (!params->name || !params->name_len || params->name_len > NAME_MAX_LEN || (params->size && !params->ascii))
        return WH_DONE;
    memcpy( name, wh_to_ptr( params->name ), params->name_len );
    name[params->name_len] = 0;
    if (strlen( name ) != params->name_len) return WH_DONE;

    switch (params->what)
    {
    case WHD_TO_ASCII:
        params->error = to_ascii( name, params );
        break;
    case WHD_PUBLIC_SUFFIX:
        params->error = find_suffix( name, params->name_len, params );
        break;
    default:
        params->error = WHE_UNSUPPORTED;
        break;
    }
    return WH_DONE;
}
