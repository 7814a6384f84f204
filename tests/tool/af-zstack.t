# SPDX-License-Identifier: BSD-2-Clause
# af-zstack and af-day: stacks over z, and days of them that survive whatever happens.
. "$SRC/tests/tap.sh"
xsd=$REALDATA/../reference/ome/ome.xsd XML_CATALOG_FILES=$REALDATA/../reference/ome/catalog.xml
export XML_CATALOG_FILES
AF_LOCK_DIR=$PWD PATH=$SRC/scripts:$PATH
AF_STAGE=sim:scope AF_CAMERA='sim:scope?clock=virtual&width=64&height=48'
export AF_CAMERA AF_STAGE AF_LOCK_DIR
# --exposure 1ms: so that so small a sensor is not saturated

column() { awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }'; }

# Where z is now: a frame says it.
z_now() { af-capture -q -n 1 | stack-info - | column z_um; }

# near A B: within 20 nm, ten times the noise of the simulated readback.
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 0.02 && d > -0.02) }'; }

# ---------------------------------------------------------------- one stack
before=$(z_now)
ok 'a stack' af-zstack --exposure 1ms --range 4um --step 200nm -o z.ome.tif
is "$(sed -n 2p out | cut -f 1,2)" "z.ome.tif	21" 'is a row with its planes'
stack-info z.ome.tif > info
is "$(wc -l < info | tr -d ' ')" 22 'which are there'
ok 'a plane every 200 nm, upwards' awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "z_um") c = i }
    NR > 2 && ($c - last < 0.18 || $c - last > 0.22) { bad = 1 } { last = $c } END { exit bad }' info
ok 'around where z stood' near "$(sed -n 12p info | cut -f 3)" "$before"
ok 'and back' near "$(z_now)" "$before"
is "$(stack-info -H --verify z.ome.tif 2>&1)" '' 'nothing is wrong with it'
stack-info --ome z.ome.tif > z.xml
for key in settle_ms_mean settle_ms_most z_error_um_rms z_before_um z_after_um; do
    ok "the file has $key" grep -q "K=\"$key\"" z.xml
done
like "$(cat z.xml)" 'PhysicalSizeZ="0.2"' 'and its step'

ok 'from here to there' af-zstack --from -3um --to 2um --step 1um -o ft.ome.tif
is "$(stack-info ft.ome.tif | column z_um | awk '{ printf "%.0f ", $1 + 100 }')" '97 98 99 100 101 102 ' 'in absolute positions'
ok 'a pipe gives a label' sh -c 'af-zstack --range 4um --step 100nm | af-label > labels.tsv'
is "$(column quality < labels.tsv | sort | uniq -c | awk '{ print $1, $2 }')" '41 ok' 'to each plane'

# ------------------------------------------------------------------- limits
before=$(z_now)
for bad in '--from 290um --to 310um' '--from -310um --to -290um' '--range 4mm'; do
    # shellcheck disable=SC2086
    status_is 5 "$bad is beyond the limits" af-zstack $bad --step 1um -o bad.ome.tif
    like "$(cat err)" 'limits of z are' 'which are told'
done
ok 'nothing has moved' near "$(z_now)" "$before"
is "$(ls bad.ome.tif* 2> /dev/null)" '' 'and nothing was written'
status_is 2 'a range upside down' af-zstack --from 3 --to 1 -o bad.ome.tif
status_is 2 'half a range' af-zstack --from 3 -o bad.ome.tif
status_is 2 'two ranges' af-zstack --from 3 --to 4 --range 5 -o bad.ome.tif
status_is 2 'a day without a folder' af-zstack --count 3
status_is 2 'no stage' env -u AF_STAGE af-zstack -o bad.ome.tif
cat > tight.conf << 'END'
[z]
min = -100
max = 100
max_step = 5
max_travel = 150
END
ok 'a way longer than the largest step is gone in several' \
    af-zstack --instrument tight.conf --from -40um --to -38um --step 1um -o far.ome.tif
status_is 5 'a step larger than it is not' \
    af-zstack --instrument tight.conf --from -40um --to -20um --step 10um -o bad.ome.tif
is "$(cat out)" '' 'and no table begins'
stands=$(af-move -H | cut -f 3)
{ af-zstack -q --range 4um --step 1um; echo $? > piped; } 2> err | :
is "$(cat piped)" 1 'a reader that goes away is an error'
like "$(cat err)" '^af-zstack: .*Broken pipe' 'that is told'
ok 'and the stage goes back all the same' \
    awk -v a="$stands" -v b="$(af-move -H | cut -f 3)" 'BEGIN { exit !((a - b) ^ 2 < 0.01) }'

# -------------------------------------------------------------------- a day
day='af-zstack --exposure 1ms --count 6 --range 2um --step 200nm --offset 500nm --lateral 20um --seed 7 -o day'
# check_day DIR STACKS PLANES: complete, whole, no plane twice
check_day()
{
    is "$(find "$1" -type f ! -name '*.ome.tif')" "$1/plan.tsv" "$1 has its plan and nothing else beside the stacks"
    is "$(ls "$1"/stack-*.ome.tif | wc -l | tr -d ' ')" "$2" "$1 has all stacks"
    stack-info -H "$1"/stack-*.ome.tif > info
    is "$(wc -l < info | tr -d ' ')" $(($2 * $3)) "$1 has all planes"
    is "$(cut -f 1,3 info | sort | uniq -d)" '' "$1 has no plane twice"
    for f in "$1"/stack-*.ome.tif; do stack-info -H --verify "$f" || echo "$f"; done > bad
    is "$(cat bad)" '' "$1 has nothing wrong"
    if command -v xmllint > /dev/null && [ -f "$xsd" ]; then
        for f in "$1"/stack-*.ome.tif; do
            stack-info --ome "$f" | xmllint --nonet --noout --schema "$xsd" - 2>&1 | grep -v 'validates$'
        done > bad
        is "$(cat bad)" '' "$1 is valid by the schema"
    else
        skip "$1 is valid by the schema" 'no xmllint, or no schema here'
    fi
}

# shellcheck disable=SC2086
ok 'a day' $day
check_day day 6 11
is "$(cut -f 3 day/plan.tsv | sort -u | wc -l | tr -d ' ')" 7 'whose stacks begin at random'
is "$(cut -f 6 day/plan.tsv | sort -u | wc -l | tr -d ' ')" 7 'at random places'
cp -r day whole
# shellcheck disable=SC2086
ok 'the same again' $day
is "$(diff -r day whole)" '' 'takes nothing twice'
rm day/stack-003.ome.tif
printf 'cut' > day/stack-005.ome.tif
# shellcheck disable=SC2086
ok 'what is missing or broken' $day
is "$(sed 1d out | cut -f 1 | tr '\n' ' ')" 'day/stack-003.ome.tif day/stack-005.ome.tif ' 'is taken'
check_day day 6 11
status_is 2 'another plan is not mixed in' af-zstack --count 6 --range 4um --step 200nm -o day

# Kill it at random, again and again. AF_TEST_LONG=1: a day of 100 stacks of 201 planes.
if [ "${AF_TEST_LONG:-}" ]; then stacks=100 planes=201 range=20um step=100nm pause=60
else stacks=20 planes=41 range=4um step=100nm pause=0.4; fi
kills=0
set -- --count $stacks --range $range --step $step --offset 1um --exposure 1ms --seed 3 -q
awk 'BEGIN { srand(11); for (i = 0; i < 5; i++) print rand() }' > pauses
while read -r share; do
    af-zstack "$@" -o killed > /dev/null & pid=$!
    sleep "$(awk -v s="$share" -v p=$pause 'BEGIN { print (0.05 + s) * p }')"
    kill -9 $pid 2> /dev/null && kills=$((kills + 1))
    wait $pid
done < pauses 2> killed.err
note "killed $kills times"
like "$kills" '^[1-5]$' 'a day is killed'
ok 'and resumed' af-day killed "$@"
is "$(wc -l < killed/labels.tsv | tr -d ' ')" $((stacks * planes + 1)) 'each plane has a label'
mv killed/labels.tsv killed.tsv
check_day killed $stacks $planes

# ----------------------------------------------------------------- signals
AF_CAMERA='sim:scope?clock=real' af-zstack --range 40um --step 100nm -q -o stopped.ome.tif > /dev/null 2> stopped.err & pid=$!
until [ -s stopped.ome.tif.part ] || ! kill -0 $pid; do sleep 0.02; done
kill -TERM $pid
wait $pid
is $? 143 'a signal ends a stack as the shell expects'
is "$(find . -name 'stopped.ome.tif*')" '' 'and nothing of it is kept'
# Started by a shell that is killed; then by one that is, with SIGHUP ignored.
orphan() # FILE
{
    # shellcheck disable=SC2016
    AF_CAMERA='sim:scope?clock=real' sh -c 'af-zstack --range 6um --step 100nm -q -o "$1" > orphan.tsv 2> orphan.err &
        echo $! > orphan.pid; wait' sh "$1" & pid=$!
    until [ -s "$1.part" ] || ! kill -0 $pid; do sleep 0.02; done
    kill -9 $pid
    wait $pid 2> /dev/null
    i=0
    while kill -0 "$(cat orphan.pid)" 2> /dev/null && [ $((i = i + 1)) -lt 500 ]; do sleep 0.02; done
}
if awk '/^SigIgn/ { exit $2 ~ /[13579bdf]$/ }' /proc/self/status; then
    orphan orphan.ome.tif
    like "$(cat orphan.err)" 'stopped, for the process that started it is gone' 'the end of the parent ends a stack'
    is "$(find . -name 'orphan.ome.tif*')" '' 'and nothing of it is kept'
else
    skip 'the end of the parent ends a stack' 'SIGHUP is ignored here, and no shell can change that'
fi
(trap '' HUP && orphan alone.ome.tif)
is "$(cut -f 1,2 orphan.tsv | tail -n 1)" 'alone.ome.tif	61' 'but not where SIGHUP is ignored'
ok 'the stage rests' sh -c 'af-capture -n 1 -o rests.ome.tif'
ok 'time runs by what is done again' af-capture --camera 'sim:scope?clock=virtual' -o v.ome.tif

# ----------------------------------------------------------------- the disk
status_is 1 'a day that the disk cannot hold' \
    af-zstack --count 99999 --range 590um --step 1nm --camera sim:big --stage sim:big -o huge
like "$(cat err)" 'GB are needed for 99999 stacks, .* GB are free' 'is not begun'
# A disk of its own, which another program fills when the third stack is begun.
cat > filling << 'END'
mount -t tmpfs -o size=40m none full || exit 99
af-zstack --exposure 1ms --count 40 --range 4um --step 100nm --seed 7 -o full/day > full.tsv 2> full.err & pid=$!
until [ -e full/day/stack-003.ome.tif.part ] || ! kill -0 $pid; do :; done
dd if=/dev/zero of=full/else bs=64k 2> dd.err
wait $pid
echo $? > full.status
ls full/day > full.after
rm full/else
af-zstack --exposure 1ms --count 40 --range 4um --step 100nm --seed 7 -q -o full/day > again.tsv || exit 1
cp -r full/day refilled
END
mkdir full
if unshare -rm sh ./filling 2> filling.err; then
    is "$(cat full.status)" 1 'a disk that fills up in the middle ends the day'
    like "$(cat full.err)" 'full/day/stack-0.*: No space left on device' 'and is told'
    like "$(grep -c 'ome.tif$' full.after)" '^([2-9]|[1-3][0-9])$' 'finished stacks stay'
    is "$(grep -c part full.after)" 0 'half a stack does not'
    is "$(cat full.tsv again.tsv | grep -c ome.tif)" 40 'with room again it goes on, and takes none twice'
    check_day refilled 40 41
else
    skip 'a disk that fills up in the middle' "no small file system to be had: $(tail -n 1 filling.err)"
fi
is "$(awk '$1 == "touched" { print $2 }' scope/state)" 0 'no hard stop was touched'
done_testing
