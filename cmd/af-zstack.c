/* SPDX-License-Identifier: BSD-2-Clause */
/* af-zstack: frames over a range of z, one stack or a day of them. */
#include "base/memory.h"
#include "base/progress.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/rigopts.h"
#include "device/day.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROG "af-zstack"
#define WHOLE 1e-6 // a range is whole steps within this part of one

struct opts {
    int64_t count, seed; // count 0: one stack, of a file; seed -1: from the clock
    double from_um, to_um, range_um, step_um;
    double offset_um, lateral_um, lead_um, wait_ms, pixel_um;
    const char *output;
    bool no_header, quiet;
    struct af_rigopts rig;
};

static const struct af_option options[] = {
    {0, "count", AF_OPT_INT, offsetof(struct opts, count), "N",
     "N stacks into the folder of -o; goes on if stopped", NULL, 1, 99999},
    {0, "from", AF_OPT_LENGTH, offsetof(struct opts, from_um), "Z", "lowest plane, with --to"},
    {0, "lateral", AF_OPT_LENGTH, offsetof(struct opts, lateral_um), "LENGTH",
     "each stack at a random place, +/- LENGTH in x, y [0]", NULL, 0, 1e6},
    {0, "lead", AF_OPT_LENGTH, offsetof(struct opts, lead_um), "LENGTH",
     "come to the first plane from so far below [2um]", NULL, 1e-3, 1e4},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL,
     "leave the header line out"},
    {0, "offset", AF_OPT_LENGTH, offsetof(struct opts, offset_um), "LENGTH",
     "each stack begins at random, +/- LENGTH [0]", NULL, 0, 1e5},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "stack, - is stdout; with --count a folder [-]"},
    {0, "pixel", AF_OPT_LENGTH, offsetof(struct opts, pixel_um), "LENGTH",
     "pixel size in the sample [instrument file]", NULL, 1e-6, 1e6},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no warnings, no progress"},
    {0, "range", AF_OPT_LENGTH, offsetof(struct opts, range_um), "LENGTH",
     "around where z stands [20um]", NULL, 1e-3, 1e5},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N", "of what is random [the clock]", NULL,
     0, 9e15},
    {0, "step", AF_OPT_LENGTH, offsetof(struct opts, step_um), "LENGTH",
     "from plane to plane [100nm]", NULL, 1e-4, 1e4},
    {0, "to", AF_OPT_LENGTH, offsetof(struct opts, to_um), "Z", "highest plane, with --from"},
    {0, "wait", AF_OPT_TIME, offsetof(struct opts, wait_ms), "TIME",
     "rest before each exposure, once settled [0]", NULL, 0, 1e6},
    AF_RIGOPTS_ROWS(struct opts, rig),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "",
    "Take a stack of frames over z, or a day of stacks, always from the same side.",
    options,
};

static int check_range(const struct opts *o)
{
    if (isnan(o->from_um) != isnan(o->to_um))
        return af_cli_usage(&tool, "--from and --to belong together");
    if (!isnan(o->from_um) && !isnan(o->range_um))
        return af_cli_usage(&tool, "--range and --from exclude each other");
    if (!isnan(o->from_um) && !(o->to_um > o->from_um))
        return af_cli_usage(&tool, "--to must be above --from: stacks are taken upwards");
    return -1;
}

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){.output = "-",
                       .seed = -1,
                       .from_um = NAN,
                       .to_um = NAN,
                       .range_um = NAN,
                       .step_um = 0.1,
                       .pixel_um = NAN,
                       .rig = AF_RIGOPTS_INIT};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    if ((status = check_range(o)) >= 0)
        return status;
    if (strcmp(o->output, "-") == 0 && o->count)
        return af_cli_usage(&tool, "--count takes a folder: -o DIR");
    if (strcmp(o->output, "-") == 0 && isatty(STDOUT_FILENO))
        return af_cli_usage(&tool, "not writing an image to a terminal; name a file with -o");
    if (!o->count && (o->offset_um > 0 || o->lateral_um > 0))
        return af_cli_usage(&tool, "--offset and --lateral take --count");
    if (isnan(o->from_um) && isnan(o->range_um))
        o->range_um = 20;
    return -1;
}

/* One run: what is open, and where rows and progress go. */
struct run {
    const struct opts *o;
    struct af_rigset set;
    struct af_capture_notes notes;
    struct af_progress progress;
    struct af_table_out table;
    bool has_table;
};

static int step(void *ctx, size_t done)
{
    struct run *r = ctx;

    if (!r->o->count)
        af_progress_step(&r->progress, done, NULL);
    return af_cli_stopped();
}

/* The stack that is asked for, around z where it is a range. */
static void shape(const struct opts *o, double z_um, struct af_zstack *z)
{
    double range = isnan(o->range_um) ? o->to_um - o->from_um : o->range_um;

    *z = (struct af_zstack){
        .step_um = o->step_um,
        .nplanes = (size_t)floor(range / o->step_um + WHOLE) + 1,
        .lead_um = o->lead_um,
        .wait_ms = o->wait_ms,
    };
    z->from_um = isnan(o->from_um) ? z_um - (double)(z->nplanes - 1) * z->step_um / 2 : o->from_um;
}

static void begin_table(struct run *r)
{
    static const char *const columns[] = {"file",           "planes",      "z_first_um",
                                          "z_last_um",      "z_error_um",  "settle_ms",
                                          "settle_most_ms", "frames_lost", "seconds"};

    if (r->has_table)
        af_table_begin(&r->table, stdout, columns, sizeof(columns) / sizeof(*columns),
                       !r->o->no_header);
}

static void put_row(struct run *r, const char *file, const struct af_zstack_result *z)
{
    if (!r->has_table)
        return;
    af_table_text(&r->table, file);
    af_table_int(&r->table, (int64_t)z->nplanes);
    af_table_real(&r->table, z->first_um);
    af_table_real(&r->table, z->last_um);
    af_table_real(&r->table, z->error_um);
    af_table_real(&r->table, z->settle_ms);
    af_table_real(&r->table, z->settle_most_ms);
    af_table_int(&r->table, (int64_t)z->lost);
    af_table_real(&r->table, z->seconds);
    af_table_end_row(&r->table);
    fflush(stdout);
}

/*
 * Back to where the stage stood. Not after a signal, which stops all motion, nor when the stage
 * itself has failed.
 */
static int go_back(struct run *r, const double start_um[AF_NAXES], bool lateral, int ret,
                   struct af_err *err)
{
    struct af_err again = {AF_OK, ""};
    const struct af_rig *rig = &r->set.rig;
    double lead = af_zstack_lead(rig, &(struct af_zstack){.lead_um = r->o->lead_um});

    if (af_cli_stopped() || (ret && (err->kind == AF_EDEVICE || err->kind == AF_ELIMIT)))
        return ret;
    if (af_zstack_goto(rig, start_um[AF_Z], lead, NULL, &again) ||
        (lateral && af_stage_move_xy(rig->stage, start_um[AF_X], start_um[AF_Y], NULL, &again))) {
        if (!ret)
            *err = again;
        return -1;
    }
    return ret;
}

static double frame_bytes(const struct af_rig *rig)
{
    const struct af_camera_info *in = af_camera_info(rig->camera);
    size_t w = in->now.w ? in->now.w : in->sensor_w, h = in->now.w ? in->now.h : in->sensor_h;

    return (double)w * (double)h * (in->now.bits > 8 ? 2 : 1);
}

static int run_one(struct run *r, const double start_um[AF_NAXES], struct af_err *err)
{
    struct af_zstack_result result;
    struct af_zstack z;
    int ret;

    shape(r->o, start_um[AF_Z], &z);
    if (af_zstack_check(&r->set.rig, &z, start_um[AF_Z], err))
        return -1;
    begin_table(r);
    af_progress_begin(&r->progress, r->o->quiet || !isatty(STDERR_FILENO) ? NULL : stderr, PROG,
                      "planes", z.nplanes);
    ret = af_zstack_take(&r->set.rig, &z, r->o->output, &r->notes, step, r, &result, err);
    af_progress_end(&r->progress);
    ret = go_back(r, start_um, false, ret, err);
    if (!ret)
        put_row(r, r->o->output, &result);
    return ret;
}

static int move_lateral(struct run *r, const struct af_day_stack *s, const struct af_zstack *z,
                        struct af_err *err)
{
    const struct af_rig *rig = &r->set.rig;

    if (isnan(s->x_um))
        return 0;
    // z goes away from the sample first: a tilted plate must not meet the lens.
    if (af_zstack_goto(rig, s->from_um - af_zstack_lead(rig, z), 0, NULL, err))
        return -1;
    return af_stage_move_xy(rig->stage, s->x_um, s->y_um, NULL, err);
}

/* Which stacks are still to be taken; their number, or -1. */
static long find_missing(const struct af_day *d, bool *missing, struct af_err *err)
{
    long n = 0;

    for (size_t i = 0; i < d->count; i++) {
        int has = af_day_has(d, i, err);

        if (has < 0)
            return -1;
        missing[i] = !has;
        n += !has;
    }
    return n;
}

static int take_day(struct run *r, const struct af_day *d, const bool *missing, struct af_zstack z,
                    double now_um, struct af_err *err)
{
    const struct af_rig *rig = &r->set.rig;
    size_t done = 0;
    int ret = 0;

    for (size_t i = 0; i < d->count; i++) { // all of it can be done, or nothing is begun
        z.from_um = d->stack[i].from_um;
        if (missing[i] && af_zstack_check(rig, &z, now_um, err))
            return -1;
    }
    begin_table(r);
    for (size_t i = 0; i < d->count && !ret; i++) {
        struct af_zstack_result result;
        char *path;

        if (!missing[i])
            continue;
        z.from_um = d->stack[i].from_um;
        if (!(path = af_day_path(d, i, err)))
            return -1;
        ret = move_lateral(r, &d->stack[i], &z, err) ||
                      af_zstack_take(rig, &z, path, &r->notes, step, r, &result, err)
                  ? -1
                  : 0;
        if (!ret) {
            put_row(r, path, &result);
            af_progress_step(&r->progress, ++done, path);
        }
        free(path);
    }
    return ret;
}

static int run_day(struct run *r, const double now_um[AF_NAXES], struct af_err *err)
{
    const struct opts *o = r->o;
    struct af_day_wish wish = {.count = (size_t)o->count,
                               .offset_um = o->offset_um,
                               .lateral_um = o->lateral_um,
                               .seed = (uint64_t)(o->seed < 0 ? time(NULL) : o->seed)};
    struct af_day day = {.count = 0};
    bool *missing = NULL;
    long n = 0;
    int ret = -1;

    shape(o, now_um[AF_Z], &wish.z);
    if (af_day_plan(&day, o->output, &wish, now_um, err) ||
        !(missing = af_calloc(day.count, sizeof(*missing), err)) ||
        (n = find_missing(&day, missing, err)) < 0 ||
        af_day_check_room(o->output, (size_t)n, day.nplanes, frame_bytes(&r->set.rig), err))
        goto done;
    if (n < (long)day.count && !o->quiet)
        af_cli_warn(PROG, "%s: %ld of %zu stacks are there already", o->output, (long)day.count - n,
                    day.count);
    af_progress_begin(&r->progress, o->quiet ? NULL : stderr, PROG, "stacks", (size_t)n);
    ret = take_day(r, &day, missing, wish.z, now_um[AF_Z], err);
    af_progress_end(&r->progress);
    if (n) {
        const double start_um[AF_NAXES] = {day.start_x_um, day.start_y_um, day.start_um};

        ret = go_back(r, start_um, o->lateral_um > 0, ret, err);
    }
done:
    af_day_release(&day);
    free(missing);
    return ret;
}

static int read_start(const struct af_rig *rig, double um[AF_NAXES], struct af_err *err)
{
    for (int a = 0; a < AF_NAXES; a++) {
        um[a] = NAN;
        if (af_stage_has(rig->stage, (enum af_axis)a) &&
            af_stage_position(rig->stage, (enum af_axis)a, &um[a], err))
            return -1;
    }
    return isnan(um[AF_Z]) ? af_fail(err, AF_EUSAGE, "%s: has no z", af_stage_uri(rig->stage)) : 0;
}

static int run(const struct opts *o, struct af_err *err)
{
    struct run r = {.o = o, .has_table = strcmp(o->output, "-") != 0};
    double start_um[AF_NAXES];
    int ret = -1;

    af_cli_catch_signals();
    signal(SIGPIPE, SIG_IGN); // a reader that has gone is told, and the stage goes back first
    if (af_rigset_open(&r.set, &o->rig, PROG, true, o->quiet, err) ||
        read_start(&r.set.rig, start_um, err))
        goto done;
    if (o->lateral_um > 0 && (isnan(start_um[AF_X]) || isnan(start_um[AF_Y]))) {
        af_fail(err, AF_EUSAGE, "%s: --lateral takes a stage with x and y",
                af_stage_uri(r.set.rig.stage));
        goto done;
    }
    r.notes = (struct af_capture_notes){.pixel_um = isnan(o->pixel_um) ? r.set.instrument.pixel_um
                                                                       : o->pixel_um,
                                        .dark = o->rig.dark};
    ret = o->count ? run_day(&r, start_um, err) : run_one(&r, start_um, err);
done:
    af_rigset_release(&r.set);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o); // -1: go on

    if (status < 0)
        status = run(&o, &err);
    return af_cli_end(PROG, status, &err);
}
