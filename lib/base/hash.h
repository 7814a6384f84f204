/* SPDX-License-Identifier: BSD-2-Clause */
/* A check sum of 64 bits: against damage and mix-ups, not against malice. */
#ifndef AF_BASE_HASH_H
#define AF_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

/*
 * Hash n bytes at p on top of h, AF_HASH_START for the first piece. FNV-1a over words of eight
 * bytes, in the byte order of this machine. Any change within one word changes the result, since
 * each step is one to one.
 */
uint64_t af_hash(uint64_t h, const void *p, size_t n);
#define AF_HASH_START 0xcbf29ce484222325u

#endif
