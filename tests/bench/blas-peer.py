#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""blas-peer.py ALPHA BATCH SECONDS: images per second of the 1x1 convolutions alone, forward and both gradients,
as matrix products of numpy's OpenBLAS. Threads and core type come from OPENBLAS_NUM_THREADS, OPENBLAS_CORETYPE.
blas-peer.py unet SIDE SECONDS: slices per second of all products of the published U-Net, forward, each 3x3 filter as nine
of 1x1: what no copying, adding and pooling would leave."""
import sys
import time

import numpy as np


def divisible(v):
    d = max(8, int(v + 4) // 8 * 8)
    return d + 8 if d < 0.9 * v else d


def layers(alpha):
    c, h = divisible(32 * alpha), 48
    for t, channels, n, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                   (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(n):
            cout = divisible(int(channels * alpha))
            if t > 1:
                yield h, c, c * t
            h //= stride if i == 0 else 1
            yield h, c * t, cout
            c = cout
    yield h, c, 1280


def unet(side):
    c = (16, 32, 64, 128, 256)
    for k in range(5):
        h = side >> k
        if k:
            yield h, c[k - 1] * 9, c[k]
        yield h, c[k] * 9, c[k]
        if k < 4:
            yield h // 2, c[k + 1], c[k] * 4
            yield h, c[k] * 18, c[k]
            yield h, c[k] * 9, c[k]


def products(work):
    for x, w, z in work:
        np.matmul(x, w, out=z)


if sys.argv[1] == 'unet':
    work = [(np.ones((h * h, k), 'f'), np.ones((k, n), 'f'), np.ones((h * h, n), 'f')) for h, k, n in unet(int(sys.argv[2]))]
    seconds, begin = [], time.perf_counter()
    while len(seconds) < 3 or time.perf_counter() - begin < float(sys.argv[3]):
        start = time.perf_counter()
        products(work)
        seconds.append(time.perf_counter() - start)
    print('%.2f' % (1 / sorted(seconds)[len(seconds) // 2]))
    sys.exit()

alpha, batch, limit = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
work = []
for h, k, n in layers(alpha):
    m = batch * h * h
    x, w, z = np.ones((m, k), 'f'), np.ones((k, n), 'f'), np.ones((m, n), 'f')
    work.append((x, w, z, np.empty_like(x), np.empty_like(w), np.empty_like(z)))
seconds, begin = [], None
while begin is None or len(seconds) < 3 or time.perf_counter() - begin < limit:
    start = time.perf_counter()
    for x, w, z, dx, dw, y in work:
        np.matmul(x, w, out=y)
        np.matmul(x.T, z, out=dw)
        np.matmul(z, w.T, out=dx)
    if begin is None:
        begin = time.perf_counter()
    else:
        seconds.append(time.perf_counter() - start)
print('%.1f' % (batch / sorted(seconds)[len(seconds) // 2]))
