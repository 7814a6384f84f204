# SPDX-License-Identifier: BSD-2-Clause
# af-move on the simulated stage: what it prints, what it refuses, what a signal does, what a kill leaves.
. "$SRC/tests/tap.sh"

export AF_LOCK_DIR="$PWD"
log=$XDG_STATE_HOME/aftools/motion.log
sim='sim:scope?preset=ideal'

# Number of motions that were begun: nothing is sent without one.
begun() { if [ -e "$log" ]; then grep -c 'begun$' "$log"; else echo 0; fi; }

# near GOT WANT WITHIN CLAIM
near() { if awk "BEGIN { d = $1 - $2; exit !(d * d <= $3 * $3) }"; then tap_pass "$4"; else tap_fail "$4" "$2" "$1"; fi; }

ok 'a query' af-move --stage "$sim"
is "$(head -n 1 out)" 'x_um	y_um	z_um' 'has a column for each axis'
is "$(wc -l < out)" 2 'and one row'
is "$(cat err)" '' 'and says nothing else'
is "$(begun)" 0 'and moves nothing'
export AF_STAGE="$sim"

ok 'an absolute move' af-move -z 12.5
is "$(head -n 1 out)" z_um 'prints the axis that moved'
near "$(sed -n 2p out)" 12.5 0.1 'which stands where it was sent'
like "$(cat err)" '^af-move: moved z [-0-9.e]* -> 12\.[0-9]* um$' 'and is said on stderr'
ok 'a relative move with a unit' af-move -q -H --by=-500nm
near "$(cat out)" 12 0.15 'goes by so much'
is "$(cat err)" '' 'and -q says nothing'
ok 'x and y at once' af-move -H -x 1mm -y 2000
is "$(cut -f 1 out | cut -d . -f 1)" 1000 'x is first'
near "$(cut -f 2 out)" 2000 0.2 'y second'
ok '--halt' af-move --halt
n=$(begun)
ok '--dry-run' af-move --dry-run -H -z 50
is "$(cat out)" 50 'prints what would be'
like "$(cat err)" 'would move z from .* to 50 um$' 'says the plan'
is "$(begun)" "$n" 'moves nothing'
near "$(af-move -H | cut -f 3)" 12 0.15 'indeed'

# What is refused.
refused() # CLAIM STDERR COMMAND...
{
    claim=$1 what=$2 n=$(begun)
    shift 2
    status_is 5 "$claim: status 5" "$@"
    like "$(cat err)" "$what" "$claim: the reason"
    is "$(cat out)" '' "$claim: nothing printed"
    is "$(begun)" "$n" "$claim: nothing sent"
}
cat > tight.conf << 'END'
[z]
min = -20um
max = 20um
max_step = 15
max_step_towards_sample = 5
max_travel = 0.1mm
END
export AF_INSTRUMENT=tight.conf
refused 'above the limit' 'outside its limits, -20 to 20 um' af-move -z 20.001
refused 'below the limit' 'outside its limits' af-move --z=-20.001
refused 'the step towards the sample' 'longer than max_step_towards_sample' af-move --by 5.5
refused 'the step' 'longer than max_step,' af-move --by=-15.5
refused 'z away that is allowed, and x that is not' 'x has no limits|x .*outside its limits' af-move --by=-1 -x 9e5
refused 'x that is allowed, and z towards that is not' 'longer than max_step_towards_sample' af-move -x 1500 --by 5.5
refused 'nan' 'not a number' af-move -z nan
refused 'infinity' 'not a number' af-move --by=-inf
eval "$(scope-sim --tango)"
trap 'kill $SCOPE_SIM_PID' EXIT
refused 'no limits' 'z has no limits' env AF_INSTRUMENT=/dev/null af-move -z 5
eval "$(scope-sim -k)"
trap - EXIT
export AF_STAGE="$sim"
ok 'a limit itself may be reached' af-move -q --by=5
unset AF_INSTRUMENT

# shellcheck disable=SC2059 # rows are formats
table() { printf 'file\tplane\tz_um\tdefocus_um\tsigma_um\ttrust\n'; printf -- "$@"; }
z=$(af-move -H | cut -f 3)
table '-\t0\t%s\t2.5\t0.1\tok\n' "$z" > good.tsv
table '-\t0\t%s\tNA\t0.1\tok\n' "$z" > nan.tsv
table '-\t0\t%s\t2.5\t0.1\tdark\n' "$z" > dark.tsv
table '-\t0\t%s\t2.5\t0.1\tok\n-\t1\t%s\t2.5\t0.1\tNA\n' "$z" "$z" > mixed.tsv
table '-\t0\t%s\t2.5\t0.1\tok\n' "$(awk "BEGIN { print $z + 5 }")" > elsewhere.tsv
table '' > empty.tsv
refused 'a prediction that is not to be trusted' 'not to be trusted: dark' af-move --correct dark.tsv
refused 'one of several' 'line 3: .*not to be trusted: NA' af-move --correct mixed.tsv
refused 'a prediction that is no number' 'not a number' af-move --correct nan.tsv
refused 'no prediction' 'holds no prediction' af-move --correct empty.tsv
refused 'a prediction of another place' 'the prediction is of a frame at' af-move --correct elsewhere.tsv
ok '--correct' af-move -H --correct good.tsv
near "$(cat out)" "$(awk "BEGIN { print $z - 2.5 }")" 0.15 'moves z by minus the defocus'
z=$(af-move -H | cut -f 3)
table '-\t0\t%s\t2.5\t0.1\tok\n-\t1\tNA\t2.5\t0.1\tok\n' "$z" > partly.tsv
refused 'frames of which one does not say z' 'different z' af-move --correct partly.tsv
table '-\t0\tNA\t-1\t0.1\tok\n-\t1\tNA\t-3\t0.1\tok\n-\t1\tNA\t-1.5\t0.1\tok\n' > several.tsv
ok '--correct from a pipe, to a target' sh -c 'af-move -H --correct --target 0.5 < several.tsv'
near "$(cat out)" "$(awk "BEGIN { print $z + 2 }")" 0.15 'by target less the median'
status_is 1 'a table without the columns' af-move --correct "$log"
status_is 1 'no such table' af-move --correct none.tsv
status_is 1 'an empty stream' sh -c 'af-move --correct < /dev/null'

status_is 2 '--home alone' af-move --home z
like "$(cat err)" 'add --yes' 'asks again'
status_is 2 '--home of no axis' af-move --home q --yes
like "$(cat err)" "none of x.y.z" 'names those there are'
status_is 2 '--target without --correct' af-move --target 3
ok '--home asked for twice' af-move --home z --yes
status_is 2 'no such kind of stage' af-move --stage warp:drive
status_is 2 'no stage at all' env -u AF_STAGE af-move
status_is 3 'no such port' af-move --stage tango:/dev/none
like "$(cat err)" '^af-move: /dev/none: No such file' 'is named'
status_is 3 'what is no serial port' af-move --stage asi:/dev/null
status_is 3 'nobody at that TCP port' af-move --stage pi:tcp:127.0.0.1:1
status_is 1 'the motion log cannot be written' env XDG_STATE_HOME=/dev/null/x AF_STAGE="$sim" af-move -z 1
printf '[z]\nmin = 0\n' > bad.conf
status_is 1 'limits that are not complete' af-move --instrument bad.conf
like "$(cat err)" 'belong together' 'are told'
printf '[z]\nmim = 0\n' > bad.conf
status_is 1 'a key that is none' af-move --instrument bad.conf
like "$(cat err)" "bad.conf: line 2: mim: .z. has no key 'mim'" 'is told with its line'

# A slow stage, so that there is time to be stopped: 200 um at 20 um/s.
export AF_STAGE="sim:$PWD/slow?preset=ideal&speed=20um/s"
printf '[z]\nmin=-250\nmax=250\nmax_step=500\nmax_travel=500\nspeed=20um\n' > slow.conf
export AF_INSTRUMENT=$PWD/slow.conf
moving() { for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q ': z from' aftools*slow*.lock 2> /dev/null && return; sleep 0.1; done; }
went_on() { awk -F '\t' '$6 == "move" && $10 !~ /begun/ { at = $9 } END { print at }' "$log"; }

# Stops within 100 ms, and what it says it stands at is where it stands.
af-move > out
for sig in 2 15 1 parent; do
    run "$BUILD/aid/stopping" "$sig" slow 3 af-move -q --by=40
    is "$status" 0 "signal $sig: $(tail -n 1 out)"
    near "$(af-move -H 2> /dev/null | cut -f 3)" "$(went_on)" 0.1 "signal $sig: the stage stands where it was stopped"
    case $sig in parent) what='the process that started it is gone' ;; *) what='stopped' ;; esac
    like "$(tail -n 1 "$log")" "$what; halted, z at" "signal $sig: the log says so"
done

af-move -z 200 > out 2> err &
pid=$!
moving
status_is 75 'a second tool on the same stage' af-move
like "$(cat err)" "slow: in use by af-move \(pid $pid\)$" 'is refused by the name of the first'
kill $pid
wait $pid 2> /dev/null

# The tool itself is killed.
af-move -q --stage "sim:$PWD/slow?speed=2mm/s" -z 0 > out
af-move -z 200 > out 2> err &
pid=$!
moving
kill -9 $pid
wait $pid 2> /dev/null
ok 'after a kill -9 the next start' af-move
like "$(cat err)" "killed while it ran: af-move \(pid $pid\): z from -?[0-9.e-]* to 200 um; stands at .*z -?[0-9.]* um" \
    'finds what was going on, and where the stage stands'
like "$(cat "$log")" 'found' 'the log has it'
z=$(tail -n 1 out | cut -f 3)
sleep 0.3
near "$(af-move -H | cut -f 3)" "$z" 0.1 'and it stays there'
ok 'and the next has nothing to tell' af-move
is "$(cat err)" '' 'indeed'
is "$(ls aftools*.lock 2> /dev/null)" '' 'no lock is left'
done_testing
