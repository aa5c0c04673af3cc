/*
 * Connection groups: WinHttpQueryConnectionGroup and what it gives out
 *
 * Counts the open connections to the host of a request or connect handle by the tag that WINHTTP_OPTION_CONNECTION_GUID
 * gave them; those without one are the group of the null GUID. The pool itself is the Unix side's. One allocation holds
 * the whole answer. Source: functions.md section 9, structures.md.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "request.h"
#include "transport.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

#define MORE_ENTRIES 16    /* beyond those there were when asked: the pool goes on living */

/* Where the connections that count go to. */
struct target
{
    wh_u64      partition;
    char        host[256];      /* as the transport names it */
    uint32_t    port, scheme;
    const WCHAR *name;          /* for the answer */
    DWORD       name_cch;
};

static void set_host( struct target *target, const struct endpoint *endpoint )
{
    memcpy( target->host, endpoint->ascii, endpoint->ascii_len );
    target->host[endpoint->ascii_len] = 0;
    target->name = endpoint->host;
    target->name_cch = endpoint->host_cch;
}

/* request->lock is held as long as the target is used: a redirect changes it. */
static void target_of_request( struct target *target, const struct request *request )
{
    target->partition = request->session->partition;
    target->port = request->port;
    target->scheme = request->secure ? WH_SCHEME_HTTPS : WH_SCHEME_HTTP;
    set_host( target, request->endpoint );
}

/* A connect handle does not say which scheme its requests will have. */
static void target_of_connect( struct target *target, const struct connect *connect, ULONGLONG flags )
{
    BOOL insecure = !!(flags & WINHTTP_QUERY_CONNECTION_GROUP_FLAG_INSECURE);

    target->partition = session_of( connect )->partition;
    target->scheme = insecure ? WH_SCHEME_HTTP : WH_SCHEME_HTTPS;
    target->port = connect->port;
    if (!target->port) target->port = insecure ? INTERNET_DEFAULT_HTTP_PORT : INTERNET_DEFAULT_HTTPS_PORT;
    set_host( target, &connect->endpoint );
}

/* The whole pool of a partition. Given (free). */
static DWORD read_pool( wh_u64 partition, struct wh_pool_entry **ret, DWORD *count )
{
    struct wh_pool_query_params params = { .partition = partition };
    struct wh_pool_entry *entries = NULL, *larger;

    for (;;)
    {
        if (wh_pool_query( &params ) != WH_DONE)
        {
            free( entries );
            return ERROR_WINHTTP_INTERNAL_ERROR;
        }
        if (params.count <= params.capacity) break;
        params.capacity = params.count + MORE_ENTRIES;
        if (!(larger = realloc( entries, params.capacity * sizeof(*entries) )))
        {
            free( entries );
            return ERROR_NOT_ENOUGH_MEMORY;
        }
        entries = larger;
        params.entries = wh_from_ptr( entries );
    }
    *ret = entries;
    *count = params.count;
    return ERROR_SUCCESS;
}

/* Leaves only the entries that count, one for each tag. Returns how many. */
static DWORD select_groups( struct wh_pool_entry *entries, DWORD count, const struct target *target, const GUID *guid )
{
    DWORD i, j, kept = 0;

    for (i = 0; i < count; i++)
    {
        if (entries[i].port != target->port || entries[i].scheme != target->scheme ||
            _stricmp( entries[i].host, target->host ) || (guid && memcmp( entries[i].tag, guid, sizeof(*guid) ))) continue;
        for (j = 0; j < kept && memcmp( entries[j].tag, entries[i].tag, WH_TAG_SIZE ); j++) ;
        if (j < kept) entries[j].count += entries[i].count;
        else entries[kept++] = entries[i];
    }
    return kept;
}

/* The answer: a result, its host (none without connections), the groups, the name. */
static WINHTTP_QUERY_CONNECTION_GROUP_RESULT *make_result( const struct wh_pool_entry *groups, DWORD count,
                                                           const struct target *target )
{
    struct
    {
        WINHTTP_QUERY_CONNECTION_GROUP_RESULT result;
        WINHTTP_HOST_CONNECTION_GROUP         host;
        WINHTTP_CONNECTION_GROUP              groups[];
    } *block;
    WCHAR *name;
    DWORD i;

    if (!(block = malloc( sizeof(*block) + count * sizeof(block->groups[0]) + (target->name_cch + 1) * sizeof(*name) )))
        return NULL;
    name = (WCHAR *)&block->groups[count];
    memcpy( name, target->name, target->name_cch * sizeof(*name) );
    name[target->name_cch] = 0;
    for (i = 0; i < count; i++)
    {
        block->groups[i].cConnections = groups[i].count;
        memcpy( &block->groups[i].guidGroup, groups[i].tag, sizeof(GUID) );
    }
    block->host.pwszHost = name;
    block->host.cConnectionGroups = count;
    block->host.pConnectionGroups = block->groups;
    block->result.cHosts = count ? 1 : 0;
    block->result.pHostConnectionGroups = count ? &block->host : NULL;
    return &block->result;
}

static DWORD query_target( const struct target *target, const GUID *guid, WINHTTP_QUERY_CONNECTION_GROUP_RESULT **ret )
{
    struct wh_pool_entry *entries;
    DWORD count, err;

    if ((err = read_pool( target->partition, &entries, &count ))) return err;
    count = select_groups( entries, count, target, guid );
    if (!(*ret = make_result( entries, count, target ))) err = ERROR_NOT_ENOUGH_MEMORY;
    free( entries );
    return err;
}

static DWORD query_object( struct object *obj, const GUID *guid, ULONGLONG flags,
                           WINHTTP_QUERY_CONNECTION_GROUP_RESULT **ret )
{
    struct request *request = request_from_object( obj );
    struct target target;
    DWORD err;

    switch (obj->type)
    {
    case OBJECT_REQUEST:
        AcquireSRWLockShared( &request->lock );
        target_of_request( &target, request );
        err = query_target( &target, guid, ret );
        ReleaseSRWLockShared( &request->lock );
        return err;
    case OBJECT_CONNECT:
        target_of_connect( &target, (struct connect *)obj, flags );
        return query_target( &target, guid, ret );
    default:
        return ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;
    }
}

DWORD WINAPI WinHttpQueryConnectionGroup( HINTERNET handle, const GUID *guid, ULONGLONG flags,
                                          WINHTTP_QUERY_CONNECTION_GROUP_RESULT **result )
{
    struct object *obj;
    DWORD err;

    TRACE( "%p, %s, %s, %p\n", handle, wine_dbgstr_guid( guid ), wine_dbgstr_longlong( flags ), result );

    if (result) *result = NULL;
    if (!result || (flags & ~WINHTTP_QUERY_CONNECTION_GROUP_FLAG_INSECURE))
        return object_refuse( handle, ERROR_INVALID_PARAMETER );
    if (!(obj = object_enter( handle, OBJECT_NONE, &err ))) return err;
    err = query_object( obj, guid, flags, result );
    object_leave( obj );
    return err;
}

void WINAPI WinHttpFreeQueryConnectionGroupResult( WINHTTP_QUERY_CONNECTION_GROUP_RESULT *result )
{
    TRACE( "%p\n", result );
    free( result );
}
