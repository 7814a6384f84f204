# SPDX-License-Identifier: BSD-2-Clause
# af-recalibrate promotes what is better, keeps what is not, and survives kills at any moment.
# With AFTOOLS_CRON=1 and as root it is also started by Debian's cron (five minutes); with AF_TEST_LONG=1 it is
# killed at 60 moments of a run instead of eight.
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

# A comparison that could not be made promotes nothing, whatever the other model is worth.
fresh
mv d/history/0000-first.safetensors first.safetensors
head -c 100 first.safetensors > d/history/0000-first.safetensors
mkdir stub
printf '#!/bin/sh\nfor a; do o=$b b=$a; case $o in -o) cp "%s" "$a" ;; esac; done\n' "$PWD/first.safetensors" > stub/af-train
chmod +x stub/af-train
status_is 1 'a model in use that is damaged' env PATH="$PWD/stub:$PATH" sh -c "af-recalibrate $small d"
like "$(cat err)" 'd: 0000-first.safetensors cannot be tried' 'is told'
is "$(link)" history/0000-first.safetensors 'and replaced by none that was not compared'
cp first.safetensors d/history/0000-first.safetensors

# -------------------------------------------------------------- locks and kills
flock d/.lock sleep 2 &
sleep 0.5
status_is 75 'one at a time' recalibrate
wait
fresh
cp -L d/model.safetensors first.safetensors
# whole: the model in place is one that predicts
whole() {
    af-predict -q -m d/model.safetensors "$SRC/testdata/spot.ome.tif" > table 2> err
    case $? in 0 | 4) ;; *) return 1 ;; esac
}
moments='50 150 300 500 800 1200 1700 2300'
[ -z "${AF_TEST_LONG-}" ] || moments=$(seq 40 40 2400)
lost=0
for ms in $moments; do
    # shellcheck disable=SC2086 # words
    setsid af-recalibrate $small -q d > /dev/null 2>&1 &
    sleep "$(awk -v ms="$ms" 'BEGIN { print ms / 1000 }')"
    kill -KILL -$! 2> /dev/null && [ -z "${AF_TEST_LONG-}" ] || fresh # a run that came to its end: another
    wait $! 2> /dev/null
    whole || lost=$((lost + 1))
done
is "$lost" 0 "killed at $(echo "$moments" | wc -w) moments, there was a whole model each time"
ok 'and the next one' recalibrate
like "$(cat d/log)" 'promoted|kept' 'comes to its end'

# ------------------------------------------------------------------- no stacks
fresh
status_is 3 'no stage' env AF_STAGE=tango:/dev/null sh -c "af-recalibrate $small d"
like "$(cat err)" 'd: no stacks' 'is told'
for args in '' 'd e' '--stacks 2 d' '--epochs x d' '--margin x d' '--margin 1 d' '--range 3kg d'; do
    # shellcheck disable=SC2086 # words
    status_is 2 "usage error: $args" af-recalibrate $args
done

# ------------------------------------------------------------------------- cron
if [ -z "${AFTOOLS_CRON-}" ] || [ "$(id -u)" != 0 ] || ! command -v cron > /dev/null || [ ! -d /etc/cron.d ]; then
    skip 'a real cron' 'AFTOOLS_CRON is not set, or there is no cron, or this is not root'
    done_testing
fi
tabs=/etc/cron.d/aftools-test daemon=''
trap 'rm -f $tabs; [ -z "$daemon" ] || kill "$daemon" 2> /dev/null' EXIT
if ! pidof cron > /dev/null; then
    cron -f > /dev/null 2>&1 &
    daemon=$!
fi
# tab PATH SECOND...: each minute, at these seconds; what is printed would be mailed
tab() {
    cp d/log log.before
    {
        printf 'PATH=%s\nAF_CAMERA=%s\nAF_STAGE=%s\nAF_LOCK_DIR=%s\nSHELL=/bin/sh\n' "$1" "$AF_CAMERA" "$AF_STAGE" "$PWD"
        shift
        for second; do
            printf '* * * * * root cd %s && sleep %d && echo $$ > job && exec af-recalibrate %s -q d >> mail 2>&1\n' \
                "$PWD" "$second" "$small"
        done
    } > tab.new
    chmod 644 tab.new
    cp tab.new $tabs.new && mv $tabs.new $tabs
}
# comes SECONDS FILE: the file appears
comes() { t=0; while [ ! -s "$2" ] && [ $t -lt $(($1 * 20)) ]; do sleep 0.05; t=$((t + 1)); done; [ -s "$2" ]; }
# ended: how a run ends that cron has begun since then, by the log
ended() {
    t=0
    while ! diff log.before d/log | grep -E 'promoted|kept|failed' && [ $t -lt 150 ]; do sleep 1; t=$((t + 1)); done
    rm -f $tabs
    flock d/.lock true
}

rm -rf d mail
mkdir d
make-model --half-range 5 --trust known.ome.tif -o d/model.safetensors
: > d/log
tab "$PATH" 0
like "$(ended)" 'promoted' 'cron: a better model is promoted'
like "$(link)" '^history/20' 'and is the model'
is "$(cat mail)" '' 'nothing to mail'

# A training that goes wrong: its model is worse, truly.
mkdir bad
printf '#!/bin/sh\nexec %s/af-train "$@" --lr 0.3\n' "$BUILD" > bad/af-train
chmod +x bad/af-train
fresh
cp -L d/model.safetensors good.safetensors
tab "$PWD/bad:$PATH" 0
like "$(ended)" 'kept' 'cron: a worse one is not'
same d/model.safetensors good.safetensors 'and the model is as it was'
note "$(grep 'today, trusted' d/log | tail -n 1)"
is "$(cat mail)" '' 'nothing to mail'

# Killed by SIGKILL, all that cron began, at moments from its start to its end; one that has ended makes room for another.
fresh
began=$(date +%s%N)
# shellcheck disable=SC2086 # words
af-recalibrate $small -q d
takes=$(($(date +%s%N) - began))
fresh
rm -f job
tab "$PATH" 0 8 16 24 32 40 48
lost=0 killed=0
for percent in 5 15 30 45 60 75 90; do
    comes 70 job || break
    sleep "$(awk -v ns="$takes" -v p=$percent 'BEGIN { print ns / 1e9 * p / 100 }')"
    if kill -KILL "-$(cut -d ' ' -f 5 "/proc/$(cat job)/stat" 2> /dev/null)" 2> /dev/null; then
        killed=$((killed + 1))
    else
        fresh
    fi
    rm -f job
    whole || lost=$((lost + 1))
done
note "$killed of 7 runs were killed"
ok 'cron: most runs were killed under way' test $killed -ge 4
is "$lost" 0 'and each left a whole model'
like "$(ended)" 'promoted|kept' 'the next one comes to its end'
is "$(cat mail)" '' 'nothing to mail'
done_testing
