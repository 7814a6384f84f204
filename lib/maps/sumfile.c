/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps/sumfile.h"

#include "base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "AFSUMS1\n";

enum { FIELDS = 5 }; // w, h, bits, wanted, theta

static void put_u64(uint8_t *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get_u64(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static uint64_t bits_of(double v)
{
    uint64_t u;

    memcpy(&u, &v, sizeof(u));
    return u;
}

static size_t table_size(const struct af_cuts *x, const struct af_cuts *y, int sum)
{
    return (x[af_sum_reach[sum].x].n + 1) * (y[af_sum_reach[sum].y].n + 1);
}

/* ------------------------------------------------------------------ writing */

static int put(struct af_sumfile *f, const uint64_t *v, size_t n, struct af_err *err)
{
    uint8_t bytes[8 * 256] = {0};

    while (n) {
        const size_t some = n < 256 ? n : 256;

        for (size_t i = 0; i < some; i++)
            put_u64(bytes + 8 * i, v[i]);
        if (fwrite(bytes, 8, some, f->out.fp) != some)
            return af_fail_errno(err, "%s", f->path);
        v += some;
        n -= some;
    }
    return 0;
}

static int put_one(struct af_sumfile *f, uint64_t v, struct af_err *err)
{
    return put(f, &v, 1, err);
}

static int put_cuts(struct af_sumfile *f, const struct af_cuts *c, struct af_err *err)
{
    if (put_one(f, c->n, err))
        return -1;
    for (size_t i = 0; i <= c->n; i++)
        if (put_one(f, c->at[i], err))
            return -1;
    return 0;
}

int af_sumfile_create(struct af_sumfile *f, const char *path, const struct af_sums *s,
                      unsigned bits, struct af_err *err)
{
    const struct af_plan *plan = s->plan;
    const uint64_t fields[FIELDS] = {plan->w, plan->h, bits, s->wanted, s->theta};

    *f = (struct af_sumfile){.bits = bits};
    if (!(f->path = af_strdup(path, err)) || af_outfile_open(&f->out, path, err))
        return -1;
    if (fwrite(magic, 1, sizeof(magic), f->out.fp) != sizeof(magic))
        return af_fail_errno(err, "%s", path);
    if (put(f, fields, FIELDS, err))
        return -1;
    for (size_t d = 0; d < AF_NREACH; d++)
        if (put_cuts(f, &plan->x[d], err) || put_cuts(f, &plan->y[d], err))
            return -1;
    return 0;
}

int af_sumfile_add(struct af_sumfile *f, const struct af_sums *s, double sigma, struct af_err *err)
{
    if (s->real || s->most >> f->bits || !(s->most >> (f->bits - 1)))
        return af_fail(err, AF_EDATA, "%s: sums are kept of slices of 8 or of 16 bits", f->path);
    if (put_one(f, bits_of(sigma), err))
        return -1;
    for (int k = 0; k < AF_SUM_N; k++)
        if (s->wanted >> k & 1 && put(f, s->table[k], table_size(s->plan->x, s->plan->y, k), err))
            return -1;
    return 0;
}

int af_sumfile_commit(struct af_sumfile *f, struct af_err *err)
{
    return af_outfile_commit(&f->out, err);
}

/* ------------------------------------------------------------------ reading */

static int get(const struct af_sumfile *f, void *to, size_t n, size_t at, struct af_err *err)
{
    while (n) {
        ssize_t got = pread(f->fd - 1, to, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return af_fail_errno(err, "%s", f->path);
        if (got == 0)
            return af_fail(err, AF_EDATA, "%s: kept sums are cut short", f->path);
        to = (char *)to + got;
        at += (size_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static int get_fields(struct af_sumfile *f, uint64_t *v, size_t n, struct af_err *err)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < n; i++, f->head += 8) {
        if (get(f, bytes, 8, f->head, err))
            return -1;
        v[i] = get_u64(bytes);
    }
    return 0;
}

static int broken(const struct af_sumfile *f, struct af_err *err)
{
    return af_fail(err, AF_EDATA, "%s: not a file of kept sums, or a broken one", f->path);
}

/* No more cuts than the file can hold are made room for. */
static int get_cuts(struct af_sumfile *f, struct af_cuts *c, size_t len, size_t size,
                    struct af_err *err)
{
    uint64_t n, v, last = 0;

    if (get_fields(f, &n, 1, err))
        return -1;
    if (n < 1 || n > len || n >= size / 8)
        return broken(f, err);
    *c = (struct af_cuts){.n = n, .len = len};
    if (!(c->at = af_calloc(n + 1, sizeof(*c->at), err)))
        return -1;
    for (size_t i = 0; i <= n; i++) {
        if (get_fields(f, &v, 1, err))
            return -1;
        if (i ? v <= last || v > len : v != 0)
            return broken(f, err);
        c->at[i] = (uint32_t)(last = v);
    }
    return last == len ? 0 : broken(f, err);
}

static int get_head(struct af_sumfile *f, size_t size, struct af_err *err)
{
    uint64_t v[FIELDS];
    uint8_t first[sizeof(magic)];

    if (size < sizeof(magic) + 8 * FIELDS)
        return broken(f, err);
    if (get(f, first, sizeof(magic), 0, err))
        return -1;
    if (memcmp(first, magic, sizeof(magic)) != 0)
        return broken(f, err);
    f->head = sizeof(magic);
    if (get_fields(f, v, FIELDS, err))
        return -1;
    if (!v[0] || !v[1] || v[0] > AF_PLAN_MAX_SIDE || v[1] > AF_PLAN_MAX_SIDE ||
        (v[2] != 8 && v[2] != 16) || v[3] >> AF_SUM_N)
        return broken(f, err);
    f->w = v[0], f->h = v[1], f->bits = (unsigned)v[2], f->wanted = (unsigned)v[3], f->theta = v[4];
    for (size_t d = 0; d < AF_NREACH; d++)
        if (get_cuts(f, &f->x[d], f->w, size, err) || get_cuts(f, &f->y[d], f->h, size, err))
            return -1;
    return 0;
}

int af_sumfile_open(struct af_sumfile *f, const char *path, struct af_err *err)
{
    struct stat st;
    size_t size;

    *f = (struct af_sumfile){0};
    if (!(f->path = af_strdup(path, err)))
        return -1;
    if ((f->fd = open(path, O_RDONLY | O_CLOEXEC) + 1) == 0 || fstat(f->fd - 1, &st))
        return af_fail_errno(err, "%s", path);
    size = st.st_size > 0 ? (size_t)st.st_size : 0;
    if (get_head(f, size, err))
        return -1;
    f->record = 8;
    for (int k = 0; k < AF_SUM_N; k++)
        if (f->wanted >> k & 1) {
            const size_t n = table_size(f->x, f->y, k); // under 2^61

            if (n > size / 8)
                return broken(f, err);
            f->record += 8 * n;
        }
    f->nslices = (size - f->head) / f->record;
    return f->nslices && f->head + f->nslices * f->record == size ? 0 : broken(f, err);
}

/* Numbers in the file of the plan's cuts; false where one is not there. */
static bool find_cuts(const struct af_cuts *have, const struct af_cuts *want, uint32_t *at)
{
    for (size_t i = 0, k = 0; i <= want->n; i++) {
        while (k < have->n && have->at[k] < want->at[i])
            k++;
        if (have->at[k] != want->at[i])
            return false;
        at[i] = (uint32_t)k;
    }
    return true;
}

int af_sumfile_fit(struct af_sumfile *f, const struct af_plan *plan, unsigned wanted,
                   uint64_t theta, struct af_err *err)
{
    if (plan->w != f->w || plan->h != f->h)
        return af_fail(err, AF_EDATA, "%s: kept of slices of %zux%zu px, these are %zux%zu",
                       f->path, f->w, f->h, plan->w, plan->h);
    if (wanted & ~f->wanted)
        return af_fail(err, AF_EUSAGE, "%s: not all sums of these measures were kept", f->path);
    if (wanted >> AF_SUM_BX & 1 && theta != f->theta)
        return af_fail(err, AF_EUSAGE, "%s: kept with --theta %llu", f->path,
                       (unsigned long long)f->theta);
    for (size_t d = 0; d < AF_NREACH; d++) {
        if (!(f->at_x[d] = af_calloc(plan->x[d].n + 1, sizeof(uint32_t), err)) ||
            !(f->at_y[d] = af_calloc(plan->y[d].n + 1, sizeof(uint32_t), err)))
            return -1;
        if (!find_cuts(&f->x[d], &plan->x[d], f->at_x[d]) ||
            !find_cuts(&f->y[d], &plan->y[d], f->at_y[d]))
            return af_fail(
                err, AF_EUSAGE,
                "%s: windows, strides or region do not begin and end where those kept do", f->path);
    }
    return 0;
}

int af_sumfile_take(const struct af_sumfile *f, size_t i, struct af_sums *s, double *sigma,
                    struct af_err *err)
{
    size_t at = f->head + i * f->record;
    uint8_t *bytes = af_calloc(f->record, 1, err);
    const uint8_t *p;
    uint64_t v;
    int ret = -1;

    if (!bytes || get(f, bytes, f->record, at, err) ||
        af_sums_make_room(s, f->bits == 8 ? AF_U8 : AF_U16, err))
        goto done;
    p = bytes + 8;
    v = get_u64(bytes);
    memcpy(sigma, &v, sizeof(v));
    for (int k = 0; k < AF_SUM_N; k++) {
        const struct af_reach r = af_sum_reach[k];
        const size_t nx = s->plan->x[r.x].n + 1, ny = s->plan->y[r.y].n + 1;

        if (!(f->wanted >> k & 1))
            continue;
        for (size_t y = 0; s->table[k] && y < ny; y++)
            for (size_t x = 0; x < nx; x++)
                s->table[k][y * nx + x] =
                    get_u64(p + 8 * (f->at_y[r.y][y] * (f->x[r.x].n + 1) + f->at_x[r.x][x]));
        p += 8 * table_size(f->x, f->y, k);
    }
    ret = 0;
done:
    free(bytes);
    return ret;
}

void af_sumfile_release(struct af_sumfile *f)
{
    af_outfile_discard(&f->out);
    if (f->fd > 0)
        close(f->fd - 1);
    for (size_t d = 0; d < AF_NREACH; d++) {
        free(f->x[d].at), free(f->y[d].at);
        free(f->at_x[d]), free(f->at_y[d]);
    }
    free(f->path);
    *f = (struct af_sumfile){0};
}
