/* SPDX-License-Identifier: BSD-2-Clause */
/* af-move: move, query or halt a stage; take a correction from a prediction table. */
#include "base/number.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "device/stage.h"
#include "focus/correction.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PROG "af-move"

struct opts {
    const char *stage, *instrument;
    const char *text[AF_NAXES], *by_text; // as typed: "12.5um", "nan"; NULL: not given
    double to_um[AF_NAXES], by_um;
    bool correct, dry_run, halt, no_header, quiet, yes, verbose;
    double target_um; // of --correct; NaN: not given, which is 0
    int home;         // enum af_axis; -1: no
    double timeout_ms;
    const char *table; // operand of --correct, "-" is stdin
};

#define AXIS(i) offsetof(struct opts, text) + (i) * sizeof(const char *)
static const struct af_option options[] = {
    {0, "by", AF_OPT_TEXT, offsetof(struct opts, by_text), "LENGTH", "move z by so much"},
    {0, "correct", AF_OPT_FLAG, offsetof(struct opts, correct), NULL,
     "move z once by a prediction table, if it is trusted"},
    {0, "dry-run", AF_OPT_FLAG, offsetof(struct opts, dry_run), NULL,
     "check and say, but move nothing"},
    {0, "halt", AF_OPT_FLAG, offsetof(struct opts, halt), NULL, "stop all axes now"},
    {0, "home", AF_OPT_CHOICE, offsetof(struct opts, home), "AXIS",
     "run to the reference, with --yes: mind the sample", "x|y|z"},
    {0, "instrument", AF_OPT_FILE, offsetof(struct opts, instrument), "FILE",
     "limits and habits of the stage [$AF_INSTRUMENT]"},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL, "no header line"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL,
     "only failures on standard error"},
    {0, "stage", AF_OPT_TEXT, offsetof(struct opts, stage), "URI",
     "as tango:/dev/ttyUSB0 [$AF_STAGE]"},
    {0, "target", AF_OPT_LENGTH, offsetof(struct opts, target_um), "LENGTH",
     "defocus to go to with --correct [0]"},
    {0, "timeout", AF_OPT_TIME, offsetof(struct opts, timeout_ms), "TIME",
     "wait so long for each reply [500ms]", NULL, 10, 6e5},
    {'v', "verbose", AF_OPT_FLAG, offsetof(struct opts, verbose), NULL, "say which stage answered"},
    {'x', "x", AF_OPT_TEXT, AXIS(AF_X), "LENGTH", "move x there"},
    {'y', "y", AF_OPT_TEXT, AXIS(AF_Y), "LENGTH", "move y there"},
    {0, "yes", AF_OPT_FLAG, offsetof(struct opts, yes), NULL, "--home is meant"},
    {'z', "z", AF_OPT_TEXT, AXIS(AF_Z), "LENGTH", "move z there"},
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "[TABLE]",
    "Move a stage within its limits and print where it stands; without a motion, only that.",
    options,
};

/* "nan" and "inf" are numbers that a stage must refuse, not slips of the keyboard. */
static int parse_length(const char *name, const char *text, double *um)
{
    static const char *const never[] = {"nan", "inf", "infinity"};
    struct af_err err;
    const char *bare = text + (*text == '-' || *text == '+');

    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        if (strcasecmp(bare, never[i]) == 0) {
            *um = NAN;
            return -1;
        }
    if (af_parse_length_um(text, um, &err))
        return af_cli_usage(&tool, "--%s: %s", name, err.text);
    return -1;
}

static int check_args(const struct opts *o)
{
    bool moves = o->text[AF_X] || o->text[AF_Y] || o->text[AF_Z];

    if (o->by_text && o->text[AF_Z])
        return af_cli_usage(&tool, "--by and --z exclude each other");
    if (moves + !!o->by_text + o->correct + o->halt + (o->home >= 0) > 1 &&
        !(moves && o->by_text && !o->correct && !o->halt && o->home < 0))
        return af_cli_usage(&tool, "one of a motion, --correct, --halt and --home at a time");
    if (o->home >= 0 && !o->yes)
        return af_cli_usage(
            &tool, "--home may run through the sample: lower the objective, then add --yes");
    if (o->table && !o->correct)
        return af_cli_usage(&tool, "a table is only read with --correct");
    if (!isnan(o->target_um) && !o->correct)
        return af_cli_usage(&tool, "--target is for --correct");
    return -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.target_um = NAN, .home = -1};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    if (argc - operand > 1)
        return af_cli_usage(&tool, "one table, not %d", argc - operand);
    if (operand < argc)
        o->table = argv[operand];
    for (int i = 0; i < AF_NAXES; i++)
        if (o->text[i] &&
            (status = parse_length(af_axis_name((enum af_axis)i), o->text[i], &o->to_um[i])) >= 0)
            return status;
    if (o->by_text && (status = parse_length("by", o->by_text, &o->by_um)) >= 0)
        return status;
    return check_args(o);
}

static int read_correction(const struct opts *o, struct af_correction *c, struct af_err *err)
{
    bool from_stdin = !o->table || strcmp(o->table, "-") == 0;
    FILE *fp = from_stdin ? stdin : fopen(o->table, "re");
    int ret;

    if (!fp)
        return af_fail_errno(err, "%s", o->table);
    ret = af_correction_read(c, fp, from_stdin ? "standard input" : o->table, err);
    if (!from_stdin)
        fclose(fp);
    return ret;
}

/* ---- the stages ---- */

struct stages {
    struct af_stage *z, *xy; // xy: the same as z, or that of [stage] xy_uri
};

static struct af_stage *stage_of(const struct stages *s, int axis)
{
    struct af_stage *st = axis == AF_Z ? s->z : s->xy;

    return st && af_stage_has(st, (enum af_axis)axis) ? st : NULL;
}

static void say(void *ctx, const char *text)
{
    (void)ctx;
    af_cli_warn(PROG, "%s", text);
}

static int open_stages(struct stages *s, const struct opts *o, const struct af_instrument *in,
                       struct af_err *err)
{
    struct af_stage_opts so = {.prog = PROG,
                               .dry_run = o->dry_run,
                               .timeout_ms = o->timeout_ms,
                               .stopped = af_cli_stopped,
                               .say = o->quiet ? NULL : say};
    const char *uri = af_instrument_stage(in, o->stage, err);

    if (!uri || af_stage_open(&s->z, uri, in, &so, err))
        return -1;
    s->xy = s->z;
    if (in->xy_stage && !o->stage && af_stage_open(&s->xy, in->xy_stage, in, &so, err)) {
        s->xy = s->z;
        return -1;
    }
    if (o->verbose)
        for (int i = 0; i < 1 + (s->xy != s->z); i++)
            af_cli_warn(PROG, "%s: %s", af_stage_uri(i ? s->xy : s->z),
                        af_stage_model(i ? s->xy : s->z));
    return 0;
}

static void close_stages(struct stages *s)
{
    if (s->xy != s->z)
        af_stage_close(s->xy);
    af_stage_close(s->z);
}

static int print(const struct stages *s, unsigned axes, const struct opts *o, FILE *out,
                 struct af_err *err)
{
    const char *names[AF_NAXES];
    double um[AF_NAXES];
    struct af_table_out t;
    size_t n = 0;

    for (int i = 0; i < AF_NAXES; i++) {
        struct af_stage *st = stage_of(s, i);

        if (!st || !(axes & 1u << i))
            continue;
        if (af_stage_position(st, (enum af_axis)i, &um[n], err))
            return -1;
        names[n++] = i == AF_X ? "x_um" : i == AF_Y ? "y_um" : "z_um";
    }
    af_table_begin(&t, out, names, n, !o->no_header);
    for (size_t i = 0; i < n; i++)
        af_table_real(&t, um[i]);
    af_table_end_row(&t);
    return 0;
}

/* ---- moving ---- */

static int move_z(const struct stages *s, double um, const struct opts *o, struct af_err *err)
{
    double from, at;

    if (!isfinite(um)) // refused before the stage is asked where it is
        return af_stage_move(s->z, AF_Z, um, NULL, err);
    if (af_stage_position(s->z, AF_Z, &from, err) || af_stage_move(s->z, AF_Z, um, &at, err))
        return -1;
    if (!o->quiet && !o->dry_run)
        af_cli_warn(PROG, "moved z %.9g -> %.9g um", from, at);
    return 0;
}

static int move_xy(const struct stages *s, const struct opts *o, struct af_err *err)
{
    double at[2];
    int axis = o->text[AF_X] ? AF_X : AF_Y, ret;

    if (o->text[AF_X] && o->text[AF_Y])
        ret = af_stage_move_xy(s->xy, o->to_um[AF_X], o->to_um[AF_Y], at, err);
    else
        ret = af_stage_move(s->xy, (enum af_axis)axis, o->to_um[axis], at, err);
    if (ret || o->quiet || o->dry_run)
        return ret;
    if (o->text[AF_X] && o->text[AF_Y])
        af_cli_warn(PROG, "moved x, y to %.9g, %.9g um", at[0], at[1]);
    else
        af_cli_warn(PROG, "moved %s to %.9g um", af_axis_name((enum af_axis)axis), at[0]);
    return 0;
}

/* Of several axes none moves where a limit forbids one of them. */
static int check_all(const struct stages *s, double z_um, const struct opts *o, struct af_err *err)
{
    for (int i = AF_X; i <= AF_Y; i++)
        if (o->text[i] && af_stage_check(s->xy, (enum af_axis)i, o->to_um[i], err))
            return -1;
    return af_stage_check(s->z, AF_Z, z_um, err);
}

/* Away from the sample before sideways, sideways before towards it. */
static int move_all(const struct stages *s, const struct opts *o, struct af_err *err)
{
    bool xy = o->text[AF_X] || o->text[AF_Y], z = o->text[AF_Z] || o->by_text, first;
    double from = 0, to = o->to_um[AF_Z];

    if (o->by_text || (xy && z)) {
        if ((!o->by_text || isfinite(o->by_um)) && af_stage_position(s->z, AF_Z, &from, err))
            return -1;
        if (o->by_text)
            to = from + o->by_um;
    }
    if (xy && z && check_all(s, to, o, err))
        return -1;
    first = z && !(to >= from);
    if (first && move_z(s, to, o, err))
        return -1;
    if (xy && move_xy(s, o, err))
        return -1;
    return z && !first ? move_z(s, to, o, err) : 0;
}

/* Once: what is left over is for another look. */
static int correct(const struct stages *s, const struct af_correction *c, const struct opts *o,
                   struct af_err *err)
{
    double z_um, far_um = fmax(1, 3 * af_stage_axis(s->z, AF_Z)->tolerance_um);

    if (af_stage_position(s->z, AF_Z, &z_um, err))
        return -1;
    if (fabs(z_um - c->z_um) > far_um) // not where no z is said
        return af_fail(err, AF_ELIMIT,
                       "%s: z is at %.9g um, the prediction is of a frame at %.9g um",
                       af_stage_uri(s->z), z_um, c->z_um);
    return move_z(s, z_um + (isnan(o->target_um) ? 0 : o->target_um) - c->defocus_um, o, err);
}

static int act(const struct stages *s, const struct af_correction *c, const struct opts *o,
               struct af_err *err)
{
    if (o->halt)
        return af_stage_halt(s->z, err) || (s->xy != s->z && af_stage_halt(s->xy, err)) ? -1 : 0;
    if (o->home >= 0)
        return af_stage_home(o->home == AF_Z ? s->z : s->xy, (enum af_axis)o->home, err);
    if (o->correct)
        return correct(s, c, o, err);
    return move_all(s, o, err);
}

/* The axes that have moved, or all. */
static unsigned axes_of(const struct opts *o)
{
    unsigned axes = 0;

    for (int i = 0; i < AF_NAXES; i++)
        axes |= (unsigned)(o->text[i] != NULL) << i;
    if (o->by_text || o->correct)
        axes |= 1u << AF_Z;
    if (o->home >= 0)
        axes |= 1u << o->home;
    return axes ? axes : 7;
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct af_correction c = {.z_um = NAN};
    struct af_instrument in;
    struct stages s = {NULL, NULL};
    int ret = -1;

    af_cli_catch_signals();
    if (af_instrument_read(&in, o->instrument, err))
        goto done;
    // Before the stage is opened: what makes the table may be using it
    if (o->correct && read_correction(o, &c, err))
        goto done;
    if (open_stages(&s, o, &in, err) || act(&s, &c, o, err) || print(&s, axes_of(o), o, out, err))
        goto done;
    ret = 0;
done:
    close_stages(&s);
    af_instrument_release(&in);
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
