/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/stackopts.h"

#include "base/natural.h"
#include "cli/cli.h"
#include <math.h>
#include <string.h>
#include <sys/stat.h>

static void warn(void *prog, const char *text)
{
    af_cli_warn(prog, "%s", text);
}

int af_stackopts_make(const struct af_stackopts *so, const char *prog, bool quiet,
                      struct af_stack_opts *o, struct af_err *err)
{
    if (!isnan(so->z0_um) && isnan(so->dz_um))
        return af_fail(err, AF_EUSAGE, "--z0 needs --dz");
    if (!isnan(so->dz_um) && so->z_name)
        return af_fail(err, AF_EUSAGE, "--dz and --z-from-name exclude each other");
    *o = (struct af_stack_opts){
        .max_pixels = (size_t)so->max_pixels,
        .set_z = !isnan(so->dz_um),
        .z0_um = isnan(so->z0_um) ? 0 : so->z0_um,
        .dz_um = so->dz_um,
        .z_name = so->z_name,
        .join = so->join,
        .series = (size_t)so->series,
        .channel = (size_t)so->channel,
        .time = (size_t)so->time,
        .warn = quiet ? NULL : warn,
        .warn_ctx = (void *)prog,
    };
    return 0;
}

int af_stackopts_open_beside(struct af_stack **st, const char *path, const struct af_stack *like,
                             const struct af_stack_opts *so, struct af_err *err)
{
    const struct af_stack_opts plain = {
        .whole = true, .max_pixels = so->max_pixels, .warn = so->warn, .warn_ctx = so->warn_ctx};
    const struct af_stack_info *in = af_stack_info(like);

    if (af_stack_open(st, &path, 1, &plain, err))
        return -1;
    if (!af_stack_info(*st)->seekable || af_stack_info(*st)->nplanes != in->nplanes)
        return af_fail(err, AF_EDATA, "%s: %zu planes are needed, as many as %s has", path,
                       in->nplanes, in->name);
    return 0;
}

bool af_stackopts_is_input(const char *output, const char *const *paths, size_t npaths)
{
    struct stat out, in;

    if (stat(output, &out) || !S_ISREG(out.st_mode))
        return false;
    for (size_t i = 0; i < npaths; i++)
        if (!stat(paths[i], &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return true;
    return false;
}

bool af_stackopts_misleads(const char *name, const char *own)
{
    static const char *const pictures[] = {".png",  ".pgm", ".tif", ".tiff", ".jpg",
                                           ".jpeg", ".svg", ".pdf", ".gif",  ".bmp"};

    for (size_t i = 0; name && i < sizeof(pictures) / sizeof(*pictures); i++)
        if (strncmp(pictures[i], own, strlen(own)) && af_name_ends_in(name, pictures[i]))
            return true;
    return false;
}
