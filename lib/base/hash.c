/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hash.h"

#include <string.h>

/* The shift brings the upper bits, where a product mixes best, back to the lower ones. */
static uint64_t step(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x100000001b3;
    return h ^ h >> 32;
}

uint64_t af_hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;
    uint64_t word;

    for (; n >= sizeof(word); n -= sizeof(word), b += sizeof(word)) {
        memcpy(&word, b, sizeof(word));
        h = step(h, word);
    }
    if (n) { // the number of bytes that are left counts too
        word = 0;
        memcpy(&word, b, n);
        h = step(step(h, ~(uint64_t)n), word);
    }
    return h;
}
