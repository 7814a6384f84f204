#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""List a safetensors file as numpy sees it: name, shape, first and last number of each tensor. tensors.py FILE"""
import json
import struct
import sys

import numpy as np

with open(sys.argv[1], 'rb') as f:
    n, = struct.unpack('<Q', f.read(8))
    header = json.loads(f.read(n))
    data = f.read()
header.pop('__metadata__', None)
for name, t in header.items():
    assert t['dtype'] == 'F32'
    begin, end = t['data_offsets']
    a = np.frombuffer(data[begin:end], '<f4').reshape(t['shape'])
    print(name, ','.join(map(str, a.shape)), '%d' % a.flat[0], '%d' % a.flat[-1])
