/*
 * Events of the scripting object: connection points and the way to the sinks
 *
 * One struct com_events per object, made with it. The object's QueryInterface answers IConnectionPointContainer with
 * com_events_container(); whoever carries an asynchronous Send calls com_events_begin() when it starts, and fires with the
 * number it got. Nothing here waits for a sink's thread, so nobody deadlocks with a sink that does not pump.
 *
 * Threads. A sink is called in the apartment in which Advise was called. In an STA that is its thread: events queue up and
 * come when it pumps messages (a message-only window, one for each sink), or in com_events_flush(). Outside of an STA it
 * is the thread that fires. A sink gets its events in order, one at a time; one that pumps in an event gets the next one
 * only when it has returned. Inside an event a sink may call anything: Unadvise, Abort, Open, Send, the last Release.
 *
 * After com_events_cancel(), Unadvise or com_events_close() no event begins; one that runs on another thread at that
 * moment runs to its end. None of the three waits for it, and an Abort that waited for the firing thread would deadlock
 * where a sink outside of an STA calls Abort in an event: do not wait there.
 *
 * Spec: structures.md sections 5 and 6, notifications.md section 9. Documentation: "Connection Points" of COM.
 */

#ifndef WINHTTP_COM_EVENTS_H
#define WINHTTP_COM_EVENTS_H

struct com_events;

/* `owner` is the object whose references the container and the connection point count; borrowed, since it owns this.
 * NULL without memory. The caller has a reference on the result. */
struct com_events *com_events_create( IUnknown *owner );

/* For a thread that fires: it may outlive the object. */
void com_events_addref( struct com_events *events );
void com_events_release( struct com_events *events );

/* In the owner's last Release: lets all sinks go, drops what is queued; nothing is asked of the owner any more. The owner
 * still has its reference, and releases it when it likes. */
void com_events_close( struct com_events *events );

/* Borrowed; its AddRef, Release and QueryInterface are the owner's. */
IConnectionPointContainer *com_events_container( struct com_events *events );

/* A new Send: ends the events of the one before, as com_events_cancel does, and returns the number to fire with. */
LONG com_events_begin( struct com_events *events );

/* Abort, Open: what is queued is dropped, and firing with an old number does nothing. */
void com_events_cancel( struct com_events *events );

/* Fire, from any thread, without a lock held: sinks outside of an STA run inside of these. All arguments are borrowed and
 * copied. Nothing happens if there is no sink, or `send` is not the present Send's number. An event that cannot be copied
 * for want of memory is lost, and the next one is not held up by it; E_OUTOFMEMORY says so.
 * content_type may be NULL; `error` is an HRESULT, whose low 16 bits are the WinHTTP error. */
HRESULT com_events_fire_start( struct com_events *events, LONG send, LONG status, const WCHAR *content_type );
HRESULT com_events_fire_data( struct com_events *events, LONG send, const void *data, DWORD len );   /* the new bytes */
HRESULT com_events_fire_finished( struct com_events *events, LONG send );
HRESULT com_events_fire_error( struct com_events *events, LONG send, HRESULT error, const WCHAR *text );

/* Delivers what is queued for sinks of this thread: WaitForResponse calls it before it returns, so that a program which
 * waits has seen its events, and may call it whenever it pumps. */
void com_events_flush( struct com_events *events );

#endif /* WINHTTP_COM_EVENTS_H */
