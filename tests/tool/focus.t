# SPDX-License-Identifier: BSD-2-Clause
# focus-map, focus-mask, focus-fuse: numbers of other programs, domes of known height, every status.
. "$SRC/tests/tap.sh"

dome=$BUILD/aid/make-dome

# image BITS: the picture of tests/expect/focus.py as plain PGM.
image()
{
    awk -v bits="$1" 'BEGIN {
        printf "P2\n37 29\n%d\n", 2 ^ bits - 1
        for (y = 0; y < 29; y++) for (x = 0; x < 37; x++) {
            v = (x * x * x + 31 * y * y + 7 * x * y) % 251
            print bits == 8 ? v : 257 * v + x
        }
    }'
}

# far BITS DEF: measures that differ from numpy and scikit-image by more than 1e-9, the last digit of the tables.
far()
{
    image "$1" | focus-map -q --measure all --def "$2" --curve curve.tsv || echo failed
    awk -F '\t' -v bits="$1" -v def="$2" '
        NR == FNR { if ($1 == bits && $2 == def) want[$3] = $4; next }
        FNR == 1 { for (i = 4; i <= NF; i++) name[i] = $i }
        FNR == 2 { for (i = 4; i <= NF; i++) {
            d = $i - want[name[i]]; a = want[name[i]]
            if ((d < 0 ? -d : d) > 1e-8 * (a < 0 ? -a : a)) print name[i], $i, a
            n++ } }
        END { print n }' "$SRC/tests/expect/focus.tsv" curve.tsv
}
for bits in 8 16; do
    for def in paper code; do
        is "$(far $bits $def)" 10 "$bits bits, as in the $def: ten measures as numpy and scikit-image have them"
    done
done

# Domes of known height, with noise and a lamp that drifts from 0.55 to 1.
iou() { focus-mask -q -H --compare truth.ome.tif "$@" | tail -n 1 | cut -f 3; }
for which in '0 11 bare' '1 11 bare' '1 13 bare' '2 11 bare' '0 7' '1 7' '2 7'; do
    # shellcheck disable=SC2086 # texture, seed, and whether there is nothing around the dome
    set -- $which
    "$dome" dome.ome.tif truth.ome.tif $1 $2 320 20 ${3:+bare}
    ok "texture $which: maps" focus-map -q --cells -o map.ome.tif dome.ome.tif
    got=$(iou map.ome.tif)
    ok "texture $which: IoU of the default masks is at least 0.80 ($got)" \
        awk -v v="$got" 'BEGIN { exit !(v >= 0.8) }'
done
focus-map -q -o full.ome.tif dome.ome.tif
is "$(iou full.ome.tif)" "$got" 'maps of pixels and of cells give the same masks'
focus-mask -q -o mask.ome.tif map.ome.tif
is "$(focus-mask -q -H --compare mask.ome.tif map.ome.tif | tail -n 1 | cut -f 3-6)" \
    "$(printf '1\t1\t1\t1')" 'a mask is wholly like itself'
for rule in peak ref stack slice; do
    ok "rule $rule" focus-mask -q --rule $rule --min-size 9 -o $rule.ome.tif map.ome.tif
done

ok 'heights, sharp image, masked stack, source and surface' focus-fuse -q -o sharp.ome.tif \
    --height height.ome.tif --masked masked.ome.tif --source source.ome.tif --surface dome.ply \
    dome.ome.tif
is "$(stack-info -q -H height.ome.tif | wc -l | tr -d ' ')" 4 'a height map has four channels'
is "$(stack-info -q -H masked.ome.tif | cut -f 2,3,8,9,10 | tail -n 1)" "$(printf '19\t38\t320\t320\t8')" \
    'masked slices are as the slices'
like "$(head -n 4 dome.ply)" '^element vertex [0-9]+' 'the surface is PLY'
ok 'by the heights of before' focus-fuse -q --use height.ome.tif -o again.ome.tif dome.ome.tif
is "$(stack-info -q -H again.ome.tif | cut -f 11-13)" "$(stack-info -q -H sharp.ome.tif | cut -f 11-13)" \
    'comes the same image'
ok 'from maps' focus-fuse -q --map map.ome.tif --surface dome.stl dome.ome.tif
is "$(wc -c < dome.stl | tr -d ' ')" \
    "$((84 + 50 * $(od -An -tu4 -j80 -N4 dome.stl)))" 'STL has the faces that it counts'
run focus-fuse -q --probe 160,160 dome.ome.tif
is "$(wc -l < out | tr -d ' ')" 21 'a probe has a row for each slice'
ok 'the dome is 34 um high in its middle, to half a slice of 2 um' \
    awk -F '\t' 'NR == 2 { exit !($6 > 33 && $6 < 35 && $7 < 1) }' out
run focus-map -q --measure all --rank dome.ome.tif
is "$(cut -f 1 out | tr '\n' ' ')" 'rank 1 2 3 4 5 6 7 8 9 10 ' 'ten measures are ranked'
ok 'one thread or two give the same bytes' sh -c 'focus-map -q -j 1 -o a.tif dome.ome.tif &&
    focus-map -q -j 2 -o b.tif dome.ome.tif && cmp a.tif b.tif'

# The slice that the paper ships with its mask. The threshold came from an in-focus slice that it does not ship; the
# one here is the best there is, which tells whether maps are the published ones but not whether the threshold is.
zebra=$REALDATA/stacks/deepfocus_image_0.npy
if [ -f "$zebra" ] && /usr/bin/python3 -c 'import tifffile' 2> /dev/null; then
    /usr/bin/python3 - "$zebra" "$REALDATA/stacks/deepfocus_mask_0.npy" << 'END'
import numpy, sys, tifffile
tifffile.imwrite('zebra.tif', numpy.load(sys.argv[1]).astype('uint8'), photometric='minisblack')
tifffile.imwrite('zebra-mask.tif', numpy.load(sys.argv[2]).astype('uint8'), photometric='minisblack')
END
    focus-map -q --def code --accumulate sum --measure std --window 28 --stride 2 -o zebra-map.tif zebra.tif
    zebra_iou() { focus-mask -q -H --rule ref --compare zebra-mask.tif "$@" zebra-map.tif | tail -n 1 | cut -f 3; }
    got=$(zebra_iou --threshold 5300)
    ok "the published mask is std in windows of 28 px above one threshold: IoU $got" \
        awk -v v="$got" 'BEGIN { exit !(v > 0.7) }'
    got=$(zebra_iou)
    ok "which is not that of its own slice: IoU $got" awk -v v="$got" 'BEGIN { exit !(v < 0.1) }'
else
    skip 'the published mask' 'no ../shared/realdata/stacks, or tifffile for Python is not installed'
fi

# Sums kept in a file. The truth has the size and the z of the dome, but other pixels, which must not be looked at.
measures=std,variance,brenner,tenengrad,laplacian,smd,smd2,vollath,vollath5
for def in paper code; do
    ok "$def: keep sums" focus-map -q --def $def --measure $measures --noise-floor on --window 8 --stride 8 \
        --keep-sums kept.sums dome.ome.tif
    for other in '--window 16,40 --stride 8,24' '--window 56 --stride 72 --accumulate max --normalise local' \
        '--window 64 --stride 16,32,64,128 --region 16,8,80,64 --accumulate sum'; do
        # shellcheck disable=SC2086 # words
        set -- --def $def --measure $measures --noise-floor on --double $other
        focus-map -q "$@" --curve direct.tsv -o direct.tif dome.ome.tif
        ok "$def: $other by them" focus-map -q "$@" --kept-sums kept.sums --curve kept.tsv -o kept.tif truth.ome.tif
        ok 'gives the same maps to the last bit' cmp direct.tif kept.tif
        is "$(cut -f 2- kept.tsv)" "$(cut -f 2- direct.tsv)" 'and the same curve'
    done
done
for wrong in '--window 5 --stride 8' '--window 8 --stride 8 --region 1,1,8,8' \
    '--window 8 --stride 8 --def paper --measure smd2,tenengrad,brenner --theta 2'; do
    # shellcheck disable=SC2086 # words
    status_is 2 "not by kept sums: $wrong" focus-map -q $wrong --kept-sums kept.sums -o no.tif dome.ome.tif
    is "$(wc -l < err | tr -d ' ')" 1 'is refused in one line'
done
head -c 100000 kept.sums > cut.sums
image 8 > small.pgm
for wrong in 'cut.sums dome.ome.tif' 'dome.ome.tif dome.ome.tif' 'kept.sums small.pgm' 'absent.sums dome.ome.tif'; do
    # shellcheck disable=SC2086 # words
    status_is 1 "not with --kept-sums $wrong" focus-map -q --window 8 --stride 8 -o no.tif --kept-sums $wrong
done
status_is 1 'a full disk under the sums' focus-map -q --keep-sums /dev/full dome.ome.tif

# Colour: scored by luminance, fused part by part.
if /usr/bin/python3 -c 'import tifffile' 2> /dev/null; then
    /usr/bin/python3 - << 'END'
import numpy, tifffile
red = tifffile.imread('dome.ome.tif').astype('uint32')
rgb = numpy.stack([red, red // 2 + 20, 255 - red], -1)
luma = (299 * rgb[..., 0] + 587 * rgb[..., 1] + 114 * rgb[..., 2] + 500) // 1000
tifffile.imwrite('rgb.tif', rgb.astype('uint8'), photometric='rgb')
tifffile.imwrite('luma.tif', luma.astype('uint8'), photometric='minisblack')
tifffile.imwrite('rgb-ome.ome.tif', rgb.astype('uint8'), photometric='rgb', metadata={'axes': 'ZYXS'})
tifffile.imwrite('planes.ome.tif', numpy.moveaxis(rgb, -1, 1).astype('uint8'), photometric='rgb',
                 planarconfig='separate', metadata={'axes': 'ZSYX'})
tifffile.imwrite('green.tif', rgb[..., 1].astype('uint8'), photometric='minisblack')
END
    ok 'maps of a colour stack' focus-map -q --cells -o rgbmap.tif rgb.tif
    focus-map -q --cells -o lumamap.tif luma.tif
    is "$(stack-info -q -H rgbmap.tif | cut -f 2-)" "$(stack-info -q -H lumamap.tif | cut -f 2-)" \
        'are those of its luminance'
    focus-map -q --cells -o omemap.tif rgb-ome.ome.tif
    is "$(stack-info -q -H omemap.tif | cut -f 2-)" "$(stack-info -q -H lumamap.tif | cut -f 2-)" \
        'also where OME-XML counts three samples of each pixel as channels'
    status_is 1 'colours in planes of their own are refused' focus-map -q -o no.tif planes.ome.tif
    is "$(wc -l < err | tr -d ' ')" 1 'in one line'
    ok 'a colour stack fused' focus-fuse -q -o rgb.ome.tif --height rgbh.tif rgb.tif
    is "$(stack-info -q -H rgb.ome.tif | wc -l | tr -d ' ')" 3 'keeps its colours'
    focus-fuse -q --use rgbh.tif -o green.ome.tif green.tif
    is "$(stack-info -q -H rgb.ome.tif | sed -n 2p | cut -f 11-)" \
        "$(stack-info -q -H green.ome.tif | cut -f 11-)" 'each fused as it is alone'
    ok 'as PNG, too' focus-fuse -q -o rgb.png rgb.tif
    is "$(od -An -tu1 -j25 -N1 rgb.png | tr -d ' ')" 2 'in colour'
else
    skip 'colour stacks' 'tifffile for Python is not installed'
fi
cat > stream.pgm << 'END'
P2 3 2 255 0 0 0 0 0 0
P2 3 2 255 0 0 0 0 0 0
END
ok 'a stream that is all black has maps' sh -c 'focus-map -q -o black.ome.tif < stream.pgm'
ok 'and no focus' focus-mask -q -o none.ome.tif black.ome.tif
is "$(stack-info -q -H none.ome.tif | cut -f 12 | sort -u)" 0 'at all'
stack-copy -q -o one.tif stream.pgm
ok 'one slice, too' focus-fuse -q -o one.png one.tif

# Refused in one line.
{ cat stream.pgm; echo 'P2 2 2 255 1 2 3 4'; } > mixed.pgm
status_is 1 'slices of two sizes' focus-map -q -o no.tif mixed.pgm
is "$(wc -l < err | tr -d ' ')" 1 'are refused in one line'
head -c 300000 dome.ome.tif > cut.tif
for tool in focus-map focus-mask focus-fuse; do
    status_is 1 "$tool refuses a stack that is cut short" $tool -q -o cut.ome.tif cut.tif
    like "$(cat err)" "^$tool: cut.tif: cut short behind page [0-9]+" 'says where'
    is "$(find . -name 'cut.ome*')" '' 'and writes nothing'
done
status_is 2 'a stream cannot be fused' sh -c 'focus-fuse -o no.tif < stream.pgm'
status_is 1 'no surface of nothing' focus-fuse -q --surface no.ply one.tif
while read -r tool args; do
    # shellcheck disable=SC2086 # words
    status_is 2 "refused: $tool $args" "$tool" $args dome.ome.tif
    like "$(head -n 1 err)" "^$tool: " "with a reason: $(head -n 1 err)"
done << 'END'
focus-map
focus-map --measure sharp -o no.tif
focus-map --window 0 -o no.tif
focus-map --stride 8,x -o no.tif
focus-map --region 5,5 --curve no.tsv
focus-map --region 300,300,100,100 --curve no.tsv
focus-map --rank --curve -
focus-map -o dome.ome.tif
focus-map --keep-sums no.sums --measure entropy
focus-map --keep-sums no.sums --kept-sums no.sums
focus-map --keep-sums dome.ome.tif
focus-mask
focus-mask --overlay no.png
focus-mask --rule best -o no.tif
focus-mask --rule ref --ref 20 -o no.tif
focus-mask --threshold 5 -o no.tif
focus-mask --rule ref --ref 1 --threshold 5 -o no.tif
focus-mask -o dome.ome.tif
focus-fuse
focus-fuse --measure all -o no.tif
focus-fuse --surface no.obj
focus-fuse --probe 1 -o no.png
focus-fuse --probe 400,1
focus-fuse --map map.ome.tif --use height.ome.tif -o no.tif
focus-fuse --height no.tif --source no.tif
END
ok 'none of these left a file' sh -c '! ls no.* 2> /dev/null'
status_is 1 'a full disk under the curve' focus-map -q --curve /dev/full dome.ome.tif
status_is 1 'a full disk under the maps' focus-map -q -o /dev/full dome.ome.tif
status_is 1 'a full disk under the table' sh -c 'focus-mask -q --compare mask.ome.tif map.ome.tif > /dev/full'

# The examples of the manuals.
cp dome.ome.tif stack.tif
cp dome.ome.tif other.tif
for tool in focus-map focus-mask focus-fuse; do
    examples "$tool" > examples
    while read -r line; do
        case $line in
        *plot*) command -v gnuplot > /dev/null || continue ;;
        esac
        ok "$tool: example: $line" sh -ec "$line"
    done < examples
done

done_testing
