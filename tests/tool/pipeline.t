# SPDX-License-Identifier: BSD-2-Clause
# The same pipelines, unchanged, over the simulated microscope itself, over each protocol of a stage,
# and over a GigE Vision camera: only the environment differs.
. "$SRC/tests/tap.sh"
AF_LOCK_DIR=$PWD PATH=$SRC/scripts:$PATH
export AF_LOCK_DIR
case "$(af-capture --camera none: 2>&1)" in
*aravis:*) has_gige=yes ;;
*) has_gige= ;;
esac
address=127.$((64 + $$ / 65536 % 64)).$(($$ / 256 % 256)).$((1 + $$ % 254)) # of this test alone

# A model of this microscope: a table of six stacks.
AF_STAGE=sim:scope AF_CAMERA='sim:scope?clock=virtual&width=200&height=160&pixel=10um'
export AF_STAGE AF_CAMERA
ok 'stacks to learn from' af-day train --count 6 --range 10um --step 100nm --seed 1 --exposure 1ms -q
ok 'a model' af-train --arch lut -q -o model.safetensors train/labels.tsv
zero=$(cut -f 5 train/labels.tsv | sort -n | sed -n '/[0-9]/p' | sed -n 300p)
note "zero defocus at $zero um"

# near A B UM
near() { awk -v a="$1" -v b="$2" -v d="$3" 'BEGIN { e = a - b; exit !(e < d && e > -d) }'; }

# The pipelines, in a folder of their own. What is asserted: 9 planes find zero defocus to less than half
# their step, and a correction ends well within the paper's 0.6 um of it.
pipelines()
{
    ok "$1: to where work begins" af-move -q -z 1.2um
    ok "$1: af-zstack | af-label" sh -c \
        'af-zstack -q --from -1.6um --to 0.4um --step 250nm --exposure 1ms | af-label -H | cut -f 5 | uniq > z0'
    ok "$1: finds zero defocus" near "$(cat z0)" "$zero" 0.1
    ok "$1: to where work begins again" af-move -q -z 1.2um
    ok "$1: af-capture | af-predict | af-move --correct" sh -c \
        'af-capture -q --exposure 1ms | af-predict -q -m ../model.safetensors | af-move -q -H --correct > z'
    ok "$1: is in focus then" near "$(cat z)" "$zero" 0.2
    note "$1: zero at $(cat z0) um, corrected to $(cat z) um"
}

# Each way has its own microscope, the same as the others, and all run at once: they mostly wait.
run_over()
{
    cd "$1" || exit 1
    tap_n=0
    if [ "$2" = sim: ]; then
        pipelines sim:
        return
    fi
    # shellcheck disable=SC2086 # options
    ok "$2: scope-sim" scope-sim $2 --address "$address" --dir "$PWD/scope"
    eval "$(cat out)" > /dev/null
    pipelines "$2"
    scope-sim -k > /dev/null
}
export AF_CAMERA='sim:scope?clock=real' # protocols take time that passes
af-capture -q -o real.ome.tif
ways='sim: --tango --asi --prior --pi --zaber --gcode --marlin'
gige='--tango --camera gige'
i=0
for way in $ways "$gige"; do
    i=$((i + 1))
    mkdir "way$i"
    cp -r scope "way$i"
    if [ "$way" = "$gige" ] && [ -z "$has_gige" ]; then
        echo "ok 1 - $way # skip built without Aravis" > "way$i/claims"
    else
        (run_over "way$i" "$way") > "way$i/claims" 2>&1 &
    fi
done
wait
# shellcheck disable=SC2046 # names without blanks
claims $(seq $i | sed 's,.*,way&/claims,')
is "$(grep -lE 'corrected to|# skip' way*/claims | wc -l | tr -d ' ')" $i 'no way ended early'
done_testing
