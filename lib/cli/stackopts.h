/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of every tool that reads stacks: how to read, and where z comes from. */
#ifndef AF_CLI_STACKOPTS_H
#define AF_CLI_STACKOPTS_H
#include "cli/option.h"
#include "image/stack.h"
#include <stdbool.h>
#include <stdint.h>

/* Embed as a member of struct opts, initialised with AF_STACKOPTS_INIT. */
struct af_stackopts {
    bool join;
    double z0_um, dz_um; // NaN: not given
    const char *z_name;  // --z-from-name
    int64_t series, channel, time;
    int64_t max_pixels;
};
// clang-format off: the table is read as a table
#define AF_STACKOPTS_INIT                                                                          \
    {                                                                                              \
        .z0_um = NAN, .dz_um = NAN                                                                 \
    }

/*
 * Rows for the tool's option table; `at` is the member's name in struct S. In alphabetical order,
 * so that a tool with other options puts this block at a place of its own choice.
 */
#define AF_STACKOPTS_ROWS(S, at)                                                                   \
    {0, "channel", AF_OPT_INT, offsetof(S, at.channel), "N",                                       \
     "read only channel N, from 1 [all]", NULL, 1, 65536},                                         \
    {0, "dz", AF_OPT_LENGTH, offsetof(S, at.dz_um), "LENGTH",                                      \
     "z from plane to plane [from the file]"},                                                     \
    {0, "join", AF_OPT_FLAG, offsetof(S, at.join), NULL,                                           \
     "all files are one stack, in natural order"},                                                 \
    {0, "max-pixels", AF_OPT_INT, offsetof(S, at.max_pixels), "N",                                 \
     "refuse larger planes [268435456]", NULL, 1, 1e12},                                           \
    {0, "series", AF_OPT_INT, offsetof(S, at.series), "N",                                         \
     "read image N of several, from 1 [the file's own]", NULL, 1, 1e6},                            \
    {0, "time", AF_OPT_INT, offsetof(S, at.time), "N",                                             \
     "read only time point N, from 1 [all]", NULL, 1, 1e6},                                        \
    {0, "z0", AF_OPT_LENGTH, offsetof(S, at.z0_um), "LENGTH",                                      \
     "z of the first plane, with --dz [0]"},                                                       \
    {0, "z-from-name", AF_OPT_TEXT, offsetof(S, at.z_name), "PATTERN",                             \
     "z in the names, as k-%fmm"}
// clang-format on

/*
 * Options for af_stack_open(). Warnings go to stderr as `prog: ...`, or nowhere when quiet. prog is
 * borrowed through *o. -1 with AF_EUSAGE: --z0 without --dz, --dz with --z-from-name.
 */
int af_stackopts_make(const struct af_stackopts *so, const char *prog, bool quiet,
                      struct af_stack_opts *o, struct af_err *err);

/*
 * Open path, which must have a plane for each of stack `like` and be no stream: a mask, another
 * channel. so: limits and warnings are taken from it. *st may be open on failure. -1 with AF_EDATA,
 * AF_ESYS.
 */
int af_stackopts_open_beside(struct af_stack **st, const char *path, const struct af_stack *like,
                             const struct af_stack_opts *so, struct af_err *err);

/* Is the regular file `output` one of the stacks? A picture or table must not take its place. */
bool af_stackopts_is_input(const char *output, const char *const *paths, size_t npaths);

/* Does the name of a file, or NULL, promise a picture of another kind than `own`, as ".png"? */
bool af_stackopts_misleads(const char *name, const char *own);

#endif
