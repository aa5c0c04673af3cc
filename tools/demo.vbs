' A script as people write them for WinHttp.WinHttpRequest.5.1. Runs on every Windows, unchanged:
'
'   cscript //nologo demo.vbs http://server:port https://server:port http://closed:port
'
' Prints what it does; the last line is "passed" when every step did what it should.

Option Explicit

Dim http, https, closed, request, failures

http   = WScript.Arguments( 0 )
https  = WScript.Arguments( 1 )
closed = WScript.Arguments( 2 )
Set request = CreateObject( "WinHttp.WinHttpRequest.5.1" )
failures = 0

Sub Check( what, good )
    If good Then
        WScript.Echo "    => " & what
    Else
        failures = failures + 1
        WScript.Echo "    => FAILED: " & what
    End If
End Sub

WScript.Echo "GET with a header of its own"
request.Open "GET", http & "/small.txt", False
request.SetRequestHeader "X-Demo", "VBScript"
request.Send
WScript.Echo "    " & request.Status & " " & request.StatusText & ", " & request.GetResponseHeader( "Content-Type" )
Check "100 bytes of text", request.Status = 200 And Len( request.ResponseText ) = 100
Check "all headers as one text", InStr( request.GetAllResponseHeaders, "Content-Length: 100" & vbCrLf ) > 0

WScript.Echo "POST of a text"
request.Open "POST", http & "/post", False
request.SetRequestHeader "Content-Type", "text/plain"
request.Send "a text from a script"
Check "20 bytes received", InStr( request.ResponseText, "POST of 20 bytes" ) > 0

WScript.Echo "GET over TLS, asynchronous"
request.Open "GET", https & "/small.txt", True
request.Send
Check "there within 30 seconds", request.WaitForResponse( 30 )
Check "the same text", request.Status = 200 And Len( request.ResponseText ) = 100

WScript.Echo "no redirects, another name"
request.Option(6) = False
request.Option(0) = "demo.vbs"
request.Open "GET", http & "/dav", False
request.Send
Check "301 stays 301", request.Status = 301

WScript.Echo "a port where nobody listens"
On Error Resume Next
request.Open "GET", closed & "/", False
request.Send
Dim number, description
number = Err.Number
description = Err.Description
On Error GoTo 0
WScript.Echo "    error " & Hex( number ) & ": " & Replace( description, vbCrLf, "" )
Check "12029, as everywhere", (number And &HFFFF&) = 12029

If failures = 0 Then
    WScript.Echo "passed"
Else
    WScript.Echo "failed"
End If
WScript.Quit failures
