/*
 * Objects that may be used in any apartment as they are
 *
 * The request and its streams belong to no apartment: they have locks, and they keep no interface of the program's that is
 * bound to one (events find their own way). So they hand out COM's free-threaded marshaler, and a pointer that is passed to
 * another apartment of the process stays what it is. A request that is made in the multithreaded apartment lives, by its
 * registration, in an apartment of COM's; without this, its sinks would need a proxy of IWinHttpRequestEvents, whose
 * methods return nothing, and that is what Wine's marshaler by type library cannot make.
 */

#ifndef WINHTTP_COM_MARSHAL_H
#define WINHTTP_COM_MARSHAL_H

/* For QueryInterface of `outer` when it is asked for IMarshal. *marshaler is NULL at first; the object releases it at its
 * end. Any thread, no lock needed. */
HRESULT com_marshal_query( IUnknown **marshaler, IUnknown *outer, REFIID iid, void **obj );

#endif /* WINHTTP_COM_MARSHAL_H */
