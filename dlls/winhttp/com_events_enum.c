/*
 * Enumerators of connection points and of connections
 *
 * Both walk over a list of CONNECTDATA that was copied when they were made: of a connection point only pUnk is used. So
 * one object serves both interfaces, whose Skip, Reset, AddRef and Release are the same functions.
 * Documentation: IEnumConnectionPoints, IEnumConnections.
 */

#define COBJMACROS
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <objbase.h>
#include <ocidl.h>
#include <olectl.h>

#include "com_events_enum.h"

struct list                 /* shared by an enumerator and its clones */
{
    LONG        refs;
    ULONG       count;
    CONNECTDATA *items;     /* a reference on each pUnk */
};

struct enumerator
{
    const void  *vtbl;      /* IEnumConnectionPointsVtbl or IEnumConnectionsVtbl: first, it is the interface */
    const GUID  *iid;
    LONG         refs;
    LONG         position;
    struct list *list;
};

static void list_release( struct list *list )
{
    ULONG i;

    if (InterlockedDecrement( &list->refs )) return;
    for (i = 0; i < list->count; i++) IUnknown_Release( list->items[i].pUnk );
    free( list->items );
    free( list );
}

/* Takes over a reference on the list, also after a failure. */
static HRESULT create( const void *vtbl, const GUID *iid, struct list *list, LONG position, void **ret )
{
    struct enumerator *enumerator;

    *ret = NULL;
    if (!(enumerator = malloc( sizeof(*enumerator) )))
    {
        list_release( list );
        return E_OUTOFMEMORY;
    }
    enumerator->vtbl = vtbl;
    enumerator->iid = iid;
    enumerator->refs = 1;
    enumerator->position = position;
    enumerator->list = list;
    *ret = enumerator;
    return S_OK;
}

/* Takes over items and their references, also after a failure. */
static HRESULT create_list( const void *vtbl, const GUID *iid, CONNECTDATA *items, ULONG count, void **ret )
{
    struct list *list = malloc( sizeof(*list) );
    ULONG i;

    *ret = NULL;
    if (!list)
    {
        for (i = 0; i < count; i++) IUnknown_Release( items[i].pUnk );
        free( items );
        return E_OUTOFMEMORY;
    }
    list->refs = 1;
    list->count = count;
    list->items = items;
    return create( vtbl, iid, list, 0, ret );
}

/*--- what both have ------------------------------------------------------------------------------------------------*/

static HRESULT query( struct enumerator *enumerator, REFIID iid, void **obj )
{
    if (!obj) return E_POINTER;
    *obj = NULL;
    if (!IsEqualGUID( iid, &IID_IUnknown ) && !IsEqualGUID( iid, enumerator->iid )) return E_NOINTERFACE;
    InterlockedIncrement( &enumerator->refs );
    *obj = enumerator;
    return S_OK;
}

static ULONG addref( struct enumerator *enumerator )
{
    return InterlockedIncrement( &enumerator->refs );
}

static ULONG release( struct enumerator *enumerator )
{
    ULONG refs = InterlockedDecrement( &enumerator->refs );

    if (refs) return refs;
    list_release( enumerator->list );
    free( enumerator );
    return 0;
}

/* Moves on by `count` or to the end; how far, and where it was. */
static ULONG advance( struct enumerator *enumerator, ULONG count, ULONG *from )
{
    ULONG left = enumerator->list->count - enumerator->position;

    *from = enumerator->position;
    if (count > left) count = left;
    enumerator->position += count;
    return count;
}

static HRESULT skip( struct enumerator *enumerator, ULONG count )
{
    ULONG from;

    return advance( enumerator, count, &from ) == count ? S_OK : S_FALSE;
}

static HRESULT reset( struct enumerator *enumerator )
{
    enumerator->position = 0;
    return S_OK;
}

static HRESULT clone( struct enumerator *enumerator, void **ret )
{
    if (!ret) return E_POINTER;
    InterlockedIncrement( &enumerator->list->refs );
    return create( enumerator->vtbl, enumerator->iid, enumerator->list, enumerator->position, ret );
}

/* `fetched` may be missing where one item is asked for. */
static BOOL next_arguments( ULONG count, const void *items, ULONG *fetched )
{
    if (fetched) *fetched = 0;
    return items && (fetched || count == 1);
}

#define COMMON_METHODS( prefix, type ) \
    static HRESULT WINAPI prefix##_QueryInterface( type *iface, REFIID iid, void **obj ) \
    { \
        return query( (struct enumerator *)iface, iid, obj ); \
    } \
    static ULONG WINAPI prefix##_AddRef( type *iface ) \
    { \
        return addref( (struct enumerator *)iface ); \
    } \
    static ULONG WINAPI prefix##_Release( type *iface ) \
    { \
        return release( (struct enumerator *)iface ); \
    } \
    static HRESULT WINAPI prefix##_Skip( type *iface, ULONG count ) \
    { \
        return skip( (struct enumerator *)iface, count ); \
    } \
    static HRESULT WINAPI prefix##_Reset( type *iface ) \
    { \
        return reset( (struct enumerator *)iface ); \
    } \
    static HRESULT WINAPI prefix##_Clone( type *iface, type **ret ) \
    { \
        return clone( (struct enumerator *)iface, (void **)ret ); \
    }

/*--- connection points ---------------------------------------------------------------------------------------------*/

COMMON_METHODS( points, IEnumConnectionPoints )

static HRESULT WINAPI points_Next( IEnumConnectionPoints *iface, ULONG count, IConnectionPoint **points, ULONG *fetched )
{
    struct enumerator *enumerator = (struct enumerator *)iface;
    ULONG i, from, got;

    if (!next_arguments( count, points, fetched )) return E_POINTER;
    got = advance( enumerator, count, &from );
    for (i = 0; i < got; i++)
    {
        points[i] = (IConnectionPoint *)enumerator->list->items[from + i].pUnk;
        IConnectionPoint_AddRef( points[i] );
    }
    if (fetched) *fetched = got;
    return got == count ? S_OK : S_FALSE;
}

static const IEnumConnectionPointsVtbl points_vtbl =
{
    points_QueryInterface,
    points_AddRef,
    points_Release,
    points_Next,
    points_Skip,
    points_Reset,
    points_Clone,
};

HRESULT enum_points_create( IConnectionPoint *point, IEnumConnectionPoints **ret )
{
    CONNECTDATA *item = malloc( sizeof(*item) );

    *ret = NULL;
    if (!item) return E_OUTOFMEMORY;
    IConnectionPoint_AddRef( point );
    item->pUnk = (IUnknown *)point;
    item->dwCookie = 0;
    return create_list( &points_vtbl, &IID_IEnumConnectionPoints, item, 1, (void **)ret );
}

/*--- connections ---------------------------------------------------------------------------------------------------*/

COMMON_METHODS( connections, IEnumConnections )

static HRESULT WINAPI connections_Next( IEnumConnections *iface, ULONG count, CONNECTDATA *connections, ULONG *fetched )
{
    struct enumerator *enumerator = (struct enumerator *)iface;
    ULONG i, from, got;

    if (!next_arguments( count, connections, fetched )) return E_POINTER;
    got = advance( enumerator, count, &from );
    for (i = 0; i < got; i++)
    {
        connections[i] = enumerator->list->items[from + i];
        IUnknown_AddRef( connections[i].pUnk );
    }
    if (fetched) *fetched = got;
    return got == count ? S_OK : S_FALSE;
}

static const IEnumConnectionsVtbl connections_vtbl =
{
    connections_QueryInterface,
    connections_AddRef,
    connections_Release,
    connections_Next,
    connections_Skip,
    connections_Reset,
    connections_Clone,
};

HRESULT enum_connections_create( CONNECTDATA *connections, ULONG count, IEnumConnections **ret )
{
    return create_list( &connections_vtbl, &IID_IEnumConnections, connections, count, (void **)ret );
}
