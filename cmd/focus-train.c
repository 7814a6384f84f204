/* SPDX-License-Identifier: BSD-2-Clause */
/* focus-train: teach a U-Net what is in focus, from stacks and masks, or from what rules say of
 * them. */
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/mapopts.h"
#include "cli/option.h"
#include "cli/trainlog.h"
#include "focus/unetnotes.h"
#include "maps/height.h"
#include "nn/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROG "focus-train"

struct opts {
    int arch, schedule;       // number of af_unet_name; enum af_schedule
    int teach;                // enum af_mask_rule; -1: not given
    int64_t epochs, patience; // patience 0: no end to it
    int64_t batch;            // tiles
    double lr, tolerance;     // tolerance: slices
    int64_t tile, stride;     // px; stride 0: three quarters of a tile
    int64_t seed, nthreads, channel, max_pixels;
    const char *masks;       // pattern of their names
    struct af_mapopts score; // of --teach
    struct af_optlist val;   // stacks that validate
    double val_fraction;
    const char *init;    // model to start from
    double noise, slope; // that are added: share of brightness, slices/px
    bool still, resume;
    const char *checkpoint, *plot, *output;
    bool no_header, quiet, verbose;
    const char *const *stacks; // operands
    size_t nstacks;
};

static const struct af_option options[] = {
    {0, "arch", AF_OPT_CHOICE, offsetof(struct opts, arch), "NAME",
     "network: unet, unet-512, unet-small, unet-z [unet]", AF_UNET_NAMES, 0, 0},
    {0, "batch", AF_OPT_INT, offsetof(struct opts, batch), "N", "tiles in a step [8]", NULL, 1,
     1024},
    {0, "channel", AF_OPT_INT, offsetof(struct opts, channel), "N",
     "read only channel N, from 1 [all]", NULL, 1, 65536},
    {0, "checkpoint", AF_OPT_FILE, offsetof(struct opts, checkpoint), "FILE",
     "keep the state of training there [MODEL.checkpoint]"},
    {0, "epochs", AF_OPT_INT, offsetof(struct opts, epochs), "N", "[100]", NULL, 1, 1e6},
    {0, "init", AF_OPT_FILE, offsetof(struct opts, init), "MODEL", "go on from a trained model"},
    {0, "lr", AF_OPT_REAL, offsetof(struct opts, lr), "RATE", "learning rate [1e-3]", NULL, 1e-12,
     1e3},
    {0, "masks", AF_OPT_TEXT, offsetof(struct opts, masks), "PATTERN",
     "masks/%.tif: of x.ome.tif, masks/x.tif"},
    {0, "max-pixels", AF_OPT_INT, offsetof(struct opts, max_pixels), "N",
     "refuse larger planes [268435456]", NULL, 1, 1e12},
    {0, "measure", AF_OPT_TEXT, offsetof(struct opts, score.measure_text), "LIST",
     "of --teach, a voice each [variance,std,tenengrad]"},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {0, "noise", AF_OPT_REAL, offsetof(struct opts, noise), "SHARE",
     "add up to that of a slice's brightness [0.15]", NULL, 0, 10},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "MODEL",
     "file to write, .safetensors; needed"},
    {0, "patience", AF_OPT_INT, offsetof(struct opts, patience), "N",
     "end after N epochs without a better one [never]", NULL, 1, 1e6},
    {0, "plot", AF_OPT_FILE, offsetof(struct opts, plot), "FILE",
     "draw losses and IoU, .png or .svg (gnuplot)", ".png|.svg"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no progress and warnings"},
    {0, "resume", AF_OPT_FLAG, offsetof(struct opts, resume), NULL,
     "go on from the checkpoint, if it is there"},
    {0, "schedule", AF_OPT_CHOICE, offsetof(struct opts, schedule), "NAME",
     "of the learning rate: constant, cosine [constant]", "constant|cosine", 0, 0},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N",
     "of weights, split and order of tiles [1]", NULL, 0, 1e15},
    {0, "slope", AF_OPT_REAL, offsetof(struct opts, slope), "SLICES",
     "shear stacks by up to that per px [0.4]", NULL, 0, 10},
    {0, "still", AF_OPT_FLAG, offsetof(struct opts, still), NULL,
     "tiles as they are: not turned, sheared, noisier"},
    {0, "stride", AF_OPT_TEXT, offsetof(struct opts, score.stride_text), "LIST",
     "of --teach, from window to window, px [" AF_MAPRUN_STRIDE "]"},
    {0, "teach", AF_OPT_CHOICE, offsetof(struct opts, teach), "RULE",
     "masks by rules: fit, peak, ref, stack, slice [fit]", AF_MASK_RULES, 0, 0},
    {'j', "threads", AF_OPT_INT, offsetof(struct opts, nthreads), "N", "[processors]", NULL, 1,
     1024},
    {0, "tile", AF_OPT_INT, offsetof(struct opts, tile), "PX", "side of a tile [256]", NULL, 16,
     4096},
    {0, "tile-stride", AF_OPT_INT, offsetof(struct opts, stride), "PX",
     "from tile to tile [three quarters of a tile]", NULL, 1, 4096},
    {0, "tolerance", AF_OPT_REAL, offsetof(struct opts, tolerance), "SLICES",
     "rules fit and peak: farthest from focus [1]", NULL, 0, 1e9},
    {0, "val", AF_OPT_LIST, offsetof(struct opts, val), "STACK",
     "that validates and does not train; again for more"},
    {0, "val-fraction", AF_OPT_REAL, offsetof(struct opts, val_fraction), "F",
     "of the stacks validates [0.2]", NULL, 0, 0.9},
    {'v', "verbose", AF_OPT_FLAG, offsetof(struct opts, verbose), NULL,
     "say what is trained with what, on stderr"},
    {0, "window", AF_OPT_TEXT, offsetof(struct opts, score.window_text), "LIST",
     "of --teach, sides of the windows, px [" AF_MAPRUN_WINDOW "]"},
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "-o MODEL [--masks PATTERN] STACK...",
    "Train a network to tell which pixels of a slice are in focus.",
    options,
};

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.teach = -1,
                       .epochs = 100,
                       .batch = 8,
                       .lr = 1e-3,
                       .tolerance = 1,
                       .noise = 0.15,
                       .slope = 0.4,
                       .tile = 256,
                       .seed = 1,
                       .score = AF_MAPOPTS_INIT,
                       .val_fraction = 0.2};
    o->score.measure_text = "variance,std,tenengrad";
    if ((status = af_cli_parse(&tool, argc, argv, o, &operand)) >= 0 ||
        (status = af_mapopts_parse(&o->score, &tool)) >= 0)
        return status;
    if (!o->output)
        return af_cli_usage(&tool, "--output is needed: a file for the model");
    if (strcmp(o->output, "-") == 0)
        return af_cli_usage(&tool, "--output: standard output has the training log");
    if (o->masks && o->teach >= 0)
        return af_cli_usage(&tool, "--masks and --teach exclude each other");
    if (o->masks && !strchr(o->masks, '%'))
        return af_cli_usage(&tool, "--masks: '%s' has no %% to stand for the stack's name",
                            o->masks);
    if (o->teach < 0)
        o->teach = AF_MASK_FIT;
    if (!o->stride)
        o->stride = (o->tile * 3 + 3) / 4;
    if (operand == argc)
        return af_cli_usage(&tool, "which stacks?");
    o->stacks = (const char *const *)argv + operand;
    o->nstacks = (size_t)(argc - operand);
    return -1;
}

/* What is trained for, and where that is told. */
struct sink {
    const struct opts *o;
    struct af_trainlog log;
};

static int draw(struct af_plot *p, bool validated, struct af_err *err)
{
    fputs("EOD\nset border 11\nset tics nomirror out\nset grid linecolor rgb '#dddddd'\n"
          "set datafile missing '?'\nset key bottom left\nset xlabel 'epoch'\n"
          "set ylabel 'loss: cross-entropy + focal + Dice'\nset yrange [0:*]\n",
          p->script);
    if (validated)
        fputs("set y2label 'IoU'\nset y2range [0:1]\nset y2tics out\n", p->script);
    fputs("plot $log using 1:2 with lines linewidth 2 title 'training loss'", p->script);
    if (validated)
        fputs(", $log using 1:3 with lines linewidth 2 title 'validation loss'"
              ", $log using 1:4 axes x1y2 with lines linewidth 2 title 'validation IoU'",
              p->script);
    fputc('\n', p->script);
    return af_plot_commit(p, err);
}

/* -------------------------------------------------------------------- data */

/* Length of a file's name without its ending: .ome.tif, .ome.tiff, or what follows the last dot. */
static size_t stem(const char *base)
{
    const char *dot = strrchr(base, '.');
    size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);

    return n > 4 && strncmp(base + n - 4, ".ome", 4) == 0 ? n - 4 : n;
}

/* The pattern with each % replaced by the stack's name, folder and ending left out. */
static char *mask_name(const char *pattern, const char *stack, struct af_err *err)
{
    const char *slash = strrchr(stack, '/'), *base = slash ? slash + 1 : stack;
    size_t n = 1, length = stem(base), at = 0;
    char *name;

    for (const char *p = pattern; *p; p++)
        n += *p == '%' ? length : 1;
    if (!(name = af_calloc(n, 1, err)))
        return NULL;
    for (const char *p = pattern; *p; p++)
        if (*p == '%') {
            memcpy(name + at, base, length);
            at += length;
        } else {
            name[at++] = *p;
        }
    return name;
}

/* Names of stacks and masks; those that validate come last. */
struct files {
    const char **stacks;
    char **masks; // NULL: taught
    bool *validates;
    size_t n;
};

static void release_files(struct files *f)
{
    for (size_t i = 0; f->masks && i < f->n; i++)
        free(f->masks[i]);
    free(f->masks);
    free(f->stacks);
    free(f->validates);
}

static int list_files(const struct opts *o, struct files *f, struct af_err *err)
{
    f->n = o->nstacks + o->val.n;
    if (!(f->stacks = af_calloc(f->n, sizeof(char *), err)) ||
        !(f->validates = af_calloc(f->n, sizeof(*f->validates), err)) ||
        (o->masks && !(f->masks = af_calloc(f->n, sizeof(char *), err))))
        return -1;
    for (size_t i = 0; i < f->n; i++) {
        f->validates[i] = i >= o->nstacks;
        f->stacks[i] = f->validates[i] ? o->val.text[i - o->nstacks] : o->stacks[i];
        if (o->masks && !(f->masks[i] = mask_name(o->masks, f->stacks[i], err)))
            return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------- training */

/* The weights to start from: fresh, or those of --init without what it says of itself. */
static int start(const struct opts *o, struct af_unet_model *m, struct af_err *err)
{
    struct af_unet_model from;
    int ret;

    if (!o->init) {
        if (af_unet_model_init(m, af_unet_name[o->arch], err))
            return -1;
        af_unet_randomise(&m->arch, m->params, (unsigned long long)o->seed);
        return 0;
    }
    if (af_unet_model_read(&from, o->init, err))
        return -1;
    if (!(ret = af_unet_model_init(m, from.arch.name, err)))
        memcpy(m->params, from.params, m->arch.nparams * sizeof(float));
    af_unet_model_release(&from);
    return ret;
}

static void say(const struct opts *o, const struct af_maskset *s, const struct af_unet_model *m)
{
    if (o->verbose)
        af_cli_warn(PROG,
                    "%zu slices of %zu stacks: %zu tiles train, %zu of %zu stacks validate; %s, "
                    "%zu parameters; kernels %s",
                    s->nslices, s->nstacks, s->ntrain, s->nval, s->nvalidates, m->arch.name,
                    m->arch.nparams, af_nn_kernels_best()->name);
}

static int train(struct sink *k, const char *checkpoint, const struct af_maskset *s,
                 const struct af_maskset_opts *from, struct af_unet_model *m, struct af_err *err)
{
    const struct opts *o = k->o;
    const struct af_unetrun_opts ro = {
        .epochs = (size_t)o->epochs,
        .batch = (size_t)o->batch,
        .lr = o->lr,
        .schedule = o->schedule,
        .patience = (size_t)o->patience,
        .seed = (uint64_t)o->seed,
        .still = o->still,
        .noise = o->noise,
        .slope = o->slope,
        .nthreads = (unsigned)o->nthreads,
        .checkpoint = checkpoint,
        .resume = o->resume,
        .to = {af_trainlog_epoch, af_trainlog_progress, af_trainlog_warn, af_cli_stopped, &k->log}};
    struct af_unetrun_result result;
    int ret;

    say(o, s, m);
    af_progress_begin(&k->log.progress, o->quiet ? NULL : stderr, PROG, "tiles",
                      ro.epochs * s->ntrain);
    ret = af_unetrun(s, m, &ro, &result, err);
    af_progress_end(&k->log.progress);
    if (ret)
        return -1;
    if (result.best_epoch && (af_unetnotes(&m->notes, s, from, &ro, &result, err) ||
                              af_unet_model_write(m, o->output, err) ||
                              (k->log.plot.script && draw(&k->log.plot, s->nval > 0, err))))
        return -1;
    return af_trainlog_conclude(&k->log, result.end, result.epochs, result.best_epoch, checkpoint,
                                o->checkpoint, err);
}

static int read_and_train(struct sink *k, const char *checkpoint, const struct files *f,
                          struct af_err *err)
{
    const struct opts *o = k->o;
    const struct af_weaklabel_opts teach = {
        .measures = o->score.measures,
        .windows = o->score.windows,
        .strides = o->score.strides,
        .nwindows = o->score.nwindows,
        .nstrides = o->score.nstrides,
        .rule = {.rule = (enum af_mask_rule)o->teach,
                 .tolerance = o->tolerance,
                 .most_err = AF_HEIGHT_MOST_ERR,
                 .ref = -1,
                 .fill = o->teach == AF_MASK_REF ? SIZE_MAX : 0},
        .nthreads = (unsigned)o->nthreads};
    struct af_maskset_opts from = {.stacks = f->stacks,
                                   .masks = (const char *const *)f->masks,
                                   .nstacks = f->n,
                                   .validates = o->val.n ? f->validates : NULL,
                                   .val_fraction = o->val_fraction,
                                   .teach = &teach,
                                   .stack = {.whole = true,
                                             .max_pixels = (size_t)o->max_pixels,
                                             .channel = (size_t)o->channel,
                                             .warn = af_trainlog_warn,
                                             .warn_ctx = &k->log},
                                   .side = (size_t)o->tile,
                                   .stride = (size_t)o->stride,
                                   .seed = (uint64_t)o->seed,
                                   .progress = af_trainlog_read,
                                   .stopped = af_cli_stopped,
                                   .ctx = &k->log};
    struct af_unet_model m = {.params = NULL};
    struct af_maskset s = {.nslices = 0};
    int ret = start(o, &m, err);

    from.sees = m.arch.slices;
    if (!ret && !(ret = af_maskset_read(&s, &from, err)))
        ret = train(k, checkpoint, &s, &from, &m, err);
    else if (ret > 0)
        ret = 0; // stopped
    af_maskset_release(&s);
    af_unet_model_release(&m);
    return ret;
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct sink k = {.o = o, .log = {.prog = PROG, .things = "stacks", .quiet = o->quiet}};
    struct files f = {.n = 0};
    char *checkpoint =
        o->checkpoint ? af_strdup(o->checkpoint, err) : af_format(err, "%s.checkpoint", o->output);
    int ret = -1;

    af_cli_catch_signals();
    if (!checkpoint || af_trainlog_probe(o->output, err) || af_trainlog_probe(checkpoint, err) ||
        list_files(o, &f, err) ||
        af_trainlog_open(&k.log, o->plot, out, "val_iou", "tiles_per_s", !o->no_header, err))
        goto done;
    ret = read_and_train(&k, checkpoint, &f, err);
done:
    af_trainlog_release(&k.log);
    release_files(&f);
    free(checkpoint);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, stdout, &err);
    af_mapopts_release(&o.score);
    return af_cli_end(PROG, status, &err);
}
