# SPDX-License-Identifier: BSD-2-Clause
# Each allocation, read, write, fsync, rename, ... of each tool is failed in turn, n = 1, 2, ... until a run gets past the
# last. What a run owes then stands in tests/aid/inturn.c, how calls are failed in tests/fault/fault.c. Under the
# sanitizers a leak or a wrong access on the way out is a failure too.
#
# What is not asked: where an allocation that libtiff makes for itself fails, libtiff 4.5.0 crashes in some places. It counts a
# custom tag before the array of tags has grown, so that TIFFSetField, TIFFGetField and TIFFFreeDirectory go through NULL or
# past the end (_TIFFVSetField), and the caller cannot come between. Such a run is counted as `crashed in libtiff` when the
# innermost code that is not the C library's is libtiff's; the number is printed. libxml2, libpng and zlib give no such cause.
. "$SRC/tests/tap.sh"

inturn=$BUILD/aid/inturn
[ -x "$inturn" ] && [ -e "$BUILD/fault.so" ] || skip_all "needs Linux: $BUILD/fault.so and inturn are not there"

# LeakSanitizer and AddressSanitizer end with 99, a status that no tool has.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:exitcode=99"

# in_turn NAME KINDS OPTIONS-OF-INTURN PROGRAM [ARGUMENT]...
in_turn()
{
    name=$1 kinds=$2 options=$3
    shift 3
    for kind in $kinds; do
        case ${SAN:-}/$kind in
        *address*/malloc*+) continue ;; # as many runs again, and nothing new that could leak
        esac
        # shellcheck disable=SC2086 # options are words
        "$inturn" -j 2 -c libtiff $options "$kind" "$@" > log 2>&1
        case $? in
        0) tap_pass "$name: $kind: $(tail -n 1 log)" ;;
        77) skip "$name: $kind" "$(cat log)" ;;
        *)
            tap_fail "$name: $kind" 'every run right' "$(tail -n 1 log)"
            note "$(cat log)"
            ;;
        esac
    done
}

# Three planes, as text so that any awk can make them.
awk 'BEGIN {
    for (z = 0; z < 3; z++) {
        printf "P2\n# z_um=%d.5 exposure_ms=10 time_s=%d\n16 12\n4095\n", z, z
        for (i = 0; i < 192; i++) printf "%d\n", 100 + i * (z + 7) % 3000
    }
}' > plain.pgm
stack-copy plain.pgm -o in.ome.tif && stack-copy --format pgm in.ome.tif -o in.pgm || exit 1
# Two gray PNG of 16x12, 8 bit: pixel (x, y) is v + x y, v = 0 and 40.
base64 -d > k-0um.png << 'END'
iVBORw0KGgoAAAANSUhEUgAAABAAAAAMCAAAAABOjGJdAAAAxUlEQVR42mNgwACMTMwsrGzsHJxc3Dy8fPwMDEwsbBxcPHwCQiJiElIycgwMz
GycPPxCohLScooq6lq6DAwsHDwCIhIyCioaOgYmFjYMDKxc/CKScsoaukbmNo5u3gwMbDxCEnIqWgZmNk4efiFRDAzsfKIyylqGFvZuviHRSZ
kMDBwCEgoaBhYOHgERCRkFFQwMnELSKrpm9h6BUck5pXXtDAxcInIaRjZuAVEpeRVNPdMYGLjFFHXMnXwjkvMqW/pnLQUAiaUe8UNdoNIAAAA
ASUVORK5CYII=
END
base64 -d > k-1um.png << 'END'
iVBORw0KGgoAAAANSUhEUgAAABAAAAAMCAAAAABOjGJdAAAAyUlEQVR42mPQQAMMGppa2jq6evoGhkbGJqZm5gwaWjp6BkYmZhZWNnYOTi5uD
BraeoYm5la2Ds5unj7+QaEMGjoGJhY2Di4ePgEhETEJKQwaukbmNo5u3gGhUfEpmXnFDBp6JlYObj5BEXEpWQVlNU0MGvpmti7eQZEJ6XmlNc
1dExk0DCwcPAIiEjIKKho6JsxYwKBhaOXsExqXXlDZ1D1l7rL1DBpGNm4BUSl5FU090xas2rKPQcPYzjMkPqu0oXvawjXbD50FAH5ZPPFf6sq
NAAAAAElFTkSuQmCC
END

# What makes hundreds of calls, each of which the same code makes, is failed in turn with AF_TEST_LONG=1.
long() { [ -z "${AF_TEST_LONG:-}" ] || printf '%s' "$*"; }

memory='malloc:ENOMEM malloc:ENOMEM+'
reading='read:EIO read:EIO+ read:EINTR read:short open:EMFILE open:EMFILE+ open:EACCES close:EIO stat:EIO stat:EIO+'
writing='write:EIO write:ENOSPC write:ENOSPC+ write:EINTR write:short'
lasting='fsync:EIO fsync:ENOSPC fsync:EINTR rename:EIO rename:ENOSPC rename:EINTR'

in_turn 'stack-info' "$memory $reading $writing" '' stack-info ../in.ome.tif
in_turn 'stack-info of a pipe' "$memory read:EIO read:EINTR read:short $writing" '-i ../in.pgm' stack-info
in_turn 'stack-info of PGM' "$memory $reading seek:EIO seek:EIO+" '' stack-info ../in.pgm
in_turn 'stack-info of several' "$memory $reading $writing" -b stack-info ../in.ome.tif ../plain.pgm
in_turn 'stack-info --join' "$memory $reading" '' \
    stack-info --join --z-from-name k-%fum ../k-0um.png ../k-1um.png
in_turn 'stack-info --ome' "$memory $writing" '' stack-info --ome ../in.ome.tif
in_turn 'stack-info --verify' "$memory $reading" '' stack-info --verify ../in.ome.tif

in_turn 'stack-copy' "$memory $reading $writing $lasting truncate:EIO lock:EIO lock:EINTR" '-o out.tif' \
    stack-copy ../in.ome.tif -o out.tif
in_turn 'stack-copy over an old file' "$memory $writing $lasting open:EMFILE close:EIO stat:EIO" \
    '-o out.tif -O' stack-copy ../in.ome.tif -o out.tif
in_turn 'stack-copy of a pipe' "$memory read:EIO read:EINTR read:short $writing $lasting" \
    '-i ../in.pgm -o out.tif' stack-copy -o out.tif
in_turn 'stack-copy from pipe to pipe' "$memory read:EIO read:EINTR read:short $writing" \
    '-i ../in.ome.tif' stack-copy
in_turn 'stack-copy to PGM' "$memory $reading $writing $lasting" '-o out.pgm -O' \
    stack-copy --format pgm ../in.ome.tif -o out.pgm
in_turn 'stack-copy to PGM on stdout' "$memory $writing" '-i ../in.pgm' stack-copy --format pgm

in_turn 'stack-show' "$memory $reading $writing $lasting" '-o out.png' \
    stack-show ../in.ome.tif -o out.png
in_turn 'stack-show over an old file' "$writing $lasting close:EIO stat:EIO" '-o out.png -O' \
    stack-show ../in.ome.tif -o out.png

"$BUILD/aid/make-spot-stack" --bits 8 --z0 -1.5 --dz 0.5 --planes 7 --focus 0.2 --rayleigh 1 --light 3 --black 10 \
    --noise 1 --gain 0.05 --seed 1 --date 2026-11-21T10:00:00 --waist 2 --width 32 --height 24 -o spot.tif || exit 1
in_turn 'af-label' "$memory $reading $writing $lasting" '-o curve.tsv' \
    af-label -q ../spot.tif --curve curve.tsv
in_turn 'af-label over an old curve' "$writing $lasting" '-o curve.tsv -O' \
    af-label -q ../spot.tif --curve curve.tsv
for k in 2 3 4; do cp k-$((k % 2))um.png k-${k}um.png; done
in_turn 'af-label --join without an answer' 'malloc:ENOMEM read:EIO open:EMFILE stat:EIO' '-s 4' \
    af-label -q --join --z-from-name k-%fum ../k-0um.png ../k-1um.png ../k-2um.png ../k-3um.png ../k-4um.png
# With two threads the n-th allocation is another one in each run.
in_turn 'af-label on two threads' "malloc:ENOMEM thread:EAGAIN thread:EAGAIN+ read:EIO close:EIO $writing" -b \
    af-label -q -j 2 ../spot.tif ../in.ome.tif

# Frames of a replay, of a stream, and of a microscope that shows the same whenever it is asked.
export SOURCE_DATE_EPOCH=1700000000 AF_LOCK_DIR="$PWD"
in_turn 'af-capture of a replay' "$memory $reading $writing $lasting" '-o out.tif' \
    af-capture -q --camera file:../in.ome.tif -n 2 -o out.tif
in_turn 'af-capture of a stream' "malloc:ENOMEM read:EIO read:EINTR read:short open:EMFILE $writing" '-o out.tif' \
    af-capture -q --camera pgm:../in.pgm -n 3 -o out.tif
in_turn 'af-capture of sim:' "malloc:ENOMEM $reading $writing $lasting lock:EIO" '-j 1 -o now.png' af-capture -q -n 1 \
    --camera 'sim:../scope?preset=ideal&noise=0&clock=virtual&width=32&height=24' --preview now.png -o /dev/null
unset SOURCE_DATE_EPOCH

# A stage that is where it is sent already, in virtual time; -j 1, for there is one of it.
export AF_STAGE="sim:$PWD/stage"
af-move -q --stage "$AF_STAGE?preset=ideal&clock=virtual" -z 5 > out || exit 1
printf 'z_um\tdefocus_um\ttrust\n5\t0\tok\n' > correction.tsv
in_turn 'af-move' "malloc:ENOMEM malloc:ENOMEM+ $reading $writing lock:EIO truncate:EIO" '-j 1' af-move -q -z 5
in_turn 'af-move --correct' 'malloc:ENOMEM read:EIO read:EINTR read:short' '-j 1 -i ../correction.tsv' \
    af-move -q --correct
# Two planes, 2 nm apart, of a microscope that both devices share; a file tells when its planes were taken. Its
# calls are nearly all the simulator's, for its state.
cat > check-stack << 'END'
[ ! -e z.tif ] || {
    [ "$(stack-info -q -H z.tif | cut -f 3 | tr '\n' ' ')" = '1 1.002 ' ] || echo 'other planes'
    stack-info -q -H --verify z.tif
    rm z.tif
}
END
af-move -q --stage "$AF_STAGE?noise=0&width=32&height=24" -z 1 > out || exit 1
in_turn 'af-zstack' "malloc:ENOMEM open:EMFILE open:EACCES close:EIO stat:EIO $lasting truncate:EIO $(long "$writing" \
    read:EIO read:EIO+ read:EINTR read:short lock:EIO lock:EINTR)" '-j 1 -C ../check-stack' af-zstack -q \
    --camera "$AF_STAGE" --from 1 --to 1.002 --step 2nm --lead 2nm --exposure 1ms -o z.tif
unset AF_STAGE

# A model is some 6000 allocations, nearly all in jansson: they are failed once.
size='--width 100 --height 100'
# shellcheck disable=SC2086 # words
"$BUILD/aid/make-spot-stack" $size --planes 70 -o trusted.tif && "$BUILD/aid/make-spot-stack" $size --planes 2 -o two.tif &&
    "$BUILD/aid/make-model" --trust trusted.tif --constant 0.25 -o model && stack-copy -q --format pgm two.tif -o two.pgm &&
    af-label -q trusted.tif > labels.tsv || exit 1
in_turn 'af-predict' "malloc:ENOMEM $reading $writing" '' af-predict -q --labels ../labels.tsv -m ../model ../two.tif
in_turn 'af-predict --long --short' 'read:EIO open:EMFILE' '' \
    af-predict -q --long ../model --short ../model ../two.tif
"$BUILD/aid/make-day" --stacks 2 --planes 5 --width 100 -o day > day.tsv && af-train -q --arch lut -o table day.tsv > /dev/null || exit 1
in_turn 'af-predict with a table' 'malloc:ENOMEM read:EIO read:short' '' \
    af-predict -q --labels ../day.tsv -m ../table ../day1-1.ome.tif
in_turn 'af-predict --stream' "read:EIO read:EINTR read:short $writing" '-i ../two.pgm' \
    af-predict -q --stream -m ../model
in_turn 'af-predict on two threads' "thread:EAGAIN thread:EAGAIN+ read:EIO $writing" -b \
    af-predict -q -j 2 -m ../model ../trusted.tif

printf 'well\tz_um\nA1\t3000\nA2\t3010\n' > heights.tsv
printf '{"dimensions":{"yDimension":9},"wells":{"A1":{"x":1,"y":8},"A2":{"x":2,"y":8}}}' > labware.json
in_turn 'plate-snake' "$memory $reading $writing $lasting" '-o wells.tsv' \
    plate-snake --z-from ../heights.tsv --fields 2 -o wells.tsv ../labware.json
in_turn 'plate-snake to positions' "malloc:ENOMEM $writing" '-i ../labware.json' \
    plate-snake --format positions

"$BUILD/aid/make-bead-stack" --beads 2 --width 64 --height 48 --planes 9 -o beads.tif > /dev/null || exit 1
in_turn 'psf-eval' "malloc:ENOMEM $reading $writing $lasting" '-o beads.tsv' \
    psf-eval -q -j 1 --summary --beads beads.tsv ../beads.tif
in_turn 'psf-eval with a report' "malloc:ENOMEM $writing" '-o r.json -O' \
    psf-eval -q -j 1 --report r.json ../beads.tif

# Score maps, masks and heights of a small stack.
awk 'BEGIN {
    for (z = 0; z < 4; z++) {
        printf "P2\n# z_um=%d\n40 30\n255\n", z
        for (i = 0; i < 1200; i++) print (i * (z + 7) * 13) % 251
    }
}' > deep.pgm
stack-copy -q deep.pgm -o deep.tif && focus-map -q -o map.tif deep.tif || exit 1
in_turn 'focus-map' "malloc:ENOMEM read:EIO open:EMFILE $writing $lasting" '-o out.tif' \
    focus-map -q -j 1 --measure std,entropy --region 4,4,9,9 -o out.tif ../deep.tif
in_turn 'focus-mask' "malloc:ENOMEM read:EIO open:EMFILE $writing $lasting" '-o out.tif' \
    focus-mask -q -o out.tif ../map.tif
in_turn 'focus-fuse' "malloc:ENOMEM read:EIO open:EMFILE $writing $lasting" '-o out.tif' \
    focus-fuse -q -j 1 -o out.tif ../deep.tif

# Two small stacks and masks teach a network for an epoch; it makes masks.
for half in a b; do
    awk 'BEGIN {
        for (z = 0; z < 2; z++) {
            printf "P2\n# z_um=%d\n16 16\n255\n", z
            for (i = 0; i < 256; i++) print (i * (z + 7) * 13) % 251
        }
    }' | stack-copy -q -o $half.tif -
    awk 'BEGIN {
        for (z = 0; z < 2; z++) {
            printf "P2\n16 16\n255\n"
            for (i = 0; i < 256; i++) print (i % 16 > 4 * z + 3) * 255
        }
    }' | stack-copy -q -o $half-mask.tif -
done
train='focus-train -q -j 1 --arch unet-small --tile 16 --batch 1 --epochs 1 --masks ../%-mask.tif -o unet.safetensors ../a.tif ../b.tif'
# Rows tell how long they took. A checkpoint that is left behind leads to the model that was due.
cat > check-train << END
{
    cut -f 1-5,8 > log
    [ \$1 != 0 ] || cmp log ../good.log
    [ ! -e unet.safetensors.checkpoint ] || $train > again || echo 'no way on'
    [ ! -e unet.safetensors ] || cmp unet.safetensors ../unet.safetensors
} 2>&1
rm -f log again unet.safetensors
END
mkdir first && (cd first && $train > ../log) && mv first/unet.safetensors . && cut -f 1-5,8 log > good.log || exit 1
in_turn 'focus-train' "read:EIO read:EINTR read:short open:EMFILE open:EACCES close:EIO stat:EIO $lasting \
    $(long malloc:ENOMEM "$writing")" '-C ../check-train' $train
in_turn 'focus-segment' 'malloc:ENOMEM read:EIO open:EMFILE write:ENOSPC fsync:EIO rename:EIO' '-o out.tif' \
    focus-segment -q -j 1 -m ../unet.safetensors -o out.tif ../deep.tif

done_testing
