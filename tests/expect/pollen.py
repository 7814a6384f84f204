#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How well rules on focus maps find a real object in a widefield stack of it: IoU of focus-mask's masks with the pollen of
sdeconv (above its Otsu threshold), blurred slice by slice, for each measure and rule. A record, not a test: no figure is owed.

The blur keeps the energy of every plane and widens as 0.9 px a slice, as a cone of light does; 2500 photons at the brightest, read
noise of 1. A widefield slice holds the light of all others, so that its own Otsu threshold finds the object with IoU 0.10 alone.

tests/expect/pollen.py BUILD STACKS > tests/expect/pollen.tsv, with NumPy, SciPy, scikit-image, tifffile
"""
import subprocess
import sys
import tempfile

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter
from skimage.filters import threshold_otsu

MEASURES = 'std variance brenner tenengrad laplacian smd smd2 vollath vollath5 entropy'.split()
RULES = 'fit peak stack slice ref'.split()


def widefield(clean):
    """Every plane's light in all others, and the noise of a camera."""
    out, n = np.zeros_like(clean), len(clean)
    for d in range(n):
        blurred = [gaussian_filter(plane, np.hypot(0.8, 0.9 * d)) for plane in clean]
        for k in range(n):
            for j in {k - d, k + d} & set(range(n)):
                out[j] += blurred[k]
    photons = np.random.default_rng(1).poisson(out / out.max() * 2500)
    return (20 * (photons + np.random.default_rng(2).normal(0, 1, out.shape))).clip(0, 65535).round().astype(np.uint16)


def main():
    build, stacks = sys.argv[1:]
    clean = tifffile.imread(stacks + '/sdeconv_pollen.tif').astype(float)
    with tempfile.TemporaryDirectory() as tmp:
        stack, truth, maps = (f'{tmp}/{name}.tif' for name in ('stack', 'truth', 'map'))
        tifffile.imwrite(stack, widefield(clean))
        tifffile.imwrite(truth, (clean > threshold_otsu(clean)).astype(np.uint8) * 255)
        print('measure', *RULES, sep='\t')
        for measure in MEASURES:
            subprocess.run([build + '/focus-map', '-q', '--cells', '--measure', measure, '-o', maps, stack], check=True)
            row = [measure]
            for rule in RULES:
                table = subprocess.run([build + '/focus-mask', '-q', '--rule', rule, '--tolerance', '2', '--compare', truth, maps],
                                       check=True, capture_output=True, text=True).stdout
                row.append(f"{float(table.splitlines()[-1].split()[2]):.3f}")
            print(*row, sep='\t')


if __name__ == '__main__':
    main()
