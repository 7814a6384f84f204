#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seeds in tests/fuzz/corpus: make-corpus.py FOLDER. Small, made from nothing but this."""
import json
import math
import os
import struct
import sys
import zlib

OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:a">
 <Image ID="Image:0" Name="a"><AcquisitionDate>2026-11-21T10:00:00</AcquisitionDate>
  <Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SignificantBits="8" SizeX="5" SizeY="4" SizeZ="2"
   SizeC="1" SizeT="1" PhysicalSizeX="0.1" PhysicalSizeXUnit="&#181;m" PhysicalSizeZ="500" PhysicalSizeZUnit="nm">
   <Channel ID="Channel:0:0" SamplesPerPixel="1"/>
   <TiffData IFD="0" FirstZ="0" PlaneCount="2"><UUID FileName="a.ome.tif">urn:uuid:a</UUID></TiffData>
   <Plane TheZ="0" TheC="0" TheT="0" DeltaT="0.5" ExposureTime="10" ExposureTimeUnit="ms" PositionZ="1"
    PositionZUnit="mm" PositionX="2" PositionXUnit="reference frame"/>
   <Plane TheZ="1" TheC="0" TheT="0" PositionZ="1.5" PositionZUnit="mm"/>
  </Pixels></Image>
</OME>"""
OLD = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2008-09"><Image ID="I" DefaultPixels="P">
<CreationDate>2008-09-01T00:00:00</CreationDate><Pixels ID="P" DimensionOrder="XYCZT" PixelType="uint16"
BigEndian="true" SizeX="5" SizeY="4" SizeZ="1" SizeC="2" SizeT="1"><TiffData IFD="0" FirstC="0" NumPlanes="2"/>
<Plane TheZ="0" TheC="0" TheT="0"><PlaneTiming DeltaT="1" ExposureTime="2"/>
<StagePosition PositionX="1" PositionY="2" PositionZ="3"/></Plane></Pixels></Image></OME>"""
STUB = '<OME><BinaryOnly MetadataFile="a.companion.ome" UUID="urn:uuid:b"/></OME>'
MM = ('{"ZPositionUm":1.25,"XPositionUm":-3,"YPositionUm":4,"Exposure-ms":10,"ElapsedTime-ms":1500,'
      '"Slice":1,"Channel":"DAPI","Frame":0,"BitDepth":12}')
NDTIFF = ('{"Axes":{"z":1,"channel":0,"time":2},"ZPosition_um_Intended":1.5,"Exposure":10,'
          '"UserData":{"a":{"type":"x","scalar":1}}}')
IMAGEJ = "ImageJ=1.53t\nimages=2\nslices=2\nunit=\\u00B5m\nspacing=0.5\nloop=false\n"


def page(w=5, h=4, bits=8, fmt=1, compression=1, photometric=1, description=None, extra=(), data=None, tile=0):
    """Tags of one page and its samples: (tag, type, values or bytes), with 'DATA' for where they lie."""
    data = bytes((i * 7) % 251 for i in range((w * bits + 7) // 8 * h)) if data is None else data
    if compression in (8, 32946):
        data = zlib.compress(data)
    elif compression == 32773:
        data = bytes([len(data) - 1]) + data if len(data) <= 128 else data
    tags = [(256, 3, [w]), (257, 3, [h]), (258, 3, [bits]), (259, 3, [compression]), (262, 3, [photometric]),
            (277, 3, [1]), (339, 3, [fmt])]
    if tile:
        tags += [(322, 3, [tile]), (323, 3, [tile]), (324, 4, 'DATA'), (325, 4, [len(data)])]
    else:
        tags += [(273, 4, 'DATA'), (278, 3, [h]), (279, 4, [len(data)])]
    if description:
        tags.append((270, 2, description.encode() + b'\0'))
    return sorted(tags + list(extra)), data


def tiff(pages, end='<', big=False):
    """A whole file: header, then for each page its samples, long values, directory."""
    off, cnt, inline = ('Q', 'Q', 8) if big else ('I', 'I', 4)
    mark = b'II' if end == '<' else b'MM'
    out = bytearray(mark + struct.pack(end + 'HHHQ', 43, 8, 0, 0) if big
                    else mark + struct.pack(end + 'HI', 42, 0))
    link = 8 if big else 4
    for tags, data in pages:
        at = len(out)
        out += data + b'\0' * (len(data) % 2)
        entries = b''
        for tag, kind, value in tags:
            if value == 'DATA':
                value = [at]
            size = {1: 'B', 3: 'H', 4: 'I'}.get(kind)
            raw = value if isinstance(value, bytes) else struct.pack(end + size * len(value), *value)
            n = len(raw) if isinstance(value, bytes) else len(value)
            if len(raw) > inline:
                where = len(out)
                out += raw + b'\0' * (len(raw) % 2)
                raw = struct.pack(end + off, where)
            entries += struct.pack(end + 'HH' + cnt, tag, kind, n) + raw.ljust(inline, b'\0')
        struct.pack_into(end + off, out, link, len(out))
        out += struct.pack(end + ('Q' if big else 'H'), len(tags)) + entries
        link = len(out)
        out += struct.pack(end + off, 0)
    return bytes(out)


def tiffs():
    z = [(285, 2, b'z_um=%d x_um=1 exposure_ms=10 time_s=0.5\0' % i) for i in range(3)]
    yield 'ours', tiff([page(description=OME, extra=[z[0]]), page(extra=[z[1]])])
    yield 'plain', tiff([page(extra=[t]) for t in z])
    yield 'big', tiff([page(bits=16), page(bits=16)], big=True)
    yield 'bigendian', tiff([page(bits=16, extra=[(266, 3, [1])])], end='>')
    yield 'deflate', tiff([page(compression=8, bits=12, extra=[(317, 3, [2])])])
    yield 'packbits', tiff([page(compression=32773)])
    yield 'white', tiff([page(bits=4, photometric=0)])
    yield 'float', tiff([page(bits=32, fmt=3), page(bits=64, fmt=3), page(bits=24, fmt=3), page(bits=16, fmt=3)])
    yield 'signed', tiff([page(bits=16, fmt=2), page(bits=64, fmt=2), page(bits=1), page(bits=31)])
    yield 'tiled', tiff([page(w=16, h=16, tile=16, data=bytes(range(256)))])
    gray = [i * 257 for i in range(256)] * 3
    yield 'palette', tiff([page(photometric=3, extra=[(320, 3, gray)])])
    yield 'colour', tiff([page(photometric=2)])
    yield 'thumbnail', tiff([page(), page(extra=[(254, 4, [1])])])
    yield 'imagej', tiff([page(description=IMAGEJ), page()])
    yield 'imagej-one', tiff([page(description=IMAGEJ, data=bytes(40))])
    yield 'mm', tiff([page(bits=16, extra=[(51123, 2, MM.encode() + b'\0')])] * 2)
    yield 'companion', tiff([page(description=STUB)])


def png(w, h, bits, colour, rows, extra=b'', interlace=0):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, bits, colour, 0, 0, interlace)) +
            (chunk(b'PLTE', extra) if extra else b'') + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def bmp(w, h, bits):
    stride = (w * bits + 31) // 32 * 4
    palette = b''.join(bytes([v, v, v, 0]) for v in (i * 255 // (2**bits - 1) for i in range(2**bits)))
    data = bytes(i % 251 for i in range(stride * abs(h)))
    return (b'BM' + struct.pack('<IHHI', 54 + len(palette) + len(data), 0, 0, 54 + len(palette)) +
            struct.pack('<IiiHHIIiiII', 40, w, h, 1, bits, 0, len(data), 0, 0, 0, 0) + palette + data)


def pictures():
    for bits in (1, 2, 4, 8, 16):
        yield 'gray%d' % bits, png(9, 3, bits, 0, (b'\0' + bytes(range((9 * bits + 7) // 8))) * 3)
    yield 'palette', png(9, 3, 8, 3, (b'\0' + bytes([0, 1, 0, 1, 0, 0, 0, 0, 0])) * 3, bytes([0, 0, 0, 9, 9, 9]))
    yield 'alpha', png(4, 3, 8, 4, (b'\2' + bytes(range(8))) * 3)
    yield 'rgb', png(4, 3, 8, 2, (b'\0' + bytes(range(12))) * 3)
    yield 'interlaced', png(1, 1, 8, 0, b'\0\5', interlace=1)
    yield 'bmp8', bmp(5, 3, 8)
    yield 'bmp4', bmp(5, -3, 4)
    yield 'bmp1', bmp(9, 3, 1)


def tensors(*shapes, first=0):
    """A header of F32 tensors a, b, ..., one behind the other; their data behind a newline."""
    at, head = first, {'__metadata__': {'k': 'v'}}
    for name, shape in zip('abc', shapes):
        n = 4
        for d in shape:
            n *= d
        head[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [at, at + n]}
        at += n
    return json.dumps(head).encode() + b'\n' + bytes(at - first)


def edits(*changes):
    """Edits to the header of a model: place, bytes to cut, text to put there."""
    return b''.join(struct.pack('<HBB', at, cut, len(text)) + text for at, cut, text in changes)


def table(numbers, *changes):
    """Edits to a look-up table: numbers to put at places of its data, then edits to its header."""
    return b'T' + struct.pack('<B', len(numbers)) + b''.join(struct.pack('<Hf', *at) for at in numbers) + edits(*changes)


def packets(*commands):
    """Control packets of GigE Vision, as tests/fuzz/gvcp.c reads them: client, length, packet."""
    out = b''
    for i, (client, command, data) in enumerate(commands):
        packet = struct.pack('>BBHHH', 0x42, 1, command, len(data), i + 1) + data
        out += struct.pack('>BH', client, len(packet)) + packet
    return out


def words(*values):
    return struct.pack('>%dI' % len(values), *values)



def beads():
    """A head as psf.c takes it, then a voxel a byte: one bead, two, a dim one, a stack of one plane again and again."""
    for name, kind, spots in (('one', 71, [(12, 12, 6, 200)]), ('two', 7, [(7, 9, 4, 90), (17, 14, 6, 250)]),
                              ('dim', 87, [(12, 12, 6, 9)]), ('flat', 7, [])):
        v = [min(255, int(20 + (7 * x + 13 * y + 5 * z) % 4 + sum(
            a * math.exp(-((x - u) ** 2 + (y - w) ** 2) / 6 - (z - k) ** 2 / 4) for u, w, k, a in spots)))
            for z in range(12) for y in range(24) for x in range(24)]
        yield name, bytes([kind, 21, 21, 7] + v)

SEEDS = {
    'ome': [('new', OME), ('old', OLD), ('stub', STUB),
            ('dtd', '<!DOCTYPE OME [<!ENTITY a "b">]><OME><Image><Pixels SizeX="&a;"/></Image></OME>'),
            ('two', '<OME><Image><Pixels SizeX="1" SizeY="1" SizeT="3"/></Image><Image><Pixels/></Image></OME>')],
    'tiff': list(tiffs()),
    'png': list(pictures()),
    'pgm': [('p5', b'P5\n# z_um=1.5 x_um=0 exposure_ms=10 time_s=2\n3 2\n255\nabcdefP5 3 2 4095\n' + b'\1\2' * 6),
            ('p2', 'P2\n# a comment\n3 2 # another\n15\n1 2 3\n4 5 15\nP2 1 1 65535\n65535\n'),
            ('cut', 'P5 4 4 255\nabc')],
    'table': [('plain', 'file\tz_um\tquality\na.tif\t1.5\tok\nb\\tc\tNA\t\\NA\n'), ('crlf', 'a\tb\r\n1e-3\t-2\r\n\r\n'),
              ('short', 'a\tb\n1\n'), ('one', 'x\nNA\n\\\\\\n\n')],
    'options': [('all', '--choice=both\n-vv\n-o\nout.tif\n--length\n50nm\n--real=-1.5e3\n--time\n10ms\n-n7\n--\n-x'),
                ('help', '--help'), ('version', '-V'), ('bash', '--completion=bash'), ('zsh', '--completion\nzsh'),
                ('wrong', '--length=5kg\n--nothing'), ('units', '0.3mm\n1e-4m\n5min\n250us\n\xc2\xb5m\n-7'),
                ('names', 'k-%fmm\nk-300mm.png\nz%d{nm}_*\nz-12_a.tif\n%*_%f{um}%%\na_+.25%.bmp')],
    'model': [('two', tensors([2, 3], [1])), ('scalar', tensors([])), ('hole', tensors([1], first=4)),
              ('empty', tensors([0])), ('same', edits((1, 0, b''))), ('blank', edits((1, 0, b' '))),
              ('arch', edits((52, 11, b'unet'))), ('alpha', edits((65, 14, b''))), ('twice', edits((1, 0, b'"a":1,"a":1,'))),
              ('far', edits((300, 4, b'9999'), (900, 9, b'[1]'))), ('table', table([])),
              ('falls', table([(1, -2.0)])), ('flat', table([(51, 0.0), (52, -1.0)])), ('huge', table([(9, 3e38), (60, 3e38)])),
              ('nan', table([(7, float('nan'))])), ('knots', table([], (330, 1, b'9'))),
              # text `network` blank, gone, that of another shape; another arch
              ('unet', b'U' + edits((1, 0, b' '))), ('unet-gone', b'U' + edits((82, 23, b''))),
              ('unet-other', b'U' + edits((93, 10, b'unet-z'))), ('unet-arch', b'U' + edits((52, 4, b'lut')))],
    'sim': [('keys', 'preset=rough&seed=7&size=64x48&drift=20nm/min&clock=virtual'), ('length', 'coverslip=0.17mm&lo=-5um'),
            ('file', '# of everything random\nseed = 3\nlo = -100\npreset = ideal\n'), ('wrong', 'seed=1&seed=2')],
    'plate': [('labware', '{"dimensions":{"yDimension":85.47},"wells":{"A1":{"x":14.38,"y":74.24,"diameter":6.86}}}'),
              ('list', '{"map":{"StagePositions":{"array":[{"Label":{"scalar":"a"},"DefaultZStage":{"scalar":"Z"},'
                       '"GridRow":{"scalar":1},"GridCol":{"scalar":2},"DevicePositions":{"array":[{"Device":'
                       '{"scalar":"Z"},"Position_um":{"array":[1]}},{"Position_um":{"array":[1,2]}}]}}]}}}'),
              ('old', '{"POSITIONS":[{"LABEL":"p","GRID_ROW":0,"GRID_COL":1,"DEVICES":[{"DEVICE":"XY","AXES":2,"X":1,"Y":2}]}]}'),
              ('table', 'well\tx_um\ty_um\tz_um\trow\tcol\nA1\t1\t2\tNA\t1\t1\nB12\t-3\t4e3\t5\t2\t12\n'),
              ('formats', 'format,a1_x_mm,a1_y_mm,well_size_mm,well_spacing_mm,rows,cols\n96,11.31,10.75,6.21,9.0,8,12\n'),
              ('wells', 'A1:D6,H12\nname')],
    'heights': [('run', 'well\tfield\tx_um\ty_um\tz_um\tz_err_um\tstatus\nA1\t0\t1\t2\t-3.5\tNA\tdone\nA2\t0\t1\t2\tNA\t2\tnofocus\n'
                 'B12\t0\t1\t2\t88\t0.1\todd\nA2\t0\t1\t2\t-2\t2\tdone\n'),
                ('beads', 'well\tz_um\tquality\ttrust\nC3\t1e3\tok\tok\nc4\t-1e-3\tdim\tok\nH12\t0\tNA\tdark\n')],
    'psf': list(beads()),
    'instrument': [('good', '[camera]\nuri = sim:\npixel_size = 0.1\n[stage]\nuri = tango:/dev/ttyUSB0?z=z\n[z]\nmin = -1mm\n'
                    'max = 1mm\nmax_step = 50um ; more\nmax_travel = 0.2mm\nbacklash = 2\n'), ('half', '[z]\nmin = 3\n'),
                   ('uri', 'asi:tcp:scope:4000?x=X&z=F')],
    'stage': [(name, b'%c' % driver + b'\0'.join(replies) + b'\0') for name, driver, replies in (
        ('tango', 0, [b'', b'', b'TANGO-DT\r', b'', b'0\r', b'48\r'] + [b'', b'0\r'] * 3 + [b'5.0\r'] * 3 +
         [b'', b'0\r', b'@@@-.-\r', b'5.0\r', b'5.0\r', b'5.0\r'] * 3),
        ('asi', 1, [b'', b':A v3.45\r\n', b':A v3.45\r\n', b':A\r\n', b'Motor Axes: X Y Z\rAxis Types: x x z\rAxis Props: 0\r\n'] +
         [b':A 50.0\r\n'] * 3 + [b':A\r\n', b'N\r\n', b':A 50\r\n', b':A 50\r\n'] * 3),
        ('prior', 2, [b'', b'STAGE = H\rFOCUS = N\rEND\r', b'STAGE = H\rFOCUS = N\rEND\r', b'0\r', b'0.1\r', b'0.1\r'] +
         [b'50,50,50\r'] * 4 + [b'R\r', b'0\r'] + [b'50,50,50\r'] * 4),
        ('pi', 3, [b'', b'(c)2013 Physik Instrumente\n', b'1\n', b'0\n', b'1=MM\n', b'0\n'] + [b'1=0.005\n'] * 3 +
         [b'0\n', b'0\n', b'1=0.005\n', b'1=0.005\n', b'1=0.005\n']),
        ('zaber', 0x85, [b'@01 1 01 OK IDLE -- 0\r\n', b'@01 1 02 OK IDLE -- 0\r\n', b'@01 1 03 OK IDLE -- 50081\r\n'] +
         [b'@01 1 %02d OK IDLE -- 5\r\n' % i for i in range(4, 16)]),
        ('grbl', 0x87, [b'ok\n', b'[VER:1.1h]\nok\n', b'$13=0\nok\n'] + [b'<Idle|MPos:5.000,5.000,5.000|FS:0,0>\n'] * 3 +
         [b'ok\n'] + [b'<Idle|MPos:5.000,5.000,5.000|FS:0,0|WCO:0.000,0.000,0.000>\n'] * 6),
        ('marlin', 0x87, [b'ok\n', b'echo:Unknown command: "$I"\nok\n', b'FIRMWARE_NAME:Marlin\nok\n', b'echo: M92 X80 Y80 Z800\nok\n'] +
         [b'X:0.00 Y:0.00 Z:0.00 E:0 Count X:0 Y:0 Z:0\nok\n'] * 5))],
    'controller': [(name, bytes([number | 8]) + text) for name, number, text in (
        ('tango', 0, b'?version\r?det\r!dim 1 1 1\r!moa z 12.5\r\0\0?pos\r?lim z\r?statusaxis\r!cal z\ra\r'),
        ('asi', 1, b'V\rM Z=125\r\0/\rW X Y Z\rSL Z?\rRS Z\rVB Z=3\rH Z=10\r\\\r'),
        ('prior', 2, b'?\rRES,Z,0.1\rGZ,50\r\0PZ\rP\rLMT\r$\rI\rPS,1,2\r'),
        ('pi', 3, b'*IDN?\nSVO 1 1\nMOV 1 0.0125 2 3\n\0POS?\nMOV? 1\nTMN? 1\nERR?\nHLT\n\x05'),
        ('zaber', 4, b'/1 1 07 move abs 80\n\0/get pos\n/1 1 move rel -8\n/stop\n/1 home\n/tools echo a\n'),
        ('grbl', 5, b'$I\nG91 Z0.5\n$J=G90 G53 Z1 F60\n\0?!~\x18$X\nG4 P0.01\n$H\n'),
        ('marlin', 6, b'M115\nM92 Z800\nG91\nG1 Z0.01 F60\n\0M114\nM400\nG28 Z\nM410\n'))],
    'gvcp': [('open', packets((0, 2, b''), (0, 0x82, words(0xa00, 2)), (1, 0x82, words(0xa00, 2)), (0, 0x84, words(0x200, 512)),
                              (0, 0x84, words(0x100000, 536)))),
             ('set', packets((0, 0x82, words(0xa00, 2, 0x10000, 64, 0x10018, 0x010c0006)), (0, 0x86, words(0x10004, 48)),
                             (0, 0x80, words(0x1001c, 0x10038)), (0, 0x82, words(0x10038, 0x459c4000)))),
             ('run', packets((0, 0x82, words(0xd00, 4000, 0xd18, 0x7f000001, 0xd04, 0xc0002328)), (0, 0x40, words(7, 1, 9)),
                             (0, 0x82, words(0x10024, 1, 0x10028, 1, 0x10030, 1))))],
    'texts': [('mm', MM), ('ndtiff', NDTIFF), ('imagej', IMAGEJ),
              ('hyper', 'ImageJ=1.4\nimages=12\nchannels=2\nslices=3\nframes=2\nhyperstack=true\nspacing=-2\nunit=micron\n'),
              ('page', 'z_um=-1.25 x_um=0 y_um=1e-7 exposure_ms=10 time_s=3.2')],
}

for target, seeds in SEEDS.items():
    folder = os.path.join(sys.argv[1], target)
    os.makedirs(folder, exist_ok=True)
    for name, data in seeds:
        with open(os.path.join(folder, name), 'wb') as f:
            f.write(data if isinstance(data, bytes) else data.encode('latin-1' if target == 'options' else 'utf-8'))
