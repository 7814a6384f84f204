# SPDX-License-Identifier: BSD-2-Clause
# af-hold over hours of simulated time: it stays in focus while the sample drifts, and says when the model ages.
# Here half an hour of each; with AF_TEST_LONG=1 a hold of 4 hours on each of four days, 20 runs with optics that drift
# more and more, and 20 with optics that do not (ten minutes of a quiet processor).
. "$SRC/tests/tap.sh"
PATH=$SRC/scripts:$BUILD/aid:$PATH
AF_CAMERA=sim:$PWD/scope AF_STAGE=sim:$PWD/scope AF_LOCK_DIR=$PWD
AF_LONG=${AF_TEST_LONG_MODEL:-$SRC/testdata/long.safetensors} AF_SHORT=${AF_TEST_SHORT_MODEL:-$SRC/testdata/short.safetensors}
export AF_CAMERA AF_STAGE AF_LOCK_DIR AF_LONG AF_SHORT PATH
aside=1200nm

# hold KEYS LOOKS SECONDS ROWS ARG...: from where the user has focused, the true focus; truth.tsv: so many rows a look.
hold() {
    rm -rf scope moves.tsv
    : > truth.tsv
    looks=$2 pause=$(awk -v s="$3" -v n="$4" 'BEGIN { printf "%.9gs", s / n }') rows=$(seq "$4" | tr '\n' ' ')
    sim-truth -H "scope?clock=virtual&seed=1&$1" > begin.tsv
    af-move -q -H -z "$(cut -f 6 begin.tsv)" > at.tsv
    sim-truth -H scope > begin.tsv
    shift 4
    af-hold --count "$looks" --aside $aside --run "for i in $rows; do sim-truth -H --pause $pause scope >> truth.tsv; done" \
        "$@" > hold.tsv 2> why
}
# rows of truth: how far off focus since it began
error() { awk -F '\t' 'NR == FNR { s = $5 - $6; next } { print $5 - $6 - s }' begin.tsv truth.tsv; }
within() { awk -v e="$1" '{ n++; k += $1 * $1 <= e * e } END { printf "%.4f", k / n }'; }
most() { awk '$1 * $1 > m * m { m = $1 } END { printf "%.3f", m }'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }

# ----------------------------------------------------------------- thermal drift
days=45 looks=40 least=1
[ -z "${AF_TEST_LONG-}" ] || days='40 45 50 55' looks=240 least=0.99
for day in $days; do
    ok "day $day: a hold against 18 nm/min" hold "day=$day&drift=18nm/min" $looks 60 6
    share=$(error | within 0.15)
    note "day $day: within 150 nm for $share of the time, at most $(error | most) um"
    ok 'within 150 nm nearly all the time' at_least "$share" $least
    is "$(cut -f 6 hold.tsv | sed 1d | sort -u)" ok 'each look is trusted'
    rate=$(tail -n 1 hold.tsv | cut -f 9)
    ok 'the drift is found, um from look to look' awk -v r="$rate" 'BEGIN { exit !(r > 0 && r < 0.05) }'
done

# ------------------------------------------------------------------------ ageing
# A model of a single day, which ages with the optics. The error is how far a look is off, since the user focused,
# against the thinnest line without noise: what a label would be without its error. With each look the optics' drift
# within the day grows by $faster times what is usual; 0: it stays.
faster=0 pause=5min
export faster pause
cat > truth << 'END'
#!/bin/sh
grow=
[ "$faster" = 0 ] || grow="?hour_drift=$(awk -v f="$faster" 'END { print 1 + f * NR }' truth.tsv)"
sim-truth -H --pause "$pause" "scope$grow" > row
rm -rf copy
cp -r scope copy
sim-truth -H 'copy?noise=0' > copy.tsv
laser=$(cut -f 11 copy.tsv)
af-zstack -q --camera sim:copy --stage sim:copy --from="$(awk -v l="$laser" 'BEGIN { print l - 2.2 }')" \
    --to="$(awk -v l="$laser" 'BEGIN { print l + 1.8 }')" --step 125nm -o copy.ome.tif > copy.tsv
af-label -q -H copy.ome.tif 2> copy.err | cut -f 5 | sort -u | paste row -
END
chmod +x truth

# age HOUR LOOKS ARG...: "hour, look when the model was called stale, look when the error reached 300 nm, status,
# largest error, last word"
age() {
    rm -rf scope moves.tsv
    : > truth.tsv
    sim-truth -H --pause "$(($1 * 3600 + 1))s" "scope?clock=virtual&seed=1&day=5&drift=5nm/min" > begin.tsv
    af-move -q -H -z "$(cut -f 6 begin.tsv)" > at.tsv
    ./truth > truth.tsv
    hour=$1 looks=$2
    shift 2
    af-hold --count "$looks" --aside $aside --run './truth >> truth.tsv' --frames 1 --probe 1500nm --probe-every 1 \
        --moves moves.tsv "$@" > hold.tsv 2> why
    status=$?
    sed 1d hold.tsv | paste - truth.tsv | awk -F '\t' '
        $6 == "ok" && $21 != "NA" { e = $4 - ($3 - $21); if (!n++) s = e; print $2, e - s }' > error
    reached=$(awk '$2 * $2 >= 0.09 { print $1; exit }' error)
    fired=$(sed -n 's/^af-hold: look \([0-9]*\): the model is stale.*/\1/p' why)
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$hour" "${fired:-never}" "${reached:-never}" $status \
        "$(cut -d ' ' -f 2 error | most)" "$(tail -n 1 why)"
}
# early FILE, fired FILE: how many runs were called stale before the error was there, or at all
early() { awk -F '\t' '$2 != "never" && ($3 == "never" || $2 < $3) { n++ } END { print n + 0 }' "$1"; }
fired() { awk -F '\t' '$2 != "never" { n++ } END { print n + 0 }' "$1"; }

# Half an hour of the shipped model; or 4 hours of the look-up table of one day on optics that stay as they are, and 2.5
# hours on ones that drift more with each look, 61 times as far as usual in the end. A look every pause, with a sweep.
runs=1 looks=6
if [ -n "${AF_TEST_LONG-}" ]; then
    runs=20 looks=12 pause=20min
    ok 'a day of stacks' "$SRC/scripts/reproduce/day" learn 5 15 22 200nm 0.5
    ok 'its table' af-train -q --arch lut --val-fraction 0.125 -o learn.safetensors learn/labels.tsv
    AF_SHORT=$PWD/learn.safetensors
fi
: > stable
: > drifting
for i in $(seq $runs); do age $((10 * i - 10)) $looks >> stable; done
is "$(fired stable)" 0 "no model is called stale in $runs stable runs"
ok 'and each sweep has a label' awk -F '\t' 'NR > 1 && $6 != "NA" { n++ } END { exit !(4 * n >= NR - 1) }' moves.tsv
if [ -n "${AF_TEST_LONG-}" ]; then
    faster=2 pause=5min
    for i in $(seq $runs); do age $((10 * i - 10)) 30 --strict >> drifting; done
    note "$(early drifting) of $runs called stale in time, $(awk -F '\t' '$3 != "never"' drifting | wc -l) reached 300 nm"
    ok 'in drifting ones it is, in time' at_least "$(early drifting)" 18
fi
note "$(cat stable drifting)"
[ -z "${AF_TEST_RESULTS-}" ] || cp stable drifting "$AF_TEST_RESULTS/"
done_testing
