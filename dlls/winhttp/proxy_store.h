/*
 * Where proxy settings are kept: the registry of the machine and of the user, and the host's environment
 *
 * The machine's are WinHTTP's own (netsh winhttp, installers), the user's those of the control panel and of browsers.
 * Nothing is cached here. Source: behaviour-concepts.md sections 4.4, 4.5 and 4.8, windows-behaviour.md PX-7.
 */

#ifndef WINHTTP_PROXY_STORE_H
#define WINHTTP_PROXY_STORE_H

#define INTERNET_SETTINGS L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"

struct proxy_settings
{
    DWORD  flags;         /* WINHTTP_PROXY_TYPE_*; a text counts only with its flag */
    DWORD  version;       /* grows with each change of the binary value */
    WCHAR *proxy;         /* malloc; NULL = none, as the next two */
    WCHAR *bypass;
    WCHAR *url;           /* of the script */
};

/* Those that can be asked fill settings that are all zero, and leave them so on failure: ERROR_FILE_NOT_FOUND (there are
 * none; malformed ones count as none) or ERROR_NOT_ENOUGH_MEMORY. */

/* The machine's: those of our view of the registry, or, if it has none, of the other one. */
DWORD proxy_store_machine( struct proxy_settings *settings );

/* The user's for a connection, NULL is the default one. There the plain values (ProxyEnable, ProxyServer, ProxyOverride,
 * AutoConfigURL), if they are there, win over the binary one: Windows keeps both alike, but scripts write only those. The
 * machine's values take the user's place where a policy says so (ProxySettingsPerUser 0). */
DWORD proxy_store_user( const WCHAR *connection, struct proxy_settings *settings );

/* The host's: http_proxy, https_proxy, all_proxy and no_proxy, which Wine hands to programs. An http_proxy that could come
 * from a request to a CGI program (REQUEST_METHOD is set) does not count. */
DWORD proxy_store_host( struct proxy_settings *settings );

/* What is in force for the user: the user's own, then with `machine` the machine's, then the host's: the first that name a
 * proxy, a script or detection. */
DWORD proxy_store_effective( BOOL machine, struct proxy_settings *settings );

/* Store, in both views of the registry for the machine. Texts are ASCII. Errors are those of the registry: 5 without
 * rights, in particular. */
DWORD proxy_store_set_machine( const struct proxy_settings *settings );
DWORD proxy_store_set_user( const WCHAR *connection, const struct proxy_settings *settings );
DWORD proxy_store_set_per_user( BOOL per_user );

/* A number that changes whenever settings do, of user or machine. */
DWORD proxy_store_version( void );

#define PROXY_STORE_KEYS 4

/* The keys that hold them, by numbers below PROXY_STORE_KEYS, to be watched with all below them. Where one is not there it is
 * the nearest one above it that comes; *cch tells them apart, and is the larger the nearer it is. NULL: nothing may be watched.
 * Close them. */
HKEY proxy_store_open( unsigned int index, DWORD *cch );
BOOL proxy_store_is_whole( unsigned int index, DWORD cch );

void proxy_settings_free( struct proxy_settings *settings );

/* Of texts, too. Returns 0 or ERROR_NOT_ENOUGH_MEMORY; *to is overwritten. */
DWORD proxy_settings_copy( struct proxy_settings *to, const struct proxy_settings *from );

/* "" and NULL are alike. */
BOOL proxy_settings_equal( const struct proxy_settings *a, const struct proxy_settings *b );

#endif /* WINHTTP_PROXY_STORE_H */
