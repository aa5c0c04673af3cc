/*
 * The scripting object in the hands of scripts: JScript and VBScript, run by cscript.exe
 *
 * Each script is a file of its own, written here, with the port of a server in it, and runs on every Windows. It prints a
 * line per step; the lines are compared. What the object does is the other tests' business; this one is about names,
 * arguments by place and by reference, results, and errors as the two languages see them.
 * Rules: windows-behaviour.md sections 16.1 and 16.2, structures.md section 6.
 */
#include <winsock2.h>
#include <windows.h>
#include <winhttp.h>

#include "wine/test.h"
#include "server.h"
#include "client.h"

#define REPLY "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-Test: some value\r\nContent-Length: 12\r\n\r\nHello world!"

static const struct step replies[] = { HEAD, SEND( REPLY ), LOOP };

/* %PORT% and %CLOSED% are ports; the rest goes to the file as it is. */
static const char jscript[] =
    "var request = new ActiveXObject( 'WinHttp.WinHttpRequest.5.1' );\r\n"
    "function code( e ) { return ((e.number < 0 ? e.number + 0x100000000 : e.number)).toString( 16 ); }\r\n"
    "function attempt( what, f ) { try { f(); WScript.Echo( what + ' succeeded' ); }\r\n"
    "  catch (e) { WScript.Echo( what + ' ' + code( e ) + ' ' + (e.description.length > 0) ); } }\r\n"
    "attempt( 'early send', function() { request.Send(); } );\r\n"
    "attempt( 'early status', function() { return request.Status; } );\r\n"
    "attempt( 'scheme', function() { request.Open( 'GET', 'gopher://127.0.0.1/' ); } );\r\n"
    "request.Open( 'GET', 'http://127.0.0.1:%PORT%/js' );\r\n"
    "request.SetRequestHeader( 'X-Script', 'JScript' );\r\n"
    "request.Send();\r\n"
    "WScript.Echo( request.Status + ' ' + request.StatusText );\r\n"
    "WScript.Echo( request.ResponseText );\r\n"
    "WScript.Echo( request.GetResponseHeader( 'X-Test' ) );\r\n"
    "WScript.Echo( String( request.GetAllResponseHeaders().indexOf( 'X-Test: some value' ) >= 0 ) );\r\n"
    "attempt( 'absent', function() { request.GetResponseHeader( 'X-Absent' ); } );\r\n"
    "attempt( 'late header', function() { request.SetRequestHeader( 'X', 'y' ); } );\r\n"
    "request.Open( 'POST', 'http://127.0.0.1:%PORT%/post', false );\r\n"
    "request.Send( 'a body' );\r\n"
    "WScript.Echo( request.Status );\r\n"
    "request.Open( 'GET', 'http://127.0.0.1:%PORT%/async', true );\r\n"
    "request.Send();\r\n"
    "WScript.Echo( String( request.WaitForResponse( 20 ) ) );\r\n"
    "WScript.Echo( request.ResponseText );\r\n"
    "request.Option( 0 ) = 'script';\r\n"
    "WScript.Echo( request.Option( 0 ) + ' ' + request.Option( 4 ) + ' ' + request.Option( 6 ) );\r\n"
    "attempt( 'option', function() { request.Option( 4 ) = 0x321; } );\r\n"
    "request.Open( 'GET', 'http://127.0.0.1:%CLOSED%/', false );\r\n"
    "attempt( 'refused', function() { request.Send(); } );\r\n"
    "request.Abort();\r\n"
    "WScript.Echo( 'end' );\r\n";

static const char *jscript_lines[] =
{
    "early send 80072f44 true",                                                               /* COM-10 */
    "early status 80072f45 true",                                                             /* COM-10 */
    "scheme 80072ee6 true",                                                                   /* COM-12 */
    "200 OK",
    "Hello world!",                                                                           /* COM-30 */
    "some value",                                                                             /* COM-36 */
    "true",
    "absent 80072f76 true",
    "late header 80072f46 true",                                                              /* COM-10 */
    "200",
    "true",                                                                                   /* COM-18 */
    "Hello world!",
    "script 0 true",                                                                          /* COM-40 */
    "option 80070057 true",                                                                   /* COM-41 */
    "refused 80072efd true",
    "end",
};

/* Variables are passed by reference, constants are not. */
static const char vbscript[] =
    "Option Explicit\r\n"
    "Dim request, url, body, name, value, seconds\r\n"
    "Set request = CreateObject( \"WinHttp.WinHttpRequest.5.1\" )\r\n"
    "url = \"http://127.0.0.1:%PORT%/vbs\"\r\n"
    "body = \"a body\"\r\n"
    "name = \"X-Number\"\r\n"
    "value = 42\r\n"
    "seconds = 20\r\n"
    "request.Open \"POST\", url, False\r\n"
    "request.SetRequestHeader name, value\r\n"
    "request.Send body\r\n"
    "WScript.Echo request.Status & \" \" & request.StatusText\r\n"
    "WScript.Echo request.ResponseText\r\n"
    "WScript.Echo VarType( request.ResponseBody )\r\n"
    "request.SetTimeouts 20000, 20000, 20000, 20000\r\n"
    "request.Option(4) = 13056\r\n"
    "request.Option(6) = False\r\n"
    "WScript.Echo request.Option(4) & \" \" & CInt( request.Option(6) )\r\n"
    "request.Open \"GET\", url, True\r\n"
    "request.Send\r\n"
    "WScript.Echo CInt( request.WaitForResponse( seconds ) )\r\n"
    "WScript.Echo CInt( request.WaitForResponse )\r\n"
    "WScript.Echo request.ResponseText\r\n"
    "On Error Resume Next\r\n"
    "request.Open \"GET\", \"http://127.0.0.1:%CLOSED%/\", False\r\n"
    "request.Send\r\n"
    "WScript.Echo Hex( Err.Number ) & \" \" & (Len( Err.Description ) > 0)\r\n"
    "Err.Clear\r\n"
    "request.Abort\r\n"
    "request.Send\r\n"
    "WScript.Echo Hex( Err.Number )\r\n"
    "Err.Clear\r\n"
    "request.NoSuchMember\r\n"
    "WScript.Echo Err.Number\r\n"
    "WScript.Echo \"end\"\r\n";

static const char *vbscript_lines[] =
{
    "200 OK",
    "Hello world!",
    "8209",                                                                                   /* COM-31 */
    "13056 0",                                                                                /* COM-41 */
    "-1",
    "-1",
    "Hello world!",
    "80072EFD True",
    "80072F44",                                                                               /* COM-10 */
    "438",                                                                                    /* COM-65 */
    "end",
};

/*--- running one ---------------------------------------------------------------------------------------------------*/

static BOOL find_cscript( WCHAR *path )
{
    return SearchPathW( NULL, L"cscript.exe", NULL, MAX_PATH, path, NULL ) != 0;
}

static void write_script( HANDLE file, const char *text, unsigned short port, unsigned short closed )
{
    const char *mark, *name;
    char number[16];
    DWORD written;

    while ((mark = strchr( text, '%' )))
    {
        name = !strncmp( mark, "%PORT%", 6 ) ? "%PORT%" : "%CLOSED%";
        WriteFile( file, text, (DWORD)(mark - text), &written, NULL );
        wsprintfA( number, "%u", name[1] == 'P' ? port : closed );
        WriteFile( file, number, lstrlenA( number ), &written, NULL );
        text = mark + strlen( name );
    }
    WriteFile( file, text, (DWORD)strlen( text ), &written, NULL );
}

/* Output of the program, terminated; FALSE if it could not be run, or did not end. */
static BOOL capture( WCHAR *command, char *output, DWORD size )
{
    SECURITY_ATTRIBUTES inherit = { sizeof(inherit), NULL, TRUE };
    STARTUPINFOW startup = { .cb = sizeof(startup) };
    PROCESS_INFORMATION process;
    HANDLE read, write, null;
    DWORD len = 0, count, wait;

    if (!CreatePipe( &read, &write, &inherit, 0 )) return FALSE;
    SetHandleInformation( read, HANDLE_FLAG_INHERIT, 0 );
    null = CreateFileW( L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0, 0 );
    startup.dwFlags    = STARTF_USESTDHANDLES;
    startup.hStdInput  = null;
    startup.hStdOutput = write;
    startup.hStdError  = write;
    if (!CreateProcessW( NULL, command, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &startup, &process ))
    {
        CloseHandle( read );
        CloseHandle( write );
        CloseHandle( null );
        return FALSE;
    }
    CloseHandle( write );
    CloseHandle( null );
    while (len < size - 1 && ReadFile( read, output + len, size - 1 - len, &count, NULL ) && count) len += count;
    output[len] = 0;
    wait = WaitForSingleObject( process.hProcess, WAIT_MS );
    if (wait) TerminateProcess( process.hProcess, 1 );
    CloseHandle( process.hProcess );
    CloseHandle( process.hThread );
    CloseHandle( read );
    return !wait;
}

static void check_lines( char *output, const char **lines, unsigned int count )
{
    char *line = output, *end;
    unsigned int i;

    for (i = 0; i < count; i++)
    {
        if ((end = strpbrk( line, "\r\n" ))) *end = 0;
        ok( !strcmp( line, lines[i] ), "line %u: \"%s\", expected \"%s\"\n", i + 1, line, lines[i] );
        line = end ? end + 1 + strspn( end + 1, "\r\n" ) : line + strlen( line );
    }
    ok( !*line, "more output: %s\n", line );
}

static void run_script( const WCHAR *cscript, const WCHAR *extension, const char *text, const char **lines, unsigned int count )
{
    struct server *server = server_start_each( replies );
    WCHAR directory[MAX_PATH], path[MAX_PATH + 32], command[3 * MAX_PATH];
    static char output[8192];
    HANDLE file;

    if (!server) return;
    GetTempPathW( MAX_PATH, directory );
    wsprintfW( path, L"%swh%lu%s", directory, GetCurrentProcessId(), extension );
    file = CreateFileW( path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL );
    ok( file != INVALID_HANDLE_VALUE, "%ls: error %lu\n", path, GetLastError() );
    write_script( file, text, server_port( server ), server_closed_port() );
    CloseHandle( file );

    wsprintfW( command, L"\"%s\" //nologo \"%s\"", cscript, path );
    if (capture( command, output, sizeof(output) )) check_lines( output, lines, count );
    else ok( 0, "%ls did not end, or did not start; it said: %s\n", extension, output );
    DeleteFileW( path );
    server_stop( server );
}

START_TEST( com_script )
{
    WCHAR cscript[MAX_PATH];

    if (!find_cscript( cscript ))
    {
        skip( "there is no cscript.exe: no script was run\n" );
        return;
    }
    winetest_push_context( "JScript" );
    run_script( cscript, L".js", jscript, jscript_lines, count_of( jscript_lines ) );
    winetest_pop_context();
    winetest_push_context( "VBScript" );
    run_script( cscript, L".vbs", vbscript, vbscript_lines, count_of( vbscript_lines ) );
    winetest_pop_context();
}
