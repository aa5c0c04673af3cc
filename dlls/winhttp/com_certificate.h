/*
 * The client certificate of the scripting object: from its name to a certificate
 *
 * "[CURRENT_USER|LOCAL_MACHINE\]store\subject": the location is the user's by default, the store MY, and an empty subject
 * takes the first certificate. A store is only recognised behind a location.
 * Spec: structures.md section 6, SetClientCertificate.
 */

#ifndef WINHTTP_COM_CERTIFICATE_H
#define WINHTTP_COM_CERTIFICATE_H

/* Whether a text has that form; NULL has it. */
BOOL com_certificate_check( const WCHAR *text );

/* Finds it and gives it to the request. Returns 0, ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED if there is none of that name,
 * or WinHttpSetOption's error. */
DWORD com_certificate_set( const WCHAR *text, HINTERNET request );

#endif /* WINHTTP_COM_CERTIFICATE_H */
