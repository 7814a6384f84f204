/* SPDX-License-Identifier: BSD-2-Clause */
/* Pixels as cameras send them, into counts. */
#ifndef AF_DEVICE_UNPACK12_H
#define AF_DEVICE_UNPACK12_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * n pixels of 12 bits, two in three bytes; in: (12 n + 7) / 8 bytes.
 *   GigE Vision's Mono12Packed: p0[11:4], p1[3:0] p0[3:0], p1[11:4]
 *   PFNC's Mono12p (lsb):       p0[7:0], p1[3:0] p0[11:8], p1[11:4]
 */
void af_unpack12(const uint8_t *in, size_t n, bool lsb, uint16_t *out);

/* The reverse of Mono12Packed. */
void af_pack12(const uint16_t *in, size_t n, uint8_t *out);

/* n pixels of 16 bits, the low byte first. */
void af_unpack16le(const uint8_t *in, size_t n, uint16_t *out);

#endif
