/*
 * Digest authentication: RFC 7616, and servers of the time of RFC 2617 and 2069
 *
 * Choices: of auth and auth-int the first is taken where both are offered, since intermediaries may change a body's framing,
 * but never its right to be sent. Without charset names are in the ANSI code page, as Basic has them. With -sess the cnonce
 * of the first answer is that of all: servers that hash the session's key anew for each request, and those that keep it, as
 * the RFC has it, both come to the same.
 */

#ifdef WINHTTP_NATIVE
#include <stdio.h>
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#endif

#include "auth_basic.h"
#include "auth_digest.h"

/*--- bytes ---------------------------------------------------------------------------------------------------------*/

/* A text that grows; `failed` sticks, so that only its end has to be looked at. */
struct bytes
{
    char  *text;
    DWORD  len, size;
    BOOL   failed;
};

static void put( struct bytes *bytes, const void *data, DWORD len )
{
    DWORD size = bytes->size ? bytes->size : 256;
    char *text;

    if (bytes->failed) return;
    while (size - bytes->len <= len && size < 0x40000000) size *= 2;    /* room for a NUL, too */
    if (size - bytes->len <= len) bytes->failed = TRUE;
    else if (size != bytes->size)
    {
        if ((text = malloc( size )))
        {
            if (bytes->len) memcpy( text, bytes->text, bytes->len );
            auth_wipe( bytes->text, bytes->len );
            bytes->text = text;
            bytes->size = size;
        }
        else bytes->failed = TRUE;
    }
    if (bytes->failed) return;
    memcpy( bytes->text + bytes->len, data, len );
    bytes->len += len;
    bytes->text[bytes->len] = 0;
}

static void put_text( struct bytes *bytes, const char *text )
{
    put( bytes, text, strlen( text ) );
}

static void put_quoted( struct bytes *bytes, const char *name, const char *value, DWORD len )
{
    DWORD i;

    put_text( bytes, name );
    put_text( bytes, "=\"" );
    for (i = 0; i < len; i++)
    {
        if (value[i] == '"' || value[i] == '\\') put_text( bytes, "\\" );
        put( bytes, value + i, 1 );
    }
    put_text( bytes, "\"" );
}

static DWORD hash_size( enum digest_hash hash )
{
    return hash == DIGEST_MD5 ? 16 : 32;
}

static void to_hex( const BYTE *data, DWORD len, char *hex )
{
    static const char digits[] = "0123456789abcdef";
    DWORD i;

    for (i = 0; i < len; i++)
    {
        hex[i * 2]     = digits[data[i] >> 4];
        hex[i * 2 + 1] = digits[data[i] & 15];
    }
    hex[len * 2] = 0;
}

static BOOL hash_data( enum digest_hash hash, digest_hash_func func, const void *data, DWORD len, char *hex )
{
    BYTE result[DIGEST_HASH_MAX];

    if (!func( hash, data, len, result )) return FALSE;
    to_hex( result, hash_size( hash ), hex );
    return TRUE;
}

/* Hashes and empties. */
static BOOL hash_bytes( enum digest_hash hash, digest_hash_func func, struct bytes *bytes, char *hex )
{
    BOOL ret = !bytes->failed && hash_data( hash, func, bytes->text, bytes->len, hex );

    auth_wipe( bytes->text, bytes->len );
    memset( bytes, 0, sizeof(*bytes) );
    return ret;
}

/*--- challenges ----------------------------------------------------------------------------------------------------*/

static const struct { const char *name; enum digest_hash hash; BOOL session; unsigned int strength; } algorithms[] =
{
    { "md5",              DIGEST_MD5,        FALSE, 1 },
    { "md5-sess",         DIGEST_MD5,        TRUE,  2 },
    { "sha-256",          DIGEST_SHA256,     FALSE, 3 },
    { "sha-256-sess",     DIGEST_SHA256,     TRUE,  4 },
    { "sha-512-256",      DIGEST_SHA512_256, FALSE, 5 },
    { "sha-512-256-sess", DIGEST_SHA512_256, TRUE,  6 },
};

/* The row of the challenge's algorithm, MD5 if it names none; -1: not known. */
static int find_algorithm( const struct auth_challenge *challenge )
{
    struct auth_param param;
    unsigned int i;

    if (!auth_param_find( &challenge->params, "algorithm", &param )) return 0;
    for (i = 0; i < ARRAYSIZE( algorithms ); i++) if (auth_span_is( &param.value, algorithms[i].name )) return i;
    return -1;
}

/* FALSE: there is a qop, and nothing in it that is known. */
static BOOL find_qop( const struct auth_challenge *challenge, BOOL *auth, BOOL *auth_int )
{
    struct auth_param param;
    struct auth_span item;
    const char *p, *end;

    *auth = *auth_int = FALSE;
    if (!auth_param_find( &challenge->params, "qop", &param )) return TRUE;
    end = param.value.text + param.value.len;
    for (p = param.value.text; p < end; p = item.text + item.len + 1)
    {
        while (p < end && (*p == ' ' || *p == '\t')) p++;
        item.text = p;
        while (p < end && *p != ',' && *p != ' ' && *p != '\t') p++;
        item.len = p - item.text;
        if (auth_span_is( &item, "auth" )) *auth = TRUE;
        if (auth_span_is( &item, "auth-int" )) *auth_int = TRUE;
    }
    return *auth || *auth_int;
}

unsigned int digest_strength( const struct auth_challenge *challenge )
{
    struct auth_param param;
    BOOL auth, auth_int;
    int row = find_algorithm( challenge );

    if (row < 0 || !find_qop( challenge, &auth, &auth_int )) return 0;
    return auth_param_find( &challenge->params, "nonce", &param ) ? algorithms[row].strength : 0;
}

static BOOL is_true( const struct auth_challenge *challenge, const char *name )
{
    struct auth_param param;

    return auth_param_find( &challenge->params, name, &param ) && auth_span_is( &param.value, "true" );
}

/* Copies a parameter to *pos, which moves on; NULL if there is none. Control characters, which could end a line, have no
 * place in one: it ends there. */
static const char *keep_param( const struct auth_challenge *challenge, const char *name, char **pos, DWORD *len )
{
    struct auth_param param;
    char *start = *pos;
    DWORD i;

    *len = 0;
    if (!auth_param_find( &challenge->params, name, &param )) return NULL;
    *len = auth_unquote( &param, start, param.value.len );
    for (i = 0; i < *len; i++) if ((unsigned char)start[i] < ' ' || start[i] == 0x7f) *len = i;
    start[*len] = 0;
    *pos += *len + 1;
    return start;
}

DWORD digest_keep( struct digest *digest, const struct auth_challenge *challenge )
{
    struct digest kept = { 0 };
    struct auth_param param;
    DWORD domain_len;
    char *pos;
    int row = find_algorithm( challenge );

    if (!(kept.text = pos = malloc( challenge->params.len + 4 ))) return ERROR_NOT_ENOUGH_MEMORY;
    kept.realm  = keep_param( challenge, "realm", &pos, &kept.realm_len );
    kept.nonce  = keep_param( challenge, "nonce", &pos, &kept.nonce_len );
    kept.opaque = keep_param( challenge, "opaque", &pos, &kept.opaque_len );
    kept.domain = keep_param( challenge, "domain", &pos, &domain_len );
    if (!kept.realm) kept.realm = "";
    kept.hash     = algorithms[row].hash;
    kept.session  = algorithms[row].session;
    kept.named    = auth_param_find( &challenge->params, "algorithm", &param );
    kept.userhash = is_true( challenge, "userhash" );
    kept.stale    = is_true( challenge, "stale" );
    kept.utf8     = auth_param_find( &challenge->params, "charset", &param ) && auth_span_is( &param.value, "utf-8" );
    find_qop( challenge, &kept.auth, &kept.auth_int );

    digest_free( digest );
    *digest = kept;
    return 0;
}

void digest_free( struct digest *digest )
{
    free( digest->text );
    free( digest->cnonce );
    auth_zero( digest, sizeof(*digest) );
}

/* Hex digits are taken in either case. */
static BOOL is_mutual( const struct digest *digest, const struct auth_span *info )
{
    struct auth_param param;

    return !digest->mutual[0] || !auth_param_find( info, "rspauth", &param ) || auth_span_is( &param.value, digest->mutual );
}

/* With a new nonce the session of -sess goes on: what stands for the password stays. */
static void take_nonce( struct digest *digest, const struct auth_challenge *next, DWORD len )
{
    const char *fields[] = { digest->realm, digest->opaque, digest->domain };
    size_t size = len + 1;
    unsigned int i;
    char *text, *pos;

    for (i = 0; i < ARRAYSIZE( fields ); i++) if (fields[i]) size += strlen( fields[i] ) + 1;
    if (!(text = pos = malloc( size ))) return;
    digest->nonce = keep_param( next, "nextnonce", &pos, &digest->nonce_len );
    for (i = 0; i < ARRAYSIZE( fields ); i++)
    {
        if (!fields[i]) continue;
        strcpy( pos, fields[i] );
        fields[i] = pos;
        pos += strlen( pos ) + 1;
    }
    digest->realm  = fields[0];
    digest->opaque = fields[1];
    digest->domain = fields[2];
    digest->count  = 0;
    free( digest->text );
    digest->text = text;
}

BOOL digest_note_info( struct digest *digest, const char *info, DWORD len )
{
    struct auth_challenge next = { .params = { info, len } };
    struct auth_param param;
    BOOL ret = is_mutual( digest, &next.params );

    digest->mutual[0] = 0;    /* it was the answer to one */
    if (ret && digest->text && auth_param_find( &next.params, "nextnonce", &param ) && param.value.len)
        take_nonce( digest, &next, len );
    return ret;
}

/* An absolute URI counts by its path: whether it is of this server is not looked at, since a space that is too large costs
 * nothing but an answer that nobody asked for. */
static BOOL uri_covers( const char *uri, DWORD uri_len, const char *path, DWORD len )
{
    const char *p = uri, *end = uri + uri_len;
    DWORD i;

    if (uri_len && *uri != '/')
    {
        for (i = 0; i < 3; i++, p++) while (p < end && *p != '/') p++;    /* behind the third slash, that of the path */
        if (p > end) return TRUE;                                         /* no path: all of the server */
        uri = p - 1;
        uri_len = end - uri;
    }
    return uri_len <= len && !memcmp( uri, path, uri_len );
}

BOOL digest_covers( const struct digest *digest, const char *path, DWORD len )
{
    const char *p, *item;

    if (!digest->domain || !*digest->domain) return TRUE;
    for (p = digest->domain; *p;)
    {
        while (*p == ' ') p++;
        for (item = p; *p && *p != ' '; p++) ;
        if (p > item && uri_covers( item, p - item, path, len )) return TRUE;
    }
    return FALSE;
}

/*--- answers -------------------------------------------------------------------------------------------------------*/

/* H( user ":" realm ":" password ) */
static BOOL hash_password( const struct digest *digest, const struct digest_request *request, digest_hash_func func,
                           const char *user, DWORD user_len, char *hex )
{
    struct bytes bytes = { 0 };
    DWORD len;
    char *password = auth_text_bytes( request->password, digest->utf8, &len );

    if (!password) return FALSE;
    put( &bytes, user, user_len );
    put_text( &bytes, ":" );
    put( &bytes, digest->realm, digest->realm_len );
    put_text( &bytes, ":" );
    put( &bytes, password, len );
    auth_wipe( password, len );
    return hash_bytes( digest->hash, func, &bytes, hex );
}

/* The same, for -sess hashed once more with both nonces: once for each challenge. */
static BOOL hash_secret( struct digest *digest, const struct digest_request *request, digest_hash_func func,
                         const char *user, DWORD user_len, char *hex )
{
    struct bytes bytes = { 0 };

    if (digest->session && digest->secret[0])
    {
        strcpy( hex, digest->secret );
        return TRUE;
    }
    if (!hash_password( digest, request, func, user, user_len, hex )) return FALSE;
    if (!digest->session) return TRUE;

    put_text( &bytes, hex );
    put_text( &bytes, ":" );
    put( &bytes, digest->nonce, digest->nonce_len );
    put_text( &bytes, ":" );
    put_text( &bytes, digest->cnonce );
    if (!hash_bytes( digest->hash, func, &bytes, hex )) return FALSE;
    strcpy( digest->secret, hex );
    return TRUE;
}

/* H( method ":" uri ), with auth-int and the body's hash. */
static BOOL hash_message( const struct digest *digest, const struct digest_request *request, digest_hash_func func,
                          BOOL with_body, char *hex )
{
    struct bytes bytes = { 0 };
    char body[DIGEST_HEX_SIZE];

    if (with_body && !hash_data( digest->hash, func, request->body, request->body_len, body )) return FALSE;
    put_text( &bytes, request->method );
    put_text( &bytes, ":" );
    put_text( &bytes, request->uri );
    if (with_body)
    {
        put_text( &bytes, ":" );
        put_text( &bytes, body );
    }
    return hash_bytes( digest->hash, func, &bytes, hex );
}

/* How often, with which cnonce, and of what the answer is. */
struct terms { const char *qop, *count, *cnonce; };

static BOOL hash_all( const struct digest *digest, digest_hash_func func, const char *secret, const struct terms *terms,
                      const char *message, char *hex )
{
    struct bytes bytes = { 0 };

    put_text( &bytes, secret );
    put_text( &bytes, ":" );
    put( &bytes, digest->nonce, digest->nonce_len );
    if (terms->qop)
    {
        put_text( &bytes, ":" );
        put_text( &bytes, terms->count );
        put_text( &bytes, ":" );
        put_text( &bytes, terms->cnonce );
        put_text( &bytes, ":" );
        put_text( &bytes, terms->qop );
    }
    put_text( &bytes, ":" );
    put_text( &bytes, message );
    return hash_bytes( digest->hash, func, &bytes, hex );
}

/* What the server will say if it knows the password: the same of a message without a verb. With auth-int it would be of the
 * response's body, which is the program's to read. */
static void hash_mutual( struct digest *digest, const struct digest_request *request, digest_hash_func func,
                         const char *secret, const struct terms *terms )
{
    struct digest_request silent = *request;
    char message[DIGEST_HEX_SIZE];

    silent.method = "";
    if (!terms->qop || strcmp( terms->qop, "auth" ) || !hash_message( digest, &silent, func, FALSE, message ) ||
        !hash_all( digest, func, secret, terms, message, digest->mutual ))
        digest->mutual[0] = 0;
}

static BOOL hash_response( struct digest *digest, const struct digest_request *request, digest_hash_func func,
                           const char *user, DWORD user_len, const struct terms *terms, char *hex )
{
    char secret[DIGEST_HEX_SIZE], message[DIGEST_HEX_SIZE];
    BOOL ret;

    if ((ret = hash_secret( digest, request, func, user, user_len, secret ) &&
               hash_message( digest, request, func, terms->qop && !strcmp( terms->qop, "auth-int" ), message ) &&
               hash_all( digest, func, secret, terms, message, hex )))
        hash_mutual( digest, request, func, secret, terms );
    auth_zero( secret, sizeof(secret) );
    return ret;
}

static BOOL is_plain( const char *text, DWORD len )
{
    DWORD i;

    for (i = 0; i < len; i++) if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] >= 0x7f) return FALSE;
    return TRUE;
}

/* The user in clear, hashed, or, beyond ASCII and with UTF-8, as RFC 8187 has it. Control characters stand in no quotes. */
static BOOL put_user( struct bytes *bytes, const struct digest *digest, digest_hash_func func, const char *user, DWORD len )
{
    static const char unreserved[] = "!#$&+-.^_`|~";
    struct bytes name = { 0 };
    char hex[DIGEST_HEX_SIZE], escape[4];
    DWORD i;

    if (digest->userhash)
    {
        put( &name, user, len );
        put_text( &name, ":" );
        put( &name, digest->realm, digest->realm_len );
        if (!hash_bytes( digest->hash, func, &name, hex )) return FALSE;
        put_quoted( bytes, "username", hex, strlen( hex ) );
        return TRUE;
    }
    if (is_plain( user, len ) || !digest->utf8)
    {
        for (i = 0; i < len; i++) if ((unsigned char)user[i] < ' ') return FALSE;
        put_quoted( bytes, "username", user, len );
        return TRUE;
    }
    put_text( bytes, "username*=UTF-8''" );
    for (i = 0; i < len; i++)
    {
        unsigned char c = user[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr( unreserved, c )))
            put( bytes, user + i, 1 );
        else
        {
            snprintf( escape, sizeof(escape), "%%%02X", c );
            put_text( bytes, escape );
        }
    }
    return TRUE;
}

static void put_answer( struct bytes *bytes, const struct digest *digest, const struct digest_request *request,
                        const struct terms *terms, const char *response )
{
    unsigned int i;

    put_text( bytes, ", " );
    put_quoted( bytes, "realm", digest->realm, digest->realm_len );
    put_text( bytes, ", " );
    put_quoted( bytes, "nonce", digest->nonce, digest->nonce_len );
    put_text( bytes, ", " );
    put_quoted( bytes, "uri", request->uri, strlen( request->uri ) );
    for (i = 0; digest->named && i < ARRAYSIZE( algorithms ); i++)
    {
        static const char * const spelled[] = { "MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256",
                                                "SHA-512-256-sess" };

        if (algorithms[i].hash != digest->hash || algorithms[i].session != digest->session) continue;
        put_text( bytes, ", algorithm=" );
        put_text( bytes, spelled[i] );
    }
    if (terms->qop)
    {
        put_text( bytes, ", qop=" );
        put_text( bytes, terms->qop );
        put_text( bytes, ", nc=" );
        put_text( bytes, terms->count );
    }
    if (terms->qop || digest->session)
    {
        put_text( bytes, ", " );
        put_quoted( bytes, "cnonce", terms->cnonce, strlen( terms->cnonce ) );
    }
    put_text( bytes, ", " );
    put_quoted( bytes, "response", response, strlen( response ) );
    if (digest->opaque)
    {
        put_text( bytes, ", " );
        put_quoted( bytes, "opaque", digest->opaque, digest->opaque_len );
    }
    if (digest->userhash) put_text( bytes, ", userhash=true" );
}

/* The cnonce of the answer; NULL without memory. */
static const char *choose_cnonce( struct digest *digest, const struct digest_request *request )
{
    if (!digest->session) return request->cnonce;
    if (!digest->cnonce) digest->cnonce = strdup( request->cnonce );
    return digest->cnonce;
}

char *digest_answer( struct digest *digest, const struct digest_request *request, digest_hash_func func )
{
    char response[DIGEST_HEX_SIZE], count[16], *user;
    struct terms terms = { digest->auth ? "auth" : digest->auth_int ? "auth-int" : NULL, count, NULL };
    struct bytes bytes = { 0 };
    DWORD user_len;
    BOOL ok;

    digest->mutual[0] = 0;
    if (digest->auth_int && !digest->auth && !request->body) return NULL;
    if (!(terms.cnonce = choose_cnonce( digest, request ))) return NULL;
    if (!(user = auth_text_bytes( request->user, digest->utf8, &user_len ))) return NULL;
    snprintf( count, sizeof(count), "%08x", (unsigned int)++digest->count );
    put_text( &bytes, "Digest " );
    if ((ok = hash_response( digest, request, func, user, user_len, &terms, response ) &&
              put_user( &bytes, digest, func, user, user_len )))
        put_answer( &bytes, digest, request, &terms, response );
    free( user );
    if (ok && !bytes.failed) return bytes.text;
    auth_wipe( bytes.text, bytes.len );
    return NULL;
}
