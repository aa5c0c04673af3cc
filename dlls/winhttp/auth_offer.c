/*
 * What a 401 or 407 offers
 *
 * Source: windows-behaviour.md AU-4, AU-5; functions.md WinHttpQueryAuthSchemes.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "auth_basic.h"
#include "auth_hash.h"
#include "auth_offer.h"

#define NAME( text ) text, ARRAYSIZE( text ) - 1

BOOL auth_offer_target( const struct request *request, DWORD *target )
{
    if (!request->have_response) return FALSE;
    *target = request->status.status == HTTP_STATUS_PROXY_AUTH_REQ ? WINHTTP_AUTH_TARGET_PROXY : WINHTTP_AUTH_TARGET_SERVER;
    /* A proxy that answers CONNECT with 401 speaks for no server: what it asks for is none of its business. */
    if (*target == WINHTTP_AUTH_TARGET_SERVER && (request->head_flags & WHR_FROM_PROXY)) return FALSE;
    return request->status.status == HTTP_STATUS_DENIED || request->status.status == HTTP_STATUS_PROXY_AUTH_REQ;
}

static void take_token( struct auth_token *token, const struct auth_challenge *challenge )
{
    if (!token->data && challenge->token.text)
        token->data = auth_base64_decode( challenge->token.text, challenge->token.len, &token->len );
}

static DWORD take_digest( struct auth_offer *offer, const struct auth_challenge *challenge )
{
    unsigned int strength = digest_strength( challenge );
    struct digest digest = { 0 };
    DWORD err;

    if (strength <= offer->strength) return ERROR_SUCCESS;    /* of two that are as good the first */
    if ((err = digest_keep( &digest, challenge ))) return err;
    if (auth_has_hash( digest.hash ))
    {
        digest_free( &offer->digest );
        offer->digest   = digest;
        offer->strength = strength;
    }
    else digest_free( &digest );
    return ERROR_SUCCESS;
}

static DWORD take_challenge( struct auth_offer *offer, const struct auth_challenge *challenge )
{
    struct auth_param param;

    if (!challenge->flag) return ERROR_SUCCESS;
    if (!offer->first) offer->first = challenge->flag;
    offer->supported |= challenge->flag;
    switch (challenge->flag)
    {
    case WINHTTP_AUTH_SCHEME_BASIC:
        if (auth_param_find( &challenge->params, "charset", &param ) && auth_span_is( &param.value, "utf-8" ))
            offer->basic_utf8 = TRUE;
        break;
    case WINHTTP_AUTH_SCHEME_DIGEST:
        return take_digest( offer, challenge );
    case WINHTTP_AUTH_SCHEME_NTLM:
        take_token( &offer->ntlm, challenge );
        break;
    case WINHTTP_AUTH_SCHEME_NEGOTIATE:
        take_token( &offer->negotiate, challenge );
        break;
    }
    return ERROR_SUCCESS;
}

static DWORD take_field( struct auth_offer *offer, const struct field *field )
{
    DWORD len = header_value_bytes( field, NULL, 0 ), err = ERROR_SUCCESS;
    struct auth_challenge challenge;
    const char *pos;
    char *text;

    if (!len) return ERROR_SUCCESS;
    if (!(text = malloc( len ))) return ERROR_NOT_ENOUGH_MEMORY;
    header_value_bytes( field, text, len );
    for (pos = text; !err && auth_challenge_next( &pos, text + len, &challenge );) err = take_challenge( offer, &challenge );
    free( text );
    return err;
}

DWORD auth_offer_read( const struct request *request, DWORD target, struct auth_offer *offer )
{
    static const struct { const WCHAR *name; DWORD cch; } names[] =
    {
        [WINHTTP_AUTH_TARGET_SERVER] = { NAME( L"WWW-Authenticate" ) },
        [WINHTTP_AUTH_TARGET_PROXY]  = { NAME( L"Proxy-Authenticate" ) },
    };
    const struct field *field;
    DWORD i, err = ERROR_SUCCESS;

    for (i = 0; !err && (field = headers_find( &request->response, names[target].name, names[target].cch, i )); i++)
        err = take_field( offer, field );
    return err;
}

void auth_offer_free( struct auth_offer *offer )
{
    digest_free( &offer->digest );
    free( offer->ntlm.data );
    free( offer->negotiate.data );
}
