/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/rigopts.h"

#include "base/progress.h"
#include "cli/cli.h"
#include "device/simscope.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "640x480+10+20", or "640x480" at the corner. */
static int parse_region(const char *text, struct af_camera_settings *s, struct af_err *err)
{
    unsigned v[4] = {0};
    int n[2] = {0};

    if ((sscanf(text, "%6ux%6u%n+%6u+%6u%n", &v[0], &v[1], &n[0], &v[2], &v[3], &n[1]) < 2) ||
        text[n[1] ? n[1] : n[0]] || !v[0] || !v[1])
        return af_fail(err, AF_EUSAGE, "--region: '%s' is not WIDTHxHEIGHT+X+Y", text);
    s->w = v[0], s->h = v[1];
    s->x = v[2], s->y = v[3];
    return 0;
}

static void say(void *prog, const char *text)
{
    af_cli_warn(prog, "%s", text);
}

static int open_stage(struct af_rigset *set, const struct af_rigopts *o, const char *prog,
                      bool needed, bool quiet, struct af_err *err)
{
    struct af_stage_opts so = {.prog = prog,
                               .stopped = af_cli_stopped,
                               .say = quiet ? NULL : say,
                               .say_ctx = (void *)(uintptr_t)prog};
    struct af_err none;
    const char *uri = af_instrument_stage(&set->instrument, o->stage, needed ? err : &none);

    if (!uri)
        return needed ? -1 : 0;
    return af_stage_open(&set->rig.stage, uri, &set->instrument, &so, err);
}

/* Camera and stage of two simulated microscopes: a slip, for the one never sees the other move. */
static int check_same_scope(const char *camera, const struct af_stage *stage, struct af_err *err)
{
    const char *at = stage ? af_stage_uri(stage) : "";
    char *a, *b;
    int ret = -1;

    if (strncmp(camera, "sim:", 4) || strncmp(at, "sim:", 4))
        return 0;
    a = af_simscope_folder(camera + 4, err);
    b = a ? af_simscope_folder(at + 4, err) : NULL;
    if (b)
        ret = strcmp(a, b) == 0
                  ? 0
                  : af_fail(err, AF_EUSAGE,
                            "%s: is another simulated microscope than that of the stage, %s",
                            camera, at);
    free(a);
    free(b);
    return ret;
}

static int open_camera(struct af_rigset *set, const struct af_rigopts *o, struct af_err *err)
{
    const struct af_instrument *in = &set->instrument;
    struct af_camera_settings s = AF_CAMERA_AS_IT_STANDS;
    const char *uri = af_instrument_camera(in, o->camera, err);

    if (!uri || check_same_scope(uri, set->rig.stage, err))
        return -1;
    s.exposure_ms = isnan(o->exposure_ms) ? in->exposure_ms : o->exposure_ms;
    s.gain = isnan(o->gain) ? in->gain : o->gain;
    s.bits = (unsigned)o->bits;
    s.timeout_ms = o->timeout_ms;
    s.trigger = set->trigger;
    if (o->region && parse_region(o->region, &s, err))
        return -1;
    return af_camera_open(&set->rig.camera, uri, &s, err);
}

int af_rigset_open(struct af_rigset *set, const struct af_rigopts *o, const char *prog,
                   bool need_stage, bool quiet, struct af_err *err)
{
    af_instrument_init(&set->instrument);
    if (af_instrument_read(&set->instrument, o->instrument, err) ||
        open_stage(set, o, prog, need_stage, quiet, err) || open_camera(set, o, err) ||
        (o->dark && af_dark_read(&set->dark, o->dark, err)))
        return -1;
    set->rig.average = (unsigned)o->average;
    set->rig.dark = o->dark ? &set->dark : NULL;
    set->rig.since_s = af_now_s();
    return 0;
}

void af_rigset_leave_stage(struct af_rigset *set)
{
    af_stage_close(set->rig.stage);
    set->rig.stage = NULL;
}

void af_rigset_release(struct af_rigset *set)
{
    af_camera_close(set->rig.camera);
    af_stage_close(set->rig.stage);
    af_instrument_release(&set->instrument);
    af_image_release(&set->dark);
    *set = (struct af_rigset){.rig = {0}};
}
