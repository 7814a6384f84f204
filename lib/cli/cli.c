/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int af_cli_status(enum af_kind kind)
{
    switch (kind) {
    case AF_OK: return 0;
    case AF_EUSAGE: return 2;
    case AF_EDEVICE: return 3;
    case AF_ENOFOCUS: return 4;
    case AF_ELIMIT: return 5;
    case AF_EBUSY: return 75;
    default: return 1;
    }
}

int af_cli_fail(const char *prog, const struct af_err *err)
{
    fprintf(stderr, "%s: %s\n", prog, err->text);
    return af_cli_status(err->kind);
}

void af_cli_warn(const char *prog, const char *fmt, ...)
{
    struct af_err err;
    va_list ap;
    char text[sizeof(err.text)];

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    af_fail(&err, AF_OK, "%s", text); // for its cleaning of control characters
    af_cli_fail(prog, &err);
}

int af_cli_worst(int a, int b)
{
    static const int from_worst[] = {5, 3, 2, 1, 75, 4, 0};

    for (size_t i = 0; i < sizeof(from_worst) / sizeof(*from_worst); i++)
        if (a == from_worst[i] || b == from_worst[i])
            return from_worst[i];
    return a > b ? a : b;
}

int af_cli_close_stdout(const char *prog, int status)
{
    int bad = ferror(stdout), why = 0;

    if (fflush(stdout)) {
        bad = 1;
        why = errno;
    }
    if (fclose(stdout) && errno != EBADF && !bad) { // EBADF: was closed from the start
        bad = 1;
        why = errno;
    }
    if (!bad || (status != 0 && status != 4))
        return status;
    fprintf(stderr, "%s: standard output: %s\n", prog, why ? strerror(why) : "write error");
    return 1;
}

/* The one global state: a signal handler has no other place. */
static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    if (stopped) {
        signal(sig, SIG_DFL);
        raise(sig); // taken as soon as the handler returns
    }
    stopped = sig;
}

void af_cli_catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction act = {.sa_handler = on_signal}, old;

    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN) // nohup stays
            sigaction(signals[i], &act, NULL);
}

int af_cli_stopped(void)
{
    return stopped;
}

void af_cli_reraise(void)
{
    sigset_t set;
    int sig = stopped;

    if (!sig)
        return;
    signal(sig, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, sig);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    fflush(stdout); // rows that are done
    raise(sig);
}

int af_cli_end(const char *prog, int status, const struct af_err *err)
{
    if (status < 0)
        status = af_cli_fail(prog, err);
    af_cli_reraise();
    return af_cli_close_stdout(prog, status);
}
