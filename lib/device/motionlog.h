/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The motion log: a table that is only ever appended to, two rows a motion, so that a process that
 * was killed in between has left the first. Columns: time prog pid stage axis what from_um to_um
 * at_um status.
 */
#ifndef AF_DEVICE_MOTIONLOG_H
#define AF_DEVICE_MOTIONLOG_H
#include "base/err.h"

struct af_motionlog {
    int fd; // -1: not open
    char *path;
};

#define AF_MOTIONLOG_NONE                                                                          \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* path NULL: aftools/motion.log in $XDG_STATE_HOME or ~/.local/state, folders made as needed. */
int af_motionlog_open(struct af_motionlog *log, const char *path, struct af_err *err);
void af_motionlog_close(struct af_motionlog *log);

struct af_motionlog_row {
    const char *prog, *stage, *axis;
    const char *what;             // "move", "halt", "home", "found"
    double from_um, to_um, at_um; // NaN: NA
    const char *status;           // "begun", "ok", or what went wrong
};

/* One write, so that rows of several processes do not mix. AF_ESYS: it could not be written. */
int af_motionlog_add(const struct af_motionlog *log, const struct af_motionlog_row *row,
                     struct af_err *err);

#endif
