/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/motionlog.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const columns[] = {"time", "prog",    "pid",   "stage", "axis",
                                      "what", "from_um", "to_um", "at_um", "status"};

static char *default_path(struct af_err *err)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (state && *state == '/')
        return af_format(err, "%s/aftools/motion.log", state);
    return af_format(err, "%s/.local/state/aftools/motion.log", home ? home : "");
}

/* Rows built in memory, written at once. */
static int append(const struct af_motionlog *log, const struct af_motionlog_row *row,
                  struct af_err *err)
{
    struct af_table_out t;
    char stamp[40], *text = NULL;
    size_t size = 0;
    struct timespec now;
    struct tm utc;
    ssize_t done;
    FILE *fp = open_memstream(&text, &size);

    if (!fp)
        return af_fail_errno(err, "%s", log->path);
    af_table_begin(&t, fp, columns, sizeof(columns) / sizeof(*columns), !row);
    if (row) {
        timespec_get(&now, TIME_UTC);
        gmtime_r(&now.tv_sec, &utc);
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(stamp + strlen(stamp), sizeof(stamp) - strlen(stamp), ".%03ldZ",
                 now.tv_nsec / 1000000);
        af_table_text(&t, stamp);
        af_table_text(&t, row->prog);
        af_table_int(&t, getpid());
        af_table_text(&t, row->stage);
        af_table_text(&t, row->axis);
        af_table_text(&t, row->what);
        af_table_real(&t, row->from_um);
        af_table_real(&t, row->to_um);
        af_table_real(&t, row->at_um);
        af_table_text(&t, row->status);
        af_table_end_row(&t);
    }
    if (fclose(fp)) {
        free(text);
        return af_fail_errno(err, "%s", log->path);
    }
    while ((done = write(log->fd, text, size)) < 0 && errno == EINTR)
        ;
    free(text);
    if (done < 0)
        return af_fail_errno(err, "%s", log->path);
    if ((size_t)done != size)
        return af_fail(err, AF_ESYS, "%s: only half a row could be written", log->path);
    return 0;
}

int af_motionlog_open(struct af_motionlog *log, const char *path, struct af_err *err)
{
    struct stat st;

    *log = (struct af_motionlog)AF_MOTIONLOG_NONE;
    log->path = path ? af_strdup(path, err) : default_path(err);
    if (!log->path || af_folders_above(log->path, err))
        goto failed;
    log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (log->fd < 0 || fstat(log->fd, &st)) {
        af_fail_errno(err, "%s", log->path);
        goto failed;
    }
    if (st.st_size == 0 && S_ISREG(st.st_mode) && append(log, NULL, err))
        goto failed;
    return 0;
failed:
    af_motionlog_close(log);
    return -1;
}

void af_motionlog_close(struct af_motionlog *log)
{
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    *log = (struct af_motionlog)AF_MOTIONLOG_NONE;
}

int af_motionlog_add(const struct af_motionlog *log, const struct af_motionlog_row *row,
                     struct af_err *err)
{
    return append(log, row, err);
}
