/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * medians N SETUP CMD...: run each command N times by sh, in turn, SETUP before each; print the
 * median of each, ms. Ends with 1 where a command fails.
 */
#define _DEFAULT_SOURCE // vfork is what makes it cheap
#include "base/progress.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static double run(const char *cmd)
{
    double begun_s = af_now_s();
    pid_t pid = vfork();
    int status;

    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status) {
        fprintf(stderr, "medians: %s: status %d\n", cmd, status);
        exit(1);
    }
    return (af_now_s() - begun_s) * 1e3;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int n = argc > 3 ? atoi(argv[1]) : 0, ncmds = argc - 3;
    double *ms = n > 0 ? calloc((size_t)(n * ncmds), sizeof(*ms)) : NULL;

    if (!ms) {
        fprintf(stderr, "usage: medians N SETUP CMD...\n");
        return 2;
    }
    for (int i = 0; i < n; i++)
        for (int c = 0; c < ncmds; c++) {
            run(argv[2]);
            ms[c * n + i] = run(argv[c + 3]);
        }
    for (int c = 0; c < ncmds; c++) {
        qsort(ms + c * n, (size_t)n, sizeof(*ms), ascending);
        printf("%6.1f ms  %s\n", ms[c * n + n / 2], argv[c + 3]);
    }
    free(ms);
    return 0;
}
