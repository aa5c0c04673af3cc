/*
 * Enumerators of connection points and of connections
 */

#ifndef WINHTTP_COM_EVENTS_ENUM_H
#define WINHTTP_COM_EVENTS_ENUM_H

/* Over the one point. E_OUTOFMEMORY, else S_OK and a reference in *ret. */
HRESULT enum_points_create( IConnectionPoint *point, IEnumConnectionPoints **ret );

/* Over `count` connections as they are now. `connections` is given (free), with a reference on each pUnk, also after
 * a failure. E_OUTOFMEMORY, else S_OK and a reference in *ret. */
HRESULT enum_connections_create( CONNECTDATA *connections, ULONG count, IEnumConnections **ret );

#endif /* WINHTTP_COM_EVENTS_ENUM_H */
