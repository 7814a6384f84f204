/* SPDX-License-Identifier: BSD-2-Clause */
/* sim-truth: what nobody can ask a real microscope: where focus is; and let its time pass. */
#include "base/table.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "device/simscope.h"

#include <math.h>
#include <stdio.h>

#define PROG "sim-truth"

struct opts {
    bool no_header;
    double pause_ms;
    int64_t day; // -1: as it is
    const char *scope;
};
static const struct af_option options[] = {
    {0, "day", AF_OPT_INT, offsetof(struct opts, day), "N", "go on to this day", NULL, 0, 1e6},
    {'H', "no-header", AF_OPT_FLAG, offsetof(struct opts, no_header), NULL, "no header"},
    {0, "pause", AF_OPT_TIME, offsetof(struct opts, pause_ms), "TIME", "let so much time pass"},
    AF_OPTIONS_END,
};
static const struct af_tool tool = {PROG, "[DIR][?key=value...]",
                                    "Tell the true place of a simulated microscope.", options};

static void print(const struct af_sim_truth *t, bool header)
{
    static const char *const names[] = {"day",      "time_s",     "x_um",   "y_um",    "z_um",
                                        "focus_um", "defocus_um", "frames", "motions", "touched",
                                        "laser_um"};
    struct af_table_out out;

    af_table_begin(&out, stdout, names, sizeof(names) / sizeof(*names), header);
    af_table_int(&out, t->day);
    af_table_real(&out, t->time_s);
    for (int i = 0; i < AF_SIM_NAXES; i++)
        af_table_real(&out, t->um[i]);
    af_table_real(&out, t->focus_um);
    af_table_real(&out, t->um[AF_SIM_Z] - t->focus_um);
    af_table_int(&out, (int64_t)t->frames);
    af_table_int(&out, (int64_t)t->motions);
    af_table_int(&out, (int64_t)t->touched);
    af_table_real(&out, t->laser_um);
    af_table_end_row(&out);
}

int main(int argc, char **argv)
{
    struct opts o = {.day = -1, .scope = ""};
    struct af_err err = {AF_OK, ""};
    struct af_simscope *s = NULL;
    struct af_sim_truth t;
    int operand, status = af_cli_parse(&tool, argc, argv, &o, &operand);

    if (status >= 0)
        return status;
    if (operand < argc)
        o.scope = argv[operand];
    if (af_simscope_open_uri(&s, o.scope, &err) ||
        (o.day >= 0 && af_simscope_set_day(s, o.day, &err)) ||
        (o.pause_ms > 0 && af_simscope_pause(s, o.pause_ms, &err)) ||
        af_simscope_truth(s, &t, &err))
        status = af_cli_fail(PROG, &err);
    else
        print(&t, !o.no_header);
    af_simscope_close(s);
    return af_cli_close_stdout(PROG, status < 0 ? 0 : status);
}
