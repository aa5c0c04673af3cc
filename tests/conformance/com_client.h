/*
 * The scripting object in the conformance tests: making one, opening, sending, and what comes back
 */
#ifndef CONFORMANCE_COM_CLIENT_H
#define CONFORMANCE_COM_CLIENT_H

#include <oleauto.h>
#include <httprequest.h>

/* HRESULT_FROM_WIN32 of a WinHTTP error, as a constant. */
#define E( code ) ((HRESULT)(0x80070000 | (code)))

/* A new object, in whatever apartment this thread is. NULL, reported, if there is none. */
IWinHttpRequest *com_create( void );
/* Opens http://127.0.0.1:port/path with timeouts of WAIT_MS. The result of Open. */
HRESULT com_open( IWinHttpRequest *request, const WCHAR *verb, unsigned short port, const WCHAR *path, BOOL async );
/* Send without a body. */
HRESULT com_send( IWinHttpRequest *request );
HRESULT com_set_header( IWinHttpRequest *request, const WCHAR *name, const WCHAR *value );
/* A new object and a GET of "/" from the server, done and checked to be S_OK. NULL if something failed, reported. */
IWinHttpRequest *com_get( struct server *server );
/* Status of the response, or 0. */
LONG com_status( IWinHttpRequest *request );
/* ResponseText is `text` (`cch` characters), checked. */
void com_check_text_( const char *file, int line, IWinHttpRequest *request, const WCHAR *text, UINT cch );
#define com_check_text( request, text ) \
    com_check_text_( __FILE__, __LINE__, request, text, sizeof(text) / sizeof(WCHAR) - 1 )
/* WaitForResponse with WAIT_MS as its limit; whether it was TRUE. */
BOOL com_wait( IWinHttpRequest *request );
/* ResponseStream, checked to be one; NULL, reported, if it is none. Given: Release. */
IStream *com_stream( IWinHttpRequest *request );

void variant_missing( VARIANT *var );
void variant_string( VARIANT *var, const WCHAR *text );
/* VT_ARRAY | VT_UI1. */
void variant_bytes( VARIANT *var, const void *data, ULONG len );

/* Private memory of the process. */
SIZE_T private_bytes( void );

#endif /* CONFORMANCE_COM_CLIENT_H */
