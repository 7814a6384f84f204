/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends a program a signal at a random moment of its run, again and again.
 *
 *   signalled SIGNAL SEED N CHECK PROGRAM [ARGUMENT]...
 *
 * SIGNAL is a number. Moments come from SEED, uniform over what the program took at first,
 * undisturbed. After each run `sh CHECK STATUS` looks at what is left, STATUS as a shell has it.
 * Ends when N runs have been met by the signal. What the checks print is printed, then the counts.
 * Status 0 if no check failed.
 */
#include "base/progress.h"
#include "base/random.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Run it, with a signal after `after_s` unless that is negative; its status as a shell has it. */
static int run(char **argv, int sig, double after_s)
{
    struct timespec t = {(time_t)after_s, (long)((after_s - (double)(time_t)after_s) * 1e9)};
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        /* A shell without job control starts what it puts in the background with SIGINT ignored. */
        if (sig)
            signal(sig, SIG_DFL);
        execvp(argv[0], argv);
        _exit(126);
    }
    if (pid > 0 && after_s >= 0) {
        nanosleep(&t, NULL);
        kill(pid, sig);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(2);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    struct af_random r;
    double begin, took_s = 0;
    int wrong = 0, met = 0, runs, sig, n;

    if (argc < 6)
        return 2;
    sig = atoi(argv[1]);
    n = atoi(argv[3]);
    af_random_init(&r, (uint64_t)atoll(argv[2]), "moments");
    for (int i = 0; i < 3; i++) { // the first run may have to fetch files from disk
        begin = af_now_s();
        if (run(argv + 5, 0, -1))
            return 2;
        took_s = af_now_s() - begin;
    }
    for (runs = 0; met < n && runs < 20 * n; runs++) {
        double after_s = took_s * af_random_uniform(&r);
        char command[300];
        int status = run(argv + 5, sig, after_s);

        met += status == 128 + sig;
        snprintf(command, sizeof command, "sh %s %d", argv[4], status);
        if (system(command)) {
            printf("after %.1f of %.1f ms, status %d\n", after_s * 1e3, took_s * 1e3, status);
            wrong++;
        }
        fflush(stdout);
    }
    printf("%d of %d runs met the signal, %d left something wrong\n", met, runs, wrong);
    return wrong || met < n ? 1 : 0;
}
