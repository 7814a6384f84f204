/* SPDX-License-Identifier: BSD-2-Clause */
/* Control packets to the simulated GigE Vision camera, from two clients. */
#include "device/gvcp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t out[AF_GV_PACKET_MOST];
    struct af_gvcp g;
    size_t at = 0;

    // Packets stand one after another, each behind a byte for its client and two for its length.
    af_gvcp_init(&g, "AF01", 0x7f000001, 640, 480);
    for (double now_s = 0; at + 3 <= n; now_s++) {
        uint64_t client = data[at] & 1;
        size_t length = (size_t)data[at + 1] << 8 | data[at + 2];
        unsigned significant;

        at += 3;
        if (length > n - at)
            length = n - at;
        uint8_t *packet = malloc(length ? length : 1); // its own, so that its end is watched
        if (!packet)
            return 0;
        memcpy(packet, data + at, length);
        if (af_gvcp_answer(&g, packet, length, client, now_s, out) > sizeof(out) ||
            !af_gv_format_bits(g.reg[AF_GV_PIXEL_FORMAT], &significant) ||
            g.reg[AF_GV_WIDTH] > 640 || g.reg[AF_GV_HEIGHT] > 480)
            abort();
        free(packet);
        at += length;
    }
    return 0;
}
