/*
 * Challenges: what WWW-Authenticate, Proxy-Authenticate and Authentication-Info say
 *
 * One field may hold several challenges, and the comma separates both them and their parameters: `token =` is a parameter,
 * a token that anything else follows begins a challenge.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#endif

#include "auth_challenge.h"

/*--- characters ----------------------------------------------------------------------------------------------------*/

static BOOL is_alnum( char c )
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static BOOL is_token( char c )
{
    return is_alnum( c ) || (c && strchr( "!#$%&'*+-.^_`|~", c ));
}

static BOOL is_token68( char c )
{
    return is_alnum( c ) || (c && strchr( "-._~+/", c ));
}

static const char *skip_blanks( const char *p, const char *end )
{
    while (p < end && (*p == ' ' || *p == '\t')) p++;
    return p;
}

static const char *skip_commas( const char *p, const char *end )
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == ',')) p++;
    return p;
}

static const char *skip_token( const char *p, const char *end )
{
    while (p < end && is_token( *p )) p++;
    return p;
}

/* Behind the closing quote of the string that begins at p, or the end. */
static const char *skip_quoted( const char *p, const char *end )
{
    for (p++; p < end && *p != '"'; p++) if (*p == '\\' && p + 1 < end) p++;
    return p < end ? p + 1 : end;
}

/* To the comma that ends a list element, or the end. */
static const char *skip_element( const char *p, const char *end )
{
    while (p < end && *p != ',') p = *p == '"' ? skip_quoted( p, end ) : p + 1;
    return p;
}

BOOL auth_span_is( const struct auth_span *span, const char *text )
{
    DWORD i;
    char c;

    for (i = 0; i < span->len; i++)
    {
        c = span->text[i];
        if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
        if (!text[i] || c != text[i]) return FALSE;
    }
    return !text[i];
}

/*--- challenges ----------------------------------------------------------------------------------------------------*/

static DWORD scheme_flag( const struct auth_span *scheme )
{
    static const struct { const char *name; DWORD flag; } schemes[] =
    {
        { "basic",       WINHTTP_AUTH_SCHEME_BASIC },
        { "digest",      WINHTTP_AUTH_SCHEME_DIGEST },
        { "negotiate",   WINHTTP_AUTH_SCHEME_NEGOTIATE },
        { "ntlm",        WINHTTP_AUTH_SCHEME_NTLM },
        { "passport1.4", WINHTTP_AUTH_SCHEME_PASSPORT },
    };
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( schemes ); i++) if (auth_span_is( scheme, schemes[i].name )) return schemes[i].flag;
    return 0;
}

static BOOL begins_param( const char *p, const char *end )
{
    const char *behind = skip_token( p, end );

    if (behind == p) return FALSE;
    behind = skip_blanks( behind, end );
    return behind < end && *behind == '=';
}

/* The end of a token68 at p, if it is one: it fills its list element. NULL: it is not. */
static const char *token68_end( const char *p, const char *end )
{
    const char *start = p, *behind;

    while (p < end && is_token68( *p )) p++;
    if (p == start) return NULL;
    while (p < end && *p == '=') p++;
    behind = skip_blanks( p, end );
    return behind == end || *behind == ',' ? p : NULL;
}

/* Where the parameters of the challenge end that begin at p. */
static const char *params_end( const char *p, const char *end )
{
    const char *behind, *next;

    for (;;)
    {
        behind = skip_element( p, end );
        next   = skip_commas( behind, end );
        if (next == end || !begins_param( next, end )) return behind;
        p = next;
    }
}

BOOL auth_challenge_next( const char **pos, const char *end, struct auth_challenge *challenge )
{
    const char *p = *pos, *behind;

    memset( challenge, 0, sizeof(*challenge) );
    for (;;)
    {
        p = skip_commas( p, end );
        if (p == end)
        {
            *pos = end;
            return FALSE;
        }
        behind = skip_token( p, end );
        if (behind > p && (behind == end || *behind == ' ' || *behind == '\t' || *behind == ',') && !begins_param( p, end ))
            break;
        p = skip_element( p, end );
    }
    challenge->scheme.text = p;
    challenge->scheme.len  = behind - p;
    challenge->flag        = scheme_flag( &challenge->scheme );
    p = skip_blanks( behind, end );
    if (p == end || *p == ',') behind = p;
    else if ((behind = token68_end( p, end )))
    {
        challenge->token.text = p;
        challenge->token.len  = behind - p;
        behind = skip_blanks( behind, end );
    }
    else
    {
        behind = params_end( p, end );
        challenge->params.text = p;
        challenge->params.len  = behind - p;
    }
    *pos = behind;
    return TRUE;
}

/*--- parameters ----------------------------------------------------------------------------------------------------*/

static void param_value( const char *p, const char *end, struct auth_param *param, const char **behind )
{
    const char *close;

    if ((param->quoted = p < end && *p == '"'))
    {
        *behind = skip_quoted( p, end );
        close = *behind - 1;
        /* A string that is not closed ends with the field: its last character is no quote, or an escaped one. */
        if (close == p || *close != '"') close = *behind;
        param->value.text = p + 1;
    }
    else
    {
        for (close = p; close < end && *close != ',' && *close != ' ' && *close != '\t'; close++) ;
        *behind = close;
        param->value.text = p;
    }
    param->value.len = close - param->value.text;
}

BOOL auth_param_next( const char **pos, const char *end, struct auth_param *param )
{
    const char *p = *pos, *behind;

    memset( param, 0, sizeof(*param) );
    for (;;)
    {
        p = skip_commas( p, end );
        if (p == end)
        {
            *pos = end;
            return FALSE;
        }
        if (begins_param( p, end )) break;
        p = skip_element( p, end );
    }
    behind = skip_token( p, end );
    param->name.text = p;
    param->name.len  = behind - p;
    p = skip_blanks( behind, end ) + 1;    /* the = */
    param_value( skip_blanks( p, end ), end, param, &behind );
    *pos = skip_element( behind, end );
    return TRUE;
}

BOOL auth_param_find( const struct auth_span *params, const char *name, struct auth_param *param )
{
    const char *pos = params->text, *end = params->text + params->len;

    while (auth_param_next( &pos, end, param )) if (auth_span_is( &param->name, name )) return TRUE;
    return FALSE;
}

DWORD auth_unquote( const struct auth_param *param, char *buffer, DWORD size )
{
    const char *text = param->value.text;
    DWORD i, len = 0;

    for (i = 0; i < param->value.len; i++, len++)
    {
        if (param->quoted && text[i] == '\\' && i + 1 < param->value.len) i++;
        if (len < size) buffer[len] = text[i];
    }
    return len;
}
