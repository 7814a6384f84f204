#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes signal.txt: what scipy and numpy make of a fixed signal (Debian 12: scipy 1.10.1, numpy 1.24.2).

Rows: savgol N WINDOW ORDER INDEX VALUE | power N K VALUE | spread N VALUE (std of |F|^2 over all N bins).
Windows end at 151: at 301 and order 9 scipy 1.10 itself fails (powers up to 150^9), its output is 1e-14.
The signal, exact in both programs: x[i] = (i (i + 7) mod 1009) / 1009 + (0.5 if 3 i < N else 0).
"""
import numpy as np
from scipy.signal import savgol_filter


def signal(n):
    i = np.arange(n, dtype=np.int64)
    return (i * (i + 7) % 1009) / 1009 + np.where(3 * i < n, 0.5, 0.0)


for n, windows in ((5, (5,)), (31, (1, 5, 11, 31)), (101, (7, 51, 101)), (480, (3, 11, 21)), (641, (11, 101, 151))):
    for window in windows:
        for order in (0, 1, 2, 3, 4, 5, 9):
            if order >= window:
                continue
            y = savgol_filter(signal(n), window, order, mode="interp")
            half = window // 2
            for i in sorted({0, half // 2, half, n // 2, n - 1 - half, n - 1 - half // 3, n - 1}):
                print("savgol", n, window, order, i, "%.17g" % y[i])

for n in (1, 2, 3, 4, 7, 8, 31, 96, 101, 128, 479, 480, 481, 487, 512, 640, 641, 1021, 1024, 2039, 2048):
    power = np.abs(np.fft.fft(signal(n))) ** 2
    for k in sorted({0, 1, n // 3, n // 2, n - 1}):
        if k < n:
            print("power", n, k, "%.17g" % power[k])
    print("spread", n, "%.17g" % power.std())
