#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""U-Nets in PyTorch, float64: probabilities, losses and gradients of a small batch.

Weights, pictures and masks come from a hash of their place, which test_nn_unet.c repeats, so that
only results are kept. Made with PyTorch 1.13.1: tests/expect/unet.py > tests/expect/unet.tsv
"""
import math
import numpy as np
import torch
import torch.nn.functional as F

SHAPES = {"unet": [16, 32, 64, 128, 256], "unet-512": [16, 32, 64, 128, 256, 512], "unet-small": [16, 32, 64, 128]}
NORMED = {"unet-512"}
SIZES = {"unet": (48, 32), "unet-512": (96, 64), "unet-small": (48, 32)}
# A gradient jumps where a ReLU or a maximum turns over, and each normalisation magnifies rounding, so that in a deep normalised
# network with biases around 0 some of a million do turn. Biases around 2 keep most sums from 0, and one picture has
# the first seed by which none is as near to turning as rounding reaches: see unet-rounding.py. out: less, lest the probabilities be 0 and 1.
OTHERWISE = {"unet-512": {"pictures": 1, "bias": 2, "out": 0.1, "seed": 1029}}


def hashed(n, seed):
    """n numbers in -1 .. 1."""
    v = (np.arange(n, dtype=np.uint64) + np.uint64(seed * 7919)) & np.uint64(0xffffffff)
    for shift, factor in ((16, 0x85ebca6b), (13, 0xc2b2ae35), (16, 1)):
        v = ((v ^ (v >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xffffffff)
    return v.astype(np.float64) / 2.0**31 - 1


def tensors(channels):
    """Names, shapes and fans of a network, in Keras order."""
    depth = len(channels) - 1
    convs = []
    for k, c in enumerate(channels):
        convs += [("3x3", channels[k - 1] if k else 1, c), ("3x3", c, c)]
    for k in reversed(range(depth)):
        c = channels[k]
        convs += [("up", channels[k + 1], c), ("3x3", 2 * c, c), ("3x3", c, c)]
    convs.append(("out", channels[0], 1))
    return convs


class Kinks:
    """Which sums a ReLU lets through, and which of four is the largest: found, and kept, or those that another run found."""

    def __init__(self, given=None):
        self.kept, self.values, self.given = [], [], iter(given) if given else None

    def take(self, values, find):
        self.kept.append(next(self.given) if self.given else find(values))
        self.values.append(values.detach())
        return self.kept[-1]

    def relu(self, a):
        return a * self.take(a, lambda v: v > 0).to(a.dtype)

    def largest(self, a):
        at = self.take(a, lambda v: F.max_pool2d(v, 2, return_indices=True)[1])
        return a.flatten(2).gather(2, at.flatten(2)).reshape(at.shape)


def forward(x, weights, norms, depth, kinks):
    """norms: gamma and beta by convolution, those there are."""
    skips, i = [], 0

    def conv(a):
        nonlocal i
        w, b = weights[i]
        a = kinks.relu(F.conv2d(a, w.permute(3, 2, 0, 1), b, padding=1))
        if i in norms:
            a = F.instance_norm(a, weight=norms[i][0], bias=norms[i][1], eps=1e-3)
        i += 1
        return a

    a = x
    for _ in range(depth):
        a = conv(conv(a))
        skips.append(a)
        a = kinks.largest(a)
    a = conv(conv(a))
    for _ in range(depth):
        w, b = weights[i]
        i += 1
        a = F.conv_transpose2d(a, w.permute(3, 2, 0, 1), b, stride=2)
        a = conv(conv(torch.cat([a, skips.pop()], 1)))
    w, b = weights[i]
    return torch.sigmoid(F.conv2d(a, w.permute(3, 2, 0, 1), b))


def run(name, dtype, size, pictures=2, bias=0, out=1, seed=1001, kinks=None):
    """Probabilities, the three losses, gradients as (what, place, tensor), and the kinks."""
    def tensor(v, **how):
        return torch.tensor(np.float32(v).astype(np.float64), dtype=dtype, **how)

    channels = SHAPES[name]
    convs, weights, norms, place, depth = tensors(channels), [], {}, 0, len(channels) - 1
    for at, (kind, cin, cout) in enumerate(convs):
        side = {"3x3": 3, "up": 2, "out": 1}[kind]
        shape = (2, 2, cout, cin) if kind == "up" else (side, side, cin, cout)
        limit = math.sqrt(6 / (side * side * cin if kind == "3x3" else cin))
        limit *= out if kind == "out" else 1
        # the way down, the bottom, and the first level up
        normed = name in NORMED and kind == "3x3" and at < 2 * (depth + 1) + 3
        b = hashed(cout, place + 1) * 0.1 + (bias if kind == "3x3" else 0)
        weights.append([tensor((hashed(int(np.prod(shape)), place) * limit).reshape(shape), requires_grad=True),
                        tensor(b, requires_grad=True)])
        place += 2
        if normed:
            norms[at] = [tensor(hashed(cout, place_of + at) * 0.3 + shift, requires_grad=True)
                         for place_of, shift in ((4000, 1), (5000, 0))]
    n = pictures * size[0] * size[1]
    x, g, w = (tensor(v.reshape(pictures, 1, *size)) for v in
               (hashed(n, seed), hashed(n, 1002) > 0.3, hashed(n, 1003) / 2 + 0.5))
    kinks = Kinks(kinks)
    p = forward(x, weights, norms, depth, kinks)
    c = p.clamp(1e-7, 1 - 1e-7)
    n = w.sum()
    bce = (w * (-g * c.log() - (1 - g) * (1 - c).log())).sum() / n
    focal = (w * (-g * 0.25 * (1 - c) ** 2 * c.log())).sum() / n
    dice = 1 - (2 * (w * g * p).sum() + 1e-5) / ((w * g).sum() + (w * p).sum() + 1e-5)
    (bce + focal + dice).backward()
    gradients = [(what, i, t.grad.double().numpy().ravel()) for i, pair in enumerate(weights)
                 for what, t in zip(("kernel", "bias", "gamma", "beta"), pair + norms.get(i, []))]
    losses = [("bce", bce.item()), ("focal", focal.item()), ("dice", dice.item())]
    return p.detach().double().numpy().ravel(), losses, gradients, kinks


def report(name):
    p, losses, gradients, _ = run(name, torch.float64, SIZES[name], **OTHERWISE.get(name, {}))
    for i in range(0, p.size, 97):
        print(f"{name}\tp\t{i}\t{p[i]:.12g}")
    for what, v in losses:
        print(f"{name}\t{what}\t0\t{v:.12g}")
    for what, i, d in gradients:
        print(f"{name}\t{what}-norm\t{i}\t{np.linalg.norm(d):.12g}")
        print(f"{name}\t{what}-dot\t{i}\t{d @ hashed(d.size, 2000 + i):.12g}")


if __name__ == "__main__":
    print("network\twhat\tplace\tvalue")
    for name in SHAPES:
        report(name)
