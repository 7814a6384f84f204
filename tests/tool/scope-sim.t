# SPDX-License-Identifier: BSD-2-Clause
# scope-sim: every stage driver on a real line, pseudo-terminal and TCP; the same commands as on sim:.
. "$SRC/tests/tap.sh"

export AF_LOCK_DIR="$PWD"
SCOPE_SIM_PID=
trap '[ -z "$SCOPE_SIM_PID" ] || kill $SCOPE_SIM_PID 2> /dev/null' EXIT

begin() { run scope-sim "$@"; eval "$(cat out)"; }
end() { dir=$SCOPE_SIM_DIR; eval "$(scope-sim -k)"; }
near() { if awk "BEGIN { d = $1 - $2; exit !(d * d <= $3 * $3) }"; then tap_pass "$4"; else tap_fail "$4" "$2" "$1"; fi; }

begin --tango
is "$status" 0 'it starts'
is "$(sed 's/=.*//' out | tr '\n' ' ')" 'AF_STAGE AF_CAMERA AF_INSTRUMENT SCOPE_SIM_DIR SCOPE_SIM_PID ' \
    'and prints the environment'
is "$(cat err)" '' 'and nothing else'
ok 'it runs in the background' kill -0 "$SCOPE_SIM_PID"
ok 'its folder has an instrument file' [ -f "$AF_INSTRUMENT" ]
status_is 5 'whose limits hold' af-move -z 301
ok 'the camera sees the same microscope' af-capture -q -n 1 -o frame.tif
z=$(stack-info -q -H frame.tif | cut -f 3)
near "${z:-NA}" "$(af-move -H | cut -f 3)" 0.05 'and the frame has the z of the stage'
end
ok '-k ends it, and its folder is gone' [ ! -e "$dir" ]
is "${AF_STAGE:-}${AF_CAMERA:-}${AF_INSTRUMENT:-}$SCOPE_SIM_PID" '' 'and takes the environment back'
status_is 2 'there is nothing more to end' scope-sim -k

status_is 2 'one protocol at a time' scope-sim --tango --asi
status_is 2 'an unknown fault' scope-sim --tango --faults hexed=1
like "$(cat err)" "there is no fault 'hexed'" 'is named'
status_is 2 'a parameter of the microscope that is none' scope-sim --tango --sim 'speeed=3'
status_is 2 'a virtual clock asked for' scope-sim --tango --dir never --sim 'seed=2&clock=virtual'
like "$(cat err)" '^scope-sim: --sim: the clock is virtual.*clock=real$' 'is refused, and the reason told'
ok 'before a folder is made' [ ! -e never ]
af-move -q --stage 'sim:still?clock=virtual' > out
status_is 2 'a microscope whose clock is virtual' scope-sim --camera gige --dir still
like "$(cat err)" '^scope-sim: still: the clock is virtual' 'is refused by name'
begin --tango --dir still --sim clock=real
is "$status" 0 'unless its clock is set to real'
[ -z "$SCOPE_SIM_PID" ] || end
is "$(ls -d "$TMPDIR"/scope-sim.* 2> /dev/null)" '' 'and no folder is left'

# The same commands over every protocol, to one microscope. A model of it, taken by sim:, tells focus.
work() # CLAIM TOLERANCE
{
    ok "$1: x, y and z" af-move -q -H -x 14800 -y 11000 -z 3
    near "$(cut -f 1 out)" 14800 2 "$1: x"
    near "$(cut -f 2 out)" 11000 2 "$1: y"
    near "$(cut -f 3 out)" 3 "$2" "$1: z"
    status_is 5 "$1: a limit" af-move -z 301
    # the drift of the spot, the table's own error, the stage
    af-capture -q -n 1 2> err | af-predict -q -m focus.safetensors 2>> err | af-move -q -H --correct > out 2>> err
    near "$(cat out)" "$focus" "$(awk "BEGIN { print $2 + 0.1 }")" "$1: af-capture | af-predict | af-move --correct"
    [ -s out ] || note "$(cat err)"
}
begin --dir scope --sim 'seed=7&surface=1um&day_drift=0&hour_drift=0'
af-move -q -H -x 14800 -y 11000 -z 0.5 > out
af-zstack -q --count 2 --range 10um --step 250nm -o stacks > out && af-label -q stacks/*.tif > labels.tsv &&
    af-train -q --arch lut -o focus.safetensors labels.tsv > out || exit 1
focus=$(sed -n 2p labels.tsv | cut -f 5)
note "focus at $focus um"
end
for p in '' tango asi prior pi zaber gcode marlin; do
    # shellcheck disable=SC2086 # an option or none
    begin ${p:+--$p} --dir scope
    case $p in zaber) within=0.2 ;; prior) within=0.15 ;; *) within=0.1 ;; esac
    work "${p:-sim:}" $within
    end
done
for p in asi pi; do
    begin --$p --tcp 0 --dir scope
    like "$AF_STAGE" "^$p:tcp:127.0.0.1:[0-9]+" "$p on TCP"
    work "$p on TCP" 0.1
    end
done
begin --prior --late-answer --dir scope
work 'prior, moves answered at their end' 0.15
end
begin --tango --camera gige --address 127.0.0.7 --dir scope
if af-capture -q -n 1 -o gige.tif 2> err; then
    work 'tango and a GigE camera' 0.1
else
    skip 'tango and a GigE camera' "$(cat err)"
fi
end

# Faults, in real time this once.
begin --tango --faults stuck=1
status_is 3 'a stuck stage: status 3' af-move -z 5
like "$(cat err)" 'z did not arrive: at -?0[.0-9]* um, sent from -?[.0-9e-]* to 5 um; halted, z at' 'which says where it is'
end
begin --asi --faults limit=1
status_is 3 'a limit switch: status 3' af-move -z 5
like "$(cat err)" 'z: upper limit switch; halted, z at 2\.[0-9]* um' 'which is named'
end
begin --pi --faults unplugged=12
status_is 3 'the cable is pulled: status 3' af-move -z 5
like "$(cat err)" 'the device is gone|Input/output error' 'which is said'
end
begin --zaber --faults lost=1
status_is 3 'a silent stage: status 3' af-move --timeout 20ms
like "$(cat err)" 'no answer in' 'which is said'
end

# In the middle of a slow motion, over each protocol: a signal, kill -9 of the parent, a second tool, kill -9 of the tool.
# What the simulated stage itself says is what counts. AF_TEST_LONG=1: ten stops of each kind.
runs=1
[ -z "${AF_TEST_LONG:-}" ] || runs=10
under_way() # the n-th motion has begun
{
    i=0
    until [ "$(awk '$1 == "motions" { print $2 }' "$SCOPE_SIM_DIR/state")" = "$1" ] || [ $((i = i + 1)) -gt 300 ]; do
        sleep 0.01
    done
}
for p in '' tango asi prior pi zaber gcode marlin 'asi --tcp 0' 'pi --tcp 0'; do
    # shellcheck disable=SC2086 # options or none
    begin ${p:+--$p} --sim 'preset=ideal&speed=20um/s&lo=-3000&hi=3000'
    name=${p:-sim:}
    for sig in 2 15 1 parent; do
        run "$BUILD/aid/stopping" $sig "$SCOPE_SIM_DIR" $runs af-move -q --by=100
        is "$status" 0 "$name: signal $sig: $(tail -n 1 out)"
    done
    n=$(awk '$1 == "motions" { print $2 }' "$SCOPE_SIM_DIR/state")
    af-move -q --by=100 > moved 2> moved.err &
    pid=$!
    under_way $((n + 1))
    status_is 75 "$name: a second tool on the same stage" af-move --halt
    like "$(cat err)" ": in use by af-move \(pid $pid\)$" "$name: is refused by the name of the first"
    kill -9 $pid
    wait $pid 2> /dev/null
    ok "$name: after kill -9 of the tool the next start" af-move
    like "$(cat err)" "killed while it ran: af-move \(pid $pid\): z from .* um; stands at x .*, y .*, z -?[0-9.e-]* um$" \
        "$name: says what ran and where the stage stands"
    near "$(awk '$1 == "z_at_um" { print $2 }' "$SCOPE_SIM_DIR/state")" "$(tail -n 1 out | cut -f 3)" 0.1 "$name: and it does"
    end
done

# A stack over a real protocol.
begin --tango --dir scope
af-move -q -H -x 14800 -y 11000 -z 0.5 > out
af-zstack -q --range 8um --step 250nm 2> err | af-label -q -H > labels
is "$(cut -f 9 labels | sort -u)" ok 'af-zstack | af-label over a real protocol'
near "$(cut -f 5 labels | uniq)" "$focus" 0.1 'finds the focus that sim: found'
end
done_testing
