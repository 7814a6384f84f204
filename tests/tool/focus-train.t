# SPDX-License-Identifier: BSD-2-Clause
# focus-train, focus-segment: models, logs, splits, masks, kills and resumes, every status.
. "$SRC/tests/tap.sh"
PATH=$BUILD/aid:$PATH
[ -x "$BUILD/aid/make-focus-stack" ] || skip_all "$BUILD/aid is not there: make check"
tab=$(printf '\t')
header="epoch${tab}train_loss${tab}val_loss${tab}val_iou${tab}lr${tab}seconds${tab}tiles_per_s${tab}best"

# meta KEY MODEL: a text of the metadata.
meta() { tr '\0' '\n' < "$2" | LC_ALL=C grep -ao "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

# steady FILE: a log without what differs from run to run, the time.
steady() { cut -f 1-5,8 "$1"; }

mkdir stacks masks
for i in 1 2 3; do
    make-focus-stack -o stacks/s$i.ome.tif --truth masks/s$i.tif --side 40 --slices 7 --seed $i || exit 1
done
small='--arch unet-small --tile 32 --epochs 2 -j 1'
train() { focus-train -q $small --masks masks/%.tif "$@" stacks/s1.ome.tif stacks/s2.ome.tif stacks/s3.ome.tif; }

# -------------------------------------------------------------- focus-train
ok 'a network is trained by masks' train -o a.safetensors
cp out a.log
is "$(cat err)" '' 'and nothing is said'
is "$(head -n 1 out)" "$header" 'the header is the contract'
is "$(cut -f 1 out | tr '\n' ' ')" 'epoch 1 2 ' 'a row for each epoch'
is "$(awk -F '\t' 'NR > 1 && !($2 > 0 && $3 > 0 && $4 >= 0 && $4 <= 1 && $5 == 0.001 && $7 > 0)' out)" '' 'with losses, IoU, rate and speed'
is "$(ls)" "$(printf '%s\n' a.log a.safetensors err masks out stacks)" 'no checkpoint is left'
is "$(meta format a.safetensors) $(meta arch a.safetensors) $(meta network a.safetensors)" 'aftools-model/1 unet unet-small' 'format'
is "$(meta train_stacks a.safetensors) $(meta val_stacks a.safetensors) $(meta teacher a.safetensors)" '2 1 masks' 'a whole stack validates'
is "$(meta tile a.safetensors) $(meta train_tiles a.safetensors) $(meta val_tiles a.safetensors)" '32, every 24 56 28' 'tiles'
is "$(meta val_iou a.safetensors)" "$(sort -gr -k 4 a.log | awk -F '\t' '$8 == 1 { print $4; exit }')" 'IoU of the best epoch'

ok 'the same again' train -o b.safetensors
same b.safetensors a.safetensors 'gives the same bytes'
is "$(steady out)" "$(steady a.log)" 'and the same log'
ok 'another seed' train --seed 2 -o b.safetensors
is "$(cmp -s a.safetensors b.safetensors || echo differs)" differs 'gives others'
ok 'by a rule' focus-train -q $small --teach fit --measure std,smd2,brenner -o t.safetensors stacks/*.tif
is "$(meta teacher t.safetensors)" 'rule fit, tolerance 1, by std brenner smd2' 'it says which, and by which measures'
ok 'all rules' sh -c "for r in peak ref stack slice; do
    focus-train -q $small --epochs 1 --teach \$r -o r.safetensors stacks/*.tif || exit 1; done"
ok 'no validation' train -H --val-fraction 0 -o b.safetensors
is "$(awk -F '\t' '{ print $3, $4, $8 }' out | uniq)" 'NA NA 1' 'is NA, each epoch the best, and -H leaves the header out'
ok 'a stack that is named' focus-train -v $small --masks masks/%.tif --val stacks/s2.ome.tif -o v.safetensors stacks/s1.ome.tif
like "$(cat err)" '^focus-train: 14 slices of 2 stacks: 28 tiles train, 28 of 1 stacks validate; unet-small, 481745 parameters; kernels ' 'validates, and it is said'
is "$(meta split v.safetensors)" 'stacks that were named' 'the model tells'
ok 'more epochs on a model' focus-train -q --init a.safetensors --tile 32 --epochs 1 --still --schedule cosine --masks masks/%.tif -o b.safetensors stacks/*.tif
is "$(meta network b.safetensors) $(meta turned b.safetensors) $(meta schedule b.safetensors)" 'unet-small no cosine' 'of its network'
for arch in unet unet-512 unet-z; do
    ok "$arch" focus-train -q --arch $arch --tile 32 --epochs 1 --masks masks/%.tif -o $arch.safetensors stacks/*.tif
    is "$(meta network $arch.safetensors)" $arch 'is trained'
done
if command -v gnuplot > /dev/null; then
    ok 'a plot' train --plot loss.svg -o b.safetensors
    like "$(cat loss.svg)" 'validation IoU' 'shows losses and IoU'
else
    skip 'a plot' 'no gnuplot here'
fi

# Kills. Each run goes on from where the last was killed until one ends.
cat > finish << END
case \$1 in 0 | 130 | 137) ;; *) echo "status \$1"; exit 1 ;; esac
focus-train -q $small --masks masks/%.tif --resume -o k.safetensors stacks/*.tif > k.log 2> k.err || { cat k.err; exit 1; }
cmp k.safetensors a.safetensors || exit 1
[ "\$(cut -f 1-5,8 k.log)" = "\$(cut -f 1-5,8 a.log)" ] || { echo 'another log'; exit 1; }
rm -f k.safetensors
END
# shellcheck disable=SC2086 # a list of words
ok 'killed at random and resumed, it ends in the same bytes' \
    signalled 9 1 3 finish focus-train -q $small --masks masks/%.tif -o k.safetensors stacks/s1.ome.tif stacks/s2.ome.tif stacks/s3.ome.tif
note "$(cat out)"
# shellcheck disable=SC2086
ok 'interrupted and resumed too' \
    signalled 2 2 3 finish focus-train -q $small --masks masks/%.tif -o k.safetensors stacks/s1.ome.tif stacks/s2.ome.tif stacks/s3.ome.tif
note "$(cat out)"

: > s.log
# shellcheck disable=SC2086
focus-train $small --masks masks/%.tif --epochs 100000 -o s.safetensors stacks/*.tif >> s.log 2> s.err &
pid=$!
while kill -0 $pid 2> /dev/null && [ "$(wc -l < s.log)" -lt 3 ]; do sleep 0.1; done
kill -TERM $pid
wait $pid
is "$?" 143 'a run that is stopped ends by the signal'
like "$(cat s.err)" '^focus-train: stopped after [0-9]+ epochs, the best model so far is kept; --resume goes on' 'says so'
ok 'the model is there' focus-segment -q -m s.safetensors -o m.tif stacks/s1.ome.tif
status_is 1 'other options' train --epochs 100000 --lr 1e-4 --resume -o s.safetensors
like "$(cat err)" '^focus-train: s.safetensors.checkpoint: made by another set-up: its lr 0.001' 'do not go on from its checkpoint'
head -c 5000 s.safetensors.checkpoint > short && mv short s.safetensors.checkpoint
status_is 1 'a damaged checkpoint' train --epochs 100000 --resume -o s.safetensors
like "$(cat err)" '^focus-train: s.safetensors.checkpoint: damaged' 'is refused'

status_is 4 'a rate that is too large' train --lr 1e3 --epochs 30 -o d.safetensors
like "$(cat err)" '^focus-train: epoch [0-9]+: the loss is no finite number' 'diverges'

while read -r words; do
    # shellcheck disable=SC2086
    status_is 2 "focus-train $words" focus-train $words
done << 'END'

-o x.safetensors
stacks/s1.ome.tif
-o - stacks/s1.ome.tif
-o x --masks masks/s1.tif stacks/s1.ome.tif
-o x --masks masks/% --teach fit stacks/s1.ome.tif
-o x --teach best stacks/s1.ome.tif
-o x --measure sharp stacks/s1.ome.tif
-o x --arch unet-1024 stacks/s1.ome.tif
-o x --tile 100 stacks/s1.ome.tif stacks/s2.ome.tif
END
status_is 1 'one stack' focus-train -o x stacks/s1.ome.tif
like "$(cat err)" '^focus-train: one stack cannot both train and validate' 'has nothing to validate with'
status_is 1 'a stack that is not there' focus-train -o x none.tif stacks/s1.ome.tif
is "$(cat out)" '' 'has no table'
status_is 1 'a mask that is not there' focus-train --masks none/%.tif -o x stacks/*.tif
like "$(cat err)" '^focus-train: none/s1.tif: No such file' 'is named'
status_is 1 'masks of another size' focus-train --masks other/%.tif -o x stacks/*.tif
make-focus-stack -o short.tif --truth short-mask.tif --side 40 --slices 6
mkdir other && cp short-mask.tif other/s1.tif
status_is 1 'masks of fewer planes' focus-train --masks other/%.tif -o x stacks/*.tif
like "$(cat err)" '^focus-train: other/s1.tif: 7 planes are needed' 'are refused'
status_is 1 'a folder that is not there' train -o none/x.safetensors
status_is 1 'a model that is none' focus-train -q --init out -o x stacks/*.tif
is "$(find . -name 'x*' | wc -l | tr -d ' ')" 0 'nothing is left of all that'

# ------------------------------------------------------------ focus-segment
seg() { focus-segment -q -m a.safetensors "$@"; }
ok 'masks' seg -o m.ome.tif stacks/s1.ome.tif
is "$(stack-info m.ome.tif | awk -F '\t' 'NR > 1 { print $8, $9, $10, ($11 == 0 || $11 == 255), ($12 == 0 || $12 == 255) }' | sort -u)" '40 40 8 1 1' 'of the size of the slices, 0 and 255'
is "$(stack-info -H m.ome.tif | cut -f 3)" "$(stack-info -H stacks/s1.ome.tif | cut -f 3)" 'with the z of the slices'
ok 'again, on three threads' seg -j 3 --memory 1 -o m3.ome.tif stacks/s1.ome.tif
same m3.ome.tif m.ome.tif 'the same bytes'
ok 'probabilities' seg --probability -o p.ome.tif stacks/s1.ome.tif
is "$(stack-info -H p.ome.tif | awk -F '\t' '$11 < 0 || $12 > 1 || $10 != 32')" '' 'are floats from 0 to 1'
ok 'averaged' seg --average --probability -o pa.ome.tif stacks/s1.ome.tif
is "$(stack-info -H pa.ome.tif | awk -F '\t' '$11 < 0 || $12 > 1.000001')" '' 'they are probabilities still'
is "$(cmp -s pa.ome.tif p.ome.tif || echo differs)" differs 'others'
ok 'all' seg --threshold 0 --masked x.ome.tif stacks/s1.ome.tif
is "$(stack-info -H x.ome.tif | cut -f 10-13)" "$(stack-info -H stacks/s1.ome.tif | cut -f 10-13)" 'is above 0: the masked stack is the stack'
ok 'nothing' seg --threshold 1 --masked x.ome.tif stacks/s1.ome.tif
is "$(stack-info -H x.ome.tif | cut -f 12 | sort -u)" 0 'is above 1'
ok 'compared' seg --compare m.ome.tif stacks/s1.ome.tif
is "$(tail -n 1 out | cut -f 2)" NA 'one row for all'
is "$(awk -F '\t' 'NR > 1 && $3 != 1 && $3 != "NA"' out)" '' 'a mask agrees with itself'
ok 'a stream' sh -c "stack-copy --format=pgm -o - stacks/s1.ome.tif | focus-segment -q -m a.safetensors --stream > m.pgm"
ok 'gives the same masks' seg --compare m.pgm stacks/s1.ome.tif
is "$(tail -n 1 out | cut -f 3)" "$(seg -H --compare m.ome.tif stacks/s1.ome.tif | tail -n 1 | cut -f 3)" 'as the file'
for i in 1 3; do
    make-focus-stack -o few.tif --truth few-mask.tif --side 33 --slices 6 --seed $i
    ok 'a network that sees five slices' focus-segment -q -m unet-z.safetensors -j 3 -o z.tif few.tif
    ok 'from a stream' sh -c "stack-copy --format=pgm -o - few.tif | focus-segment -q -m unet-z.safetensors -o zs.tif"
    is "$(focus-segment -H -q -m unet-z.safetensors --compare zs.tif few.tif | awk -F '\t' '$3 != 1 && $3 != "NA"')" '' 'gives the same'
done

while read -r words; do
    # shellcheck disable=SC2086
    status_is 2 "focus-segment $words" focus-segment $words
done << 'END'
-o x.tif stacks/s1.ome.tif
-m a.safetensors stacks/s1.ome.tif
-m a.safetensors -o x.tif stacks/s1.ome.tif stacks/s2.ome.tif
-m a.safetensors -o stacks/s1.ome.tif stacks/s1.ome.tif
-m a.safetensors -o a.safetensors stacks/s1.ome.tif
-m a.safetensors -o x.tif --masked x.tif stacks/s1.ome.tif
-m a.safetensors --probability --masked x.tif stacks/s1.ome.tif
-m a.safetensors --stream --compare m.ome.tif stacks/s1.ome.tif
-m - -o x.tif -
-m a.safetensors --threshold 2 -o x.tif stacks/s1.ome.tif
END
head -c 100000 a.safetensors > cut.safetensors
status_is 1 'a model that was cut off' focus-segment -m cut.safetensors -o x.tif stacks/s1.ome.tif
status_is 1 'a picture for a model' focus-segment -m m.ome.tif -o x.tif stacks/s1.ome.tif
status_is 1 'a model for a picture' seg -o x.tif a.safetensors
if [ -x "$BUILD/aid/make-model" ]; then
    make-model -o laser.safetensors
    status_is 1 'a model of laser frames' focus-segment -m laser.safetensors -o x.tif stacks/s1.ome.tif
    like "$(cat err)" "^focus-segment: laser.safetensors: its arch is 'mobilenetv2', not unet" 'is told apart'
fi
status_is 1 'a full disk under the masks' sh -c 'focus-segment -q -m a.safetensors --stream stacks/s1.ome.tif > /dev/full'
status_is 1 'and under the table' sh -c 'focus-segment -q -m a.safetensors --compare m.ome.tif stacks/s1.ome.tif > /dev/full'
is "$(find . -name 'x.tif*' | wc -l | tr -d ' ')" 0 'nothing is left of all that'

# The network that comes with the source, on a texture that it was not taught; its IoU is 0.88.
make-focus-stack -o new.tif --truth new-truth.tif --bare --seed 5 --side 128 --texture clouds --surface tilted || exit 1
ok 'testdata/infocus.safetensors segments' focus-segment -q -m "$SRC/testdata/infocus.safetensors" --compare new-truth.tif new.tif
is "$(tail -n 1 out | awk '{ print ($3 > 0.85) }')" 1 'what is in focus indeed'
done_testing
