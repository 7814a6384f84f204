/* SPDX-License-Identifier: BSD-2-Clause */
/* The laser's picture on the autofocus camera, as light: before the sensor. */
#ifndef AF_OPTICS_SPOT_H
#define AF_OPTICS_SPOT_H
#include "optics/alignment.h"
#include "optics/lens.h"
#include "optics/pupil.h"
#include <stdbool.h>

/*
 * The picture at one defocus after the other. The pupil is sampled as finely as defocus, sensor
 * and shift need; grids and alignment are kept from call to call. All-zero is the
 * empty state. Serves one thread.
 */
struct af_spot {
    struct af_sim_params params;
    struct af_alignment alignment;
    double level_um; // largest defocus that the grid serves; 0: none yet
    double finer;    // factor on the sampling density: 1, or for tests more
    bool aligned;
    struct af_pupil pupil;
    struct af_lens lens;
    float *x_re, *x_im, *y_re, *y_im; // [width], [height] field of the second surface
    float *fringe_cos, *fringe_sin;   // [width] of the stripes along x
    float *raw;                       // [height][width] before the pixels' average
};

/* Of parameters p, which are copied. -1 with AF_ESYS (memory); release in any case. */
int af_spot_init(struct af_spot *s, const struct af_sim_params *p, struct af_err *err);
void af_spot_release(struct af_spot *s);

/*
 * Expected electrons in each pixel, out[height][width], of `total` electrons that come back from
 * the first surface; af_sim_params of the spot, alignment a, interface at defocus z_um (0: the
 * imaging focus lies on it). The light is averaged over each pixel's square. The fringes of the
 * beam splitter are in it, the camera's own properties are not. -1 with AF_ESYS.
 *
 * The second surface, a coverslip's thickness away, is far out of focus: its field is that
 * of stationary phase, and where it would come to a focus, of 60 um from it.
 */
int af_spot_light(struct af_spot *s, const struct af_alignment *a, double z_um, double total,
                  float *out, struct af_err *err);

/* Light that comes back, against the parameters' own alignment: laser power, and reflection. */
double af_spot_power(const struct af_sim_params *p, const struct af_alignment *a);

#endif
