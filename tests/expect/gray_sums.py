#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sums of real gray images, read by Pillow, for comparison with our readers.

    tests/expect/gray_sums.py ../shared/realdata > tests/expect/gray_sums.tsv

sum of p, of x*p and of y*p: the last two tell a flipped or shifted picture.
Made with Pillow 9.4.0.
"""
import glob
import os
import sys

import numpy as np
from PIL import Image

root = sys.argv[1]
names = []
for pattern in ("laseraf/*.pgm", "laseraf/*.png", "laseraf/laserbeamsize_k/*.png",
                "laseraf/fokuspokus_real_2/*.bmp"):
    names += sorted(glob.glob(os.path.join(root, pattern)))
print("file", "w", "h", "sum", "sum_x", "sum_y", sep="\t")
for name in names:
    im = Image.open(name)
    assert im.mode in ("L", "P"), (name, im.mode)
    a = np.asarray(im.convert("L")).astype(np.uint64)
    y, x = np.indices(a.shape, dtype=np.uint64)
    print(os.path.relpath(name, root), a.shape[1], a.shape[0], a.sum(), (x * a).sum(),
          (y * a).sum(), sep="\t")
