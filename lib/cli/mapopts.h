/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of every tool that scores focus: which measures, through which windows. */
#ifndef AF_CLI_MAPOPTS_H
#define AF_CLI_MAPOPTS_H
#include "cli/option.h"
#include "maps/maprun.h"

/* Embed as a member of struct opts, initialised with AF_MAPOPTS_INIT. */
struct af_mapopts {
    const char *measure_text, *window_text, *stride_text; // --measure, --window, --stride
    unsigned measures;                                    // 1 << enum af_sharp
    uint32_t *windows, *strides;                          // px
    size_t nwindows, nstrides;
};
#define AF_MAPOPTS_INIT {AF_MAPRUN_MEASURE, AF_MAPRUN_WINDOW, AF_MAPRUN_STRIDE, 0, NULL, NULL, 0, 0}

/*
 * Read the texts. Returns -1: go on; or the status to end with, as af_cli_parse() does. Release
 * in any case.
 */
int af_mapopts_parse(struct af_mapopts *m, const struct af_tool *tool);
void af_mapopts_release(struct af_mapopts *m);

#endif
