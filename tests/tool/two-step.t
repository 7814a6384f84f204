# SPDX-License-Identifier: BSD-2-Clause
# Two-step focusing with the shipped models behind every protocol of a stage and a GigE camera, on a day that no model has
# seen: three starts each, 24 in all, from far and near, above and below.
. "$SRC/tests/tap.sh"
AF_LOCK_DIR=$PWD PATH=$SRC/scripts:$BUILD/aid:$PATH
AF_LONG=$SRC/testdata/long.safetensors AF_SHORT=$SRC/testdata/short.safetensors
export AF_LOCK_DIR AF_LONG AF_SHORT
case "$(af-capture --camera none: 2>&1)" in
*aravis:*) has_gige=yes ;;
*) has_gige= ;;
esac
address=127.$((64 + $$ / 65536 % 64)).$(($$ / 256 % 256)).$((1 + $$ % 254)) # of this test alone

# Truth is the label of a stack of that day.
AF_STAGE=sim:scope AF_CAMERA=sim:scope
export AF_STAGE AF_CAMERA
ok 'a day' sim-truth --day 45 --pause 4h 'scope?clock=virtual&seed=1'
ok 'a stack of it' af-zstack -q --range 8um --step 100nm -o stack.ome.tif
ok 'its label' af-label -q stack.ome.tif
zero=$(sed -n 2p out | cut -f 5)
ok 'from here on time passes by itself' sim-truth 'scope?clock=real'

# focus_from PROTOCOL START...: within half the depth of field.
focus_from()
{
    way=$1
    shift
    for start; do
        ok "$way: to $start um" af-move -q -z "$start"
        ok "$way: af-focus" af-focus -H --aside=-1um
        ok "$way: is asked where it is" af-move -q -H
        is "$(awk -v a="$(cut -f 3 out)" -v b="$zero" 'BEGIN { e = a - b; print e * e < 0.09 ? "near" : e }')" near \
            "$way: is within 300 nm of focus"
    done
}
# Each has its own microscope, the same as the others, and all run at once: they mostly wait.
run_over()
{
    cd "$1" || exit 1
    tap_n=0 options=$2
    shift 2
    # shellcheck disable=SC2086 # options
    ok "$options: scope-sim" scope-sim $options --address "$address" --dir "$PWD/scope"
    eval "$(cat out)" > /dev/null
    focus_from "$options" "$@"
    is "$(sim-truth -H scope | cut -f 10)" 0 "$options: no hard stop was touched"
    scope-sim -k > /dev/null
}
gige='--tango --camera gige'
i=0
while read -r way starts; do
    i=$((i + 1))
    mkdir "way$i"
    cp -r scope "way$i"
    if [ "$way" = gige ]; then
        [ "$has_gige" ] || { echo "ok 1 - $gige # skip built without Aravis" > "way$i/claims"; continue; }
        way=$gige
    fi
    # shellcheck disable=SC2086 # numbers
    (run_over "way$i" "$way" $starts) > "way$i/claims" 2>&1 < /dev/null &
done << END
--tango -94.2 31.7 5.1
--asi 88.8 -60.3 -7.9
--prior 72.4 -3.6 -41.5
--pi -80.9 14.2 57.3
--zaber 96.3 -22.8 2.4
--gcode -15.7 64.6 -71.1
--marlin 47.9 -98.5 11.6
gige -35.4 83.7 -1.2
END
wait
# shellcheck disable=SC2046 # names without blanks
claims $(seq $i | sed 's,.*,way&/claims,')
is "$(grep -lE 'no hard stop|# skip' way*/claims | wc -l | tr -d ' ')" $i 'no way ended early'
done_testing
