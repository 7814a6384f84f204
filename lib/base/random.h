/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded random streams: the same seed and name give the same numbers anywhere. */
#ifndef AF_BASE_RANDOM_H
#define AF_BASE_RANDOM_H
#include <stdint.h>

/*
 * xoshiro256++, seeded through splitmix64.
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 47 (2021), and its public-domain reference.
 */
struct af_random {
    uint64_t s[4];
};

/*
 * Start stream `name` of `seed`. Different names give independent streams, so
 * that one more draw of "noise" does not change "drift". name NULL: splitmix64
 * of the seed alone. Choice: FNV-1a of the name is added to the seed.
 */
void af_random_init(struct af_random *r, uint64_t seed, const char *name);

uint64_t af_random_u64(struct af_random *r);
double af_random_uniform(struct af_random *r);             // [0, 1), 53 bits
uint64_t af_random_below(struct af_random *r, uint64_t n); // 0 .. n-1, unbiased; n > 0
double af_random_normal(struct af_random *r);              // mean 0, variance 1 (Box and Muller)

/*
 * A count of that mean, 0 or more; the time grows with it.
 * Source: Knuth, The Art of Computer Programming 2, 3.4.1: uniform draws until their product is at
 * most exp(-mean). Choice: large means in parts, since exp(-746) is 0.
 */
double af_random_poisson(struct af_random *r, double mean);

#endif
