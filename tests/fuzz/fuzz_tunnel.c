/*
 * Fuzz target: a proxy's answers to CONNECT and SOCKS
 *
 * The first bytes choose the kind of proxy and how its bytes arrive. Whatever they are: no crash, no endless work, an error
 * that the boundary knows, and what is read above is the rest of the bytes, none lost and none twice: behind the reply that
 * grants the way, or from the head that refuses it on.
 */

#define TEST_FATAL
#include <errno.h>

#include "layer.h"
#include "proxy.h"
#include "socks.h"
#include "test.h"
#include "tunnel.h"
#include "unix/buffer.h"
#include "unix/hooks.h"

#include "hooks.h"

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size );

enum { CHOOSE_KIND = 3, CHOOSE_LOGIN = 4, CHOOSE_EOF = 8, CHOOSE_LARGE = 16 };

#define CONTROL 2    /* bytes of choices */

struct script
{
    struct layer   layer;
    const uint8_t *data;
    size_t         size, position, written;
    unsigned int   choice, seed;
    int            blocked, closed;
};

static struct script script;

static unsigned int next_random( void )
{
    script.seed = script.seed * 1103515245 + 12345;
    return script.seed >> 16;
}

static ssize_t script_read( struct layer *layer, void *buffer, size_t size )
{
    size_t count = 1 + (script.choice & CHOOSE_LARGE ? next_random() : next_random() % 16);

    if (!script.blocked && (script.blocked = next_random() % 2)) return LAYER_AGAIN;
    script.blocked = 0;
    if (script.position == script.size)
    {
        if (script.choice & CHOOSE_EOF) return 0;
        layer->error = WHE_RESET;
        layer->detail = ECONNRESET;
        return LAYER_FAILED;
    }
    if (count > size) count = size;
    if (count > script.size - script.position) count = script.size - script.position;
    memcpy( buffer, script.data + script.position, count );
    script.position += count;
    return count;
}

static ssize_t script_write( struct layer *layer, const void *data, size_t size )
{
    size_t count = 1 + next_random() % 64;

    (void)layer;
    (void)data;
    if (!(next_random() % 4)) return LAYER_AGAIN;
    if (count > size) count = size;
    script.written += count;
    return count;
}

static int script_ok( struct layer *layer ) { (void)layer; return LAYER_OK; }
static unsigned int script_wants( const struct layer *layer ) { (void)layer; return LAYER_WANT_READ; }
static size_t script_pending( const struct layer *layer ) { (void)layer; return 0; }
static void script_goodbye( struct layer *layer ) { (void)layer; }
static void script_close( struct layer *layer ) { (void)layer; script.closed++; }
static void script_ready( struct layer *layer, unsigned int what, int hangup ) { (void)layer; (void)what; (void)hangup; }

static enum wh_error script_query( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len )
{
    (void)layer;
    (void)what;
    (void)buffer;
    (void)size;
    *len = 0;
    return WHE_STATE;
}

static const struct layer_ops script_ops =
{
    .start = script_ok, .read = script_read, .write = script_write, .flush = script_ok, .wants = script_wants,
    .pending = script_pending, .goodbye = script_goodbye, .close = script_close, .ready = script_ready,
    .query = script_query,
};

/* Every second call at the latest moves a byte, or ends it. */
static int run_start( struct layer *layer )
{
    size_t steps;
    int ret = LAYER_AGAIN;

    for (steps = 0; steps < 64 * (script.size + 2000) && ret == LAYER_AGAIN; steps++) ret = layer->ops->start( layer );
    expect( ret != LAYER_AGAIN );
    expect( layer->ops->start( layer ) == ret );
    return ret;
}

/* What can be read is the end of the bytes. Returns how much that was. */
static size_t read_rest( struct layer *layer )
{
    static char rest[1 << 20];
    size_t len = 0;
    ssize_t count;

    for (;;)
    {
        count = layer->ops->read( layer, rest + len, 1 + next_random() % 200 );
        if (count == LAYER_AGAIN) continue;
        if (count <= 0) break;
        len += count;
    }
    expect( len <= script.size && !memcmp( rest, script.data + script.size - len, len ) );
    return len;
}

int LLVMFuzzerTestOneInput( const uint8_t *data, size_t size )
{
    static const uint32_t kinds[] = { WH_PROXY_HTTP, WH_PROXY_SOCKS4, WH_PROXY_SOCKS5, WH_PROXY_HTTP };
    static const char login[] = "user:password";
    struct wh_route route = { .port = 0 };
    struct proxy_words *words = NULL;
    struct layer *layer;
    enum wh_error error;
    uint32_t kind;
    size_t rest;
    int ret;

    if (size < CONTROL || size > 200000) return 0;
    memset( &script, 0, sizeof(script) );
    script.layer.ops = &script_ops;
    script.choice = data[0];
    script.seed = data[1];
    script.data = data + CONTROL;
    script.size = size - CONTROL;
    kind = kinds[script.choice & CHOOSE_KIND];
    if (script.choice & CHOOSE_LOGIN)
    {
        route.proxy_auth = wh_from_ptr( login );
        route.proxy_auth_len = sizeof(login) - 1;
        if (proxy_words_create( &route, &words )) abort();
    }
    layer = kind == WH_PROXY_HTTP ? tunnel_layer_create( &script.layer, "localhost", 443, words, &error )
                                  : socks_layer_create( &script.layer, kind, "localhost", 443, words, &error );
    if (!layer) abort();
    ret = run_start( layer );
    expect( script.written );
    if (ret == LAYER_FAILED)
        expect( layer->error == WHE_PROTOCOL || layer->error == WHE_RESET || layer->error == WHE_HEAD_SIZE ||
                layer->error == WHE_CONNECT || layer->error == WHE_PROXY_CONNECT );
    else
    {
        rest = read_rest( layer );
        if (kind == WH_PROXY_HTTP && tunnel_layer_refused( layer ))
        {
            expect( rest > 12 && !memcmp( script.data + script.size - rest, "HTTP/1.", 7 ) );
            expect( layer->ops->write( layer, "x", 1 ) == LAYER_FAILED && layer->error == WHE_STATE );
        }
    }
    layer->ops->close( layer );
    expect( script.closed == 1 );
    proxy_words_release( words );
    return 0;
}
