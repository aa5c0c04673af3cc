/*
 * Proxy settings as they were before a test, value by value
 *
 * What was not there is not there afterwards. Each test program of settings has its own copy.
 */
#ifndef CONFORMANCE_PROXY_SAVED_H
#define CONFORMANCE_PROXY_SAVED_H

#define INTERNET_SETTINGS L"Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"
#define CONNECTIONS       INTERNET_SETTINGS L"\\Connections"

struct saved
{
    HKEY         root;
    REGSAM       view;
    const WCHAR *key, *value;
    DWORD        type, size;
    BYTE         data[4096];
    BOOL         there;
};

static struct saved user_values[] =
{
    { HKEY_CURRENT_USER, 0, CONNECTIONS, L"DefaultConnectionSettings", 0, 0, { 0 }, FALSE },
    { HKEY_CURRENT_USER, 0, CONNECTIONS, L"SavedLegacySettings", 0, 0, { 0 }, FALSE },
    { HKEY_CURRENT_USER, 0, CONNECTIONS, L"winhttp test", 0, 0, { 0 }, FALSE },
    { HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"ProxyEnable", 0, 0, { 0 }, FALSE },
    { HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"ProxyServer", 0, 0, { 0 }, FALSE },
    { HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"ProxyOverride", 0, 0, { 0 }, FALSE },
    { HKEY_CURRENT_USER, 0, INTERNET_SETTINGS, L"AutoConfigURL", 0, 0, { 0 }, FALSE },
};

static inline void save( struct saved *values, unsigned int count )
{
    unsigned int i;
    HKEY key;

    for (i = 0; i < count; i++)
    {
        values[i].there = FALSE;
        values[i].size = sizeof(values[i].data);
        if (RegOpenKeyExW( values[i].root, values[i].key, 0, KEY_QUERY_VALUE | values[i].view, &key )) continue;
        values[i].there = !RegQueryValueExW( key, values[i].value, NULL, &values[i].type, values[i].data, &values[i].size );
        RegCloseKey( key );
    }
}

static inline void restore( struct saved *values, unsigned int count )
{
    unsigned int i;
    HKEY key;

    for (i = 0; i < count; i++)
    {
        if (RegOpenKeyExW( values[i].root, values[i].key, 0, KEY_SET_VALUE | values[i].view, &key )) continue;
        if (values[i].there) RegSetValueExW( key, values[i].value, 0, values[i].type, values[i].data, values[i].size );
        else RegDeleteValueW( key, values[i].value );
        RegCloseKey( key );
    }
}

#endif /* CONFORMANCE_PROXY_SAVED_H */
