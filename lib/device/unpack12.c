/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/unpack12.h"

void af_unpack12(const uint8_t *in, size_t n, bool lsb, uint16_t *out)
{
    for (size_t i = 0; i < n; i++, in += i % 2 ? 1 : 2) {
        unsigned second = i % 2; // in points at the byte that both share, or at the first

        if (lsb)
            out[i] = (uint16_t)(second ? in[0] >> 4 | in[1] << 4 : in[0] | (in[1] & 15) << 8);
        else
            out[i] = (uint16_t)(second ? in[0] >> 4 | in[1] << 4 : in[0] << 4 | (in[1] & 15));
    }
}

void af_pack12(const uint16_t *in, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i += 2, out += 3) {
        unsigned a = in[i], b = i + 1 < n ? in[i + 1] : 0;

        out[0] = (uint8_t)(a >> 4);
        out[1] = (uint8_t)((b & 15) << 4 | (a & 15));
        if (i + 1 < n)
            out[2] = (uint8_t)(b >> 4);
    }
}

void af_unpack16le(const uint8_t *in, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint16_t)(in[2 * i] | in[2 * i + 1] << 8);
}
