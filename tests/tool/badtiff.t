# SPDX-License-Identifier: BSD-2-Clause
# Broken and hostile files of the world, $REALDATA/badtiff: each is read or refused, from a file and from a pipe, in 5 s and
# 256 MiB, with status 0 or 1, no signal, and each complaint one line of its own; what could be read can be
# copied, and what could not leaves no file. `make check SAN=address,undefined` asks the same of memory.
. "$SRC/tests/tap.sh"

[ -d "$REALDATA/badtiff" ] || skip_all "no $REALDATA/badtiff"
bounded=$BUILD/aid/bounded

# Freed memory that AddressSanitizer holds back (256 MiB by itself) is not ours; 99 is no tool's status.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=8:exitcode=99"

# wrong TOOL STATUS: what is wrong with a run whose stderr is ./err, or nothing
wrong()
{
    [ "$2" -le 1 ] || echo "status $2"
    [ "$2" = 0 ] || [ -s err ] || echo 'no message'
    grep -v "^$1: " err
    sort err | uniq -d | sed 's/^/twice: /'
    [ "$(wc -l < err)" -le 4 ] || echo "$(wc -l < err) lines"
}

# Each way to read file $1; prints what is wrong.
try()
{
    "$bounded" 5 256 stack-info -- "$1" > /dev/null 2> err
    wrong stack-info $? | sed 's/^/stack-info: /'
    "$bounded" 5 256 stack-info --ome -- "$1" > /dev/null 2> err
    wrong stack-info $? | sed 's/^/stack-info --ome: /'
    "$bounded" 5 256 stack-info --verify -H -- "$1" > rows 2> err
    status=$?
    if [ $status = 1 ] && [ -s rows ]; then status=0; fi # what is wrong stands in the table
    wrong stack-info $status | sed 's/^/stack-info --verify: /'
    # shellcheck disable=SC2002 # a pipe, not a file
    cat "$1" | "$bounded" 5 256 stack-info > /dev/null 2> err
    wrong stack-info $? | sed 's/^/stack-info of a pipe: /'

    "$bounded" 5 256 stack-copy -o copy.tif -- "$1" 2> err
    status=$?
    wrong stack-copy $status | sed 's/^/stack-copy: /'
    if [ $status = 0 ]; then
        "$bounded" 5 256 stack-info copy.tif > /dev/null 2> err || echo "its copy: $(cat err)"
    fi
    [ $status = 0 ] || [ ! -e copy.tif ] || echo 'stack-copy failed and left a file'
    [ ! -e copy.tif.part ] || echo 'stack-copy left a .part'
    rm -f copy.tif copy.tif.part
    # shellcheck disable=SC2002
    cat "$1" | "$bounded" 5 256 stack-copy > /dev/null 2> err
    wrong stack-copy $? | sed 's/^/stack-copy of a pipe: /'
}

for f in $(cd "$REALDATA/badtiff" && find . -type f ! -name '*.tsv' ! -name '*.md' | sed 's,^\./,,' | sort); do
    case $f in
    *.gz) gunzip -c "$REALDATA/badtiff/$f" > "$(basename "$f" .gz)" && file=$(basename "$f" .gz) ;;
    *) file=$(basename "$f") && cp "$REALDATA/badtiff/$f" "$file" ;;
    esac
    is "$(try "$file")" '' "$f is read or refused"
    rm -f "$file"
done
done_testing
