/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/bmp.h"
#include "graysums.h"

enum { HEAD = 54 };

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* A BMP of w x |h| px; the palette runs from 255 down to 0. Returns its length. */
static size_t make_bmp(uint8_t *out, uint32_t w, int32_t h, unsigned bits, const uint8_t *pixels)
{
    size_t n = (size_t)1 << bits, stride = (w * bits + 31) / 32 * 4, rows = (size_t)abs(h);

    memset(out, 0, HEAD);
    memcpy(out, "BM", 2);
    put32(out + 10, (uint32_t)(HEAD + 4 * n));
    put32(out + 14, 40);
    put32(out + 18, w);
    put32(out + 22, (uint32_t)h);
    put32(out + 26, 1 | bits << 16);
    for (size_t i = 0; i < n; i++)
        put32(out + HEAD + 4 * i, 0x10101u * (uint32_t)(255 - i * 255 / (n - 1)));
    memcpy(out + HEAD + 4 * n, pixels, stride * rows);
    return HEAD + 4 * n + stride * rows;
}

static int read_bytes(const uint8_t *bytes, size_t n, struct af_image *img, struct af_err *err)
{
    FILE *fp = fmemopen((void *)bytes, n, "rb");
    int ret = af_bmp_read(fp, "t.bmp", 1000, img, err);

    fclose(fp);
    return ret;
}

static void rows_come_from_the_bottom_or_from_the_top(void **state)
{
    static const uint8_t pixels[] = {0, 1, 2, 0, 3, 4, 5, 0};
    static const uint8_t up[] = {252, 251, 250, 255, 254, 253};
    static const uint8_t down[] = {255, 254, 253, 252, 251, 250};
    uint8_t bytes[2000];
    struct af_image img = {0};
    struct af_err err = {0};

    (void)state;
    assert_int_equal(read_bytes(bytes, make_bmp(bytes, 3, 2, 8, pixels), &img, &err), 0);
    assert_int_equal(img.bits, 8);
    assert_memory_equal(img.data, up, 6);
    assert_int_equal(read_bytes(bytes, make_bmp(bytes, 3, -2, 8, pixels), &img, &err), 0);
    assert_memory_equal(img.data, down, 6);
    af_image_release(&img);
}

static void few_bits_are_unpacked_from_the_high_end(void **state)
{
    static const uint8_t nibbles[] = {0x0f, 0x30, 0, 0}, bit[] = {0xa0, 0, 0, 0};
    static const uint8_t from4[] = {255, 0, 204}, from1[] = {0, 255, 0, 255, 255};
    uint8_t bytes[2000];
    struct af_image img = {0};

    (void)state;
    assert_int_equal(read_bytes(bytes, make_bmp(bytes, 3, 1, 4, nibbles), &img, NULL), 0);
    assert_memory_equal(img.data, from4, 3);
    assert_int_equal(read_bytes(bytes, make_bmp(bytes, 5, 1, 1, bit), &img, NULL), 0);
    assert_memory_equal(img.data, from1, 5);
    af_image_release(&img);
}

static void hostile_headers_are_refused_with_a_reason(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
        const char *text;
    } bad[] = {
        {0, 0x4142, "t.bmp: not a BMP"},
        {10, 60, "t.bmp: BMP pixels at byte 60, the palette ends at 1078"},
        {10, 0x7fffffff, "t.bmp: BMP pixels at byte 2147483647, the palette ends at 1078"},
        {14, 13, "t.bmp: BMP header of 13 bytes"},
        {14, 0xffffffff, "t.bmp: BMP header of 4294967295 bytes"},
        {18, 0, "t.bmp: BMP of 0x2 px"},
        {18, 0x80000000, "t.bmp: BMP of 2147483648x2 px"},
        {18, 0x7fffffff, "t.bmp: 2147483647x2 px is more than --max-pixels 1000"},
        {22, 0, "t.bmp: BMP of 3x0 px"},
        {22, 0x80000000, "t.bmp: 3x2147483648 px is more than --max-pixels 1000"},
        {26, 1 | 24 << 16, "t.bmp: colour BMP, gray is needed"},
        {26, 1 | 7 << 16, "t.bmp: BMP of 7 bits a pixel; 1, 4 and 8 are read"},
        {30, 1, "t.bmp: compressed BMP (method 1); plain ones are read"},
        {46, 257, "t.bmp: BMP with 257 colours of 8 bits"},
        {HEAD, 0x010203, "t.bmp: colour BMP, gray is needed"},
    };
    static const uint8_t pixels[8] = {0};
    uint8_t bytes[2000];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct af_image img = {0};
        struct af_err err = {0};
        size_t n = make_bmp(bytes, 3, 2, 8, pixels);
        put32(bytes + bad[i].at, bad[i].value);
        assert_int_equal(read_bytes(bytes, n, &img, &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_string_equal(err.text, bad[i].text);
        af_image_release(&img);
    }
}

static void an_index_outside_a_short_palette_is_refused(void **state)
{
    static const uint8_t pixels[8] = {0, 2};
    uint8_t bytes[2000];
    struct af_image img = {0};
    struct af_err err = {0};
    size_t n = make_bmp(bytes, 3, 2, 8, pixels);

    (void)state;
    put32(bytes + 46, 2);
    assert_int_equal(read_bytes(bytes, n, &img, &err), -1);
    assert_string_equal(err.text, "t.bmp: pixel (1,1) is not in the palette of 2");
    af_image_release(&img);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    static const uint8_t pixels[8] = {0};
    uint8_t bytes[2000];
    struct af_image img = {0};
    struct af_err err = {0};
    size_t n = make_bmp(bytes, 3, 2, 8, pixels);

    (void)state;
    for (size_t len = 1; len < n; len++)
        assert_int_equal(read_bytes(bytes, len, &img, &err), -1);
    assert_string_equal(err.text, "t.bmp: BMP is cut short in its pixels");
    af_image_release(&img);
}

static void real_frames_have_the_sums_that_pillow_found(void **state)
{
    (void)state;
    compare_with_sums(".bmp", 27, af_bmp_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_from_the_bottom_or_from_the_top),
        cmocka_unit_test(few_bits_are_unpacked_from_the_high_end),
        cmocka_unit_test(hostile_headers_are_refused_with_a_reason),
        cmocka_unit_test(an_index_outside_a_short_palette_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(real_frames_have_the_sums_that_pillow_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
