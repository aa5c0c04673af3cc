/*
 * Names of charsets: from a Content-Type to a code page
 *
 * Pure: compiled natively for unit tests, too. Used for ResponseText, for what Send adds to a Content-Type, and for the
 * option URLCodePage, which takes names (windows-behaviour COM-43).
 */

#ifndef WINHTTP_COM_CHARSET_H
#define WINHTTP_COM_CHARSET_H

/* Text in these two is copied, not converted: MultiByteToWideChar does not know them. */
#define CHARSET_UTF16LE 1200
#define CHARSET_UTF16BE 1201

/* The value of the first parameter `charset` of a Content-Type ("text/html; charset=utf-8", quotes taken off). Borrowed
 * from the field; FALSE if there is none, or an empty one. */
BOOL charset_parameter( const WCHAR *content_type, const WCHAR **name, DWORD *cch );

/* The code page that a name stands for, in any case of letters; FALSE for an unknown name. Whether the system has that
 * page is not asked. */
BOOL charset_code_page( const WCHAR *name, DWORD cch, UINT *code_page );

/* The byte order mark at the start of a text: its length and what it says, or 0. UTF-8, UTF-16 in both orders. */
DWORD charset_mark( const BYTE *data, size_t len, UINT *code_page );

#endif /* WINHTTP_COM_CHARSET_H */
