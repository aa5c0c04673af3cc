/*
 * Proxy settings as Windows keeps them in binary values of the registry
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#endif

#include "proxy_blob.h"

#define USER_TAIL 32    /* what WinINet keeps of automatic detection behind the texts; all zero: nothing yet */

/*--- reading -------------------------------------------------------------------------------------------------------*/

struct blob_reader { const char *next, *end; };

static DWORD read_number( struct blob_reader *reader )
{
    const BYTE *p = (const BYTE *)reader->next;

    if (reader->end - reader->next < 4)
    {
        reader->next = reader->end;
        return 0;
    }
    reader->next += 4;
    return p[0] | p[1] << 8 | p[2] << 16 | (DWORD)p[3] << 24;
}

static BOOL read_text( struct blob_reader *reader, struct proxy_text *text )
{
    DWORD len = read_number( reader );

    if (len > (DWORD)(reader->end - reader->next)) return FALSE;
    text->at  = reader->next;
    text->len = len;
    reader->next += len;
    return TRUE;
}

BOOL proxy_blob_read( const void *data, DWORD size, struct proxy_blob *blob )
{
    struct blob_reader reader = { data, (const char *)data + size };
    struct proxy_blob found;

    if (size < 16) return FALSE;
    found.version = read_number( &reader );
    found.counter = read_number( &reader );
    found.flags   = read_number( &reader );
    if (!read_text( &reader, &found.proxy ) || !read_text( &reader, &found.bypass ) || !read_text( &reader, &found.url ))
        return FALSE;
    *blob = found;
    return TRUE;
}

/*--- writing -------------------------------------------------------------------------------------------------------*/

struct blob_writer { BYTE *data; DWORD size, used; };

static void write_byte( struct blob_writer *writer, BYTE byte )
{
    if (writer->used < writer->size) writer->data[writer->used] = byte;
    writer->used++;
}

static void write_number( struct blob_writer *writer, DWORD number )
{
    unsigned int i;

    for (i = 0; i < 4; i++) write_byte( writer, number >> i * 8 );
}

static void write_text( struct blob_writer *writer, const struct proxy_text *text )
{
    DWORD i;

    write_number( writer, text->len );
    for (i = 0; i < text->len; i++) write_byte( writer, text->at[i] );
}

DWORD proxy_blob_write( const struct proxy_blob *blob, void *data, DWORD size )
{
    struct blob_writer writer = { data, size, 0 };
    unsigned int i;

    write_number( &writer, blob->version );
    write_number( &writer, blob->counter );
    write_number( &writer, blob->flags );
    write_text( &writer, &blob->proxy );
    write_text( &writer, &blob->bypass );
    if (blob->version == PROXY_BLOB_MACHINE) return writer.used;
    write_text( &writer, &blob->url );
    for (i = 0; i < USER_TAIL; i++) write_byte( &writer, 0 );
    return writer.used;
}
