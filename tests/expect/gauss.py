#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gaussians fitted by scipy 1.10's curve_fit, for tests/unit/test_psf_gauss.c: gauss.py > gauss.tsv

The picture is the formula below with the noise of a linear congruential generator, so that C makes the same one.
Columns: place in the parameters (enum af_gauss_place), value, standard error.
"""
import numpy as np
from scipy.optimize import curve_fit

SIDE, PX = 25, 0.1


def plane(p, b, a, x, y, xx, yy, xy):
    u, v = p[0] - x, p[1] - y
    return b + a * np.exp(-(xx * u * u + yy * v * v + 2 * xy * u * v) / 2)


state = 1
noise = []
for _ in range(SIDE * SIDE):
    state = (1103515245 * state + 12345) % 2**31
    noise.append(state / 2**31 * 10)
y, x = np.mgrid[:SIDE, :SIDE] * PX
p = (x.ravel(), y.ravel())
v = plane(p, 20, 200, 1.23, 1.17, 35, 28, 4) + noise
best, cov = curve_fit(plane, p, v, (10, 150, 1.2, 1.2, 30, 30, 0), xtol=1e-12, ftol=1e-12, gtol=1e-12)
print('place\tvalue\terror')
for place, value, error in zip((0, 1, 2, 3, 5, 6, 8), best, np.sqrt(np.diag(cov))):
    print(f'{place}\t{value:.9g}\t{error:.6g}')
