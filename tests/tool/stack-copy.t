# SPDX-License-Identifier: BSD-2-Clause
# stack-copy turns any stack into OME-TIFF or PGM frames, whole or not at all.
. "$SRC/tests/tap.sh"

frame() { printf 'P5\n%s2 2\n%s\n%s' "${2:+# $2
}" "${3:-255}" "$1"; }
{
    frame abcd 'z_um=-1.5 x_um=7 y_um=-8 exposure_ms=12.5 time_s=0'
    frame bcde 'z_um=0.25 x_um=7 y_um=-8 exposure_ms=12.5 time_s=0.5'
    frame cdef 'z_um=1 x_um=7 y_um=-8 exposure_ms=12.5 time_s=1.5'
} > in.pgm
table() { stack-info -q "$1" | cut -f 2-; }
table in.pgm > want

ok 'PGM to OME-TIFF' stack-copy -o a.ome.tif in.pgm
is "$(cat out err)" '' 'says nothing'
table a.ome.tif > got
same got want 'counts, z, x, y, exposure and time are kept'
ok 'OME-TIFF to PGM' stack-copy --format pgm -o b.pgm a.ome.tif
same b.pgm in.pgm 'gives the bytes that it came from'
ok 'OME-TIFF to OME-TIFF' stack-copy -o c.ome.tif a.ome.tif
table c.ome.tif > got
same got want 'keeps them too'

ok 'pipes on both sides' sh -c 'stack-copy < in.pgm | stack-copy --format pgm | stack-copy - -o p.ome.tif'
table p.ome.tif > got
same got want 'keep all'
ok '-o -' stack-copy -o - in.pgm
table out > got
same got want 'is standard output'
is "$(find . -name '*part*')" '' 'no .part is left'

# What a killed writer has left, copied to where it should have gone: its .part would be begun anew.
cp a.ome.tif left.ome.tif.part
status_is 2 'a copy over the .part that is read' stack-copy left.ome.tif.part -o left.ome.tif
like "$(cat err)" '^stack-copy: left.ome.tif.part: writing left.ome.tif would overwrite it' 'is refused'
status_is 2 'nor from stdin' sh -c 'stack-copy -o left.ome.tif < left.ome.tif.part'
status_is 2 'nor as the last of several' stack-copy --join a.ome.tif left.ome.tif.part -o left.ome.tif
same left.ome.tif.part a.ome.tif 'and it is what it was'
ok 'under another name' stack-copy left.ome.tif.part -o rescued.ome.tif
table rescued.ome.tif > got
same got want 'its planes are rescued'
rm left.ome.tif.part

ok '12 bits in 16' sh -c "printf 'P5 2 1 4095\n\001\002\017\377' | stack-copy -o d.ome.tif"
is "$(stack-info -H d.ome.tif | cut -f 10-14 | tr '\t' ' ')" '12 258 4095 2176.5 1' 'are 12 bits still'
ok 'back to PGM' stack-copy --format pgm d.ome.tif
like "$(head -n 3 out | tr '\n' ' ')" '4095' 'with their maximum'

ok '--bigtiff' stack-copy --bigtiff -o big.ome.tif in.pgm
is "$(od -An -tu1 -j 2 -N 2 big.ome.tif | tr -d ' ')" "$(printf 'II+\0' | od -An -tu1 -j 2 -N 2 | tr -d ' ')" \
    'writes BigTIFF'
table big.ome.tif > got
same got want 'with all in it'
status_is 2 'a PGM stream is no BigTIFF' stack-copy --bigtiff --format pgm in.pgm

ok '--pixel and --dz' stack-copy --pixel 108nm --z0 2 --dz -0.5 -o px.ome.tif in.pgm
like "$(stack-info --ome px.ome.tif)" 'PhysicalSizeX="0.108".* PhysicalSizeZ="0.5"' 'are written'
is "$(stack-info -H px.ome.tif | cut -f 3 | tr '\n' ' ')" '2 1.5 1 ' 'z goes down'

frame abcd '' > z10.pgm && frame bcde '' > z9.pgm
for z in 9 10; do stack-copy -o z$z.tif z$z.pgm; done
ok '--join' stack-copy --join --dz 1 -o joined.ome.tif z10.tif z9.tif
is "$(stack-info -H joined.ome.tif | cut -f 3,11 | tr '\t\n' ': ')" '0:98 1:97 ' 'is in natural order'
status_is 2 'several files without --join' stack-copy -o no.tif z9.tif z10.tif
like "$(head -n 1 err)" '2 files are not one stack; --join makes them one' 'are a usage error'

if /usr/bin/python3 -c 'import tifffile' 2> /dev/null; then
    /usr/bin/python3 - << 'EOF'
import numpy, tifffile
a = numpy.arange(12, dtype='uint8').reshape(3, 2, 2, 1, 1).repeat(4, 3).repeat(4, 4)
tifffile.imwrite('hyper.tif', a, imagej=True, metadata={'axes': 'TZCYX', 'spacing': 0.5, 'unit': 'um'})
tifffile.imwrite('wide.tif', numpy.zeros((4, 4), 'uint64'))
tifffile.imwrite('signed.tif', numpy.zeros((4, 4), 'int16'))
tifffile.imwrite('rgb.tif', numpy.zeros((4, 4, 3), 'uint8'), photometric='rgb')
EOF
    ok '--channel and --time' stack-copy --channel 2 --time 2 -o one.ome.tif hyper.tif
    is "$(stack-info -H one.ome.tif | cut -f 3,11 | tr '\t\n' ': ')" '0:5 0.5:7 ' 'pick planes'
    ok 'several channels' stack-copy -o all.ome.tif hyper.tif
    like "$(cat err)" 'hyper.tif: 2 channels become planes of one; --channel picks one' 'are told of'
    like "$(cat err)" 'hyper.tif: 3 times become planes of one; --time picks one' 'and times'
    is "$(stack-info -H all.ome.tif | wc -l | tr -d ' ')" 12 'and become planes'
    status_is 2 'a channel that is not there' stack-copy --channel 3 -o no.tif hyper.tif
    status_is 1 '64-bit integers' stack-copy -o no.tif wide.tif
    like "$(cat err)" 'OME-TIFF has no 64-bit integers' 'are refused'
    status_is 1 'signed counts as PGM' stack-copy --format pgm -o no.pgm signed.tif
    like "$(cat err)" '^stack-copy: no.pgm: .*unsigned' 'are refused'
    status_is 1 'colour' stack-copy -o no.tif rgb.tif
    is "$(cat err)" 'stack-copy: rgb.tif: page 0: colour, gray is needed' 'is refused'
else
    skip '--channel and --time' 'no python3-tifffile here'
fi

# ------------------------------------------------------------- refused, failed
{ frame abcd ''; printf 'P5 3 1 255\nabc'; } > mixed.pgm
cp a.ome.tif old.ome.tif
status_is 1 'planes of two sizes' stack-copy -o old.ome.tif mixed.pgm
like "$(cat err)" 'plane 1 is 3x1 uint8, plane 0 is 2x2 uint8' 'are refused'
same old.ome.tif a.ome.tif 'and the old file stands'
head -c "$(($(wc -c < in.pgm) - 1))" in.pgm > cut.pgm
status_is 1 'a stream that is cut short' stack-copy -o old.ome.tif - < cut.pgm
same old.ome.tif a.ome.tif 'leaves the old file'
head -c 100 a.ome.tif > cut.tif
for f in cut.tif absent.tif .; do
    status_is 1 "$f" stack-copy -o old.ome.tif $f
    like "$(cat err)" "^stack-copy: $f: " 'is named'
done
for n in 1 2 3; do printf 'P5 1 1 65535\n\001%b' "\\00$n"; done | stack-copy --dz 1 -o deep.ome.tif
ok '16 bits' stack-copy --format pgm -o deep.pgm deep.ome.tif
is "$(find . -name 'no.*' -o -name '*part*' -o -name '.*.tmp')" '' 'nothing is left of what failed'

for out in '' '--format pgm'; do
    # shellcheck disable=SC2086 # several words
    status_is 1 "a full disk: $out" sh -c "stack-copy $out in.pgm > /dev/full"
    like "$(cat err)" '^stack-copy: .*No space left on device' 'is reported'
    # shellcheck disable=SC2086 # several words
    status_is 1 "a full disk under -o: $out" stack-copy $out -o /dev/full in.pgm
    like "$(cat err)" '^stack-copy: /dev/full: No space left on device' 'is reported'
    # shellcheck disable=SC2086 # several words
    status_is 1 "a folder that is not there: $out" stack-copy $out -o none/a in.pgm
    is "$(cat err)" 'stack-copy: none/a: No such file or directory' 'is reported'
    # shellcheck disable=SC2086 # several words
    status_is 1 "a folder as output: $out" stack-copy $out -o . in.pgm
    is "$(cat err)" 'stack-copy: .: Is a directory' 'is reported by the name that was given'
done
for args in '--format png in.pgm' '--pixel 0 in.pgm' '--pixel -1 in.pgm' '--z0 1 in.pgm' \
    '--series 0 in.pgm'; do
    # shellcheck disable=SC2086 # several words
    status_is 2 "stack-copy $args" stack-copy -o no.tif $args
done

ln -s a.ome.tif link.ome.tif
ok 'through a link' stack-copy -o link.ome.tif d.ome.tif
is "$(readlink link.ome.tif)" a.ome.tif 'the link stays'
is "$(stack-info -H a.ome.tif | wc -l | tr -d ' ')" 1 'its target is replaced'

# --------------------------------------------------- two writers, signals, a kill
# Wait for $2 frames and no more in the stack $1 that grows.
wait_for()
{
    i=0
    until [ "$(stack-info -qH "$1" 2> /dev/null | wc -l)" -eq "$2" ] || [ $((i += 1)) -gt 200 ]; do
        sleep 0.05
    done
}
mkfifo pipe
cp old.ome.tif t.ome.tif
stack-copy -o t.ome.tif < pipe 2> /dev/null &
pid=$!
exec 9> pipe
cat in.pgm >&9
wait_for t.ome.tif.part 3
is "$(stack-info -qH t.ome.tif.part | cut -f 3 | tr '\n' ' ')" '-1.5 0.25 1 ' 'a stack being written can be read'
status_is 75 'a second writer' stack-copy -o t.ome.tif in.pgm
is "$(sed 's,/.*/,,' err)" 'stack-copy: t.ome.tif.part: another process is writing it' 'is told to wait'
kill -KILL $pid
wait $pid 2> /dev/null
exec 9>&-
same t.ome.tif old.ome.tif 'killed, it leaves the old file'
table t.ome.tif.part > got
same got want 'and the planes so far'
ok 'the next run' stack-copy -o t.ome.tif z9.pgm
is "$(stack-info -H t.ome.tif | wc -l | tr -d ' ')" 1 'begins anew'
is "$(find . -name '*part*')" '' 'and leaves nothing'

cp old.ome.tif t.ome.tif
for s in 'INT 130' 'TERM 143'; do
    # A shell without job control starts its background jobs with SIGINT ignored.
    env --default-signal=INT stack-copy -o t.ome.tif < pipe 2> err &
    pid=$!
    exec 9> pipe
    cat in.pgm >&9
    wait_for t.ome.tif.part 3
    kill "-${s% *}" $pid
    cat z9.pgm >&9
    exec 9>&-
    { wait $pid; } 2> /dev/null
    is "$?" "${s#* }" "SIG${s% *} ends it by that signal"
    same t.ome.tif old.ome.tif 'the old file stands'
    is "$(find . -name '*part*')" '' 'no .part is left'
done

# -------------------------------------------------------------------- examples
mkdir examples && cd examples || exit 1
cp ../old.ome.tif run3.tif
cp ../old.ome.tif run3.ome.tif
for z in 300 40; do stack-copy -o k-${z}mm.tif ../z9.pgm; done
for i in 1 2; do stack-copy -o bead_$i.tif ../z9.pgm; done
examples stack-copy > examples
is "$(wc -l < examples | tr -d ' ')" 5 'the manual has five examples'
while read -r line; do
    case $line in
    *cells.tif) [ -f ../hyper.tif ] && cp ../hyper.tif cells.tif || continue ;;
    esac
    ok "example: $line" sh -ec "$line"
done < examples
is "$(stack-info -H k.ome.tif | cut -f 3 | tr '\n' ' ')" '40000 300000 ' 'z is that of the names'
is "$(stack-info -H beads.ome.tif | cut -f 3 | tr '\n' ' ')" '-5 -4.7 ' 'z is that of the command line'
is "$(table again.ome.tif)" "$(table run3.ome.tif)" 'from pipe to pipe nothing is lost'
status_is 2 'a name that promises PGM' stack-copy -o no.pgm "$SRC/testdata/spot.ome.tif"
like "$(cat err)" "^stack-copy: --output: 'no.pgm': what is written is OME-TIFF; see --format" 'is told of --format'
status_is 2 'and the other way round' stack-copy --format pgm -o no.tif "$SRC/testdata/spot.ome.tif"
done_testing
