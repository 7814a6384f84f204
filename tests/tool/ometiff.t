# SPDX-License-Identifier: BSD-2-Clause
# Stacks of the world are read; stacks of ours are read by the world.
. "$SRC/tests/tap.sh"

# ------------------------------------------------------------------ real files
data=$REALDATA/ometiff
if [ -d "$data" ]; then
    # Of these the makers say that they are in colour.
    colour='image_tiff/BigTIFFLong.tif pillow/multipage.tiff pillow/multipage_out_of_order.tiff'
    for f in $(cd "$data" && find . -name '*.tif' -o -name '*.tiff' | sed 's,^\./,,' | sort); do
        case " $colour " in
        *" $f "*)
            status_is 1 "$f is refused" stack-info -H "$data/$f"
            is "$(wc -l < err | tr -d ' ')" 1 'in one line'
            like "$(cat err)" "^stack-info: .*${f##*/}: page 0: .*colou?r.*gray is needed\$" 'which says why'
            ;;
        *)
            ok "$f is read" stack-info -qH "$data/$f"
            is "$([ -s out ] && cat err)" '' 'with planes and without a complaint'
            ;;
        esac
    done
    for f in "$data"/xml/*.xml; do
        status_is 1 "${f##*/} holds no pixels" stack-info -H "$f"
        is "$(cat out; sed 's/.*: //' err)" 'XML has no pixels, OME-TIFF is needed' 'which one line says'
    done

    sums='minisblack-1c-8b.tiff 2840893
12bit.cropped.tiff 10973
int8.tif 3111
int16.tif 354396
issue_69_packbits.tiff 1015486
tiled-oversize-gray-i8.tif 1214996
gradient-1c-32b.tiff 549892913787
hpredict-1c-12b.tiff 11000'
    # mean has nine digits, and so has the sum: that of all but one file is exact.
    while read -r f want; do
        stack-info -H "$data/image_tiff/$f" |
            awk -F '\t' -v want="$want" '{ s = $8 * $9 * $13; d = s - want; if (d < 0) d = -d
                printf "%.0f", d <= (want > 1e8 ? 5e-9 * want : 0.5) ? want : s }' > sum
        is "$(cat sum)" "$want" "$f has the sum that its makers state"
    done << EOF
$sums
EOF

    mm=1.4compatTest_3_MMStack_1-Pos_000_000.ome.tif
    gunzip -c "$data/$mm.gz" > "$mm"
    ok 'the Micro-Manager set' stack-info -vH "$mm"
    is "$(cut -f 3 out | tr '\n' ' ')" '0 5 0 5 0 5 0 5 ' 'shows its PositionZ'
    is "$(cut -f 4-6 out | sort -u | tr '\t\n' ' :')" '-32 -32 25:-32 -32 50:' 'x, y and exposures'
    like "$(cat err)" '8 planes \(C 2, T 2, Z 2\) .* z from PositionZ' 'and where they are from'
    cut -f 2- out > want
    cp "$mm" renamed.tif
    for f in renamed.tif -; do
        ok "it is read as $f" stack-info -H "$f" < "$mm"
        cut -f 2- out > got
        same got want 'with the same planes, by the tags of its pages'
        like "$(cat err)" "$f: its OME-XML is about other files" 'and a warning'
    done
else
    skip 'real files' "$data is absent"
fi

# -------------------------------------------------------------- files of ours
xsd=$REALDATA/../reference/ome/ome.xsd
valid()
{
    stack-info --ome "$1" > "$1.xml" &&
        XML_CATALOG_FILES=${xsd%/*}/catalog.xml xmllint --nonet --noout --schema "$xsd" "$1.xml"
}
python=/usr/bin/python3
"$python" -c 'import numpy, tifffile' 2> /dev/null || python=

# Frames of 6x4 with z, x, y and times; the count at (x, y) of frame i is i + x + 10 y, and full scale once.
frames()
{
    awk -v max="$1" 'BEGIN {
        for (i = 0; i < 5; i++) {
            printf "P2\n# z_um=%.3f x_um=12.5 y_um=-3 exposure_ms=20 time_s=%.1f\n6 4\n%d\n", 10234.5 + i * 0.05, i / 10, max
            for (y = 0; y < 4; y++)
                for (x = 0; x < 6; x++)
                    printf "%d ", x == 0 && y == 0 ? max : i + x + 10 * y
            print ""
        }
    }'
}
for bits in 8 12 16; do
    frames $(((1 << bits) - 1)) > $bits.pgm
    ok "$bits bits" stack-copy --pixel 34.5nm -o $bits.ome.tif $bits.pgm
    ok "$bits bits, BigTIFF" stack-copy --pixel 34.5nm --bigtiff -o $bits-big.ome.tif $bits.pgm
    ok "$bits bits, through pipes" sh -c "stack-copy --pixel 34.5nm < $bits.pgm > $bits-pipe.ome.tif"
done
if [ "$python" ]; then
    "$python" - << 'EOF'
import numpy, tifffile
a = numpy.linspace(-1, 1, 120).reshape(5, 4, 6)
a[0, 0, 0] = numpy.inf
for t in 'float32', 'float64', 'int8', 'int16', 'int32', 'uint32', 'float16':
    tifffile.imwrite(t + '.tif', (a if t[0] == 'f' else a.clip(-1, 1) * 100 + 100 * (t[0] == 'u')).astype(t))
tifffile.imwrite('rgb.tif', numpy.zeros((4, 4, 3), 'uint8'), photometric='rgb')
tifffile.imwrite('planar.tif', numpy.zeros((3, 4, 4), 'uint8'), photometric='rgb', planarconfig='separate')
tifffile.imwrite('palette.tif', numpy.zeros((4, 4), 'uint8'), photometric='palette',
                 colormap=numpy.arange(768, dtype='uint16').reshape(3, 256) * 85)
EOF
    for t in float32 float64 int8 int16 int32 uint32 float16; do
        ok "$t" stack-copy --z0 10234.5 --dz 50nm -o $t.ome.tif $t.tif
    done
    for f in rgb planar palette; do
        status_is 1 "colour: $f" stack-info -H $f.tif
        is "$(cat out)" '' 'is refused'
        is "$(wc -l < err | tr -d ' ')" 1 'in one line'
        like "$(cat err)" "^stack-info: $f.tif: page 0: .*colou?r.*gray is needed\$" 'which says why'
    done
fi

for f in *.ome.tif; do
    [ "$f" != "${mm-}" ] || continue
    if [ -f "$xsd" ] && command -v xmllint > /dev/null; then
        ok "$f validates" valid "$f"
    else
        skip "$f validates" "no xmllint, or no $xsd"
    fi
    is "$(stack-info --verify -H "$f" | awk -F '\t' '$3 != "saturated"')" '' "$f is a sound stack"
done

if [ "$python" ]; then
    cat > compare.py << 'EOF'
# Axes, pixels, types, z, pixel size: what tifffile finds in a file against what went in.
import re, sys, numpy, tifffile
name, bits = sys.argv[1:]
with tifffile.TiffFile(name) as t:
    assert t.is_ome and len(t.series) == 1, 'not one OME series'
    s = t.series[0]
    assert s.axes == 'ZYX', s.axes
    a, xml = s.asarray(), t.ome_metadata
    assert t.is_bigtiff == ('-big' in name), 'BigTIFF'
if bits.isdigit():
    i, y, x = numpy.mgrid[:5, :4, :6]
    want = (i + x + 10 * y).astype('uint8' if bits == '8' else 'uint16')
    want[:, 0, 0] = (1 << int(bits)) - 1
    assert 'SignificantBits="%s"' % bits in xml, 'SignificantBits'
    assert re.findall('PhysicalSize[XY]="([^"]*)"', xml) == ['0.0345'] * 2, 'pixel size'
    assert re.findall('PositionX="([^"]*)"', xml) == ['12.5'] * 5, 'PositionX'
    assert re.findall('DeltaT="([^"]*)"', xml) == ['0', '0.1', '0.2', '0.3', '0.4'], 'DeltaT'
else:
    want = tifffile.imread(bits + '.tif')
    want = want.astype('float32') if bits == 'float16' else want
assert a.dtype == want.dtype, a.dtype
assert a.shape == want.shape and (a == want).all(), 'pixels'
z = [float(v) for v in re.findall('PositionZ="([^"]*)"', xml)]
assert numpy.allclose(z, 10234.5 + 0.05 * numpy.arange(5), rtol=0, atol=1e-9), z
assert set(re.findall('PositionZUnit="([^"]*)"', xml)) == {'&#181;m'}, 'unit'
EOF
    for bits in 8 12 16; do
        for kind in '' -big -pipe; do
            ok "tifffile: $bits$kind has axes ZYX, the pixels and the z" "$python" compare.py $bits$kind.ome.tif $bits
        done
    done
    for t in float32 float64 int8 int16 int32 uint32 float16; do
        ok "tifffile: $t has axes ZYX, the pixels and the z" "$python" compare.py $t.ome.tif $t
    done
else
    skip 'tifffile reads files of ours' 'no python3-tifffile here'
fi
done_testing
