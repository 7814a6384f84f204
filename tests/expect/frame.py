#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The network's view of a frame as OpenCV makes it: INTER_AREA to 96x96.

    tests/expect/frame.py > tests/expect/frame.tsv

Pixel (x, y) of the test frame has the count below; 8 bit. Of the 9216 averages every 37th is
listed, as OpenCV rounds it (u8) and before (f32). Made with OpenCV 4.6.0.
"""
import cv2
import numpy as np

print("w", "h", "i", "u8", "f32", sep="\t")
for w, h in ((640, 480), (1280, 1024), (1936, 1216), (97, 101), (96, 96)):
    y, x = np.indices((h, w), dtype=np.uint32)
    img = ((x * x * 7 + y * y * 13 + x * y * 3 + x * 131) >> 4 & 255).astype(np.uint8)
    u8 = cv2.resize(img, (96, 96), interpolation=cv2.INTER_AREA).ravel()
    f32 = cv2.resize(img.astype(np.float32), (96, 96), interpolation=cv2.INTER_AREA).ravel()
    for i in range(0, 9216, 37):
        print(w, h, i, u8[i], "%.3f" % f32[i], sep="\t")
