/*
 * HTTP dates
 *
 * The interface of time.c; it is not called time.h because that would hide the C library's.
 * No handles, no clock: a date is complete or it is none.
 */

#ifndef WINHTTP_HTTP_TIME_H
#define WINHTTP_HTTP_TIME_H

#define TIME_TEXT_CCH 31     /* WINHTTP_TIME_FORMAT_BUFSIZE in WCHARs: a five-digit year and the terminator fit */

/* Reads a date of cch WCHARs: the three forms of RFC 2616 section 3.3.1 and what looks like them with other
 * separators, in any case, with or without a week day and zone. Day, month and year must be there, a missing time of
 * day is midnight. The week day is computed. FALSE if it is no date; *time is untouched then. */
BOOL time_parse( SYSTEMTIME *time, const WCHAR *text, DWORD cch );

/* Writes the fixed form, terminated; returns its length, 0 if a field is out of range. */
DWORD time_print( const SYSTEMTIME *time, WCHAR text[TIME_TEXT_CCH] );

#endif
