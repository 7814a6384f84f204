#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""torch-peer.py train ALPHA THREADS BATCH SECONDS: images per second of PyTorch on the same network.
torch-peer.py onnx ALPHA FILE: the network with folded batch norms, for other peers.
torch-peer.py cold FILE: what a process that imports torch to predict one picture does, and no more.

The settings are the best found: channels_last, foreach Adam; MALLOC_ variables are set by the caller.
"""
import sys
import time

import torch
from torch import nn


def divisible(v):
    d = max(8, int(v + 4) // 8 * 8)
    return d + 8 if d < 0.9 * v else d


class Pad(nn.Module):
    def forward(self, x):
        return nn.functional.pad(x, (0, 1, 0, 1))


def conv(cin, cout, k, stride, groups, relu):
    layers = [Pad()] if stride == 2 else []
    layers += [nn.Conv2d(cin, cout, k, stride, 0 if stride == 2 or k == 1 else 1, groups=groups, bias=False),
               nn.BatchNorm2d(cout, eps=1e-3, momentum=1e-3)]
    return layers + ([nn.ReLU6(inplace=True)] if relu else [])


class Block(nn.Module):
    def __init__(self, cin, cout, stride, t):
        super().__init__()
        mid = cin * t
        self.add = stride == 1 and cin == cout
        self.layers = nn.Sequential(*(conv(cin, mid, 1, 1, 1, True) if t > 1 else []),
                                    *conv(mid, mid, 3, stride, mid, True), *conv(mid, cout, 1, 1, 1, False))

    def forward(self, x):
        return x + self.layers(x) if self.add else self.layers(x)


def network(alpha):
    c = divisible(32 * alpha)
    layers = conv(1, c, 3, 2, 1, True)
    for t, channels, n, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                   (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(n):
            cout = divisible(int(channels * alpha))
            layers.append(Block(c, cout, stride if i == 0 else 1, t))
            c = cout
    last = divisible(1280 * alpha) if alpha > 1 else 1280
    layers += conv(c, last, 1, 1, 1, True) + [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 1)]
    return nn.Sequential(*layers)


def train(alpha, threads, batch, limit):
    torch.set_num_threads(threads)
    net = network(alpha).to(memory_format=torch.channels_last)
    x = torch.rand(batch, 1, 96, 96).contiguous(memory_format=torch.channels_last)
    t = torch.rand(batch, 1)
    adam = torch.optim.Adam(net.parameters(), lr=1e-4, eps=1e-7, foreach=True)
    seconds, begin = [], None
    while begin is None or len(seconds) < 3 or time.perf_counter() - begin < limit:
        start = time.perf_counter()
        adam.zero_grad(set_to_none=True)
        nn.functional.mse_loss(net(x), t).backward()
        adam.step()
        if begin is None:
            begin = time.perf_counter()
        else:
            seconds.append(time.perf_counter() - start)
    print('%.1f' % (batch / sorted(seconds)[len(seconds) // 2]))


if __name__ == '__main__':
    if sys.argv[1] == 'train':
        train(float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
    elif sys.argv[1] == 'onnx':
        torch.onnx.export(network(float(sys.argv[2])).eval(), torch.rand(1, 1, 96, 96), sys.argv[3], opset_version=11,
                          input_names=['x'], output_names=['y'], dynamic_axes={'x': {0: 'n'}, 'y': {0: 'n'}})
    else:
        print(float(network(1.0).eval()(torch.rand(1, 1, 96, 96))))
