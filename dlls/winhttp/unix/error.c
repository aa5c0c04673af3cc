#if 0
#pragma makedep unix
#endif

/*
 * Errors of libc and libraries as enum wh_error
 *
 * What an errno means depends on what was being done, so each operation has its table.
 */

#include <errno.h>
#include <netdb.h>
#include <stddef.h>

#include "error.h"

struct error_pair { int code; enum wh_error error; };

static const struct error_pair connect_errors[] =
{
    { ECONNREFUSED,  WHE_CONNECT },
    { EHOSTUNREACH,  WHE_CONNECT },
    { ENETUNREACH,   WHE_CONNECT },
    { ETIMEDOUT,     WHE_TIMEOUT },     /* the kernel's own limit, shorter than ours on some hosts */
    { ENOMEM,        WHE_NO_MEMORY },
    { ENOBUFS,       WHE_NO_MEMORY },
    { 0,             WHE_CONNECT },
};

static const struct error_pair stream_errors[] =
{
    { EFAULT,        WHE_FAULT },
    { ETIMEDOUT,     WHE_TIMEOUT },     /* retransmissions or keep-alive probes went unanswered */
    { ENOMEM,        WHE_NO_MEMORY },
    { ENOBUFS,       WHE_NO_MEMORY },
    { 0,             WHE_RESET },
};

static const struct error_pair socket_errors[] =
{
    { EMFILE,        WHE_NO_MEMORY },   /* out of descriptors is out of a resource, and Win32 has no nearer word */
    { ENFILE,        WHE_NO_MEMORY },
    { ENOMEM,        WHE_NO_MEMORY },
    { ENOBUFS,       WHE_NO_MEMORY },
    { EAFNOSUPPORT,  WHE_CONNECT },
    { 0,             WHE_CONNECT },
};

static const struct error_pair eai_errors[] =
{
    { EAI_MEMORY,    WHE_NO_MEMORY },
    { 0,             WHE_NAME },
};

static const struct error_pair *const errno_tables[] =
{
    [ERROR_OF_CONNECT] = connect_errors,
    [ERROR_OF_SEND]    = stream_errors,
    [ERROR_OF_RECV]    = stream_errors,
    [ERROR_OF_SOCKET]  = socket_errors,
};

static enum wh_error error_lookup( const struct error_pair *pair, int code )
{
    while (pair->code && pair->code != code) pair++;
    return pair->error;
}

enum wh_error error_from_errno( enum error_of of, int err )
{
    return error_lookup( errno_tables[of], err );
}

enum wh_error error_from_eai( int eai )
{
    return error_lookup( eai_errors, eai );
}

const char *error_name( enum wh_error error )
{
    static const char *const names[] =
    {
#define NAME( name, win32, text ) #name,
        WH_ERRORS( NAME )
#undef NAME
    };
    return (unsigned int)error < WHE_COUNT ? names[error] : "?";
}
