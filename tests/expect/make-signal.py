#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes signal.txt: what scipy and numpy make of a fixed signal (Debian 12: scipy 1.10.1, numpy 1.24.2).

Rows: savgol N WINDOW ORDER INDEX VALUE | power N K VALUE | spread N VALUE (std of |F|^2 over all N bins).
The signal: x[i] = (i (i + 7) mod 1009) / 1009 + (1/2 if 3 i < N else 0).

At order 9 scipy's own weights are off, 6e-8 at window 31, 8e-6 at 51 and 7e-4 at 101 (powers up to 50^9): those
rows come from normal equations solved in rational numbers; up to order 5 the two are compared here.
"""
from fractions import Fraction

import numpy as np
from scipy.signal import savgol_filter


def signal(n):
    return [Fraction(i * (i + 7) % 1009, 1009) + (Fraction(1, 2) if 3 * i < n else 0) for i in range(n)]


def solve(a, b):
    a = [row + [v] for row, v in zip(a, b)]
    for c in range(len(a)):  # the matrix is positive definite: no pivot is zero
        a[c] = [v / a[c][c] for v in a[c]]
        for r in range(len(a)):
            if r != c:
                a[r] = [x - a[r][c] * y for x, y in zip(a[r], a[c])]
    return [row[-1] for row in a]


def exact(x, window, order, i):
    half = window // 2
    middle = min(max(i, half), len(x) - 1 - half)
    t = range(-half, half + 1)
    moments = [sum(Fraction(u) ** k for u in t) for k in range(2 * order + 1)]
    right = [sum(Fraction(u) ** k * x[middle + u] for u in t) for k in range(order + 1)]
    coef = solve([moments[k:k + order + 1] for k in range(order + 1)], right)
    return float(sum(c * Fraction(i - middle) ** k for k, c in enumerate(coef)))


for n, windows in ((5, (5,)), (31, (1, 5, 11, 31)), (101, (7, 51, 101)), (480, (3, 11, 21)), (641, (11, 101, 301))):
    x = signal(n)
    for window in windows:
        for order in (0, 1, 2, 3, 4, 5, 9):
            if order >= window:
                continue
            y = savgol_filter(np.array(x, dtype=float), window, order, mode="interp")
            half = window // 2
            for i in sorted({0, half // 2, half, n // 2, n - 1 - half, n - 1 - half // 3, n - 1}):
                if order > 5 or window > 101:
                    y[i] = exact(x, window, order, i)
                elif order == 5:
                    assert abs(y[i] / exact(x, window, order, i) - 1) < 1e-8
                print("savgol", n, window, order, i, "%.17g" % y[i])

for n in (1, 2, 3, 4, 7, 8, 31, 96, 101, 128, 479, 480, 481, 487, 512, 640, 641, 1021, 1024, 2039, 2048):
    power = np.abs(np.fft.fft(np.array(signal(n), dtype=float))) ** 2
    for k in sorted({0, 1, n // 3, n // 2, n - 1}):
        if k < n:
            print("power", n, k, "%.17g" % power[k])
    print("spread", n, "%.17g" % power.std())
