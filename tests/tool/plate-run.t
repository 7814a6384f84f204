# SPDX-License-Identifier: BSD-2-Clause
# plate-run on the simulated stage: every position once, what fails is passed, kills and resumes, limits, dry run.
. "$SRC/tests/tap.sh"
PATH=$SRC/scripts:$PATH
export AF_STAGE="sim:$PWD/scope?clock=virtual" AF_CAMERA="sim:$PWD/scope?clock=virtual"
log=$XDG_STATE_HOME/aftools/motion.log
column() { awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }' "$2"; }
stands() { af-move -q -H | awk '{ printf "%.1f %.1f %.1f", $1, $2, $3 }'; }

# A plane as a plate: what a perfect autofocus would do.
cat > focus << 'END'
set -- $(af-move -q -H)
af-move -q -H -z "$(awk -v x="$1" -v y="$2" 'BEGIN { print (x - 14380) * 2e-4 - (y - 11240) * 1e-4 }')"
END

plate-snake --wells A1:B4 96 > wells.tsv
af-move -q -H -x 30mm -y 30mm -z 5 > rows
ok 'a run' plate-run -o run --focus '. ./focus' --do 'echo {well} {field} {z} > {file}' wells.tsv
cp out status
is "$(head -n 1 status)" "$(echo well field x_um y_um z_um z_err_um status seconds file | tr ' ' '\t')" 'its table'
is "$(column well status | tr '\n' ' ')" 'A1 A2 A3 A4 B4 B3 B2 B1 ' 'has every well once, in order'
is "$(column status status | uniq)" 'done' 'all done'
same run/status.tsv status 'and lies in the folder'
is "$(awk -F '\t' 'NR > 1 && ($5 - ($3 - 14380) * 2e-4 + ($4 - 11240) * 1e-4) ^ 2 > 0.01' status)" '' 'each in focus'
is "$(awk '{ print $1, $2 }' run/A3-0.ome.tif)" 'A3 0' 'the command had its words'
is "$(stands)" '30000.0 30000.0 5.0' 'it ends where it began'
like "$(cat err)" '^plate-run: 8/8 B1 done' 'progress in the log'
ok 'the same again' plate-run -q -o run --focus 'exit 1' --do 'rm {file}' wells.tsv
same run/status.tsv status 'does nothing twice'
is "$(cat err)" '' 'and says nothing'
ok 'and without naming the wells' plate-run -q -o run
plate-snake --wells A1 96 > other.tsv
status_is 2 'other wells in this folder' plate-run -o run other.tsv
like "$(cat err)" 'run: was begun with other wells' 'are refused'

# Ten wells empty, two with a bubble: marked, passed, neighbours unharmed.
plate-snake 96 > all.tsv
cat > bubbles << 'END'
case $well in
A5 | B2 | C3 | C4 | D9 | E1 | F6 | F7 | G11 | H12) exit 4 ;;
esac
. ./focus
case $well in A2 | G2) af-move -q -H --by=20 ;; esac
END
status_is 4 'a plate with ten empty wells' plate-run -q -o sick --predict --raise 20um --focus '. ./bubbles' --do 'echo > {file}' all.tsv
is "$(column well out | sort | uniq | wc -l | tr -d ' ') $(column status out | sort | uniq -c | tr -s ' \n' ' ')" \
    '96  84 done 10 nofocus 2 odd ' 'has all wells, the empty ones and bubbles marked'
is "$(awk -F '\t' '$7 == "odd" { print $1 }' out | tr '\n' ' ')" 'A2 G2 ' 'those, though of the second nothing was expected yet'
cp out sick.tsv
status_is 4 'the same again' plate-run -q -o sick --predict all.tsv
same out sick.tsv 'changes nothing'
ok 'no picture of the later one was taken' test ! -e sick/G2-0.ome.tif
cp sick.tsv out
is "$(awk -F '\t' 'NR > 1 && $7 == "done" && ($5 - ($3 - 14380) * 2e-4 + ($4 - 11240) * 1e-4) ^ 2 > 0.01' out)" \
    '' 'and their neighbours in focus'
is "$(awk -F '\t' '$7 == "nofocus" && ($5 != "NA" || $9 == "")' out)" '' 'without a z'
ok 'tried again' plate-run -q -o sick --retry --focus '. ./focus' --do 'echo > {file}' all.tsv
is "$(awk -F '\t' 'NR > 1 { s[$1] = $7 } END { for (w in s) n += s[w] == "done"; print n }' out)" 96 'they are done'
status_is 4 'bubbles believed' plate-run -q -o believed --odd 0 --predict --focus '. ./bubbles' all.tsv
is "$(column status out | sort | uniq -c | tr -s ' \n' ' ')" ' 86 done 10 nofocus ' 'are done'

# The z to look at is predicted: after a row the next wells are where the plane is.
cat > look << 'END'
af-move -q -H | cut -f 3 > "before-$well"
. ./focus
END
ok 'a predicted run' plate-run -q -o ahead --predict --focus '. ./look' all.tsv
is "$(awk -F '\t' 'NR == FNR { if (FNR > 1) z[$1] = $5; next } FNR > 1 && $4 > 40000 { getline b < ("before-" $1); d = b - z[$1]; if (d * d > 1) print $1, d }' \
    out out)" '' 'from the fifth row on within a micrometre'

# Killed at random and given again: each position once, no file written twice, never outside the limits.
cat > once << 'END'
[ ! -e "$1" ] || echo "$1" >> overwritten
echo "$2" > "$1.tmp" && mv "$1.tmp" "$1"
END
plate-snake --fields 2 --wells A1:D6 96 > fields.tsv
kills=0
while [ $kills -lt 10 ]; do
    plate-run -q -o killed --focus '. ./focus' --do 'sh ./once {file} {z}' fields.tsv > rows 2> complaints &
    sleep "0.$(((kills * 37 + 11) % 60 + 10))"
    kill -9 $! 2> rows && kills=$((kills + 1)) || break
    wait $! 2> rows
done
note "$kills kills, $(wc -l < killed/status.tsv) rows then"
ok 'after ten kills the run is given again' plate-run -q -o killed --focus '. ./focus' --do 'sh ./once {file} {z}' fields.tsv
is "$(tail -n +2 out | cut -f 1,2 | sort | uniq -c | awk '$1 != 1' | head)" '' 'no position twice'
is "$(column status out | sort | uniq -c | tr -s ' ')" ' 48 done' 'all are done'
is "$(ls killed/*.ome.tif | wc -l | tr -d ' ')" 48 'with a file each'
ok 'none written over' test ! -e overwritten
is "$(awk -F '\t' '$10 ~ /limit|hit/' "$log")" '' 'no limit was met'

# Limits, hardware, dry run, usage.
printf 'well\tx_um\ty_um\nA1\t14380\t11240\nZ9\t9e6\t0\nB1\t14380\t20240\n' > far.tsv
status_is 4 'a well beyond the limits' plate-run -q -o far --no-focus far.tsv
is "$(column status out | tr '\n' ' ')" 'done limit done ' 'is marked and passed'
status_is 5 'a dry run of it' plate-run --dry-run -o dry --no-focus far.tsv
is "$(cut -f 6 out | tr '\n' ' ')" 'planned limit planned ' 'says so'
ok 'and leaves nothing' test ! -e dry
mkdir begun && cp wells.tsv begun
ok 'a dry run of a run that was begun' plate-run --dry-run -o begun --no-focus
is "$(ls -A begun)" wells.tsv 'leaves it as it is'
for row in 'A1\t0\t14380\t\t5' 'A1\t0\t\t11240\t5' '\t0\t14380\t11240\t5' 'A1\t0\t14380\t11240\t' 'A1\t0\t14380'; do
    printf "well\tfield\tx_um\ty_um\tz_um\nB1\t0\t14380\t20240\tNA\n$row\n" > gap.tsv
    n=$(grep -c 'begun$' "$log")
    status_is 1 "a row with a gap: $row" plate-run -q -o gap --no-focus gap.tsv
    is "$(cat err)" 'plate-run: gap.tsv: line 3: a field is empty' 'is told'
    is "$(grep -c 'begun$' "$log") $(ls -d gap 2> err)" "$n " 'before anything moves or a folder is begun'
done
status_is 75 'a device that another program has' plate-run -q -o taken --focus 'exit 75' wells.tsv
status_is 3 'no stage' env AF_STAGE=tango:/dev/nowhere plate-run -q -o none --no-focus wells.tsv
status_is 3 'a device that fails in the command stops the run' plate-run -q -o stop --no-focus --do 'exit 3' wells.tsv
is "$(wc -l < stop/status.tsv | tr -d ' ')" 1 'before the well is marked'
status_is 4 'a command that fails' plate-run -q -o bad --no-focus --do 'test {well} != A2' wells.tsv
is "$(awk -F '\t' '$7 == "failed" { print $1 }' bad/status.tsv)" A2 'marks its well'
for arg in --nonsense --raise=-1 --odd=-1 --odd=x ''; do status_is 2 "plate-run $arg" plate-run $arg; done
status_is 1 'no such table' plate-run -o none nowhere.tsv
is "$(cat err)" 'plate-run: nowhere.tsv: No such file or directory' 'is told in its own name'
status_is 2 'a --raise that is no length' plate-run -o none --no-focus --raise abc wells.tsv
status_is 1 'a full disk' sh -c 'plate-run -q -o full --no-focus other.tsv > /dev/full'
like "$(cat err)" '^plate-run: .*No space left' 'is reported'
status_is 1 'no such table' plate-run -q -o x nowhere.tsv
status_is 1 'a table of something else' plate-run -q -o y status.none --no-focus
mkdir busy
status_is 75 'a folder that another run has' flock busy/.lock plate-run -o busy wells.tsv
like "$(cat err)" 'busy: another process is running it' 'is said'
ok 'what a command leaves running does not hold the folder' plate-run -q -o left --no-focus --do 'sleep 5 4>&- &' wells.tsv
ok 'so that it can be given again' plate-run -q -o left --no-focus
# A signal to the script alone stops the stage under way, in real time at 2 mm/s.
plate-snake --wells B12 96 > b12.tsv
AF_LOCK_DIR=$PWD
export AF_LOCK_DIR
AF_STAGE="sim:$PWD/creep?xy_speed=2000um/s" plate-run -q -o creep.run --no-focus b12.tsv > creep.out 2>&1 &
pid=$!
until grep -q ': x from' aftools*creep*.lock 2> creep.none; do sleep 0.05; done
kill -TERM $pid
wait $pid 2> creep.none
is $? 143 'a signal ends it with its status'
like "$(tail -n 1 "$log")" 'stopped' 'and stops the stage'
ok 'help' plate-run --help
like "$(cat out)" '^Usage: plate-run' 'begins with its usage'
ok 'version' plate-run --version
like "$(cat out)" '^plate-run ' 'has its name'

# The README's plate, as it stands there.
sed -n '/^## A plate/,/^## /s/^    //p' "$SRC/README.md" > readme.sh
is "$(grep -c . readme.sh)" 13 'the README has a dozen lines and one'
if command -v gnuplot > gnuplot.path; then
    mkdir readme
    ok 'they run' sh -c 'cd readme && sh -e ../readme.sh'
    is "$(awk -F '\t' 'NR > 1 { print ($4 > 0) }' readme/focus.tsv | uniq -c | tr -s ' ')" ' 6 1' 'every well has beads'
    # Laser and beads differ by the two paths' offset, the same in each well to a fifth of the depth of field, 0.6 um.
    is "$(awk -F '\t' 'NR > 1 { d = $5; if (lo == "" || d < lo) lo = d; if (hi == "" || d > hi) hi = d }
        END { print (hi - lo < 0.12) }' readme/focus.tsv)" 1 'where the laser said'
fi
done_testing
