/* SPDX-License-Identifier: BSD-2-Clause */
/* Run a function in a process of its own, what it prints in ./out and ./err. */
#ifndef AF_TEST_CHILD_H
#define AF_TEST_CHILD_H
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

/* What waitpid says of a child that ended with the value of f(arg). stdout goes to `out`. */
static inline int child_wait(int (*f)(void *arg), void *arg, const char *out)
{
    int status, fd;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (!pid) {
        if ((fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666)) < 0 || dup2(fd, 1) < 0 ||
            close(fd) || (fd = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0666)) < 0 ||
            dup2(fd, 2) < 0 || close(fd))
            _exit(99);
        exit(f(arg));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Its exit status; the child must not die of a signal. */
static inline int child_run(int (*f)(void *arg), void *arg)
{
    int status = child_wait(f, arg, "out");

    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The first 64 KiB of a file, until the next call. */
static inline const char *text_of(const char *path)
{
    static char text[65536];
    FILE *fp = fopen(path, "r");
    size_t n;

    assert_non_null(fp);
    n = fread(text, 1, sizeof(text) - 1, fp);
    text[n] = '\0';
    fclose(fp);
    return text;
}

#endif
