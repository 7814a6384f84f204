#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Matplotlib's colour maps: the whole tables, and the points that lib/image/colormap.c keeps.

    tests/expect/colormap.py > tests/expect/colormap.tsv
    tests/expect/colormap.py points

The points are 33 values at 0, 1/32, ... 1, rounded to whole counts. Made with Matplotlib 3.6.3.
"""
import sys

import numpy as np
from matplotlib import cm

NAMES = ("viridis", "magma", "coolwarm")
full = {n: np.round(cm.get_cmap(n)(np.arange(256))[:, :3] * 255).astype(int) for n in NAMES}
if sys.argv[1:] == ["points"]:
    at = np.linspace(0, 255, 33)
    for n in NAMES:
        p = np.array([np.interp(at, np.arange(256), full[n][:, c]) for c in range(3)]).T
        words = ["0x%02x%02x%02x" % tuple(v) for v in np.round(p).astype(int)]
        print(n)
        for i in range(0, 33, 9):
            print("     " + ", ".join(words[i:i + 9]) + ",")
else:
    print("map", "i", "r", "g", "b", sep="\t")
    for n in NAMES:
        for i, (r, g, b) in enumerate(full[n]):
            print(n, i, r, g, b, sep="\t")
