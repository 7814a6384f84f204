/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/stack.h"
#include "child.h"
#include "image/pgm.h"
#include "stackset.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------ plain pages */

static void a_thumbnail_is_no_plane(void **state)
{
    struct tiff_spec s = {.w = 2,
                          .h = 2,
                          .npages = 2,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .subfile = FILETYPE_REDUCEDIMAGE};
    struct af_stack *st;

    (void)state;
    make_tiff("t.tif", "wl", s);
    st = open_one("t.tif", NULL, NULL);
    assert_int_equal(af_stack_info(st)->nplanes, 1);
    assert_true(mark_of(st, 0) == 1);
    af_stack_close(st);
    s.npages = 1;
    make_tiff("t.tif", "wl", s);
    st = open_one("t.tif", NULL, NULL); // alone, it is what there is
    assert_int_equal(af_stack_info(st)->nplanes, 1);
    af_stack_close(st);
}

static void limits_hold_for_pages_planes_and_pixels(void **state)
{
    struct af_stack_opts o = {.max_planes = 2};

    (void)state;
    make_file("l.tif", NULL, 3, 0);
    assert_refused("l.tif", &o, AF_EDATA, "l.tif: more than 2 pages");
    o = (struct af_stack_opts){.max_pixels = 3};
    assert_refused("l.tif", &o, AF_EDATA, "l.tif: page 0: 2x2 px is more than --max-pixels 3");
    o = (struct af_stack_opts){.channel = 2};
    assert_refused("l.tif", &o, AF_EUSAGE, "l.tif: has 1 channel, no channel 2");
    o = (struct af_stack_opts){.time = 3};
    assert_refused("l.tif", &o, AF_EUSAGE, "l.tif: has 1 time, no time 3");
}

static void what_is_no_image_is_refused_in_words(void **state)
{
    const char *const two[] = {"l.tif", "l.tif"};
    struct af_err err = {AF_OK, ""};
    struct af_stack *st;

    (void)state;
    mkdir("folder", 0777);
    assert_refused("folder", NULL, AF_ESYS, "folder: Is a directory");
    assert_refused("absent.tif", NULL, AF_ESYS, "absent.tif: No such file or directory");
    spill_file("e", "", 0);
    assert_refused("e", NULL, AF_EDATA, "e: empty");
    spill_file("e", "text", 4);
    assert_refused("e", NULL, AF_EDATA, "e: neither TIFF, PNG, BMP nor PGM");
    spill_file("e", "<OME/>", 6);
    assert_refused("e", NULL, AF_EDATA, "e: XML has no pixels, OME-TIFF is needed");
    assert_int_equal(af_stack_open(&st, two, 2, NULL, &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_string_equal(err.text, "2 files are not one stack; --join makes them one");
    assert_int_equal(af_stack_open(&st, two, 0, NULL, &err), -1);
    af_stack_close(NULL);
}

static void planes_that_differ_are_refused_where_they_must_not(void **state)
{
    struct af_stack_opts o = {.join = true, .uniform = true};
    const char *const path[] = {"u1.tif", "u2.tif"};
    struct tiff_spec s = {.w = 2, .h = 2, .photometric = PHOTOMETRIC_MINISBLACK};
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    struct af_stack *st;
    size_t i;

    (void)state;
    make_tiff("u1.tif", "w", s);
    s.w = 3;
    make_tiff("u2.tif", "w", s);
    assert_int_equal(af_stack_open(&st, path, 2, &o, &err), 0);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 1);
    assert_int_equal(af_stack_next(st, &img, &i, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_string_equal(err.text, "u1.tif: page 1: 3x2 uint8, page 0 is 2x2 uint8");
    af_stack_close(st);
    o.uniform = false;
    assert_int_equal(af_stack_open(&st, path, 2, &o, &err), 0);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 1);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 1);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 0);
    assert_int_equal(af_stack_next(st, &img, &i, &err), 0);
    af_stack_close(st);
    af_image_release(&img);
}

/* -------------------------------------------------------- streams and pipes */

static void pgm_files_are_read_in_any_order(void **state)
{
    struct af_stack *st;
    char why[2048];

    (void)state;
    write_pgm("f.pgm", "2.5", 40, 3);
    st = open_one("f.pgm", NULL, why);
    assert_string_equal(af_stack_info(st)->format, "PGM");
    assert_true(af_stack_info(st)->seekable);
    assert_int_equal(af_stack_info(st)->nplanes, 3);
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_PAGE);
    assert_true(mark_of(st, 2) == 42);
    assert_true(mark_of(st, 0) == 40);
    assert_true(af_stack_plane(st, 1)->z_um == 2.5);
    af_stack_close(st);
    spill_file("f.pgm", "P5 2 1 255\nab P2 2 1 255\n3 4\nP5 2 1 255\na", 41);
    st = open_one("f.pgm", NULL, why);
    assert_int_equal(af_stack_info(st)->nplanes, 2);
    assert_int_equal(af_stack_info(st)->missing, 1);
    assert_true(mark_of(st, 1) == 3);
    assert_string_equal(why, "f.pgm: frame 2 is cut short and left out\n");
    af_stack_close(st);
    assert_refused("f.pgm", &(struct af_stack_opts){.whole = true}, AF_EDATA,
                   "f.pgm: frame 2 is cut short");
    spill_file("f.pgm", "P5 2 1 255\na", 12);
    assert_refused("f.pgm", NULL, AF_EDATA, "f.pgm: frame 0: cut short");
    spill_file("f.pgm", "P5 2 1 255\nabP5 2 x", 19);
    assert_refused("f.pgm", NULL, AF_EDATA, "f.pgm: frame 1: ");
    spill_file("f.pgm", "P6 2 1 255\nabcdef", 17);
    assert_refused("f.pgm", NULL, AF_EDATA, "f.pgm: frame 0: ");
    spill_file("f.pgm", "P2 2 1 255\n3 ", 13);
    assert_refused("f.pgm", NULL, AF_EDATA, "f.pgm: frame 0: cut short");
}

/* Whatever was read before it. */
static void a_bad_frame_is_called_by_its_number(void **state)
{
    struct af_image img = {0};
    struct af_stack *st;
    struct af_err err;
    char why[2048];

    (void)state;
    spill_file("f.pgm", "P5 2 1 100\nabP5 2 1 100\nazP5 2 1 100\nab", 39);
    st = open_one("f.pgm", NULL, why);
    assert_int_equal(af_stack_info(st)->nplanes, 3);
    assert_int_equal(af_stack_read(st, 2, &img, &err), 0);
    assert_int_equal(af_stack_read(st, 1, &img, &err), -1);
    assert_string_equal(err.text, "f.pgm: frame 1: row 0: count 122 is over maxval 100");
    af_stack_close(st);
    af_image_release(&img);
}

/* Give the child the file as a pipe, and say what it read from "-". */
struct piped {
    const char *file;
    struct af_stack_opts o;
};

static int read_stdin(void *arg)
{
    const struct piped *p = arg;
    const char *const in = "-";
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    struct af_stack *st;
    char command[300];
    FILE *pipe_;
    size_t i;
    int more;

    snprintf(command, sizeof(command), "cat %s", p->file);
    if (!(pipe_ = popen(command, "r")) || dup2(fileno(pipe_), 0) < 0)
        return 9;
    if (af_stack_open(&st, &in, 1, &p->o, &err)) {
        fprintf(stderr, "%s", err.text);
        return 1;
    }
    printf("%s %d", af_stack_info(st)->format, af_stack_info(st)->seekable);
    while ((more = af_stack_next(st, &img, &i, &err)) == 1)
        printf(" %zu:%d@%g", i, *(uint8_t *)img.data, af_stack_plane(st, i)->z_um);
    if (!af_stack_info(st)->seekable && af_stack_read(st, 0, &img, NULL) == 0)
        return 8;
    printf(" %d %s", (int)af_stack_info(st)->nplanes, af_stack_info(st)->name);
    if (more)
        fprintf(stderr, "%s", err.text);
    af_stack_close(st);
    af_image_release(&img);
    pclose(pipe_);
    return more ? 1 : 0;
}

static void pipes_carry_every_format(void **state)
{
    struct piped p = {"q.tif", {0}};

    (void)state;
    make_file("q.tif", NULL, 3, 5);
    assert_int_equal(child_run(read_stdin, &p), 0);
    assert_string_equal(text_of("out"), "TIFF 1 0:5@nan 1:6@nan 2:7@nan 3 -");
    p.o.set_z = true;
    p.o.dz_um = 2;
    assert_int_equal(child_run(read_stdin, &p), 0);
    assert_string_equal(text_of("out"), "TIFF 1 0:5@0 1:6@2 2:7@4 3 -");
    write_pgm("q.pgm", "1.5", 64, 2);
    p = (struct piped){"q.pgm", {0}};
    assert_int_equal(child_run(read_stdin, &p), 0);
    assert_string_equal(text_of("out"), "PGM 0 0:64@1.5 1:65@1.5 2 -");
    p.o.set_z = true;
    p.o.z0_um = 3;
    p.o.dz_um = -1;
    assert_int_equal(child_run(read_stdin, &p), 0);
    assert_string_equal(text_of("out"), "PGM 0 0:64@3 1:65@2 2 -");
}

static void pipes_that_break_off_are_told(void **state)
{
    struct piped p = {"w.pgm", {0}};

    (void)state;
    spill_file("w.pgm", "", 0);
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_string_equal(text_of("err"), "-: empty");
    spill_file("w.pgm", "P5 2 1 255\nabP5 2 1 255\na", 25);
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_string_equal(text_of("out"), "PGM 0 0:97@nan -1 -");
    assert_string_equal(text_of("err"), "-: frame 1: cut short in row 0 of 1");
    spill_file("w.pgm", "P5 2 1 255\nabP5 3 1 255\nabc", 27);
    p.o.uniform = true;
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_string_equal(text_of("err"), "-: page 1: 3x1 uint8, page 0 is 2x1 uint8");
    p.o = (struct af_stack_opts){.max_planes = 1};
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_string_equal(text_of("err"), "-: more than 1 planes");
    spill_file("w.pgm", "II*\0", 4);
    assert_int_equal(child_run(read_stdin, &p), 1);
    assert_int_equal(strncmp(text_of("err"), "-: ", 3), 0);
}

static void every_source_of_z_has_a_name(void **state)
{
    (void)state;
    for (enum af_z_source s = AF_Z_NONE; s <= AF_Z_IMAGEJ; s++)
        assert_true(strlen(af_stack_z_source(s)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thumbnail_is_no_plane),
        cmocka_unit_test(limits_hold_for_pages_planes_and_pixels),
        cmocka_unit_test(what_is_no_image_is_refused_in_words),
        cmocka_unit_test(planes_that_differ_are_refused_where_they_must_not),
        cmocka_unit_test(pgm_files_are_read_in_any_order),
        cmocka_unit_test(a_bad_frame_is_called_by_its_number),
        cmocka_unit_test(pipes_carry_every_format),
        cmocka_unit_test(pipes_that_break_off_are_told),
        cmocka_unit_test(every_source_of_z_has_a_name),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
