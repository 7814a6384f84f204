# SPDX-License-Identifier: BSD-2-Clause
# plate-snake: places of wells, orders, fields, taught plates, predicted heights, position lists, every status.
. "$SRC/tests/tap.sh"
tab=$(printf '\t')

# at WELL FILE: x and y of its first row
at() { awk -F '\t' -v w="$1" '$2 == w { print $6, $7; exit }' "$2"; }

ok '96 wells' plate-snake 96
cp out 96.tsv
is "$(cat err)" '' 'nothing is said'
is "$(head -n 1 out)" "index${tab}well${tab}row${tab}col${tab}field${tab}x_um${tab}y_um${tab}z_um" 'the header is the contract'
is "$(sed -n 2p out)" "0${tab}A1${tab}1${tab}1${tab}0${tab}14380${tab}11240${tab}NA" 'A1 by ANSI/SLAS 4-2004'
is "$(tail -n 1 out | cut -f 1-4,6,7)" "95${tab}H1${tab}8${tab}1${tab}14380${tab}74240" 'a snake over 8 rows ends at H1'
ok 'no header' plate-snake -H 96
is "$(cat out)" "$(tail -n +2 96.tsv)" 'leaves it out'
for n in 6 12 24 48 96 384 1536; do
    for order in horizontal vertical raster columns spiral nearest listed; do
        plate-snake -H --order $order $n > rows
        [ "$(cut -f 2 rows | sort -u | wc -l)" -eq $n ] && [ "$(wc -l < rows)" -eq $n ] || tap_fail "$n $order" "$n wells" "$(wc -l < rows)"
    done
done
tap_pass 'every order visits every well once'
is "$(plate-snake -H --travel 96 | cut -f 1-3)" "96${tab}96${tab}855000" 'a horizontal snake is 8 x 11 + 7 pitches long'
is "$(plate-snake -H --travel --order vertical 96 | cut -f 3)" 855000 'a vertical one 12 x 7 + 11: the same'
is "$(plate-snake -H --wells A1:D6,H12 96 | wc -l | tr -d ' ')" 25 'wells are chosen'
is "$(plate-snake -H --wells b12,B2 96 | cut -f 2 | tr '\n' ' ')" 'B2 B12 ' 'a row of its own goes forwards'

# Fields.
ok 'four fields' plate-snake --wells A1 --fields 2x2 --field-size 330um,220um --overlap 10 96
is "$(tail -n +2 out | cut -f 5-7 | tr '\t\n' ' ;')" \
    '0 14231.5 11141;1 14528.5 11141;2 14528.5 11339;3 14231.5 11339;' 'lie about the centre, as a snake'
is "$(plate-snake -H --wells A1 --fields 5 --field-size 100um 96 | cut -f 6,7 | tr '\t\n' ' ;')" \
    '14380 11240;14480 11240;14480 11340;14380 11340;14280 11340;' 'or spiral'
ok 'fields wider than the well' plate-snake --wells A1 --fields 100x1 96
like "$(cat err)" '^plate-snake: fields reach 20000 x 200 um, wells are 9000 x 9000 um$' 'are warned of'

# Taught plates: turned by 10 mrad about (5000, 6000) of the stage.
awk 'BEGIN { c = cos(0.01); s = sin(0.01)
    printf "--teach A1=%.4f,%.4f --teach H12=%.4f,%.4f", 5000 + c * 14380 - s * 11240, 6000 + s * 14380 + c * 11240,
        5000 + c * 113380 - s * 74240, 6000 + s * 113380 + c * 74240 }' > taught
# shellcheck disable=SC2046 # words
ok 'a taught plate' plate-snake -v $(cat taught) 96
like "$(cat err)" 'turned by 10.0000 mrad, scale 1.000000; taught wells off by 0.000 um rms' 'says how it lies'
is "$(at A12 out | awk '{ c = cos(0.01); s = sin(0.01)
    print ($1 - 5000 - c * 113380 + s * 11240) ^ 2 + ($2 - 6000 - s * 113380 - c * 11240) ^ 2 < 1e-3 }')" 1 'and has its wells there'
ok 'one taught well' plate-snake --teach B2=0,0 96
is "$(at B2 out) $(at C3 out)" '0 0 9000 9000' 'shifts'
status_is 1 'a well taught for another' plate-snake --teach A1=0,0 --teach H12=90mm,63mm 96
like "$(cat err)" '^plate-snake: --teach: taught wells are 0.936.* times as far apart as on the plate$' 'is noticed'

# Heights.
printf 'well\tz_um\tz_err_um\tquality\nA1\t3000\t0.1\tok\nA2\t3010\t0.1\tok\nA3\t3020\t0.1\tok\nA4\t2000\t0.1\trange\n' > z.tsv
ok 'predicted heights' plate-snake --z-from z.tsv 96
is "$(head -n 1 out | cut -f 8,9)" "z_um${tab}z_err_um" 'have their errors'
is "$(awk -F '\t' '$2 == "A4" { print ($8 > 3027 && $8 < 3033 && $9 < 15) }' out)" 1 'the next well continues the slope'
is "$(awk -F '\t' '$2 == "A4" { a = $9 } $2 == "H12" { print ($9 > 5 * a) }' out)" 1 'far rows are uncertain'
is "$(plate-snake -H --remaining --z-from z.tsv 96 | head -n 1 | cut -f 2)" A5 'what was tried is not repeated'
printf 'well\tz_um\n' > none.tsv
is "$(plate-snake -H --z-from none.tsv 96 | head -n 1 | cut -f 8,9)" "NA${tab}NA" 'no well, no height'
is "$(plate-snake -H --z 1.5mm 96 | cut -f 8 | uniq)" 1500 'or the same for all'
{ printf 'well\tz_um\n'; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf 'B%d\t%d\n' $i $((i == 7 ? 60 : 3 * i)); done; } > bubble.tsv
ok 'odd wells' plate-snake --odd 6 --z-from bubble.tsv 96
is "$(head -n 1 out) $(tail -n +2 out | cut -f 1,2)" "well${tab}z_um${tab}expected_um${tab}expected_err_um B7${tab}60" 'are those on bubbles'
is "$(awk -F '\t' 'NR == 2 { print ($3 > 19 && $3 < 23 && $4 < 4) }' out)" 1 'beside what the others expect'
ok 'none' plate-snake -H --odd 100 --z-from bubble.tsv 96
is "$(cat out)" '' 'where all is believed'
status_is 2 'odd wells of nothing' plate-snake --odd 6 96
status_is 2 'odd wells and positions' plate-snake --odd 6 --format positions --z-from bubble.tsv 96
printf 'well\tz_um\nA1\t1e308\n' > far.tsv
status_is 1 'a height beyond a kilometre' plate-snake --z-from far.tsv 96
like "$(cat err)" '^plate-snake: far.tsv: line 2: z_um: 1e.308 is beyond 1 km$' 'is refused'
printf 'well\tz_um\nK1\t3\n' > other.tsv
status_is 1 'a table of another plate' plate-snake --z-from other.tsv 96
like "$(cat err)" "^plate-snake: other.tsv: line 2: 'K1' is not on the plate" 'is refused'

# Plates of one's own, and streams.
is "$(plate-snake -H --a1 1mm,2mm --pitch 3mm,4mm 2x3 | cut -f 2,6,7 | tr '\t\n' ' ;')" \
    'A1 1000 2000;A2 4000 2000;A3 7000 2000;B3 7000 6000;B2 4000 6000;B1 1000 6000;' 'rows x columns'
ok 'its own table from a pipe' sh -c 'plate-snake 24 | plate-snake --order horizontal -'
is "$(cat out)" "$(plate-snake 24)" 'is the same plate'
ok 'a position list' plate-snake --format positions --z 12.5 -o p.pos --wells A1:C3 96
is "$(cat out)" '' 'goes to its file'
is "$(plate-snake -H p.pos | cut -f 2,6-8)" "$(plate-snake -H --z 12.5 --wells A1:C3 96 | cut -f 2,6-8)" 'and comes back'
ok 'fields in a list' sh -c 'plate-snake --format positions --fields 2 --wells A1 96 | plate-snake -H'
is "$(cut -f 2,8 out | tr '\t\n' ' ;')" 'A1-f0 NA;A1-f1 NA;' 'have names of their own, and no z'
if command -v jq > jq.path; then
    is "$(jq -r '.map.StagePositions.array[0].DefaultZStage.scalar' p.pos)" ZStage 'the z stage is named'
fi
if command -v gnuplot > gnuplot.path; then
    ok 'plots' sh -c 'plate-snake --plot way.svg 96 > rows && plate-snake --z-from z.tsv --plot z.png 96 > rows'
    like "$(head -c 8 z.png | od -An -tx1)" '89 50 4e 47' 'are there'
else
    skip 'plots' 'gnuplot is not installed'
fi

# Usage and trouble.
for arg in --wells=J1 --wells= --order=zigzag --fields=0 --fields=x --field-size=0 --pitch=-1 --a1=3 --teach=A1 \
    --teach=J1=0,0 --teach=A1=0 --speed=0 --remaining --format=csv --plot=x.pdf; do
    status_is 2 "$arg is a usage error" plate-snake "$arg" 96
done
for arg in --pitch=4.5mm --a1=1mm,1mm; do
    status_is 2 "$arg is not for a plate that has its own" plate-snake "$arg" 96
    like "$(head -n 1 err)" '^plate-snake: 96: has its own' 'is told'
done
for plate in 95 0x3 99999999999; do status_is 2 "plate $plate" plate-snake $plate; done
status_is 2 'two plates' plate-snake 96 96
status_is 2 'z twice' plate-snake --z 1 --z-from z.tsv 96
status_is 1 'no plate at all' plate-snake < /dev/null
is "$(cat err)" 'plate-snake: standard input: is empty' 'is told'
status_is 1 'no such file' plate-snake nowhere.json
like "$(cat err)" '^plate-snake: nowhere.json: No such file' 'is said'
printf '{"wells": {"A1": {"x": 1, "y": ' > torn.json
status_is 1 'torn labware' plate-snake torn.json
like "$(cat err)" '^plate-snake: torn.json: line 1: ' 'is said'
status_is 2 'a snake over a list without rows' sh -c 'printf "well\tx_um\ty_um\nhere\t1\t2\n" | plate-snake --order spiral'
if [ -w /dev/full ]; then
    status_is 1 'a full disk' sh -c 'plate-snake 96 > /dev/full'
    status_is 1 'a full disk under the list' plate-snake --format positions -o /dev/full 96
else
    skip 'a full disk' 'there is no /dev/full'
fi

# The examples of the manual.
printf 'well\tz_um\nA1\t3000\n' > status.tsv
examples plate-snake > examples
is "$(grep -c . examples)" 6 'the manual has examples'
while read -r example; do ok "$example" sh -c "$example"; done < examples

# Real labware, a real list.
real=$REALDATA/plates
if [ -d "$real" ] && command -v jq > jq.path; then
    for f in "$real"/opentrons/*.json; do
        jq -r '.dimensions.yDimension as $h | .wells | to_entries[] |
            "\(.key) \(.value.x * 1000) \(($h - .value.y) * 1000)"' "$f" | sort > want
        plate-snake -H "$f" | awk -F '\t' '{ print $2, $6, $7 }' | sort > got
        is "$(join want got | awk '($2 - $4) ^ 2 + ($3 - $5) ^ 2 < 1e-6 { n++ } END { print n + 0 }')" "$(grep -c . want)" \
            "every well of ${f##*/} within 1 nm"
    done
    ok 'a real position list' plate-snake -H "$real/PyCLM_PositionList.pos"
    is "$(cut -f 2,6-8 out | tr '\t\n' ' ;')" 'bar05-00 -23040.6 -6094 5302.62;bar05-01 -22813.8 -7775.2 5300.82;' \
        'with z of its first z stage'
    ok 'a list of formats' plate-snake -H "$real/sample_formats.csv:1536"
    is "$(wc -l < out | tr -d ' ') $(at A1 out) $(at AF48 out)" '1536 11010 7870 116760 77620' 'has the plate of 1536'
    status_is 2 'without the format' plate-snake "$real/sample_formats.csv"
else
    skip 'real labware' "no $real, or no jq"
fi
done_testing
