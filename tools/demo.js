// A script as people write them for WinHttp.WinHttpRequest.5.1. Runs on every Windows, unchanged:
//
//   cscript //nologo demo.js http://server:port https://server:port http://closed:port
//
// Prints what it does; the last line is "passed" when every step did what it should.

var http = WScript.Arguments( 0 ), https = WScript.Arguments( 1 ), closed = WScript.Arguments( 2 );
var request = new ActiveXObject( "WinHttp.WinHttpRequest.5.1" );
var failures = 0;

function check( what, good )
{
    if (!good) failures++;
    WScript.Echo( (good ? "    => " : "    => FAILED: ") + what );
}

function hex( number )
{
    return "0x" + (number < 0 ? number + 0x100000000 : number).toString( 16 );
}

WScript.Echo( "GET with a header of its own" );
request.Open( "GET", http + "/small.txt", false );
request.SetRequestHeader( "X-Demo", "JScript" );
request.Send();
WScript.Echo( "    " + request.Status + " " + request.StatusText + ", " + request.GetResponseHeader( "Content-Type" ) );
check( "100 bytes of text", request.Status == 200 && request.ResponseText.length == 100 );
check( "all headers as one text", /^Content-Length: 100$/m.test( request.GetAllResponseHeaders().replace( /\r/g, "" ) ) );

WScript.Echo( "POST of a text" );
request.Open( "POST", http + "/post", false );
request.SetRequestHeader( "Content-Type", "text/plain" );
request.Send( "a text from a script" );
WScript.Echo( "    " + request.ResponseText.replace( /\s+$/, "" ) );
check( "20 bytes received", /POST of 20 bytes/.test( request.ResponseText ) );

WScript.Echo( "GET over TLS, asynchronous" );
request.Open( "GET", https + "/small.txt", true );
request.Send();
check( "there within 30 seconds", request.WaitForResponse( 30 ) );
check( "the same text", request.Status == 200 && request.ResponseText.length == 100 );

WScript.Echo( "a page that is not there" );
request.Open( "GET", http + "/no-such-page", false );
request.Send();
check( "404 is an answer, not an error", request.Status == 404 );

WScript.Echo( "a port where nobody listens" );
try
{
    request.Open( "GET", closed + "/", false );
    request.Send();
    check( "no error", false );
}
catch (e)
{
    WScript.Echo( "    error " + hex( e.number ) + ": " + e.description.replace( /\s+$/, "" ) );
    check( "12029, as everywhere", (e.number & 0xffff) == 12029 );
}

WScript.Echo( failures ? "failed" : "passed" );
WScript.Quit( failures ? 1 : 0 );
