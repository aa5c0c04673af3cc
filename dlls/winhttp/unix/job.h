/*
 * Job threads: for the few calls that can only block (getaddrinfo, reading the trust list)
 *
 * At most 8, started on demand, gone after ten idle seconds, all signals blocked. A job must not touch application
 * memory, log, or take a lock but its queue's.
 */

#ifndef WH_JOB_H
#define WH_JOB_H

#include "../unixlib.h"

struct job
{
    struct job *next;
    void      (*run)( struct job *job );     /* on a job thread; the job is its owner's again afterwards */
};

/* WHE_NO_MEMORY if there is no thread and none can be started: then it will not run. Any thread. */
enum wh_error job_submit( struct job *job );

#endif /* WH_JOB_H */
