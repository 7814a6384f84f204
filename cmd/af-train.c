/* SPDX-License-Identifier: BSD-2-Clause */
/* af-train: teach a network, or a look-up table, the defocus of laser frames, from label tables and
 * their stacks. */
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/trainlog.h"
#include "focus/lutrun.h"
#include "focus/trainnotes.h"
#include "nn/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROG "af-train"
enum { LAST_LAYER = AF_NN_NLAYERS - 1 };

static const double lr_fresh = 1e-4, lr_init = 1e-5;
static const int64_t epochs_fresh = 100, epochs_init = 50, batch_usual = 32;

enum arch { NETWORK, LUT }; // in the order of --arch

struct opts {
    int arch;         // enum arch
    double alpha;     // width; NaN: 1, or that of --init
    int64_t epochs;   // 0: by default
    int64_t batch;    // images; 0: by default
    double lr;        // NaN: by default
    int schedule;     // enum af_schedule
    int64_t patience; // epochs; 0: no end to it
    int64_t seed, nthreads, shift;
    double val_fraction; // of each day's stacks
    const char *val;     // table to validate with
    const char *init;    // model to start from
    int64_t freeze;      // Keras layers
    bool strict, resume;
    const char *checkpoint, *plot, *output;
    bool no_header, quiet, verbose;
    const char *const *tables; // operands, or "-"
    size_t ntables;
};

static const struct af_option options[] = {
    {0, "alpha", AF_OPT_REAL, offsetof(struct opts, alpha), "A",
     "width of the network [1, or that of --init]", NULL, 0.3, 2},
    {0, "arch", AF_OPT_CHOICE, offsetof(struct opts, arch), "NAME",
     "mobilenetv2, or lut: look-up table [mobilenetv2]", "mobilenetv2|lut", 0, 0},
    {0, "batch", AF_OPT_INT, offsetof(struct opts, batch), "N", "images in a step [32]", NULL, 1,
     4096},
    {0, "checkpoint", AF_OPT_FILE, offsetof(struct opts, checkpoint), "FILE",
     "keep the state of training there [MODEL.checkpoint]"},
    {0, "epochs", AF_OPT_INT, offsetof(struct opts, epochs), "N", "[100, with --init 50]", NULL, 1,
     1e6},
    {0, "freeze", AF_OPT_INT, offsetof(struct opts, freeze), "N",
     "with --init: layers before the N-th stay [0]", NULL, 0, LAST_LAYER},
    {0, "init", AF_OPT_FILE, offsetof(struct opts, init), "MODEL",
     "go on from a trained model: transfer learning"},
    {0, "lr", AF_OPT_REAL, offsetof(struct opts, lr), "RATE",
     "learning rate [1e-4, with --init 1e-5]", NULL, 1e-12, 1e3},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "MODEL",
     "file to write, .safetensors; needed"},
    {0, "patience", AF_OPT_INT, offsetof(struct opts, patience), "N",
     "end after N epochs without a better one [never]", NULL, 1, 1e6},
    {0, "plot", AF_OPT_FILE, offsetof(struct opts, plot), "FILE",
     "draw losses over epochs, .png or .svg (gnuplot)", ".png|.svg"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no progress and warnings"},
    {0, "resume", AF_OPT_FLAG, offsetof(struct opts, resume), NULL,
     "go on from the checkpoint, if it is there"},
    {0, "schedule", AF_OPT_CHOICE, offsetof(struct opts, schedule), "NAME",
     "of the learning rate: constant, cosine [constant]", "constant|cosine", 0, 0},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N",
     "of weights, split and order of images [1]", NULL, 0, 1e15},
    {0, "shift", AF_OPT_INT, offsetof(struct opts, shift), "PX",
     "move frames at random, pixels of the input [0]", NULL, 0, 95},
    {0, "strict", AF_OPT_FLAG, offsetof(struct opts, strict), NULL,
     "batch norm statistics by Keras's momentum only"},
    {'j', "threads", AF_OPT_INT, offsetof(struct opts, nthreads), "N", "[processors]", NULL, 1,
     1024},
    {0, "val", AF_OPT_FILE, offsetof(struct opts, val), "TABLE",
     "validate with the stacks of this label table"},
    {0, "val-fraction", AF_OPT_REAL, offsetof(struct opts, val_fraction), "F",
     "of each day's stacks validates [0.1]", NULL, 0, 0.9},
    {'v', "verbose", AF_OPT_FLAG, offsetof(struct opts, verbose), NULL,
     "say what is trained with what, on stderr"},
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "-o MODEL [LABELS...]",
    "Train a network, or a look-up table, to tell defocus from laser frames.",
    options,
};

/* Options that a table has no use for: the first that is given, or NULL. */
static const char *network_option(const struct opts *o)
{
    const struct {
        const char *name;
        bool given;
    } only[] = {
        {"--alpha", !isnan(o->alpha)},
        {"--batch", o->batch != 0},
        {"--checkpoint", o->checkpoint},
        {"--epochs", o->epochs != 0},
        {"--freeze", o->freeze != 0},
        {"--init", o->init},
        {"--lr", !isnan(o->lr)},
        {"--patience", o->patience != 0},
        {"--plot", o->plot},
        {"--resume", o->resume},
        {"--schedule", o->schedule},
        {"--shift", o->shift != 0},
        {"--strict", o->strict},
    };

    for (size_t i = 0; i < sizeof(only) / sizeof(*only); i++)
        if (only[i].given)
            return only[i].name;
    return NULL;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.alpha = NAN, .lr = NAN, .seed = 1, .val_fraction = 0.1};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    if (!o->output)
        return af_cli_usage(&tool, "--output is needed: a file for the model");
    if (strcmp(o->output, "-") == 0)
        return af_cli_usage(&tool, "--output: standard output has the training log");
    if (o->arch == LUT && network_option(o))
        return af_cli_usage(&tool, "%s is for networks, not for --arch lut", network_option(o));
    if (o->freeze && !o->init)
        return af_cli_usage(&tool, "--freeze needs --init: fresh layers know nothing yet");
    if (o->init && !isnan(o->alpha))
        return af_cli_usage(&tool, "--alpha and --init exclude each other");
    if (!o->epochs)
        o->epochs = o->init ? epochs_init : epochs_fresh;
    if (!o->batch)
        o->batch = batch_usual;
    if (isnan(o->lr))
        o->lr = o->init ? lr_init : lr_fresh;
    if (isnan(o->alpha))
        o->alpha = 1;
    o->tables = af_cli_operands(argc, argv, operand, &o->ntables);
    return -1;
}

/* What is trained for, and where that is told. */
struct sink {
    const struct opts *o;
    struct af_trainlog log;
};

static int draw(struct af_plot *p, bool validated, struct af_err *err)
{
    fputs("EOD\nset border 3\nset tics nomirror out\nset grid linecolor rgb '#dddddd'\n"
          "set datafile missing '?'\nset logscale y\nset format y '%g'\n"
          "set xlabel 'epoch'\nset ylabel 'mean squared error / half range²'\n"
          "plot $log using 1:2 with linespoints pointtype 7 pointsize 0.4 title 'training'",
          p->script);
    if (validated)
        fputs(", $log using 1:3 with linespoints pointtype 7 pointsize 0.4 title 'validation'",
              p->script);
    fputc('\n', p->script);
    return af_plot_commit(p, err);
}

/* The weights to start from: fresh, or those of --init without what it says of itself. */
static int start(const struct opts *o, const struct af_dataset *d, struct af_nn_model *m,
                 struct af_err *err)
{
    struct af_nn_model from = {0};
    int ret = -1;

    if (!o->init) {
        if (af_nn_model_init(m, o->alpha, err))
            return -1;
        af_nn_model_randomise(m, (uint64_t)o->seed);
        af_trainrun_set_target(d, m);
        return 0;
    }
    if (af_nn_model_read(&from, o->init, err) || af_nn_model_init(m, from.arch.alpha, err))
        goto done;
    memcpy(m->params, from.params, m->arch.nparams * sizeof(float));
    memcpy(m->moving, from.moving, m->arch.nmoving * sizeof(float));
    m->about.center_um = from.about.center_um;
    m->about.half_range_um = from.about.half_range_um;
    ret = 0;
done:
    af_nn_model_release(&from);
    return ret;
}

static int read_data(struct sink *k, struct af_dataset *d, struct af_dataset_opts *from,
                     struct af_err *err)
{
    const struct opts *o = k->o;

    *from = (struct af_dataset_opts){.tables = o->tables,
                                     .ntables = o->ntables,
                                     .val = o->val,
                                     .val_fraction = o->val_fraction,
                                     .seed = (uint64_t)o->seed,
                                     .nthreads = (unsigned)o->nthreads,
                                     .warn = af_trainlog_warn,
                                     .progress = af_trainlog_read,
                                     .stopped = af_cli_stopped,
                                     .ctx = &k->log};
    return af_dataset_read(d, from, err);
}

static void say(const struct opts *o, const struct af_dataset *d, const char *model)
{
    if (o->verbose)
        af_cli_warn(PROG,
                    "%zu images of %zu stacks and %zu days: %zu train, %zu validate; defocus %.9g "
                    "to %.9g um; %s",
                    d->n, d->labels.nstacks, d->ndays, d->ntrain, d->nval, d->min_um, d->max_um,
                    model);
}

/* Learn how far to trust the model; one that has seen too little goes without. */
static int calibrate(struct sink *k, struct af_nn_about *about, const struct af_estimator *e,
                     const struct af_dataset *d, struct af_err *err)
{
    struct af_err why = {AF_OK, ""};

    if (af_trainnotes_calibrate(about, e, d, &why)) {
        if (why.kind != AF_ENOFOCUS)
            return af_fail(err, why.kind, "%s", why.text);
        af_trainlog_warn(&k->log, why.text);
    }
    return 0;
}

/* The model is written where an epoch was finished. */
static int finish(struct sink *k, const struct af_dataset *d, const struct af_dataset_opts *from,
                  const struct af_trainrun_opts *ro, const struct af_trainrun_result *result,
                  struct af_nn_model *m, struct af_err *err)
{
    struct af_estimator *e = NULL;
    int ret = -1;

    if (!result->best_epoch)
        return 0;
    if (af_trainnotes_data(&m->about.notes, d, from, result, err) ||
        af_trainnotes_network(&m->about.notes, ro, result, err) ||
        af_estimator_of_network(&e, m, err) || calibrate(k, &m->about, e, d, err) ||
        af_nn_model_write(m, k->o->output, err) ||
        (k->log.plot.script && draw(&k->log.plot, d->nval > 0, err)))
        goto done;
    ret = 0;
done:
    af_estimator_free(e);
    return ret;
}

static int train_network(struct sink *k, const char *checkpoint, const struct af_dataset *d,
                         const struct af_dataset_opts *from, struct af_nn_model *m,
                         struct af_err *err)
{
    const struct opts *o = k->o;
    struct af_trainrun_opts ro = {
        .epochs = (size_t)o->epochs,
        .batch = (size_t)o->batch,
        .lr = o->lr,
        .schedule = o->schedule,
        .patience = (size_t)o->patience,
        .seed = (uint64_t)o->seed,
        .freeze = (int)o->freeze,
        .strict = o->strict,
        .shift = (unsigned)o->shift,
        .nthreads = (unsigned)o->nthreads,
        .checkpoint = checkpoint,
        .resume = o->resume,
        .to = {af_trainlog_epoch, af_trainlog_progress, af_trainlog_warn, af_cli_stopped, &k->log}};
    struct af_trainrun_result result;
    char words[100];
    int ret;

    if (start(o, d, m, err))
        return -1;
    snprintf(words, sizeof(words), "alpha %g, %zu parameters; kernels %s", m->arch.alpha,
             m->arch.nparams, af_nn_kernels_best()->name);
    say(o, d, words);
    af_progress_begin(&k->log.progress, o->quiet ? NULL : stderr, PROG, "images",
                      ro.epochs * d->ntrain);
    ret = af_trainrun(d, m, &ro, &result, err);
    af_progress_end(&k->log.progress);
    if (ret || finish(k, d, from, &ro, &result, m, err))
        return -1;
    return af_trainlog_conclude(&k->log, result.end, result.epochs, result.best_epoch, checkpoint,
                                o->checkpoint, err);
}

static int build_lut(struct sink *k, const struct af_dataset *d, const struct af_dataset_opts *from,
                     struct af_err *err)
{
    struct af_trainrun_result result = {.best_epoch = 1};
    struct af_estimator *e = NULL;
    struct af_lut lut;
    struct af_epoch epoch;
    int ret = af_lutrun(d, (unsigned)k->o->nthreads, af_cli_stopped, &lut, &epoch, err);

    if (ret) {
        ret = ret < 0 ? -1 : 0; // stopped
        goto done;
    }
    ret = -1;
    result.val_loss = epoch.val_loss;
    result.val_rmse_um = epoch.val_figure;
    af_trainlog_epoch(&k->log, &epoch);
    if (af_trainnotes_data(&lut.about.notes, d, from, &result, err) ||
        af_estimator_of_lut(&e, &lut, err))
        goto done;
    say(k->o, d, af_estimator_words(e));
    if (calibrate(k, &lut.about, e, d, err) || af_lut_write(&lut, k->o->output, err))
        goto done;
    ret = 0;
done:
    af_estimator_free(e);
    af_lut_release(&lut);
    return ret;
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct sink k = {.o = o, .log = {.prog = PROG, .things = "files", .quiet = o->quiet}};
    struct af_dataset d = {0};
    struct af_dataset_opts from;
    struct af_nn_model m = {0};
    char *checkpoint =
        o->checkpoint ? af_strdup(o->checkpoint, err) : af_format(err, "%s.checkpoint", o->output);
    int ret = -1;

    af_cli_catch_signals();
    if (!checkpoint || af_trainlog_probe(o->output, err) ||
        (o->arch == NETWORK && af_trainlog_probe(checkpoint, err)) ||
        af_trainlog_open(&k.log, o->plot, out, "val_rmse_um", "images_per_s", !o->no_header, err))
        goto done;
    ret = read_data(&k, &d, &from, err);
    if (ret == 0)
        ret = o->arch == LUT ? build_lut(&k, &d, &from, err)
                             : train_network(&k, checkpoint, &d, &from, &m, err);
    else if (ret > 0)
        ret = 0; // stopped
done:
    af_trainlog_release(&k.log);
    af_nn_model_release(&m);
    af_dataset_release(&d);
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
    return af_cli_end(PROG, status, &err);
}
