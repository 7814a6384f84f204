/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/pgm.h"
#include "base/random.h"
#include "graysums.h"

#include <math.h>
#include <unistd.h>

static int read_frame(FILE *fp, const char *name, size_t max_pixels, struct af_image *img,
                      struct af_err *err)
{
    struct af_pgm_head head = {0};

    return af_pgm_read_head(fp, name, max_pixels, &head, err) != 1 ||
           af_pgm_read_body(fp, name, &head, img, err);
}

static int read_text(const char *text, size_t n, struct af_pgm_head *head, struct af_image *img,
                     struct af_err *err)
{
    FILE *fp = fmemopen((void *)text, n, "rb");
    int ret = af_pgm_read_head(fp, "t", 1000, head, err);

    if (ret == 1 && af_pgm_read_body(fp, "t", head, img, err))
        ret = -1;
    fclose(fp);
    return ret;
}

static void frames_of_any_depth_come_back_with_their_plane(void **state)
{
    static const unsigned bits[] = {1, 7, 8, 9, 12, 16};
    struct af_plane p = {-1.25, 1e-3, NAN, 10, 12345.678, 0, 0, 0};
    struct af_pgm_head head = {0};
    struct af_image img = {0}, back = {0};
    struct af_random r;
    FILE *fp = tmpfile();

    (void)state;
    af_random_init(&r, 2, "pgm");
    for (int pass = 0; pass < 2; pass++, rewind(fp))
        for (size_t i = 0; i < 6; i++) {
            if (!pass) {
                af_random_init(&r, i, "pgm");
                enum af_sample type = bits[i] > 8 ? AF_U16 : AF_U8;
                assert_int_equal(af_image_resize(&img, 5 + i, 3, type, NULL), 0);
                img.bits = bits[i];
                for (size_t k = 0; k < img.w * img.h; k++) {
                    unsigned v = (unsigned)af_random_below(&r, 1u << bits[i]);
                    if (bits[i] > 8)
                        ((uint16_t *)img.data)[k] = (uint16_t)v;
                    else
                        ((uint8_t *)img.data)[k] = (uint8_t)v;
                }
                assert_int_equal(af_pgm_write(fp, &img, i % 2 ? &p : NULL, NULL), 0);
                continue;
            }
            assert_int_equal(af_pgm_read_head(fp, "t", 1000, &head, NULL), 1);
            assert_int_equal(af_pgm_read_body(fp, "t", &head, &back, NULL), 0);
            assert_int_equal(back.w, 5 + i);
            assert_int_equal(back.bits, bits[i]);
            assert_int_equal(back.type, bits[i] > 8 ? AF_U16 : AF_U8);
            af_random_init(&r, i, "pgm");
            for (size_t y = 0; y < back.h; y++) {
                double row[16];
                af_image_row_f64(&back, y, row);
                for (size_t x = 0; x < back.w; x++)
                    assert_true(row[x] == (double)af_random_below(&r, 1u << bits[i]));
            }
            assert_true(isnan(head.plane.y_um));
            if (i % 2) {
                assert_true(head.plane.z_um == -1.25);
                assert_true(head.plane.x_um == 1e-3);
                assert_true(head.plane.exposure_ms == 10);
                assert_true(head.plane.time_s == 12345.678);
            } else {
                assert_true(isnan(head.plane.z_um) && isnan(head.plane.time_s));
            }
        }
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(af_pgm_read_head(fp, "t", 1000, &head, NULL), 1);
        assert_int_equal(af_pgm_read_body(fp, "t", &head, &back, NULL), 0);
    }
    assert_int_equal(head.nheads, 12);
    assert_int_equal(af_pgm_read_head(fp, "t", 1000, &head, NULL), 0);
    fclose(fp);
    af_image_release(&img);
    af_image_release(&back);
}

static void sixteen_bits_are_big_endian(void **state)
{
    struct af_pgm_head head = {0};
    struct af_image img = {0};

    (void)state;
    assert_int_equal(read_text("P5 1 1 4095\n\x01\x02", 14, &head, &img, NULL), 1);
    assert_int_equal(((uint16_t *)img.data)[0], 0x102);
    assert_int_equal(img.bits, 12);
    af_image_release(&img);
}

static void comments_stand_anywhere_before_the_last_blank(void **state)
{
    static const char text[] = "P5# z_um=7 camera=x z_um\n2#\n #time_s=nan x_um=0x1\n"
                               "2 # y_um=-3e2\n255#q\nabcd";
    struct af_pgm_head head = {0};
    struct af_image img = {0};
    struct af_err err = {0};

    (void)state;
    assert_int_equal(read_text(text, sizeof(text) - 1, &head, &img, &err), 1);
    assert_memory_equal(img.data, "abcd", 4);
    assert_true(head.plane.z_um == 7 && head.plane.y_um == -300);
    assert_true(isnan(head.plane.x_um) && isnan(head.plane.time_s));
    af_image_release(&img);
}

static void plain_text_is_read_too(void **state)
{
    static const char text[] = "P2\n3 2\n1000\n0 1 2\n998 999\n1000";
    struct af_pgm_head head = {0};
    struct af_image img = {0};

    (void)state;
    assert_int_equal(read_text(text, sizeof(text) - 1, &head, &img, NULL), 1);
    assert_int_equal(((uint16_t *)img.data)[5], 1000);
    assert_int_equal(((uint16_t *)img.data)[3], 998);
    af_image_release(&img);
}

static void hostile_headers_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *bytes, *text;
    } bad[] = {
        {"x", "t: frame 0: no PGM header"},
        {"P", "t: frame 0: header is cut short"},
        {"P6 1 1 255 abc", "t: frame 0: bitmap or colour PNM, gray PGM (P5, P2) is needed"},
        {"P9 1 1 255 a", "t: frame 0: no PGM header"},
        {"P55 1 255 a", "t: frame 0: no PGM header"},
        {"P5 1001 1 255 ", "t: frame 0: bad width, the limit is 1000"},
        {"P5 99999999999999999999999 1 255 ", "t: frame 0: bad width, the limit is 1000"},
        {"P5 100 100 255 ", "t: frame 0: 100x100 px is more than --max-pixels 1000"},
        {"P5 -1 1 255 ", "t: frame 0: bad width"},
        {"P5 1 1.5 255 ", "t: frame 0: bad height"},
        {"P5 0 1 255 ", "t: frame 0: width, height or maxval is 0"},
        {"P5 1 1 0 ", "t: frame 0: width, height or maxval is 0"},
        {"P5 1 1 65536 aa", "t: frame 0: bad maxval, the limit is 65535"},
        {"P5 1 1", "t: frame 0: header is cut short"},
        {"P5 1 1 # no end", "t: frame 0: header is cut short"},
        {"P5 1 2 255\na", "t: frame 0: cut short in row 1 of 2"},
        {"P5 2 1 100\naz", "t: frame 0: row 0: count 122 is over maxval 100"},
        {"P2 2 1 100\n1 101 ", "t: frame 0: row 0: no count up to 100"},
        {"P2 2 1 100\n1 -1 ", "t: frame 0: row 0: no count up to 100"},
        {"P2 2 2 100\n1 2 3", "t: frame 0: cut short in row 1 of 2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_pgm_head head = {0};
        struct af_image img = {0};
        struct af_err err = {0};
        assert_int_equal(read_text(bad[i].bytes, strlen(bad[i].bytes), &head, &img, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_string_equal(err.text, bad[i].text);
        af_image_release(&img);
    }
}

static void a_header_that_never_ends_is_given_up(void **state)
{
    static const char fill[] = {'#', ' ', '1', '0'};
    size_t n = 100000;
    char *text = malloc(n);

    (void)state;
    for (size_t i = 0; i < sizeof(fill); i++) {
        struct af_pgm_head head = {0};
        struct af_err err = {0};
        memset(text, fill[i], n);
        memcpy(text, "P5 ", 3);
        assert_int_equal(read_text(text, n, &head, NULL, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_string_equal(err.text, fill[i] == '1' ? "t: frame 0: bad width, the limit is 1000"
                                                     : "t: frame 0: header does not end");
    }
    free(text);
}

static void only_counts_of_sixteen_bits_are_written(void **state)
{
    struct af_image img = {0};
    struct af_err err = {0};
    FILE *fp = tmpfile();

    (void)state;
    assert_int_equal(af_image_resize(&img, 2, 1, AF_F32, NULL), 0);
    assert_int_equal(af_pgm_write(fp, &img, NULL, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    assert_int_equal(af_image_resize(&img, 2, 1, AF_U16, NULL), 0);
    img.bits = 10;
    ((uint16_t *)img.data)[0] = 0;
    ((uint16_t *)img.data)[1] = 1024;
    assert_int_equal(af_pgm_write(fp, &img, NULL, &err), -1);
    assert_string_equal(err.text, "PGM: row 0 has counts over the 1023 of 10 bits");
    fclose(fp);
    af_image_release(&img);
}

/* Were one byte more asked for, this would wait for ever. */
static void a_live_pipe_gives_each_frame_when_it_is_whole(void **state)
{
    static const char frame[] = "P5 2 2 255\nabcd";
    struct af_pgm_head head = {0};
    struct af_image img = {0};
    int ends[2];
    FILE *fp;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_non_null(fp = fdopen(ends[0], "rb"));
    alarm(20); // instead of hanging
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write(ends[1], frame, sizeof(frame) - 1), sizeof(frame) - 1);
        assert_int_equal(af_pgm_read_head(fp, "-", 100, &head, NULL), 1);
        assert_int_equal(af_pgm_read_body(fp, "-", &head, &img, NULL), 0);
        assert_memory_equal(img.data, "abcd", 4);
    }
    alarm(0);
    close(ends[1]);
    assert_int_equal(af_pgm_read_head(fp, "-", 100, &head, NULL), 0);
    fclose(fp);
    af_image_release(&img);
}

static void a_real_frame_has_the_sums_that_pillow_found(void **state)
{
    (void)state;
    compare_with_sums(".pgm", 1, read_frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_any_depth_come_back_with_their_plane),
        cmocka_unit_test(sixteen_bits_are_big_endian),
        cmocka_unit_test(comments_stand_anywhere_before_the_last_blank),
        cmocka_unit_test(plain_text_is_read_too),
        cmocka_unit_test(hostile_headers_are_refused_with_a_reason),
        cmocka_unit_test(a_header_that_never_ends_is_given_up),
        cmocka_unit_test(only_counts_of_sixteen_bits_are_written),
        cmocka_unit_test(a_live_pipe_gives_each_frame_when_it_is_whole),
        cmocka_unit_test(a_real_frame_has_the_sums_that_pillow_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
