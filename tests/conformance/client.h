/*
 * The client side of the conformance tests: handles of one exchange, and a recorder of status callbacks
 *
 * A test of behaviour opens a `client` (session, connect, request) on a scripted server and calls the API itself. What
 * the callback sees goes into a `recorder`: each notification with its handle, thread, payload and the call during
 * which it came; recorder_check() compares the sequence with a table.
 */
#ifndef CONFORMANCE_CLIENT_H
#define CONFORMANCE_CLIENT_H

#define WAIT_MS     20000   /* bound of every wait */
#define PROMPT_MS   (WAIT_MS / 4)    /* "at once": what waited for a timeout takes WAIT_MS; no less is said about it */

struct server;

struct client
{
    HINTERNET session, connect, request;
};

/* Opens all three handles to 127.0.0.1; reports what fails and returns FALSE then (handles made so far are in
 * `client`). `open_flags` is 0 or WINHTTP_FLAG_ASYNC. Timeouts are set to WAIT_MS so that no test hangs. */
BOOL client_open( struct client *client, unsigned short port, DWORD open_flags, const WCHAR *verb, const WCHAR *path );
/* One more request on the same connect handle. */
BOOL client_reopen( struct client *client, const WCHAR *verb, const WCHAR *path );
/* Closes what is open, request first. */
void client_close( struct client *client );

/* Synchronous: sends without a body and receives the head. Reports failures. */
BOOL client_get( struct client *client );
/* The same, quietly: 0 or the error of the call that failed. */
DWORD client_try( struct client *client );
/* Synchronous: reads the body to its end. Returns its length; *err is 0 or the error of the failing call. Only the
 * first size bytes are stored. */
ULONGLONG client_read( HINTERNET request, char *buffer, DWORD size, DWORD *err );
/* Checks that the whole body is `expected`. */
void client_check_body_( const char *file, int line, HINTERNET request, const char *expected );
#define client_check_body( request, expected ) client_check_body_( __FILE__, __LINE__, request, expected )
/* Status code of the response, 0 if there is none. */
DWORD client_status( HINTERNET request );
/* A whole exchange of a fresh GET on the same connect handle, checked to be 200 with `body`. */
void client_check_get_( const char *file, int line, struct client *client, const char *body );
#define client_check_get( client, body ) client_check_get_( __FILE__, __LINE__, client, body )

/* ---- notifications ---- */

#define STATUS( name ) WINHTTP_CALLBACK_STATUS_##name
#define COMPLETIONS ( STATUS( SENDREQUEST_COMPLETE ) | STATUS( HEADERS_AVAILABLE ) | STATUS( DATA_AVAILABLE ) \
                      | STATUS( READ_COMPLETE ) | STATUS( WRITE_COMPLETE ) | STATUS( REQUEST_ERROR ) \
                      | STATUS( CLOSE_COMPLETE ) | STATUS( SHUTDOWN_COMPLETE ) )

enum call
{
    CALL_NONE, CALL_CONNECT, CALL_OPEN, CALL_SEND, CALL_RECEIVE, CALL_QUERY, CALL_READ, CALL_WRITE,
    CALL_UPGRADE, CALL_WS_SEND, CALL_WS_RECEIVE, CALL_WS_SHUTDOWN, CALL_WS_CLOSE, CALL_CLOSE_SOCKET,
    CALL_CLOSE_REQUEST, CALL_CLOSE_CONNECT, CALL_CLOSE_SESSION
};

struct event
{
    DWORD status;
    HINTERNET handle;
    DWORD_PTR context;
    DWORD thread;
    enum call call;         /* what the test had called last */
    BOOL in_call;           /* that call had not returned yet */
    DWORD depth;            /* callbacks already running on that thread */
    const void *info;
    DWORD info_len;
    DWORD value;            /* where the payload is a DWORD */
    HINTERNET payload;      /* where it is a handle */
    DWORD_PTR result;       /* where it is a WINHTTP_ASYNC_RESULT */
    DWORD error;
    DWORD operation;        /* where it is a WINHTTP_WEB_SOCKET_ASYNC_RESULT */
    DWORD type;             /* where it is a WINHTTP_WEB_SOCKET_STATUS, beside value */
    WCHAR text[64];         /* where it is a string */
};

#define MAX_EVENTS 1024

struct recorder
{
    CRITICAL_SECTION lock;
    CONDITION_VARIABLE changed;
    unsigned int count, cursor;
    enum call call;
    BOOL in_call;
    struct event events[MAX_EVENTS];
    /* runs in the callback, after the event was recorded, outside the lock */
    void (*hook)( struct recorder *recorder, const struct event *event );
    void *hook_data;
    BOOL hook_closing;      /* the hook runs for HANDLE_CLOSING, too */
};

/* Never freed: a library that calls back too late must fail a check, not bring the program down. */
struct recorder *recorder_create(void);
/* Sets callback and context on a handle; children inherit both. */
void recorder_attach( struct recorder *recorder, HINTERNET handle, DWORD mask );
void CALLBACK recorder_callback( HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD info_len );
/* As client_open(), with the recorder on the session and each call marked. */
BOOL recorder_open( struct recorder *recorder, struct client *client, unsigned short port, DWORD open_flags,
                    const WCHAR *verb, const WCHAR *path );
/* Closes all three handles, marked, and waits for the HANDLE_CLOSING of each. */
void recorder_close( struct recorder *recorder, struct client *client );
/* recorder_close() and server_stop(): the end of most tests. */
void recorder_finish_( const char *file, int line, struct recorder *recorder, struct client *client,
                       struct server *server );
#define recorder_finish( recorder, client, server ) recorder_finish_( __FILE__, __LINE__, recorder, client, server )
/* Marks the API call that follows, and its return. */
void recorder_call( struct recorder *recorder, enum call call );
void recorder_return( struct recorder *recorder );

/* WinHttpSendRequest (no body, `total` bytes announced) and WinHttpReceiveResponse, marked, and checked to succeed with
 * last error 0. */
BOOL send_marked( struct recorder *recorder, struct client *client, const WCHAR *headers, DWORD total );
BOOL receive_marked( struct recorder *recorder, struct client *client );
/* The asynchronous data calls without out pointer, marked: TRUE, with last error 0 or 997, and the completion
 * where that error says: inside the call, or on another thread. `event` is the completion, or
 * NULL. */
BOOL query_marked_( const char *file, int line, struct recorder *recorder, struct client *client, struct event *event );
BOOL read_marked_( const char *file, int line, struct recorder *recorder, struct client *client, void *buffer, DWORD size,
                   struct event *event );
#define query_marked( recorder, client, event ) query_marked_( __FILE__, __LINE__, recorder, client, event )
#define read_marked( recorder, client, buffer, size, event ) \
    read_marked_( __FILE__, __LINE__, recorder, client, buffer, size, event )
/* Asynchronous, each checked and its completion awaited: send without a body, wait until the server has answered (its
 * next SIGNAL; `server` NULL: don't), receive the head. */
BOOL recorder_get( struct recorder *recorder, struct client *client, struct server *server, const WCHAR *headers );
/* Opens, sends a POST that owes one byte, writes it, and calls ReceiveResponse: what the server does then is up to it. */
BOOL recorder_start_receive( struct recorder *recorder, struct client *client, unsigned short port );

/* Waits for the next event in `mask` behind the cursor, moves the cursor behind it and copies it out. A wait that ends
 * without one is reported and returns FALSE. */
BOOL recorder_wait_( const char *file, int line, struct recorder *recorder, DWORD mask, struct event *event );
#define recorder_wait( recorder, mask, event ) recorder_wait_( __FILE__, __LINE__, recorder, mask, event )
/* The same for an asynchronous operation: the event must be `status`; a REQUEST_ERROR is reported with its code. */
BOOL recorder_complete_( const char *file, int line, struct recorder *recorder, DWORD status, struct event *event );
#define recorder_complete( recorder, status, event ) recorder_complete_( __FILE__, __LINE__, recorder, status, event )
/* The same for one that fails: REQUEST_ERROR of this API_* with this error. */
void recorder_failed_( const char *file, int line, struct recorder *recorder, DWORD_PTR api, DWORD error );
#define recorder_failed( recorder, api, error ) recorder_failed_( __FILE__, __LINE__, recorder, api, error )
/* Events in `mask` recorded for a handle (NULL: any). */
unsigned int recorder_count( struct recorder *recorder, HINTERNET handle, DWORD mask );
/* Index of the n-th event in `mask`, -1 if there is none. */
int recorder_find( struct recorder *recorder, DWORD mask, unsigned int n );
/* HANDLE_CLOSING came exactly once for the handle and nothing came after it. */
void recorder_check_last_( const char *file, int line, struct recorder *recorder, HINTERNET handle );
#define recorder_check_last( recorder, handle ) recorder_check_last_( __FILE__, __LINE__, recorder, handle )
/* Starts a new sequence. */
void recorder_reset( struct recorder *recorder );

enum expect_flags
{
    OPT    = 1,     /* may be missing */
    MANY   = 2,     /* may repeat */
    CALLER = 4,     /* on the thread of the test, inside the call */
    OTHER  = 8      /* on any other thread */
};

struct expect
{
    enum call call;
    DWORD status;
    unsigned int flags;
};

/* Compares all events since the last reset with the table; `caller` is the thread of the test. Returns the number of
 * deviations and prints them as failures of file:line. */
unsigned int recorder_check_( const char *file, int line, struct recorder *recorder, const struct expect *table,
                              unsigned int count );
#define recorder_check( recorder, table ) \
    recorder_check_( __FILE__, __LINE__, recorder, table, sizeof(table) / sizeof((table)[0]) )
const char *status_name( DWORD status );

/* Rows that many tables have. A resolve and a connect, where there is no pooled connection; an address may be tried more
 * than once. */
#define CONNECT_ROWS( call, thread ) \
    { call, STATUS( RESOLVING_NAME ), OPT | thread }, \
    { call, STATUS( NAME_RESOLVED ), OPT | thread }, \
    { call, STATUS( CONNECTING_TO_SERVER ), MANY | thread }, \
    { call, STATUS( CONNECTED_TO_SERVER ), thread }

#define OPEN_ROWS \
    { CALL_CONNECT, STATUS( HANDLE_CREATED ), CALLER }, \
    { CALL_OPEN, STATUS( HANDLE_CREATED ), CALLER }

#define CLOSE_ROWS \
    { CALL_CLOSE_REQUEST, STATUS( HANDLE_CLOSING ), 0 }, \
    { CALL_CLOSE_CONNECT, STATUS( HANDLE_CLOSING ), 0 }, \
    { CALL_CLOSE_SESSION, STATUS( HANDLE_CLOSING ), 0 }

ULONGLONG milliseconds_since( ULONGLONG start );

#define count_of( array ) (sizeof(array) / sizeof((array)[0]))

#endif /* CONFORMANCE_CLIENT_H */
