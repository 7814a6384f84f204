# SPDX-License-Identifier: BSD-2-Clause
# Pictures that no model should answer: empty wells, no coverslip, an air bubble in the oil, a saturated camera, the
# laser off, two reflections, a dirty lens. af-focus makes no wrong move: none on a picture that is not trusted, none that
# ends farther from focus than it began by more than a depth of field. 14 cases; 200 with AF_TEST_LONG=1. Then the pipe
# of one long look, which nothing verifies, is tried too and its wrong moves are counted.
. "$SRC/tests/tap.sh"
PATH=$SRC/scripts:$BUILD/aid:$PATH
AF_CAMERA=sim:$PWD/scope AF_STAGE=sim:$PWD/scope AF_LOCK_DIR=$PWD
AF_LONG=$SRC/testdata/long.safetensors AF_SHORT=$SRC/testdata/short.safetensors
export AF_CAMERA AF_STAGE AF_LOCK_DIR AF_LONG AF_SHORT PATH

cases=14
[ -z "${AF_TEST_LONG-}" ] || cases=200

# CASE, kind, keys of sim:, start: what a kind leaves open is drawn from a seed. A well that is empty has air
# behind the glass, 4 % instead of 0.4 % come back; a bubble in the oil does the same and bends the wave as well.
awk -v cases=$cases '
    function between(a, b) { return a + (b - a) * rand() }
    BEGIN {
        srand(2021)
        for (i = 0; i < cases; i++) {
            kind = i % 7
            if (kind == 0) { name = "empty"; keys = sprintf("sample_index=%.3f", between(1, 1.01)) }
            if (kind == 1) { name = "no-coverslip"; keys = sprintf("light=0&glow=%.2f", between(0, 5)) }
            if (kind == 2) { name = "bubble"; keys = sprintf("sample_index=1&spherical=%.2f&astigmatism=%.2f&decentre_y=%.0f",
                between(-3, 3), between(-1, 1), between(-900, 900)) }
            if (kind == 3) { name = "saturated"; keys = sprintf("light=%.3g", 1e6 * exp(between(log(8), log(1000)))) }
            if (kind == 4) { name = "laser-off"; keys = sprintf("light=%.3g&background=%.2f", between(0, 200), between(0, 3)) }
            if (kind == 5) { name = "two"; keys = sprintf("second=%.2f&coverslip=%.0f&second_coherence=%.2f", between(0.3, 1),
                between(20, 170), between(0, 1)) }
            if (kind == 6) { name = "dirty"; keys = sprintf("dust=%.2f&roughness=%.2f&vignetting=%.2f&glow=%.1f", between(0.2, 1),
                between(0.1, 0.6), between(0.05, 0.8), between(0.2, 3)) }
            printf "%d\t%s\tday=%d&%s\t%.2f\n", i, name, 40 + 5 * int(between(0, 4)), keys, between(-90, 90)
        }
    }' > cases.tsv

# try HOW KIND KEYS START: a row
try() {
    rm -rf scope
    sim-truth -H "scope?clock=virtual&seed=1" > truth.tsv && af-move -q -H -z "$4" > at.tsv || return 1
    sim-truth -H "scope?$3" > before
    status=0
    "$1" 2> why || status=$?
    sim-truth -H scope > after
    # Defocus before and after, motions, hard stops; the last look that tells why.
    paste before after | awk -F '\t' -v kind="$2" -v keys="$3" -v status=$status -v why="$(cut -f 2,6 looks | tail -n 1 | tr '\t' ' ')" '{
        a = $7 < 0 ? -$7 : $7; b = $18 < 0 ? -$18 : $18
        wrong = b > a + 0.6 || (status != 0 && ($18 - $7)^2 > 0.0025) || $21 > 0
        print kind "\t" keys "\t" $7 "\t" $18 "\t" $20 - $9 "\t" status "\t" why "\t" wrong }'
}
focus() { af-focus -H > looks; }
pipe() {
    af-capture -q -n 1 -o - | af-predict -q -H -m "$AF_LONG" - > row
    awk 'BEGIN { print "file\tplane\tz_um\tdefocus_um\tsigma_um\ttrust" } { print }' row > table
    awk -F '\t' '{ print "NA\tlong\t" $3 "\t" $4 "\t" $5 "\t" $6 }' row > looks
    af-move -q -H --correct table > at.tsv
}
all() { while IFS=$(printf '\t') read -r _ kind keys start; do try "$1" "$kind" "$keys" "$start"; done < cases.tsv; }
printf 'kind\tkeys\tbegan_um\tended_um\tmotions\tstatus\twhy\twrong\n' > result.tsv
all focus >> result.tsv

is "$(sed 1d result.tsv | wc -l | tr -d ' ')" $cases "$cases cases"
is "$(awk -F '\t' 'NR > 1 && $8 != 0' result.tsv)" '' 'no wrong move'
is "$(awk -F '\t' 'NR > 1 && $6 != 0 && $6 != 4' result.tsv)" '' 'each ends in focus or with status 4'
is "$(awk -F '\t' 'NR > 1 && $6 != 0 && $7 !~ /(dark|flat|saturated|bright|range|unfamiliar)$/' result.tsv)" '' \
    'and each refusal has its reason'
is "$(awk -F '\t' 'NR > 1 && $6 != 0 && $7 ~ /^long/ && $5 != 0' result.tsv)" '' 'nothing moves before a look that is trusted'
note "$(awk -F '\t' 'NR > 1 { n[$1]++; if ($6 == 0) good[$1]++; else { k = $1 "\t" $7; r[k]++ } }
    END { for (k in n) print k ": " n[k] " cases, " good[k] + 0 " focused"; for (k in r) print k ": " r[k] }' result.tsv | LC_ALL=C sort)"
if [ -n "${AF_TEST_LONG-}" ]; then
    all pipe > pipe.tsv
    note "by one long look alone: $(awk -F '\t' '$8 != 0' pipe.tsv | wc -l) wrong moves of $cases"
    note "$(awk -F '\t' '$8 != 0' pipe.tsv)"
fi
[ -z "${AF_TEST_RESULTS-}" ] || cp result.tsv "$AF_TEST_RESULTS/af-refuse.tsv"
done_testing
