#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Instance normalisation after a ReLU in PyTorch, float64, forward and backward.

Numbers come from a hash of their place, which test_nn_instance.c repeats. Made with PyTorch 1.13.1:
tests/expect/instance.py > tests/expect/instance.tsv
"""
import numpy as np
import torch

from unet import hashed

H, W, C = 5, 7, 16


def picture(v):
    return torch.tensor(np.float32(v).astype(np.float64).reshape(1, H, W, C)).permute(0, 3, 1, 2).contiguous()


n = H * W * C
x = picture(hashed(n, 1) + 0.3 * (np.arange(n) % C)).requires_grad_()
gamma = torch.tensor(np.float32(hashed(C, 3) * 0.5 + 1).astype(np.float64), requires_grad=True)
beta = torch.tensor(np.float32(hashed(C, 4)).astype(np.float64), requires_grad=True)
out = torch.nn.functional.instance_norm(torch.relu(x), weight=gamma, bias=beta, eps=1e-3)
(out * picture(hashed(n, 2))).sum().backward()
print("what\tplace\tvalue")
for what, v in (("out", out.detach().permute(0, 2, 3, 1)), ("din", x.grad.permute(0, 2, 3, 1)),
                ("dgamma", gamma.grad), ("dbeta", beta.grad)):
    for i, one in enumerate(v.reshape(-1).tolist()):
        print(f"{what}\t{i}\t{one:.12g}")
