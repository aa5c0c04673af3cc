/*
 * A byte stream that may wait: TCP, TLS over it, later a tunnel
 *
 * A layer belongs to whoever runs the strand of its connection or dial; no function blocks and none takes a lock.
 * Layers stack: `below` is the one underneath, and closing the top closes them all.
 *
 * Waiting is edge-triggered: after LAYER_AGAIN the caller returns to its strand and calls again once the socket
 * reported what `wants` named.
 */

#ifndef WH_LAYER_H
#define WH_LAYER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../unixlib.h"

#define LAYER_OK      0       /* start: the layer is up */
#define LAYER_AGAIN  -1       /* not now; see wants() */
#define LAYER_FAILED -2       /* layer->error and layer->detail say why; sticky */

#define LAYER_WANT_READ  1
#define LAYER_WANT_WRITE 2
#define LAYER_PATIENT    4   /* for ready(): until the next ready(), one read may sleep some milliseconds for bytes */
#define LAYER_GREEDY     16  /* for ready(), with PATIENT: and come back only with all it asked for, if that comes */

struct layer;

struct layer_ops
{
    /* Drives a handshake. LAYER_OK, LAYER_AGAIN or LAYER_FAILED. Again after LAYER_OK: LAYER_OK. */
    int (*start)( struct layer *layer );

    /* Stores up to `size` (> 0) bytes. Returns the count (> 0), 0 at the peer's clean end of the stream,
     * LAYER_AGAIN or LAYER_FAILED. `buffer` may be an application's: a fault while the kernel stores is
     * LAYER_FAILED with WHE_FAULT and not sticky. */
    ssize_t (*read)( struct layer *layer, void *buffer, size_t size );

    /* Takes up to `size` (> 0) bytes of `data`. Returns how many were taken (> 0), LAYER_AGAIN or LAYER_FAILED.
     * After LAYER_AGAIN the same bytes are offered again. Taken bytes may sit in the layer: see flush. */
    ssize_t (*write)( struct layer *layer, const void *data, size_t size );

    /* The same for several parts, which follow one another in the stream. NULL: this layer has only write. */
    ssize_t (*writev)( struct layer *layer, const struct iovec *parts, unsigned int count );

    /* Hands what sits in the layer to the kernel. LAYER_OK (nothing left), LAYER_AGAIN or LAYER_FAILED. */
    int (*flush)( struct layer *layer );

    /* LAYER_WANT_*: what the last LAYER_AGAIN waits for. */
    unsigned int (*wants)( const struct layer *layer );

    /* Bytes that read would give without asking the kernel. */
    size_t (*pending)( const struct layer *layer );

    /* Ends the writing side as politely as one call allows (close_notify); never waits, errors do not matter. */
    void (*goodbye)( struct layer *layer );

    /* Frees the layer and those below it. */
    void (*close)( struct layer *layer );

    /* The socket has become readable and/or writable (LAYER_WANT_*); `hangup`: the peer ended or broke it.
     * LAYER_PATIENT: see there. */
    void (*ready)( struct layer *layer, unsigned int what, int hangup );

    /* From now on the socket is worth reporting as readable only once `size` bytes more have come, or the end; 0 = any. It
     * may be reported earlier, and reads are as ever. Returns 1 while more than one byte is waited for. NULL: this layer
     * cannot. */
    int (*gather)( struct layer *layer, size_t size );

    /* enum wh_query facts that this layer knows; WHE_STATE if it does not. Asks the layers below by itself. */
    enum wh_error (*query)( struct layer *layer, unsigned int what, void *buffer, size_t size, size_t *len );
};

struct layer
{
    const struct layer_ops *ops;
    struct layer           *below;
    enum wh_error           error;     /* with LAYER_FAILED */
    uint32_t                detail;
};

/* 1 if the layer waits for more than a byte now. */
static inline int layer_gather( struct layer *layer, size_t size )
{
    return layer->ops->gather && layer->ops->gather( layer, size );
}

#endif /* WH_LAYER_H */
