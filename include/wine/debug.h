/*
 * Debug channels for a PE module, with Wine's names
 *
 * A minimal header of our own, valid for Wine 8 to 10; inside a Wine tree Wine's own wine/debug.h is found instead.
 * The output goes through ntdll's __wine_dbg_* exports. They are looked up at the first message of a file and never
 * imported, so that the same DLL loads on Windows, where every channel is silent. A channel that is off costs one
 * test of its flags. Nothing here changes the thread's last error.
 *
 * Native builds of single files (WINHTTP_NATIVE) check the arguments of a message and print nothing.
 */

#ifndef __WINE_WINE_DEBUG_H
#define __WINE_WINE_DEBUG_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#ifndef WINHTTP_NATIVE
#include <windef.h>
#include <winbase.h>
#endif

/* The values are ntdll's: bit numbers in struct __wine_debug_channel.flags and arguments of __wine_dbg_header. */
enum __wine_debug_class
{
    __WINE_DBCL_FIXME,
    __WINE_DBCL_ERR,
    __WINE_DBCL_WARN,
    __WINE_DBCL_TRACE,

    __WINE_DBCL_INIT = 7    /* set: ntdll has not been asked yet what is on */
};

struct __wine_debug_channel    /* the layout is ntdll's */
{
    unsigned char flags;
    char          name[15];
};

#define WINE_DECLARE_DEBUG_CHANNEL( ch ) \
    static struct __wine_debug_channel __wine_dbch_##ch __attribute__((unused)) = { (unsigned char)~0, #ch }
#define WINE_DEFAULT_DEBUG_CHANNEL( ch ) \
    WINE_DECLARE_DEBUG_CHANNEL( ch ); \
    static struct __wine_debug_channel * const __wine_dbch___default __attribute__((unused)) = &__wine_dbch_##ch

#define __WINE_PRINTF_ATTR( fmt, args ) __attribute__((format( printf, fmt, args )))

#define __WINE_DPRINTF( class, channel ) \
    do { \
        if (__WINE_IS_DEBUG_ON( class, channel )) \
        { \
            struct __wine_debug_channel * const __dbch = (channel); \
            const enum __wine_debug_class __dbcl = __WINE_DBCL##class; \
            __WINE_DBG_LOG

#define __WINE_DBG_LOG( ... ) \
            wine_dbg_log( __dbcl, __dbch, __func__, __VA_ARGS__ ); \
        } \
    } while (0)

#define WINE_TRACE               __WINE_DPRINTF( _TRACE, __wine_dbch___default )
#define WINE_TRACE_( ch )        __WINE_DPRINTF( _TRACE, &__wine_dbch_##ch )
#define WINE_TRACE_ON( ch )      __WINE_IS_DEBUG_ON( _TRACE, &__wine_dbch_##ch )
#define WINE_WARN                __WINE_DPRINTF( _WARN, __wine_dbch___default )
#define WINE_WARN_( ch )         __WINE_DPRINTF( _WARN, &__wine_dbch_##ch )
#define WINE_WARN_ON( ch )       __WINE_IS_DEBUG_ON( _WARN, &__wine_dbch_##ch )
#define WINE_FIXME               __WINE_DPRINTF( _FIXME, __wine_dbch___default )
#define WINE_FIXME_( ch )        __WINE_DPRINTF( _FIXME, &__wine_dbch_##ch )
#define WINE_FIXME_ON( ch )      __WINE_IS_DEBUG_ON( _FIXME, &__wine_dbch_##ch )
#define WINE_ERR                 __WINE_DPRINTF( _ERR, __wine_dbch___default )
#define WINE_ERR_( ch )          __WINE_DPRINTF( _ERR, &__wine_dbch_##ch )
#define WINE_ERR_ON( ch )        __WINE_IS_DEBUG_ON( _ERR, &__wine_dbch_##ch )

#define TRACE                    WINE_TRACE
#define TRACE_( ch )             WINE_TRACE_( ch )
#define TRACE_ON( ch )           WINE_TRACE_ON( ch )
#define WARN                     WINE_WARN
#define WARN_( ch )              WINE_WARN_( ch )
#define WARN_ON( ch )            WINE_WARN_ON( ch )
#define FIXME                    WINE_FIXME
#define FIXME_( ch )             WINE_FIXME_( ch )
#define FIXME_ON( ch )           WINE_FIXME_ON( ch )
#undef ERR
#define ERR                      WINE_ERR
#define ERR_( ch )               WINE_ERR_( ch )
#define ERR_ON( ch )             WINE_ERR_ON( ch )

#ifdef WINHTTP_NATIVE

#define __WINE_IS_DEBUG_ON( class, channel ) \
    (0 && ((channel)->flags & (1 << __WINE_DBCL##class)))

static inline int __WINE_PRINTF_ATTR( 4, 5 )
wine_dbg_log( enum __wine_debug_class cls, struct __wine_debug_channel *channel, const char *func,
              const char *format, ... )
{
    (void)cls; (void)channel; (void)func; (void)format;
    return 0;
}

/* The text of a message that is never printed. */
#define wine_dbg_sprintf( ... )         ((void)(0 && printf( __VA_ARGS__ )), "")
#define wine_dbgstr_an( str, len )      ((void)(str), (void)(len), "")
#define wine_dbgstr_wn( str, len )      ((void)(str), (void)(len), "")
#define wine_dbgstr_a( str )            ((void)(str), "")
#define wine_dbgstr_w( str )            ((void)(str), "")
#define wine_dbgstr_guid( id )          ((void)(id), "")
#define wine_dbgstr_longlong( ll )      ((void)(ll), "")

#else  /* WINHTTP_NATIVE */

#define __WINE_IS_DEBUG_ON( class, channel ) \
    (((channel)->flags & (1 << __WINE_DBCL##class)) && wine_dbg_is_on( __WINE_DBCL##class, (channel) ))

/* An export of ntdll, or NULL. `cache` may be filled by several threads at once: all store the same. */
static inline void *wine_dbg_ntdll( void **cache, const char *name )
{
    if (!*cache)
    {
        DWORD err = GetLastError();
        *cache = (void *)GetProcAddress( GetModuleHandleA( "ntdll.dll" ), name );
        SetLastError( err );
    }
    return *cache;
}

/* Asks ntdll, which stores its answer in channel->flags the first time. */
static __attribute__((unused,noinline)) BOOL wine_dbg_is_on( enum __wine_debug_class cls,
                                                             struct __wine_debug_channel *channel )
{
    static void *proc;
    unsigned char (__cdecl *get_flags)( struct __wine_debug_channel * );

    if (!(channel->flags & (1 << __WINE_DBCL_INIT))) return TRUE;    /* the caller has tested the class's bit */
    get_flags = wine_dbg_ntdll( &proc, "__wine_dbg_get_channel_flags" );
    if (!get_flags)
    {
        channel->flags = 0;    /* not Wine */
        return FALSE;
    }
    return (get_flags( channel ) & (1 << cls)) != 0;
}

/* A copy of `str` that stays valid until some more messages of this thread were printed. */
static inline const char *wine_dbg_keep( const char *str )
{
    static void *proc;
    const char *(__cdecl *keep)( const char * ) = wine_dbg_ntdll( &proc, "__wine_dbg_strdup" );

    return keep ? keep( str ) : "";
}

static const char *wine_dbg_sprintf( const char *format, ... ) __WINE_PRINTF_ATTR( 1, 2 );
static __attribute__((unused,noinline)) const char *wine_dbg_sprintf( const char *format, ... )
{
    char buffer[200];
    va_list args;

    va_start( args, format );
    vsnprintf( buffer, sizeof(buffer), format, args );
    va_end( args );
    buffer[sizeof(buffer) - 1] = 0;
    return wine_dbg_keep( buffer );
}

static int wine_dbg_log( enum __wine_debug_class cls, struct __wine_debug_channel *channel, const char *func,
                         const char *format, ... ) __WINE_PRINTF_ATTR( 4, 5 );
static __attribute__((unused,noinline)) int wine_dbg_log( enum __wine_debug_class cls,
                                                          struct __wine_debug_channel *channel, const char *func,
                                                          const char *format, ... )
{
    static void *header_proc, *output_proc;
    int (__cdecl *header)( enum __wine_debug_class, struct __wine_debug_channel *, const char * );
    int (__cdecl *output)( const char * );
    char buffer[800];    /* ntdll raises an exception when a line, with its prefix, exceeds 1020 characters */
    va_list args;
    DWORD err = GetLastError();
    int ret = -1;

    header = wine_dbg_ntdll( &header_proc, "__wine_dbg_header" );
    output = wine_dbg_ntdll( &output_proc, "__wine_dbg_output" );
    if (header && output && (ret = header( cls, channel, func )) != -1)
    {
        va_start( args, format );
        vsnprintf( buffer, sizeof(buffer), format, args );
        va_end( args );
        buffer[sizeof(buffer) - 2] = buffer[sizeof(buffer) - 2] ? '\n' : 0;   /* a cut line still ends */
        buffer[sizeof(buffer) - 1] = 0;
        ret += output( buffer );
    }
    SetLastError( err );
    return ret;
}

/* Strings are printed as C would spell them, cut after about 80 characters. A resource id or NULL is no string. */
static __attribute__((unused,noinline)) const char *wine_dbgstr_an( const char *str, int len )
{
    static const char hex[] = "0123456789abcdef";
    char buffer[340], *p = buffer, *end = buffer + sizeof(buffer) - 10;

    if (!str) return "(null)";
    if (!((ULONG_PTR)str >> 16)) return wine_dbg_sprintf( "#%04x", LOWORD( (ULONG_PTR)str ) );
    if (len == -1) len = strlen( str );
    if (len < 0) len = 0;
    *p++ = '"';
    while (len > 0 && p < end)
    {
        unsigned char c = *str++;

        len--;
        switch (c)
        {
        case '\n': *p++ = '\\'; *p++ = 'n'; break;
        case '\r': *p++ = '\\'; *p++ = 'r'; break;
        case '\t': *p++ = '\\'; *p++ = 't'; break;
        case '"':  *p++ = '\\'; *p++ = '"'; break;
        case '\\': *p++ = '\\'; *p++ = '\\'; break;
        default:
            if (c < ' ' || c >= 0x7f)
            {
                *p++ = '\\';
                *p++ = 'x';
                *p++ = hex[c >> 4];
                *p++ = hex[c & 15];
            }
            else *p++ = c;
        }
    }
    *p++ = '"';
    if (len > 0)
    {
        memcpy( p, "...", 3 );
        p += 3;
    }
    *p = 0;
    return wine_dbg_keep( buffer );
}

static __attribute__((unused,noinline)) const char *wine_dbgstr_wn( const WCHAR *str, int len )
{
    static const char hex[] = "0123456789abcdef";
    char buffer[340], *p = buffer, *end = buffer + sizeof(buffer) - 12;

    if (!str) return "(null)";
    if (!((ULONG_PTR)str >> 16)) return wine_dbg_sprintf( "#%04x", LOWORD( (ULONG_PTR)str ) );
    if (len == -1) for (len = 0; str[len]; len++) ;
    if (len < 0) len = 0;
    *p++ = 'L';
    *p++ = '"';
    while (len > 0 && p < end)
    {
        WCHAR c = *str++;

        len--;
        switch (c)
        {
        case '\n': *p++ = '\\'; *p++ = 'n'; break;
        case '\r': *p++ = '\\'; *p++ = 'r'; break;
        case '\t': *p++ = '\\'; *p++ = 't'; break;
        case '"':  *p++ = '\\'; *p++ = '"'; break;
        case '\\': *p++ = '\\'; *p++ = '\\'; break;
        default:
            if (c < ' ' || c >= 0x7f)
            {
                *p++ = '\\';
                *p++ = hex[c >> 12];
                *p++ = hex[(c >> 8) & 15];
                *p++ = hex[(c >> 4) & 15];
                *p++ = hex[c & 15];
            }
            else *p++ = (char)c;
        }
    }
    *p++ = '"';
    if (len > 0)
    {
        memcpy( p, "...", 3 );
        p += 3;
    }
    *p = 0;
    return wine_dbg_keep( buffer );
}

static inline const char *wine_dbgstr_a( const char *str )
{
    return wine_dbgstr_an( str, -1 );
}

static inline const char *wine_dbgstr_w( const WCHAR *str )
{
    return wine_dbgstr_wn( str, -1 );
}

static inline const char *wine_dbgstr_guid( const GUID *id )
{
    if (!id) return "(null)";
    return wine_dbg_sprintf( "{%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}", (unsigned long)id->Data1,
                             id->Data2, id->Data3, id->Data4[0], id->Data4[1], id->Data4[2], id->Data4[3],
                             id->Data4[4], id->Data4[5], id->Data4[6], id->Data4[7] );
}

/* Hexadecimal. */
static inline const char *wine_dbgstr_longlong( ULONGLONG ll )
{
    if (ll >> 32) return wine_dbg_sprintf( "%lx%08lx", (unsigned long)(ll >> 32), (unsigned long)(ll & 0xffffffff) );
    return wine_dbg_sprintf( "%lx", (unsigned long)ll );
}

#endif  /* WINHTTP_NATIVE */

#define debugstr_an( str, len )  wine_dbgstr_an( str, len )
#define debugstr_wn( str, len )  wine_dbgstr_wn( str, len )
#define debugstr_a( str )        wine_dbgstr_a( str )
#define debugstr_w( str )        wine_dbgstr_w( str )
#define debugstr_guid( id )      wine_dbgstr_guid( id )

#endif  /* __WINE_WINE_DEBUG_H */
