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

N = 2
SHAPES = {"unet": [16, 32, 64, 128, 256], "unet-512": [16, 32, 64, 128, 256, 512], "unet-small": [16, 32, 64, 128]}
NORMED = {"unet-512"}
# Normalised pictures of two pixels, as 48 x 32 leave at the bottom, magnify rounding.
SIZES = {"unet": (48, 32), "unet-512": (128, 96), "unet-small": (48, 32)}


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


def forward(x, weights, norms, depth):
    """norms: gamma and beta by convolution, those there are."""
    skips, i = [], 0

    def conv(a):
        nonlocal i
        w, b = weights[i]
        a = F.relu(F.conv2d(a, w.permute(3, 2, 0, 1), b, padding=1))
        if i in norms:
            a = F.instance_norm(a, weight=norms[i][0], bias=norms[i][1], eps=1e-3)
        i += 1
        return a

    a = x
    for _ in range(depth):
        a = conv(conv(a))
        skips.append(a)
        a = F.max_pool2d(a, 2)
    a = conv(conv(a))
    for _ in range(depth):
        w, b = weights[i]
        i += 1
        a = F.conv_transpose2d(a, w.permute(3, 2, 0, 1), b, stride=2)
        a = conv(conv(torch.cat([a, skips.pop()], 1)))
    w, b = weights[i]
    return torch.sigmoid(F.conv2d(a, w.permute(3, 2, 0, 1), b))


def run(name, channels):
    h, width = SIZES[name]
    convs, weights, norms, place, depth = tensors(channels), [], {}, 0, len(channels) - 1
    for at, (kind, cin, cout) in enumerate(convs):
        side = {"3x3": 3, "up": 2, "out": 1}[kind]
        shape = (2, 2, cout, cin) if kind == "up" else (side, side, cin, cout)
        n = int(np.prod(shape))
        limit = math.sqrt(6 / (side * side * cin if kind == "3x3" else cin))
        k = np.float32(hashed(n, place) * limit).astype(np.float64).reshape(shape)
        b = np.float32(hashed(cout, place + 1) * 0.1).astype(np.float64)
        place += 2
        weights.append([torch.tensor(k, requires_grad=True), torch.tensor(b, requires_grad=True)])
        # the way down, the bottom, and the first level up
        if name in NORMED and kind == "3x3" and at < 2 * (depth + 1) + 3:
            gamma, beta = (np.float32(hashed(cout, seed + at) * 0.3 + shift).astype(np.float64)
                           for seed, shift in ((4000, 1), (5000, 0)))
            norms[at] = [torch.tensor(gamma, requires_grad=True), torch.tensor(beta, requires_grad=True)]
    x = torch.tensor(np.float32(hashed(N * h * width, 1001)).astype(np.float64).reshape(N, 1, h, width))
    g = torch.tensor((hashed(N * h * width, 1002) > 0.3).astype(np.float64).reshape(N, 1, h, width))
    w = torch.tensor(np.float32(hashed(N * h * width, 1003) / 2 + 0.5).astype(np.float64).reshape(N, 1, h, width))
    p = forward(x, weights, norms, depth)
    c = p.clamp(1e-7, 1 - 1e-7)
    n = w.sum()
    bce = (w * (-g * c.log() - (1 - g) * (1 - c).log())).sum() / n
    focal = (w * (-g * 0.25 * (1 - c) ** 2 * c.log())).sum() / n
    dice = 1 - (2 * (w * g * p).sum() + 1e-5) / ((w * g).sum() + (w * p).sum() + 1e-5)
    (bce + focal + dice).backward()
    flat = p.detach().numpy().ravel()
    for i in range(0, flat.size, 97):
        print(f"{name}\tp\t{i}\t{flat[i]:.12g}")
    for what, v in (("bce", bce), ("focal", focal), ("dice", dice)):
        print(f"{name}\t{what}\t0\t{v.item():.12g}")
    for i, pair in enumerate(weights):
        for what, t in zip(("kernel", "bias", "gamma", "beta"), pair + norms.get(i, [])):
            d = t.grad.numpy().ravel()
            print(f"{name}\t{what}-norm\t{i}\t{np.linalg.norm(d):.12g}")
            print(f"{name}\t{what}-dot\t{i}\t{d @ hashed(d.size, 2000 + i):.12g}")


if __name__ == "__main__":
    print("network\twhat\tplace\tvalue")
    for name, channels in SHAPES.items():
        run(name, channels)
