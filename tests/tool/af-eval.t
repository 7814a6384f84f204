# SPDX-License-Identifier: BSD-2-Clause
# af-eval finds the errors that are planted, and says when a model is stale.
. "$SRC/tests/tap.sh"

# column NAME FILE: its cells in a line
column()
{
    awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
        { printf "%s%s", s, $c; s = " " } END { print "" }' "$2"
}

# Two days, three stacks each, 0.5 um apart; day one is 0.1 um too high, day two 0.02 z.
awk 'BEGIN { OFS = "\t"; print "file", "plane", "z_um", "defocus_um", "sigma_um", "trust", "true_um", "day"
    for (d = 1; d <= 2; d++) for (s = 1; s <= 3; s++) for (i = 0; i <= 40; i++) {
        z = (i - 20) / 2
        print "d" d "s" s, i, z, z + (d == 1 ? 0.1 : 0.02 * z), 0.15, "ok", z, "2026-06-0" d
    } }' > both.tsv

# ------------------------------------------------------------------ what is good
ok 'two days' af-eval both.tsv
cp out days.tsv
is "$(column day out)" '2026-06-01 2026-06-02 all' 'have a row each, and one for all'
is "$(column rmse_um out | cut -d ' ' -f 1)" 0.1 'the planted error is found'
is "$(column worst_um out)" '0.1 0.2 0.15' 'and the worst place'
is "$(column worst_at_um out | cut -d ' ' -f 2,3)" '-10 10' 'is told'
is "$(column frames out) $(column stacks out)" '123 123 246 3 3 6' 'with what was counted'
ok 'two ranges' af-eval --range 1um,500nm both.tsv
is "$(column range_um out)" '1 1 1 0.5 0.5 0.5' 'are told apart'
is "$(column worst_um out | cut -d ' ' -f 2,5)" '0.02 0.01' 'each with its own'
ok 'from stdin, without header' af-eval -H < both.tsv
is "$(cat out)" "$(sed 1d days.tsv)" 'the same rows'
ok 'along z' af-eval --show z --bin 2um both.tsv
is "$(column true_um out | cut -d ' ' -f 1-6,11-17)" '-10 -8 -6 -4 -2 0 10 -10 -8 -6 -4 -2 0' 'in bins'
ok 'as a histogram' af-eval --show histogram both.tsv
is "$(column frames out | tr ' ' '\n' | awk '{ n += $1 } END { print n }')" 492 'of every frame, by day and of all'
ok 'what sigma promises' af-eval --show sigma both.tsv
is "$(column within_1 out | cut -d ' ' -f 1)" 1 'is checked'

awk 'BEGIN { FS = OFS = "\t" } { print $1, $2, NR == 1 ? "defocus_um" : $7, $8 }' both.tsv > labels.tsv
cut -f 1-6 both.tsv > bare.tsv
ok 'truth from labels' af-eval --labels labels.tsv bare.tsv
same out days.tsv 'gives the same table'
status_is 1 'no truth at all' af-eval bare.tsv
like "$(cat err)" '^af-eval: bare.tsv: .*true_um' 'is said'
cut -f 1-7 both.tsv > today.tsv
cp today.tsv other.tsv
ok 'tables without days' af-eval today.tsv other.tsv
is "$(column day out)" 'today.tsv other.tsv all' 'are a day each'
awk 'BEGIN { FS = OFS = "\t" } NR > 1 { $6 = "dark"; $4 = "NA" } 1' both.tsv > dark.tsv
status_is 4 'nothing to trust' af-eval dark.tsv
is "$(column trusted out)" '0 0 0' 'is counted'
ok 'the bound' af-eval --range 1um --limit 'size=160x120&pixel=20' both.tsv
ok 'is below what it could be with less knowledge' awk -F '\t' 'NR > 1 && !($14 > 0 && $14 < $15) { exit 1 }' out

# ---------------------------------------------------------------------- plots
if command -v gnuplot > /dev/null; then
    for show in days z histogram sigma; do
        ok "a plot of $show" af-eval --show "$show" --plot "$show.svg" both.tsv
        ok 'is drawn' grep -q '</svg>' "$show.svg"
    done
    status_is 2 'a plot of another kind' af-eval --plot plot.jpg both.tsv
else
    skip 'plots' 'no gnuplot here'
fi

# --------------------------------------------------------------------- ageing
# moves SLOPE OFFSET N: a log of moves by +/-2 um
moves()
{
    awk -v slope="$1" -v offset="$2" -v n="$3" 'BEGIN { OFS = "\t"; srand(1)
        print "time", "moved_um", "before_um", "after_um", "sigma_um"
        for (i = 1; i <= n; i++) {
            way = i % 2 ? 2 : -2
            print "t" i, way, 0, slope * way + offset + 0.04 * (rand() - 0.5), 0.02
        } }'
}
moves 1 0 30 > fresh.tsv
ok 'a fresh model' af-eval --ageing fresh.tsv
is "$(column verdict out | tr ' ' '\n' | sort -u)" ok 'is ok all along'
is "$(column time out | cut -d ' ' -f 1)" t20 'from the first full window on'
moves 0.7 0 30 > wrong.tsv
status_is 4 'a wrong scale' af-eval --ageing wrong.tsv
like "$(cat err)" '^af-eval: stale since t20: ' 'is stale'
moves 1 0.3 30 > offset.tsv
status_is 4 'an offset' af-eval --ageing offset.tsv
ok 'within a wider tolerance' af-eval --ageing --tolerance 400nm offset.tsv
{ cat fresh.tsv; sed 1d wrong.tsv; } > turn.tsv
status_is 4 'a model that ages' af-eval --ageing -q turn.tsv
is "$(cat err)" '' 'can be silent'
is "$(column verdict out | tr ' ' '\n' | uniq | tr '\n' ' ')" 'ok stale ' 'turns stale once'
awk -v OFS='\t' '{ print $0, NR == 1 ? "bias_um" : NR < 20 ? 0.5 : 0.8 }' fresh.tsv > bias.tsv
status_is 4 'a bias that changes' af-eval --ageing bias.tsv
is "$(tail -n 1 out | cut -f 7)" 0.3 'is told by how much'
ok 'within a wider tolerance' af-eval --ageing --tolerance-bias 400nm bias.tsv
head -n 10 fresh.tsv > few.tsv
status_is 4 'few moves' af-eval --ageing few.tsv
like "$(cat err)" '^af-eval: 9 moves: 20 are needed' 'are said to be few'
if command -v gnuplot > /dev/null; then
    status_is 4 'a plot of ageing' af-eval --ageing --plot age.svg turn.tsv
    ok 'is drawn' grep -q '</svg>' age.svg
fi

# ------------------------------------------------------------- usage, trouble
for args in '--range 0' '--range x' '--range ,' '--show what' '--bin 0' '--labels - -' '--ageing --limit x' \
    '--limit preset=paper --show sigma' '--window 3' '--ageing --show z'; do
    # shellcheck disable=SC2086 # words
    status_is 2 "usage error: $args" af-eval $args both.tsv
    is "$(cat out)" '' 'prints no table'
done
status_is 2 'a microscope that nobody knows' af-eval --limit preset=none both.tsv
status_is 1 'no such table' af-eval nowhere.tsv
status_is 1 'moves without ways' af-eval --ageing both.tsv
printf 'defocus_um\ttrue_um\nx\t1\n' > bad.tsv
status_is 1 'no number' af-eval bad.tsv
like "$(cat err)" "^af-eval: bad.tsv: line 2: defocus_um: 'x'" 'is told'
if [ -w /dev/full ]; then
    status_is 1 'a full disk' sh -c 'af-eval both.tsv > /dev/full'
fi
done_testing
