/*
 * One sink of the scripting object's events: the events that wait for it, and the call in its apartment
 *
 * com_events.c makes one in Advise, in the sink's apartment, and puts events into it.
 */

#ifndef WINHTTP_COM_EVENTS_SINK_H
#define WINHTTP_COM_EVENTS_SINK_H

#include "httprequest.h"

enum event_kind { EVENT_START, EVENT_DATA, EVENT_FINISHED, EVENT_ERROR, EVENT_KIND_COUNT };

struct event
{
    LONG            refs;       /* one for each queue it is in, one for whoever fires it */
    LONG            send;       /* of which Send */
    enum event_kind kind;
    LONG            number;     /* status, or error */
    SIZE_T          len;        /* bytes of data */
    BYTE            data[];     /* EVENT_DATA: the bytes; else a terminated text */
};

/* The caller has the one reference. `data` is copied; NULL without memory. */
struct event *event_create( enum event_kind kind, LONG send, LONG number, const void *data, SIZE_T len );
void event_release( struct event *event );

struct sink_hub           /* what the sinks of one object share; it outlives them */
{
    CRITICAL_SECTION lock;
    LONG             send;      /* the Send whose events are delivered; others are dropped */
    void             (*release)( struct sink_hub *hub );     /* a sink is gone */
};

struct sink
{
    struct sink           *next;        /* com_events.c's list, under the hub's lock */
    LONG                   refs;
    struct sink_hub       *hub;
    DWORD                  cookie;
    IWinHttpRequestEvents *iface;       /* the hub's lock; NULL: no event any more */
    DWORD                  thread;      /* of the STA it belongs to, 0 if it belongs to none */
    HWND                   window;      /* in that thread; has a reference on the sink; the hub's lock */
    struct queued         *first, **last;
    BOOL                   delivering;  /* the hub's lock; its thread is in an event */
    BOOL                   kicked;      /* the hub's lock; a message is under way to the window */
};

/* In the sink's apartment. Takes its own reference on `iface`; the hub gets its release() when the sink is freed, and not
 * after a failure. Returns S_OK, E_OUTOFMEMORY. */
HRESULT sink_create( struct sink_hub *hub, IWinHttpRequestEvents *iface, struct sink **ret );
void sink_addref( struct sink *sink );
void sink_release( struct sink *sink );

/* No event begins any more; what is queued is dropped. Any thread, no lock held: it lets the interface go. */
void sink_disconnect( struct sink *sink );

/* Drops what is queued. Under the hub's lock. */
void sink_clear( struct sink *sink );

/* Calls the sink now if it belongs to no STA or to this thread's, else leaves the event to its thread. No lock held.
 * E_OUTOFMEMORY: this event is lost. */
HRESULT sink_fire( struct sink *sink, struct event *event );

/* Calls the sink with all that is queued, on its own thread. No lock held. */
void sink_deliver( struct sink *sink );

#endif /* WINHTTP_COM_EVENTS_SINK_H */
