/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/verify.h"
#include "tiffmake.h"

#include <math.h>

static char found[4000]; // "plane problem (detail)\n" ...

static void note(void *ctx, size_t plane, const char *problem, const char *detail)
{
    char line[200];

    (void)ctx;
    if (plane == SIZE_MAX)
        snprintf(line, sizeof(line), "- %s (%s)\n", problem, detail);
    else
        snprintf(line, sizeof(line), "%zu %s (%s)\n", plane, problem, detail);
    strncat(found, line, sizeof(found) - strlen(found) - 1);
}

/* What is found in the file, and that the count agrees. */
static void assert_found(const char *path, const char *want)
{
    struct af_stack *st = open_one(path, NULL, NULL);
    struct af_err err = {AF_OK, ""};
    long n = 0;

    found[0] = '\0';
    for (const char *s = want; *s; s++)
        n += *s == '\n';
    assert_int_equal(af_stack_verify(st, note, NULL, &err), n);
    assert_string_equal(found, want);
    af_stack_close(st);
}

/* A sound stack of four PGM frames of 10 x 10, into which problems are planted. */
struct frame {
    const char *z;          // NULL: not said
    int w;                  // px
    int maxval;             // bits by it
    int base, bright, dark; // count; how many px are at full scale; difference of one px
};

static void make_pgm(const char *path, const struct frame *f, size_t n)
{
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    for (size_t i = 0; i < n; i++) {
        if (f[i].z)
            fprintf(fp, "P5\n# z_um=%s\n", f[i].z);
        else
            fprintf(fp, "P5\n");
        fprintf(fp, "%d 10\n%d\n", f[i].w, f[i].maxval);
        for (int k = 0; k < f[i].w * 10; k++) {
            int v = k < f[i].bright ? f[i].maxval : k == 99 ? f[i].base - f[i].dark : f[i].base;

            if (f[i].maxval > 255)
                putc(v >> 8, fp);
            putc(v & 255, fp);
        }
    }
    assert_int_equal(fclose(fp), 0);
}

#define GOOD(Z)                                                                                    \
    {                                                                                              \
        Z, 10, 255, 100, 0, 1                                                                      \
    }

static void a_sound_stack_has_no_problem(void **state)
{
    static const struct frame f[] = {GOOD("-1"), GOOD("0"), GOOD("1"), GOOD("2.5")};
    static const struct frame down[] = {GOOD("3"), GOOD("2"), GOOD("-7")};

    (void)state;
    make_pgm("a.pgm", f, 4);
    assert_found("a.pgm", "");
    make_pgm("a.pgm", down, 3);
    assert_found("a.pgm", "");
    make_pgm("a.pgm", f, 1);
    assert_found("a.pgm", "");
}

static void each_planted_problem_is_found_once(void **state)
{
    static const struct {
        struct frame f[4];
        const char *want;
    } planted[] = {
        {{GOOD("0"), GOOD("1"), GOOD("1"), GOOD("2")}, "2 z-repeat (z stays at 1 um)\n"},
        {{GOOD("0"), GOOD("2"), GOOD("1"), GOOD("3")}, "2 z-turns (z goes back from 2 to 1 um)\n"},
        {{GOOD("9"), GOOD("8"), GOOD("8.5"), GOOD("7")},
         "2 z-turns (z goes back from 8 to 8.5 um)\n"},
        {{GOOD("0"), {"1", 10, 255, 0, 0, 0}, GOOD("2"), GOOD("3")},
         "1 black (all counts are 0)\n"},
        {{GOOD("0"), {"1", 10, 255, 100, 2, 1}, GOOD("2"), GOOD("3")},
         "1 saturated (2 % of the pixels at full scale)\n"},
        {{GOOD("0"), {"1", 10, 4095, 100, 3, 1}, GOOD("2"), GOOD("3")},
         "1 size (10x10 uint16, plane 0 is 10x10 uint8)\n"
         "1 saturated (3 % of the pixels at full scale)\n"},
        {{GOOD("0"), GOOD("1"), {"2", 11, 255, 100, 0, 1}, GOOD("3")},
         "2 size (11x10 uint8, plane 0 is 10x10 uint8)\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(planted) / sizeof(*planted); i++) {
        make_pgm("p.pgm", planted[i].f, 4);
        assert_found("p.pgm", planted[i].want);
    }
}

static void as_many_saturated_pixels_as_a_spot_has_are_let_be(void **state)
{
    static const struct frame f[] = {{"0", 10, 255, 100, 1, 1}}; // 1 % and no more

    (void)state;
    make_pgm("s.pgm", f, 1);
    assert_found("s.pgm", "");
}

static void a_stack_without_z_is_told_once(void **state)
{
    static const struct frame f[] = {GOOD("0"), GOOD(NULL), GOOD("1")};
    static const struct frame none[] = {GOOD(NULL), GOOD(NULL)};

    (void)state;
    make_pgm("z.pgm", none, 2);
    assert_found("z.pgm", "- no-z (z is known of no plane)\n");
    make_pgm("z.pgm", f, 3); // z that not all planes have is not taken
    assert_found("z.pgm", "- no-z (z is known of no plane)\n");
}

static uint64_t by_page(size_t page, size_t x, size_t y)
{
    return page * 7 + x + y + 1;
}

static const char set[] =
    "<?xml version=\"1.0\"?><OME><Image><Pixels DimensionOrder=\"XYCZT\" SizeX=\"4\" "
    "SizeY=\"4\" SizeZ=\"%d\" SizeC=\"2\" SizeT=\"1\"><TiffData/>%s</Pixels></Image></OME>";

#define PLANE(C, Z, UM)                                                                            \
    "<Plane TheC=\"" #C "\" TheZ=\"" #Z "\" PositionZ=\"" #UM "\" PositionZUnit=\"um\"/>"

static void z_is_followed_within_a_channel(void **state)
{
    struct tiff_spec s = {
        .w = 4, .h = 4, .npages = 6, .photometric = PHOTOMETRIC_MINISBLACK, .value = by_page};
    char xml[2000];

    (void)state;
    snprintf(xml, sizeof(xml), set, 3,
             PLANE(0, 0, 0) PLANE(1, 0, 0) PLANE(0, 1, 1) PLANE(1, 1, 1) PLANE(0, 2, 2)
                 PLANE(1, 2, 0.5));
    s.description = xml;
    make_tiff("c.tif", "w", s);
    assert_found("c.tif", "5 z-turns (z goes back from 1 to 0.5 um)\n");
}

static void planes_that_lack_z_among_others_are_told_each(void **state)
{
    struct tiff_spec s = {
        .w = 4, .h = 4, .npages = 8, .photometric = PHOTOMETRIC_MINISBLACK, .value = by_page};
    char xml[2000];

    (void)state;
    snprintf(xml, sizeof(xml), set, 4, PLANE(1, 0, 0) PLANE(0, 2, 2) PLANE(0, 3, 3) PLANE(1, 3, 3));
    s.description = xml;
    make_tiff("l.tif", "w", s);
    assert_found("l.tif", "0 no-z (z is not known)\n2 no-z (z is not known)\n"
                          "3 no-z (z is not known)\n5 no-z (z is not known)\n");
}

/* Channel 0 goes 0, 1, unknown, 5, 4 um, and back at its last plane, 8 of the file. */
static void a_plane_without_z_does_not_hide_a_turn(void **state)
{
    struct tiff_spec s = {
        .w = 4, .h = 4, .npages = 10, .photometric = PHOTOMETRIC_MINISBLACK, .value = by_page};
    char xml[3000];

    (void)state;
    snprintf(xml, sizeof(xml), set, 5,
             PLANE(0, 0, 0) PLANE(0, 1, 1) PLANE(0, 3, 5) PLANE(0, 4, 4) PLANE(1, 0, 0)
                 PLANE(1, 1, 1) PLANE(1, 2, 2) PLANE(1, 3, 3) PLANE(1, 4, 4));
    s.description = xml;
    make_tiff("h.tif", "w", s);
    assert_found("h.tif", "4 no-z (z is not known)\n8 z-turns (z goes back from 5 to 4 um)\n");
}

static void missing_planes_are_counted(void **state)
{
    struct tiff_spec s = {
        .w = 4, .h = 4, .npages = 4, .photometric = PHOTOMETRIC_MINISBLACK, .value = by_page};
    char xml[2000];

    (void)state;
    snprintf(xml, sizeof(xml), set, 3, PLANE(0, 0, 0) PLANE(1, 0, 0) PLANE(0, 1, 1) PLANE(1, 1, 1));
    s.description = xml;
    make_tiff("m.tif", "w", s);
    assert_found("m.tif", "- missing (2 planes or more)\n");
}

static void a_frame_cut_short_is_missing(void **state)
{
    static const struct frame f[] = {GOOD("0"), GOOD("1"), GOOD("2")};
    uint8_t *b;
    size_t n;

    (void)state;
    make_pgm("u.pgm", f, 3);
    b = slurp_file("u.pgm", &n);
    spill_file("u.pgm", b, n - 5);
    free(b);
    assert_found("u.pgm", "- missing (1 planes or more)\n");
}

/* Let the samples of page 0 or 1 lie where the file ends. */
static void cut_samples(const char *path, int page)
{
    size_t n, first, second;
    uint8_t *b = slurp_file(path, &n);

    first = get_number(b, 4, 4);
    second = get_number(b, first + 2 + 12 * get_number(b, first, 2), 4);
    put_number(b, 4, 4, (uint32_t)(page ? second : first)); // where find_tag() looks
    put_number(b, find_tag(b, TIFFTAG_STRIPOFFSETS) + 8, 4, (uint32_t)n - 4);
    put_number(b, 4, 4, (uint32_t)first);
    spill_file(path, b, n);
    free(b);
}

static void samples_that_cannot_be_read_end_the_check(void **state)
{
    static const char *const want[] = {"0 unreadable (r.tif: page 0: cut short)\n",
                                       "1 unreadable (r.tif: page 1: cut short)\n"};
    struct tiff_spec s = {.w = 4,
                          .h = 4,
                          .npages = 3,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .page_name = "z_um=1",
                          .value = by_page};

    (void)state;
    for (int page = 0; page < 2; page++) {
        make_tiff("r.tif", "wl", s);
        cut_samples("r.tif", page);
        assert_found("r.tif", want[page]);
    }
}

static uint64_t a_nan_in_front(size_t page, size_t x, size_t y)
{
    float v = page == 1 && x == 0 ? NAN : (float)(x + y);
    uint32_t bits;

    memcpy(&bits, &v, 4);
    return bits;
}

static void values_that_are_no_number_are_found(void **state)
{
    struct tiff_spec s = {.w = 4,
                          .h = 3,
                          .npages = 2,
                          .bits = 32,
                          .format = SAMPLEFORMAT_IEEEFP,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .description = "ImageJ=1\nimages=2\nslices=2\nunit=um\nspacing=1\n",
                          .value = a_nan_in_front};

    (void)state;
    make_tiff("n.tif", "w", s);
    assert_found("n.tif", "1 nan (3 px)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_stack_has_no_problem),
        cmocka_unit_test(each_planted_problem_is_found_once),
        cmocka_unit_test(as_many_saturated_pixels_as_a_spot_has_are_let_be),
        cmocka_unit_test(a_stack_without_z_is_told_once),
        cmocka_unit_test(z_is_followed_within_a_channel),
        cmocka_unit_test(planes_that_lack_z_among_others_are_told_each),
        cmocka_unit_test(a_plane_without_z_does_not_hide_a_turn),
        cmocka_unit_test(missing_planes_are_counted),
        cmocka_unit_test(a_frame_cut_short_is_missing),
        cmocka_unit_test(samples_that_cannot_be_read_end_the_check),
        cmocka_unit_test(values_that_are_no_number_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
