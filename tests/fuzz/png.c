/* SPDX-License-Identifier: BSD-2-Clause */
/* PNG, whose check sums are put right after each mutation so that more than the first chunk is met;
 * and BMP. */
#include "image/bmp.h"
#include "image/png.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t most);

enum { MAX_PIXELS = 1 << 16 };

/* CRC-32 of ISO 3309, as PNG has it. */
static uint32_t crc32(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffff;

    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
    }
    return ~c;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed)
{
    n = LLVMFuzzerMutate(data, n, most);
    if (n < 8 || data[0] != 0x89 || seed % 8 == 0)
        return n;
    for (size_t at = 8; n - at >= 12;) { // length, type, data, CRC
        size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
                        (size_t)data[at + 2] << 8 | data[at + 3];
        uint32_t c;

        if (length > n - at - 12)
            break;
        c = crc32(data + at + 4, length + 4);
        at += 8 + length;
        for (int k = 0; k < 4; k++)
            data[at + (size_t)k] = (uint8_t)(c >> (24 - 8 * k));
        at += 4;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    FILE *fp = n ? fmemopen((void *)data, n, "r") : NULL;
    struct af_image img = {0};
    struct af_err err = {AF_OK, ""};
    int bad;

    if (!fp)
        return 0;
    bad = data[0] == 'B' ? af_bmp_read(fp, "fuzz", MAX_PIXELS, &img, &err)
                         : af_png_read(fp, "fuzz", MAX_PIXELS, &img, &err);
    if (bad ? err.kind == AF_OK : img.w * img.h > MAX_PIXELS)
        abort();
    fclose(fp);
    af_image_release(&img);
    return 0;
}
