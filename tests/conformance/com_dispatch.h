/*
 * Calls of the scripting object through IDispatch, for the conformance tests
 */
#ifndef CONFORMANCE_COM_DISPATCH_H
#define CONFORMANCE_COM_DISPATCH_H

/* Invokes the member of that name; the arguments are positional. `args` has a character for each: a digit is VT_I4 of that
 * value, k VT_I4 10000, s a VT_BSTR "text", c a VT_BSTR "Connection", e VT_EMPTY, m a missing one. *result (VT_EMPTY on entry) and *excep
 * (zeroed) are filled as by Invoke; either may be NULL. */
HRESULT com_invoke( IWinHttpRequest *request, const WCHAR *name, WORD flags, const char *args, VARIANT *result,
                    EXCEPINFO *excep );
void com_excep_clear( EXCEPINFO *excep );

#endif /* CONFORMANCE_COM_DISPATCH_H */
