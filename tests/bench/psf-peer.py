#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The fits of psf-eval by scipy's curve_fit: psf-peer.py STACK BEADS N. Prints seconds a bead, over the first N of the table.

The same voxels and as many parameters: a plane of 35x35 px (7), a profile (4), and 25x25 px over the planes near
focus (11). Places from psf-eval's table are the first guess, as a finder would give them; reading is not counted.
"""
import sys
import time

import numpy as np
import tifffile
from scipy.optimize import curve_fit

PX, DZ, HALF, NEAR = 0.1, 0.2, 17, 12


def plane(p, b, a, x, y, xx, yy, xy):
    u, v = p[0] - x, p[1] - y
    return b + a * np.exp(-(xx * u * u + yy * v * v + 2 * xy * u * v) / 2)


def profile(z, b, a, c, p):
    return b + a * np.exp(-p * (z - c) ** 2 / 2)


def volume(p, b, a, x, y, z, xx, yy, zz, xy, xz, yz):
    u, v, w = p[0] - x, p[1] - y, p[2] - z
    return b + a * np.exp(-(xx * u * u + yy * v * v + zz * w * w) / 2 - xy * u * v - xz * u * w - yz * v * w)


def fit(stack, x, y, z):
    cx, cy = int(round(x / PX)), int(round(y / PX))
    zs = (np.arange(len(stack)) - (len(stack) - 1) / 2) * DZ
    box = stack[:, cy - HALF:cy + HALF + 1, cx - HALF:cx + HALF + 1].astype(float)
    k = int(np.argmin(abs(zs - z)))
    gy, gx = np.mgrid[cy - HALF:cy + HALF + 1, cx - HALF:cx + HALF + 1] * PX
    a = box[k].max()
    two, _ = curve_fit(plane, (gx.ravel(), gy.ravel()), box[k].ravel(), (1, a, x, y, 35, 35, 0))
    near = (gx - two[2]) ** 2 + (gy - two[3]) ** 2 < 1 / two[4]
    curve_fit(profile, zs, box[:, near].mean(axis=1), (1, a, z, 7))
    core = slice(HALF - NEAR, HALF + NEAR + 1)
    planes = abs(zs - z) < 1.35
    v = box[planes][:, core, core]
    grid = np.meshgrid(zs[planes], gy[core, 0], gx[0, core], indexing='ij')
    p = tuple(g.ravel() for g in grid[::-1])
    guess = (1, a, two[2], two[3], z, two[4], two[5], 7, two[6], 0, 0)
    for _ in range(4):  # unweighted, then by the model's variance
        sigma = np.ones(v.size) if _ == 0 else np.sqrt(np.maximum(volume(p, *guess), 0.1))
        guess, _c = curve_fit(volume, p, v.ravel(), guess, sigma=sigma)


def main():
    stack = tifffile.imread(sys.argv[1])
    rows = [line.split('\t') for line in open(sys.argv[2]).read().splitlines()]
    at = [rows[0].index(c) for c in ('x_um', 'y_um', 'z_um')]
    beads = [[float(r[i]) for i in at] for r in rows[1:int(sys.argv[3]) + 1]]
    start = time.perf_counter()
    for bead in beads:
        fit(stack, *bead)
    print((time.perf_counter() - start) / len(beads))


main()
