#if 0
#pragma makedep unix
#endif

/*
 * Job threads
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "hooks.h"
#include "job.h"

#define JOB_THREADS 8
#define JOB_IDLE_S  10
#define JOB_STACK   (256 * 1024)    /* getaddrinfo with NSS modules needs some 100 KiB */

static pthread_mutex_t job_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t job_cond = PTHREAD_COND_INITIALIZER;
static struct job *job_head, **job_tail = &job_head;
static unsigned int job_threads, job_idle, job_queued;

static void *job_thread( void *arg )
{
    struct timespec until;
    struct job *job;
    int ret = 0;

    (void)arg;
    pthread_mutex_lock( &job_lock );
    for (;;)
    {
        if ((job = job_head))
        {
            if (!(job_head = job->next)) job_tail = &job_head;
            job_queued--;
            pthread_mutex_unlock( &job_lock );
            job->run( job );
            pthread_mutex_lock( &job_lock );
            ret = 0;
            continue;
        }
        if (ret == ETIMEDOUT) break;
        clock_gettime( CLOCK_REALTIME, &until );
        until.tv_sec += JOB_IDLE_S;
        job_idle++;
        ret = pthread_cond_timedwait( &job_cond, &job_lock, &until );
        job_idle--;
    }
    job_threads--;
    pthread_mutex_unlock( &job_lock );
    return NULL;
}

/* Lock held. */
static int job_thread_start( void )
{
    sigset_t all, old;
    pthread_attr_t attr;
    pthread_t thread;
    int ret;

    sigfillset( &all );
    pthread_sigmask( SIG_SETMASK, &all, &old );
    pthread_attr_init( &attr );
    pthread_attr_setdetachstate( &attr, PTHREAD_CREATE_DETACHED );
    pthread_attr_setstacksize( &attr, JOB_STACK );
    ret = sys_pthread_create( &thread, &attr, job_thread, NULL );
    pthread_attr_destroy( &attr );
    pthread_sigmask( SIG_SETMASK, &old, NULL );
    if (!ret) job_threads++;
    return !ret;
}

enum wh_error job_submit( struct job *job )
{
    enum wh_error error = WHE_OK;

    pthread_mutex_lock( &job_lock );
    if (job_idle <= job_queued && job_threads < JOB_THREADS && !job_thread_start() && !job_threads) error = WHE_NO_MEMORY;
    else
    {
        job->next = NULL;
        *job_tail = job;
        job_tail = &job->next;
        job_queued++;
        pthread_cond_signal( &job_cond );
    }
    pthread_mutex_unlock( &job_lock );
    return error;
}
