/*
 * Bodies of the scripting object: VARIANTs to bytes, bytes to text, arrays and streams
 *
 * Called by the object's Send and by its properties ResponseText, ResponseBody and ResponseStream, on whatever thread
 * they run. Nothing here knows of requests or handles.
 * Spec: structures.md sections 5 and 6, windows-behaviour COM-15, COM-16, COM-30 to COM-35.
 */

#ifndef WINHTTP_COM_BODY_H
#define WINHTTP_COM_BODY_H

#include "com_bytes.h"

/* What `body`, the argument of Send, puts on the wire; `bytes` is empty on entry, and empty after a failure.
 *
 *   VT_ERROR with any code, VT_EMPTY, VT_NULL      no body (COM-15); null is what scripts pass for "none"
 *   VT_BSTR                                        its characters as UTF-8, NULs included
 *   VT_ARRAY | VT_UI1, one dimension               the bytes
 *   VT_UNKNOWN, VT_DISPATCH with IStream           read from where the stream stands to its end
 *   VT_DISPATCH without                            its default property as text; E_INVALIDARG if there is none
 *   VT_UNKNOWN without, other arrays               E_INVALIDARG
 *   other types                                    as text, by VariantChangeType's rules for the user's locale
 *   any of them by reference, VT_VARIANT | VT_BYREF   the value behind it
 *
 * *add_charset says that the text has characters beyond ASCII, so that the receiver must be told: com_body_content_type
 * makes the field. NULL `body` is no body. Runs foreign code (streams, default properties): hold no lock.
 * Returns S_OK, E_INVALIDARG, E_OUTOFMEMORY, or what the stream or object failed with. */
HRESULT com_body_from_variant( const VARIANT *body, struct com_bytes *bytes, BOOL *add_charset );

/* The Content-Type of such a text: `set` is what the program has set, NULL or empty if nothing. "text/plain;
 * Charset=UTF-8" for nothing, what was set with "; Charset=UTF-8" behind it if it names no charset, else an unchanged
 * copy. Given: SysFreeString; NULL without memory. To be set with WINHTTP_ADDREQ_FLAG_ADD | _REPLACE. */
BSTR com_body_content_type( const WCHAR *set );

/* ResponseText. The charset that content_type (NULL: there is no such field) names decides; without one, or with an
 * unknown one, a byte order mark; without that the ANSI code page. A mark is not part of the text.
 * *text is given (SysFreeString), an empty BSTR for an empty body; NULL after a failure.
 * Returns S_OK, E_OUTOFMEMORY, HRESULT_FROM_WIN32( ERROR_NO_UNICODE_TRANSLATION ) where bytes are no text in that
 * charset (0x80070459, as Windows). */
HRESULT com_body_text( const struct com_bytes *bytes, const WCHAR *content_type, BSTR *text );

/* ResponseBody: VT_ARRAY | VT_UI1, zero-based, a copy; VT_EMPTY for an empty body. What *body held is overwritten, never
 * cleared (COM-31). Returns S_OK, or E_OUTOFMEMORY with VT_EMPTY in *body. */
HRESULT com_body_array( const struct com_bytes *bytes, VARIANT *body );

/* ResponseStream: VT_UNKNOWN that is itself an IStream (COM-32), a new one each time, at position 0 (COM-33), which
 * shares the bytes and so outlives the request (COM-34). As com_body_array otherwise. */
HRESULT com_body_stream( const struct com_bytes *bytes, VARIANT *stream );

#endif /* WINHTTP_COM_BODY_H */
