/* SPDX-License-Identifier: BSD-2-Clause */
/* Fluorescent beads on the coverslip, as the imaging camera sees them. */
#ifndef AF_OPTICS_BEADS_H
#define AF_OPTICS_BEADS_H
#include "optics/alignment.h"
#include "optics/lens.h"

enum { AF_BEADS_LEVELS = 4 };

/*
 * Beads lie all over the plate, at places, heights and brightnesses that the seed decides, so that
 * the same place always shows the same beads. Each is a point whose picture is that of its pupil,
 *
 *   P(r; z) = (1 - s^2 / n^2)^(-1/4) exp{ i [ W(r) + k0 z (sqrt(n^2 - s^2) - n) ] },  s = |r| / f
 * <= NA
 *
 * averaged over its own size and the pixel's. W: half the spherical aberration and the
 * astigmatism that the autofocus light meets twice, and the coma, which it does not see, over the
 * whole aperture. A bead out of focus by more than 6 um is even light.
 *
 * All-zero is the empty state. Serves one thread.
 */
struct af_beads {
    struct af_sim_params params;
    struct af_beads_level {
        size_t side, half; // samples across the pupil; px on either side of the patch's centre
        struct af_lens lens;
        double *turns;  // [side][side] defocus, turns per um
        float *re, *im; // [side][side] pupil of the alignment below
        float *field_re, *field_im;
        double energy;
        float *patch, *smooth; // [2 half + 1][2 half + 1]
        struct af_alignment alignment;
    } level[AF_BEADS_LEVELS];
};

void af_beads_init(struct af_beads *b, const struct af_sim_params *p);
void af_beads_release(struct af_beads *b);

/*
 * Expected electrons, out[bead_height][bead_width], of an exposure; the picture's centre lies at
 * x_um, y_um of the plate, its focal plane z_um deeper than the coverslip there. -1 with AF_ESYS.
 */
int af_beads_light(struct af_beads *b, const struct af_alignment *a, double x_um, double y_um,
                   double z_um, double exposure_ms, float *out, struct af_err *err);

/* The beads whose centres lie in a rectangle of the plate, for tests: calls see() for each. */
struct af_bead {
    double x_um, y_um; // on the plate
    double height_um;  // over the coverslip
    double brightness; // factor, 1 on average
};
void af_beads_visit(const struct af_sim_params *p, double x0_um, double y0_um, double x1_um,
                    double y1_um, int (*see)(void *ctx, const struct af_bead *bead), void *ctx);

#endif
