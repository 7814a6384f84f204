#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How far float32 can agree with float64 on a U-Net: PyTorch against itself, on the cases of unet.py and, of the normalised
network, with biases around 0.

Where rounding turns a ReLU or a maximum over, the gradient jumps: one that turns at the bottom, of 12 pixels there, is 1e-2 of it.
The last column replays in float64 what float32 decided; what is left is rounding alone.

Made with PyTorch 1.13.1: tests/expect/unet-rounding.py > tests/expect/unet-rounding.tsv
unet-rounding.py seek: room by seeds of the picture for unet.py's normalised network, the least distance from turning in units
of the layer's largest rounding; the first with more than 1 is taken.
"""
import itertools
import sys

import numpy as np
import torch

from unet import OTHERWISE, SIZES, SHAPES, run


def layers(gradients):
    """Kernel and bias taken together: what follows takes the mean off, so that a bias whose sums a ReLU lets through has none."""
    by = {}
    for what, i, d in gradients:
        by.setdefault((i, what in ("kernel", "bias")), []).append(d)
    return [np.concatenate(d) for d in by.values()]


def worst(a, b):
    """Largest difference of a layer from that of b, relative, as L2 norm."""
    return max(np.linalg.norm(x - y) / np.linalg.norm(y) for x, y in zip(layers(a), layers(b)))


def distance(values, decided):
    """From where the decision would be another: sums from 0, the largest of four from the next."""
    if decided.dtype == torch.bool:
        return values.abs().min()
    n, c, h, w = values.shape
    four = values.reshape(n, c, h // 2, 2, w // 2, 2).transpose(3, 4).reshape(-1, 4).sort(1)[0]
    gap = (four[:, 3] - four[:, 2]) / 2
    return gap[gap > 0].min()  # equal are those that a ReLU made 0, in both


def room(exact, rounded):
    return min((distance(a, d) / (a - b).abs().max()).item()
               for a, d, b in zip(exact.values, exact.kept, rounded.values))


def seek():
    for seed in itertools.count(1001):
        case = {**OTHERWISE["unet-512"], "seed": seed}
        (*_, exact), (*_, rounded) = (run("unet-512", t, SIZES["unet-512"], **case) for t in (torch.float64, torch.float32))
        print(f"{seed}\t{room(exact, rounded):.2f}", flush=True)
        if room(exact, rounded) > 1:
            return


def report(name, size, case):
    p64, _, g64, k64 = run(name, torch.float64, size, **case)
    p32, _, g32, k32 = run(name, torch.float32, size, **case)
    _, _, replayed, _ = run(name, torch.float64, size, **case, kinks=k32.kept)
    turned = sum(int((a != b).sum()) for a, b in zip(k64.kept, k32.kept))
    print(f"{name}\t{size[0]}x{size[1]}\t{case.get('bias', 0)}\t{abs(p32 - p64).max():.1e}\t{np.sqrt(((p32 - p64) ** 2).mean()):.1e}"
          f"\t{turned}\t{room(k64, k32):.2f}\t{worst(g32, g64):.1e}\t{worst(g32, replayed):.1e}")


torch.set_num_threads(1)
if sys.argv[1:] == ["seek"]:
    seek()
else:
    print("network\tsize\tbias\tp_worst\tp_rms\tturned\troom\tgradient\tgradient_replayed")
    report("unet-512", (128, 96), {})
    for name in SHAPES:
        report(name, SIZES[name], OTHERWISE.get(name, {}))
