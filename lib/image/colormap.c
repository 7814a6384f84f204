/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/colormap.h"

#include <math.h>

enum { NPOINTS = 33 };

/* tests/expect/colormap.py points */
static const uint32_t point[][NPOINTS] = {
    {
        0x440154, 0x470d60, 0x48186a, 0x482374, 0x472d7b, 0x453781, 0x424086, 0x3e4989, 0x3b528b,
        0x375b8d, 0x33638d, 0x2f6b8e, 0x2c728e, 0x297a8e, 0x26828e, 0x23898e, 0x21908c, 0x1f978b,
        0x1f9f88, 0x21a685, 0x27ad81, 0x31b57b, 0x3ebc74, 0x4dc26c, 0x5cc863, 0x6ece58, 0x82d34d,
        0x95d840, 0xaadc32, 0xc0df25, 0xd5e21a, 0xeae51a, 0xfde725,
    },
    {
        0x000004, 0x030312, 0x0a0822, 0x130d34, 0x1d1147, 0x29115a, 0x36106b, 0x440f76, 0x50127c,
        0x5d177f, 0x691c81, 0x762181, 0x822681, 0x8f2a81, 0x9c2e7f, 0xa9337d, 0xb6367a, 0xc33b75,
        0xcf4070, 0xdb476a, 0xe65164, 0xee5c5e, 0xf46a5c, 0xf9785d, 0xfb8861, 0xfd9668, 0xfea571,
        0xfeb47b, 0xfec287, 0xfed194, 0xfde0a1, 0xfceeb0, 0xfcfdbf,
    },
    {
        0x3b4cc0, 0x445acc, 0x4e68d8, 0x5875e1, 0x6282ea, 0x6c8ff1, 0x779af7, 0x82a6fb, 0x8db0fe,
        0x98b9ff, 0xa3c2fe, 0xaec9fc, 0xb8d0f9, 0xc2d5f4, 0xccd9ed, 0xd5dbe5, 0xdcdcdc, 0xe4d9d2,
        0xebd3c6, 0xf1cdb9, 0xf4c5ad, 0xf7bba0, 0xf7b194, 0xf7a687, 0xf49a7b, 0xf18d6f, 0xec7f63,
        0xe57058, 0xde614d, 0xd55042, 0xcb3e38, 0xc0282f, 0xb40426,
    },
};

static const uint8_t nan_rgb[3] = {60, 0, 120};

void af_colormap_rgb(enum af_colormap map, double t, uint8_t rgb[3])
{
    const uint32_t *p;
    double at;
    int i;

    for (int c = 0; c < 3 && isnan(t); c++)
        rgb[c] = nan_rgb[c];
    if (isnan(t))
        return;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    at = t * (NPOINTS - 1);
    i = at < NPOINTS - 1 ? (int)at : NPOINTS - 2;
    for (int c = 0; c < 3; c++) {
        if (map == AF_MAP_GRAY) {
            rgb[c] = (uint8_t)lround(255 * t);
        } else {
            int shift = 16 - 8 * c;
            p = point[map - AF_MAP_VIRIDIS] + i;
            rgb[c] = (uint8_t)lround((p[0] >> shift & 255) * (1 - (at - i)) +
                                     (p[1] >> shift & 255) * (at - i));
        }
    }
}
