/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/dataset.h"
#include "dayfiles.h"
#include "image/stack.h"

#include <stdlib.h>
#include <unistd.h>

/* Warnings are gathered here. */
struct notes {
    char text[4096];
    size_t n;
};

static void keep_note(void *ctx, const char *text)
{
    struct notes *notes = ctx;
    size_t at = strlen(notes->text);

    snprintf(notes->text + at, sizeof(notes->text) - at, "%s\n", text);
    notes->n++;
}

static const struct af_dataset_opts plain = {.val_fraction = 0.1, .seed = 1, .nthreads = 2};

static int read_one(struct af_dataset *d, const char *table, struct notes *notes,
                    struct af_err *err)
{
    struct af_dataset_opts o = plain;

    o.tables = &table;
    o.ntables = 1;
    o.ctx = notes;
    o.warn = notes ? keep_note : NULL;
    return af_dataset_read(d, &o, err);
}

/* Days 1 to ndays with three stacks each, of three planes, labels in labels.tsv. */
static void make_days(int ndays)
{
    char path[64], day[16];

    remove("labels.tsv");
    for (int d = 1; d <= ndays; d++)
        for (int s = 1; s <= 3; s++) {
            snprintf(path, sizeof(path), "day%d-%d.tif", d, s);
            snprintf(day, sizeof(day), "2026-03-%02d", d);
            write_stack(path, 110, 3, (uint64_t)(10 * d + s));
            label_stack("labels.tsv", path, 3, day);
        }
}

static void an_image_is_the_reduced_frame_to_16_bits(void **state)
{
    struct af_dataset d;
    struct af_stack *st;
    struct af_image img = {0};
    struct af_frame_facts facts;
    float want[AF_FRAME_PX], got[AF_FRAME_PX];
    const char *path = "day1-2.tif";

    (void)state;
    make_days(2);
    assert_int_equal(read_one(&d, "labels.tsv", NULL, NULL), 0);
    assert_int_equal(d.n, 18);
    assert_int_equal(af_stack_open(&st, &path, 1, NULL, NULL), 0);
    assert_int_equal(af_stack_read(st, 1, &img, NULL), 0);
    assert_int_equal(af_frame_reduce(&img, want, &facts, NULL), 0);
    af_dataset_image(&d, 4, 0, 0, got);
    for (size_t i = 0; i < AF_FRAME_PX; i++) // half a step, and rounding to float of a few units
        assert_true(fabsf(got[i] - want[i]) <= 0.5f * d.step[4] + 1e-6f);
    assert_true(d.step[4] < 1e-3f);
    assert_memory_equal(&d.facts[4], &facts, sizeof(facts));
    assert_true(af_dataset_defocus_um(&d, 4) == 0);
    assert_true(d.min_um == -1 && d.max_um == 1);
    af_stack_close(st);
    af_image_release(&img);
    af_dataset_release(&d);
}

static void a_shift_moves_the_image_and_repeats_its_edge(void **state)
{
    struct af_dataset d;
    float x[AF_FRAME_PX], moved[AF_FRAME_PX];
    const int dx = 3, dy = -95;

    (void)state;
    make_days(1);
    assert_int_equal(read_one(&d, "labels.tsv", NULL, NULL), 0);
    af_dataset_image(&d, 0, 0, 0, x);
    af_dataset_image(&d, 0, dx, dy, moved);
    for (int v = 0; v < AF_FRAME_SIDE; v++)
        for (int u = 0; u < AF_FRAME_SIDE; u++) {
            int from = u - dx < 0 ? 0 : u - dx;

            assert_true(moved[v * AF_FRAME_SIDE + u] == x[95 * AF_FRAME_SIDE + from]);
        }
    af_dataset_release(&d);
}

static void whole_stacks_of_each_day_validate(void **state)
{
    struct af_dataset d;
    size_t of_day[4] = {0};

    (void)state;
    make_days(4);
    assert_int_equal(read_one(&d, "labels.tsv", NULL, NULL), 0);
    assert_int_equal(d.nval, 4 * 3);
    assert_int_equal(d.ntrain, 4 * 6);
    assert_int_equal(d.ndays, 4);
    for (size_t k = 0; k < d.nval; k += 3) {
        size_t stack = d.labels.plane[d.val[k]].file;

        of_day[af_dataset_day(&d, d.val[k])]++;
        for (size_t j = 1; j < 3; j++)
            assert_int_equal(d.labels.plane[d.val[k + j]].file, stack);
        for (size_t i = 0; i < d.ntrain; i++)
            assert_int_not_equal(d.labels.plane[d.train[i]].file, stack);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(of_day[i], 1);
    af_dataset_release(&d);
}

/* So that yesterday's validation stacks do not train today. */
static void a_new_day_leaves_the_split_of_others_alone(void **state)
{
    struct af_dataset few, more;

    (void)state;
    make_days(3);
    assert_int_equal(read_one(&few, "labels.tsv", NULL, NULL), 0);
    make_days(4);
    assert_int_equal(read_one(&more, "labels.tsv", NULL, NULL), 0);
    for (size_t s = 0; s < 9; s++)
        assert_true(few.validates[s] == more.validates[s]);
    assert_true(few.digest != more.digest);
    af_dataset_release(&few);
    af_dataset_release(&more);
}

static void the_seed_decides_the_split(void **state)
{
    struct af_dataset_opts o = plain;
    const char *table = "labels.tsv";
    struct af_dataset d;
    unsigned seen = 0;

    (void)state;
    make_days(1);
    o.tables = &table;
    o.ntables = 1;
    for (o.seed = 0; o.seed < 20; o.seed++) {
        assert_int_equal(af_dataset_read(&d, &o, NULL), 0);
        assert_int_equal(d.validates[0] + d.validates[1] + d.validates[2], 1);
        for (unsigned s = 0; s < 3; s++)
            seen |= (unsigned)d.validates[s] << s;
        af_dataset_release(&d);
    }
    assert_int_equal(seen, 7);
}

static void threads_do_not_change_the_data(void **state)
{
    struct af_dataset_opts o = plain;
    const char *table = "labels.tsv";
    struct af_dataset a, b;

    (void)state;
    make_days(2);
    o.tables = &table;
    o.ntables = 1;
    o.nthreads = 1;
    assert_int_equal(af_dataset_read(&a, &o, NULL), 0);
    o.nthreads = 3;
    assert_int_equal(af_dataset_read(&b, &o, NULL), 0);
    assert_true(a.digest == b.digest);
    assert_memory_equal(a.q, b.q, a.n * AF_FRAME_PX * sizeof(*a.q));
    af_dataset_release(&a);
    af_dataset_release(&b);
}

/* Or a training could go on with other labels. */
static void a_label_that_is_moved_changes_the_digest(void **state)
{
    struct af_dataset d[2];
    FILE *fp;

    (void)state;
    make_days(2);
    assert_int_equal(read_one(&d[0], "labels.tsv", NULL, NULL), 0);
    for (int i = 0; i < 3; i++) { // the first stack again, but for a nanometre
        fp = fopen("moved.tsv", i ? "a" : "w");
        assert_non_null(fp);
        fprintf(fp, "%sday1-1.tif\t%d\t%g\t2026-03-01\tok\n",
                i ? "" : "file\tplane\tdefocus_um\tday\tquality\n", i, i - 0.999);
        assert_int_equal(fclose(fp), 0);
    }
    for (int s = 1; s < 6; s++) {
        char path[64], day[16];

        snprintf(path, sizeof(path), "day%d-%d.tif", 1 + s / 3, 1 + s % 3);
        snprintf(day, sizeof(day), "2026-03-%02d", 1 + s / 3);
        label_stack("moved.tsv", path, 3, day);
    }
    assert_int_equal(read_one(&d[1], "moved.tsv", NULL, NULL), 0);
    assert_int_equal(d[0].n, d[1].n);
    assert_memory_equal(d[0].q, d[1].q, d[0].n * AF_FRAME_PX * sizeof(*d[0].q));
    assert_true(d[0].digest != d[1].digest);
    af_dataset_release(&d[0]);
    af_dataset_release(&d[1]);
}

static void a_table_to_validate_with_replaces_the_split(void **state)
{
    struct af_dataset_opts o = plain;
    const char *table = "labels.tsv";
    struct notes notes = {0};
    struct af_dataset d;

    (void)state;
    make_days(2);
    remove("val.tsv");
    write_stack("val.tif", 110, 3, 99);
    label_stack("val.tsv", "val.tif", 3, "2026-03-09");
    label_stack("val.tsv", "day1-1.tif", 3, "2026-03-01");
    o.tables = &table;
    o.ntables = 1;
    o.val = "val.tsv";
    o.warn = keep_note;
    o.ctx = &notes;
    assert_int_equal(af_dataset_read(&d, &o, NULL), 0);
    assert_int_equal(d.nval, 6);
    assert_int_equal(d.ntrain, 15);
    assert_non_null(strstr(notes.text, "1 files are both among the labels and in val.tsv"));
    af_dataset_release(&d);
}

static void copies_on_both_sides_are_told(void **state)
{
    struct notes notes = {0};
    struct af_dataset d;

    (void)state;
    remove("labels.tsv");
    write_stack("one.tif", 110, 3, 1);
    write_stack("copy.tif", 110, 3, 1);
    label_stack("labels.tsv", "one.tif", 3, "2026-03-01");
    label_stack("labels.tsv", "copy.tif", 3, "2026-03-01");
    assert_int_equal(read_one(&d, "labels.tsv", &notes, NULL), 0);
    assert_non_null(strstr(notes.text, "3 images train and validate too, as of "));
    assert_non_null(strstr(notes.text, "all labels are of one day (2026-03-01)"));
    assert_int_equal(notes.n, 2);
    af_dataset_release(&d);
}

static void clean_data_of_two_days_are_not_complained_of(void **state)
{
    struct notes notes = {0};
    struct af_dataset d;

    (void)state;
    make_days(2);
    assert_int_equal(read_one(&d, "labels.tsv", &notes, NULL), 0);
    assert_string_equal(notes.text, "");
    af_dataset_release(&d);
}

static void blank_frames_and_odd_sizes_are_told(void **state)
{
    struct notes notes = {0};
    struct af_dataset d;
    FILE *fp;

    (void)state;
    make_days(2);
    fp = fopen("black.pgm", "wb");
    assert_non_null(fp);
    fprintf(fp, "P5\n100 100\n255\n");
    for (int i = 0; i < 10000; i++)
        putc(0, fp);
    fclose(fp);
    write_stack("wide.tif", 200, 2, 1);
    label_stack("labels.tsv", "black.pgm", 1, "2026-03-03");
    label_stack("labels.tsv", "wide.tif", 2, "2026-03-03");
    assert_int_equal(read_one(&d, "labels.tsv", &notes, NULL), 0);
    assert_int_equal(d.n, 21);
    assert_int_equal(d.ntrain + d.nval, 20);
    assert_non_null(strstr(notes.text, "1 frames are black or have the same count all over"));
    assert_non_null(strstr(notes.text, "black.pgm of 100x100"));
    af_dataset_release(&d);
}

/* A stream can only be read on: planes are asked for in order. */
static void planes_of_a_stream_are_found(void **state)
{
    struct af_dataset d;
    FILE *fp = fopen("stream.pgm", "wb");

    (void)state;
    assert_non_null(fp);
    for (int plane = 0; plane < 4; plane++) {
        fprintf(fp, "P5\n96 96\n255\n");
        for (int i = 0; i < 96 * 96; i++)
            putc(i == 0 ? 255 : 10 * plane, fp);
    }
    fclose(fp);
    make_days(2);
    fp = fopen("labels.tsv", "a");
    assert_non_null(fp);
    fputs("stream.pgm\t3\t3\t2026-03-01\tok\nstream.pgm\t1\t1\t2026-03-01\tok\n", fp);
    fclose(fp);
    assert_int_equal(read_one(&d, "labels.tsv", NULL, NULL), 0);
    assert_int_equal(d.n, 20);
    assert_true(d.facts[18].min == 10 && d.facts[19].min == 30);
    af_dataset_release(&d);
}

static void what_is_not_there_is_refused(void **state)
{
    static const struct {
        const char *row, *said;
    } bad[] = {
        {"nowhere.tif\t0\t1\t2026-03-01\tok\n", "line 20: nowhere.tif: No such file"},
        {"day1-1.tif\t3\t1\t2026-03-01\tok\n", "day1-1.tif: there is no plane 3"},
        {"small.tif\t0\t1\t2026-03-01\tok\n", "small.tif: plane 0: 50x96 px is too small"},
        {"labels.tsv\t0\t1\t2026-03-01\tok\n", "labels.tsv: line 20: labels.tsv"},
    };

    (void)state;
    write_stack("small.tif", 50, 1, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_err err = {0};
        struct af_dataset d;
        FILE *fp;

        make_days(2);
        fp = fopen("labels.tsv", "a");
        assert_non_null(fp);
        fputs(bad[i].row, fp);
        fclose(fp);
        assert_int_equal(read_one(&d, "labels.tsv", NULL, &err), -1);
        if (!strstr(err.text, bad[i].said))
            fail_msg("'%s' does not say '%s'", err.text, bad[i].said);
        af_dataset_release(&d);
    }
}

static void data_that_cannot_teach_are_refused(void **state)
{
    struct af_err err = {0};
    struct af_dataset d;

    (void)state;
    remove("labels.tsv");
    write_stack("a.tif", 96, 3, 1);
    label_stack("labels.tsv", "a.tif", 3, "2026-03-01");
    assert_int_equal(read_one(&d, "labels.tsv", NULL, &err), -1);
    assert_non_null(strstr(err.text, "no day has two stacks"));
    af_dataset_release(&d);
    write_text("labels.tsv", "file\tplane\tdefocus_um\na.tif\t0\tNA\n");
    assert_int_equal(read_one(&d, "labels.tsv", NULL, &err), -1);
    assert_non_null(strstr(err.text, "no plane has a label that is ok"));
    af_dataset_release(&d);
    make_days(1);
    write_text("labels.tsv",
               "file\tplane\tdefocus_um\nday1-1.tif\t0\t2\nday1-2.tif\t0\t2\nday1-3.tif\t0\t2\n");
    assert_int_equal(read_one(&d, "labels.tsv", NULL, &err), -1);
    assert_non_null(strstr(err.text, "all labels are 2 um"));
    af_dataset_release(&d);
    assert_int_equal(read_one(&d, "nowhere.tsv", NULL, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    af_dataset_release(&d);
}

static int always(void)
{
    return 1;
}

static void reading_can_be_stopped(void **state)
{
    struct af_dataset_opts o = plain;
    const char *table = "labels.tsv";
    struct af_dataset d;

    (void)state;
    make_days(2);
    o.tables = &table;
    o.ntables = 1;
    o.stopped = always;
    assert_int_equal(af_dataset_read(&d, &o, NULL), 1);
    af_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_the_reduced_frame_to_16_bits),
        cmocka_unit_test(a_shift_moves_the_image_and_repeats_its_edge),
        cmocka_unit_test(whole_stacks_of_each_day_validate),
        cmocka_unit_test(a_new_day_leaves_the_split_of_others_alone),
        cmocka_unit_test(the_seed_decides_the_split),
        cmocka_unit_test(threads_do_not_change_the_data),
        cmocka_unit_test(a_label_that_is_moved_changes_the_digest),
        cmocka_unit_test(a_table_to_validate_with_replaces_the_split),
        cmocka_unit_test(copies_on_both_sides_are_told),
        cmocka_unit_test(clean_data_of_two_days_are_not_complained_of),
        cmocka_unit_test(blank_frames_and_odd_sizes_are_told),
        cmocka_unit_test(planes_of_a_stream_are_found),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(data_that_cannot_teach_are_refused),
        cmocka_unit_test(reading_can_be_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
