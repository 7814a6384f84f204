# SPDX-License-Identifier: BSD-2-Clause
# The shipped stacks are what testdata/README.md says, and the commands there make them.
. "$SRC/tests/tap.sh"

readme=$SRC/testdata/README.md
PATH=$BUILD/aid:$PATH

sed -n 's/^    \([0-9a-f]\{64\}  .*\)/\1/p' "$readme" > sums
is "$(wc -l < sums | tr -d ' ')" "$(find "$SRC/testdata" -name '*.tif' | wc -l | tr -d ' ')" 'each stack has a sum'
ok 'the sums hold' sh -c 'cd "$SRC/testdata" && sha256sum -c -' < sums

sed -n 's/^    \(make-spot-stack .*\)/\1/p' "$readme" > commands
ok 'the commands run' sh -e commands
# Not the files' bytes: they name the version that wrote them. Pixels could differ where the last
# bit of another machine's exp() moves a count over the edge of a rounding, once in some 10^8 stacks.
content() { (cd "$1" && stack-copy -q --format pgm "$2" && stack-info "$2"); }
for f in *.tif; do
    content . "$f" > made
    content "$SRC/testdata" "$f" > shipped
    same made shipped "$f has the pixels and the z of its command"
done

like "$(af-label "$SRC/testdata/spot.ome.tif" | cut -f 5 | sed -n 2p)" '^1\.3[4-9]' \
    'focus of spot.ome.tif is where it was planted: within three standard errors of 0.01 um'
status_is 4 'short.ome.tif has no answer' af-label "$SRC/testdata/short.ome.tif"
is "$(cut -f 9 out | sort -u | tr '\n' ' ')" 'edge quality ' 'its focus is said to be beyond an end'
done_testing
