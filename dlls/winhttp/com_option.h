/*
 * Settings of the scripting object: its options, and what its Set... methods were told
 *
 * They belong to the object, not to a request: they may be set at any time, survive Open, Send and Abort (windows-behaviour
 * COM-10, COM-42), and are brought to the handles when a request is made. Nothing here locks: the object does.
 * Spec: structures.md sections 5 and 6, windows-behaviour COM-20 to COM-22, COM-40 to COM-44.
 */

#ifndef WINHTTP_COM_OPTION_H
#define WINHTTP_COM_OPTION_H

#include "httprequest.h"

#define COM_OPTION_COUNT (WinHttpRequestOption_RejectUserpwd + 1)

struct com_credentials { BSTR user, password; };    /* user NULL: none */

struct com_settings
{
    LONG     numbers[COM_OPTION_COUNT];   /* of options that are numbers or switches */
    BOOL     changed[COM_OPTION_COUNT];   /* until then the handles keep their own default */
    BSTR     user_agent;
    BSTR     certificate;                 /* "location\store\subject", or NULL */
    LONG     timeouts[4];                 /* ms: resolve, connect, send, receive */
    HTTPREQUEST_PROXY_SETTING proxy_setting;
    BSTR     proxy, bypass;               /* of HTTPREQUEST_PROXYSETTING_PROXY */
    LONG     logon_policy;                /* AutoLogonPolicy_* */
    struct com_credentials credentials[2];    /* by HTTPREQUEST_SETCREDENTIALS_FOR_* */
};

/* The defaults; all zero on entry. Returns S_OK or E_OUTOFMEMORY; free it in any case. */
HRESULT com_settings_init( struct com_settings *settings );
void com_settings_free( struct com_settings *settings );    /* passwords are wiped */

/* The option's value; *value is overwritten, never cleared (COM-63). All options but URL, which is not a setting.
 * E_INVALIDARG: no such option, or one that cannot be read. */
HRESULT com_option_get( const struct com_settings *settings, WinHttpRequestOption option, VARIANT *value );

/* The value may be of any type that VariantChangeType makes the right one, and by reference.
 * E_INVALIDARG: no such option, one that cannot be set, a value that does not fit. Nothing has changed then. */
HRESULT com_option_put( struct com_settings *settings, WinHttpRequestOption option, const VARIANT *value );

/* The other settings. Strings are copied. E_INVALIDARG, E_OUTOFMEMORY. */
HRESULT com_settings_proxy( struct com_settings *settings, HTTPREQUEST_PROXY_SETTING setting, const VARIANT *proxy,
                            const VARIANT *bypass );
HRESULT com_settings_credentials( struct com_settings *settings, BSTR user, BSTR password, LONG target );
HRESULT com_settings_timeouts( struct com_settings *settings, LONG resolve, LONG connect, LONG send, LONG receive );
HRESULT com_settings_certificate( struct com_settings *settings, BSTR text );
HRESULT com_settings_logon_policy( struct com_settings *settings, LONG policy );

/* WINHTTP_FLAG_ESCAPE_* for WinHttpOpenRequest. */
DWORD com_settings_open_flags( const struct com_settings *settings );

/* Sets what belongs to a session, or to a request that is about to be sent to a server with TLS (`secure`) or without.
 * Returns 0 or the error of the option that failed. */
DWORD com_settings_to_session( const struct com_settings *settings, HINTERNET session );
DWORD com_settings_to_request( const struct com_settings *settings, HINTERNET request, BOOL secure );

#endif /* WINHTTP_COM_OPTION_H */
