/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One process a device. The lock is a file that names its holder and what he is doing; it lies in
 * $AF_LOCK_DIR, else in the first of /run/lock, $XDG_RUNTIME_DIR and /tmp that can be written.
 * It is removed with the lock; a process that is killed leaves it, and the kernel frees the lock,
 * so that the next one learns what was going on.
 */
#ifndef AF_DEVICE_LOCK_H
#define AF_DEVICE_LOCK_H
#include "base/err.h"

struct af_lock {
    int fd;         // -1: not held
    char *path;     // of the lock file
    char *device;   // for messages
    char *who;      // "af-move (pid 1234)"
    char left[256]; // what a killed holder left: "af-move (pid 1234): z from 3 to 12um", or ""
};

#define AF_LOCK_NONE                                                                               \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/*
 * device: its identity, the same text from every process: "/dev/ttyUSB0" with links resolved,
 *         "tcp:scope:4000", "camera sim:/home/a/sim"; see af_lock_name()
 * prog:   name of the tool
 *
 * AF_EBUSY: another process has it, "/dev/ttyUSB0: in use by af-zstack (pid 812)";
 * AF_ESYS: no folder to lock in. l is as AF_LOCK_NONE after a failure.
 */
int af_lock_take(struct af_lock *l, const char *device, const char *prog, struct af_err *err);

/* Write down what is going on, for whoever comes after a kill; NULL or "": nothing. */
int af_lock_say(struct af_lock *l, const char *text, struct af_err *err);

/* Accepts AF_LOCK_NONE. */
void af_lock_release(struct af_lock *l);

/*
 * Identity of a device file or folder: its path with all links resolved, or as it is where there is
 * no such file. The caller frees. NULL with AF_ESYS.
 */
char *af_lock_name(const char *path, struct af_err *err);

#endif
