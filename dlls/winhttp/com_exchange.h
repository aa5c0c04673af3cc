/*
 * One Send of the scripting object, from the request's head to the last byte of the response
 *
 * The same synchronous run for both modes of the object: on the caller's thread, or on one of its own, in the multithreaded
 * apartment. A thread of its own, not the module's completion workers: sinks of events may block it, and must not hold up
 * anybody else. The run owns nothing of the object, so the object may go while it is under way.
 */

#ifndef WINHTTP_COM_EXCHANGE_H
#define WINHTTP_COM_EXCHANGE_H

#include "com_bytes.h"
#include "com_option.h"

struct com_events;

enum com_exchange_state
{
    EXCHANGE_SENDING,    /* no response yet: ends with the run */
    EXCHANGE_HEAD,       /* the final head is there, its body is being read: ends with the run */
    EXCHANGE_DONE,       /* all of the response is there */
    EXCHANGE_FAILED      /* `result` says why; cancelled counts as that */
};

struct com_exchange
{
    LONG               refs;
    HINTERNET          request;         /* until it is cancelled or freed; reads of it need no lock */
    struct com_events *events;
    LONG               number;          /* of this Send, for the events */
    struct com_bytes   sent;            /* the request's body */
    struct com_credentials credentials[2];    /* by HTTPREQUEST_SETCREDENTIALS_FOR_* */
    HANDLE             done;            /* set when the run is over, events and all */
    DWORD              thread;          /* that runs it */
    DWORD              secure_failure;  /* WINHTTP_CALLBACK_STATUS_FLAG_* of the run */

    SRWLOCK            lock;            /* for what follows; nothing is called with it */
    enum com_exchange_state state;
    HRESULT            result;
    BOOL               cancelled;
    BSTR               content_type;    /* from EXCHANGE_HEAD on; NULL if there is none */
    struct com_bytes   received;        /* the run's alone until EXCHANGE_DONE, then constant */
};

/* `request` is given, ready to be sent; so are the bytes of `sent`, which is empty afterwards. `credentials` (two) is
 * copied. On failure the request is closed. One reference. */
HRESULT com_exchange_create( HINTERNET request, struct com_bytes *sent, const struct com_credentials *credentials,
                             struct com_events *events, struct com_exchange **ret );
void com_exchange_addref( struct com_exchange *exchange );
void com_exchange_release( struct com_exchange *exchange );

/* Runs it here; returns its result. */
HRESULT com_exchange_run( struct com_exchange *exchange );

/* Runs it on a thread of its own. Returns S_OK or an error; it has failed with that then. */
HRESULT com_exchange_start( struct com_exchange *exchange );

/* Ends what is under way, without waiting for it: the run fails with ERROR_WINHTTP_OPERATION_CANCELLED. Safe at any time,
 * from any thread. Nothing can be asked of the request afterwards. */
void com_exchange_cancel( struct com_exchange *exchange );

/* *result is that of a failure, else S_OK. */
enum com_exchange_state com_exchange_query( struct com_exchange *exchange, HRESULT *result );

#endif /* WINHTTP_COM_EXCHANGE_H */
