/*
 * Proxy scripts: a thread whose script recurses until there is no stack left
 *
 * The thread is ended, not the process. See pac.c for what is lost with it.
 */

#ifndef WINHTTP_PAC_GUARD_H
#define WINHTTP_PAC_GUARD_H

struct pac_engine;

struct pac_guard                               /* lives as long as its thread, and longer if that was ended */
{
    struct pac_guard             *next;
    DWORD                         thread;
    struct pac_engine * volatile *engine;
    void                         *handler;
    BOOL                          leaving;     /* the stack is used up; the thread is on its way back to the engine's code */
};

/* Guards the calling thread, from here up to pac_guard_leave. `engine` is where its engine stands, NULL for none; borrowed.
 * Without memory it does nothing, and the thread is as it would be without. */
void pac_guard_enter( struct pac_guard *guard, struct pac_engine * volatile *engine );
void pac_guard_leave( struct pac_guard *guard );

/* The thread was ended by others. */
void pac_guard_forget( struct pac_guard *guard );

#endif /* WINHTTP_PAC_GUARD_H */
