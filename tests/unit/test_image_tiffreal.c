/* SPDX-License-Identifier: BSD-2-Clause */
/* TIFF files of other makers: tiff.c against what is known of their pixels. */
#include "image/tiff.h"
#include "tiffmake.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

enum { LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };

/* CRC-32 of ISO 3309, bit by bit. */
static uint32_t crc32_more(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;

    for (crc = ~crc; n; n--) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static uint32_t crc32_number(uint32_t crc, uint32_t v, int n)
{
    const uint8_t b[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

    return crc32_more(crc, b, (size_t)n);
}

/* A row of fewer than 8 bits per sample as its makers' decoder gives it: packed. */
static uint32_t crc32_packed(uint32_t crc, const uint8_t *row, size_t n, unsigned bits)
{
    uint8_t *b = calloc(n, 1);

    assert_non_null(b);
    for (size_t x = 0; x < n; x++)
        pack(b, x, bits, row[x], false);
    crc = crc32_more(crc, b, (n * bits + 7) / 8);
    free(b);
    return crc;
}

/* The definition in realdata/README.md. */
static uint32_t crc32_of_stack(struct af_stack *st)
{
    static const uint8_t tiff_type[AF_NSAMPLES] = {1, 3, 4, 16, 6, 8, 9, 17, 11, 12};
    struct af_err err = {AF_OK, ""};
    struct af_image img = {0};
    uint32_t crc = 0, n = 0;
    size_t i;
    int more;

    while ((more = af_stack_next(st, &img, &i, &err)) == 1) {
        size_t size = af_sample_size(img.type);
        const uint8_t *p = img.data;

        crc = crc32_number(crc, n++, 4);
        crc = crc32_number(crc, (uint32_t)img.w, 4);
        crc = crc32_number(crc, (uint32_t)img.h, 4);
        crc = crc32_number(crc, 0, 1);
        crc = crc32_number(crc, img.bits, 1);
        crc = crc32_number(crc, tiff_type[img.type], 2);
        for (size_t y = 0; y < img.h && img.bits < 8; y++)
            crc = crc32_packed(crc, af_image_row(&img, y), img.w, img.bits);
        for (size_t k = 0; k < img.w * img.h * size && img.bits >= 8; k++)
            crc = crc32_more(crc, p + (LITTLE ? k : k / size * size + size - 1 - k % size), 1);
    }
    if (more < 0)
        fail_msg("%s", err.text);
    af_image_release(&img);
    return crc32_number(crc, n, 4);
}

static void real_sequences_have_the_crc_in_their_name(void **state)
{
    char folder[4000], path[4400];
    struct dirent *e;
    size_t n = 0;
    DIR *dir;

    (void)state;
    assert_int_equal(crc32_more(0, "123456789", 9), 0xcbf43926);
    snprintf(folder, sizeof(folder), "%s/ometiff/image_tiff_seq", getenv("REALDATA"));
    if (!(dir = opendir(folder))) {
        print_message("# %s is absent\n", folder);
        skip();
    }
    while ((e = readdir(dir))) {
        const char *dot = strstr(e->d_name, ".tiff");
        struct af_stack *st;
        unsigned long want;

        if (!dot || dot - e->d_name < 8)
            continue;
        want = strtoul(dot - 8, NULL, 16);
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        st = open_one(path, NULL, NULL);
        if (crc32_of_stack(st) != want)
            fail_msg("%s has another CRC", e->d_name);
        af_stack_close(st);
        n++;
    }
    closedir(dir);
    assert_int_equal(n, 27);
}

static void real_images_have_the_sum_that_their_makers_state(void **state)
{
    static const struct {
        const char *file;
        double sum;
    } want[] = {
        {"minisblack-1c-8b.tiff", 2840893},
        {"12bit.cropped.tiff", 10973},
        {"int8.tif", 3111},
        {"int16.tif", 354396},
        {"issue_69_packbits.tiff", 1015486},
        {"tiled-oversize-gray-i8.tif", 1214996},
        {"gradient-1c-32b.tiff", 549892913787.0},
        {"hpredict-1c-12b.tiff", 11000},
    };
    struct af_image img = {0};
    char path[4400];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct af_stack *st;
        double *v, sum = 0;

        snprintf(path, sizeof(path), "%s/ometiff/image_tiff/%s", getenv("REALDATA"), want[i].file);
        if (access(path, R_OK)) {
            print_message("# %s is absent\n", path);
            skip();
        }
        st = open_one(path, NULL, NULL);
        v = plane_f64(st, 0, &img);
        for (size_t k = 0; k < img.w * img.h; k++)
            sum += v[k];
        if (sum != want[i].sum)
            fail_msg("%s: sum %.0f, not %.0f", want[i].file, sum, want[i].sum);
        free(v);
        af_stack_close(st);
    }
    af_image_release(&img);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_sequences_have_the_crc_in_their_name),
        cmocka_unit_test(real_images_have_the_sum_that_their_makers_state),
    };

    TIFFSetWarningHandler(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
