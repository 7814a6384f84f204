/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/mapopts.h"
#include "cli/cli.h"
#include "maps/plan.h"

#include <stdlib.h>

int af_mapopts_parse(struct af_mapopts *m, const struct af_tool *tool)
{
    struct af_err err = {AF_OK, ""};
    const char *option = NULL;

    if (af_sharp_parse(m->measure_text, &m->measures, &err))
        option = "measure";
    else if (af_plan_parse(m->window_text, &m->windows, &m->nwindows, &err))
        option = "window";
    else if (af_plan_parse(m->stride_text, &m->strides, &m->nstrides, &err))
        option = "stride";
    if (!option)
        return -1;
    return err.kind == AF_EUSAGE ? af_cli_usage(tool, "--%s: %s", option, err.text)
                                 : af_cli_fail(tool->name, &err);
}

void af_mapopts_release(struct af_mapopts *m)
{
    free(m->windows);
    free(m->strides);
    m->windows = m->strides = NULL;
}
