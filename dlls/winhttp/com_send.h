/*
 * Send and WaitForResponse of the scripting object
 *
 * Both run without the object's lock, and with a reference on it that the caller holds: events come in between.
 */

#ifndef WINHTTP_COM_SEND_H
#define WINHTTP_COM_SEND_H

#include "com_request.h"

/* Sends; waits for all of the response where Open was synchronous. ERROR_WINHTTP_CANNOT_CALL_BEFORE_OPEN; what is wrong with
 * the body, see com_body_from_variant; ERROR_WINHTTP_CANNOT_CALL_AFTER_SEND while a Send is under way (a choice); errors of
 * the exchange. */
HRESULT com_send( struct com_request *request, const VARIANT *body );

/* `timeout` in seconds, -1 or missing for no limit. *succeeded becomes VARIANT_TRUE when the response is there, and stays what
 * it is when the time is over, which is S_OK, too. The result of a Send that has failed; E_INVALIDARG for a timeout that is
 * none. */
HRESULT com_send_wait( struct com_request *request, const VARIANT *timeout, VARIANT_BOOL *succeeded );

#endif /* WINHTTP_COM_SEND_H */
