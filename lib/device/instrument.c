/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/instrument.h"
#include "base/memory.h"
#include "base/number.h"

#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest travel anyone has, um: a slip of a unit is found before it is used. */
#define FAR_UM 1e6

enum kind { TEXT, LENGTH, TIME, REAL, COUNT, SIGN };

struct key {
    const char *name;
    enum kind kind;
    size_t place;    // offset in struct af_instrument or struct af_axis_conf
    double min, max; // of a number
};

static const struct key camera_keys[] = {
    {"uri", TEXT, offsetof(struct af_instrument, camera), 0, 0},
    {"pixel_size", LENGTH, offsetof(struct af_instrument, pixel_um), 1e-4, 1e3},
    {"sensor_pixel_size", LENGTH, offsetof(struct af_instrument, sensor_pixel_um), 1e-2, 1e3},
    {"exposure", TIME, offsetof(struct af_instrument, exposure_ms), 1e-6, 1e6},
    {"gain", REAL, offsetof(struct af_instrument, gain), -1e3, 1e3},
    {NULL, TEXT, 0, 0, 0},
};

static const struct key stage_keys[] = {
    {"uri", TEXT, offsetof(struct af_instrument, stage), 0, 0},
    {"xy_uri", TEXT, offsetof(struct af_instrument, xy_stage), 0, 0},
    {"log", TEXT, offsetof(struct af_instrument, motion_log), 0, 0},
    {NULL, TEXT, 0, 0, 0},
};

#define AXIS(field) offsetof(struct af_axis_conf, field)
static const struct key axis_keys[] = {
    {"min", LENGTH, AXIS(min_um), -FAR_UM, FAR_UM},
    {"max", LENGTH, AXIS(max_um), -FAR_UM, FAR_UM},
    {"max_step", LENGTH, AXIS(max_step_um), 1e-3, FAR_UM},
    {"max_step_towards_sample", LENGTH, AXIS(max_toward_um), 1e-3, FAR_UM},
    {"max_travel", LENGTH, AXIS(max_travel_um), 1e-3, 2 * FAR_UM},
    {"direction", SIGN, AXIS(direction), 0, 0},
    {"offset", LENGTH, AXIS(offset_um), -FAR_UM, FAR_UM},
    {"unit", LENGTH, AXIS(unit_um), 1e-6, 1e4},
    {"speed", LENGTH, AXIS(speed_um_s), 1e-2, FAR_UM},
    {"settle", TIME, AXIS(settle_ms), 0, 6e4},
    {"tolerance", LENGTH, AXIS(tolerance_um), 1e-3, 1e3},
    {"readings", COUNT, AXIS(readings), 2, 100},
    {"timeout", TIME, AXIS(timeout_ms), 10, 6e5},
    {"overshoot", LENGTH, AXIS(overshoot_um), 0, 1e3},
    {"backlash", LENGTH, AXIS(backlash_um), 0, 1e3},
    {NULL, TEXT, 0, 0, 0},
};

static const struct {
    const char *name;
    const struct key *keys;
    int axis; // -1: of the instrument
} sections[] = {{"camera", camera_keys, -1},
                {"stage", stage_keys, -1},
                {"x", axis_keys, AF_X},
                {"y", axis_keys, AF_Y},
                {"z", axis_keys, AF_Z}};

const char *af_axis_name(enum af_axis axis)
{
    static const char *const name[AF_NAXES] = {"x", "y", "z"};

    return name[axis];
}

bool af_axis_has_limits(const struct af_axis_conf *a)
{
    return !isnan(a->min_um) && !isnan(a->max_um) && !isnan(a->max_step_um) &&
           !isnan(a->max_travel_um);
}

void af_instrument_init(struct af_instrument *in)
{
    *in = (struct af_instrument){
        .pixel_um = NAN, .sensor_pixel_um = NAN, .exposure_ms = NAN, .gain = NAN};
    for (int i = 0; i < AF_NAXES; i++)
        in->axis[i] = (struct af_axis_conf){.min_um = NAN,
                                            .max_um = NAN,
                                            .max_step_um = NAN,
                                            .max_toward_um = NAN,
                                            .max_travel_um = NAN,
                                            .direction = 1,
                                            .unit_um = NAN,
                                            .speed_um_s = 1000,
                                            .settle_ms = 20,
                                            .tolerance_um = 0.1,
                                            .overshoot_um = 2,
                                            .readings = 2,
                                            .timeout_ms = 2000};
}

/* ---- reading ---- */

struct reader {
    struct af_instrument *in;
    FILE *fp;
    const char *path;
    int line; // of the text that was read last
    struct af_err *err;
    bool failed;
};

static int set_number(const struct key *k, char *place, const char *value, struct af_err *err)
{
    double v = 0;
    int64_t n = 0;
    int bad;

    if (k->kind == COUNT || k->kind == SIGN)
        bad = af_parse_int(value, &n, err);
    else if (k->kind == TIME)
        bad = af_parse_time_ms(value, &v, err);
    else
        bad =
            k->kind == LENGTH ? af_parse_length_um(value, &v, err) : af_parse_real(value, &v, err);
    if (bad)
        return -1;
    if (k->kind == SIGN && n != 1 && n != -1)
        return af_fail(err, AF_EDATA, "'%s' is neither 1 nor -1", value);
    if (k->kind == COUNT)
        v = (double)n;
    if (k->kind != SIGN && !(v >= k->min && v <= k->max))
        return af_fail(err, AF_EDATA, "'%s' is not in %g to %g%s", value, k->min, k->max,
                       k->kind == LENGTH ? " um"
                       : k->kind == TIME ? " ms"
                                         : "");
    if (k->kind == COUNT || k->kind == SIGN)
        *(int *)(void *)place = (int)n;
    else
        *(double *)(void *)place = v;
    return 0;
}

static int set(struct af_instrument *in, const char *section, const char *name, const char *value,
               struct af_err *err)
{
    const struct key *k = NULL;
    size_t i = 0;
    char *place;

    for (; i < sizeof(sections) / sizeof(*sections); i++)
        if (strcmp(sections[i].name, section) == 0)
            break;
    if (i == sizeof(sections) / sizeof(*sections))
        return af_fail(err, AF_EDATA, "there is no section [%s]; there are camera, stage, x, y, z",
                       section);
    for (k = sections[i].keys; k->name && strcmp(k->name, name); k++)
        ;
    if (!k->name)
        return af_fail(err, AF_EDATA, "[%s] has no key '%s'; see man aftools-instrument", section,
                       name);
    place = sections[i].axis < 0 ? (char *)in : (char *)&in->axis[sections[i].axis];
    place += k->place;
    if (k->kind != TEXT)
        return set_number(k, place, value, err);
    free(*(char **)(void *)place);
    return (*(char **)(void *)place = af_strdup(value, err)) ? 0 : -1;
}

static int take(void *ctx, const char *section, const char *name, const char *value)
{
    struct reader *r = ctx;
    struct af_err why;

    if (r->failed) // the parser goes on after an error; the first one is told
        return 0;
    why.kind = AF_OK;
    if (set(r->in, section, name, value, &why) == 0)
        return 1;
    r->failed = true;
    if (why.kind == AF_ESYS)
        af_fail(r->err, AF_ESYS, "%s: %s", r->path, why.text);
    else
        af_fail(r->err, AF_EDATA, "%s: line %d: %s: %s", r->path, r->line, name, why.text);
    return 0;
}

/* fgets that counts, and ends at a line that would be cut in two. */
static char *next_line(char *s, int cap, void *ctx)
{
    struct reader *r = ctx;
    size_t n;

    if (r->failed || !fgets(s, cap, r->fp))
        return NULL;
    r->line++;
    n = strlen(s);
    if (n + 1 == (size_t)cap && s[n - 1] != '\n') {
        r->failed = true;
        af_fail(r->err, AF_EDATA, "%s: line %d is longer than %d bytes", r->path, r->line, cap - 2);
        return NULL;
    }
    return s;
}

static int check(const struct af_instrument *in, const char *path, struct af_err *err)
{
    for (int i = 0; i < AF_NAXES; i++) {
        const struct af_axis_conf *a = &in->axis[i];
        int given = !isnan(a->min_um) + !isnan(a->max_um) + !isnan(a->max_step_um) +
                    !isnan(a->max_travel_um);

        if (given && given < 4)
            return af_fail(err, AF_EDATA,
                           "%s: [%s]: min, max, max_step and max_travel belong together", path,
                           af_axis_name((enum af_axis)i));
        if (given && !(a->min_um < a->max_um))
            return af_fail(err, AF_EDATA, "%s: [%s]: min %gum is not below max %gum", path,
                           af_axis_name((enum af_axis)i), a->min_um, a->max_um);
    }
    return 0;
}

static int parse(struct af_instrument *in, FILE *fp, const char *path, struct af_err *err)
{
    struct reader r = {.in = in, .fp = fp, .path = path, .err = err};
    int line = ini_parse_stream(next_line, &r, take, &r);

    if (r.failed)
        return -1;
    if (ferror(fp))
        return af_fail_errno(err, "%s", path);
    if (line == -2)
        return af_fail(err, AF_ESYS, "%s: out of memory", path);
    if (line)
        return af_fail(err, AF_EDATA, "%s: line %d: neither [SECTION] nor KEY = VALUE", path, line);
    return check(in, path, err);
}

/* Where the file is when nobody says: NULL with err untouched where there is no home. */
static char *default_path(struct af_err *err)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (config && *config == '/')
        return af_format(err, "%s/aftools/instrument.conf", config);
    return af_format(err, "%s/.config/aftools/instrument.conf", home ? home : "");
}

int af_instrument_read(struct af_instrument *in, const char *path, struct af_err *err)
{
    const char *said = path ? path : getenv("AF_INSTRUMENT");
    FILE *fp;
    int ret;

    af_instrument_init(in);
    if (said && *said)
        in->path = af_strdup(said, err);
    else
        in->path = default_path(err);
    if (!in->path)
        return -1;
    fp = fopen(in->path, "re");
    if (!fp && !(said && *said) && (errno == ENOENT || errno == ENOTDIR)) {
        free(in->path);
        in->path = NULL;
        return 0;
    }
    if (!fp)
        return af_fail_errno(err, "%s", in->path);
    ret = parse(in, fp, in->path, err);
    fclose(fp);
    return ret;
}

void af_instrument_release(struct af_instrument *in)
{
    free(in->path);
    free(in->camera);
    free(in->stage);
    free(in->xy_stage);
    free(in->motion_log);
    af_instrument_init(in);
}

static const char *choose(const char *option, const char *variable, const char *file,
                          const char *what, struct af_err *err)
{
    const char *env = getenv(variable);

    if (option && *option)
        return option;
    if (env && *env)
        return env;
    if (file && *file)
        return file;
    af_fail(err, AF_EUSAGE, "no %s: give --%s URI, as sim:, or %s, or an instrument file", what,
            what, variable);
    return NULL;
}

const char *af_instrument_stage(const struct af_instrument *in, const char *option,
                                struct af_err *err)
{
    return choose(option, "AF_STAGE", in->stage, "stage", err);
}

const char *af_instrument_camera(const struct af_instrument *in, const char *option,
                                 struct af_err *err)
{
    return choose(option, "AF_CAMERA", in->camera, "camera", err);
}
