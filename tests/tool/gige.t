# SPDX-License-Identifier: BSD-2-Clause
# GigE Vision frames arrive once, all of them, each with the z that it was taken at. AF_TEST_LONG=1: 10,000.
. "$SRC/tests/tap.sh"
AF_LOCK_DIR=$PWD
export AF_LOCK_DIR
run_gige=$BUILD/aid/gige-run
[ -x "$run_gige" ] || skip_all "$run_gige is not there: make check"
run "$run_gige" 1 64 48
[ "$status" != 77 ] || skip_all 'built without Aravis'

frames=100
[ -z "${AF_TEST_LONG:-}" ] || frames=10000
none='^[0-9]* frames, 0 lost, 0 duplicated, 0 mislabelled'
ok 'large frames arrive' "$run_gige" "$frames" 640 480
like "$(cat out)" "$none" 'each once, with its z'
note "640x480 Mono16: $(cat out)"
ok 'small ones too' "$run_gige" 300 64 48
like "$(cat out)" "$none" 'each once, with its z'
note "64x48 Mono16: $(cat out)"
for fault in drop=0.05 tear=0.05 repeat=0.3 drop=0.03,tear=0.03,repeat=0.2,lose=0.02; do
    ok "$fault: all arrive" "$run_gige" 40 64 48 "$fault,seed=5"
    like "$(cat out)" "$none" "$fault: each once, with its z"
    note "$(cat out)"
done
# Of 69 packets each: without sending again three frames of four would be torn.
ok 'lost packets are sent again' "$run_gige" 30 640 480 lose=0.02,seed=6
like "$(cat out)" "$none, [0-5] retaken" 'and few frames are'
note "$(cat out)"
# Frames that nobody asked for are passed over where they are torn, but not for ever.
eval "$(scope-sim --camera gige --camera-faults tear=1)"
status_is 3 'frames that are all torn' timeout 60 af-capture -q --trigger free --timeout 500ms -n 1 -o torn.tif
like "$(cat err)" '^af-capture: aravis:.*: (a|no) frame ' 'are an error of the camera'
eval "$(scope-sim -k)"
status_is 1 'a camera that goes is an error' "$run_gige" 40 64 48 gone=10
like "$(cat err)" 'aravis:' 'of the camera'
done_testing
