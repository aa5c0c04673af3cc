/*
 * Options: the engine, WinHttpQueryOption and WinHttpSetOption
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <windef.h>
#include <winbase.h>
#include <winhttp.h>

#include "wine/debug.h"
#include "option.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

static const struct option_table * const tables[] =    /* by enum object_type */
{
    [OBJECT_NONE]    = &process_options,
    [OBJECT_SESSION] = &session_options,
    [OBJECT_CONNECT] = &connect_options,
    [OBJECT_REQUEST] = &request_options,
};

static const struct option *table_find( const struct option_table *table, DWORD id )
{
    unsigned int lo = 0, hi = table->count, mid;

    while (lo < hi)
    {
        mid = (lo + hi) / 2;
        if (table->options[mid].id == id) return &table->options[mid];
        if (table->options[mid].id < id) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

/* A row of any kind of handle that has all of `access`; NULL if there is none. */
static const struct option *find_anywhere( DWORD id, WORD access )
{
    const struct option *option;
    unsigned int i;

    for (i = 0; i < ARRAYSIZE( tables ); i++)
        if ((option = table_find( tables[i], id )) && (option->access & access) == access) return option;
    return NULL;
}

static void *option_field( struct object *obj, const struct option *option )
{
    return (char *)(option->access & OPT_PARENT ? obj->parent : obj) + option->offset;
}

DWORD option_return_text( const WCHAR *text, DWORD cch, void *buffer, DWORD *size )
{
    DWORD needed = (cch + 1) * sizeof(WCHAR);

    if (!buffer || *size < needed)
    {
        *size = needed;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    memcpy( buffer, text, cch * sizeof(WCHAR) );
    ((WCHAR *)buffer)[cch] = 0;
    *size = cch * sizeof(WCHAR);
    return ERROR_SUCCESS;
}

SRWLOCK option_text_lock = SRWLOCK_INIT;

void option_text_free( struct option_text *field )
{
    if (field->text) SecureZeroMemory( field->text, field->cch * sizeof(WCHAR) );
    free( field->text );
    field->text = NULL;
    field->cch  = 0;
}

DWORD option_text_set( struct option_text *field, const WCHAR *text, DWORD cch )
{
    struct option_text copy = { NULL, 0 };
    DWORD i;

    for (i = 0; i < cch && text[i]; i++) if (text[i] == '\r' || text[i] == '\n') return ERROR_INVALID_PARAMETER;
    if ((copy.cch = i))
    {
        if (!(copy.text = malloc( i * sizeof(WCHAR) ))) return ERROR_NOT_ENOUGH_MEMORY;
        memcpy( copy.text, text, i * sizeof(WCHAR) );
    }
    AcquireSRWLockExclusive( &option_text_lock );
    option_text_free( field );
    *field = copy;
    ReleaseSRWLockExclusive( &option_text_lock );
    return ERROR_SUCCESS;
}

static DWORD option_text_query( const struct option_text *field, void *buffer, DWORD *size )
{
    DWORD err;

    AcquireSRWLockShared( &option_text_lock );
    err = option_return_text( field->text ? field->text : L"", field->cch, buffer, size );
    ReleaseSRWLockShared( &option_text_lock );
    return err;
}

static DWORD option_query( struct object *obj, DWORD id, void *buffer, DWORD *size )
{
    const struct option *option = table_find( tables[obj ? obj->type : OBJECT_NONE], id );
    DWORD err;

    if (!size) return ERROR_INVALID_PARAMETER;
    if (!option && !obj) return ERROR_INVALID_HANDLE;    /* another option would not need a handle */
    /* Unknown, or for setting only whatever the handle: before the buffer is looked at, O-6 and O-8. */
    if (!find_anywhere( id, OPT_R )) return ERROR_INVALID_PARAMETER;
    if (!option || !(option->access & OPT_R)) return ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;
    if (option->size && (!buffer || *size < option->size))
    {
        *size = option->size;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    if (option->access & OPT_TEXT) return option_text_query( option_field( obj, option ), buffer, size );
    if (option->get_sized) return option->get_sized( obj, buffer, size );
    if (!option->get) memcpy( buffer, option_field( obj, option ), option->size );
    else if ((err = option->get( obj, buffer ))) return err;
    *size = option->size;
    return ERROR_SUCCESS;
}

static DWORD option_set( struct object *obj, DWORD id, const void *buffer, DWORD len )
{
    const struct option *option = table_find( tables[obj ? obj->type : OBJECT_NONE], id ), *writer;
    DWORD value;

    if (!option && !obj) return ERROR_INVALID_HANDLE;
    if (!find_anywhere( id, 0 )) return ERROR_WINHTTP_INVALID_OPTION;
    if (!(writer = find_anywhere( id, OPT_W ))) return ERROR_WINHTTP_OPTION_NOT_SETTABLE;
    if (option && (option->access & OPT_W)) writer = option;

    /* Arguments before the kind of handle, LE-5. */
    if (!buffer && !((writer->access & OPT_NULL_OK) && !len)) return ERROR_INVALID_PARAMETER;
    if (writer->size && len != writer->size)
        return writer->access & OPT_SIZE_87 ? ERROR_INVALID_PARAMETER : ERROR_INSUFFICIENT_BUFFER;
    if (writer != option) return ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;

    if (option->lo || option->hi)
    {
        memcpy( &value, buffer, sizeof(value) );
        if (value < option->lo || value > option->hi) return ERROR_INVALID_PARAMETER;
    }
    if (option->access & OPT_TEXT) return option_text_set( option_field( obj, option ), buffer, len );
    if (option->set_sized) return option->set_sized( obj, buffer, len );
    if (option->set) return option->set( obj, buffer );
    memcpy( option_field( obj, option ), buffer, option->size );
    return ERROR_SUCCESS;
}

BOOL WINAPI WinHttpQueryOption( HINTERNET handle, DWORD option, LPVOID buffer, LPDWORD size )
{
    struct object *obj = NULL;
    DWORD err;

    TRACE( "%p, %lu, %p, %p\n", handle, option, buffer, size );

    if (!handle || (obj = object_enter( handle, OBJECT_NONE, &err ))) err = option_query( obj, option, buffer, size );
    if (obj) object_leave( obj );
    if (err == ERROR_INVALID_PARAMETER && size) WARN( "option %lu of %p\n", option, handle );
    SetLastError( err );
    return !err;
}

BOOL WINAPI WinHttpSetOption( HINTERNET handle, DWORD option, LPVOID buffer, DWORD len )
{
    struct object *obj = NULL;
    DWORD err;

    TRACE( "%p, %lu, %p, %lu\n", handle, option, buffer, len );

    if (!handle || (obj = object_enter( handle, OBJECT_NONE, &err ))) err = option_set( obj, option, buffer, len );
    if (obj) object_leave( obj );
    if (err == ERROR_WINHTTP_INVALID_OPTION) WARN( "option %lu of %p\n", option, handle );
    SetLastError( err );
    return !err;
}
