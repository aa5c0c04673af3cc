/*
 * The kernel's cheapest hand-over between two threads
 */

#ifndef WH_FUTEX_H
#define WH_FUTEX_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while *word is `value`, at most timeout_ms (~0: no limit). Returns early for any reason. */
static inline void futex_sleep( int *word, int value, uint64_t timeout_ms )
{
    struct timespec ts = { (time_t)(timeout_ms / 1000), (long)(timeout_ms % 1000) * 1000000 };

    syscall( SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ms == ~(uint64_t)0 ? NULL : &ts, NULL, 0 );
}

static inline void futex_wake_one( int *word )
{
    syscall( SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0 );
}

#endif /* WH_FUTEX_H */
