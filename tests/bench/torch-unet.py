#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""torch-unet.py infer SIDE SLICES SECONDS: slices per second of PyTorch on the published U-Net, one thread.
torch-unet.py train THREADS BATCH SECONDS: pictures of 256x256 px per second, forward, losses, backward, Adam.

The faster of the two memory formats is what is printed.
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Pair(nn.Sequential):
    def __init__(self, cin, cout, drop):
        super().__init__(nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU(inplace=True), nn.Dropout(drop),
                         nn.Conv2d(cout, cout, 3, padding=1), nn.ReLU(inplace=True))


class UNet(nn.Module):
    def __init__(self, c=(16, 32, 64, 128, 256), drop=(0.1, 0.1, 0.2, 0.2, 0.3)):
        super().__init__()
        self.down = nn.ModuleList(Pair(c[k - 1] if k else 1, c[k], drop[k]) for k in range(len(c)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(c[k + 1], c[k], 2, 2) for k in range(len(c) - 1))
        self.pair = nn.ModuleList(Pair(2 * c[k], c[k], drop[k]) for k in range(len(c) - 1))
        self.out = nn.Conv2d(c[0], 1, 1)

    def forward(self, x):
        skips = []
        for pair in self.down[:-1]:
            x = pair(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.down[-1](x)
        for k in reversed(range(len(skips))):
            x = self.pair[k](torch.cat([self.up[k](x), skips[k]], 1))
        return torch.sigmoid(self.out(x))


def rate(step, count, limit):
    step()
    seconds, begin = [], time.perf_counter()
    while len(seconds) < 3 or time.perf_counter() - begin < limit:
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return count / sorted(seconds)[len(seconds) // 2]


def infer(side, slices, limit, form):
    net = UNet().eval().to(memory_format=form)
    x = torch.rand(slices, 1, side, side).contiguous(memory_format=form)
    with torch.inference_mode():
        return rate(lambda: [net(x[i:i + 1]) for i in range(slices)], slices, limit)


def train(batch, limit, form):
    net = UNet().to(memory_format=form)
    x = torch.rand(batch, 1, 256, 256).contiguous(memory_format=form)
    g = (torch.rand(batch, 1, 256, 256) > 0.7).float()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=True)

    def step():
        adam.zero_grad(set_to_none=True)
        p = net(x).clamp(1e-7, 1 - 1e-7)
        dice = 1 - (2 * (g * p).sum() + 1e-5) / (g.sum() + p.sum() + 1e-5)
        (F.binary_cross_entropy(p, g) + (-g * 0.25 * (1 - p) ** 2 * p.log()).mean() + dice).backward()
        adam.step()

    return rate(step, batch, limit)


forms = (torch.contiguous_format, torch.channels_last)
if sys.argv[1] == "infer":
    torch.set_num_threads(1)
    best = max(infer(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]) / 2, f) for f in forms)
else:
    torch.set_num_threads(int(sys.argv[2]))
    best = max(train(int(sys.argv[3]), float(sys.argv[4]) / 2, f) for f in forms)
print("%.2f" % best)
