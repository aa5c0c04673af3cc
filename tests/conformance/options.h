/*
 * Checks that the tests of options share; they are in options.c
 *
 * Each sets the last error to STALE before the call and compares it behind it.
 */
#ifndef CONFORMANCE_OPTIONS_H
#define CONFORMANCE_OPTIONS_H

#define STALE 0xdeadbeef

/* WinHttpSetOption succeeds with last error 0 (error 0), or fails with `error`. */
void check_set_( const char *file, int line, HINTERNET handle, DWORD option, const void *value, DWORD len, DWORD error );
#define check_set( handle, option, value, len, error ) \
    check_set_( __FILE__, __LINE__, handle, option, value, len, error )
void set_dword_( const char *file, int line, HINTERNET handle, DWORD option, DWORD value, DWORD error );
#define set_dword( handle, option, value, error ) set_dword_( __FILE__, __LINE__, handle, option, value, error )

/* WinHttpQueryOption gives this DWORD. */
void check_dword_( const char *file, int line, HINTERNET handle, DWORD option, DWORD expected );
#define check_dword( handle, option, expected ) check_dword_( __FILE__, __LINE__, handle, option, expected )
/* It gives this text, with the right lengths for every size of buffer. */
void check_string_( const char *file, int line, HINTERNET handle, DWORD option, const WCHAR *expected );
#define check_string( handle, option, expected ) check_string_( __FILE__, __LINE__, handle, option, expected )
/* It fails with `error` and leaves the buffer alone. */
void check_query_error_( const char *file, int line, HINTERNET handle, DWORD option, DWORD error );
#define check_query_error( handle, option, error ) check_query_error_( __FILE__, __LINE__, handle, option, error )

#endif /* CONFORMANCE_OPTIONS_H */
