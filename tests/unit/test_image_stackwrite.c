/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/stackwrite.h"
#include "child.h"
#include "image/omewrite.h"
#include "writemake.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static void every_type_comes_back_classic_and_big(void **state)
{
    static const enum af_sample type[] = {AF_U8,  AF_U16, AF_U32, AF_I8,
                                          AF_I16, AF_I32, AF_F32, AF_F64};

    (void)state;
    for (int k = 0; k < 16; k++) {
        struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
        struct af_stack_writer *w;
        uint8_t *b;
        size_t n;

        meta.bigtiff = k & 1;
        meta.nplanes = k & 2 ? 3 : 0;
        w = begin("a.ome.tif", &meta);
        for (size_t i = 0; i < 3; i++)
            add(w, type[k / 2], i);
        commit(w);
        assert_planes("a.ome.tif", type[k / 2], 3, AF_Z_POSITION);
        b = slurp_file("a.ome.tif", &n);
        assert_int_equal(get_number(b, 2, 2), k & 1 ? 43 : 42);
        free(b);
        assert_false(exists("a.ome.tif.part"));
    }
}

static void what_is_known_of_the_stack_comes_back(void **state)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_stack_writer *w;
    struct af_image img = {0};
    struct af_plane p = AF_PLANE_UNKNOWN;
    const struct af_stack_info *in;
    struct af_stack *st;

    (void)state;
    meta.px_um = meta.py_um = 0.0345;
    meta.dz_um = -0.1; // the schema takes a positive step only
    meta.date = "2026-11-21T10:00:00";
    w = begin("k.ome.tif", &meta);
    make_plane(&img, AF_U16, 0);
    img.bits = 10;
    assert_int_equal(af_stack_writer_add(w, &img, &p, NULL), 0);
    img.bits = 12; // the most bits of all planes hold
    assert_int_equal(af_stack_writer_add(w, &img, &p, NULL), 0);
    commit(w);
    st = open_one("k.ome.tif", NULL, NULL);
    in = af_stack_info(st);
    assert_string_equal(in->format, "OME-TIFF");
    assert_string_equal(in->date, "2026-11-21T10:00:00");
    assert_true(in->px_um == 0.0345 && in->py_um == 0.0345 && in->dz_um == 0.1);
    assert_int_equal(in->bits, 12);
    assert_int_equal(in->z_source, AF_Z_SPACING); // the planes' own z is not known
    assert_int_equal(af_stack_read(st, 1, &img, NULL), 0);
    assert_int_equal(img.bits, 12);
    af_stack_close(st);
    af_image_release(&img);
}

static void a_stack_is_readable_after_each_plane(void **state)
{
    (void)state;
    for (int planned = 0; planned < 2; planned++)
        for (int big = 0; big < 2; big++) {
            struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
            struct af_stack_writer *w;

            meta.nplanes = planned ? 5 : 0;
            meta.bigtiff = big;
            w = begin("c.ome.tif", &meta);
            for (size_t i = 0; i < 5; i++) {
                add(w, AF_U16, i);
                assert_planes("c.ome.tif.part", AF_U16, i + 1, AF_Z_PAGE);
                assert_false(exists("c.ome.tif"));
            }
            commit(w);
            assert_planes("c.ome.tif", AF_U16, 5, AF_Z_POSITION);
            unlink("c.ome.tif");
        }
}

static void planes_that_never_came_are_missing(void **state)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_stack_writer *w;
    struct af_stack *st;
    char why[2048];

    (void)state;
    meta.nplanes = 4;
    w = begin("m.ome.tif", &meta);
    add(w, AF_U8, 0);
    add(w, AF_U8, 1);
    af_stack_writer_discard(w, true); // as a kill would leave it
    st = open_one("m.ome.tif.part", NULL, why);
    assert_int_equal(af_stack_info(st)->nplanes, 2);
    assert_int_equal(af_stack_info(st)->missing, 2);
    assert_non_null(strstr(why, "2 of the 4 planes it promises are not there"));
    assert_int_equal(af_stack_info(st)->z_source, AF_Z_PAGE);
    af_stack_close(st);
}

static void discard_leaves_the_old_file(void **state)
{
    struct af_stack_writer *w;

    (void)state;
    spill_file("d.ome.tif", "old", 3);
    w = begin("d.ome.tif", NULL);
    add(w, AF_U8, 0);
    assert_true(exists("d.ome.tif.part"));
    af_stack_writer_discard(w, false);
    assert_false(exists("d.ome.tif.part"));
    assert_string_equal(text_of("d.ome.tif"), "old");
    af_stack_writer_discard(begin("d.ome.tif", NULL), false); // before any plane
    assert_string_equal(text_of("d.ome.tif"), "old");
    af_stack_writer_discard(NULL, false);
}

static void commit_replaces_the_old_file_and_keeps_links(void **state)
{
    struct af_stack_writer *w;
    struct stat st;

    (void)state;
    assert_int_equal(mkdir("there", 0777), 0);
    spill_file("there/e.ome.tif", "old", 3);
    assert_int_equal(symlink("there/e.ome.tif", "link.ome.tif"), 0);
    spill_file("there/e.ome.tif.part", "what a killed process left", 26);
    w = begin("link.ome.tif", NULL);
    add(w, AF_U8, 0);
    commit(w);
    assert_int_equal(lstat("link.ome.tif", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_planes("there/e.ome.tif", AF_U8, 1, AF_Z_POSITION);
    assert_false(exists("there/e.ome.tif.part"));
    assert_false(exists("link.ome.tif.part"));
}

static void a_stack_without_planes_is_no_stack(void **state)
{
    struct af_err err = {AF_OK, ""};

    (void)state;
    spill_file("n.ome.tif", "old", 3);
    assert_int_equal(af_stack_writer_commit(begin("n.ome.tif", NULL), &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_non_null(strstr(err.text, "n.ome.tif: a stack without planes"));
    assert_string_equal(text_of("n.ome.tif"), "old");
    assert_false(exists("n.ome.tif.part"));
}

static void a_second_writer_is_told_that_the_file_is_busy(void **state)
{
    const struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_err err = {AF_OK, ""};
    struct af_stack_writer *w = begin("b.ome.tif", NULL), *other;

    (void)state;
    add(w, AF_U8, 0);
    assert_int_equal(af_stack_writer_open(&other, "b.ome.tif", &meta, &err), -1);
    assert_null(other);
    assert_int_equal(err.kind, AF_EBUSY);
    assert_non_null(strstr(err.text, "b.ome.tif.part: another process is writing it"));
    add(w, AF_U8, 1);
    commit(w);
    assert_planes("b.ome.tif", AF_U8, 2, AF_Z_POSITION);
}

static void planes_of_another_kind_are_refused_and_the_rest_stands(void **state)
{
    const struct af_plane p = plane_at(0);
    struct af_stack_writer *w = begin("o.ome.tif", NULL);
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};

    (void)state;
    add(w, AF_U16, 0);
    make_plane(&img, AF_U16, 1);
    img.w = 6;
    assert_int_equal(af_stack_writer_add(w, &img, &p, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_non_null(strstr(err.text, "plane 1 is 6x5 uint16, plane 0 is 7x5 uint16"));
    make_plane(&img, AF_I16, 1);
    assert_int_equal(af_stack_writer_add(w, &img, &p, &err), -1);
    assert_non_null(strstr(err.text, "plane 1 is 7x5 int16, plane 0 is 7x5 uint16"));
    add(w, AF_U16, 1);
    commit(w);
    assert_planes("o.ome.tif", AF_U16, 2, AF_Z_POSITION);
    af_image_release(&img);
}

static void integers_of_64_bits_are_refused_at_once(void **state)
{
    const struct af_plane p = plane_at(0);
    struct af_stack_writer *w = begin("i.ome.tif", NULL);
    const struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};

    (void)state;
    for (enum af_sample type = AF_U64; type <= AF_I64; type += AF_I64 - AF_U64) {
        assert_int_equal(af_image_resize(&img, 7, 5, type, NULL), 0);
        assert_int_equal(af_stack_writer_add(w, &img, &p, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_non_null(strstr(err.text, "i.ome.tif: OME-TIFF has no 64-bit integers"));
        assert_null(af_ome_write(&meta, &img, NULL, 1, &err));
    }
    af_stack_writer_discard(w, false);
    af_image_release(&img);
}

static void a_full_disk_is_told(void **state)
{
    struct af_stack_writer *w = begin("/dev/full", NULL);
    struct af_err err = {AF_OK, ""};

    (void)state;
    add(w, AF_U8, 0);
    assert_int_equal(af_stack_writer_commit(w, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, "/dev/full: No space left on device");
    assert_false(exists("/dev/full.part"));
}

/* A file may grow to 20000 bytes: planes of 12000 bytes fit once. */
static int write_beyond_a_limit(void *arg)
{
    const struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    const struct af_plane p = plane_at(0);
    struct rlimit limit = {20000, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    struct af_err err = {AF_OK, ""};
    struct af_stack_writer *w;
    struct af_image img = {0};
    int bad;

    signal(SIGXFSZ, SIG_IGN);
    if (af_image_resize(&img, 100, 120, AF_U8, NULL) || setrlimit(RLIMIT_FSIZE, &limit) ||
        af_stack_writer_open(&w, arg, &meta, &err))
        return 9;
    memset(img.data, 1, 12000);
    if (af_stack_writer_add(w, &img, &p, &err))
        return 8;
    bad = af_stack_writer_add(w, &img, &p, &err);
    af_stack_writer_discard(w, true);
    af_image_release(&img);
    fprintf(stderr, "%s", err.text);
    return setrlimit(RLIMIT_FSIZE, &none) == 0 && bad && err.kind == AF_ESYS ? 0 : 7;
}

static void a_plane_that_does_not_fit_leaves_those_before(void **state)
{
    struct af_stack *st;

    (void)state;
    assert_int_equal(child_run(write_beyond_a_limit, (void *)"f.ome.tif"), 0);
    assert_int_equal(strncmp(text_of("err"), "f.ome.tif.part: File too large", 30), 0);
    st = open_one("f.ome.tif.part", NULL, NULL);
    assert_int_equal(af_stack_info(st)->nplanes, 1);
    assert_true(mark_of(st, 0) == 1);
    af_stack_close(st);
}

/* The first 20000 bytes of a device that is full behind: a later commit has the first plane. */
static int commit_beyond_a_limit(void *arg)
{
    const struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct rlimit limit = {20000, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    const struct af_plane p = plane_at(0);
    struct af_err err = {AF_OK, ""};
    struct af_stack_writer *w;
    struct af_image img = {0};

    signal(SIGXFSZ, SIG_IGN);
    if (af_image_resize(&img, 100, 120, AF_U8, NULL) || af_stack_writer_open(&w, arg, &meta, &err))
        return 9;
    memset(img.data, 1, 12000);
    if (af_stack_writer_add(w, &img, &p, &err) || setrlimit(RLIMIT_FSIZE, &limit) ||
        !af_stack_writer_add(w, &img, &p, &err) || setrlimit(RLIMIT_FSIZE, &none))
        return 8;
    af_image_release(&img);
    return af_stack_writer_commit(w, &err) ? 7 : 0;
}

static void a_stack_may_be_closed_after_a_plane_that_failed(void **state)
{
    struct af_stack *st;

    (void)state;
    assert_int_equal(child_run(commit_beyond_a_limit, (void *)"g.ome.tif"), 0);
    st = open_one("g.ome.tif", NULL, NULL);
    assert_int_equal(af_stack_info(st)->nplanes, 1);
    assert_int_equal(af_stack_info(st)->missing, 0);
    assert_true(mark_of(st, 0) == 1);
    af_stack_close(st);
}

static int write_to_stdout(void *arg)
{
    const struct af_stack_meta *meta = arg;
    struct af_err err = {AF_OK, ""};
    struct af_stack_writer *w;
    struct af_image img = {0};
    int bad = af_stack_writer_open(&w, "-", meta, &err);

    for (size_t i = 0; i < 3 && !bad; i++) {
        const struct af_plane p = plane_at(i);

        make_plane(&img, AF_F32, i);
        bad = af_stack_writer_add(w, &img, &p, &err);
    }
    bad = bad || af_stack_writer_commit(w, &err);
    af_image_release(&img);
    return bad ? 1 : 0;
}

static void stdout_gets_the_stack_whole(void **state)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;

    (void)state;
    assert_int_equal(child_run(write_to_stdout, &meta), 0);
    assert_planes("out", AF_F32, 3, AF_Z_POSITION);
    assert_false(exists("-.part"));
}

static void folders_that_cannot_be_written_are_named(void **state)
{
    const struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_err err = {AF_OK, ""};
    struct af_stack_writer *w;

    (void)state;
    assert_int_equal(af_stack_writer_open(&w, "absent/a.tif", &meta, &err), -1);
    assert_null(w);
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, "absent/a.tif: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back_classic_and_big),
        cmocka_unit_test(what_is_known_of_the_stack_comes_back),
        cmocka_unit_test(a_stack_is_readable_after_each_plane),
        cmocka_unit_test(planes_that_never_came_are_missing),
        cmocka_unit_test(discard_leaves_the_old_file),
        cmocka_unit_test(commit_replaces_the_old_file_and_keeps_links),
        cmocka_unit_test(a_stack_without_planes_is_no_stack),
        cmocka_unit_test(a_second_writer_is_told_that_the_file_is_busy),
        cmocka_unit_test(planes_of_another_kind_are_refused_and_the_rest_stands),
        cmocka_unit_test(integers_of_64_bits_are_refused_at_once),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(a_plane_that_does_not_fit_leaves_those_before),
        cmocka_unit_test(a_stack_may_be_closed_after_a_plane_that_failed),
        cmocka_unit_test(stdout_gets_the_stack_whole),
        cmocka_unit_test(folders_that_cannot_be_written_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
