# SPDX-License-Identifier: BSD-2-Clause
# psf-eval: planted beads, what is refused, summaries, two colours, pictures, every status, real beads.
. "$SRC/tests/tap.sh"
PATH=$BUILD/aid:$PATH

# column NAME FILE
column() { awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }' "$2"; }
# within GOT WANT PERCENT CLAIM
within()
{
    if awk -v g="$1" -v w="$2" -v p="$3" 'BEGIN { d = g / w - 1; exit !(g ~ /[0-9]/ && d * d <= p * p * 1e-4) }'; then
        tap_pass "$4"
    else
        tap_fail "$4" "$2 within $3 %" "$1"
    fi
}

make-bead-stack --beads 16 --asymmetry 0.8 --tilt-x 3 --tilt-y -2 --photons 1000 --z 0.3 -o good.ome.tif > truth.tsv
ok 'planted beads' psf-eval --na 0.7 --wavelength 520nm good.ome.tif
cp out good.tsv
is "$(cat err)" '' 'nothing is said'
is "$(head -n 1 out)" "$(echo file bead x_um y_um z_um fwhm_min_um fwhm_max_um fwhm_z_um asymmetry angle_deg snr r2_xy r2_z quality | tr ' ' '\t')" \
    'the header is the contract'
is "$(column quality out | sort | uniq -c | tr -s ' ')" ' 16 ok' 'all are found and of use, nothing else is'
# 1000 photons: some nanometres.
is "$(awk -F '\t' 'FNR == 1 { next } NR == FNR { x[FNR] = $2; y[FNR] = $3; z[FNR] = $4; next }
    { hit = 0; for (i in x) if (($3 - x[i]) ^ 2 + ($4 - y[i]) ^ 2 + ($5 - z[i]) ^ 2 / 4 < 0.01 ^ 2) hit++; n += hit == 1 }
    END { print n }' truth.tsv good.tsv)" 16 'each where it was planted'
ok 'their summary' psf-eval --summary --beads beads.tsv --na 0.7 --wavelength 520nm good.ome.tif
same beads.tsv good.tsv 'with the beads in a file'
within "$(column fwhm_xy_um out)" "$(awk 'BEGIN { print 0.4 * sqrt(0.8) }')" 1 'lateral width'
within "$(column fwhm_z_um out)" 0.9 1 'axial width'
within "$(column tilt_x_mrad out)" 3 5 'tilt along x'
within "$(column tilt_y_mrad out)" -2 5 'tilt along y'
within "$(column z_mean_um out)" 0.3 1 'mean z'
ok 'in three dimensions' psf-eval --fit 3d --na 0.7 --wavelength 520nm good.ome.tif
is "$(awk -F '\t' '{ print NF }' out | uniq) $(column quality out | sort | uniq -c | tr -s ' ')" '20  16 ok' 'with standard errors'
within "$(column fwhm_max_um out | sort -n | sed -n 8p)" 0.4 1 'longer axis'
is "$(awk -F '\t' 'NR > 1 && !($17 > 0.0005 && $17 < 0.01)' out)" '' 'of some nanometres'
ok 'without optics' psf-eval --summary good.ome.tif
within "$(column fwhm_z_um out)" 0.9 1 'the same'
ok 'z from the middle' sh -c 'psf-eval --summary --middle --z0 500 --dz 200nm good.ome.tif'
within "$(column z_mean_um out)" 0.3 1 'is what focus was off by'
psf-eval -j 1 good.ome.tif > one.tsv
psf-eval -j 5 good.ome.tif > five.tsv
same five.tsv one.tsv 'threads change nothing'
ok 'a bead of its own size' psf-eval --summary --bead 0.2um good.ome.tif
within "$(column fwhm_z_um out)" "$(awk 'BEGIN { print sqrt(0.81 - 8 * log(2) * 0.04 / 20) }')" 1 'is taken out'
ok 'from a pipe' sh -c 'stack-copy -q --format pgm good.ome.tif | psf-eval -q --pixel 0.1'
is "$(cut -f 2- out)" "$(psf-eval good.ome.tif | cut -f 2-)" 'the same beads'

# What is refused.
make-bead-stack --beads 36 --width 160 --height 160 --fwhm 0.7um -o crowd.ome.tif > rows
status_is 4 'beads 2.7 um apart' psf-eval --na 0.7 --wavelength 1um crowd.ome.tif
is "$(column quality out | sort | uniq | tr '\n' ' ')" 'clipped crowded ' 'are crowded'
make-bead-stack --beads 4 --z 4 -o cut.ome.tif > rows
status_is 4 'focus at the end of the stack' psf-eval -v cut.ome.tif
is "$(column quality out | uniq)" clipped 'is clipped'
like "$(cat err)" '^psf-eval: cut.ome.tif: 4 clipped: ' 'and the reason is said'
make-bead-stack --beads 4 --photons 90000 -o bright.ome.tif > rows
status_is 4 'full scale' psf-eval -q bright.ome.tif
is "$(column quality out | uniq)" saturated 'is saturated'
make-bead-stack --beads 4 --photons 20 --background 25 -o dim.ome.tif > rows
status_is 4 'peaks as high as the noise' psf-eval -q dim.ome.tif
is "$(column quality out | sort | uniq)" dim 'are dim'
for light in 0.02 1 50; do
    make-bead-stack --beads 0 --background $light --width 400 --height 400 -o noise.ome.tif > rows
    status_is 4 "noise of $light photons" psf-eval -q noise.ome.tif
    is "$(wc -l < out | tr -d ' ')" 1 'has no beads'
done

# Two colours. At 2000 photons a bead's place has an error of 0.5 nm across and 0.8 nm along the axis; of a difference
# it is 1.4 times that; five times that holds for all 16.
make-bead-stack --beads 16 --photons 2000 --shift-x 130nm --shift-y=-70nm --shift-z 240nm -o two.ome.tif > rows
ok 'two channels' psf-eval --second 2 two.ome.tif
is "$(head -n 1 out | cut -f 15-)" "$(echo dx_um dy_um dz_um | tr ' ' '\t')" 'have three more columns'
near() { awk -F '\t' -v x="$1" -v y="$2" -v z="$3" 'NR > 1 && ($(NF - 2) - x) ^ 2 < 0.0035 ^ 2 && ($(NF - 1) - y) ^ 2 < 0.0035 ^ 2 &&
    ($NF - z) ^ 2 < 0.006 ^ 2 { n++ } END { print n + 0 }' out; }
is "$(near 0.13 -0.07 0.24)" 16 'each bead shifted as it was'
ok 'by all voxels' psf-eval --fit 3d --second 2 two.ome.tif
is "$(near 0.13 -0.07 0.24) $(awk -F '\t' '{ print NF }' out | uniq)" '16 23' 'too'
ok 'their summary' psf-eval --summary --second 2 two.ome.tif
is "$(near 0.13 -0.07 0.24) $(head -n 1 out | cut -f 14-)" "1 $(echo dx_um dy_um dz_um | tr ' ' '\t')" 'has the shift'
ok 'from the second to the first' psf-eval --channel 2 --second 1 two.ome.tif
is "$(near -0.13 0.07 -0.24)" 16 'the other way round'
make-bead-stack --beads 16 --photons 2000 --shift-x 2um -o far.ome.tif > rows
ok 'colours apart' psf-eval --second 2 far.ome.tif
is "$(tail -n +2 out | cut -f 15- | sort -u)" "$(printf 'NA\tNA\tNA')" 'no bead has a partner five widths off'
status_is 2 'a channel that is not there' psf-eval --second 3 two.ome.tif
like "$(cat err)" '^psf-eval: two.ome.tif: has 2 channels, no channel 3$' 'is said'
is "$(cat out)" '' 'before any header'
status_is 2 'the same channel' psf-eval --second 1 two.ome.tif

# Several files, pictures, reports.
for w in A01 C03 H12; do make-bead-stack --beads 6 --z "0.$((0${w#?} % 9))" --seed "$((1${w#?}))" -o "run_${w}.ome.tif" > rows; done
ok 'three wells' psf-eval --summary run_*.ome.tif
is "$(column well out | tr '\n' ' ')" 'A1 C3 H12 ' 'are known by name'
like "$(cat err)" '3/3' 'progress in the log'
if command -v gnuplot > gnuplot.path; then
    ok 'plots' psf-eval -q --plate p.png --histogram h.svg --field f.svg run_*.ome.tif
    like "$(head -c 8 p.png | od -An -tx1)" '89 50 4e 47' 'a plate'
    like "$(cat h.svg)" '3 stacks, standard deviation 0\.' 'a histogram of stacks'
    ok 'two fields of a well' sh -c 'cp run_A01.ome.tif A1-f2.ome.tif && psf-eval -q --na 0.7 --wavelength 520nm --plate p.svg \
        --histogram d.svg A1-f2.ome.tif run_*.ome.tif'
    like "$(cat p.svg)" '3 of 96 wells, standard deviation 0\.' 'are one'
    like "$(cat d.svg)" 'depth of field, 1.06' 'beside the depth of field'
    status_is 1 'a plate of files without wells' psf-eval -q --plate none.png good.ome.tif
    ok 'is not made' test ! -e none.png
else
    skip 'plots' 'gnuplot is not installed'
fi
ok 'montage and page' psf-eval -q --montage m.png --report r.html --na 0.7 --wavelength 520nm run_*.ome.tif
like "$(head -c 8 m.png | od -An -tx1)" '89 50 4e 47' 'a picture'
like "$(cat r.html)" '18 of 18 beads of 3 files can be used' 'a page'
if command -v xmllint > xmllint.path; then
    is "$(xmllint --html --noout r.html 2>&1 | grep -v 'Tag svg\|Tag rect\|Tag circle\|<\|\^')" '' 'that parses'
fi
ok 'an object' psf-eval -q --report r.json good.ome.tif
if command -v jq > jq.path; then
    is "$(jq -r '.n_ok, (.files[0].beads | length), .na' r.json | tr '\n' ' ')" '16 16 null ' 'with every bead'
fi
stack-copy -q --format pgm good.ome.tif > a.pgm

# Usage and trouble.
for arg in --na=0 --na=3 --wavelength=0 --bead=-1 --fit=4d --snr=-1 --threads=0 --report=- --beads=good.ome.tif --nonsense \
    --na=0.9 --wavelength=500nm; do
    status_is 2 "$arg is a usage error" psf-eval "$arg" good.ome.tif
done
status_is 2 'NA above the index' psf-eval --na 1.2 --index 1.1 --wavelength 500nm good.ome.tif
status_is 2 'a report of another kind' psf-eval -q --report r.pdf good.ome.tif
status_is 2 'a montage of another kind' psf-eval -q --montage m.jpg good.ome.tif
status_is 1 'no such file' psf-eval nowhere.tif
like "$(cat err)" '^psf-eval: nowhere.tif: No such file' 'is said'
is "$(cat out)" '' 'before any header'
status_is 1 'a bad file among good ones' psf-eval -q nowhere.tif good.ome.tif
is "$(cat out)" "$(psf-eval good.ome.tif)" 'does not stop the run'
status_is 1 'no pixel size' psf-eval --dz 1 a.pgm
like "$(cat err)" '^psf-eval: a.pgm: the size of a pixel is not known: --pixel$' 'is said'
status_is 1 "a slip of a unit in --pixel" psf-eval --pixel 0.1nm --na 1.3 --wavelength 600nm good.ome.tif
like "$(cat err)" "^psf-eval: good.ome.tif: a bead would be [0-9]* px wide by a pixel of 0.0001 um: --pixel" "is told"
if [ -w /dev/full ]; then
    status_is 1 'a full disk' sh -c 'psf-eval -q good.ome.tif > /dev/full'
    ln -s /dev/full full.html
    status_is 1 'a full disk under the report' psf-eval -q --report full.html good.ome.tif
fi

# The examples of the manual.
mkdir plate planes
cp run_*.ome.tif plate
cp good.ome.tif beads.ome.tif
examples psf-eval > examples
is "$(grep -c . examples)" 4 'the manual has examples'
cp "$REALDATA"/psf/sample_zstack/*.tif planes 2> err
while read -r example; do
    case $example in
    *plot* | *--plate*) command -v gnuplot > gnuplot.path || continue ;;
    *planes*) ls planes/*.tif > rows 2> err || continue ;;
    esac
    ok "$example" sh -c "$example"
done < examples

# Real beads, against PSFj 245 (its tables lie beside the stacks).
real=$REALDATA/psf
if [ -d "$real" ]; then
    air='--bead 0.2um --na 0.95 --wavelength 520nm --index 1.0 --pixel 108nm --dz 300nm'
    # shellcheck disable=SC2086 # words
    ok '36 beads of PSFj' psf-eval -q $air --summary --beads szs.tsv --report szs.json --join "$real"/sample_zstack/*.tif
    cp out szs
    within "$(column fwhm_min_um szs.tsv | sort -n | sed -n 21p)" 0.391 3 'shorter axis as PSFj'
    within "$(column fwhm_max_um szs.tsv | sort -n | sed -n 21p)" 0.408 3 'longer axis as PSFj'
    within "$(column fwhm_z_um szs)" 0.928 6 'axial width as PSFj'
    within "$(column tilt_x_mrad szs)" -2.39 10 'tilt along x as PSFj'
    within "$(column tilt_y_mrad szs)" -0.39 10 'tilt along y as PSFj, whose y points up'
    # Its places are from the centre of the field, x right, y up; it numbers valid beads in column 13.
    is "$(awk -F , 'NR == FNR { if ($1 + 0 > 0 && $13 == 1) { n++; x[n] = $2 + 27.6; y[n] = 27.6 - $3 } next }
        { split($0, c, "\t"); if (c[14] == "ok") for (i in x) if ((c[3] - x[i]) ^ 2 + (c[4] - y[i]) ^ 2 < 0.16) delete x[i] }
        END { left = 0; for (i in x) left++; print (n == 36), (left <= 2) }' \
        "$real/peer_PSFj245_sample_zstack.csv" szs.tsv)" '1 1' 'at least 34 of the 36 beads that PSFj accepts'
    ok 'BIL113' psf-eval -q --bead 0.1um --na 1.1 --wavelength 605nm --index 1.33 --pixel 90.5nm --dz 300nm \
        "$real/BIL113_zstack_z300nm_current.tif"
    within "$(column fwhm_min_um out)" 0.364 5 'shorter axis'
    within "$(column fwhm_max_um out)" 0.382 5 'longer axis'
    within "$(column fwhm_z_um out)" 1.205 8 'axial width'
    ok 'four published beads' psf-eval -q --bead 0.1um --na 1.4 --wavelength 520nm --index 1.515 --pixel 22nm --dz 125nm \
        "$real/Bead_Image1_crop.tif"
    is "$(awk -F '\t' 'BEGIN { split("30.108 44.293 76.093 125.44", x, " "); split("73.029 111.633 82.453 35.972", y, " ")
            split("23.327 23.329 23.3 23.391", z, " ") }
        NR > 1 { for (i in x) if (($3 / 0.022 - x[i]) ^ 2 < 0.25 && ($4 / 0.022 - y[i]) ^ 2 < 0.25 && ($5 / 0.125 - z[i]) ^ 2 < 0.25) n++ }
        END { print NR - 1, n }' out)" '4 4' 'within half a pixel'
    gunzip -c "$real/psf_all_NaN.tif.gz" > nan.tif
    status_is 1 'a stack of no numbers' psf-eval --pixel 22nm --dz 125nm nan.tif
    is "$(cat err)" 'psf-eval: nan.tif: plane 0: values that are no numbers' 'is refused in one line'
else
    skip 'real beads' "no $real"
fi
done_testing
