/*
 * Checks that must hold for anything a server sends as a challenge; shared by the unit tests and the fuzz target
 */

#ifndef WINHTTP_CHECK_AUTH_H
#define WINHTTP_CHECK_AUTH_H

#include <gnutls/crypto.h>

#include "test.h"
#include "win_shim.h"
#include "auth_basic.h"
#include "auth_challenge.h"
#include "auth_digest.h"
#include "sha512_256.h"

static inline BOOL test_hash( enum digest_hash hash, const void *data, DWORD len, BYTE *result )
{
    if (hash == DIGEST_SHA512_256)
    {
        sha512_256( data, len, result );
        return TRUE;
    }
    return !gnutls_hash_fast( hash == DIGEST_MD5 ? GNUTLS_DIG_MD5 : GNUTLS_DIG_SHA256, data, len, result );
}

static inline void check_span( const struct auth_span *span, const char *text, const char *end )
{
    if (span->text) expect( span->text >= text && span->len <= (size_t)(end - span->text) );
    else expect( !span->len );
}

static inline void check_params( const struct auth_span *params, const char *text, const char *end )
{
    const char *pos = params->text, *before, *stop = params->text + params->len;
    struct auth_param param;
    char *value;
    DWORD len;

    for (before = pos; auth_param_next( &pos, stop, &param ); before = pos)
    {
        expect( pos > before && pos <= stop );
        expect( param.name.len );
        check_span( &param.name, text, end );
        check_span( &param.value, text, end );
        len = auth_unquote( &param, NULL, 0 );
        expect( len <= param.value.len );
        if (!(value = malloc( len + 1 ))) continue;
        expect( auth_unquote( &param, value, len ) == len );
        free( value );
    }
    expect( pos == stop );
}

/* The answer can stand in a header: one line, and no quote that is not closed. */
static inline void check_answer( const char *answer )
{
    const char *p;
    BOOL quoted = FALSE;

    expect( !strncmp( answer, "Digest ", 7 ) );
    for (p = answer; *p; p++)
    {
        expect( *p != '\r' && *p != '\n' );
        if (quoted && *p == '\\') p++;
        else if (*p == '"') quoted = !quoted;
    }
    expect( !quoted );
}

static inline void check_digest( const struct auth_challenge *challenge, const char *info, DWORD info_len )
{
    struct digest_request request = { .method = "GET", .uri = "/a?b", .user = L"us\"er", .password = L"p\xe4ss", .body = "",
                                      .cnonce = "0123456789abcdef0123456789abcdef" };
    struct digest digest = { 0 };
    unsigned int i;
    char *answer;

    if (!digest_strength( challenge ) || digest_keep( &digest, challenge )) return;
    for (i = 0; i < 2; i++)
    {
        expect( digest.nonce && !digest.nonce[digest.nonce_len] && !digest.realm[digest.realm_len] );
        digest_covers( &digest, "/a", 2 );
        expect( (answer = digest_answer( &digest, &request, test_hash )) != NULL );
        if (answer) check_answer( answer );
        free( answer );
        digest_note_info( &digest, info, info_len );
        expect( !digest.session || digest.secret[0] );
    }
    digest_free( &digest );
}

/* Returns how many challenges there are. */
static inline unsigned int check_auth( const char *source, size_t len )
{
    const char *text = guard_copy( source, len ), *end = text + len, *pos = text, *before;
    struct auth_challenge challenge;
    unsigned int count = 0;

    for (before = pos; auth_challenge_next( &pos, end, &challenge ); before = pos, count++)
    {
        expect( pos > before && pos <= end );
        expect( challenge.scheme.len );
        check_span( &challenge.scheme, text, end );
        check_span( &challenge.token, text, end );
        check_span( &challenge.params, text, end );
        expect( !challenge.token.text || !challenge.params.text );
        if (challenge.params.text) check_params( &challenge.params, text, end );
        check_digest( &challenge, text, len );
    }
    expect( pos == end );
    return count;
}

#endif
