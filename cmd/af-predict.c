/* SPDX-License-Identifier: BSD-2-Clause */
/* af-predict: micrometres of defocus for each frame, or why there is no answer to trust. */
#include "base/progress.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/stackopts.h"
#include "focus/labeltable.h"
#include "focus/predictrun.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROG "af-predict"

struct opts {
    const char *model, *coarse, *fine; // -m, or --long and --short
    const char *labels;                // table of what is true, or NULL
    int64_t nthreads;                  // 0: one per processor
    bool no_header, quiet, stream, verbose;
    struct af_stackopts stack;
    const char *const *paths; // operands, or "-"
    size_t npaths;
};

static const struct af_option options[] = {
    {0, "labels", AF_OPT_FILE, offsetof(struct opts, labels), "TABLE",
     "add what is true, from a table of af-label"},
    {0, "long", AF_OPT_FILE, offsetof(struct opts, coarse), "MODEL",
     "two steps: the model of the long range ..."},
    {'m', "model", AF_OPT_FILE, offsetof(struct opts, model), "MODEL", "from af-train"},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no progress, no warnings"},
    {0, "short", AF_OPT_FILE, offsetof(struct opts, fine), "MODEL",
     "... and the one that answers near focus"},
    {0, "stream", AF_OPT_FLAG, offsetof(struct opts, stream), NULL,
     "PGM frames without end, each answered at once"},
    {'j', "threads", AF_OPT_INT, offsetof(struct opts, nthreads), "N", "[processors]", NULL, 1,
     1024},
    {'v', "verbose", AF_OPT_FLAG, offsetof(struct opts, verbose), NULL,
     "say what the models are, on stderr"},
    AF_STACKOPTS_ROWS(struct opts, stack),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "-m MODEL [STACK... | --join FILE...]",
    "Tell the defocus of each frame in micrometres, and whether to trust it.",
    options,
};

/* What has no meaning for frames without end. */
static bool picks(const struct af_stackopts *s)
{
    return s->join || s->z_name || !isnan(s->z0_um) || !isnan(s->dz_um) || s->series ||
           s->channel || s->time;
}

static int check_models(const struct opts *o)
{
    if (!o->coarse != !o->fine)
        return af_cli_usage(&tool, "--long and --short belong together");
    if (o->model && o->coarse)
        return af_cli_usage(&tool, "-m and --long exclude each other");
    if (!o->model && !o->coarse)
        return af_cli_usage(&tool, "no model: -m MODEL is needed, or --long and --short");
    return -1;
}

/* Standard input can be read once. */
static int check_stdin(const struct opts *o)
{
    const char *const once[] = {o->model, o->coarse, o->fine, o->labels};
    size_t n = 0;

    for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
        n += once[i] && strcmp(once[i], "-") == 0;
    for (size_t i = 0; i < o->npaths; i++)
        n += strcmp(o->paths[i], "-") == 0;
    return n > 1 ? af_cli_usage(&tool, "standard input is wanted for more than one thing") : -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.stack = AF_STACKOPTS_INIT};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    o->paths = af_cli_operands(argc, argv, operand, &o->npaths);
    if (o->stream && (o->npaths > 1 || picks(&o->stack)))
        return af_cli_usage(&tool, "--stream takes the frames of one pipe as they come");
    status = check_models(o);
    return status >= 0 ? status : check_stdin(o);
}

/* Where the results go while the frames come. */
struct sink {
    const struct opts *o;
    struct af_table_out table;
    struct af_labeltable labels;
    struct af_progress progress;
    int status;
    size_t nframes, ntrusted, nlabelled;
};

static int read_labels(struct sink *k, struct af_err *err)
{
    const char *path = k->o->labels;
    FILE *fp = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    int ret;

    if (!fp)
        return af_fail_errno(err, "%s", path);
    ret = af_labeltable_read(&k->labels, fp, path, false, err);
    if (fp != stdin)
        fclose(fp);
    af_labeltable_sort(&k->labels);
    return ret;
}

static void begin_table(struct sink *k, FILE *out)
{
    const char *column[8] = {"file", "plane", "z_um", "defocus_um", "sigma_um", "trust"};
    size_t n = 6;

    if (k->o->labels)
        column[n++] = "true_um";
    if (k->o->fine)
        column[n++] = "model";
    af_table_begin(&k->table, out, column, n, !k->o->no_header);
}

static void put_row(struct sink *k, const struct af_predicted *f)
{
    const struct af_prediction *p = f->prediction;
    struct af_table_out *t = &k->table;

    af_table_text(t, f->file);
    af_table_int(t, (int64_t)f->plane);
    af_table_real(t, f->z_um);
    af_table_real(t, p->defocus_um);
    af_table_real(t, p->sigma_um);
    af_table_text(t, af_trust_word(p->trust));
    if (k->o->labels) {
        const struct af_labelled_plane *l = af_labeltable_find(&k->labels, f->file, f->plane);

        af_table_real(t, l ? l->defocus_um : (double)NAN);
        k->nlabelled += l != NULL;
    }
    if (k->o->fine)
        af_table_text(t, p->fine ? "short" : "long");
    af_table_end_row(t);
    k->nframes++;
    k->ntrusted += p->trust == AF_TRUST_OK;
}

/* One frame has come. Nonzero where no more are wanted, since nobody can take them. */
static int take(void *ctx, const struct af_predicted *f)
{
    struct sink *k = ctx;

    if (!f->prediction) {
        af_progress_wipe(&k->progress);
        k->status = af_cli_worst(k->status, af_cli_fail(PROG, &f->err));
        return 0;
    }
    put_row(k, f);
    if (f->prediction->trust == AF_TRUST_UNUSABLE) {
        af_progress_wipe(&k->progress);
        af_cli_warn(PROG, "%s: plane %zu: %s", f->file, f->plane, f->prediction->err.text);
        k->status = af_cli_worst(k->status, af_cli_status(f->prediction->err.kind));
    }
    af_progress_step(&k->progress, f->stack, NULL);
    if (f->last)
        fflush(k->table.fp);
    return ferror(k->table.fp);
}

static void say_models(const struct af_predictor *p)
{
    const struct af_predictor_info *in;

    for (int i = 0; (in = af_predictor_info(p, i)); i++)
        af_cli_warn(PROG, "%s: %s; %.9g +/- %.9g um, %s", in->path, in->words, in->center_um,
                    in->half_range_um,
                    in->trust ? "tells what it does not know" : "trusts whatever it sees");
}

/* Status to end with: 4 where all went well and no frame can be trusted; -1 with err. */
static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct af_predictrun_opts ro = {.nthreads = (unsigned)o->nthreads};
    struct sink k = {.o = o};
    struct af_predictor *p = NULL;
    int ret = -1;

    if (af_stackopts_make(&o->stack, PROG, o->quiet, &ro.stack, err) ||
        af_predictor_open(&p, o->model ? o->model : o->coarse, o->fine, err) ||
        (o->labels && read_labels(&k, err)))
        goto done;
    if (o->verbose)
        say_models(p);
    begin_table(&k, out);
    if (fflush(out)) { // now, so that a reader at a live pipe has it
        af_fail_errno(err, "standard output");
        goto done;
    }
    af_progress_begin(&k.progress, o->quiet || isatty(fileno(out)) ? NULL : stderr, PROG, "stacks",
                      o->stack.join ? 1 : o->npaths);
    ret = o->stream ? af_predictrun_stream(p, o->paths[0], ro.stack.max_pixels, take, &k, err)
                    : af_predictrun(p, o->paths, o->npaths, &ro, take, &k, err);
    af_progress_wipe(&k.progress);
    if (ret < 0)
        goto done;
    if (o->labels && k.nframes && !k.nlabelled && !o->quiet)
        af_cli_warn(PROG, "%s: labels none of the frames", o->labels);
    ret = k.ntrusted ? k.status : af_cli_worst(k.status, 4);
done:
    af_labeltable_release(&k.labels);
    af_predictor_close(p);
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
