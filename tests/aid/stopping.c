/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stopping SIGNAL|parent DIR N PROGRAM [ARGUMENT]...: N times run PROGRAM, wait until the z of the
 * simulated microscope in DIR moves, send the signal (or kill -9 the process that started PROGRAM),
 * and measure how long the stage still moves. Prints median and worst in ms; status 1 where the
 * median is above 100 ms or a run did not end by its signal. Choice: the median, and runs during
 * which this process itself was held up do not count, since whoever else is busy on this machine is
 * no fault of the program's.
 */
#include "base/progress.h"
#include "device/simscope.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_S 0.1
#define HELD_UP_S 0.02

static void nap(double s)
{
    struct timespec t = {.tv_nsec = (long)(s * 1e9)};

    nanosleep(&t, NULL);
}

static void run_program(char **argv)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t none;

    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        signal(signals[i], SIG_DFL); // a shell's background job has some ignored
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(*argv, argv);
    _exit(127);
}

/*
 * Start PROGRAM, or a process that starts it and waits. *held ends when PROGRAM does, whoever
 * its parent is by then.
 */
static pid_t start(bool through_parent, char **argv, int *held)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) || (pid = fork()) < 0) {
        perror("stopping");
        exit(1);
    }
    if (pid > 0) {
        close(ends[1]);
        *held = ends[0];
        return pid;
    }
    close(ends[0]);
    if (!through_parent)
        run_program(argv);
    pid = fork();
    if (pid == 0)
        run_program(argv);
    close(ends[1]);
    waitpid(pid, NULL, 0);
    _exit(0);
}

static bool moves(struct af_simscope *s)
{
    struct af_sim_truth t;
    struct af_err err;

    if (af_simscope_truth(s, &t, &err)) {
        fprintf(stderr, "stopping: %s\n", err.text);
        exit(1);
    }
    return t.moving[AF_SIM_Z];
}

/* Seconds the stage went on, -1: it never moved, -2: we were held up. */
static double try(struct af_simscope *s, int sig, bool parent, char **argv, int *status)
{
    double begun_s = af_now_s(), sent_s, last_s, gap_s = 0;
    int held;
    pid_t pid = start(parent, argv, &held);
    char c;

    while (!moves(s) && af_now_s() - begun_s < 10)
        nap(1e-3);
    nap(0.15);
    if (!moves(s)) {
        kill(pid, SIGKILL);
        waitpid(pid, status, 0);
        close(held);
        return -1;
    }
    last_s = sent_s = af_now_s();
    kill(pid, parent ? SIGKILL : sig);
    while (moves(s) && last_s - sent_s < 15) {
        nap(1e-3);
        gap_s = af_now_s() - last_s > gap_s ? af_now_s() - last_s : gap_s;
        last_s = af_now_s();
    }
    waitpid(pid, status, 0);
    while (read(held, &c, 1) < 0 && errno == EINTR)
        ; // a grandchild reads, logs and ends
    close(held);
    return gap_s > HELD_UP_S ? -2 : last_s - sent_s;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct af_simscope *s = NULL;
    struct af_err err = {AF_OK, ""};
    double took_s[100];
    int n = argc > 4 ? atoi(argv[3]) : 0, good = 0, wrong = 0, status = 0;
    bool parent = argc > 1 && strcmp(argv[1], "parent") == 0;
    int sig = parent ? SIGKILL : argc > 1 ? atoi(argv[1]) : 0;

    if (n < 1 || n > 100 || af_simscope_open(&s, argv[2], NULL, &err)) {
        fprintf(stderr, "stopping: usage, or %s\n", err.text);
        return 2;
    }
    for (int i = 0; good < n && i < 5 * n; i++) {
        double took = try(s, sig, parent, argv + 4, &status);

        if (took == -1)
            printf("the stage did not move\n");
        if (took >= 0)
            took_s[good++] = took;
        if (!WIFSIGNALED(status) || WTERMSIG(status) != sig)
            wrong++;
    }
    af_simscope_close(s);
    if (good < n) {
        printf("only %d of %d runs could be measured\n", good, n);
        return 1;
    }
    qsort(took_s, (size_t)n, sizeof(*took_s), by_value);
    printf("%d runs: the stage stops within %.0f ms, the slowest %.0f ms; %d did not end by the "
           "signal\n",
           n, 1e3 * took_s[n / 2], 1e3 * took_s[n - 1], wrong);
    return wrong || took_s[n / 2] > LIMIT_S;
}
