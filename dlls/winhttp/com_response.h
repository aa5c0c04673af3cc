/*
 * What programs ask about the response of the last Send
 *
 * All of them: ERROR_WINHTTP_CANNOT_CALL_BEFORE_SEND without a Send, E_PENDING for what has not come yet, and the Send's own
 * failure where it has failed (a choice: Windows' answer is not known). Results are given, and untouched on failure. The
 * object's lock is not held, but for com_response_url.
 */

#ifndef WINHTTP_COM_RESPONSE_H
#define WINHTTP_COM_RESPONSE_H

#include "com_exchange.h"
#include "com_request.h"

/* The exchange of the last Send, if it has come as far as `state`. Referenced. */
HRESULT com_response_exchange( struct com_request *request, enum com_exchange_state state, struct com_exchange **ret );

HRESULT com_response_status( struct com_request *request, LONG *status );
/* A field of the head: WINHTTP_QUERY_*, `name` for WINHTTP_QUERY_CUSTOM. ERROR_WINHTTP_HEADER_NOT_FOUND. */
HRESULT com_response_header( struct com_request *request, DWORD info, const WCHAR *name, BSTR *ret );
/* All of them, without the status line. */
HRESULT com_response_all_headers( struct com_request *request, BSTR *ret );
HRESULT com_response_text( struct com_request *request, BSTR *text );
/* `make` is com_body_array or com_body_stream. */
HRESULT com_response_body( struct com_request *request, HRESULT (*make)( const struct com_bytes *, VARIANT * ),
                           VARIANT *body );

/* The option URL: where the request goes, or where redirects have led it. ERROR_WINHTTP_CANNOT_CALL_BEFORE_OPEN. */
HRESULT com_response_url( struct com_request *request, VARIANT *value );

#endif /* WINHTTP_COM_RESPONSE_H */
