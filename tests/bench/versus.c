/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * versus ROUNDS A B: run two shell-free commands in turn, each a whole process with its output
 * thrown away, and print their median times, the median ratio B / A, and the memory of B.
 */
#define _DEFAULT_SOURCE // wait4
#include "base/progress.h"
#include "signal/robust.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 64, ROUNDS_MAX = 1000 };

/* Cut at blanks; the words stay in `line`. */
static void split(char *line, char *word[WORDS])
{
    int n = 0;

    for (char *w = strtok(line, " "); w && n < WORDS - 1; w = strtok(NULL, " "))
        word[n++] = w;
    word[n] = NULL;
}

/* Seconds that the command took; kilobytes at its peak in *kb. Ends the benchmark where it fails.
 */
static double run(char *const word[], long *kb)
{
    struct rusage use;
    int status = 0;
    double start = af_now_s();
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (null >= 0 && dup2(null, 1) == 1)
            execvp(word[0], word);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &use) < 0 || status) {
        fprintf(stderr, "versus: %s failed\n", word[0]);
        exit(1);
    }
    double seconds = af_now_s() - start;
    if (use.ru_maxrss > *kb)
        *kb = use.ru_maxrss;
    return seconds;
}

int main(int argc, char **argv)
{
    static double a[ROUNDS_MAX], b[ROUNDS_MAX], ratio[ROUNDS_MAX];
    char *first[WORDS], *second[WORDS];
    long a_kb = 0, b_kb = 0;
    size_t n = argc == 4 ? (size_t)atoi(argv[1]) : 0;

    if (n < 1 || n > ROUNDS_MAX) {
        fprintf(stderr, "usage: versus ROUNDS 'COMMAND A' 'COMMAND B'\n");
        return 2;
    }
    split(argv[2], first);
    split(argv[3], second);
    run(first, &a_kb); // the file comes into memory
    a_kb = 0;
    for (size_t i = 0; i < n; i++) {
        a[i] = run(first, &a_kb);
        b[i] = run(second, &b_kb);
        ratio[i] = b[i] / a[i];
    }
    printf("%.1f ms against %.1f ms, ratio %.2f (median of %zu), %.1f MB against %.1f MB\n",
           1e3 * af_median(b, n), 1e3 * af_median(a, n), af_median(ratio, n), n,
           (double)b_kb / 1024, (double)a_kb / 1024);
    return 0;
}
