/*
 * Tables of what a hostile HTTP/2 peer sends, and of what must come of it
 *
 * Two fetches share a connection, on streams 1 and 3. The peer sends the parts of a row. Then stream 1 has failed or not,
 * stream 3 and a new stream 5 are answered properly or have failed, too, and the client has said why.
 */

#ifndef WINHTTP_UNIT_H2_CASE_H
#define WINHTTP_UNIT_H2_CASE_H

#include "h2_client.h"

enum part_kind
{
    PART_NONE,
    PART_RAW,            /* a frame with these bytes as payload */
    PART_FIELDS,         /* a HEADERS frame, END_HEADERS, with fields written as h2_send_fields takes them */
    PART_ZEROS,          /* a frame with so many zero bytes */
    PART_OVER,           /* a frame of zero bytes, larger than the client allows by one */
    PART_HEAD,           /* the head of a frame that announces so many bytes, and nothing of them */
    PART_BYTES,          /* bytes that need not be a frame */
    PART_END,            /* the end of the connection */
};

struct part
{
    enum part_kind kind;
    uint8_t        type, flags;
    uint32_t       stream;
    const char    *text;
    uint32_t       len;
};

#define RAW( type, flags, stream, text )    { PART_RAW, H2_##type, flags, stream, text, sizeof(text) - 1 }
#define TYPED( type, flags, stream, text )  { PART_RAW, type, flags, stream, text, sizeof(text) - 1 }
#define FIELDS( flags, stream, text )       { PART_FIELDS, H2_HEADERS, flags, stream, text, sizeof(text) - 1 }
#define ZEROS( type, flags, stream, len )   { PART_ZEROS, H2_##type, flags, stream, NULL, len }
#define OVER( type, flags, stream )         { PART_OVER, H2_##type, flags, stream, NULL, 0 }
#define HEAD( type, flags, stream, len )    { PART_HEAD, H2_##type, flags, stream, NULL, len }
#define BYTES( text )                       { PART_BYTES, 0, 0, 0, text, sizeof(text) - 1 }
#define END                                 { PART_END, 0, 0, 0, NULL, 0 }

/* Values of goaway beside the codes. */
#define CASE_LIVES   H2_NONE         /* the connection goes on */
#define CASE_SOME    0xfffffffe      /* it ends with whichever code */
#define CASE_MAY     0xfffffffd      /* it ends, with `error` for everybody, or what was sent is ignored: RFC 9113 leaves it
                                      * open, or leaves it open to treat a stream's error as the connection's */
#define CASE_BROKEN  0xfffffffc      /* it is gone, and the client need not say anything */
#define CASE_FAILS   0xfffffffb      /* stream 1 fails; the others may, too */

struct h2_case
{
    const char  *name;
    struct part  parts[14];
    uint32_t     error;              /* enum wh_error of stream 1; with a dead connection of stream 3, too */
    uint32_t     goaway;
    uint32_t     rst;                /* with LIVES: the code with which the client resets stream 1, CASE_SOME: some,
                                      * 0: not looked at */
    uint32_t     detail;             /* with WHE_STREAM */
    uint64_t     body;               /* without an error, and where the row itself answers: bytes of it */
    const char  *head;               /* the request's, where it matters */
    uint32_t     flags;              /* WHX_* */
    uint32_t     bare;               /* no SETTINGS before the parts */
    const char  *trailers;           /* what WHQ_TRAILERS gives */
    uint32_t     interims;
};

#define FINE             .error = WHE_OK, .goaway = CASE_LIVES
#define STREAM_FAILS     .error = WHE_PROTOCOL, .goaway = CASE_LIVES, .rst = CASE_SOME
#define CONN_FAILS( code ) .error = WHE_PROTOCOL, .goaway = code
#define FAILS_SOMEHOW    .error = WHE_PROTOCOL, .goaway = CASE_FAILS
#define MAY_FAIL         .error = WHE_PROTOCOL, .goaway = CASE_MAY

static inline void send_part( struct h2_peer *peer, const struct part *part )
{
    uint32_t len = part->len;
    uint8_t *zeros;

    switch (part->kind)
    {
    case PART_RAW: h2_send_frame( peer, part->type, part->flags, part->stream, part->text, len ); break;
    case PART_FIELDS: h2_send_fields_n( peer, part->stream, part->text, len, part->flags ); break;
    case PART_OVER:
        len = (peer->settings[H2_MAX_FRAME_SIZE] == H2_NONE ? 16384 : peer->settings[H2_MAX_FRAME_SIZE]) + 1;
        /* fall through */
    case PART_ZEROS:
        if (!(zeros = calloc( 1, len + 1 ))) abort();
        h2_send_frame( peer, part->type, part->flags, part->stream, zeros, len );
        free( zeros );
        break;
    case PART_HEAD: h2_send_frame_head( peer, len, part->type, part->flags, part->stream ); break;
    case PART_BYTES: h2_send_bytes( peer, part->text, len ); break;
    case PART_END:
        while (peer->out_pos < peer->out_len) if (!h2_turn( peer )) break;
        shutdown( peer->fd, SHUT_WR );
        break;
    case PART_NONE: break;
    }
}

/* Streams 3 and 5 work. */
static inline void expect_alive( struct h2_peer *peer )
{
    h2_answer( peer, 3, "ok" );
    until( fetches[1].state == FETCH_DONE );
    hold_that( !fetches[1].error && fetches[1].status == 200 && fetches[1].body_len == 2 );
    hold_that( peer->goaway == H2_NONE && !peer->eof && !peer->reset );
    if (peer->eof || peer->reset || peer->goaway != H2_NONE) return;
    fetch_start( &fetches[2], peer->port, &h2_plain );
    until( peer->last_id == 5 );
    h2_answer( peer, 5, "fine" );
    until( fetches[2].state == FETCH_DONE );
    hold_that( !fetches[2].error && fetches[2].body_len == 4 );
    fetch_close( &fetches[2] );
}

/* Nobody is answered, and the client has ended the connection. */
static inline void expect_dead( struct h2_peer *peer, uint32_t error, uint32_t goaway )
{
    until( fetches[0].state == FETCH_DONE && fetches[1].state == FETCH_DONE );
    /* Stream 3 came to a connection that was there: without a byte of an answer it may as well be called stale. */
    if (goaway == CASE_BROKEN && fetches[1].error == WHE_STALE) error = WHE_STALE;
    hold_that( fetches[1].error == error );
    if (fetches[1].error != error) fprintf( stderr, "    stream 3: error %u\n", fetches[1].error );
    until( peer->eof || peer->reset );
    if (goaway == CASE_SOME) hold_that( peer->goaway != H2_NONE && peer->goaway != H2_NO_ERROR );
    else if (goaway < CASE_FAILS) hold_that( peer->goaway == goaway );
    if (goaway < CASE_FAILS && peer->goaway != goaway) fprintf( stderr, "    goaway %x, not %x\n", peer->goaway, goaway );
}

static inline void check_first( const struct h2_case *row, struct h2_peer *peer, int answered )
{
    struct fetch *fetch = &fetches[0];
    uint32_t code = 0;
    char text[4096];

    hold_that( fetch->error == row->error );
    if (fetch->error != row->error) fprintf( stderr, "    stream 1: error %u, detail %u, status %u, body %u\n", fetch->error,
                                             fetch->detail, fetch->status, (unsigned int)fetch->body_len );
    if (row->error == WHE_STREAM)
    {
        hold_that( fetch->detail == row->detail );
        hold_that( !fetch_number( fetch, WHQ_STREAM_ERROR, &code ) && code == row->detail );
    }
    if (!row->error && !fetch->error) hold_that( fetch->body_len == (answered ? 2 : row->body) );
    if (!row->error && row->interims) hold_that( fetch->interims == row->interims );
    if (row->trailers) hold_that( !fetch_trailers( fetch, text, sizeof(text) ) && !strcmp( text, row->trailers ) );
    if (row->goaway == CASE_LIVES && row->rst)
    {
        until( peer->streams[0].rst != H2_NONE );
        if (row->rst != CASE_SOME) hold_that( peer->streams[0].rst == row->rst );
    }
}

static inline void run_case( const struct h2_case *row )
{
    struct request request = { .route = &h2_route, .flags = row->flags, .head = row->head };
    struct h2_peer *peer = &peers[0];
    int answered = 0, answer;
    unsigned int i;

    case_name = row->name;
    play_begin( 1 );
    if (!request.head) request.head = target_heads[0];
    fetch_start( &fetches[0], peer->port, &request );
    until( peer->last_id == 1 );
    request = h2_plain;
    request.head = target_heads[1];
    fetch_start( &fetches[1], peer->port, &request );
    until( peer->last_id == 3 );
    if (!row->bare) h2_send_settings( peer, NULL, 0 );
    for (i = 0; i < sizeof(row->parts) / sizeof(row->parts[0]); i++) send_part( peer, &row->parts[i] );
    /* What must not disturb is followed by an answer, unless it was one. */
    answer = (row->goaway == CASE_LIVES && !row->error) || row->goaway == CASE_MAY;
    if (answer && !peer->streams[0].ours_ended && !peer->streams[0].closed)
    {
        h2_answer( peer, 1, "ok" );
        answered = 1;
    }
    until( fetches[0].state == FETCH_DONE );
    if (row->goaway == CASE_MAY || row->goaway == CASE_FAILS)
    {
        if (fetches[0].error || row->goaway == CASE_FAILS) hold_that( fetches[0].error == row->error );
        else hold_that( fetches[0].body_len == (answered ? 2 : row->body) );
        h2_answer( peer, 3, "ok" );
        until( fetches[1].state == FETCH_DONE );
        if (fetches[1].error) expect_dead( peer, row->error, CASE_MAY );
    }
    else
    {
        check_first( row, peer, answered );
        if (row->goaway == CASE_LIVES) expect_alive( peer );
        else expect_dead( peer, row->error, row->goaway );
    }
    play_end();
    case_name = "";
}

#define run_cases( rows ) \
    do \
    { \
        unsigned int row_, only_ = getenv( "WH_TEST_CASE" ) != NULL; \
        for (row_ = 0; row_ < sizeof(rows) / sizeof((rows)[0]); row_++) \
            if (!only_ || !strcmp( getenv( "WH_TEST_CASE" ), (rows)[row_].name )) run_case( &(rows)[row_] ); \
    } while (0)

#endif /* WINHTTP_UNIT_H2_CASE_H */
