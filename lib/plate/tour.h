/* SPDX-License-Identifier: BSD-2-Clause */
/* The way over a plate: sites in the order of visiting, and where their focus is expected. */
#ifndef AF_PLATE_TOUR_H
#define AF_PLATE_TOUR_H
#include "plate/heights.h"
#include "plate/plate.h"
#include "plate/sites.h"
#include "plate/teach.h"

/* What is known of a well. */
enum af_well_state { AF_WELL_OPEN, AF_WELL_FOCUSED, AF_WELL_LOST }; // lost: tried in vain

/* Plate, placement and heights are the caller's to fill, the rest is planned. */
struct af_tour {
    struct af_plate plate;
    struct af_placement placement; // AF_PLACEMENT_NONE: not taught
    struct af_heights heights;     // of wells focused so far; all-zero: none is known
    struct af_site *sites;         // [nsites] as the stage counts
    enum af_well_state *state;     // [nsites] of its well
    size_t nsites, nwells;
};
void af_tour_release(struct af_tour *t);

struct af_tour_plan {
    const char *wells; // as A1:D6,H12; NULL: all
    int order;         // enum af_order; -1: listed for a list of positions, else horizontal
    bool remaining;    // only wells that `heights` has not tried
    const struct af_fields *fields; // of each well
    double z_um;                    // of all sites; NaN: as the plate has it
};

/* Choose wells, order them, lay out their fields. -1 with AF_EUSAGE (no such well, too many sites),
 * AF_ESYS. */
int af_tour_plan(struct af_tour *t, const struct af_tour_plan *p, struct af_err *err);

/*
 * What is assumed where wells do not tell: z differs by z_range_um over the plate, which is as
 * large as 96 wells at least, whichever wells are visited.
 */
struct af_surface_prior af_tour_prior(const struct af_tour *t, double z_range_um);

/* z and its error of every site, by the surface through the wells focused. -1 with AF_ESYS. */
int af_tour_predict(struct af_tour *t, double z_range_um, struct af_err *err);

#endif
