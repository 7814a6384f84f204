# SPDX-License-Identifier: BSD-2-Clause
# stack-show: every picture, every status, streams, and no half file.
. "$SRC/tests/tap.sh"

# frame N VALUE: a PGM of 48 x 36 px, a bright column on VALUE, its z in a comment.
frame()
{
    printf 'P5\n# z_um=%s\n48 36\n255\n' "$1"
    awk -v v="$2" 'BEGIN {
        for (y = 0; y < 36; y++)
            for (x = 0; x < 48; x++)
                printf "%c", x == 20 ? 97 + y % 26 : 32 + v
    }'
}
frames() { for i in 0 1 2 3 4 5 6 7 8 9 10 11; do frame "$((i * 2 - 10)).5" "$((i + 1))"; done; }
frames > frames.pgm
frame 0 1 > one.pgm

# png_size FILE: "w h", or nothing where it is no PNG from its first byte to its last.
png_size()
{
    [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || return
    [ "$(tail -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 49454e44ae426082 ] || return
    od -An -tu1 -j16 -N8 "$1" | awk '{print $1 * 2^24 + $2 * 65536 + $3 * 256 + $4,
        $5 * 2^24 + $6 * 65536 + $7 * 256 + $8}'
}
wide() { png_size "$1" | cut -d ' ' -f 1; }

ok 'a montage is what comes without a choice' stack-show -o a.png frames.pgm
is "$(cat out)$(cat err)" '' 'and nothing is said'
stack-show --montage frames.pgm > b.png
same b.png a.png '--montage gives the same bytes on standard output'
stack-show --every 1 -o b.png frames.pgm
same b.png a.png 'up to 64 planes are all shown'
ok 'standard input is read' sh -c 'stack-show < frames.pgm > in.png'
ok 'and so is -' sh -c 'stack-show - < frames.pgm > dash.png'
same dash.png in.png 'to the same bytes'
is "$(wide in.png)" "$(wide a.png)" 'as wide as from a file'

for map in gray viridis magma coolwarm; do
    ok "--map $map draws" stack-show --map $map --plane 3 -o $map.png frames.pgm
done
is "$(sha256sum gray.png viridis.png magma.png coolwarm.png | cut -c 1-64 | sort -u | wc -l | tr -d ' ')" 4 \
    'the four maps differ'
ok '--max draws' stack-show --max -o max.png frames.pgm
ok '--xz draws' stack-show --xz 5 -o xz.png frames.pgm
ok '--yz draws' stack-show --yz 20 -o yz.png frames.pgm
for f in max xz yz; do
    like "$(png_size $f.png)" '^[0-9]+ [0-9]+$' "$f.png is a whole PNG"
done
stack-show --max --planes 11:11 -o last.png frames.pgm
stack-show --max --planes 11: -o last2.png frames.pgm
same last2.png last.png '--planes 11: is the last of twelve'
stack-show --range 0,255 --max --planes 3:3 -o r1.png frames.pgm
stack-show --range 0,255 --max --planes :3 --every 4 -o r2.png frames.pgm
is "$(cmp -s r1.png r2.png && echo same)" '' 'other planes give another picture'
stack-show --scale plane -o own.png frames.pgm
ok 'a montage of own scales has no colour bar' [ "$(wide own.png)" -lt "$(wide a.png)" ]
stack-show --width 24 -o small.png frames.pgm
ok '--width makes thumbnails smaller' [ "$(wide small.png)" -lt "$(wide a.png)" ]
stack-show --xz 5 --aspect 10 -o tall.png frames.pgm
is "$(($(png_size tall.png | cut -d ' ' -f 2) - $(png_size xz.png | cut -d ' ' -f 2)))" \
    "$((12 * 10 * 16 - 384 - 24))" '--aspect decides the height of a slice (16 px for one, no note below)'
ok 'one frame has slices too' stack-show --yz 0 -o one.png one.pgm

# A live source that goes on: what is asked for is there when its planes have come.
ok 'a stream is left when the last plane asked for has come' \
    sh -c 'while :; do cat frames.pgm || exit; done 2> /dev/null | stack-show --planes 5:20 -o live.png'
i=0
while [ $i -lt 20 ]; do cat frames.pgm; i=$((i + 1)); done > long.pgm
ok 'a long stream is thinned out' sh -c 'stack-show < long.pgm > long.png'
ok 'and stays below 4 Mpx' [ "$(png_size long.png | awk '{print ($1 * $2 < 4e6)}')" = 1 ]

# Status 2.
while read -r args; do
    # shellcheck disable=SC2086 # words
    status_is 2 "refused: $args" stack-show $args -o no.png frames.pgm
    like "$(cat err)" '^stack-show: ' "with a reason: $(head -n 1 err)"
done << 'END'
--plane 12
--planes 20:30
--planes 3
--planes 5:2
--planes -1:2
--planes 1:x
--range 5
--range 5,5
--range 5,1
--range a,b
--range 1,nan
--range 0,5 --scale plane
--xz 36
--yz 48
--plane 1 --max
--xz 1 --yz 1
--plane 1 --planes 0:1
--map rainbow
--scale all
--clip 50
--width 1
--every 0
--aspect 0
--xz 1 --aspect 1e6
--z0 5
END
cp frames.pgm mine.pgm
ln -s mine.pgm link.pgm
status_is 2 'a picture over the stack itself' stack-show -o mine.pgm link.pgm
like "$(cat err)" "^stack-show: --output: 'mine.pgm' is the stack itself" 'is refused'
status_is 2 'or over one of the joined files' stack-show --join -o mine.pgm one.pgm mine.pgm
same mine.pgm frames.pgm 'and the stack is what it was'
status_is 2 'a name that promises a JPEG' stack-show -o no.jpg one.pgm
like "$(cat err)" "^stack-show: --output: 'no.jpg': what is written is PNG" 'is told what it would be'
status_is 2 'two stacks are refused without --join' stack-show -o no.png one.pgm one.pgm
status_is 2 'a plane that a stream does not have' sh -c 'stack-show --plane 12 < frames.pgm > no.stdout'
if command -v script > /dev/null; then
    run script -qec 'stack-show frames.pgm; echo "status $?"' /dev/null
    like "$(cat out)" 'stack-show: a PNG does not go onto a terminal' 'no PNG onto a terminal'
    like "$(cat out)" '^status 2' 'which is a usage error'
else
    skip 'no PNG onto a terminal' 'no script(1) here'
fi

# Status 1.
status_is 1 'an absent file' stack-show -o no.png absent.tif
like "$(cat err)" '^stack-show: absent.tif: No such file' 'is named with the reason'
stack-copy -o run3.ome.tif frames.pgm
head -c 20000 frames.pgm > cut.pgm
head -c 10000 run3.ome.tif > cut.tif
head -c 300 run3.ome.tif > stub.tif
status_is 1 'a truncated stream' sh -c 'stack-show -o no.png < cut.pgm'
like "$(cat err)" '^stack-show: .*frame 11: .*cut short' 'is named with the place'
status_is 1 'a TIFF cut in its first plane' stack-show -o no.png stub.tif
like "$(cat err)" '^stack-show: stub.tif: ' 'is named'
ok 'of a truncated TIFF the whole planes are shown' stack-show -o cut.png cut.tif
like "$(cat err)" '^stack-show: cut.tif: .*cut short' 'with a warning'
printf 'P6 1 1 255 abc' > colour.ppm
status_is 1 'colour' stack-show -o no.png colour.ppm
: > empty
status_is 1 'an empty file' stack-show -o no.png empty
status_is 1 'empty standard input' sh -c 'stack-show -o no.png < /dev/null'
{ cat one.pgm; printf 'P5 2 2 255\nabcd'; } > mixed.pgm
for mode in '' --max '--xz 0' '--yz 0'; do
    # shellcheck disable=SC2086
    status_is 1 "planes of two sizes, ${mode:-montage}" stack-show $mode -o no.png mixed.pgm
done
status_is 1 'planes over --max-pixels' stack-show --max-pixels 1000 -o no.png frames.pgm
ok 'none of these left a file' [ ! -e no.png ]
status_is 1 'a full disk under standard output' sh -c 'stack-show frames.pgm > /dev/full'
like "$(cat err)" '^stack-show: standard output: No space left' 'is reported'
status_is 1 'a full disk under -o' stack-show -o /dev/full frames.pgm
like "$(cat err)" '^stack-show: /dev/full: No space left' 'is reported'
status_is 1 'a folder that is not there' stack-show -o none/a.png frames.pgm

# Killed while it waits for more: the old file stands, and nothing else is there.
mkdir kill && cp one.pgm kill/out.png && mkfifo pipe
stack-show -o kill/out.png < pipe 2> /dev/null &
pid=$!
exec 9> pipe
cat frames.pgm >&9
kill -KILL $pid
wait $pid 2> /dev/null
exec 9>&-
same kill/out.png one.pgm 'killed, it leaves the old file'
is "$(ls -A kill)" out.png 'and no other'

# The examples of the manual, on files of the names used there.
cp run3.ome.tif mon.ome.tif && cp run3.ome.tif tue.ome.tif
for z in 200 300 400; do stack-copy -o k-${z}mm.tif one.pgm; done
examples stack-show > examples
is "$(wc -l < examples | tr -d ' ')" 5 'the manual has five examples'
while read -r line; do
    ok "example: $line" sh -ec "$line"
done < examples
for f in run3 bead k max mon tue; do
    like "$(png_size $f.png)" '^[0-9]+ [0-9]+$' "$f.png is a whole PNG"
done
is "$(wide mon.png)" "$(wide tue.png)" 'the same range gives pictures of the same size'

done_testing
