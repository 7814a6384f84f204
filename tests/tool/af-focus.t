# SPDX-License-Identifier: BSD-2-Clause
# af-focus and af-hold on the simulated microscope: they focus, hold, and give up where they began.
. "$SRC/tests/tap.sh"
PATH=$SRC/scripts:$BUILD/aid:$PATH
AF_CAMERA=sim:$PWD/scope AF_STAGE=sim:$PWD/scope AF_LOCK_DIR=$PWD
AF_LONG=$PWD/long.safetensors AF_SHORT=$PWD/short.safetensors
export AF_CAMERA AF_STAGE AF_LOCK_DIR AF_LONG AF_SHORT PATH
sim-truth 'scope?clock=virtual&seed=3' > truth

z() { af-move -q -H | cut -f 3; }
# near A B TOLERANCE
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { exit !((a - b)^2 <= t * t) }'; }

# Look-up tables are trained in a second. What is dark is learnt from several days.
for day in 1 2 3; do
    sim-truth --day $day scope > truth
    for i in 1 2; do
        af-zstack -q --from="-6$i" --to="6$i" --step 1500nm -o "long-$day-$i.ome.tif" > out
    done
    af-label -q --day 2026-06-0$day long-$day-?.ome.tif > long-$day.tsv
done
af-train -q --arch lut --val-fraction 0.5 -o long.safetensors long-?.tsv > out 2> err
for i in 1 2 3 4; do af-zstack -q --from="-10.$i" --to="8.$i" --step 150nm -o "short-$i.ome.tif" > out; done
af-label -q --day 2026-06-03 short-?.ome.tif > short.tsv
af-train -q --arch lut --val-fraction 0.5 -o short.safetensors short.tsv > out 2> err
zero=$(awk -F '\t' 'NR > 1 && !seen[$1]++ { n++; s += $5 } END { print s / n }' short.tsv)
note "labels say $zero um"

# ---------------------------------------------------------------------- af-focus
for start in -50 -7 25 55; do
    af-move -q -z $start > out
    ok "from $start um" af-focus --moves moves.tsv
    cp out "from$start.tsv"
    ok 'in focus within 300 nm' near "$(z)" "$zero" 0.3
done
is "$(head -n 1 from55.tsv)" "$(printf 'time\tstep\tz_um\tdefocus_um\tsigma_um\ttrust\tmoved_um')" 'a header'
is "$(cut -f 2 from55.tsv | sed 1d | head -n 2 | tr '\n' ' ')" 'long short ' 'and a row for each look'
ok '--target' af-focus -H --target 2um
cp out target.tsv
ok 'ends there' near "$(z)" "$(awk -v z="$zero" 'BEGIN { print z + 2 }')" 0.3
is "$(cut -f 2 target.tsv | head -n 1)" long '-H leaves the header out'
af-move -q -H -z 8um > at.tsv
ok '--aside' af-focus -H --aside=-1um
cp out aside.tsv
is "$(cut -f 2 aside.tsv | tr '\n' ' ')" 'long short short ' 'a look from aside, and another that verifies'
ok 'from where it was asked to look' near "$(tail -n 1 aside.tsv | cut -f 4)" -1 0.15
ok 'and the last move goes to focus' near "$(z)" "$zero" 0.3

# What another program has is told from what is broken, so that a loop can try again.
AF_STAGE='sim:slow?preset=ideal&speed=10um/s' af-move -q -z 100 > slow.out 2>&1 &
mover=$!
until ls aftools*slow*.lock > slow.out 2>&1; do sleep 0.05; done
status_is 75 'a stage that another program has' env AF_STAGE=sim:slow af-focus
kill $mover
wait $mover 2> slow.out
status_is 2 'a length that is none' af-focus --search 1.2.3um

# Where the laser is off nothing moves, and the reason is told.
sim-truth 'scope?light=1' > truth
af-move -q -z 5 > out
status_is 4 'laser off' af-focus
like "$(cat err)" '^af-focus: no signal to focus by: (dark|flat|unfamiliar)' 'is said'
ok 'it is where it was' near "$(z)" 5 0.01
status_is 4 'a ladder without end in sight' af-focus --search 100um
is "$(cut -f 2 out | LC_ALL=C sort | uniq -c | tr -s ' ' | tr '\n' ';')" ' 1 long; 4 search; 1 step;' 'climbs four rungs'
ok 'and returns' near "$(z)" 5 0.01
status_is 4 'a ladder longer than the stage' af-focus --search 1mm --rung 200um
is "$(cut -f 2 out | grep -c search)" 2 'leaves out what the limits forbid'
is "$(sim-truth -H scope | cut -f 10)" 0 'no hard stop was touched'
sim-truth 'scope?light=1000000' > truth

# A signal to the script alone stops the stage under way, in real time at 3 um/s.
af-move -q -z 45 > out
cp -r scope creep
sim-truth 'creep?clock=real&speed=3um/s' > truth
AF_STAGE=sim:$PWD/creep AF_CAMERA=sim:$PWD/creep af-focus > creep.out 2> creep.err &
focus=$!
until grep -q ': z from' aftools*creep*.lock 2> creep.none; do sleep 0.05; done
kill -TERM $focus
wait $focus 2> creep.none
is $? 143 'a signal ends it with its status'
like "$(tail -n 1 "$XDG_STATE_HOME/aftools/motion.log")" 'stopped' 'and stops the stage'
ok 'where it was' awk -v z="$(AF_STAGE=sim:$PWD/creep af-move -q -H | cut -f 3)" 'BEGIN { exit !(z > 5) }'

printf '[stage]\nuri = %s\n[z]\nmin = -300\nmax = 300\nmax_step = 20\nmax_travel = 600\n' "$AF_STAGE" > tight.conf
af-move -q -z 60 > out
status_is 5 'a move longer than allowed' env AF_INSTRUMENT="$PWD/tight.conf" af-focus
ok 'is not made' near "$(z)" 60 0.01

# ----------------------------------------------------------------------- af-hold
ok 'in focus again' af-focus
ok 'a hold while the sample drifts' af-hold --count 40 --run 'sim-truth --pause 60s scope > truth' --probe 1um --moves moves.tsv
cp out hold.tsv
is "$(sed 1d hold.tsv | wc -l | tr -d ' ')" 40 'has a row for each look'
ok 'stays within 300 nm of focus' \
    awk -F '\t' 'NR > 1 && !($6 == "ok" && $4^2 < 0.09) { exit 1 }' hold.tsv
ok 'probes are known moves' awk -F '\t' 'NR > 1 && $2^2 > 0.8 { n++ } END { exit !(n >= 4) }' moves.tsv
af-move -q --by 3um > out
status_is 4 'focus that jumps' af-hold --target 0 --count 9 --every 0
is "$(cut -f 6 out | sed 1d | tr '\n' ' ')" 'jump jump jump ' 'is in doubt three times, and nothing moves'
is "$(cut -f 7 out | sed 1d | sort -u)" NA 'nothing'
status_is 1 'a command that fails' af-hold --run false

# ------------------------------------------------------------------------- usage
for t in af-focus af-hold af-recalibrate af-day; do
    ok "$t --help" "$t" --help
    like "$(head -n 1 out)" "^Usage: $t " 'is a usage'
    is "$(awk 'length > 80' out)" '' 'that fits 80 columns'
    ok "$t --version" "$t" --version
    like "$(cat out)" "^$t " 'says its name'
    status_is 2 "$t --nonsense" "$t" --nonsense
    like "$(cat err)" "Try '$t --help'." 'is a usage error'
done
for args in '--looks 0' '--looks x' '--tolerance 3kg' '--long' '--rung 0' 'operand'; do
    # shellcheck disable=SC2086 # words
    status_is 2 "usage error: af-focus $args" af-focus $args
done
for args in '--count 0' '--every 3um' '--band x' '--doubts -1' '--probe-every 0' 'operand'; do
    # shellcheck disable=SC2086 # words
    status_is 2 "usage error: af-hold $args" af-hold $args
done
status_is 2 'no model' env AF_LONG= af-focus
status_is 1 'a model that is not there' af-focus --long nowhere
for t in af-focus 'af-hold --count 1'; do
    status_is 1 "a full disk: $t" sh -c "$t > /dev/full"
    is "$(cat err)" "${t%% *}: standard output cannot be written" 'is reported'
done
done_testing
