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
#include "request.h"
#include "session.h"

WINE_DEFAULT_DEBUG_CHANNEL(winhttp);

static const struct option *option_find( DWORD id )
{
    unsigned int lo = 0, hi = option_count, mid;

    while (lo < hi)
    {
        mid = (lo + hi) / 2;
        if (option_table[mid].id == id) return &option_table[mid];
        if (option_table[mid].id < id) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

static BYTE object_kind( const struct object *obj )
{
    return obj ? 1 << obj->type : ON_PROCESS;
}

struct request_options *option_options( struct object *obj )
{
    if (obj->type == OBJECT_REQUEST) return &((struct request *)obj)->options;
    return &((struct session *)(obj->type == OBJECT_CONNECT ? obj->parent : obj))->defaults;
}

static void *option_field( struct object *obj, const struct option *option )
{
    return (char *)(option->base == BASE_OPTIONS ? (void *)option_options( obj ) : obj) + option->offset;
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

static DWORD option_text_query( const struct option *option, const struct option_text *field, void *buffer,
                                DWORD *size )
{
    DWORD err;

    AcquireSRWLockShared( &option_text_lock );
    if (!field->text && (option->flags & OPT_STATE)) err = ERROR_WINHTTP_INCORRECT_HANDLE_STATE;
    else err = option_return_text( field->text ? field->text : L"", field->cch, buffer, size );
    ReleaseSRWLockShared( &option_text_lock );
    return err;
}

static DWORD option_query( struct object *obj, DWORD id, void *buffer, DWORD *size )
{
    const struct option *option = option_find( id );
    DWORD err;

    if (!size) return ERROR_INVALID_PARAMETER;
    if (!obj && (!option || !(option->get_on & ON_PROCESS))) return ERROR_INVALID_HANDLE;
    /* Unknown, or for setting only whatever the handle: before the buffer is looked at, O-6 and O-8. */
    if (!option || (!option->get_on && option->set_on)) return ERROR_INVALID_PARAMETER;
    if (!option->get_on) return ERROR_WINHTTP_INVALID_OPTION;
    if (!(option->get_on & object_kind( obj ))) return ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;
    if (option->size && (!buffer || *size < option->size))
    {
        *size = option->size;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    if (option->flags & OPT_TEXT) return option_text_query( option, option_field( obj, option ), buffer, size );
    if (option->get_sized) return option->get_sized( obj, buffer, size );
    if (option->get)
    {
        if ((err = option->get( obj, buffer ))) return err;
    }
    else
    {
        AcquireSRWLockShared( &option_text_lock );
        memcpy( buffer, option_field( obj, option ), option->size );
        ReleaseSRWLockShared( &option_text_lock );
    }
    *size = option->size;
    return ERROR_SUCCESS;
}

/* Arguments come before the kind of handle, LE-5. */
static DWORD option_check_length( const struct option *option, const void *buffer, DWORD len )
{
    if (option->flags & OPT_NO_VALUE) return len ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS;
    if (!buffer && !((option->flags & OPT_NULL_OK) && !len)) return ERROR_INVALID_PARAMETER;
    if (option->size && len != option->size)
        return option->flags & OPT_SIZE_87 ? ERROR_INVALID_PARAMETER : ERROR_INSUFFICIENT_BUFFER;
    if ((option->flags & OPT_BYTES) && len % sizeof(WCHAR)) return ERROR_INVALID_PARAMETER;
    return ERROR_SUCCESS;
}

static DWORD option_check_value( const struct option *option, const void *buffer, DWORD len )
{
    DWORD value;

    if (option->flags & OPT_TEXT)
        return option->hi && len > option->hi ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS;
    if (!option->lo && !option->hi && !option->bits) return ERROR_SUCCESS;
    memcpy( &value, buffer, sizeof(value) );
    if (option->bits && (value & ~option->bits)) return ERROR_INVALID_PARAMETER;
    if ((option->lo || option->hi) && (value < option->lo || value > option->hi)) return ERROR_INVALID_PARAMETER;
    return ERROR_SUCCESS;
}

static DWORD option_set( struct object *obj, DWORD id, const void *buffer, DWORD len )
{
    const struct option *option = option_find( id );
    DWORD err;

    if (!obj && (!option || !(option->set_on & ON_PROCESS))) return ERROR_INVALID_HANDLE;
    if (!option || !(option->get_on | option->set_on)) return ERROR_WINHTTP_INVALID_OPTION;
    if (!option->set_on) return ERROR_WINHTTP_OPTION_NOT_SETTABLE;
    if ((err = option_check_length( option, buffer, len ))) return err;
    if (!(option->set_on & object_kind( obj ))) return ERROR_WINHTTP_INCORRECT_HANDLE_TYPE;

    if (option->flags & OPT_BYTES) len /= sizeof(WCHAR);
    if ((err = option_check_value( option, buffer, len ))) return err;
    if (option->flags & OPT_TEXT) return option_text_set( option_field( obj, option ), buffer, len );
    if (option->set_sized) return option->set_sized( obj, buffer, len );
    if (option->set) return option->set( obj, buffer );
    AcquireSRWLockExclusive( &option_text_lock );
    memcpy( option_field( obj, option ), buffer, option->size );
    ReleaseSRWLockExclusive( &option_text_lock );
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
