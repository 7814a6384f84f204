/* SPDX-License-Identifier: BSD-2-Clause */
#define _DEFAULT_SOURCE // cfmakeraw
#include "scopesim/simline.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

struct af_simline {
    int fd;       // of the client: the master, or a connection; -1: none
    int listener; // TCP, else -1
    int slave;    // held open, for a master without one gives errors
    char name[80];
};

static int open_terminal(struct af_simline *l, struct af_err *err)
{
    struct termios t;
    const char *name;

    l->fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (l->fd < 0 || grantpt(l->fd) || unlockpt(l->fd) || !(name = ptsname(l->fd)))
        return af_fail_errno(err, "pseudo-terminal");
    snprintf(l->name, sizeof(l->name), "%s", name);
    l->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (l->slave < 0 || tcgetattr(l->slave, &t))
        return af_fail_errno(err, "%s", l->name);
    cfmakeraw(&t); // before a client comes: else what we say is echoed to us
    if (tcsetattr(l->slave, TCSANOW, &t) || fcntl(l->fd, F_SETFL, O_NONBLOCK) ||
        fcntl(l->fd, F_SETFD, FD_CLOEXEC))
        return af_fail_errno(err, "%s", l->name);
    return 0;
}

static int open_listener(struct af_simline *l, int port, struct af_err *err)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof(a);
    int on = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (l->listener < 0)
        return af_fail_errno(err, "socket");
    setsockopt(l->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(l->listener, (const struct sockaddr *)&a, sizeof(a)) || listen(l->listener, 1)) {
        if (errno == EADDRINUSE)
            return af_fail(err, AF_EBUSY, "tcp:127.0.0.1:%d: in use by another program", port);
        return af_fail_errno(err, "tcp:127.0.0.1:%d", port);
    }
    if (fcntl(l->listener, F_SETFD, FD_CLOEXEC) || fcntl(l->listener, F_SETFL, O_NONBLOCK) ||
        getsockname(l->listener, (struct sockaddr *)&a, &size))
        return af_fail_errno(err, "socket");
    snprintf(l->name, sizeof(l->name), "tcp:127.0.0.1:%d", ntohs(a.sin_port));
    return 0;
}

int af_simline_open(struct af_simline **out, int tcp, struct af_err *err)
{
    struct af_simline *l = af_calloc(1, sizeof(*l), err);

    *out = NULL;
    if (!l)
        return -1;
    l->fd = l->listener = l->slave = -1;
    if (tcp < 0 ? open_terminal(l, err) : open_listener(l, tcp, err)) {
        af_simline_close(l);
        return -1;
    }
    *out = l;
    return 0;
}

static void drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void af_simline_close(struct af_simline *l)
{
    if (!l)
        return;
    drop(&l->fd);
    drop(&l->listener);
    drop(&l->slave);
    free(l);
}

const char *af_simline_name(const struct af_simline *l)
{
    return l->name;
}

static void accept_client(struct af_simline *l, struct af_controller *c)
{
    int on = 1;

    l->fd = accept(l->listener, NULL, NULL);
    if (l->fd < 0)
        return;
    fcntl(l->fd, F_SETFL, O_NONBLOCK);
    fcntl(l->fd, F_SETFD, FD_CLOEXEC);
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    af_controller_reset_line(c);
}

/* Bytes both ways, as far as they go without waiting. */
static void exchange(struct af_simline *l, struct af_controller *c, short events, double *next_s)
{
    char buf[256];
    ssize_t n = 0;
    size_t due;

    if (events & (POLLIN | POLLHUP | POLLERR)) {
        n = read(l->fd, buf, sizeof(buf));
        if (n > 0)
            af_controller_take(c, buf, (size_t)n);
        else if (l->listener >= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR)))
            drop(&l->fd);
    }
    while ((due = af_controller_give(c, buf, sizeof(buf), next_s)) > 0)
        if (l->fd < 0 ||
            (l->listener >= 0 ? send(l->fd, buf, due, MSG_NOSIGNAL) : write(l->fd, buf, due)) < 0)
            break; // nobody reads: lost, as on a real line
}

int af_simline_serve(struct af_simline *l, struct af_controller *c, int (*stopped)(void),
                     struct af_err *err)
{
    double next_s = 0.02;

    while (!stopped()) {
        struct pollfd p = {.fd = l->fd >= 0 ? l->fd : l->listener, .events = POLLIN};
        int n = poll(&p, 1, p.fd < 0 ? 20 : (int)ceil(next_s * 1e3));

        if (n < 0 && errno != EINTR)
            return af_fail_errno(err, "%s", l->name);
        if (n > 0 && l->fd < 0 && l->listener >= 0)
            accept_client(l, c);
        else if (l->fd >= 0)
            exchange(l, c, n > 0 ? p.revents : 0, &next_s);
        if (af_controller_failure(c)->kind != AF_OK) {
            *err = *af_controller_failure(c);
            return -1;
        }
        if (af_controller_is_unplugged(c)) {
            drop(&l->fd);
            drop(&l->listener);
            drop(&l->slave);
        }
    }
    return 0;
}
