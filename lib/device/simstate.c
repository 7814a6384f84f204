/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/simstate.h"

#include "base/memory.h"
#include "base/outfile.h"
#include "base/progress.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One line a value, always as long, so that a store is one write of one page. */
enum { LINE = 48, NVALUES = sizeof(struct af_simstate) / sizeof(double), BYTES = LINE * NVALUES };
#define LOCK_S 5.0

static const char *const head[] = {"generation", "origin_s",  "time_s",  "day",       "frames",
                                   "motions",    "readbacks", "touched", "touched_um"};
static const char *const axis_value[] = {"start_s",   "from_um",    "speed0_um_s",
                                         "target_um", "speed_um_s", "accel_um_s2",
                                         "at_um",     "play_um",    "lag_um"};
enum { NHEAD = sizeof head / sizeof *head, NAXIS = sizeof axis_value / sizeof *axis_value };

static void name_value(size_t i, char name[32])
{
    if (i < NHEAD)
        snprintf(name, 32, "%s", head[i]);
    else
        snprintf(name, 32, "%c_%s", "xyz"[(i - NHEAD) / NAXIS], axis_value[(i - NHEAD) % NAXIS]);
}

static void print_state(const struct af_simstate *s, char text[BYTES + 1])
{
    double value[NVALUES];
    char name[32];

    memcpy(value, s, sizeof value);
    for (size_t i = 0; i < NVALUES; i++) {
        name_value(i, name);
        snprintf(text + LINE * i, LINE + 1, "%-21.21s %25.17g\n", name, value[i]);
    }
}

/* A state that motions and counts can be computed from, whoever wrote it. */
static bool is_sane(const struct af_simstate *s)
{
    const double count[] = {s->generation, s->time_s,    s->day,    s->frames,
                            s->motions,    s->readbacks, s->touched};
    double value[NVALUES] = {0};
    bool sane = true;

    memcpy(value, s, sizeof value);
    for (size_t i = 0; i < NVALUES; i++)
        sane = sane && fabs(value[i]) <= 1e15; // not NaN, either
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
        sane = sane && count[i] >= 0;
    for (int a = 0; a < 3; a++)
        sane = sane && s->axis[a].motion.speed_um_s > 0 && s->axis[a].motion.accel_um_s2 > 0;
    return sane;
}

static int scan_state(struct af_simstate *s, const char text[BYTES + 1])
{
    double value[NVALUES] = {0};
    char name[32], *end;

    for (size_t i = 0; i < NVALUES; i++) {
        const char *line = text + LINE * i;
        name_value(i, name);
        if (strncmp(line, name, strlen(name)) || line[strlen(name)] != ' ')
            return -1;
        value[i] = strtod(line + 21, &end);
        if (end != line + LINE - 1 || *end != '\n')
            return -1;
    }
    memcpy(s, value, sizeof value);
    return is_sane(s) ? 0 : -1;
}

static char *path_of(const struct af_simstore *st, const char *name, struct af_err *err)
{
    return af_format(err, "%s/%s", st->dir, name);
}

static int load_params(struct af_simstore *st, struct af_err *err)
{
    char *path = path_of(st, "microscope", err);
    FILE *fp = path ? fopen(path, "r") : NULL;
    int ret = -1;

    if (!fp) {
        if (path)
            af_fail_errno(err, "%s", path);
    } else if (!af_sim_params_read(&st->params, fp, path, err)) {
        st->generation = st->state.generation;
        ret = 0;
    }
    if (fp)
        fclose(fp);
    free(path);
    return ret;
}

static int store_params(struct af_simstore *st, struct af_err *err)
{
    struct af_outfile f = {0};
    char *path = path_of(st, "microscope", err);
    int ret = -1;

    if (path && !af_outfile_open(&f, path, err) && !af_sim_params_write(&st->params, f.fp, err) &&
        !af_outfile_commit(&f, err))
        ret = 0;
    af_outfile_discard(&f);
    free(path);
    return ret;
}

static int take_lock(struct af_simstore *st, struct af_err *err)
{
    const struct timespec nap = {.tv_nsec = 200000};
    double begun = af_now_s();

    while (flock(st->fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return af_fail_errno(err, "sim:%s: lock", st->dir);
        if (af_now_s() - begun > LOCK_S)
            return af_fail(err, AF_EDEVICE, "sim:%s: another process has held it for %g s", st->dir,
                           LOCK_S);
        nanosleep(&nap, NULL);
    }
    return 0;
}

/* One that stays would keep this process's other handles out, too. */
static int drop_lock(struct af_simstore *st, struct af_err *err)
{
    while (flock(st->fd, LOCK_UN))
        if (errno != EINTR)
            return af_fail_errno(err, "sim:%s: unlock", st->dir);
    return 0;
}

/* 1: loaded; 0: a new folder; -1 */
static int load_state(struct af_simstore *st, struct af_err *err)
{
    char text[BYTES + 1] = "";
    size_t n = 0;
    ssize_t got;

    while ((got = pread(st->fd, text + n, sizeof text - n, (off_t)n)) > 0 ||
           (got < 0 && errno == EINTR))
        n += got > 0 ? (size_t)got : 0;
    if (got < 0)
        return af_fail_errno(err, "sim:%s: state", st->dir);
    if (n == 0)
        return 0;
    if (n != BYTES || scan_state(&st->state, text))
        return af_fail(err, AF_EDEVICE, "sim:%s: 'state' is damaged; remove the folder", st->dir);
    return 1;
}

static int store_state(struct af_simstore *st, struct af_err *err)
{
    char text[BYTES + 1];
    size_t n = 0;

    print_state(&st->state, text);
    while (n < BYTES) {
        ssize_t put = pwrite(st->fd, text + n, BYTES - n, (off_t)n);

        if (put < 0 && errno != EINTR)
            return af_fail_errno(err, "sim:%s: state", st->dir);
        n += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

int af_simstore_lock(struct af_simstore *st, struct af_err *err)
{
    int found;

    if (!st->dir)
        return 0;
    if (take_lock(st, err))
        return -1;
    if ((found = load_state(st, err)) == 0)
        found = af_fail(err, AF_EDEVICE, "sim:%s: 'state' is empty", st->dir);
    if (found < 0 || (st->state.generation != st->generation && load_params(st, err))) {
        drop_lock(st, NULL);
        return -1;
    }
    return 0;
}

int af_simstore_unlock(struct af_simstore *st, bool store, struct af_err *err)
{
    int ret = 0;

    if (!st->dir)
        return 0;
    if (store)
        ret = store_state(st, err);
    return drop_lock(st, ret ? NULL : err) || ret ? -1 : 0;
}

/* Options onto what there is, under the lock. */
static int apply(struct af_simstore *st, const char *options, bool found,
                 void (*fresh)(struct af_simstate *, const struct af_sim_params *),
                 struct af_err *err)
{
    struct af_sim_params old;

    if (!found) {
        af_sim_params_preset(&st->params, AF_PRESET_PAPER);
        st->state = (struct af_simstate){.generation = 0};
    } else if (st->dir && load_params(st, err)) {
        return -1;
    }
    old = st->params;
    if (af_sim_params_set(&st->params, options, err))
        return -1;
    bool another = memcmp(&old, &st->params, sizeof old) != 0;
    if (!found || st->params.day != old.day || st->params.clock != old.clock)
        fresh(&st->state, &st->params);
    if (found && !another)
        return 0;
    st->generation = ++st->state.generation;
    return st->dir && (store_params(st, err) || store_state(st, err)) ? -1 : 0;
}

/* Made where it is new; not those above it, which a slip of the keyboard would make as well. */
static int open_folder(struct af_simstore *st, struct af_err *err)
{
    bool is_new = access(st->dir, F_OK) != 0;
    char *path;

    if (is_new && strpbrk(st->dir, "=&"))
        return af_fail(err, AF_EUSAGE, "sim:%s: no such folder; keys come after a '?'", st->dir);
    if (is_new && mkdir(st->dir, 0777) && errno != EEXIST)
        return af_fail_errno(err, "sim:%s", st->dir);
    if (!(path = path_of(st, "state", err)))
        return -1;
    st->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (st->fd < 0)
        af_fail_errno(err, "%s", path);
    free(path);
    return st->fd < 0 ? -1 : 0;
}

int af_simstore_open(struct af_simstore *st, const char *dir, const char *options,
                     void (*fresh)(struct af_simstate *s, const struct af_sim_params *p),
                     struct af_err *err)
{
    int found = 0;

    *st = (struct af_simstore){.fd = -1};
    if (dir) {
        if (!(st->dir = af_strdup(dir, err)) || open_folder(st, err) || take_lock(st, err) ||
            (found = load_state(st, err)) < 0)
            goto fail;
    }
    if (apply(st, options, found, fresh, err))
        goto fail;
    if (!dir || !drop_lock(st, err))
        return 0;
fail:
    af_simstore_close(st);
    return -1;
}

int af_simstore_set(struct af_simstore *st, const char *options,
                    void (*fresh)(struct af_simstate *s, const struct af_sim_params *p),
                    struct af_err *err)
{
    if (af_simstore_lock(st, err))
        return -1;
    int ret = apply(st, options, true, fresh, err);
    return af_simstore_unlock(st, false, err) || ret ? -1 : 0;
}

void af_simstore_close(struct af_simstore *st)
{
    if (st->dir && st->fd >= 0)
        close(st->fd);
    free(st->dir);
    *st = (struct af_simstore){.fd = -1};
}
