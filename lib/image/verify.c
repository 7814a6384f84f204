/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/verify.h"

#include "base/memory.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
    af_verify_report *report;
    void *ctx;
    long found;
    size_t w, h; // px, of the first plane
    enum af_sample type;
    size_t without_z;  // planes from the first on without z, not told yet
    double *direction; // [plane]: z step, up to there, of its channel and time; 0: none yet
    size_t room;
};

static void tell(struct check *c, size_t plane, const char *problem, const char *detail)
{
    c->found++;
    c->report(c->ctx, plane, problem, detail);
}

static void check_pixels(struct check *c, const struct af_image *img, size_t i)
{
    struct af_image_stats s;
    char text[96];
    double n = (double)(img->w * img->h);

    if (i == 0) {
        c->w = img->w;
        c->h = img->h;
        c->type = img->type;
    } else if (img->w != c->w || img->h != c->h || img->type != c->type) {
        snprintf(text, sizeof(text), "%zux%zu %s, plane 0 is %zux%zu %s", img->w, img->h,
                 af_sample_name(img->type), c->w, c->h, af_sample_name(c->type));
        tell(c, i, "size", text);
    }
    af_image_measure(img, &s);
    if (s.nan) {
        snprintf(text, sizeof(text), "%zu px", s.nan);
        tell(c, i, "nan", text);
    }
    if (s.min == s.max) {
        snprintf(text, sizeof(text), "all counts are %.9g", s.min);
        tell(c, i, "black", text);
    } else if ((double)s.saturated > AF_VERIFY_SATURATED * n) {
        snprintf(text, sizeof(text), "%.3g %% of the pixels at full scale",
                 100 * (double)s.saturated / n);
        tell(c, i, "saturated", text);
    }
}

/* The plane before i of the same channel and time; SIZE_MAX: none among the last AF_VERIFY_LOOK. */
static size_t before(const struct af_stack *st, const struct af_plane *p, size_t i)
{
    for (size_t k = i; k-- > 0 && i - k <= AF_VERIFY_LOOK;)
        if (af_stack_plane(st, k)->c == p->c && af_stack_plane(st, k)->t == p->t)
            return k;
    return SIZE_MAX;
}

/* Planes that lack z are told each, but a stack without any z has one problem, not one a plane. */
static void check_known(struct check *c, size_t i, double z_um)
{
    if (isnan(z_um) && c->without_z == i) {
        c->without_z = i + 1;
        return;
    }
    if (c->without_z == i)
        for (size_t k = 0; k < i; k++)
            tell(c, k, "no-z", "z is not known");
    if (isnan(z_um))
        tell(c, i, "no-z", "z is not known");
}

static int check_z(struct check *c, const struct af_stack *st, size_t i, struct af_err *err)
{
    const struct af_plane *p = af_stack_plane(st, i);
    size_t k = before(st, p, i);
    double last = k == SIZE_MAX ? NAN : af_stack_plane(st, k)->z_um, step = p->z_um - last;
    char text[96];

    if (af_grow((void **)&c->direction, &c->room, i + 1, sizeof(*c->direction), err))
        return -1;
    c->direction[i] = k == SIZE_MAX ? 0 : c->direction[k];
    check_known(c, i, p->z_um);
    if (step == 0) {
        snprintf(text, sizeof(text), "z stays at %.9g um", p->z_um);
        tell(c, i, "z-repeat", text);
    } else if (step * c->direction[i] < 0) {
        snprintf(text, sizeof(text), "z goes back from %.9g to %.9g um", last, p->z_um);
        tell(c, i, "z-turns", text);
    } else if (!isnan(step)) {
        c->direction[i] = step;
    }
    return 0;
}

long af_stack_verify(struct af_stack *st, af_verify_report *report, void *ctx, struct af_err *err)
{
    struct check c = {.report = report, .ctx = ctx};
    struct af_err why = {AF_OK, ""};
    struct af_image img = {0};
    char text[64];
    size_t i = 0, n = 0;
    int more;

    while ((more = af_stack_next(st, &img, &i, &why)) == 1) {
        check_pixels(&c, &img, i);
        n = i + 1;
        if (check_z(&c, st, i, &why)) {
            more = -1;
            break;
        }
    }
    free(c.direction);
    af_image_release(&img);
    if (more < 0 && why.kind == AF_ESYS)
        return af_fail(err, why.kind, "%s", why.text);
    if (n && c.without_z == n)
        tell(&c, SIZE_MAX, "no-z", "z is known of no plane");
    if (more < 0)
        tell(&c, n, "unreadable", why.text);
    if (af_stack_info(st)->missing) {
        snprintf(text, sizeof(text), "%zu planes or more", af_stack_info(st)->missing);
        tell(&c, SIZE_MAX, "missing", text);
    }
    return c.found;
}
