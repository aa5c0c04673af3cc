/*
 * A sink of the scripting object's events, for the conformance tests
 *
 * It checks by itself that events come in an order that makes sense, one at a time, and on the right thread, and counts them.
 * Needs httprequest.h, by way of com_client.h.
 */
#ifndef CONFORMANCE_COM_SINK_H
#define CONFORMANCE_COM_SINK_H

#include <ocidl.h>

enum seen_kind { SEEN_NONE, SEEN_START, SEEN_DATA, SEEN_FINISHED, SEEN_ERROR };

struct sink
{
    IWinHttpRequestEvents IWinHttpRequestEvents_iface;
    LONG         refs;
    DWORD        thread;            /* that every event must come on, 0: any */
    IWinHttpRequest *request;       /* for the hook; what the hook does is its own business */
    IConnectionPoint *point;
    DWORD        cookie;
    void         (*hook)( struct sink *sink, enum seen_kind kind );
    HANDLE       over;              /* OnResponseFinished or OnError has come */

    LONG         depth;             /* events in progress */
    LONG         starts, datas, finishes, errors;
    enum seen_kind last;
    LONG         status, error;
    WCHAR        type[64], text[256];
    ULONG        bytes;
    DWORD        sum;               /* of the bytes */
};

/* On the caller's stack; `thread` as in the struct. sink_end checks that nobody has it any more. */
void sink_init( struct sink *sink, DWORD thread );
void sink_end( struct sink *sink );
/* For a next Send with the same sink. */
void sink_rearm( struct sink *sink );

/* The connection point of the events. Given: Release. NULL, reported, if there is none. */
IConnectionPoint *sink_point( IWinHttpRequest *request );
/* Connects the sink to the request; the sink remembers both, without references. */
BOOL sink_advise( struct sink *sink, IWinHttpRequest *request );
HRESULT sink_unadvise( struct sink *sink );
/* An asynchronous GET under way, with a sink of this thread. NULL, reported, if something failed. */
IWinHttpRequest *sink_get( struct sink *sink, unsigned short port );

/* What `bytes` `count` times over would make of `sum`. */
DWORD sink_sum( const char *bytes, unsigned int count );
/* One whole response was told: 200, text/plain, "Hello world!". */
void sink_check_hello_( const char *file, int line, const struct sink *sink );
#define sink_check_hello( sink ) sink_check_hello_( __FILE__, __LINE__, sink )

/* Runs messages until the object is signalled, as the loop of any program with windows does. */
BOOL pump_until( HANDLE object );
void pump_pending( void );

#endif /* CONFORMANCE_COM_SINK_H */
