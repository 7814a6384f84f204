/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports of this machine: a pseudo-terminal, one that libserialport takes for a serial port, TCP. */
#define _DEFAULT_SOURCE // syscall
#include "device/port.h"
#include "device/uri.h"
#include "scopesim/simline.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

/* libserialport asks a port for its modem lines, which a pseudo-terminal does not have. */
int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *arg;
    long got;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    got = syscall(SYS_ioctl, fd, request, arg);
    if (got < 0 && errno == ENOTTY && request == TIOCMGET) {
        *(int *)arg = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR;
        return 0;
    }
    if (got < 0 && errno == ENOTTY &&
        (request == TIOCMSET || request == TIOCMBIS || request == TIOCMBIC))
        return 0;
    return (int)got;
}

static const struct af_serial usual = {.baud = 115200, .stopbits = 1};

/* A pseudo-terminal whose master is in our hands. */
static int open_master(char *name, size_t cap)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY);

    assert_true(fd >= 0);
    assert_int_equal(grantpt(fd), 0);
    assert_int_equal(unlockpt(fd), 0);
    snprintf(name, cap, "%s", ptsname(fd));
    return fd;
}

static void talk(const char *path, int master)
{
    struct af_port *p = NULL;
    struct af_err err = {AF_OK, ""};
    char line[40];
    char got[8] = "";

    if (af_port_open(&p, path, &usual, 1000, &err))
        fail_msg("%s", err.text);
    assert_int_equal(af_port_send(p, "?pos\r", &err), 0);
    assert_int_equal(read(master, got, sizeof(got)), 5); // raw: CR stays CR
    assert_string_equal(got, "?pos\r");
    assert_int_equal(write(master, "12.5\r\n\r\n7\n\xff\x01x\r", 14), 14);
    assert_int_equal(af_port_line(p, line, sizeof(line), 1000, &err), 1);
    assert_string_equal(line, "12.5");
    assert_int_equal(af_port_line(p, line, sizeof(line), 1000, &err), 1);
    assert_string_equal(line, "7"); // empty lines are passed over
    assert_int_equal(af_port_line(p, line, sizeof(line), 1000, &err), 1);
    assert_string_equal(line, "??x"); // what no protocol has is no letter and no digit
    assert_int_equal(write(master, "half", 4), 4);
    assert_int_equal(af_port_line(p, line, sizeof(line), 30, &err), 0);
    assert_non_null(strstr(err.text, "no answer in 30 ms"));
    assert_int_equal(af_port_discard(p, false, 5, &err), 1);
    assert_int_equal(write(master, "new\r", 4), 4);
    assert_int_equal(af_port_line(p, line, sizeof(line), 1000, &err), 1);
    assert_string_equal(line, "new");
    close(master);
    assert_int_equal(af_port_line(p, line, sizeof(line), 1000, &err), -1); // not silence: gone
    assert_int_equal(err.kind, AF_EDEVICE);
    af_port_close(p);
}

static void a_pseudo_terminal_is_a_port(void **state)
{
    char name[64];
    int master = open_master(name, sizeof(name));

    (void)state;
    talk(name, master);
}

/* libserialport wants a name below /dev that /sys/class/tty knows as a link: three climbs give it
 * both. */
static void a_serial_port_is_opened_by_libserialport(void **state)
{
    char name[64], cwd[400], path[512];
    int master = open_master(name, sizeof(name));

    (void)state;
    assert_int_equal(symlink(name, "port"), 0);
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(path, sizeof(path), "/dev/../../..%s/port", cwd);
    talk(path, master);
    unlink("port");
}

static void a_port_in_use_is_refused(void **state)
{
    struct af_port *a, *b;
    struct af_err err = {AF_OK, ""};
    char name[64];
    int master = open_master(name, sizeof(name));

    (void)state;
    assert_int_equal(af_port_open(&a, name, &usual, 1000, &err), 0);
    assert_int_equal(af_port_open(&b, name, &usual, 1000, &err), -1);
    assert_int_equal(err.kind, AF_EBUSY);
    assert_null(b);
    af_port_close(a);
    assert_int_equal(af_port_open(&b, name, &usual, 1000, &err), 0);
    af_port_close(b);
    close(master);
}

static void what_is_no_port_says_so(void **state)
{
    static const struct {
        const char *path;
        enum af_kind kind;
    } bad[] = {{"/dev/nothing", AF_EDEVICE},    {"/dev/null", AF_EDEVICE},
               {"tcp:127.0.0.1:1", AF_EDEVICE}, {"tcp:nohost.invalid:1", AF_EDEVICE},
               {"tcp:host", AF_EUSAGE},         {"tcp::5", AF_EUSAGE}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_err err = {AF_OK, ""};
        struct af_port *p;

        assert_int_equal(af_port_open(&p, bad[i].path, &usual, 1000, &err), -1);
        assert_int_equal(err.kind, bad[i].kind);
        assert_null(p);
    }
}

static void tcp_is_a_port(void **state)
{
    struct af_simline *l;
    struct af_port *p = NULL;
    struct af_err err = {AF_OK, ""};

    (void)state;
    if (af_simline_open(&l, 0, &err) || af_port_open(&p, af_simline_name(l), &usual, 1000, &err))
        fail_msg("%s", err.text);
    assert_int_equal(af_port_send(p, "?\r", &err), 0);
    af_port_close(p);
    af_simline_close(l);
}

static bool yes(void *ctx)
{
    return ++*(int *)ctx > 2;
}

static void a_stop_ends_the_wait(void **state)
{
    struct af_port *p;
    struct af_err err = {AF_OK, ""};
    char name[64], line[8];
    int master = open_master(name, sizeof(name)), asked = 0;

    (void)state;
    assert_int_equal(af_port_open(&p, name, &usual, 1000, &err), 0);
    p->stopped = yes;
    p->stopped_ctx = &asked;
    assert_int_equal(af_port_line(p, line, sizeof(line), 1e9, &err), 0);
    assert_int_equal(err.kind, AF_ESYS);
    af_port_close(p);
    close(master);
}

static void a_uri_is_taken_apart(void **state)
{
    struct af_uri u;
    struct af_err err = {AF_OK, ""};
    static const char *const bad[] = {"", "z", ":x", "/dev/x:y", "a:b?c", "a:b?c=1&c=2", "a:b?=1"};

    (void)state;
    assert_int_equal(af_uri_parse(&u, "asi:tcp:scope:4000?x=X&z=F", &err), 0);
    assert_string_equal(u.scheme, "asi");
    assert_string_equal(u.path, "tcp:scope:4000");
    assert_string_equal(u.rest, "tcp:scope:4000?x=X&z=F");
    assert_string_equal(af_uri_get(&u, "z"), "F");
    assert_null(af_uri_get(&u, "y"));
    assert_int_equal(af_uri_check(&u, "x y z", &err), 0);
    assert_int_equal(af_uri_check(&u, "xx zz", &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    af_uri_release(&u);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(af_uri_parse(&u, bad[i], &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
        af_uri_release(&u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pseudo_terminal_is_a_port),
        cmocka_unit_test(a_serial_port_is_opened_by_libserialport),
        cmocka_unit_test(a_port_in_use_is_refused),
        cmocka_unit_test(what_is_no_port_says_so),
        cmocka_unit_test(tcp_is_a_port),
        cmocka_unit_test(a_stop_ends_the_wait),
        cmocka_unit_test(a_uri_is_taken_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
