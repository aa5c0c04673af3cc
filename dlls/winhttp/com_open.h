/*
 * What the scripting object has open: URL, headers, the request handle of the next Send
 *
 * Everything here is called with the object's lock.
 */

#ifndef WINHTTP_COM_OPEN_H
#define WINHTTP_COM_OPEN_H

#include "com_request.h"

/* Opens a URL, synchronous or not, in place of what was open; on failure that stays as it was. Returns S_OK,
 * ERROR_WINHTTP_UNRECOGNIZED_SCHEME or another error of WinHttpCrackUrl, WinHttpConnect, WinHttpOpenRequest. */
HRESULT com_open_url( struct com_request *request, BSTR verb, BSTR url, BOOL async );

/* Back to fresh: ends what is under way, forgets URL, headers and response; the settings and the session stay. */
void com_open_reset( struct com_request *request );

/* Ends the Send of before; its response is gone. */
void com_open_drop_exchange( struct com_request *request );

/* A handle for the next Send, with the settings of now and the program's headers, in request->request. 0 or an error. */
DWORD com_open_renew( struct com_request *request );

/* Adds or replaces a field of the program, or removes it: value NULL or empty. E_INVALIDARG: a name that is none, or a line
 * break in either. */
HRESULT com_open_set_header( struct com_request *request, BSTR name, BSTR value );
/* NULL if the program has set none of that name. Borrowed until the next change. */
struct com_header *com_open_find_header( struct com_request *request, const WCHAR *name );

/* Adds or replaces a field of one handle. 0 or an error. */
DWORD com_open_add_field( HINTERNET handle, const WCHAR *name, const WCHAR *value );

#endif /* WINHTTP_COM_OPEN_H */
