#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""torch-peer.py train ALPHA THREADS BATCH SECONDS: images per second of PyTorch on the same network.
torch-peer.py onnx ALPHA FILE: the network with folded batch norms, for other peers.
torch-peer.py cold MODEL FRAME: defocus of one frame, an uncompressed TIFF of 16 bits in one strip, by a model of af-train.

The settings are the best found: channels_last, foreach Adam; MALLOC_ variables are set by the caller.
"""
import json
import struct
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


def load(path):
    """The network with the weights of a model file, and what its output means."""
    with open(path, 'rb') as f:
        head = json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))
        data = bytearray(f.read())
    meta = head.pop('__metadata__')
    tensors = sorted(head.items(), key=lambda kv: kv[1]['data_offsets'])
    values = iter([torch.frombuffer(data, dtype=torch.float32, offset=t['data_offsets'][0],
                                    count=(t['data_offsets'][1] - t['data_offsets'][0]) // 4).view(t['shape'])
                   for _, t in tensors])
    net = network(float(meta['alpha'])).eval()
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, nn.Conv2d):
                v = next(values)
                m.weight.copy_(v.permute(2, 3, 0, 1) if m.groups > 1 else v.permute(3, 2, 0, 1))
            elif isinstance(m, nn.BatchNorm2d):
                for p in (m.weight, m.bias, m.running_mean, m.running_var):
                    p.copy_(next(values))
            elif isinstance(m, nn.Linear):
                m.weight.copy_(next(values).T)
                m.bias.copy_(next(values))
    return net, float(meta['target_center_um']), float(meta['target_half_range_um'])


def read_frame(path):
    with open(path, 'rb') as f:
        data = f.read()
    at, = struct.unpack_from('<I', data, 4)
    tags = {}
    for i in range(struct.unpack_from('<H', data, at)[0]):
        tag, kind, _, value = struct.unpack_from('<HHII', data, at + 2 + 12 * i)
        tags[tag] = value & 0xffff if kind == 3 else value
    counts = struct.unpack_from('<%dH' % (tags[256] * tags[257]), data, tags[273])
    return torch.tensor(counts, dtype=torch.float32).view(1, 1, tags[257], tags[256])


def cold(model, frame):
    net, center, half_range = load(model)
    x = nn.functional.adaptive_avg_pool2d(read_frame(frame), 96)
    with torch.no_grad():
        print('%.6g' % (center + half_range * float(net(x * 96 / x.norm()))))


if __name__ == '__main__':
    if sys.argv[1] == 'train':
        train(float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
    elif sys.argv[1] == 'onnx':
        torch.onnx.export(network(float(sys.argv[2])).eval(), torch.rand(1, 1, 96, 96), sys.argv[3], opset_version=11,
                          input_names=['x'], output_names=['y'], dynamic_axes={'x': {0: 'n'}, 'y': {0: 'n'}})
    else:
        cold(sys.argv[2], sys.argv[3])
