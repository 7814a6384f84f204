# SPDX-License-Identifier: BSD-2-Clause
# af-label: labels, reasons, every status, streams, many stacks, plots, real frames.
. "$SRC/tests/tap.sh"
PATH=$BUILD/aid:$PATH
tab=$(printf '\t')

# of COLUMN FILE: the different values of a column.
of()
{
    awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }' "$2" |
        uniq
}
# near GOT WANT BOUND CLAIM
near()
{
    if awk -v g="$1" -v w="$2" -v b="$3" 'BEGIN { exit !(g ~ /[0-9]/ && g - w < b && w - g < b) }'; then
        tap_pass "$4"
    else
        tap_fail "$4" "$2 +/- $3" "$1"
    fi
}
header="file${tab}plane${tab}z_um${tab}score${tab}z0_um${tab}z0_err_um${tab}defocus_um${tab}day${tab}quality"

make-spot-stack --focus 0.37 --date 2026-03-04T10:00:00 -o good.ome.tif

ok 'a stack is labelled' af-label good.ome.tif
cp out good.tsv
is "$(cat err)" '' 'and nothing is said'
is "$(head -n 1 out)" "$header" 'the header is the contract'
is "$(wc -l < out | tr -d ' ')" 42 'a row for each plane'
is "$(of file out) $(of quality out) $(of day out)" 'good.ome.tif ok 2026-03-04' 'file, quality, day'
near "$(of z0_um good.tsv)" 0.37 0.02 'zero is where it was planted'
near "$(of z0_err_um good.tsv)" 0.005 0.0049 'its standard error is some nanometres'
is "$(awk -F '\t' 'NR > 1 && ($3 - $5 - $7) ^ 2 > 1e-14' good.tsv)" '' 'defocus is z less zero'
is "$(of plane good.tsv | tr '\n' ' ')" "$(seq -s ' ' 0 40) " 'planes count from 0'

ok 'verbose' af-label -v good.ome.tif
like "$(cat err)" '^af-label: good.ome.tif: z0 0\.3.* l2 along y, window 11, order 3$' 'says how'
same out good.tsv 'and writes the same'
ok 'no header' af-label -H good.ome.tif
is "$(cat out)" "$(tail -n +2 good.tsv)" 'leaves the header out'
ok 'a day of our own' af-label --day 2025-12-31 good.ome.tif
is "$(of day out)" 2025-12-31 'takes its place'
ok 'a stack of falling z' sh -c 'make-spot-stack --focus 0.37 --z0 4 --dz -0.2 -o fall.ome.tif && af-label fall.ome.tif'
near "$(of z0_um out)" 0.37 0.02 'has its zero too'
is "$(of day out)" NA 'no date is NA'

for m in base minmax; do
    ok "measure $m" af-label --measure $m good.ome.tif
    cp out m.tsv
    near "$(of z0_um m.tsv)" 0.37 0.03 'finds the same'
done
status_is 4 'the literal measure has no minimum: the line is not saturated' \
    af-label --measure literal good.ome.tif

# Along x the line changes little over this stack, over 40 um it does.
make-spot-stack --focus 0.37 --z0 -20 --dz 0.5 --planes 81 --light 60 -o wide.ome.tif
ok 'both axes' af-label --axis both wide.ome.tif
is "$(head -n 1 out)" "$header${tab}score_x${tab}z0_x_um${tab}z0_x_err_um${tab}quality_x" 'four columns more'
cp out both.tsv
near "$(of z0_um both.tsv)" 0.37 0.1 'y'
near "$(of z0_x_um both.tsv)" 0.37 0.5 'x'
ok 'x alone' af-label --axis x wide.ome.tif
is "$(of z0_um out) $(of z0_err_um out)" "$(of z0_x_um both.tsv) $(of z0_x_err_um both.tsv)" 'gives what both gave'

ok 'from stdin' af-label - < good.ome.tif
is "$(cat out)" "$(sed 's/^good\.ome\.tif/-/' good.tsv)" 'the same rows, the file is -'
ok 'from a pipe, no operand' sh -c 'cat good.ome.tif | af-label'
ok 'PGM frames from a pipe' sh -c 'stack-copy -q --format pgm good.ome.tif | af-label -q'
is "$(cut -f 2-7,9 out)" "$(cut -f 2-7,9 good.tsv)" 'have the same labels'

# Reasons.
make-spot-stack --light 0 -o noise.ome.tif
make-spot-stack --light 0 --noise 0 -o constant.ome.tif
make-spot-stack --light 0 --noise 0 --black 0 -o dark.ome.tif
make-spot-stack --focus 5 -o cut.ome.tif
make-spot-stack --planes 6 --dz 1 -o few.ome.tif
make-spot-stack --dz 0 -o still.ome.tif
make-spot-stack --no-z --focus 0.37 -o noz.ome.tif
for pair in noise:noise constant:flat dark:dark cut:edge few:few still:z-order noz:no-z; do
    status_is 4 "${pair%:*} stack" af-label "${pair%:*}.ome.tif"
    is "$(of quality out) $(of z0_um out) $(of defocus_um out)" "${pair#*:} NA NA" "is ${pair#*:}"
    like "$(cat err)" "^af-label: ${pair%:*}.ome.tif: ${pair#*:}: " 'and the reason is said'
done
status_is 4 'quiet' af-label -q cut.ome.tif
is "$(cat err)" '' 'says nothing'
ok 'a stack without z, given z' af-label --z0 -4 --dz 200nm noz.ome.tif
is "$(of z0_um out)" "$(of z0_um good.tsv)" 'has the same zero'
ok 'one good stack is enough' af-label -q cut.ome.tif good.ome.tif noise.ome.tif

# Usage.
for arg in --window=10 --window=x --order=11 --order=10 --axis=z --measure=best --day=yesterday --day=2026-13-01 \
    --day=2026-02-29 --day=2026-04-31 --curve=- --curve=good.ome.tif --plot=- \
    --half-window=0 --half-window=5s --plot=x.pdf --z0=3 --threads=0 --nonsense; do
    status_is 2 "$arg is a usage error" af-label "$arg" good.ome.tif
done
cp good.ome.tif good.png
status_is 2 'a plot over a stack' af-label --plot good.png good.ome.tif good.png
like "$(cat err)" "^af-label: --plot: 'good.png' is one of the stacks" 'is refused'
same good.png good.ome.tif 'and the stack is what it was'
ok 'a leap day' af-label --day 2028-02-29 good.ome.tif
status_is 2 'a window wider than the frame' af-label --window 121 good.ome.tif
like "$(cat err)" 'window of 121 px: the profile has 120 px' 'is said'
status_is 2 '--dz and --z-from-name' af-label --dz 1 --z-from-name 'k%f' good.ome.tif
ok 'help' af-label --help
ok 'version' af-label --version

# Trouble.
status_is 1 'no such file' af-label nowhere.ome.tif
like "$(cat err)" '^af-label: nowhere.ome.tif: No such file' 'is said'
is "$(cat out)" '' 'and nothing is written'
head -c 150 good.ome.tif > torn.ome.tif
status_is 1 'a file torn in its first plane' af-label torn.ome.tif
is "$(cat out)" '' 'gives no table'
like "$(cat err)" '^af-label: torn.ome.tif: ' 'and a reason'
status_is 1 'a bad stack among good ones' af-label torn.ome.tif good.ome.tif nowhere.ome.tif
same out good.tsv 'does not stop the run'
is "$(grep -c 'torn\|nowhere' err)" 4 'each is reported, and in the log'
head -c 700000 good.ome.tif > half.ome.tif
status_is 4 'a file torn before its focus' af-label half.ome.tif
is "$(of quality out) $(of plane out | tail -n 1)" 'edge 17' 'is a stack of the planes that are there'
like "$(cat err)" '^af-label: half.ome.tif: cut short' 'and is said to be cut short'
printf 'P5\n8 1\n255\n12345678P5\n9 1\n255\n123456789' > mixed.pgm
status_is 1 'mixed sizes' af-label --axis x --window 5 --dz 1 mixed.pgm
like "$(cat err)" 'plane 1: 9x1 px, the first is 8x1' 'are refused'
if [ -w /dev/full ]; then
    for out in '> /dev/full' '--curve /dev/full > rows'; do
        status_is 1 "a full disk: $out" sh -c "af-label good.ome.tif $out"
    done
    status_is 1 'a full disk while stacks come' \
        sh -c 'af-label -j 1 --curve part.tsv good.ome.tif good.ome.tif good.ome.tif good.ome.tif > /dev/full'
    is "$(ls part.tsv 2> err)" '' 'leaves no curve of some of them'
    ln -s /dev/full full.svg
    status_is 1 'a full disk under the plot' sh -c 'af-label --plot full.svg good.ome.tif > rows'
else
    skip 'a full disk' 'there is no /dev/full'
fi
ok 'a name with a tab' sh -c 'cp good.ome.tif "$(printf "a\tb.tif")" && af-label a*b.tif'
is "$(of file out)" 'a\tb.tif' 'stays one cell'

# Many.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    make-spot-stack --focus "0.$i" --seed "$i" --width 60 -o "many$i.ome.tif"
done
cp cut.ome.tif many13.ome.tif
many=$(echo many*.ome.tif)
# shellcheck disable=SC2086 # a list of names
ok 'many stacks, one at a time' af-label -q -j 1 $many
cp out one.tsv
is "$(of file one.tsv | tr '\n' ' ')" "$many " 'come in the order of the operands'
# shellcheck disable=SC2086
ok 'many stacks, five at a time' af-label -j 5 $many
same out one.tsv 'give the same bytes'
like "$(cat err)" '^af-label: 13/13 ' 'and progress in the log'
is "$(awk -F '\t' 'NR > 1 && $2 == 0 { split($1, p, /[y.]/); if (p[2] < 10 && ($5 - p[2] / 10) ^ 2 > 4e-4) print }' one.tsv)" \
    '' 'each with its own zero'

# Curves and plots.
ok 'a curve' af-label --curve curve.tsv good.ome.tif
same out good.tsv 'leaves the labels alone'
is "$(head -n 1 curve.tsv)" "file${tab}plane${tab}z_um${tab}coarse${tab}fine${tab}fit" 'has its columns'
is "$(cut -f 5 curve.tsv | tail -n +2)" "$(cut -f 4 good.tsv | tail -n +2)" 'fine is the score'
is "$(awk -F '\t' '$6 + 0 > 0 && ($6 - $5) ^ 2 > 0.02 ^ 2' curve.tsv)" '' 'the fit lies on it'
ok 'in some planes' test "$(awk -F '\t' '$6 + 0 > 0' curve.tsv | grep -c .)" -ge 6
ok 'with both axes' af-label --axis both --curve curve.tsv wide.ome.tif
is "$(awk -F '\t' '{ print NF }' curve.tsv | uniq)" 9 'nine columns'
if command -v gnuplot > gnuplot.path; then
    # shellcheck disable=SC2086
    ok 'plots' sh -c "af-label --plot a.svg good.ome.tif && af-label --plot b.svg good.ome.tif && \
        af-label -q --plot many.png $many && af-label -q --axis both --plot both.svg wide.ome.tif"
    same a.svg b.svg 'are the same on every run'
    like "$(head -c 8 many.png | od -An -tx1)" '89 50 4e 47' 'PNG is PNG'
    like "$(cat a.svg)" 'z0 = 0\.3[67]' 'and tell the zero'
    status_is 4 'a plot of a stack without an answer' af-label --plot cut.svg cut.ome.tif
    like "$(cat cut.svg)" 'no zero defocus: edge' 'tells why'
    status_is 1 'a plot of nothing' af-label --plot none.png nowhere.ome.tif
    ok 'is not made' test ! -e none.png
else
    skip 'plots' 'gnuplot is not installed'
fi
status_is 1 'a plot without gnuplot' env PATH="$BUILD" "$BUILD/af-label" --plot x.png good.ome.tif
like "$(cat err)" 'x.png: a plot needs gnuplot, which is not installed' 'says so'

# The examples of the manual.
examples af-label > examples
is "$(grep -c . examples)" 5 'the manual has examples'
for i in 1 2 3; do cp "many$i.ome.tif" "run$i.ome.tif"; done
stack-copy -q --format pgm noz.ome.tif > frames.pgm
for i in 1 2 3 4 5 6 7 8 9; do
    make-spot-stack --planes 1 --focus 0.0005 --z0 "$((i - 5))e-3" --rayleigh 0.001 --seed "$i" -o "k-${i}mm.tif"
done
while read -r example; do
    case $example in *plot*) command -v gnuplot > gnuplot.path || continue ;; esac
    ok "$example" sh -c "$example"
done < examples

# Real frames.
k=$REALDATA/laseraf/laserbeamsize_k f=$REALDATA/laseraf/fokuspokus_real_2
if [ -d "$k" ]; then
    ok 'the real HeNe series' af-label -q --join --z-from-name 'k-%fmm' --axis both "$k"/*.png
    cp out k.tsv
    is "$(of quality k.tsv) $(of quality_x k.tsv)" 'ok ok' 'has labels'
    note "z0 $(of z0_um k.tsv) +/- $(of z0_err_um k.tsv), along x $(of z0_x_um k.tsv) +/- $(of z0_x_err_um k.tsv) um"
    near "$(of z0_um k.tsv)" 540000 40000 'its focus is between 500 and 580 mm along y'
    near "$(of z0_x_um k.tsv)" 540000 40000 'and along x'
    ok 'the real 1030 nm series' af-label -q --join --z-from-name 'z%f{mm}' --axis both "$f"/*.bmp
    cp out f.tsv
    note "z0 $(of z0_um f.tsv) +/- $(of z0_err_um f.tsv), along x $(of z0_x_um f.tsv) +/- $(of z0_x_err_um f.tsv) um"
    near "$(of z0_um f.tsv)" -1120 600 'its focus is within 0.6 mm of -1.12 mm along y'
    near "$(of z0_x_um f.tsv)" -1120 600 'and along x'
    status_is 4 'its far half alone' af-label -q --join --z-from-name 'z%f{mm}' "$f"/z[1-9]*.bmp
    status_is 4 'real noise' af-label -q --dz 1 "$REALDATA/laseraf/super_z_no_beed_just_noise.tif"
else
    skip 'real frames' "no $REALDATA/laseraf"
fi
done_testing
