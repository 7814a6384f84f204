/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/lock.h"
#include "base/hash.h"
#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

char *af_lock_name(const char *path, struct af_err *err)
{
    char *real = realpath(path, NULL);

    return real ? real : af_strdup(path, err);
}

/* A folder that every process of this machine finds again: the same one for a shell and for cron.
 */
static const char *lock_dir(void)
{
    const char *choice[] = {getenv("AF_LOCK_DIR"), "/run/lock", getenv("XDG_RUNTIME_DIR"), "/tmp"};

    if (choice[0] && *choice[0])
        return choice[0];
    for (size_t i = 1; i < sizeof(choice) / sizeof(*choice); i++)
        if (choice[i] && *choice[i] == '/' && access(choice[i], W_OK | X_OK) == 0)
            return choice[i];
    return "/tmp";
}

/*
 * /run/lock/aftools-dev-ttyUSB0.lock. A long or hostile name ends in a hash of all of it, so that
 * two devices never share one.
 */
static char *lock_path(const char *device, struct af_err *err)
{
    char name[120];
    uint64_t hash = af_hash(AF_HASH_START, device, strlen(device));
    size_t n = 0;

    for (const char *s = device; *s; s++) {
        bool plain = isalnum((unsigned char)*s) || *s == '.';

        if (n < sizeof(name) - 1)
            name[n++] = plain ? *s : '-';
    }
    name[n] = '\0';
    return af_format(err, "%s/aftools%s%s-%08lx.lock", lock_dir(), *name == '-' ? "" : "-", name,
                     (unsigned long)(hash & 0xffffffffu));
}

/* Open for writing if possible; a file of another user serves for the lock all the same. */
static int open_file(const char *path)
{
    int flags = O_CLOEXEC | O_NOFOLLOW, fd = open(path, O_RDWR | flags);

    if (fd < 0 && errno == ENOENT) {
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | flags, 0666);
        if (fd >= 0)
            (void)fchmod(fd, 0666); // whatever the umask: other users lock it too
        else if (errno == EEXIST)
            fd = open(path, O_RDWR | flags);
    }
    if (fd < 0 && errno == EACCES)
        fd = open(path, O_RDONLY | flags);
    return fd;
}

/* Is fd still the file of that name? Its last holder may have removed it. */
static bool is_current(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* The one line of the file, "" if it has none. */
static void read_holder(int fd, char *s, size_t cap)
{
    ssize_t n = pread(fd, s, cap - 1, 0);

    s[n > 0 ? n : 0] = '\0';
    s[strcspn(s, "\n")] = '\0';
}

int af_lock_say(struct af_lock *l, const char *text, struct af_err *err)
{
    char line[256];
    bool more = text && *text;
    int n = snprintf(line, sizeof(line), "%s%s%s\n", l->who, more ? ": " : "", more ? text : "");

    if (n >= (int)sizeof(line)) {
        n = (int)sizeof(line) - 1;
        line[n - 1] = '\n';
    }
    // Written over before it is cut, so that a reader never finds it empty.
    if (pwrite(l->fd, line, (size_t)n, 0) != n || ftruncate(l->fd, n))
        return af_fail_errno(err, "%s", l->path);
    return 0;
}

/* 1: locked, 0: the file went away meanwhile, -1. */
static int try_lock(struct af_lock *l, struct af_err *err)
{
    char holder[256];
    int got;

    if ((l->fd = open_file(l->path)) < 0)
        return af_fail_errno(err, "%s", l->path);
    do {
        got = flock(l->fd, LOCK_EX | LOCK_NB);
    } while (got && errno == EINTR);
    if (got == 0)
        return is_current(l->fd, l->path) ? 1 : (close(l->fd), l->fd = -1, 0);
    if (errno != EWOULDBLOCK)
        return af_fail_errno(err, "%s", l->path);
    read_holder(l->fd, holder, sizeof(holder));
    holder[strcspn(holder, ":")] = '\0';
    return af_fail(err, AF_EBUSY, "%s: in use by %s", l->device,
                   *holder ? holder : "another process");
}

int af_lock_take(struct af_lock *l, const char *device, const char *prog, struct af_err *err)
{
    int got = 0;

    *l = (struct af_lock)AF_LOCK_NONE;
    if (!(l->device = af_strdup(device, err)) || !(l->path = lock_path(device, err)) ||
        !(l->who = af_format(err, "%s (pid %ld)", prog, (long)getpid())))
        goto failed;
    for (int i = 0; got == 0 && i < 1000; i++)
        got = try_lock(l, err);
    if (got == 0)
        af_fail(err, AF_ESYS, "%s: goes away whenever it is locked", l->path);
    if (got <= 0)
        goto failed;
    read_holder(l->fd, l->left, sizeof(l->left));
    if (af_lock_say(l, NULL, err))
        goto failed;
    return 0;
failed:
    if (l->fd >= 0)
        close(l->fd);
    free(l->device);
    free(l->path);
    free(l->who);
    *l = (struct af_lock)AF_LOCK_NONE;
    return -1;
}

void af_lock_release(struct af_lock *l)
{
    if (l->fd >= 0) {
        unlink(l->path); // first: whoever opened it meanwhile finds that it is gone
        close(l->fd);
    }
    free(l->device);
    free(l->path);
    free(l->who);
    *l = (struct af_lock)AF_LOCK_NONE;
}
