# SPDX-License-Identifier: BSD-2-Clause
# af-capture takes frames of any camera, and says where it took them.
. "$SRC/tests/tap.sh"
xsd=$REALDATA/../reference/ome/ome.xsd XML_CATALOG_FILES=$REALDATA/../reference/ome/catalog.xml
export XML_CATALOG_FILES
AF_CAMERA=sim:scope AF_STAGE=sim:scope AF_LOCK_DIR=$PWD
export AF_CAMERA AF_STAGE AF_LOCK_DIR
fast='?clock=virtual&width=64&height=48'

column() { awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }'; }

ok 'three frames of the simulated microscope' af-capture --camera "sim:scope$fast" -n 3 --exposure 2ms -o a.ome.tif
stack-info a.ome.tif > info
is "$(column plane < info | tr '\n' ' ')" '0 1 2 ' 'are three planes'
is "$(column exposure_ms < info | sort -u)" 2 'with their exposure'
is "$(column z_um < info | awk '$1 > -0.1 && $1 < 0.1' | wc -l | tr -d ' ')" 3 'and z where the stage stands'
stack-info --ome a.ome.tif > a.xml
for key in camera stage z_before_um z_after_um frames_lost; do
    ok "the file has $key" grep -q "K=\"$key\"" a.xml
done
is "$(sed -n 's/.*K="z_before_um">\([^<]*\)<.*/\1/p' a.xml | wc -w | tr -d ' ')" 3 'z before each exposure'
is "$(sed -n 's/.*K="z_after_um">\([^<]*\)<.*/\1/p' a.xml | wc -w | tr -d ' ')" 3 'z after each exposure'
if command -v xmllint > /dev/null && [ -f "$xsd" ]; then
    ok 'the schema takes it' xmllint --nonet --noout --schema "$xsd" a.xml
else
    skip 'the schema takes it' 'no xmllint, or no schema here'
fi

ok 'a region' af-capture --region 20x10+5+7 --bits 8 -o r.ome.tif
is "$(stack-info r.ome.tif | awk -F '\t' 'NR == 2 { print $8, $9, $10 }')" '20 10 8' 'has its size and depth'
ok 'without a stage z is not known' env -u AF_STAGE af-capture -o n.ome.tif
is "$(stack-info -q n.ome.tif | column z_um)" NA 'and not said'

status_is 0 'a pipe gets OME-TIFF' sh -c 'af-capture -n 2 | stack-info - | wc -l'
is "$(tr -d ' ' < out)" 3 'with its planes'
ok 'a stream is PGM' sh -c 'af-capture --stream -n 4 | stack-info - > s'
is "$(column z_um < s | grep -vc NA)" 4 'whose frames say z'
ok 'a stream without end stops with its reader' sh -c 'af-capture --stream | head -c 20000 | wc -c'
ok 'a stream is a camera again' sh -c 'af-capture --stream -n 3 > s.pgm; af-capture --camera pgm:s.pgm -n 3 -o again.ome.tif'
is "$(stack-info again.ome.tif | wc -l | tr -d ' ')" 4 'of as many frames'
status_is 1 'a stream that ends too early' sh -c 'af-capture --camera pgm:/dev/null -o x.ome.tif'

ok 'a preview' af-capture -n 2 --preview now.png -o p.ome.tif
ok 'is a picture' stack-info -q now.png
is "$(find . -name '*.tmp' -o -name '*.part')" '' 'and nothing else is left'

ok 'a dark frame' af-capture -n 4 -o dark.ome.tif
ok 'is taken off' af-capture --dark dark.ome.tif --average 4 -o less.ome.tif
is "$(stack-info less.ome.tif dark.ome.tif | column mean | awk 'NR == 1 { m = $1 } NR == 2 { print (m < $1 / 2) }')" 1 \
    'and little is left of the same picture'
ok 'a recorded stack is a camera' af-capture --camera file:a.ome.tif -n 1 -o f.ome.tif
af-capture -n 2 -o two.ome.tif && head -c "$(($(wc -c < two.ome.tif) * 3 / 4))" two.ome.tif > cut.tif
status_is 1 'but not one that is cut short' af-capture --camera file:cut.tif -o g.ome.tif
ok 'of which nothing is written' [ ! -e g.ome.tif ]

status_is 2 'no camera is a usage error' env -u AF_CAMERA af-capture -o x.ome.tif
status_is 2 'an unknown kind of camera' af-capture --camera film:x -o x.ome.tif
like "$(cat err)" 'there are sim: file: pgm:' 'which are told'
status_is 2 'a region that is none' af-capture --region 20x -o x.ome.tif
status_is 2 'a region outside' af-capture --region 9999x10 -o x.ome.tif
status_is 3 'a camera that is not there' af-capture --camera v4l2:/dev/null -o x.ome.tif
status_is 1 'a full disk' sh -c 'af-capture > /dev/full'
export AF_CAMERA=sim:slow AF_STAGE=sim:slow
af-capture --exposure 20s -o slow.ome.tif 2> slow.err & other=$!
until ls -- *.lock > /dev/null 2>&1 || ! kill -0 $other; do sleep 0.05; done
status_is 75 'a stage that another one has' af-capture -o x.ome.tif
like "$(cat err)" "in use by af-capture \\(pid $other\\)" 'is told with its holder'
kill $other
wait $other
is $? 143 'a signal ends a capture as the shell expects'
is "$(ls slow.ome.tif* 2> /dev/null)" '' 'and it keeps nothing'
ok 'and none of these leaves a file' [ ! -e x.ome.tif ]

# A slip in the name of a simulated microscope is no new one.
for uri in 'sim:drift=20nm/min' 'sim:scope&clock=virtual' sim:/dve/video0; do
    run af-capture --camera "$uri" -o slip.tif
    is "$(wc -l < err | tr -d ' ') $([ $status = 0 ] || echo refused)" '1 refused' "$uri is refused in a line"
done
ok 'no folder is made' test ! -e drift=20nm -a ! -e 'scope&clock=virtual' -a ! -e /dve
status_is 2 'a camera of another microscope' af-capture --stage 'sim:two?clock=virtual' --camera sim:tow -o slip.tif
like "$(cat err)" 'sim:tow: is another simulated microscope than that of the stage, sim:two' 'is told'
ok 'and not made' test ! -e tow
ok 'of the same one by another name' af-capture -q --stage sim:two --camera "sim:$PWD/two" -o same.tif
done_testing
