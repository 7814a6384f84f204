# SPDX-License-Identifier: BSD-2-Clause
# af-predict tells defocus, names what it cannot know, and keeps a pipe live.
. "$SRC/tests/tap.sh"
PATH=$BUILD/aid:$PATH

header=$(printf 'file\tplane\tz_um\tdefocus_um\tsigma_um\ttrust')
# cells COLUMN FILE: of all rows, in a line
cells() { cut -f "$1" "$2" | sed 1d | tr '\n' ' '; }

make-spot-stack --planes 80 --dz 0.1 --date 2026-11-21T10:00:00 -o good.ome.tif
make-spot-stack --planes 3 --seed 2 --z0 -1 -o few.ome.tif
make-model --trust good.ome.tif --constant 0.25 -o focus.safetensors
make-model -o random.safetensors

# ------------------------------------------------------------------ what is good
ok 'a stack' af-predict -m focus.safetensors few.ome.tif
cp out few.tsv
is "$(head -n 1 out)" "$header" 'has a header'
is "$(cut -f 1-4,6 out | sed 1d | tr '\t\n' ': ')" \
    'few.ome.tif:0:-1:2.5:ok few.ome.tif:1:-0.8:2.5:ok few.ome.tif:2:-0.6:2.5:ok ' 'and a row for each frame'
ok 'sigma is the 0.1 um of the calibration' \
    awk -F '\t' 'NR > 1 && !($5 > 0.07 && $5 < 0.13) { exit 1 }' few.tsv
is "$(cat err)" '' 'nothing is said'
ok '-H' af-predict -H -m focus.safetensors few.ome.tif
is "$(cat out)" "$(sed 1d few.tsv)" 'leaves the header out'
ok '-v' af-predict -v -m focus.safetensors few.ome.tif
like "$(cat err)" '^af-predict: focus.safetensors: mobilenetv2, alpha 0.35, kernels: [a-z0-9]+; 0 \+/- 10 um, tells what ' \
    'says what the model is and what computes it'

ok 'from stdin' af-predict -m focus.safetensors - < few.ome.tif
is "$(cat out)" "$(sed '1!s/^few\.ome\.tif/-/' few.tsv)" 'the same rows, the file is -'
ok 'from a pipe, no operand' sh -c 'cat few.ome.tif | af-predict -m focus.safetensors'
ok 'the model from stdin' af-predict -m - few.ome.tif < focus.safetensors
same out few.tsv 'gives the same'
stack-copy -q --format pgm few.ome.tif > few.pgm
ok 'PGM frames from a pipe' sh -c 'cat few.pgm | af-predict -m focus.safetensors'
is "$(cut -f 2- out)" "$(cut -f 2- few.tsv)" 'give the same numbers'
ok '--stream' sh -c 'cat few.pgm | af-predict --stream -m focus.safetensors'
is "$(cut -f 2- out)" "$(cut -f 2- few.tsv)" 'gives the same numbers'
ok 'an own z' af-predict --z0 7 --dz 1 -m focus.safetensors few.ome.tif
is "$(cells 3 out)" '7 8 9 ' 'is written'
for i in 1 2 10; do make-spot-stack --planes 1 --seed "$i" --z0 -1 --no-z -o "k-${i}um.tif"; done
ok 'joined files' af-predict --join --z-from-name 'k-%fum' -m focus.safetensors k-10um.tif k-1um.tif k-2um.tif
is "$(cut -f 1-3 out | sed 1d | tr '\t\n' ': ')" 'k-1um.tif:0:1 k-2um.tif:0:2 k-10um.tif:0:10 ' \
    'are called by their names'

ok 'one thread' af-predict -j 1 -m random.safetensors good.ome.tif few.ome.tif
cp out one.tsv
ok 'three threads' af-predict -j 3 -m random.safetensors good.ome.tif few.ome.tif
same out one.tsv 'give the same bytes'
is "$(cut -f 4 one.tsv | sort -u | wc -l | tr -d ' ')" 84 'and each frame has its own answer'

# ------------------------------------------------------------- the known answers
vectors=$REALDATA/../reference/vectors
if [ -d "$vectors" ] && /usr/bin/python3 -c '' 2> /dev/null; then
    # The inputs have a norm of 96 already: as float TIFF of 96x96 px they reach the network as they are.
    /usr/bin/python3 - "$vectors/mobilenetv2-a035-answers.safetensors" > answers << 'END'
import json, struct, sys
b = open(sys.argv[1], 'rb').read()
n = struct.unpack('<Q', b[:8])[0]
head = json.loads(b[8:8 + n])
def get(name):
    begin, end = head[name]['data_offsets']
    return b[8 + n + begin:8 + n + end]
size = 96 * 96 * 4
tags = [(256, 3, 96), (257, 3, 96), (258, 3, 32), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
        (278, 3, 96), (279, 4, size), (339, 3, 3)]
for i in range(6):
    with open('v%d.tif' % i, 'wb') as f:
        f.write(b'II*\0' + struct.pack('<I', 8 + size) + get('input')[i * size:(i + 1) * size])
        f.write(struct.pack('<H', len(tags)) + b''.join(struct.pack('<HHII', t, k, 1, v) for t, k, v in tags))
        f.write(b'\0\0\0\0')
print(*('%.9g' % v for v in struct.unpack('<6f', get('predict/inference'))), sep='\n')
END
    ok 'the known answers' af-predict -m "$vectors/mobilenetv2-a035-weights.safetensors" v?.tif
    cp out v.tsv
    cut -f 4 v.tsv | sed 1d | paste - answers > both
    note "$(awk '{ e = ($1 - $2) / $2; e = e < 0 ? -e : e; if (e > worst) worst = e }
        END { print "largest relative error", worst }' both)"
    ok 'are met within 1e-5' \
        awk '!(($1 - $2)^2 <= (1e-5 * $2)^2) { bad = 1 } END { exit bad || NR != 6 }' both
    is "$(cells 5 v.tsv)$(cells 6 v.tsv)" 'NA NA NA NA NA NA ok ok ok ok ok ok ' \
        'a model that knows nothing of trust trusts, and has no sigma'
else
    skip 'the known answers' "no $vectors, or no python3"
fi

# ------------------------------------------------------------------ two steps
make-model --half-range 80 --constant 0.0625 -o near.safetensors
make-model --half-range 100 --constant 0.5 -o far.safetensors
make-model --half-range 10 --constant 0.25 -o short.safetensors
ok 'near focus' af-predict --long near.safetensors --short short.safetensors few.ome.tif
is "$(head -n 1 out)" "$(printf '%s\tmodel' "$header")" 'the model has a column'
is "$(cells 4 out)$(cells 7 out)" '2.5 2.5 2.5 short short short ' 'the short model answers'
ok 'far from it' af-predict --long far.safetensors --short short.safetensors few.ome.tif
is "$(cells 4 out)$(cells 7 out)" '50 50 50 long long long ' 'the long one'
make-model --trust good.ome.tif --half-range 10 --constant 1.5 -o beyond.safetensors
ok 'a short model out of its range' af-predict --long near.safetensors --short beyond.safetensors few.ome.tif
is "$(cells 4 out)$(cells 7 out)" '5 5 5 long long long ' 'leaves the answer to the long one'

# --------------------------------------------------------------------- labels
af-label -q good.ome.tif > labels.tsv
ok '--labels' af-predict --labels labels.tsv -m focus.safetensors good.ome.tif few.ome.tif
is "$(head -n 1 out)" "$(printf '%s\ttrue_um' "$header")" 'add a column'
is "$(head -n 81 out | cut -f 7 | sed 1d)" "$(cut -f 7 labels.tsv | sed 1d)" 'with what is true'
is "$(tail -n 3 out | cut -f 7 | tr '\n' ' ')" 'NA NA NA ' 'where it is known'
ok 'labels of another stack' af-predict --labels labels.tsv -m focus.safetensors few.ome.tif
is "$(cat err)" 'af-predict: labels.tsv: labels none of the frames' 'are wondered at'
ok 'labels from stdin' af-predict --labels - -m focus.safetensors good.ome.tif < labels.tsv
status_is 1 'no such labels' af-predict --labels nowhere.tsv -m focus.safetensors good.ome.tif
like "$(cat err)" '^af-predict: nowhere.tsv: No such file' 'is said'
stack-info few.ome.tif > info.tsv
status_is 1 'a table of something else' af-predict --labels info.tsv -m focus.safetensors few.ome.tif
like "$(cat err)" '^af-predict: info.tsv: .*defocus_um' 'is said'
is "$(cat out)" '' 'before any row'

# ------------------------------------------------------------- what is refused
make-spot-stack --planes 2 --light 0 -o dark.ome.tif
make-spot-stack --planes 2 --light 0 --noise 0 --black 0 -o black.ome.tif
make-spot-stack --planes 2 --light 0 --noise 0 -o flat.ome.tif
make-spot-stack --planes 2 --light 100000 -o saturated.ome.tif
make-spot-stack --planes 2 --black 900 -o bright.ome.tif
make-spot-stack --planes 2 --waist 1 --light 40 -o unfamiliar.ome.tif
for pair in dark:dark black:dark flat:flat saturated:saturated bright:bright unfamiliar:unfamiliar; do
    status_is 4 "${pair%:*} frames" af-predict -m focus.safetensors "${pair%:*}.ome.tif"
    is "$(cells 6 out)$(cells 4 out)$(cells 5 out)" "${pair#*:} ${pair#*:} NA NA NA NA " \
        "are ${pair#*:}, and nothing is guessed"
    is "$(cat err)" '' 'quietly'
done
status_is 4 'a prediction beyond the range' af-predict -m beyond.safetensors few.ome.tif
is "$(cells 6 out)$(cells 4 out)" 'range range range NA NA NA ' 'is range'
ok 'one good frame is enough' af-predict -m focus.safetensors dark.ome.tif few.ome.tif
make-spot-stack --planes 2 --width 95 -o small.ome.tif
status_is 1 'frames too small' af-predict -m focus.safetensors small.ome.tif few.ome.tif
is "$(cells 6 out)" 'unusable unusable ok ok ok ' 'are unusable, others are not'
like "$(cat err)" '^af-predict: small.ome.tif: plane 0: 95x120 px is too small' 'and the reason is said'

# -------------------------------------------------------------------- a table
make-day --stacks 4 --planes 41 --range 8um -o day > day.tsv
af-train -q --arch lut --val-fraction 0.4 -o table.safetensors day.tsv > /dev/null
ok 'a look-up table' af-predict -v -m table.safetensors --labels day.tsv day1-1.ome.tif
like "$(cat err)" '^af-predict: table.safetensors: lut, 41 knots; .* \+/- 8 um, tells what ' 'says what it is'
is "$(awk -F '\t' 'NR > 1 && ($6 != "ok" || ($4 - $7) ^ 2 > 1)' out)" '' 'knows the stacks it was made of'
cp out table.tsv
ok 'on one thread' af-predict -j 1 -m table.safetensors --labels day.tsv day1-1.ome.tif
same out table.tsv 'the same'
ok 'a table for the fine step' af-predict --long near.safetensors --short table.safetensors day1-1.ome.tif
is "$(cells 7 out | tr ' ' '\n' | sort -u | tail -n 1)" short 'answers'
status_is 4 'what a table never saw' af-predict -m table.safetensors dark.ome.tif saturated.ome.tif
is "$(cells 6 out)" 'dark dark saturated saturated ' 'is refused'
status_is 4 'frames of elsewhere' af-predict -m table.safetensors unfamiliar.ome.tif
tr '\0' '\n' < table.safetensors | grep -ao '"lut/[a-z]*"' | sort > names
is "$(tr '\n' ' ' < names)" '"lut/metric" "lut/target" "lut/whiten" ' 'its tensors have their names'
sed 's/"lut\/whiten"/"lut\/whitem"/' table.safetensors > bad.safetensors
status_is 1 'a table that lacks one' af-predict -m bad.safetensors few.ome.tif
is "$(cat err)" 'af-predict: bad.safetensors: no tensor lut/whiten' 'is refused'
for n in 7 100 5000 20000; do
    head -c $n table.safetensors > bad.safetensors
    status_is 1 "a table cut at $n bytes" af-predict -m bad.safetensors few.ome.tif
    like "$(cat err)" '^af-predict: bad.safetensors: the file ends within' 'is refused'
done
sed 's/"arch":"lut"/"arch":"svm"/' table.safetensors > bad.safetensors
status_is 1 'an arch that nobody knows' af-predict -m bad.safetensors few.ome.tif
is "$(cat err)" "af-predict: bad.safetensors: its arch is 'svm', not mobilenetv2 or lut" 'is refused'

# -------------------------------------------------------------- a pipe is live
# Each frame is answered before the next one is sent: head ends with the last row only then.
for how in '' --stream; do
    rm -f frames answers
    mkfifo frames answers
    af-predict -H $how -m focus.safetensors < frames > answers 2> live.err &
    exec 3> frames 4< answers
    for i in 0 1 2; do
        stack-copy -q --format pgm -o one.pgm "k-10um.tif" && cat one.pgm >&3
        read -r row <&4
        is "$(echo "$row" | cut -f 2,4,6)" "$(printf '%s\t2.5\tok' "$i")" "frame $i is answered${how:+, $how}"
    done
    exec 3>&-
    wait "$!"
    is "$?" 0 'and when no more come, it ends'
    exec 4<&-
done
rm -f frames answers
ok 'a named pipe as operand' sh -c 'mkfifo p; cat few.pgm > p & af-predict --stream -m focus.safetensors p'
is "$(cells 1 out)" 'p p p ' 'is the file'
printf 'P5\n96 96\n255\nshort' > cut.pgm
status_is 1 'a stream cut short' sh -c 'cat few.pgm cut.pgm | af-predict --stream -m focus.safetensors'
is "$(cells 6 out)" 'ok ok ok ' 'has the whole frames answered'
like "$(cat err)" '^af-predict: -: frame 3: ' 'and is reported'
status_is 1 'TIFF as --stream' af-predict --stream -m focus.safetensors few.ome.tif
status_is 4 'an empty stream' sh -c ': | af-predict --stream -m focus.safetensors'

# ----------------------------------------------------------------------- usage
for args in '' '--long near.safetensors' '--short short.safetensors' '-m focus.safetensors --long a --short b' \
    '-m -' '-m a --labels - -' '-m a --threads 0' '-m a --stream x y' '-m a --stream --join' '-m a --z0 3' \
    '-m focus.safetensors --stream --dz 1' '-m a --nonsense'; do
    # shellcheck disable=SC2086 # words
    status_is 2 "usage error: $args" af-predict $args
    is "$(cat out)" '' 'prints no table'
done
status_is 2 'no such channel' af-predict -m focus.safetensors --channel 3 few.ome.tif
ok 'help' af-predict --help
ok 'version' af-predict --version

# --------------------------------------------------------------------- trouble
status_is 1 'no such model' af-predict -m nowhere.safetensors few.ome.tif
is "$(cat out)" '' 'prints no table'
like "$(cat err)" '^af-predict: nowhere.safetensors: No such file' 'is said'
head -c 100000 focus.safetensors > torn.safetensors
status_is 1 'a torn model' af-predict -m torn.safetensors few.ome.tif
like "$(cat err)" '^af-predict: torn.safetensors: ' 'is said'
sed 's/"trust_sigma_um":"[0-9]/"trust_sigma_um":"x/' focus.safetensors > bad.safetensors
status_is 1 'damaged trust' af-predict -m bad.safetensors few.ome.tif
is "$(cat err)" 'af-predict: bad.safetensors: trust_sigma_um: damaged' 'is said'
status_is 1 'a picture as model' af-predict -m few.ome.tif few.ome.tif
status_is 1 'no such stack' af-predict -m focus.safetensors nowhere.ome.tif
like "$(cat err)" '^af-predict: nowhere.ome.tif: No such file' 'is said'
is "$(cat out)" "$header" 'and only the header is written'
head -c 150 few.ome.tif > torn.ome.tif
status_is 1 'a bad stack among good ones' af-predict -m focus.safetensors torn.ome.tif few.ome.tif nowhere.ome.tif
same out few.tsv 'does not stop the run'
is "$(grep -c 'torn\|nowhere' err)" 2 'each is reported'
head -c 60000 few.ome.tif > half.ome.tif
ok 'a truncated stack' af-predict -m focus.safetensors half.ome.tif
is "$(cells 6 out)" 'ok ' 'has the frames that are there'
like "$(cat err)" '^af-predict: half.ome.tif: cut short' 'and is said to be cut short'
if [ -w /dev/full ]; then
    status_is 1 'a full disk' sh -c 'af-predict -m focus.safetensors good.ome.tif > /dev/full'
    like "$(cat err)" '^af-predict: .*No space left' 'is said'
    status_is 1 'a full disk in a stream' \
        sh -c 'cat few.pgm | af-predict --stream -m focus.safetensors > /dev/full'
else
    skip 'a full disk' 'no /dev/full'
fi

# -------------------------------------------------------------------- examples
examples af-predict > examples
is "$(grep -c . examples)" 6 'the manual has examples'
for i in 1 2; do make-spot-stack --planes 80 --dz 0.1 --seed "$i" -o "run$i.ome.tif"; done
cp near.safetensors long.safetensors
stack-copy -q --format pgm few.ome.tif > frames.pgm
cp k-1um.tif frame.png
while read -r example; do
    ok "$example" sh -ec "$example"
done < examples
done_testing
