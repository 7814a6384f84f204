#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Focus measures of two small images, by numpy and scikit-image, for comparison with ours.

    tests/expect/focus.py > tests/expect/focus.tsv

The images are 37 x 29 px: pixel (x, y) is (x x x + 31 y y + 7 x y) mod 251 in 8 bits, and 257 times
that plus x in 16. Made with numpy 1.24.2 and scikit-image 0.19.3.
"""
import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import shannon_entropy

W, H = 37, 29
y, x = np.indices((H, W))
low = (x * x * x + 31 * y * y + 7 * x * y) % 251


def measures(f, code):
    p, n = f.astype(float), f.size
    dx, dy = np.diff(p, axis=1), np.diff(p, axis=0)
    sobel = sum(ndimage.sobel(p, axis=a, mode="nearest") ** 2 for a in (0, 1)).sum()
    second = [ndimage.correlate1d(p, [1, -2, 1], axis=a, mode="nearest") for a in (0, 1)]
    pairs = (p[:-1] * p[1:]).sum()
    bins = f if f.max() < 256 else np.floor((p - p.min()) / np.ptp(p) * 255 + 0.5)
    smd2 = (np.abs(dx[:-1]) * np.abs(dy[:, :-1])).sum()
    return {
        "std": p.std(),
        "variance": p.var(),
        "brenner": ((p[2:, :-2] - p[:-2, :-2]) ** 2).sum() / 255**2 if code
        else ((p[:, 2:] - p[:, :-2]) ** 2).sum(),
        "tenengrad": np.sqrt(sobel / 32) / 255 if code else sobel,
        "laplacian": np.clip(sum(second), 0, 255).var() if code
        else sum(np.abs(s).sum() for s in second),
        "smd": 2 * np.abs(dy[:, :-1]).sum() / 255 if code
        else np.abs(dx).sum() + np.abs(dy).sum(),
        "smd2": smd2 / 255**2 if code else smd2,
        "vollath": pairs - p.sum() if code else pairs - (p[:-2] * p[2:]).sum(),
        "vollath5": pairs - p.sum() ** 2 / n,
        "entropy": shannon_entropy(bins),
    }


print("bits", "def", "measure", "value", sep="\t")
for bits, f in ((8, low), (16, 257 * low + x)):
    for definition in ("paper", "code"):
        for name, value in measures(f, definition == "code").items():
            print(bits, definition, name, repr(float(value)), sep="\t")
    print(bits, "-", "otsu", repr(float(threshold_otsu(f.astype(float)))), sep="\t")
