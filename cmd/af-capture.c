/* SPDX-License-Identifier: BSD-2-Clause */
/* af-capture: frames of a camera, each with the place of the stage it was taken at. */
#include "base/progress.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "cli/rigopts.h"
#include "device/capturefile.h"
#include "image/canvas.h"
#include "image/pgm.h"
#include "image/png.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROG "af-capture"
#define PREVIEW_EVERY_S 0.2
#define PREVIEW_CLIP 0.1 // percent of pixels at either end of the gray scale

enum { TRIGGER_ASKED, TRIGGER_FREE, TRIGGER_LINE, TRIGGER_DEFAULT = -1 };

struct opts {
    int64_t n; // frames; 0: one, or without end with --stream
    const char *output, *preview;
    double still_um, pixel_um;
    bool quiet, stream;
    int trigger; // enum af_trigger, or TRIGGER_DEFAULT
    struct af_rigopts rig;
};

static const struct af_option options[] = {
    {'n', "frames", AF_OPT_INT, offsetof(struct opts, n), "N", "take N frames [1; --stream: on]",
     NULL, 1, 1e9},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE",
     "write there, - is stdout [-]"},
    {0, "pixel", AF_OPT_LENGTH, offsetof(struct opts, pixel_um), "LENGTH",
     "pixel size in the sample [instrument file]", NULL, 1e-6, 1e6},
    {0, "preview", AF_OPT_FILE, offsetof(struct opts, preview), "PNG",
     "draw the latest frame there, again and again"},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "no warnings, no progress"},
    {0, "still", AF_OPT_LENGTH, offsetof(struct opts, still_um), "LENGTH",
     "z may differ so much over a frame [its tolerance]", NULL, 1e-6, 1e6},
    {0, "stream", AF_OPT_FLAG, offsetof(struct opts, stream), NULL,
     "PGM frames as they come, until stopped"},
    {0, "trigger", AF_OPT_CHOICE, offsetof(struct opts, trigger), "WHEN",
     "asked, free or line [asked; --stream: free]", "asked|free|line"},
    AF_RIGOPTS_ROWS(struct opts, rig),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "",
    "Take frames of a camera, with the place of the stage, as OME-TIFF or a PGM stream.",
    options,
};

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status;

    *o = (struct opts){
        .output = "-", .pixel_um = NAN, .trigger = TRIGGER_DEFAULT, .rig = AF_RIGOPTS_INIT};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    if (strcmp(o->output, "-") == 0 && isatty(STDOUT_FILENO))
        return af_cli_usage(&tool, "not writing an image to a terminal; name a file with -o");
    if (o->rig.dark && strcmp(o->rig.dark, "-") == 0)
        return af_cli_usage(&tool, "--dark takes a file");
    if (o->trigger == TRIGGER_DEFAULT)
        o->trigger = o->stream ? TRIGGER_FREE : TRIGGER_ASKED;
    if (!o->n && !o->stream)
        o->n = 1;
    return -1;
}

/* ---------------------------------------------------------------- preview */

struct preview {
    const char *path; // NULL: none
    double next_s;
    float *v;
    uint8_t *px;
    size_t room;
};

static int draw(struct preview *p, const struct af_shot *shot, struct af_err *err)
{
    const struct af_image *img = &shot->frame.image;
    size_t n = img->w * img->h;
    struct af_scale s = {.map = AF_MAP_GRAY};
    char note[64];

    if (n > p->room) {
        free(p->v);
        free(p->px);
        p->v = malloc(n * sizeof(*p->v));
        p->px = malloc(n);
        p->room = p->v && p->px ? n : 0;
        if (!p->room)
            return af_fail_errno(err, "%s", p->path);
    }
    for (size_t i = 0; i < n; i++)
        p->v[i] = img->type == AF_U8 ? ((uint8_t *)img->data)[i] : ((uint16_t *)img->data)[i];
    if (af_scale_fit(&s, p->v, n, PREVIEW_CLIP, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        double t = (p->v[i] - s.lo) / (s.hi - s.lo);

        p->px[i] = (uint8_t)(255 * (t < 0 ? 0 : t > 1 ? 1 : t));
    }
    snprintf(note, sizeof(note), "z %.3f um, counts %.9g to %.9g", shot->plane.z_um, s.lo, s.hi);
    return af_png_save(p->path, p->px, img->w, img->h, 1, note, err);
}

/* Often enough to look at, and the last one always. */
static int preview(struct preview *p, const struct af_shot *shot, bool last, struct af_err *err)
{
    double now_s = af_now_s();

    if (!p->path || (now_s < p->next_s && !last))
        return 0;
    p->next_s = now_s + PREVIEW_EVERY_S;
    return draw(p, shot, err);
}

/* ----------------------------------------------------------------- frames */

/* Where frames go. */
struct sink {
    const struct opts *o;
    struct af_capture_file *file; // or, with --stream,
    FILE *pgm;
    struct preview preview;
    struct af_progress progress;
    size_t done;
};

static int open_sink(struct sink *k, struct af_rigset *set, struct af_err *err)
{
    const struct opts *o = k->o;
    struct af_capture_notes notes = {
        .nplanes = (size_t)o->n, .pixel_um = o->pixel_um, .dz_um = 0, .dark = o->rig.dark};

    if (isnan(notes.pixel_um))
        notes.pixel_um = set->instrument.pixel_um;
    k->preview.path = o->preview;
    if (!o->stream)
        return af_capture_file_open(&k->file, o->output, &set->rig, &notes, err);
    k->pgm = strcmp(o->output, "-") == 0 ? stdout : fopen(o->output, "wb");
    return k->pgm ? 0 : af_fail_errno(err, "%s", o->output);
}

static int put(struct sink *k, const struct af_shot *shot, struct af_err *err)
{
    k->done++;
    if (k->pgm ? af_pgm_write(k->pgm, &shot->frame.image, &shot->plane, err)
               : af_capture_file_add(k->file, shot, err))
        return -1;
    if (shot->lost && !k->o->quiet)
        af_cli_warn(PROG, "frame %zu: %llu lost before it", k->done - 1,
                    (unsigned long long)shot->lost);
    af_progress_step(&k->progress, k->done, NULL);
    return preview(&k->preview, shot, k->o->n && k->done == (size_t)k->o->n, err);
}

static int take_all(struct sink *k, struct af_rigset *set, struct af_err *err)
{
    struct af_shot shot = {0};
    int ret = 0;

    while (!ret && !af_cli_stopped() && (!k->o->n || k->done < (size_t)k->o->n)) {
        int got = af_capture(&set->rig, &shot, err);

        if (got == 0 && !k->done)
            ret = af_fail(err, AF_EDATA, "%s: has no frame", af_camera_info(set->rig.camera)->uri);
        if (got == 0)
            break;
        if (got == AF_SHOT_MOVED && k->o->stream) {
            if (!k->o->quiet)
                af_cli_warn(PROG, "%s", err->text);
            continue;
        }
        ret = got == 1 ? put(k, &shot, err) : -1;
    }
    af_shot_release(&shot);
    return ret;
}

/* What was taken until a signal came is kept, but for a file that was to have more. */
static int close_sink(struct sink *k, int ret, struct af_err *err)
{
    af_progress_end(&k->progress);
    free(k->preview.v);
    free(k->preview.px);
    if (k->pgm && k->pgm != stdout && fclose(k->pgm) && !ret)
        ret = af_fail_errno(err, "%s", k->o->output);
    if (k->file && !ret && af_cli_stopped())
        ret = af_fail(err, AF_ESYS, "interrupted after %zu frames: nothing is kept", k->done);
    if (k->file && !ret)
        return af_capture_file_commit(k->file, err);
    af_capture_file_discard(k->file);
    return ret;
}

static int run(const struct opts *o, struct af_err *err)
{
    struct af_rigset set = {.trigger = (enum af_trigger)o->trigger};
    struct sink k = {.o = o};
    int ret = -1;

    af_cli_catch_signals();
    if (!af_rigset_open(&set, &o->rig, PROG, false, o->quiet, err) && !open_sink(&k, &set, err)) {
        set.rig.still_um = o->still_um;
        af_progress_begin(&k.progress, o->quiet || !isatty(STDERR_FILENO) ? NULL : stderr, PROG,
                          "frames", (size_t)o->n);
        ret = take_all(&k, &set, err);
    }
    af_rigset_leave_stage(&set); // before the reader of our output may want it
    ret = close_sink(&k, ret, err);
    af_rigset_release(&set);
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
