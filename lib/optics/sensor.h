/* SPDX-License-Identifier: BSD-2-Clause */
/* A simulated camera: from light to counts. */
#ifndef AF_OPTICS_SENSOR_H
#define AF_OPTICS_SENSOR_H
#include "base/random.h"
#include "image/image.h"
#include "optics/params.h"

/* What a sensor does to light the same way every time. All-zero is the empty state. */
struct af_sensor {
    size_t w, h;
    double read_noise, full_well, black, noise; // as in af_sim_params
    float *response;  // [h][w] gain of the pixel, dust and vignetting before it
    float *dark;      // [h][w] electrons per ms
    double edge[130]; // of the layers that normal variates are drawn from
};

/* w x h px with p's noise; gain spread, dust, hot pixels are drawn from p->seed. -1 with AF_ESYS.
 */
int af_sensor_init(struct af_sensor *s, const struct af_sim_params *p, size_t w, size_t h,
                   struct af_err *err);
void af_sensor_release(struct af_sensor *s);

struct af_sensor_exposure {
    double exposure_ms;
    double stray;      // electrons per px and ms, even light
    double gain;       // 1: a full well is full scale
    unsigned bits;     // 8 to 16
    size_t x, y, w, h; // region, within the sensor, not empty
};

/*
 * Expose: n = Poisson(response (light + stray ms) + dark ms) + read noise, at most the full
 * well; counts = round((n + black) gain full scale / full well), cut to 0 .. full scale.
 *
 * light: [s->h][s->w] electrons
 * r:     drawn from
 * img:   resized to the region; U8, or U16 for more than 8 bits
 *
 * Where photons and read noise make a variance of 25 or more their sum is drawn as a normal
 * variate bent to the right third moment; below, as a Poisson variate and a normal one.
 * -1 with AF_ESYS.
 */
int af_sensor_expose(const struct af_sensor *s, const float *light,
                     const struct af_sensor_exposure *e, struct af_random *r, struct af_image *img,
                     struct af_err *err);

#endif
