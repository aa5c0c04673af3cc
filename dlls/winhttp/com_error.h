/*
 * Errors of the scripting object: their texts, and how they reach the program
 *
 * A method that fails leaves an error object behind (SetErrorInfo), as ISupportErrorInfo promises. IDispatch::Invoke hands
 * it on in EXCEPINFO, from where scripts have their description.
 */

#ifndef WINHTTP_COM_ERROR_H
#define WINHTTP_COM_ERROR_H

/* The name under which scripts see the object in their error messages. */
#define COM_ERROR_SOURCE L"WinHttp.WinHttpRequest"

/* The text of an HRESULT: the module's own message, else the system's, else the number. Ends in CRLF, as FormatMessage's
 * texts do. Given (SysFreeString); NULL without memory. */
BSTR com_error_text( HRESULT hr );

/* At the end of each method: makes the error object of this thread if hr is a failure. Returns hr. */
HRESULT com_error_report( HRESULT hr );

/* Fills *excep (may be NULL) from the error object that com_error_report has made, and returns DISP_E_EXCEPTION. */
HRESULT com_error_raise( HRESULT hr, EXCEPINFO *excep );

/* S_OK for 0. */
HRESULT com_error_hresult( DWORD err );

#endif /* WINHTTP_COM_ERROR_H */
