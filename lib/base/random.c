/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/random.h"

#include <assert.h>
#include <math.h>

#define PI 3.14159265358979323846

/* Source: Steele, Lea and Flood, OOPSLA 2014; constants of Vigna's splitmix64.c. */
static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Source: Fowler, Noll and Vo; 64 bit, the xor first. */
static uint64_t fnv1a(const char *s)
{
    uint64_t h = 0xcbf29ce484222325;

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3;
    return h;
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

void af_random_init(struct af_random *r, uint64_t seed, const char *name)
{
    uint64_t x = name ? seed + fnv1a(name) : seed;

    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&x);
}

uint64_t af_random_u64(struct af_random *r)
{
    uint64_t *s = r->s, result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

double af_random_uniform(struct af_random *r)
{
    return (double)(af_random_u64(r) >> 11) * 0x1p-53;
}

uint64_t af_random_below(struct af_random *r, uint64_t n)
{
    uint64_t x, spare;

    assert(n);
    spare = -n % n; // 2^64 mod n: so many draws must go for the rest to be even
    do
        x = af_random_u64(r);
    while (x < spare);
    return x % n;
}

double af_random_normal(struct af_random *r)
{
    double u = 1 - af_random_uniform(r), v = af_random_uniform(r); // u > 0

    return sqrt(-2 * log(u)) * cos(2 * PI * v);
}

double af_random_poisson(struct af_random *r, double mean)
{
    const double most = 500; // of a part
    double n = 0, part;

    do {
        double product = af_random_uniform(r), limit;

        part = fmin(mean, most);
        for (limit = exp(-part); product > limit; n++)
            product *= af_random_uniform(r);
    } while ((mean -= part) > 0);
    return n;
}
