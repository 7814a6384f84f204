# SPDX-License-Identifier: BSD-2-Clause
# af-recalibrate promotes what is better, keeps what is not, and survives kills at any moment.
# With AFTOOLS_CRON=1 and as root it is also started by Debian's cron (two minutes).
. "$SRC/tests/tap.sh"
PATH=$SRC/scripts:$BUILD/aid:$PATH
AF_CAMERA=sim:$PWD/scope AF_STAGE=sim:$PWD/scope AF_LOCK_DIR=$PWD
export AF_CAMERA AF_STAGE AF_LOCK_DIR PATH
sim-truth 'scope?clock=virtual&seed=3&size=320x240&pixel=10' > truth

small='--stacks 4 --range 8um --step 400nm --epochs 2 --margin 0'
# shellcheck disable=SC2086 # words
recalibrate() { af-recalibrate $small "$@" d; }
fresh() { rm -rf d/days; }
link() { readlink d/model.safetensors; }

mkdir d
status_is 1 'no model' recalibrate
like "$(cat err)" '^af-recalibrate: d: model.safetensors: there is none' 'is said'
# One that knows frames of another instrument only: it trusts none here.
make-spot-stack --planes 80 --dz 0.1 -o known.ome.tif
make-model --half-range 5 --trust known.ome.tif -o d/model.safetensors

# ------------------------------------------------------- better, worse, roll back
ok 'a model of another instrument' recalibrate
like "$(cat out)" '^af-recalibrate: promoted ' 'is soon bettered'
like "$(link)" '^history/20..-..-..\.safetensors$' 'the model is a link into history'
like "$(cat d/log)" 'promoted' 'and the log says so'
promoted=$(link)
ok 'the same day again' recalibrate
like "$(cat out)" 'nothing to do' 'does nothing'
ok 'and with -q' recalibrate -q
is "$(cat out err)" '' 'says nothing'
is "$(find d/days -name 'stack-*' | wc -l | tr -d ' ')" 2 'the stacks that test are kept'
fresh
ok 'a margin that nobody reaches' recalibrate --margin 0.999
like "$(cat out)" '^af-recalibrate: kept ' 'keeps the model'
is "$(link)" "$promoted" 'as it was'
ok '--rollback' recalibrate --rollback
is "$(link)" history/0000-first.safetensors 'goes one model back'
status_is 1 'before the first' recalibrate --rollback
is "$(link)" history/0000-first.safetensors 'there is none'

# -------------------------------------------------------------- locks and kills
flock d/.lock sleep 2 &
sleep 0.5
status_is 75 'one at a time' recalibrate
wait
fresh
cp -L d/model.safetensors first.safetensors
lost=0
for ms in 050 150 300 500 800 1200 1700 2300; do
    # shellcheck disable=SC2086 # words
    setsid af-recalibrate $small -q d > /dev/null 2>&1 &
    sleep "$(awk -v ms=$ms 'BEGIN { print ms / 1000 }')"
    kill -KILL -$! 2> /dev/null
    wait $! 2> /dev/null
    af-predict -q -m d/model.safetensors "$SRC/testdata/spot.ome.tif" > table 2> err
    case $? in 0 | 4) ;; *) lost=$((lost + 1)) ;; esac
done
is "$lost" 0 'killed eight times, there was a whole model each time'
ok 'and the next one' recalibrate
like "$(cat d/log)" 'promoted|kept' 'comes to its end'

# ------------------------------------------------------------------- no stacks
fresh
status_is 3 'no stage' env AF_STAGE=tango:/dev/null sh -c "af-recalibrate $small d"
like "$(cat err)" 'd: no stacks' 'is told'
for args in '' 'd e' '--stacks 2 d' '--epochs x d'; do
    # shellcheck disable=SC2086 # words
    status_is 2 "usage error: $args" af-recalibrate $args
done

# ------------------------------------------------------------------------- cron
if [ "${AFTOOLS_CRON-}" ] && [ "$(id -u)" = 0 ] && command -v cron > /dev/null; then
    fresh
    before=$(wc -l < d/log)
    tabs=/etc/cron.d/aftools-test
    trap 'rm -f $tabs; kill "$daemon" 2> /dev/null' EXIT
    printf 'PATH=%s\nAF_CAMERA=%s\nAF_STAGE=%s\nAF_LOCK_DIR=%s\n* * * * * root cd %s && af-recalibrate %s -q d > cron.out 2>&1\n' \
        "$PATH" "$AF_CAMERA" "$AF_STAGE" "$PWD" "$PWD" "$small" > $tabs
    cron -f > /dev/null 2>&1 &
    daemon=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
        sleep 10
        [ "$(wc -l < d/log)" -lt $((before + 2)) ] || break
    done
    rm -f $tabs
    kill $daemon
    like "$(tail -n 2 d/log)" 'promoted|kept' 'cron runs it to its end'
    is "$(cat cron.out)" '' 'and has nothing to mail'
else
    skip 'a real cron' 'AFTOOLS_CRON is not set, or there is no cron, or this is not root'
fi
done_testing
