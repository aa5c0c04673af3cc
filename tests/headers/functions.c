/*
 * Every function of winhttp.h, linked against the import library
 *
 * A program that needs all of them at once: a name that the library lacks does not link, and on i386 neither does one
 * whose declaration and whose export disagree about the bytes of the arguments, which are part of the symbol there.
 * Compiled and linked by tests/headers/run, which compares what the program imports with what the header declares.
 */

#include <windows.h>
#include <winhttp.h>

typedef void (*function)(void);

#define F( name )  (function)WinHttp##name
function functions[] =
{
    F( AddRequestHeaders ),
    F( AddRequestHeadersEx ),
    F( CheckPlatform ),
    F( CloseHandle ),
    F( Connect ),
    F( CrackUrl ),
    F( CreateProxyResolver ),
    F( CreateUrl ),
    F( DetectAutoProxyConfigUrl ),
    F( FreeProxyResult ),
    F( FreeProxyResultEx ),
    F( FreeProxySettings ),
    F( FreeProxySettingsEx ),
    F( FreeQueryConnectionGroupResult ),
    F( GetDefaultProxyConfiguration ),
    F( GetIEProxyConfigForCurrentUser ),
    F( GetProxyForUrl ),
    F( GetProxyForUrlEx ),
    F( GetProxyForUrlEx2 ),
    F( GetProxyResult ),
    F( GetProxyResultEx ),
    F( GetProxySettingsEx ),
    F( GetProxySettingsResultEx ),
    F( GetProxySettingsVersion ),
    F( Open ),
    F( OpenRequest ),
    F( ProtocolCompleteUpgrade ),
    F( ProtocolReceive ),
    F( ProtocolSend ),
    F( QueryAuthSchemes ),
    F( QueryConnectionGroup ),
    F( QueryDataAvailable ),
    F( QueryHeaders ),
    F( QueryHeadersEx ),
    F( QueryOption ),
    F( ReadData ),
    F( ReadDataEx ),
    F( ReadProxySettings ),
    F( ReceiveResponse ),
    F( RegisterProxyChangeNotification ),
    F( ResetAutoProxy ),
    F( SendRequest ),
    F( SetCredentials ),
    F( SetDefaultProxyConfiguration ),
    F( SetOption ),
    F( SetProxySettingsPerUser ),
    F( SetStatusCallback ),
    F( SetTimeouts ),
    F( TimeFromSystemTime ),
    F( TimeToSystemTime ),
    F( UnregisterProxyChangeNotification ),
    F( WebSocketClose ),
    F( WebSocketCompleteUpgrade ),
    F( WebSocketQueryCloseStatus ),
    F( WebSocketReceive ),
    F( WebSocketSend ),
    F( WebSocketShutdown ),
    F( WriteData ),
    F( WriteProxySettings ),
};

int main(void)
{
    unsigned int i;

    for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) if (!functions[i]) return 1;
    return 0;
}
