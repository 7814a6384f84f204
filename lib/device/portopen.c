/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports of this machine: serial by libserialport, which sets the line; the bytes by descriptor.
 */
#define _DEFAULT_SOURCE // flock, cfmakeraw
#include "base/memory.h"
#include "base/progress.h"
#include "device/port.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct fdport {
    int fd;
    struct sp_port *sp; // NULL: not a serial port
    bool is_socket;
    char *path;
};

static void close_fd(void *ctx)
{
    struct fdport *f = ctx;

    if (f->sp) {
        sp_close(f->sp);
        sp_free_port(f->sp);
    } else if (f->fd >= 0) {
        close(f->fd);
    }
    free(f->path);
    free(f);
}

static int gone(const struct fdport *f, const char *why, struct af_err *err)
{
    return af_fail(err, AF_EDEVICE, "%s: %s", f->path, why);
}

/* Until fd is ready: 1; 0 at the deadline or a signal; -1 gone. */
static int wait_for(const struct fdport *f, short events, double ms, struct af_err *err)
{
    struct pollfd p = {.fd = f->fd, .events = events};
    int n = poll(&p, 1, ms > 0 ? (int)ceil(ms) : 0);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : gone(f, strerror(errno), err);
    if (n && !(p.revents & events))
        return gone(f, "the device is gone", err);
    return n;
}

static int send_fd(void *ctx, const void *p, size_t n, double timeout_ms, struct af_err *err)
{
    struct fdport *f = ctx;
    double end_s = af_now_s() + timeout_ms / 1e3;
    const char *s = p;

    while (n) {
        ssize_t done = f->is_socket ? send(f->fd, s, n, MSG_NOSIGNAL) : write(f->fd, s, n);

        if (done >= 0) {
            s += done;
            n -= (size_t)done;
        } else if (errno != EAGAIN && errno != EINTR) {
            return gone(f, strerror(errno), err);
        } else if (af_now_s() > end_s) {
            return gone(f, "takes no data", err);
        } else if (wait_for(f, POLLOUT, 20, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static long receive_fd(void *ctx, void *p, size_t cap, double timeout_ms, struct af_err *err)
{
    struct fdport *f = ctx;
    int ready = cap ? wait_for(f, POLLIN, timeout_ms, err) : 0;
    ssize_t n;

    if (ready <= 0)
        return ready;
    n = read(f->fd, p, cap);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n > 0 ? n : gone(f, n < 0 ? strerror(errno) : "the device is gone", err);
}

static double now_fd(void *ctx)
{
    (void)ctx;
    return af_now_s();
}

static void sleep_fd(void *ctx, double ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1e3)};

    (void)ctx;
    t.tv_nsec = (long)((ms - 1e3 * (double)t.tv_sec) * 1e6);
    nanosleep(&t, NULL);
}

static const struct af_port_ops fd_ops = {send_fd, receive_fd, now_fd, sleep_fd, close_fd};

/* ---- tcp:HOST:PORT ---- */

static int connect_within(int fd, const struct addrinfo *a, double ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int why = 0;

    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -1;
    if (poll(&p, 1, (int)ms) <= 0) {
        errno = ETIMEDOUT;
        return -1;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) == 0 && why == 0)
        return 0;
    errno = why;
    return -1;
}

static int open_tcp(struct fdport *f, double ms, struct af_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    char *host = af_strdup(f->path + 4, err), *port;
    int bad, on = 1;

    if (!host)
        return -1;
    port = strrchr(host, ':');
    if (!port || port == host || !port[1]) {
        free(host);
        return af_fail(err, AF_EUSAGE, "'%s' is not tcp:HOST:PORT", f->path);
    }
    *port++ = '\0';
    bad = getaddrinfo(host, port, &hints, &list);
    free(host);
    if (bad)
        return gone(f, gai_strerror(bad), err);
    errno = 0;
    for (struct addrinfo *a = list; a && f->fd < 0; a = a->ai_next) {
        f->fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (f->fd >= 0 && (fcntl(f->fd, F_SETFL, O_NONBLOCK) || fcntl(f->fd, F_SETFD, FD_CLOEXEC) ||
                           connect_within(f->fd, a, ms))) {
            bad = errno;
            close(f->fd);
            errno = bad;
            f->fd = -1;
        }
    }
    freeaddrinfo(list);
    if (f->fd < 0)
        return gone(f, strerror(errno), err);
    f->is_socket = true;
    setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return 0;
}

/* ---- serial ports and pseudo-terminals ---- */

static int sp_failed(const struct fdport *f, struct af_err *err)
{
    char *why = sp_last_error_message();

    gone(f, why ? why : "refused by the system", err);
    sp_free_error_message(why);
    return -1;
}

/* 1: opened; 0: not a port that libserialport knows; -1 */
static int open_serial(struct fdport *f, const struct af_serial *s, struct af_err *err)
{
    if (sp_get_port_by_name(f->path, &f->sp) != SP_OK) {
        f->sp = NULL;
        return 0;
    }
    if (sp_open(f->sp, SP_MODE_READ_WRITE) != SP_OK) {
        sp_failed(f, err);
        sp_free_port(f->sp);
        f->sp = NULL;
        return -1;
    }
    if (sp_get_port_handle(f->sp, &f->fd) != SP_OK || sp_set_baudrate(f->sp, s->baud) != SP_OK ||
        sp_set_bits(f->sp, 8) != SP_OK || sp_set_parity(f->sp, SP_PARITY_NONE) != SP_OK ||
        sp_set_stopbits(f->sp, s->stopbits) != SP_OK ||
        sp_set_flowcontrol(f->sp, s->rtscts ? SP_FLOWCONTROL_RTSCTS : SP_FLOWCONTROL_NONE) != SP_OK)
        return sp_failed(f, err);
    return 1;
}

static int open_tty(struct fdport *f, struct af_err *err)
{
    struct termios t;

    f->fd = open(f->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (f->fd < 0)
        return gone(f, strerror(errno), err);
    if (tcgetattr(f->fd, &t))
        return gone(f, "not a serial port", err);
    cfmakeraw(&t);
    if (tcsetattr(f->fd, TCSANOW, &t))
        return gone(f, strerror(errno), err);
    return 0;
}

int af_port_open(struct af_port **port, const char *path, const struct af_serial *serial,
                 double opens_ms, struct af_err *err)
{
    struct fdport *f = af_calloc(1, sizeof(*f), err);
    int got;

    *port = NULL;
    if (!f)
        return -1;
    f->fd = -1;
    if (!(f->path = af_strdup(path, err)))
        goto failed;
    if (strncmp(path, "tcp:", 4) == 0) {
        if (open_tcp(f, opens_ms, err))
            goto failed;
    } else {
        if ((got = open_serial(f, serial, err)) < 0 || (!got && open_tty(f, err)))
            goto failed;
        // libserialport locks nothing, and a descriptor's lock is what other programs look at
        if (flock(f->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
            af_fail(err, AF_EBUSY, "%s: in use by another program", path);
            goto failed;
        }
        tcflush(f->fd, TCIOFLUSH);
    }
    return af_port_new(port, &fd_ops, f, path, err);
failed:
    close_fd(f);
    return -1;
}
