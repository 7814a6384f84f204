/* SPDX-License-Identifier: BSD-2-Clause */
#include "plate/tour.h"
#include "base/memory.h"
#include "plate/wellname.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_SITES = 10000000 };

static enum af_well_state state_of(const struct af_heights *h, size_t well)
{
    if (!h->tried || !h->tried[well])
        return AF_WELL_OPEN;
    return h->focused[well] ? AF_WELL_FOCUSED : AF_WELL_LOST;
}

static int fill_sites(struct af_tour *t, const struct af_tour_plan *p, const size_t *order,
                      struct af_err *err)
{
    int nfields = af_fields_count(p->fields);
    size_t n;

    if (!af_size_mul(t->nwells, (size_t)nfields, &n) || n > MOST_SITES)
        return af_fail(err, AF_EUSAGE, "more than %d positions", MOST_SITES);
    if (!(t->sites = af_calloc(n, sizeof *t->sites, err)) ||
        !(t->state = af_calloc(n, sizeof *t->state, err)))
        return -1;
    for (size_t i = 0; i < t->nwells; i++) {
        const struct af_well *w = &t->plate.well[order[i]];
        double x = w->x_um, y = w->y_um, dx, dy;

        af_place(&t->placement, &x, &y);
        for (int f = 0; f < nfields; f++) {
            af_fields_place(p->fields, f, &dx, &dy);
            t->state[t->nsites] = state_of(&t->heights, order[i]);
            t->sites[t->nsites++] = (struct af_site){
                w, f, nfields, x + dx, y + dy, isnan(p->z_um) ? w->z_um : p->z_um, NAN};
        }
    }
    return 0;
}

int af_tour_plan(struct af_tour *t, const struct af_tour_plan *p, struct af_err *err)
{
    bool *chosen = af_calloc(t->plate.n, sizeof *chosen, err);
    size_t *order = af_calloc(t->plate.n, sizeof *order, err);
    enum af_order by = p->order >= 0     ? (enum af_order)p->order
                       : t->plate.listed ? AF_ORDER_LISTED
                                         : AF_ORDER_HORIZONTAL;
    struct af_err cause;
    int ret = -1;

    if (!chosen || !order)
        goto done;
    if (p->wells && af_wells_choose(&t->plate, p->wells, chosen, &cause)) {
        af_fail(err, cause.kind, "--wells: %s", cause.text);
        goto done;
    }
    for (size_t i = 0; i < t->plate.n; i++)
        chosen[i] = (!p->wells || chosen[i]) && !(p->remaining && t->heights.tried[i]);
    if (af_wells_order(&t->plate, chosen, by, order, &t->nwells, err))
        goto done;
    ret = fill_sites(t, p, order, err);
done:
    free(chosen);
    free(order);
    return ret;
}

/* Where a site lies on the plate: its field's place from the well's centre is along the stage's
 * axes. */
static void on_plate(const struct af_tour *t, const struct af_site *site, double *x_um,
                     double *y_um)
{
    const double(*m)[2] = t->placement.m;
    double det = m[0][0] * m[1][1] - m[0][1] * m[1][0], x = site->well->x_um, y = site->well->y_um;

    af_place(&t->placement, &x, &y);
    x = site->x_um - x;
    y = site->y_um - y;
    *x_um = site->well->x_um + (m[1][1] * x - m[0][1] * y) / det;
    *y_um = site->well->y_um + (m[0][0] * y - m[1][0] * x) / det;
}

/* From the first to the last well of 96. */
#define WELLS_W_UM 99e3
#define WELLS_H_UM 63e3

static void widen(double *lo, double *hi, double least)
{
    double more = fmax(least - (*hi - *lo), 0) / 2;

    *lo -= more;
    *hi += more;
}

struct af_surface_prior af_tour_prior(const struct af_tour *t, double z_range_um)
{
    struct af_surface_prior prior = {INFINITY,  -INFINITY,  INFINITY,
                                     -INFINITY, z_range_um, af_plate_pitch_um(&t->plate)};

    for (size_t i = 0; i < t->plate.n; i++) {
        prior.x0_um = fmin(prior.x0_um, t->plate.well[i].x_um);
        prior.x1_um = fmax(prior.x1_um, t->plate.well[i].x_um);
        prior.y0_um = fmin(prior.y0_um, t->plate.well[i].y_um);
        prior.y1_um = fmax(prior.y1_um, t->plate.well[i].y_um);
    }
    if (!(prior.pitch_um > 0))
        prior.pitch_um = 1;
    // A range over a plate, not over the wells chosen
    widen(&prior.x0_um, &prior.x1_um, WELLS_W_UM);
    widen(&prior.y0_um, &prior.y1_um, WELLS_H_UM);
    return prior;
}

int af_tour_predict(struct af_tour *t, double z_range_um, struct af_err *err)
{
    struct af_surface_prior prior = af_tour_prior(t, z_range_um);
    struct af_surface s;

    if (af_surface_fit(&s, t->heights.at, t->heights.n, &prior, err))
        return -1;
    for (size_t i = 0; i < t->nsites; i++) {
        double x, y;

        on_plate(t, &t->sites[i], &x, &y);
        af_surface_at(&s, x, y, &t->sites[i].z_um, &t->sites[i].z_err_um);
    }
    af_surface_release(&s);
    return 0;
}

void af_tour_release(struct af_tour *t)
{
    free(t->sites);
    free(t->state);
    af_heights_release(&t->heights);
    af_plate_release(&t->plate);
    *t = (struct af_tour){.placement = AF_PLACEMENT_NONE};
}
