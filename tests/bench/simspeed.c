/* SPDX-License-Identifier: BSD-2-Clause */
/* simspeed: frames per second of processor time, simulated autofocus camera, 640x480, one thread.
 */
#include "device/simscope.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FRAMES = 60 };

/* Frames around defocus z, each at another one, as in a stack. */
static double rate(struct af_simscope *s, double z_um, struct af_err *err)
{
    struct af_sim_exposure e = {.exposure_ms = 1, .gain = 1};
    struct af_image img = {0};
    clock_t begun = 0;

    for (int i = 0; i <= FRAMES; i++) {
        if (af_simscope_move(s, AF_SIM_Z, z_um + 0.001 * i, 0, 0, err) ||
            af_simscope_pause(s, 1000, err) || af_simscope_frame(s, &e, &img, NULL, err)) {
            fprintf(stderr, "simspeed: %s\n", err->text);
            exit(1);
        }
        if (i == 0) // the grid of the pupil is made
            begun = clock();
    }
    af_image_release(&img);
    return FRAMES / ((double)(clock() - begun) / CLOCKS_PER_SEC);
}

int main(void)
{
    static const double z_um[] = {0, 10, 50, 100};
    struct af_simscope *s;
    struct af_err err;

    if (af_simscope_open(&s, NULL, "clock=virtual", &err))
        return 1;
    for (size_t i = 0; i < sizeof z_um / sizeof *z_um; i++)
        printf("%s%.0f at %g um", i ? ", " : "", rate(s, z_um[i], &err), z_um[i]);
    printf(" frames/s\n");
    af_simscope_close(s);
    return 0;
}
