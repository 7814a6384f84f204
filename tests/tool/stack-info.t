# SPDX-License-Identifier: BSD-2-Clause
# stack-info prints what lies in stacks, and finds what is wrong with them.
. "$SRC/tests/tap.sh"

columns='file plane z_um x_um y_um exposure_ms time_s width height bits min max mean saturated'
header=$(echo "$columns" | tr ' ' '\t')
row() { printf '%s\n' "$*" | tr ' ' '\t'; }

frame() { printf 'P5\n%s2 2\n255\n%s' "${2:+# z_um=$2
}" "$1"; }
{ frame abcd -1.5; frame bcde 0; frame cdef 1.5; } > good.pgm
stack-copy -o good.ome.tif good.pgm

ok 'a stack' stack-info good.ome.tif
same out - 'has a row per plane' << EOF
$header
$(row good.ome.tif 0 -1.5 NA NA NA NA 2 2 8 97 100 98.5 0)
$(row good.ome.tif 1 0 NA NA NA NA 2 2 8 98 101 99.5 0)
$(row good.ome.tif 2 1.5 NA NA NA NA 2 2 8 99 102 100.5 0)
EOF
is "$(cat err)" '' 'and nothing is said on stderr'
cp out table

ok '-H' stack-info -H good.ome.tif
sed 1d table > rows
same out rows 'leaves the header out'

for f in good.ome.tif good.pgm; do
    sed '1!s/^[^\t]*/-/' table > want
    ok "$f from a pipe" sh -c "cat $f | stack-info"
    same out want 'gives the same rows'
    ok "$f as -" stack-info - < $f
    same out want 'gives the same rows'
done

ok 'two stacks' stack-info good.pgm good.ome.tif
is "$(cut -f 1,2 out | tr '\t\n' ': ')" \
    'file:plane good.pgm:0 good.pgm:1 good.pgm:2 good.ome.tif:0 good.ome.tif:1 good.ome.tif:2 ' \
    'have one table'

ok '-v' stack-info -v good.ome.tif
is "$(cat err)" 'stack-info: good.ome.tif: OME-TIFF, 3 planes (C 1, T 1, Z 3) of 2x2 px, uint8 of 8 bits, z from PositionZ' \
    'says what it is'
ok '-v' stack-info -v good.pgm
like "$(cat err)" "good.pgm: PGM, 3 planes .*, z from the pages' names" 'says where z is from'

ok '--z0 and --dz' stack-info --z0=-0.5mm --dz 250nm good.ome.tif
is "$(cut -f 3 out | tr '\n' ' ')" 'z_um -500 -499.75 -499.5 ' 'give z'
ok 'they count on a stream too' sh -c 'cat good.pgm | stack-info --dz 2'
is "$(cut -f 3 out | tr '\n' ' ')" 'z_um 0 2 4 ' 'as it comes'
frame abcd > k-300mm.pgm && stack-copy -o k-300mm.tif k-300mm.pgm
frame bbcd > k-40mm.pgm && stack-copy -o k-40mm.tif k-40mm.pgm
ok 'z from names' stack-info --join --z-from-name 'k-%fmm' k-300mm.tif k-40mm.tif
is "$(cut -f 1-3 out | tr '\t\n' ': ')" 'file:plane:z_um k-40mm.tif:0:40000 k-300mm.tif:0:300000 ' \
    'sorts the planes by it'
ok 'planes without z' stack-info good.pgm k-40mm.pgm
is "$(tail -n 1 out | cut -f 3)" NA 'have NA'

ok '--ome' stack-info --ome good.ome.tif
is "$(head -n 1 out)" '<?xml version="1.0" encoding="UTF-8"?>' 'prints the XML'
is "$(tail -n 1 out)" '</OME>' 'to its end'
status_is 1 '--ome of a stack that has none' stack-info --ome good.pgm
is "$(cat err)" 'stack-info: good.pgm: has no OME-XML' 'is told'

# A file of two channels and three times, as ImageJ writes it.
if /usr/bin/python3 -c 'import tifffile' 2> /dev/null; then
    /usr/bin/python3 - << 'EOF'
import numpy, tifffile
a = numpy.arange(12, dtype='uint8').reshape(3, 2, 2, 1, 1).repeat(4, 3).repeat(4, 4)
tifffile.imwrite('hyper.tif', a, imagej=True, metadata={'axes': 'TZCYX', 'spacing': 0.5, 'unit': 'um'})
EOF
    ok '--channel and --time' stack-info --channel 2 --time 3 hyper.tif
    is "$(cut -f 2,3,12 out | tr '\t\n' ': ')" 'plane:z_um:max 0:0:9 1:0.5:11 ' 'pick planes'
    is "$(cat err)" "stack-info: hyper.tif: z from ImageJ's spacing times the index" 'a warning says where z is from'
    ok '-q' stack-info -q hyper.tif
    is "$(cat err)" '' 'stills warnings'
    status_is 2 'a channel that is not there' stack-info --channel 3 hyper.tif
    like "$(cat err)" '^stack-info: hyper.tif: has 2 channels, no channel 3' 'is named'
    status_is 2 'a time that is not there' stack-info --time 4 hyper.tif
else
    skip '--channel and --time' 'no python3-tifffile here'
fi
status_is 2 'an image that is not there' stack-info --series 2 good.ome.tif
is "$(cat err)" 'stack-info: good.ome.tif: has 1 image, no image 2' 'is named'

# ------------------------------------------------------------------- bad input
mkdir folder
: > empty
echo text > text
head -c 100 good.ome.tif > cut.tif
head -c 30 good.pgm > cut.pgm
echo '<OME/>' > x.ome.xml
for f in folder empty text cut.tif cut.pgm absent.tif x.ome.xml; do
    status_is 1 "$f" stack-info -H $f
    is "$(cat out)" '' "$f has no rows"
    is "$(wc -l < err | tr -d ' ')" 1 "$f is refused in one line"
    like "$(cat err)" "^stack-info: $f: [^ ]" 'which names it'
done
ok 'an empty pipe' sh -c '! stack-info < /dev/null'
is "$(cat err)" 'stack-info: -: empty' 'is told'

# Cut in the last of two frames: what is whole is shown.
head -c "$(($(wc -c < good.pgm) - 1))" good.pgm > cut.pgm
ok 'a PGM file cut short' stack-info cut.pgm
is "$(cat err)" 'stack-info: cut.pgm: frame 2 is cut short and left out' 'says what is left out'
is "$(wc -l < out | tr -d ' ')" 3 'and shows the frames before'
status_is 1 'a stream cut short' stack-info - < cut.pgm
is "$(wc -l < out | tr -d ' ')" 3 'shows the frames before'
like "$(cat err)" '^stack-info: -: frame 2: cut short' 'and names the one that is not whole'

status_is 1 'one bad stack among good ones' stack-info good.pgm empty good.ome.tif
is "$(cut -f 1 out | uniq | tr '\n' ' ')" 'file good.pgm good.ome.tif ' 'does not keep them back'
is "$(cat err)" 'stack-info: empty: empty' 'and is reported'
status_is 2 'of several failures' stack-info --series 2 empty good.ome.tif
is "$(wc -l < err | tr -d ' ')" 2 'the worst gives the status'
status_is 1 'too many pixels' stack-info --max-pixels 3 good.ome.tif
like "$(cat err)" '2x2 px is more than --max-pixels 3' 'are refused'

status_is 1 'a full disk' sh -c 'stack-info good.ome.tif > /dev/full'
is "$(cat err)" 'stack-info: standard output: No space left on device' 'is reported'
ok 'a reader that has seen enough' sh -c 'stack-info good.ome.tif | head -n 1'

for args in '--ome --verify good.pgm' '--z0 3 good.pgm' '--dz x good.pgm' '--channel 0 good.pgm' \
    '--dz 1 --z-from-name z%f good.pgm' '--max-pixels -1 good.pgm' '--z-from-name z good.pgm'; do
    # shellcheck disable=SC2086 # several words
    status_is 2 "stack-info $args" stack-info $args
    like "$(head -n 1 err)" '^stack-info: ' 'says what is wrong'
done
status_is 2 'options that contradict each other' stack-info --z0 3 good.pgm good.pgm
is "$(cat out err)" 'stack-info: --z0 needs --dz' 'are refused once, before the first stack'

# ---------------------------------------------------------------------- verify
ok '--verify of a good stack' stack-info --verify good.ome.tif good.pgm
is "$(cat out)" "$(row file plane problem detail)" 'has a header and no more'
ok '--verify -H' stack-info --verify -H good.ome.tif
is "$(cat out)" '' 'has nothing at all'
{ frame abcd 0; frame aaaa 1; frame cdef 1; frame dddc 0.5; } > bad.pgm
status_is 1 '--verify of a bad one' stack-info --verify -H bad.pgm good.pgm
same out - 'names each problem' << EOF
bad.pgm	1	black	all counts are 97
bad.pgm	2	z-repeat	z stays at 1 um
bad.pgm	3	z-turns	z goes back from 1 to 0.5 um
EOF
for i in 1 2 3; do frame abcd "$i" > "j$i.pgm"; done
frame aaaa 4 > j4.pgm
status_is 1 '--verify of joined files' stack-info --verify -H --join --dz 1 j1.pgm j2.pgm j3.pgm j4.pgm
is "$(cat out)" "$(printf 'j4.pgm\t0\tblack\tall counts are 97')" 'calls a plane by its own file, as the table does'
status_is 1 '--verify of a file that is cut short' stack-info --verify -H cut.pgm
is "$(cat out)" "$(printf 'cut.pgm\tNA\tmissing\t1 planes or more')" 'misses planes'
status_is 1 '--verify of a stream that is cut short' stack-info --verify -H < cut.pgm
like "$(cat out)" "^-	2	unreadable	-: frame 2: cut short" 'names the plane'
is "$(cat err)" '' 'as a problem, not as a failure'
status_is 1 '--verify of no stack' stack-info --verify empty
status_is 1 '--verify on a full disk' sh -c 'stack-info --verify bad.pgm > /dev/full'

# -------------------------------------------------------------------- examples
cp good.ome.tif run3.ome.tif && cp good.pgm frames.pgm && rm -f k-300mm.pgm k-40mm.pgm
cp "$SRC/testdata/spot.ome.tif" run3.ome.tif
examples stack-info > examples
is "$(wc -l < examples | tr -d ' ')" 6 'the manual has six examples'
while read -r line; do
    ok "example: $line" sh -ec "$line"
    is "$([ -s out ] && echo output)" output 'prints something'
done < examples
done_testing
