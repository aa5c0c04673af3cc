/*
 * Settings of the scripting object
 *
 * A table has a row per option: what it is to the program, and which option of which handle it becomes.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COBJMACROS
#include <windef.h>
#include <winbase.h>
#include <ole2.h>
#include <winhttp.h>

#include "httprequest.h"

#include "wine/debug.h"
#include "com_certificate.h"
#include "com_charset.h"
#include "com_option.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define DEFAULT_USER_AGENT L"Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)"

#define SECURE_PROTOCOLS_ALL \
    (WINHTTP_FLAG_SECURE_PROTOCOL_SSL2 | WINHTTP_FLAG_SECURE_PROTOCOL_SSL3 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1 | \
     WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_1 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_3)

/* What the option reads as while nobody has set it. The documented SSL 2 and 3 are long gone; a program that reads, adds a
 * bit and writes back must not switch everything else off. */
#define SECURE_PROTOCOLS_DEFAULT \
    (WINHTTP_FLAG_SECURE_PROTOCOL_TLS1 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_1 | WINHTTP_FLAG_SECURE_PROTOCOL_TLS1_2)

enum com_option_kind
{
    KIND_NONE,       /* not a setting */
    KIND_NUMBER,     /* VT_I4 */
    KIND_CODE_PAGE,  /* VT_I4, or the name of a charset */
    KIND_SWITCH,     /* VT_BOOL */
    KIND_AGENT,      /* VT_BSTR */
    KIND_CERTIFICATE /* VT_BSTR, write only */
};

enum com_option_use  /* what the value becomes */
{
    USE_ELSEWHERE,   /* nothing here */
    USE_OPEN_FLAG,   /* a flag of WinHttpOpenRequest */
    USE_PROCESS,     /* an option of the process, at once */
    USE_SESSION,     /* an option of the session, or of */
    USE_REQUEST      /* the request */
};

#define AS_IT_IS { 0, 0 }
#define LEAVE    0xffffffff    /* of a switch: nothing is set */

struct com_option
{
    enum com_option_kind kind;
    LONG                 initial;
    LONG                 bits;       /* of a number: those it may have, 0 = any value that is not negative */
    enum com_option_use  use;
    DWORD                id;         /* WINHTTP_OPTION_*, WINHTTP_FLAG_* */
    DWORD                values[2];  /* of a switch: what the handle's option is set to for FALSE and TRUE */
};

#define NUMBER( first, mask, where, option ) { KIND_NUMBER, first, mask, where, WINHTTP_OPTION_##option, AS_IT_IS }
#define SWITCH( first, where, option, off, on ) { KIND_SWITCH, first, 0, where, WINHTTP_OPTION_##option, { off, on } }
#define FLAG( flag ) { KIND_SWITCH, VARIANT_FALSE, 0, USE_OPEN_FLAG, WINHTTP_FLAG_##flag, AS_IT_IS }

/* UrlEscapeDisable and EscapePercentInURL do what they are called. Their documentation has defaults of TRUE and describes
 * the opposite of the names. */
static const struct com_option options[COM_OPTION_COUNT] =
{
    [WinHttpRequestOption_UserAgentString]    = { KIND_AGENT, 0, 0, USE_ELSEWHERE, 0, AS_IT_IS },
    [WinHttpRequestOption_URL]                = { KIND_NONE, 0, 0, USE_ELSEWHERE, 0, AS_IT_IS },
    [WinHttpRequestOption_URLCodePage]        = { KIND_CODE_PAGE, CP_UTF8, 0, USE_SESSION, WINHTTP_OPTION_CODEPAGE, AS_IT_IS },
    [WinHttpRequestOption_EscapePercentInURL] = FLAG( ESCAPE_PERCENT ),
    [WinHttpRequestOption_SslErrorIgnoreFlags] = NUMBER( 0, SslErrorFlag_Ignore_All, USE_REQUEST, SECURITY_FLAGS ),
    [WinHttpRequestOption_SelectCertificate]  = { KIND_CERTIFICATE, 0, 0, USE_ELSEWHERE, 0, AS_IT_IS },
    [WinHttpRequestOption_EnableRedirects]    = SWITCH( VARIANT_TRUE, USE_REQUEST, DISABLE_FEATURE,
                                                        WINHTTP_DISABLE_REDIRECTS, LEAVE ),
    [WinHttpRequestOption_UrlEscapeDisable]   = FLAG( ESCAPE_DISABLE ),
    [WinHttpRequestOption_UrlEscapeDisableQuery] = FLAG( ESCAPE_DISABLE_QUERY ),
    [WinHttpRequestOption_SecureProtocols]    = NUMBER( SECURE_PROTOCOLS_DEFAULT, SECURE_PROTOCOLS_ALL, USE_SESSION,
                                                        SECURE_PROTOCOLS ),
    [WinHttpRequestOption_EnableTracing]      = SWITCH( VARIANT_FALSE, USE_PROCESS, ENABLETRACING, FALSE, TRUE ),
    [WinHttpRequestOption_RevertImpersonationOverSsl] = SWITCH( VARIANT_TRUE, USE_SESSION, ENABLE_FEATURE,
                                                        LEAVE, WINHTTP_ENABLE_SSL_REVERT_IMPERSONATION ),
    [WinHttpRequestOption_EnableHttpsToHttpRedirects] = SWITCH( VARIANT_FALSE, USE_REQUEST, REDIRECT_POLICY,
                                                        WINHTTP_OPTION_REDIRECT_POLICY_DISALLOW_HTTPS_TO_HTTP,
                                                        WINHTTP_OPTION_REDIRECT_POLICY_ALWAYS ),
    [WinHttpRequestOption_EnablePassportAuthentication] = SWITCH( VARIANT_FALSE, USE_SESSION, CONFIGURE_PASSPORT_AUTH,
                                                        WINHTTP_DISABLE_PASSPORT_AUTH, WINHTTP_ENABLE_PASSPORT_AUTH ),
    [WinHttpRequestOption_MaxAutomaticRedirects] = NUMBER( 10, 0, USE_REQUEST, MAX_HTTP_AUTOMATIC_REDIRECTS ),
    [WinHttpRequestOption_MaxResponseHeaderSize] = NUMBER( 64 * 1024, 0, USE_REQUEST, MAX_RESPONSE_HEADER_SIZE ),
    [WinHttpRequestOption_MaxResponseDrainSize]  = NUMBER( 1024 * 1024, 0, USE_REQUEST, MAX_RESPONSE_DRAIN_SIZE ),
    [WinHttpRequestOption_EnableHttp1_1]      = { KIND_SWITCH, VARIANT_TRUE, 0, USE_ELSEWHERE, 0, AS_IT_IS },
    [WinHttpRequestOption_EnableCertificateRevocationCheck] = SWITCH( VARIANT_FALSE, USE_REQUEST, ENABLE_FEATURE,
                                                        LEAVE, WINHTTP_ENABLE_SSL_REVOCATION ),
    [WinHttpRequestOption_RejectUserpwd]      = SWITCH( VARIANT_FALSE, USE_REQUEST, REJECT_USERPWD_IN_URL, FALSE, TRUE ),
};

HRESULT com_settings_init( struct com_settings *settings )
{
    unsigned int i;

    for (i = 0; i < COM_OPTION_COUNT; i++) settings->numbers[i] = options[i].initial;
    settings->timeouts[1]  = 60000;
    settings->timeouts[2]  = 30000;
    settings->timeouts[3]  = 30000;
    settings->logon_policy = AutoLogonPolicy_OnlyIfBypassProxy;
    return (settings->user_agent = SysAllocString( DEFAULT_USER_AGENT )) ? S_OK : E_OUTOFMEMORY;
}

static void free_secret( BSTR *text )
{
    if (*text) SecureZeroMemory( *text, SysStringByteLen( *text ) );
    SysFreeString( *text );
    *text = NULL;
}

void com_settings_free( struct com_settings *settings )
{
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( settings->credentials ); i++)
    {
        free_secret( &settings->credentials[i].user );
        free_secret( &settings->credentials[i].password );
    }
    SysFreeString( settings->user_agent );
    SysFreeString( settings->certificate );
    SysFreeString( settings->proxy );
    SysFreeString( settings->bypass );
    memset( settings, 0, sizeof(*settings) );
}

/* A copy as `type`, by reference or not. */
static HRESULT convert( const VARIANT *value, VARTYPE type, VARIANT *copy )
{
    HRESULT hr;

    VariantInit( copy );
    if (FAILED( hr = VariantCopyInd( copy, (VARIANT *)value ) )) return hr == E_OUTOFMEMORY ? hr : E_INVALIDARG;
    if (V_VT( copy ) == type) return S_OK;
    if (SUCCEEDED( hr = VariantChangeType( copy, copy, 0, type ) )) return S_OK;
    VariantClear( copy );
    return hr == E_OUTOFMEMORY ? hr : E_INVALIDARG;
}

static BOOL is_missing( const VARIANT *value )
{
    if (V_VT( value ) == (VT_BYREF | VT_VARIANT)) value = V_VARIANTREF( value );
    return V_VT( value ) == VT_ERROR || V_VT( value ) == VT_EMPTY || V_VT( value ) == VT_NULL;
}

/*--- options -------------------------------------------------------------------------------------------------------*/

static const struct com_option *find_option( WinHttpRequestOption option )
{
    if ((unsigned int)option >= COM_OPTION_COUNT || options[option].kind == KIND_NONE) return NULL;
    return &options[option];
}

HRESULT com_option_get( const struct com_settings *settings, WinHttpRequestOption option, VARIANT *value )
{
    const struct com_option *row = find_option( option );

    VariantInit( value );
    if (!row) return E_INVALIDARG;
    switch (row->kind)
    {
    case KIND_NUMBER:
    case KIND_CODE_PAGE:
        V_VT( value ) = VT_I4;                                /* COM-40 */
        V_I4( value ) = settings->numbers[option];
        return S_OK;
    case KIND_SWITCH:
        V_VT( value )   = VT_BOOL;
        V_BOOL( value ) = (VARIANT_BOOL)settings->numbers[option];
        return S_OK;
    case KIND_AGENT:
        if (!(V_BSTR( value ) = SysAllocString( settings->user_agent ))) return E_OUTOFMEMORY;
        V_VT( value ) = VT_BSTR;
        return S_OK;
    default:
        return E_INVALIDARG;
    }
}

/* A line break would start a header of its own. */
static BOOL has_line_break( BSTR text )
{
    return text && (wcspbrk( text, L"\r\n" ) || wcslen( text ) != SysStringLen( text ));
}

static HRESULT put_text( BSTR *field, const VARIANT *value )
{
    VARIANT copy;
    HRESULT hr;

    if (FAILED( hr = convert( value, VT_BSTR, &copy ) )) return hr;
    if (has_line_break( V_BSTR( &copy ) ))
    {
        VariantClear( &copy );
        return E_INVALIDARG;
    }
    SysFreeString( *field );
    *field = V_BSTR( &copy );
    return S_OK;
}

/* A number, or the name of a charset: COM-43. */
static HRESULT put_code_page( LONG *number, const VARIANT *value )
{
    UINT code_page;
    VARIANT copy;
    HRESULT hr;

    if (FAILED( hr = convert( value, VT_I4, &copy ) ))
    {
        if (FAILED( hr = convert( value, VT_BSTR, &copy ) )) return hr;
        if (!charset_code_page( V_BSTR( &copy ) ? V_BSTR( &copy ) : L"", SysStringLen( V_BSTR( &copy ) ), &code_page ))
            hr = E_INVALIDARG;
        VariantClear( &copy );
        if (SUCCEEDED( hr )) *number = code_page;
        return hr;
    }
    if (V_I4( &copy ) < 0) return E_INVALIDARG;
    *number = V_I4( &copy );
    return S_OK;
}

static HRESULT put_number( LONG *number, LONG bits, const VARIANT *value )
{
    VARIANT copy;
    HRESULT hr;

    if (FAILED( hr = convert( value, VT_I4, &copy ) )) return hr;
    if (bits ? (V_I4( &copy ) & ~bits) != 0 : V_I4( &copy ) < 0) return E_INVALIDARG;     /* COM-41 */
    *number = V_I4( &copy );
    return S_OK;
}

static HRESULT put_switch( LONG *number, const VARIANT *value )
{
    VARIANT copy;
    HRESULT hr;

    if (FAILED( hr = convert( value, VT_BOOL, &copy ) )) return hr;
    *number = V_BOOL( &copy ) ? VARIANT_TRUE : VARIANT_FALSE;
    return S_OK;
}

static HRESULT put_certificate( struct com_settings *settings, const VARIANT *value )
{
    VARIANT copy;
    HRESULT hr;

    if (FAILED( hr = convert( value, VT_BSTR, &copy ) )) return hr;
    hr = com_settings_certificate( settings, V_BSTR( &copy ) );
    VariantClear( &copy );
    return hr;
}

static HRESULT put_process_switch( const struct com_option *row, LONG number )
{
    BOOL on = number != VARIANT_FALSE;

    return WinHttpSetOption( NULL, row->id, &on, sizeof(on) ) ? S_OK : HRESULT_FROM_WIN32( GetLastError() );
}

HRESULT com_option_put( struct com_settings *settings, WinHttpRequestOption option, const VARIANT *value )
{
    const struct com_option *row = find_option( option );
    LONG *number;
    HRESULT hr;

    if (!row) return E_INVALIDARG;
    number = &settings->numbers[option];
    switch (row->kind)
    {
    case KIND_NUMBER:      hr = put_number( number, row->bits, value ); break;
    case KIND_CODE_PAGE:   hr = put_code_page( number, value ); break;
    case KIND_SWITCH:      hr = put_switch( number, value ); break;
    case KIND_AGENT:       hr = put_text( &settings->user_agent, value ); break;
    case KIND_CERTIFICATE: hr = put_certificate( settings, value ); break;
    default:               hr = E_INVALIDARG; break;
    }
    if (SUCCEEDED( hr ) && row->use == USE_PROCESS) hr = put_process_switch( row, *number );
    if (SUCCEEDED( hr )) settings->changed[option] = TRUE;
    return hr;
}

/*--- the Set... methods --------------------------------------------------------------------------------------------*/

HRESULT com_settings_proxy( struct com_settings *settings, HTTPREQUEST_PROXY_SETTING setting, const VARIANT *proxy,
                            const VARIANT *bypass )
{
    BSTR proxy_text = NULL, bypass_text = NULL;
    HRESULT hr = S_OK;

    if (setting < HTTPREQUEST_PROXYSETTING_DEFAULT || setting > HTTPREQUEST_PROXYSETTING_PROXY) return E_INVALIDARG;
    if (setting == HTTPREQUEST_PROXYSETTING_PROXY)    /* the others ignore both: COM-21 */
    {
        if (!is_missing( proxy )) hr = put_text( &proxy_text, proxy );
        if (SUCCEEDED( hr ) && !is_missing( bypass )) hr = put_text( &bypass_text, bypass );
        if (FAILED( hr ))
        {
            SysFreeString( proxy_text );
            return hr;
        }
    }
    SysFreeString( settings->proxy );
    SysFreeString( settings->bypass );
    settings->proxy_setting = setting;
    settings->proxy         = proxy_text;
    settings->bypass        = bypass_text;
    return S_OK;
}

HRESULT com_settings_credentials( struct com_settings *settings, BSTR user, BSTR password, LONG target )
{
    BSTR user_copy, password_copy;

    if (target != HTTPREQUEST_SETCREDENTIALS_FOR_SERVER && target != HTTPREQUEST_SETCREDENTIALS_FOR_PROXY)
        return E_INVALIDARG;
    if (!user || !password) return E_INVALIDARG;

    user_copy     = SysAllocStringLen( user, SysStringLen( user ) );
    password_copy = SysAllocStringLen( password, SysStringLen( password ) );
    if (!user_copy || !password_copy)
    {
        free_secret( &user_copy );
        free_secret( &password_copy );
        return E_OUTOFMEMORY;
    }
    free_secret( &settings->credentials[target].user );
    free_secret( &settings->credentials[target].password );
    settings->credentials[target].user     = user_copy;
    settings->credentials[target].password = password_copy;
    return S_OK;
}

HRESULT com_settings_timeouts( struct com_settings *settings, LONG resolve, LONG connect, LONG send, LONG receive )
{
    if (resolve < -1 || connect < -1 || send < -1 || receive < -1) return E_INVALIDARG;
    settings->timeouts[0] = resolve;
    settings->timeouts[1] = connect;
    settings->timeouts[2] = send;
    settings->timeouts[3] = receive;
    return S_OK;
}

/* An empty text is no certificate again. Whether there is one of that name shows when it is needed. */
HRESULT com_settings_certificate( struct com_settings *settings, BSTR text )
{
    BSTR copy = NULL;

    if (!com_certificate_check( text )) return E_INVALIDARG;
    if (SysStringLen( text ) && !(copy = SysAllocString( text ))) return E_OUTOFMEMORY;
    SysFreeString( settings->certificate );
    settings->certificate = copy;
    return S_OK;
}

HRESULT com_settings_logon_policy( struct com_settings *settings, LONG policy )
{
    if (policy < AutoLogonPolicy_Always || policy > AutoLogonPolicy_Never) return E_INVALIDARG;
    settings->logon_policy = policy;
    return S_OK;
}

/*--- to the handles ------------------------------------------------------------------------------------------------*/

static DWORD set_dword( HINTERNET handle, DWORD option, DWORD value )
{
    return WinHttpSetOption( handle, option, &value, sizeof(value) ) ? ERROR_SUCCESS : GetLastError();
}

DWORD com_settings_open_flags( const struct com_settings *settings )
{
    DWORD flags = 0;
    unsigned int i;

    for (i = 0; i < COM_OPTION_COUNT; i++)
        if (options[i].use == USE_OPEN_FLAG && settings->numbers[i]) flags |= options[i].id;
    return flags;
}

static DWORD set_rows( const struct com_settings *settings, HINTERNET handle, enum com_option_use use )
{
    DWORD value, err = ERROR_SUCCESS;
    unsigned int i;

    for (i = 0; !err && i < COM_OPTION_COUNT; i++)
    {
        if (options[i].use != use) continue;
        value = settings->numbers[i];
        if (options[i].kind == KIND_SWITCH) value = options[i].values[value != VARIANT_FALSE];
        else if (!settings->changed[i]) continue;
        if (options[i].kind == KIND_SWITCH && value == LEAVE) continue;
        if ((err = set_dword( handle, options[i].id, value ))) WARN( "option %u: error %lu\n", i, err );
    }
    return err;
}

DWORD com_settings_to_session( const struct com_settings *settings, HINTERNET session )
{
    BSTR agent = settings->user_agent;

    if (!WinHttpSetOption( session, WINHTTP_OPTION_USER_AGENT, agent ? agent : (BSTR)L"", SysStringLen( agent ) ))
        return GetLastError();
    return set_rows( settings, session, USE_SESSION );
}

static DWORD set_proxy( const struct com_settings *settings, HINTERNET request )
{
    WINHTTP_PROXY_INFO info = { WINHTTP_ACCESS_TYPE_NO_PROXY, NULL, NULL };

    switch (settings->proxy_setting)
    {
    case HTTPREQUEST_PROXYSETTING_DEFAULT:
        return ERROR_SUCCESS;
    case HTTPREQUEST_PROXYSETTING_PROXY:
        if (!SysStringLen( settings->proxy )) break;    /* no proxy was named */
        info.dwAccessType    = WINHTTP_ACCESS_TYPE_NAMED_PROXY;
        info.lpszProxy       = settings->proxy;
        info.lpszProxyBypass = SysStringLen( settings->bypass ) ? settings->bypass : NULL;
        break;
    }
    return WinHttpSetOption( request, WINHTTP_OPTION_PROXY, &info, sizeof(info) ) ? ERROR_SUCCESS : GetLastError();
}

DWORD com_settings_to_request( const struct com_settings *settings, HINTERNET request, BOOL secure )
{
    static const DWORD logon_levels[] =
    {
        [AutoLogonPolicy_Always]            = WINHTTP_AUTOLOGON_SECURITY_LEVEL_LOW,
        [AutoLogonPolicy_OnlyIfBypassProxy] = WINHTTP_AUTOLOGON_SECURITY_LEVEL_MEDIUM,
        [AutoLogonPolicy_Never]             = WINHTTP_AUTOLOGON_SECURITY_LEVEL_HIGH,
    };
    DWORD err;

    if (!WinHttpSetTimeouts( request, settings->timeouts[0], settings->timeouts[1], settings->timeouts[2],
                             settings->timeouts[3] )) return GetLastError();
    if ((err = set_rows( settings, request, USE_REQUEST ))) return err;
    if ((err = set_proxy( settings, request ))) return err;
    if ((err = set_dword( request, WINHTTP_OPTION_AUTOLOGON_POLICY, logon_levels[settings->logon_policy] ))) return err;
    return secure && settings->certificate ? com_certificate_set( settings->certificate, request ) : ERROR_SUCCESS;
}
