/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-stack: an OME-TIFF stack straight from the simulated microscope, at true positions: no stage
 * driver, no settling, virtual time. For tests and pictures of the simulator itself.
 */
#include "cli/cli.h"
#include "cli/option.h"
#include "device/simscope.h"
#include "image/stackwrite.h"

#include <math.h>
#include <stdlib.h>

#define PROG "sim-stack"

struct opts {
    const char *sim, *output; // sim should say clock=virtual
    double from_um, to_um, step_um, exposure_ms;
    bool beads;
};

static const struct af_option options[] = {
    {0, "beads", AF_OPT_FLAG, offsetof(struct opts, beads), NULL, "of the imaging camera"},
    {0, "exposure", AF_OPT_TIME, offsetof(struct opts, exposure_ms), "TIME", "[0.4ms]"},
    {0, "from", AF_OPT_LENGTH, offsetof(struct opts, from_um), "Z", "first defocus [-10um]"},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE", "OME-TIFF"},
    {0, "sim", AF_OPT_TEXT, offsetof(struct opts, sim), "KEYS", "key=value&..."},
    {0, "step", AF_OPT_LENGTH, offsetof(struct opts, step_um), "LENGTH", "[1um]"},
    {0, "to", AF_OPT_LENGTH, offsetof(struct opts, to_um), "Z", "last [10um]"},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "", "Make a stack of the simulated microscope.", options};

/* z of the file is defocus: the stage goes to it from the focus of the moment. */
static int take(const struct opts *o, struct af_simscope *s, struct af_stack_writer *w,
                struct af_err *err)
{
    struct af_sim_exposure e = {.exposure_ms = o->exposure_ms, .gain = 1};
    struct af_image img = {0};
    int ret = -1;

    for (size_t i = 0; o->from_um + o->step_um * (double)i <= o->to_um + 1e-9; i++) {
        struct af_sim_truth t;
        struct af_sim_shot shot;
        double z = o->from_um + o->step_um * (double)i;
        if (af_simscope_truth(s, &t, err) ||
            af_simscope_move(s, AF_SIM_Z, t.focus_um + z, 0, 0, err) ||
            af_simscope_pause(s, 1000, err) ||
            (o->beads ? af_simscope_beads : af_simscope_frame)(s, &e, &img, &shot, err))
            goto done;
        struct af_plane p = {.z_um = shot.defocus_um,
                             .x_um = shot.x_um,
                             .y_um = shot.y_um,
                             .exposure_ms = o->exposure_ms,
                             .time_s = shot.time_s};
        if (af_stack_writer_add(w, &img, &p, err))
            goto done;
    }
    ret = 0;
done:
    af_image_release(&img);
    return ret;
}

static int make(const struct opts *o, struct af_err *err)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_stack_writer *w = NULL;
    struct af_simscope *s = NULL;
    struct af_sim_sensor sensor;
    int ret = -1;

    if (af_simscope_open(&s, NULL, o->sim, err) || af_simscope_sensor(s, o->beads, &sensor, err))
        goto done;
    meta.px_um = meta.py_um = sensor.sample_um;
    if (af_stack_writer_open(&w, o->output, &meta, err))
        goto done;
    if (take(o, s, w, err))
        goto done;
    ret = af_stack_writer_commit(w, err);
    w = NULL;
done:
    af_stack_writer_discard(w, false);
    af_simscope_close(s);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {0};
    struct opts o = {.sim = "clock=virtual",
                     .output = "sim.ome.tif",
                     .from_um = -10,
                     .to_um = 10,
                     .step_um = 1,
                     .exposure_ms = 0.4};
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status < 0)
        status = make(&o, &err);
    return af_cli_end(PROG, status, &err);
}
