/* SPDX-License-Identifier: BSD-2-Clause */
#include "optics/params.h"

#include "base/memory.h"
#include "base/number.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum kind { REAL, WHOLE, LENGTH, TIME, RATE, CHOICE };
enum { NPRESETS = 3 };

struct row {
    const char *key;
    enum kind kind;
    size_t place;
    double value[NPRESETS]; // paper, ideal, rough
    double lo, hi;
    const char *help; // of a choice: its words first, "real|virtual: ..."
};
#define AT(field) offsetof(struct af_sim_params, field)

/*
 * Source: Lightley et al., doi:10.1111/jmi.13020, where it gives a number: 830 nm, slit 3:1, 100x
 * 1.3 NA oil. Choice: the rest, so that the short axis fills the sensor near +/-10 um and a day's
 * model errs on other days as theirs does.
 */
/* clang-format off: a row a line */
static const struct row rows[] = {
    {"preset", CHOICE, AT(preset), {0, 1, 2}, 0, 2,
     "paper|ideal|rough: what the others begin with"},
    {"seed", WHOLE, AT(seed), {1, 1, 1}, 0, 9e15, "of everything random"},
    {"day", WHOLE, AT(day), {0, 0, 0}, 0, 1e5, "how often the alignment has walked over night"},
    {"knock", WHOLE, AT(knock), {0, 0, 0}, 0, 1e6,
     "not 0: the optics were knocked, differently for each number"},
    {"clock", CHOICE, AT(clock), {0, 0, 0}, 0, 1,
     "real|virtual: virtual time passes only by what is done"},

    {"wavelength", LENGTH, AT(wavelength_um), {.83, .83, .83}, .2, 5, "of the laser"},
    {"index", REAL, AT(index), {1.518, 1.518, 1.518}, 1, 3,
     "refractive index of oil and coverslip"},
    {"sample_index", REAL, AT(sample_index), {1.335, 1.335, 1.335}, 1, 3, "and of the sample"},
    {"na", REAL, AT(na), {1.3, 1.3, 1.3}, .1, 2.5, "of the objective"},
    {"focal", LENGTH, AT(focal_um), {1800, 1800, 1800}, 100, 1e5, "focal length of the objective"},
    {"slit_x", LENGTH, AT(slit_x_um), {600, 600, 600}, 1, 1e5,
     "half width of the slit in the pupil"},
    {"slit_y", LENGTH, AT(slit_y_um), {1800, 1800, 1800}, 1, 1e5, "half height"},
    {"beam", LENGTH, AT(beam_um), {3000, 3000, 3000}, 1, 1e6,
     "radius of the beam in the pupil, 1/e^2"},
    {"slit_distance", LENGTH, AT(slit_distance_um), {5e4, 0, 5e4}, -1e6, 1e6,
     "from the slit's image to the pupil"},
    {"beam_x", LENGTH, AT(beam_x_um), {40, 0, 80}, -1e4, 1e4, "beam against slit"},
    {"beam_y", LENGTH, AT(beam_y_um), {90, 0, 180}, -1e4, 1e4, ""},
    {"decentre_x", LENGTH, AT(decentre_x_um), {20, 0, 40}, -1e4, 1e4,
     "slit's image against the axis of the objective"},
    {"decentre_y", LENGTH, AT(decentre_y_um), {45, 0, 90}, -1e4, 1e4, ""},
    {"rotation", REAL, AT(rotation_deg), {.3, 0, 1}, -180, 180, "of the slit, degrees"},
    {"spherical", REAL, AT(spherical), {.08, 0, .2}, -5, 5,
     "primary spherical aberration, waves r.m.s."},
    {"spherical2", REAL, AT(spherical2), {.01, 0, .03}, -5, 5, "secondary"},
    {"astigmatism", REAL, AT(astigmatism), {.05, 0, .1}, -5, 5, "waves r.m.s."},
    {"coma", REAL, AT(coma), {.03, 0, .06}, -5, 5, "waves r.m.s."},
    {"roughness", REAL, AT(roughness), {.02, 0, .04}, 0, 1, "of the surfaces, waves r.m.s."},
    {"af_offset", LENGTH, AT(af_offset_um), {.3, 0, .8}, -50, 50,
     "of the autofocus focus from the imaging one"},
    {"second", REAL, AT(second), {.01, 0, .03}, 0, 1,
     "second surface: its field against the first's"},
    {"second_coherence", REAL, AT(second_coherence), {.5, .5, .5}, 0, 1,
     "share of it that interferes"},
    {"coverslip", LENGTH, AT(coverslip_um), {170, 170, 170}, 20, 2000,
     "from the first surface to the second"},

    {"magnification", REAL, AT(magnification), {60, 60, 60}, 1, 1000, "coverslip to camera"},
    {"light", REAL, AT(light), {1e6, 1e6, 1e6}, 0, 1e12, "electrons that the camera gains in 1 ms"},
    {"fringes", REAL, AT(fringes), {.03, 0, .06}, 0, 1, "contrast of the beam splitter's fringes"},
    {"dust", REAL, AT(dust), {.02, 0, .06}, 0, 1, "contrast of dust rings on the camera's window"},
    {"vignetting", REAL, AT(vignetting), {.05, 0, .1}, 0, 1, "light lost in the corners"},
    {"glow", REAL, AT(glow), {.2, 0, .5}, 0, 1e6,
     "stray light of the laser, electrons per px and ms"},
    {"background", REAL, AT(background), {.2, 0, .5}, 0, 1e6,
     "room light, electrons per px and ms"},

    {"width", WHOLE, AT(width), {640, 640, 640}, 16, 4096, "of the autofocus camera, px"},
    {"height", WHOLE, AT(height), {480, 480, 480}, 16, 4096, ""},
    {"pixel", LENGTH, AT(pixel_um), {5, 5, 5}, .5, 100, "its pixels"},
    {"bits", WHOLE, AT(bits), {12, 12, 12}, 8, 16, "8, 10, 12 or 16"},
    {"read_noise", REAL, AT(read_noise), {8, 8, 12}, 0, 1e4, "electrons r.m.s."},
    {"full_well", REAL, AT(full_well), {1e4, 1e4, 1e4}, 100, 1e7, "electrons"},
    {"black", REAL, AT(black), {80, 80, 80}, 0, 1e6, "electrons that 0 light reads as"},
    {"dark", REAL, AT(dark), {.02, .02, .1}, 0, 1e6, "current, electrons per px and ms"},
    {"hot", REAL, AT(hot), {2e-5, 0, 2e-4}, 0, 1, "share of pixels that are hot"},
    {"gain_spread", REAL, AT(gain_spread), {.008, 0, .015}, 0, 1, "of the pixels' gain, r.m.s."},
    {"noise", WHOLE, AT(noise), {1, 0, 1}, 0, 1, "0: a camera without any noise"},

    {"day_drift", REAL, AT(day_drift), {1, 0, 3}, 0, 100, "factor of the walk from day to day"},
    {"hour_drift", REAL, AT(hour_drift), {1, 0, 3}, 0, 100, "factor of the wander within a day"},
    {"drift", RATE, AT(drift_um_s), {0, 0, .001}, -10, 10, "of the sample along z, as in 20nm/min"},
    {"wander", LENGTH, AT(wander_um), {.05, 0, .3}, 0, 100,
     "of the sample along z, at random, r.m.s."},

    {"speed", RATE, AT(speed_um_s), {2000, 2000, 1000}, .01, 1e6, "of z, as in 2mm/s"},
    {"acceleration", REAL, AT(accel_um_s2), {2e5, 2e5, 5e4}, .1, 1e9, "of z, um/s^2"},
    {"xy_speed", RATE, AT(xy_speed_um_s), {4e4, 4e4, 2e4}, .01, 1e7, "of x and y"},
    {"xy_acceleration", REAL, AT(xy_accel_um_s2), {1e6, 1e6, 2e5}, .1, 1e9, "of x and y, um/s^2"},
    {"readback", LENGTH, AT(readback_um), {.002, 0, .01}, 0, 10, "noise of a position, r.m.s."},
    {"step", LENGTH, AT(step_um), {.001, .001, .005}, 1e-6, 10, "resolution of a position"},
    {"settle", TIME, AT(settle_ms), {2, 0, 10}, 0, 1e4,
     "time in which what is left of a motion falls to 1/e"},
    {"backlash", LENGTH, AT(backlash_um), {0, 0, .2}, 0, 100,
     "play of z, which the readback does not see"},
    {"lo", LENGTH, AT(lo_um), {-300, -300, -300}, -1e6, 1e6, "lower limit of z"},
    {"hi", LENGTH, AT(hi_um), {300, 300, 300}, -1e6, 1e6, "upper limit of z, towards the sample"},
    {"margin", LENGTH, AT(margin_um), {30, 30, 30}, .1, 1e6,
     "from the limits of z to its hard stops"},

    {"surface", LENGTH, AT(surface_um), {0, 0, 0}, -1e5, 1e5,
     "z of focus at the centre of well A1"},
    {"tilt_x", REAL, AT(tilt_x_mrad), {.6, 0, 1}, -100, 100, "of the plate along x, mrad"},
    {"tilt_y", REAL, AT(tilt_y_mrad), {-.4, 0, -.8}, -100, 100, "along y"},
    {"bow", LENGTH, AT(bow_um), {60, 0, 100}, -1000, 1000,
     "of the plate: its middle against its corners"},
    {"well_step", LENGTH, AT(well_step_um), {4, 0, 8}, 0, 100, "of z from well to well, r.m.s."},
    {"bead_density", REAL, AT(bead_density), {.03, .03, .02}, 0, 10, "beads per um^2"},
    {"bead", LENGTH, AT(bead_um), {.1, .1, .1}, 0, 5, "diameter of a bead"},
    {"bead_light", REAL, AT(bead_light), {400, 400, 200}, 0, 1e9, "electrons of a bead in 1 ms"},
    {"bead_wavelength", LENGTH, AT(bead_wavelength_um), {.6, .6, .6}, .2, 5, "of their light"},
    {"bead_spread", LENGTH, AT(bead_height_um), {.02, 0, .1}, 0, 10,
     "of their heights over the coverslip"},
    {"bead_width", WHOLE, AT(bead_width), {512, 512, 512}, 16, 4096, "of the imaging camera, px"},
    {"bead_height", WHOLE, AT(bead_height), {512, 512, 512}, 16, 4096, ""},
    {"bead_pixel", LENGTH, AT(bead_pixel_um), {6.5, 6.5, 6.5}, .5, 100, "its pixels"},
    {"bead_magnification", REAL, AT(bead_magnification), {100, 100, 100}, 1, 1000,
     "sample to imaging camera"},
};
/* clang-format on */
enum { NROWS = sizeof rows / sizeof *rows };

static double *place(struct af_sim_params *p, const struct row *r)
{
    return (double *)((char *)p + r->place);
}

static double get(const struct af_sim_params *p, const struct row *r)
{
    return *(const double *)((const char *)p + r->place);
}

void af_sim_params_preset(struct af_sim_params *p, int preset)
{
    assert(preset >= 0 && preset < NPRESETS);
    for (size_t i = 0; i < NROWS; i++)
        *place(p, &rows[i]) = rows[i].value[preset];
    p->preset = preset;
}

static const struct row *find(const char *key)
{
    for (size_t i = 0; i < NROWS; i++)
        if (!strcmp(rows[i].key, key))
            return &rows[i];
    return NULL;
}

/* Index of the word in "real|virtual: ...", or -1. */
static int choose(const char *words, const char *word)
{
    size_t n = strlen(word);

    for (int i = 0;; i++) {
        size_t k = strcspn(words, "|:");
        if (k == n && !strncmp(words, word, n))
            return i;
        if (words[k] != '|')
            return -1;
        words += k + 1;
    }
}

/* `20nm/min`, or um/s. */
static int parse_rate(const char *text, double *um_s, struct af_err *err)
{
    const char *slash = strchr(text, '/');
    char length[32];
    double um, ms;

    if (!slash)
        return af_parse_length_um(text, um_s, err);
    if ((size_t)(slash - text) >= sizeof length || !((ms = af_unit_ms(slash + 1)) > 0))
        return af_fail(err, AF_EUSAGE, "'%s' is no speed, as in 20nm/min", text);
    memcpy(length, text, (size_t)(slash - text));
    length[slash - text] = 0;
    if (af_parse_length_um(length, &um, err))
        return -1;
    *um_s = um / ms * 1e3;
    return 0;
}

static int parse_value(const struct row *r, const char *text, double *v, struct af_err *err)
{
    struct af_err why = {0};
    int64_t whole = 0;
    int bad = 0, word;

    switch (r->kind) {
    case CHOICE:
        if ((word = choose(r->help, text)) < 0)
            return af_fail(err, AF_EUSAGE, "sim: %s: '%s' is none of %.*s", r->key, text,
                           (int)strcspn(r->help, ":"), r->help);
        *v = word;
        return 0;
    case WHOLE:
        bad = af_parse_int(text, &whole, &why);
        *v = (double)whole;
        break;
    case LENGTH: bad = af_parse_length_um(text, v, &why); break;
    case TIME: bad = af_parse_time_ms(text, v, &why); break;
    case RATE: bad = parse_rate(text, v, &why); break;
    default: bad = af_parse_real(text, v, &why); break;
    }
    if (bad)
        return af_fail(err, AF_EUSAGE, "sim: %s: %s", r->key, why.text);
    if (!(*v >= r->lo && *v <= r->hi))
        return af_fail(err, AF_EUSAGE, "sim: %s: %s is not in %g to %g", r->key, text, r->lo,
                       r->hi);
    return 0;
}

/* What no row can check alone. */
static int check(const struct af_sim_params *p, struct af_err *err)
{
    if (p->bits != 8 && p->bits != 10 && p->bits != 12 && p->bits != 16)
        return af_fail(err, AF_EUSAGE, "sim: bits: 8, 10, 12 or 16, not %g", p->bits);
    if (!(p->lo_um < p->hi_um))
        return af_fail(err, AF_EUSAGE, "sim: lo: %g um is not below hi, %g um", p->lo_um, p->hi_um);
    if (p->na >= p->index)
        return af_fail(err, AF_EUSAGE, "sim: na: %g is not below index, %g", p->na, p->index);
    return 0;
}

/* `size=640x480` stands for width and height. */
static int set_size(struct af_sim_params *p, const char *text, struct af_err *err)
{
    const char *x = strchr(text, 'x');
    char width[16];

    if (!x || (size_t)(x - text) >= sizeof width)
        return af_fail(err, AF_EUSAGE, "sim: size: '%s' is none, as in 640x480", text);
    memcpy(width, text, (size_t)(x - text));
    width[x - text] = 0;
    return parse_value(find("width"), width, &p->width, err) ||
                   parse_value(find("height"), x + 1, &p->height, err)
               ? -1
               : 0;
}

static int set_one(struct af_sim_params *p, const char *key, const char *text, struct af_err *err)
{
    const struct row *r = find(key);

    if (!strcmp(key, "size"))
        return set_size(p, text, err);
    if (!r)
        return af_fail(err, AF_EUSAGE, "sim: no such key: '%s'", key);
    return parse_value(r, text, place(p, r), err);
}

static const char *find_option(const char *options, const char *key)
{
    size_t n = strlen(key);

    for (const char *o = options ? options : ""; *o; o += strcspn(o, "&"), o += *o == '&')
        if (!strncmp(o, key, n) && o[n] == '=')
            return o + n + 1;
    return NULL;
}

int af_sim_params_given(const char *options, const char *key)
{
    return find_option(options, key) != NULL;
}

/* Walks over a copy of the options, which is cut up. */
static int set_all(struct af_sim_params *p, char *options, struct af_err *err)
{
    for (char *o = options, *next; o && *o; o = next) {
        char *equals = strchr(o, '=');
        if ((next = strchr(o, '&')))
            *next++ = 0;
        if (!equals || (next && equals >= next))
            return af_fail(err, AF_EUSAGE, "sim: '%s' is not key=value", o);
        *equals = 0;
        if (next && find_option(next, o))
            return af_fail(err, AF_EUSAGE, "sim: %s is given twice", o);
        if (strcmp(o, "preset") && set_one(p, o, equals + 1, err))
            return -1;
    }
    return check(p, err);
}

int af_sim_params_set(struct af_sim_params *p, const char *options, struct af_err *err)
{
    const char *preset = find_option(options, "preset");
    struct af_sim_params q = *p;
    char *copy;
    int ret;

    if (!options || !*options)
        return 0;
    if (preset) {
        char word[16] = "";
        double v;
        strncat(word, preset, strcspn(preset, "&") < sizeof word ? strcspn(preset, "&") : 0);
        if (parse_value(find("preset"), word, &v, err))
            return -1;
        if (v != p->preset)
            af_sim_params_preset(&q, (int)v);
    }
    if (!(copy = af_strdup(options, err)))
        return -1;
    if (!(ret = set_all(&q, copy, err)))
        *p = q;
    free(copy);
    return ret;
}

int af_sim_params_write(const struct af_sim_params *p, FILE *fp, struct af_err *err)
{
    for (size_t i = 0; i < NROWS; i++) {
        const struct row *r = &rows[i];
        static const char *const unit[] = {
            [LENGTH] = " (um)", [TIME] = " (ms)", [RATE] = " (um/s)", [CHOICE] = ""};
        if (*r->help)
            fprintf(fp, "# %s%s\n", r->help, unit[r->kind] ? unit[r->kind] : "");
        if (r->kind == CHOICE) {
            const char *word = r->help;
            for (int k = (int)get(p, r); k > 0; k--)
                word = strchr(word, '|') + 1;
            fprintf(fp, "%s = %.*s\n", r->key, (int)strcspn(word, "|:"), word);
        } else {
            fprintf(fp, "%s = %.17g\n", r->key, get(p, r));
        }
    }
    return ferror(fp) ? af_fail_errno(err, "sim: writing parameters") : 0;
}

int af_sim_params_read(struct af_sim_params *p, FILE *fp, const char *name, struct af_err *err)
{
    char line[256], key[64], value[64];
    struct af_err why = {0};

    af_sim_params_preset(p, AF_PRESET_PAPER);
    for (size_t n = 1; fgets(line, sizeof line, fp); n++) {
        if (*line == '#' || !line[strspn(line, " \t\r\n")])
            continue;
        if (sscanf(line, " %63[a-z0-9_] = %63s", key, value) != 2)
            return af_fail(err, AF_EDATA, "%s: line %zu is not key = value", name, n);
        if (!strcmp(key, "preset")) {
            double v;
            if (parse_value(find(key), value, &v, &why))
                return af_fail(err, AF_EDATA, "%s: line %zu: %s", name, n, why.text);
            af_sim_params_preset(p, (int)v);
        } else if (set_one(p, key, value, &why)) {
            return af_fail(err, AF_EDATA, "%s: line %zu: %s", name, n, why.text);
        }
    }
    if (ferror(fp))
        return af_fail_errno(err, "%s", name);
    if (check(p, &why))
        return af_fail(err, AF_EDATA, "%s: %s", name, why.text);
    return 0;
}
