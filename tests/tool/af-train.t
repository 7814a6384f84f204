# SPDX-License-Identifier: BSD-2-Clause
# af-train: models, logs, splits, warnings, kills and resumes, every status.
. "$SRC/tests/tap.sh"
PATH=$BUILD/aid:$PATH
[ -x "$BUILD/aid/make-day" ] || skip_all "$BUILD/aid is not there: make check"
tab=$(printf '\t')
header="epoch${tab}train_loss${tab}val_loss${tab}val_rmse_um${tab}lr${tab}seconds${tab}images_per_s${tab}best"

# meta KEY MODEL: a text of the metadata.
meta() { tr '\0' '\n' < "$2" | LC_ALL=C grep -ao "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

# steady FILE: a log without what differs from run to run, the time.
steady() { cut -f 1-5,8 "$1"; }

make-day --day 1 --planes 7 > one.tsv && make-day --day 2 --planes 7 > two.tsv || exit 1
# Two days of three stacks, of which one each validates: 28 images train, 14 validate.
small='--alpha 0.35 --epochs 2 -j 1 one.tsv two.tsv'
train() { af-train -q $small "$@"; }

ok 'a network is trained' train -o a.safetensors
cp out a.log
is "$(cat err)" '' 'and nothing is said'
is "$(head -n 1 out)" "$header" 'the header is the contract'
is "$(cut -f 1 out | tr '\n' ' ')" 'epoch 1 2 ' 'a row for each epoch'
is "$(awk -F '\t' 'NR > 1 && !($2 > 0 && $3 > 0 && $4 > 0 && $5 == 0.0001 && $7 > 0)' out)" '' 'with losses, rate and speed'
is "$(awk -F '\t' 'NR > 1 && ($4 / 10 - sqrt($3)) ^ 2 > 1e-12' out)" '' 'r.m.s. is the root of the loss times half the range'
is "$(awk -F '\t' 'NR == 2 { print $8 }' out)" 1 'the first epoch is the best so far'
is "$(ls)" "$(printf '%s\n' a.log a.safetensors day1-1.ome.tif day1-2.ome.tif day1-3.ome.tif day2-1.ome.tif \
    day2-2.ome.tif day2-3.ome.tif err one.tsv out two.tsv)" 'no checkpoint is left'

is "$(meta format a.safetensors) $(meta arch a.safetensors) $(meta alpha a.safetensors)" 'aftools-model/1 mobilenetv2 0.35' 'format'
is "$(meta data_days a.safetensors)" '2026-03-01 2026-03-02' 'days'
is "$(meta train_stacks a.safetensors) $(meta train_images a.safetensors) $(meta val_stacks a.safetensors) $(meta val_images a.safetensors)" \
    '4 28 2 14' 'a stack of each day validates'
is "$(meta train_min_um a.safetensors) $(meta train_max_um a.safetensors)" '-10 10' 'range'
is "$(meta val_rmse_um a.safetensors)" "$(sort -g -k 3 a.log | awk -F '\t' '$8 == 1 { print $4; exit }')" 'error of the best epoch'
is "$(meta seed a.safetensors) $(meta threads a.safetensors)" '1 1' 'seed and threads'

ok 'the same again' train -o b.safetensors
same b.safetensors a.safetensors 'gives the same bytes'
is "$(steady out)" "$(steady a.log)" 'and the same log'
ok 'another seed' train --seed 2 -o b.safetensors
is "$(cmp -s a.safetensors b.safetensors || echo differs)" differs 'gives others'
ok 'a table from a pipe' sh -c "cat one.tsv | af-train -q --alpha 0.35 --epochs 1 -j 1 -o b.safetensors - two.tsv"
is "$(meta data_digest b.safetensors)" "$(meta data_digest a.safetensors)" 'names the same data'
ok 'no header' train -H --epochs 1 -o b.safetensors
is "$(wc -l < out | tr -d ' ')" 1 'leaves the header out'
ok 'verbose' af-train -v $small --epochs 1 -o b.safetensors
like "$(cat err)" '^af-train: 42 images of 6 stacks and 2 days: 28 train, 14 validate; defocus -10 to 10 um; alpha 0.35, 397121 parameters; kernels ' 'says what is trained'
like "$(cat err)" '^af-train: 28 images in ' 'and how fast'
like "$(cat err)" '^af-train: .*14 .*64 ' 'and that there is too little to calibrate trust with'

make-day --day 3 --stacks 1 --planes 70 > val.tsv
ok 'a table to validate with' train --val val.tsv -o v.safetensors
is "$(cat err)" '' 'is enough for trust'
is "$(meta train_images v.safetensors) $(meta val_images v.safetensors)" '42 70' 'all others train'
is "$(LC_ALL=C grep -ac '"trust_' v.safetensors)" 1 'and trust is in the model'
ok 'no validation' train --val-fraction 0 -o b.safetensors
is "$(awk -F '\t' 'NR > 1 { print $3, $4, $8 }' out | uniq)" 'NA NA 1' 'is NA, and each epoch the best'
ok 'cosine' train --schedule cosine -o b.safetensors
is "$(awk -F '\t' 'NR > 1 { print $5 }' out | tr '\n' ' ')" '0.0001 5e-05 ' 'falls'
ok 'shifts' train --shift 3 -o b.safetensors
ok 'strict' train --strict -o b.safetensors
is "$(cut -f 2 out)" "$(cut -f 2 a.log)" 'learns the same'
is "$([ "$(cut -f 3 out)" = "$(cut -f 3 a.log)" ] || echo differs)" differs 'and validates otherwise'
if command -v gnuplot > /dev/null; then
    ok 'a plot' train --plot loss.svg -o b.safetensors
    ok 'is drawn' grep -q '<svg' loss.svg
    like "$(cat loss.svg)" 'validation' 'with both losses'
else
    skip 'a plot' 'no gnuplot here'
fi

# Transfer.
transfer() { af-train -q --init a.safetensors --epochs 2 -j 1 "$@"; }
ok 'transfer' transfer --freeze 100 -o t.safetensors two.tsv
is "$(awk -F '\t' 'NR == 2 { print $5 }' out)" 1e-05 'at a tenth of the rate'
is "$(meta target_center_um t.safetensors) $(meta target_half_range_um t.safetensors)" \
    "$(meta target_center_um a.safetensors) $(meta target_half_range_um a.safetensors)" 'keeps centre and range'
is "$(meta alpha t.safetensors) $(meta freeze t.safetensors)" '0.35 100' 'and width'
is "$(meta data_days t.safetensors)" 2026-03-02 'but not what the first was made of'

# The look-up table.
lut() { af-train -q --arch lut one.tsv two.tsv "$@"; }
ok 'a look-up table is made' lut -j 1 -o l.safetensors
is "$(head -n 1 out)" "$header" 'the header is the same'
is "$(awk -F '\t' 'NR > 1 { print $1, $5, $8 }' out)" '1 NA 1' 'and one row tells of it'
is "$(awk -F '\t' 'NR > 1 && !($2 > 0 && $3 > 0 && ($4 / 10 - sqrt($3)) ^ 2 < 1e-12)' out)" '' 'with losses as those of a network'
is "$(meta format l.safetensors) $(meta arch l.safetensors) $(meta alpha l.safetensors)" 'aftools-model/1 lut ' 'format'
is "$(meta data_digest l.safetensors)" "$(meta data_digest a.safetensors)" 'of the same data'
is "$(meta target_half_range_um l.safetensors) $(meta val_images l.safetensors)" '10 14' 'range and validation'
ok 'on three threads' lut -j 3 -o l3.safetensors
same l3.safetensors l.safetensors 'it is the same'
ok 'verbose' af-train -v --arch lut -o b.safetensors one.tsv two.tsv
like "$(cat err)" '^af-train: 42 images of .*; lut, 7 knots$' 'tells its knots'
ok 'with validation enough' lut --val val.tsv -o lv.safetensors
ok 'it predicts' af-predict -m lv.safetensors --labels val.tsv day3-1.ome.tif
is "$(awk -F '\t' 'NR > 1 && $6 == "ok" { n++; s += ($4 - $7) ^ 2 } END { print (n > 60 && s / n < 4) }' out)" 1 \
    'defocus of another day, and how far to trust it'
for arg in --alpha=1 --batch=8 --checkpoint=x --epochs=3 --init=a.safetensors --lr=1e-3 --patience=2 --plot=x.svg \
    --resume --schedule=cosine --shift=2 --strict; do
    status_is 2 "$arg" lut "$arg" -o u.safetensors
    like "$(cat err)" "^af-train: ${arg%%=*} is for networks" 'is not for tables'
done
status_is 1 'a table to start from' af-train --init l.safetensors -o u.safetensors one.tsv two.tsv
like "$(cat err)" "^af-train: l.safetensors: its arch is 'lut', not mobilenetv2" 'is no network'

# Warnings.
awk -F '\t' -v OFS='\t' 'NR > 1 && NR % 3 == 0 { $9 = "edge" } 1' one.tsv > mixed.tsv
cp day2-1.ome.tif copy.ome.tif
{ cat one.tsv; sed -n 's/^day1-1/copy/p' one.tsv; } > copied.tsv
ok 'one day' af-train --alpha 0.35 --epochs 1 -j 1 -o b.safetensors one.tsv
like "$(cat err)" '^af-train: all labels are of one day \(2026-03-01\): .*tomorrow' 'is warned of'
ok 'labels that are not ok' af-train --alpha 0.35 --epochs 1 -j 1 -o b.safetensors mixed.tsv two.tsv
like "$(cat err)" '^af-train: 7 rows have no label that is ok' 'are counted'
for i in 1 2 3; do cp "day1-$i.ome.tif" "again$i.ome.tif"; done
{ cat one.tsv; sed -n 's/^day1-/again/p' one.tsv; } > copied.tsv
ok 'stacks under two names' af-train --alpha 0.35 --epochs 1 -j 1 --val-fraction 0.5 -o b.safetensors copied.tsv
like "$(cat err)" '^af-train: [0-9]+ images train and validate too, as of .*: the validation error will look too small' 'are found'
cp two.tsv twice.tsv
ok 'a stack of both tables' af-train --alpha 0.35 --epochs 1 -j 1 --val two.tsv -o b.safetensors one.tsv twice.tsv
like "$(cat err)" '^af-train: 3 files are both among the labels and in two.tsv: they only validate' 'only validates'

# Kills. Each run goes on from where the last was killed until one ends.
cat > finish << END
case \$1 in 0 | 130 | 137) ;; *) echo "status \$1"; exit 1 ;; esac
[ ! -e k.safetensors.checkpoint ] || [ "\$1" != 0 ] || { echo 'a checkpoint is left'; exit 1; }
af-train -q $small --resume -o k.safetensors > k.log 2> k.err || { cat k.err; exit 1; }
cmp k.safetensors a.safetensors || exit 1
[ "\$(cut -f 1-5,8 k.log)" = "\$(cut -f 1-5,8 a.log)" ] || { echo 'another log'; exit 1; }
rm -f k.safetensors
END
# shellcheck disable=SC2086 # a list of words
ok 'killed at random and resumed, it ends in the same bytes' \
    signalled 9 1 3 finish af-train -q $small -o k.safetensors
note "$(cat out)"
# shellcheck disable=SC2086
ok 'interrupted and resumed too' signalled 2 2 3 finish af-train -q $small -o k.safetensors
note "$(cat out)"

# Stopped for sure: an epoch is done, many are to come.
: > s.log
# shellcheck disable=SC2086
af-train $small --epochs 100000 -o s.safetensors >> s.log 2> s.err &
pid=$!
while kill -0 $pid 2> /dev/null && [ "$(wc -l < s.log)" -lt 3 ]; do sleep 0.1; done
kill -TERM $pid
wait $pid
is "$?" 143 'a run that is stopped ends by the signal'
like "$(cat s.err)" '^af-train: stopped after [0-9]+ epochs, the best model so far is kept; --resume goes on' 'says so'
is "$([ -f s.safetensors ] && [ -f s.safetensors.checkpoint ] && echo both)" both 'and leaves model and checkpoint'
status_is 1 'another set-up' train --resume --batch 16 --epochs 10000 -o s.safetensors
like "$(cat err)" 's.safetensors.checkpoint: made by another set-up: its batch 32, now batch 16' 'is refused'
status_is 1 'fewer epochs than it has' train --resume --epochs 1 -o s.safetensors
printf x | dd of=s.safetensors.checkpoint bs=1 seek=5000 conv=notrunc 2> dd.err
status_is 1 'a damaged checkpoint' train --resume --epochs 10000 -o s.safetensors
like "$(cat err)" 's.safetensors.checkpoint: damaged' 'is refused'
ok 'resume without a checkpoint' af-train $small --resume -o n.safetensors
like "$(cat err)" 'there is no checkpoint, training begins anew' 'begins anew'
same n.safetensors a.safetensors 'and ends the same'
ok 'a checkpoint of its own name' train --checkpoint state --epochs 1 -o c.safetensors
ok 'stays, and takes more epochs' train --checkpoint state --resume -o c.safetensors
same c.safetensors a.safetensors 'as if it had never ended'

# Usage.
for arg in --alpha=0.05 --alpha=x --epochs=0 --batch=0 --lr=0 --lr=-1 --val-fraction=1 --patience=0 --schedule=linear \
    --shift=96 --arch=svm --freeze=157 --freeze=10 --threads=0 --plot=x.pdf --nonsense; do
    status_is 2 "$arg is a usage error" train "$arg" -o u.safetensors
done
status_is 2 'no output' af-train one.tsv
like "$(cat err)" '^af-train: --output is needed' 'is said'
status_is 2 'the model on stdout' train -o -
status_is 2 'another width than that of --init' train --init a.safetensors -o u.safetensors
is "$([ -e u.safetensors ] || echo none)" none 'none of these wrote a model'

# Trouble.
status_is 1 'no such table' af-train -o u.safetensors nowhere.tsv
is "$(cat out)" '' 'makes no table'
like "$(cat err)" '^af-train: nowhere.tsv: No such file' 'is said'
for c in file plane defocus_um; do
    sed "1s/$c/other/" one.tsv > lame.tsv
    status_is 1 "a table without $c" af-train -o u.safetensors lame.tsv
    like "$(cat err)" "^af-train: lame.tsv: .*$c" 'is refused by its name'
done
sed 's/^day1-2/gone/' one.tsv > gone.tsv
status_is 1 'labels that point nowhere' af-train -o u.safetensors gone.tsv two.tsv
like "$(cat err)" '^af-train: gone.tsv: line 9: gone.ome.tif: No such file' 'are told with their line'
head -c 120000 day1-2.ome.tif > gone.ome.tif
status_is 1 'a stack that lacks a plane' af-train -q -o u.safetensors gone.tsv two.tsv
like "$(cat err)" '^af-train: gone.ome.tif: there is no plane [1-6], which the labels name' 'is refused'
head -n 8 one.tsv > lonely.tsv
status_is 1 'one stack' af-train -o u.safetensors lonely.tsv
like "$(cat err)" 'lonely.tsv: no day has two stacks, one to validate with' 'is not enough'
head -n 1 one.tsv > empty.tsv
status_is 1 'a table without rows' af-train -o u.safetensors empty.tsv
status_is 1 'a model that is none' af-train --init one.tsv -o u.safetensors one.tsv
status_is 1 'a folder that is not there' train -o nowhere/u.safetensors
is "$(cat out)" '' 'is noticed before the work begins'
if [ -w /dev/full ]; then
    status_is 1 'a full disk under the log' sh -c "af-train -q $small --epochs 1 -o u.safetensors > /dev/full"
    ln -s /dev/full full.safetensors
    status_is 1 'a full disk under the model' train --epochs 1 --checkpoint state2 -o full.safetensors
    status_is 1 'a full disk under the checkpoint' train --epochs 1 --checkpoint /dev/full -o u.safetensors
else
    skip 'a full disk' 'there is no /dev/full'
fi
awk -F '\t' -v OFS='\t' 'NR > 1 { $7 *= 1e200 } 1' one.tsv > huge.tsv
status_is 4 'a loss that is no number' transfer -o d.safetensors huge.tsv
like "$(cat err)" '^af-train: epoch 1: the loss is no finite number, .*; there is no model$' 'ends with the reason'
is "$([ -e d.safetensors ] || [ -e d.safetensors.checkpoint ] || echo none)" none 'and leaves nothing'
done_testing
