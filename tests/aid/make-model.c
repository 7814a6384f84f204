/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-model: a model that nobody has trained, for tests: random weights, or one that says
 * the same of every frame; on request with the trust of frames that it is shown.
 */
#include "base/random.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "focus/trust.h"
#include "image/stack.h"
#include "nn/infer.h"
#include "nn/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PROG "make-model"

struct opts {
    double alpha, center_um, half_range_um;
    double constant; // output for every frame; NaN: what random weights make of it
    double error_um; // of the predictions that trust is learnt from
    int64_t seed, days;
    const char *trust; // stack, or NULL
    const char *output;
};

static const struct af_option options[] = {
    {0, "alpha", AF_OPT_REAL, offsetof(struct opts, alpha), "A", "width [0.35]"},
    {0, "center", AF_OPT_LENGTH, offsetof(struct opts, center_um), "LENGTH", "of the range [0]"},
    {0, "constant", AF_OPT_REAL, offsetof(struct opts, constant), "Y", "output for every frame"},
    {0, "days", AF_OPT_INT, offsetof(struct opts, days), "N", "that trust's frames are of [4]",
     NULL, 1, 1000},
    {0, "error", AF_OPT_LENGTH, offsetof(struct opts, error_um), "LENGTH", "of trust [0.1um]"},
    {0, "half-range", AF_OPT_LENGTH, offsetof(struct opts, half_range_um), "LENGTH", "[10um]"},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE", "model"},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N", "of the weights [1]"},
    {0, "trust", AF_OPT_FILE, offsetof(struct opts, trust), "STACK", "trust frames like these"},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "", "Make a model for tests.", options};

static int add_frames(const struct opts *o, const struct af_nn_model *m, struct af_stack *st,
                      struct af_trust_fit *fit, struct af_err *err)
{
    static float x[AF_FRAME_PX], feature[4096];
    struct af_nn_infer *infer = NULL;
    struct af_nn_bench *bench = NULL;
    struct af_image img = {0};
    struct af_frame_facts facts;
    struct af_random r;
    size_t i;
    float y;
    int more = -1;

    af_random_init(&r, (uint64_t)o->seed, PROG);
    if (af_nn_infer_new(&infer, &m->arch, m->params, m->moving, NULL, err) ||
        af_nn_bench_new(&bench, infer, err))
        goto done;
    while ((more = af_stack_next(st, &img, &i, err)) == 1) {
        struct af_trust_frame f = {.facts = &facts, .input = x, .feature = feature};

        more = -1;
        if (af_frame_reduce(&img, x, &facts, err))
            goto done;
        af_nn_infer_run(infer, bench, x, 1, &y, feature);
        f.defocus_um = o->center_um + o->half_range_um * (double)y;
        if (af_trust_fit_add(fit, &f, f.defocus_um + o->error_um * af_random_normal(&r),
                             (unsigned)i % (unsigned)o->days, err))
            goto done;
    }
done:
    af_image_release(&img);
    af_nn_bench_free(bench);
    af_nn_infer_free(infer);
    return more;
}

static int learn_trust(const struct opts *o, struct af_nn_model *m, struct af_err *err)
{
    struct af_trust_fit *fit = NULL;
    struct af_stack *st = NULL;
    static struct af_trust t;
    int ret = -1;

    if (af_stack_open(&st, &o->trust, 1, NULL, err) ||
        af_trust_fit_new(&fit, (size_t)m->arch.cfeature, err) || add_frames(o, m, st, fit, err) ||
        af_trust_fit_finish(fit, o->center_um - o->half_range_um, o->center_um + o->half_range_um,
                            &t, err) ||
        af_trust_write(&t, &m->about.notes, err))
        goto done;
    ret = 0;
done:
    af_trust_fit_free(fit);
    af_stack_close(st);
    return ret;
}

static int make(const struct opts *o, struct af_err *err)
{
    struct af_nn_model m = {.params = NULL};
    int ret = -1;

    if (af_nn_model_init(&m, o->alpha, err))
        return -1;
    af_nn_model_randomise(&m, (uint64_t)o->seed);
    m.about.center_um = o->center_um;
    m.about.half_range_um = o->half_range_um;
    if (!isnan(o->constant)) {
        memset(m.params + m.arch.dense_kernel, 0, (size_t)m.arch.cfeature * sizeof(*m.params));
        m.params[m.arch.dense_bias] = (float)o->constant;
    }
    if (!o->trust || !learn_trust(o, &m, err))
        ret = af_nn_model_write(&m, o->output, err);
    af_nn_model_release(&m);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o = {.alpha = 0.35,
                     .half_range_um = 10,
                     .constant = (double)NAN,
                     .error_um = 0.1,
                     .seed = 1,
                     .days = 4,
                     .output = "model.safetensors"};
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status < 0)
        status = make(&o, &err);
    return af_cli_end(PROG, status, &err);
}
