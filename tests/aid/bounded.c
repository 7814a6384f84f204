/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program within bounds: bounded SECONDS MIB PROGRAM [ARGUMENT]...
 *
 * Ends with the program's status; 121: it took longer (and was killed), 122: it held more memory at
 * its peak, 128 + n: signal n ended it. What it was is on stderr then. (ulimit -v cannot stand in
 * for this: the sanitizers reserve terabytes.)
 */
#define _GNU_SOURCE // wait4
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOO_LONG = 121, TOO_LARGE = 122, CANNOT = 126 };

static pid_t child;

static void on_alarm(int sig)
{
    (void)sig;
    kill(child, SIGKILL);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_alarm}; // without SA_RESTART: wait4 tells
    unsigned seconds = argc > 3 ? (unsigned)atoi(argv[1]) : 0;
    int status = 0, late = 0;
    struct rusage use;

    if (!seconds || (child = fork()) < 0)
        return CANNOT;
    if (child == 0) {
        execvp(argv[3], argv + 3);
        _exit(CANNOT);
    }
    sigaction(SIGALRM, &act, NULL);
    alarm(seconds);
    while (wait4(child, &status, 0, &use) < 0 && errno == EINTR)
        late = 1;
    if (late) {
        fprintf(stderr, "bounded: took more than %u s\n", seconds);
        return TOO_LONG;
    }
    if (use.ru_maxrss / 1024 > atol(argv[2])) {
        fprintf(stderr, "bounded: held %ld MiB, more than %s\n", use.ru_maxrss / 1024, argv[2]);
        return TOO_LARGE;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "bounded: ended by signal %d\n", WTERMSIG(status));
        return 128 + WTERMSIG(status);
    }
    return WEXITSTATUS(status);
}
