#if 0
#pragma makedep unix
#endif

/*
 * What an exchange's connection, or the one that is being made for it, tells its program: times, progress, pauses, questions
 *
 * Notes are posted with the exchange's lock held, as in exchange.c.
 */

#include <stdio.h>

#include "conn.h"
#include "exchange.h"
#include "hooks.h"

void exchange_mark_time( struct exchange *exchange, size_t field )
{
    wh_u64 *time = (wh_u64 *)((char *)&exchange->times + field);

    pthread_mutex_lock( &exchange->lock );
    if (!*time) *time = engine_now_us();
    pthread_mutex_unlock( &exchange->lock );
}

void exchange_count_failure( struct exchange *exchange )
{
    pthread_mutex_lock( &exchange->lock );
    exchange->stats.connect_failures++;
    pthread_mutex_unlock( &exchange->lock );
}

void exchange_progress( struct exchange *exchange, enum wh_kind kind, const char *text )
{
    struct
    {
        struct note      note;
        struct wh_record record;
    } *progress;
    int closing;

    if (!(exchange->event_mask & (1u << kind))) return;
    if (!(progress = wh_calloc( 1, sizeof(*progress) ))) return;
    progress->note.exchange = exchange;
    progress->note.kind = kind;
    progress->note.progress = &progress->record;
    progress->record.time_us = engine_now_us();
    if (text) snprintf( progress->record.text, sizeof(progress->record.text), "%s", text );
    pthread_mutex_lock( &exchange->lock );
    if (!(closing = exchange->closing))
    {
        exchange->unfetched++;
        exchange->progress++;
        engine_post( &progress->note );
    }
    pthread_mutex_unlock( &exchange->lock );
    if (closing) wh_free( progress );
}

int exchange_pauses( struct exchange *exchange )
{
    int wait = 1;

    if (!(exchange->flags & WHX_PAUSE_SENDING)) return 0;
    pthread_mutex_lock( &exchange->lock );
    switch (exchange->pause)
    {
    case PAUSE_NONE:
    case PAUSE_REACHED:
        exchange->pause = exchange->send.async ? PAUSE_RECORDED : PAUSE_REACHED;
        if (exchange->pause == PAUSE_REACHED) break;
        exchange->unfetched++;
        engine_post( &exchange->paused );
        break;
    case PAUSE_RESUMED:
        wait = 0;
        break;
    default:
        break;
    }
    pthread_mutex_unlock( &exchange->lock );
    return wait;
}

void exchange_ask( struct exchange *exchange, struct conn *conn )
{
    struct conn *old = NULL;

    pthread_mutex_lock( &exchange->lock );
    if (!exchange->closing && !exchange->stop && !exchange->failed)
    {
        object_ref( &conn->obj );
        old = exchange->judged;
        exchange->judged = conn;
        if (!exchange->asking)
        {
            exchange->asking = 1;
            exchange->unfetched++;
            exchange->progress++;
            engine_post( &exchange->ask );
        }
    }
    pthread_mutex_unlock( &exchange->lock );
    if (old) object_release( &old->obj );
}

void exchange_show( struct exchange *exchange, struct conn *conn )
{
    struct conn *old = conn;

    object_ref( &conn->obj );
    pthread_mutex_lock( &exchange->lock );
    if (!exchange->attached)
    {
        old = exchange->conn;
        exchange->conn = conn;
    }
    pthread_mutex_unlock( &exchange->lock );
    if (old) object_release( &old->obj );
}
