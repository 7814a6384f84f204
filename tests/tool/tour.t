# SPDX-License-Identifier: BSD-2-Clause
# What aftools(7) and the README tell to type works, and prints what the page says.
. "$SRC/tests/tap.sh"
ln -s "$SRC/testdata" testdata

# The displays of the page as a reader sees them: "$ command", then what it prints.
awk '/^\.Bd/ { on = 1; next } /^\.Ed/ { on = 0 } on' "$SRC/man/aftools.7" |
    sed 's/\\(aq/'\''/g; s/\\-/-/g' > shown
sed -n 's/^\$ //p' shown > commands
like "$(cat commands)" '^af-label' 'the page has commands'

while read -r command; do
    awk -v want="\$ $command" '$0 == want { on = 1; next } /^\$ / || !/\t/ && !/^[0-9.-]+$/ { on = 0 } on' \
        shown > expected
    sh -c "$command" > printed 2> complaints
    if [ -s expected ]; then
        same printed expected "$command"
    else
        is "$(cat printed complaints)" '' "$command"
    fi
done < commands
ok 'the pictures are there' test -s montage.png -a -s cut.png -a -s curve.png
rm -f montage.png

# Its first block; what follows has tests of its own.
awk '/^## / { on = /^## Try it/ } on && /^[A-Z]/ { on = 0 } on && /^    (stack-|af-)/ { print substr($0, 5) }' \
    "$SRC/README.md" > readme.sh
is "$(wc -l < readme.sh | tr -d ' ')" 3 'the README has three lines to try'
ok 'they run' sh -e readme.sh
like "$(cat out)" "$(printf '\t1\\.37')" 'and find the focus'
ok 'and draw the stack' test -s montage.png
done_testing
