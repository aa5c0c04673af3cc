#if 0
#pragma makedep unix
#endif

/*
 * What the kernel knows of a TCP socket
 *
 * A file of its own: only the kernel's header has all of struct tcp_info, and it cannot stand beside libc's. A kernel
 * older than that header fills in less, the rest stays 0. Retransmissions are not told apart by their reason, nor are
 * duplicate acknowledgements counted: those fields stay 0, too.
 */

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "hooks.h"
#include "tcp_facts.h"

/* The kernel's states, which are no part of its headers for programs, as Windows' TCPSTATE. */
static const uint8_t states[] =
{
    [1]  = 4,     /* ESTABLISHED */
    [2]  = 2,     /* SYN_SENT */
    [3]  = 3,     /* SYN_RECV */
    [4]  = 5,     /* FIN_WAIT1 */
    [5]  = 6,     /* FIN_WAIT2 */
    [6]  = 10,    /* TIME_WAIT */
    [7]  = 0,     /* CLOSE */
    [8]  = 7,     /* CLOSE_WAIT */
    [9]  = 9,     /* LAST_ACK */
    [10] = 1,     /* LISTEN */
    [11] = 8,     /* CLOSING */
};

static int get_info( int fd, struct tcp_info *info )
{
    socklen_t len = sizeof(*info);

    memset( info, 0, sizeof(*info) );
    return sys_getsockopt( fd, IPPROTO_TCP, TCP_INFO, info, &len );
}

enum wh_error tcp_facts_get( int fd, struct wh_tcp_facts *facts )
{
    struct tcp_info info;
    socklen_t len = sizeof(int);
    int size;

    memset( facts, 0, sizeof(*facts) );
    if (get_info( fd, &info )) return WHE_STATE;
    facts->state = info.tcpi_state < sizeof(states) ? states[info.tcpi_state] : 0;
    facts->mss = info.tcpi_snd_mss;
    facts->rtt_us = info.tcpi_rtt;
    facts->min_rtt_us = info.tcpi_min_rtt == ~0u ? 0 : info.tcpi_min_rtt;    /* none was measured yet */
    facts->bytes_in_flight = info.tcpi_unacked * info.tcpi_snd_mss;
    facts->cwnd = info.tcpi_snd_cwnd * info.tcpi_snd_mss;
    facts->send_window = info.tcpi_snd_wnd;
    facts->receive_window = info.tcpi_rcv_space;
    if (!sys_getsockopt( fd, SOL_SOCKET, SO_RCVBUF, &size, &len )) facts->receive_buffer = size / 2;    /* Linux doubles it */
    facts->bytes_out = info.tcpi_bytes_sent;
    facts->bytes_in = info.tcpi_bytes_received;
    facts->bytes_retransmitted = info.tcpi_bytes_retrans;
    facts->timestamps = !!(info.tcpi_options & TCPI_OPT_TIMESTAMPS);
    return WHE_OK;
}

int tcp_facts_syn_data( int fd )
{
    struct tcp_info info;

    return !get_info( fd, &info ) && (info.tcpi_options & TCPI_OPT_SYN_DATA);
}
