/* SPDX-License-Identifier: BSD-2-Clause */
/* What every tool's main shares: reports, exit status, stdout that is checked, signals. */
#ifndef AF_CLI_CLI_H
#define AF_CLI_CLI_H
#include "base/err.h"
#include <signal.h>

/* Exit status of a kind of error (base/err.h). */
int af_cli_status(enum af_kind kind);

/* Print `prog: text` on stderr; returns the status to end with. */
int af_cli_fail(const char *prog, const struct af_err *err);

/* Print `prog: ` and a message on stderr (a warning: the run goes on). */
void af_cli_warn(const char *prog, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The worse of two statuses, for batches that go on after a bad item.
 * Choice: 5, 3, 2, 1, 75, 4, 0 from worst to best.
 */
int af_cli_worst(int a, int b);

/*
 * Flush and close stdout. Returns `status`, or 1 after a report where
 * stdout could not be written and status was 0 or 4. EPIPE is left to SIGPIPE.
 */
int af_cli_close_stdout(const char *prog, int status);

/*
 * From now on SIGINT, SIGTERM and SIGHUP only set a flag, so that a tool can
 * clean up between two items; a second signal ends the process at once. A read that
 * waits for a pipe ends with EINTR, so that a tool never hangs on. What was ignored
 * from the start, as under nohup, stays ignored.
 * af_cli_stopped() is the signal's number or 0; af_cli_reraise() ends the
 * process by that signal, as the shell expects (130, 143).
 */
void af_cli_catch_signals(void);
int af_cli_stopped(void);
void af_cli_reraise(void);

/*
 * The last line of main. status: to end with, or -1 after a failure that err tells: it is
 * reported and gives the status. Then the process ends by the signal that came, if one
 * did, or stdout is closed; returns what main shall return.
 */
int af_cli_end(const char *prog, int status, const struct af_err *err);

#endif
