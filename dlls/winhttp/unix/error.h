/*
 * Errors of libc and libraries as enum wh_error
 */

#ifndef WH_ERROR_H
#define WH_ERROR_H

#include "../unixlib.h"

/* What was being done when errno was set. */
enum error_of { ERROR_OF_CONNECT, ERROR_OF_SEND, ERROR_OF_RECV, ERROR_OF_SOCKET };

/* Never WHE_OK. An errno without a row gives the operation's own default. */
enum wh_error error_from_errno( enum error_of of, int err );

/* A getaddrinfo code (EAI_*). */
enum wh_error error_from_eai( int eai );

const char *error_name( enum wh_error error );

#endif /* WH_ERROR_H */
