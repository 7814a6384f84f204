# SPDX-License-Identifier: BSD-2-Clause
# af-hold over hours of simulated time: it stays in focus while the sample drifts, and says when the model ages.
# Here half an hour of each; with AF_TEST_LONG=1 a hold of 4 hours on each of four days, and 20 runs with optics that
# drift faster and faster, 30 times as fast at the end, and 20 with optics that do not (ten minutes of a quiet processor).
. "$SRC/tests/tap.sh"
PATH=$SRC/scripts:$BUILD/aid:$PATH
AF_CAMERA=sim:$PWD/scope AF_STAGE=sim:$PWD/scope AF_LOCK_DIR=$PWD
AF_LONG=${AF_TEST_LONG_MODEL:-$SRC/testdata/long.safetensors} AF_SHORT=${AF_TEST_SHORT_MODEL:-$SRC/testdata/short.safetensors}
export AF_CAMERA AF_STAGE AF_LOCK_DIR AF_LONG AF_SHORT PATH
aside=1200nm faster=0
export faster
cat > ramp << 'END'
#!/bin/sh
if [ "$faster" = 0 ]; then echo scope; else echo "scope?hour_drift=$(awk -v f="$faster" 'END { print 1 + f * NR }' truth.tsv)"; fi
END
chmod +x ramp

# hold KEYS LOOKS SECONDS ROWS ARG...: from where the user has focused, the true focus; truth.tsv: so many rows a look.
# With each look the optics' drift within the day grows by $faster times what is usual; 0: it stays.
hold() {
    rm -rf scope moves.tsv
    : > truth.tsv
    looks=$2 pause=$(awk -v s="$3" -v n="$4" 'BEGIN { printf "%.9gs", s / n }') rows=$(seq "$4" | tr '\n' ' ')
    sim-truth -H "scope?clock=virtual&seed=1&$1" > begin.tsv
    af-move -q -H -z "$(cut -f 6 begin.tsv)" > at.tsv
    sim-truth -H scope > begin.tsv
    shift 4
    af-hold --count "$looks" --aside $aside --run "for i in $rows; do sim-truth -H --pause $pause \"\$(./ramp)\" >> truth.tsv; done" \
        "$@" > hold.tsv 2> why
}
# error COLUMN: rows of truth, and how far off focus (column 6), or that of the laser (11), since it began
error() { awk -F '\t' -v c="$1" 'NR == FNR { s = $5 - $c; next } { print $5 - $c - s }' begin.tsv truth.tsv; }
within() { awk -v e="$1" '{ n++; k += $1 * $1 <= e * e } END { printf "%.4f", k / n }'; }
most() { awk '$1 * $1 > m * m { m = $1 } END { printf "%.3f", m }'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }

# ----------------------------------------------------------------- thermal drift
days=45 looks=40 least=1
[ -z "${AF_TEST_LONG-}" ] || days='40 45 50 55' looks=240 least=0.99
for day in $days; do
    ok "day $day: a hold against 18 nm/min" hold "day=$day&drift=18nm/min" $looks 60 6
    share=$(error 6 | within 0.15)
    note "day $day: within 150 nm for $share of the time, at most $(error 6 | most) um"
    ok 'within 150 nm nearly all the time' at_least "$share" $least
    is "$(cut -f 6 hold.tsv | sed 1d | sort -u)" ok 'each look is trusted'
    rate=$(tail -n 1 hold.tsv | cut -f 9)
    ok 'the drift is found, um from look to look' awk -v r="$rate" 'BEGIN { exit !(r > 0 && r < 0.05) }'
done

# ------------------------------------------------------------------------ ageing
# age KEYS: "fired look reached look status": when the model was called stale, and when the error reached 300 nm
age() {
    hold "$1" $aged 180 1 --frames 1 --probe 1500nm --probe-every 3 --moves moves.tsv
    status=$?
    fired=$(sed -n 's/^af-hold: look \([0-9]*\): the model is stale.*/\1/p' why)
    reached=$(error 11 | awk '$1 * $1 >= 0.09 { print NR; exit }')
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "${fired:-never}" "${reached:-never}" $status "$(error 11 | most)" "$(tail -n 1 why)"
}
early() { awk -F '\t' '$2 != "never" && ($3 == "never" || $2 <= $3) { n++ } END { print n + 0 }' "$1"; }
fired() { awk -F '\t' '$2 != "never" { n++ } END { print n + 0 }' "$1"; }
runs=1 aged=18
[ -z "${AF_TEST_LONG-}" ] || runs=20 aged=60
: > stable
: > drifting
for i in $(seq $runs); do
    faster=0
    age "day=$((100 + 3 * i))&drift=5nm/min" >> stable
    faster=0.5
    [ -z "${AF_TEST_LONG-}" ] || age "day=$((100 + 3 * i))&drift=5nm/min" >> drifting
done
note "$(cat stable drifting)"
is "$(fired stable)" 0 "no model is called stale in $runs stable runs"
if [ -n "${AF_TEST_LONG-}" ]; then
    note "$(early drifting) of $runs called stale in time, $(awk -F '\t' '$3 != "never"' drifting | wc -l) reached 300 nm"
    ok 'in drifting ones it is, in time' at_least "$(early drifting)" 18
fi
[ -z "${AF_TEST_RESULTS-}" ] || cp stable drifting "$AF_TEST_RESULTS/"
done_testing
