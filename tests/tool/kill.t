# SPDX-License-Identifier: BSD-2-Clause
# A writer that is killed, stopped, cut off or out of disk leaves the old file, the new one, or a readable beginning.
. "$SRC/tests/tap.sh"

aid=$BUILD/aid
[ -x "$aid/signalled" ] && [ -x "$aid/truncated" ] || skip_all "$BUILD/aid is not there: make check"

stack-copy --format pgm "$SRC/testdata/short.ome.tif" -o short.pgm || exit 1  # 15 planes
for _ in 1 2 3 4 5 6 7 8 9 10; do cat short.pgm; done > source.pgm           # 150, 720 kB
stack-copy source.pgm -o new.tif || exit 1
planes=$(stack-info -H -q new.tif | wc -l)
stride=$(($(wc -c < new.tif) / planes))
printf 'an old file\n' > old.tif

# What a killed writer may leave: check BEFORE STATUS; BEFORE is old.tif or nothing. The last plane may be unfinished.
cat > check << END
before=\$1 status=\$2 wrong=0
say() { printf '%s\n' "\$*"; wrong=1; }
case \$status in 0 | 137) ;; *) say "status \$status" ;; esac
if [ -e out.tif ]; then
    cmp -s out.tif new.tif || { [ -n "\$before" ] && cmp -s out.tif "\$before"; } || say 'half a file'
else
    [ \$status != 0 ] && [ -z "\$before" ] || say 'the file is gone'
fi
if [ -e out.tif.part ]; then
    [ \$status != 0 ] || say 'a .part is left behind'
    size=\$(wc -c < out.tif.part)
    stack-info -q -H out.tif.part > rows 2> err
    [ \$? -le 1 ] || say "stack-info: status \$?"
    n=\$(wc -l < rows)
    [ \$(((n + 2) * $stride)) -gt \$size ] || say "\$n planes in \$size bytes"
    "$aid/truncated" new.tif out.tif.part > log || say "\$(cat log)"
fi
rm -f out.tif out.tif.part
[ -z "\$before" ] || cp "\$before" out.tif
exit \$wrong
END
printf 'sh check "" "$1"\n' > check-new
printf 'sh check old.tif "$1"\n' > check-old

status_is 0 '100 SIGKILLs at random leave no half file' \
    "$aid/signalled" 9 1 100 check-new stack-copy source.pgm -o out.tif
note "$(cat out)"
cp old.tif out.tif
status_is 0 '100 SIGKILLs at random leave the old file or the new one' \
    "$aid/signalled" 9 2 100 check-old stack-copy source.pgm -o out.tif
note "$(cat out)"

# The same at every system call that changes something, and in the middle of every write.
stack-copy short.pgm -o new.tif || exit 1
at_each_call()
{
    n=0 met=0 said=
    rm -f out.tif
    [ -z "$2" ] || cp "$2" out.tif
    while n=$((n + 1)) && said=$said$(
        # shellcheck disable=SC2030
        FAULT=${1%:*}:$n:${1#*:} LD_PRELOAD=$BUILD/fault.so stack-copy short.pgm -o out.tif 2> err
        status=$?
        sh check "$2" $status || echo " (n = $n)"
        exit $status
    ); [ $? = 137 ]; do
        met=$((met + 1))
    done
    is "$said" '' "$1 at each call${2:+, over an old file}: $met calls"
    [ $met -gt 0 ] || tap_fail "$1 is called" 'at least once' "$(cat err)"
}
if [ -e "$BUILD/fault.so" ]; then
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
    for before in '' old.tif; do
        for call in write:KILL write:torn fsync:KILL rename:KILL truncate:KILL close:KILL; do
            at_each_call $call $before
        done
    done
else
    skip 'SIGKILL at each call' "no $BUILD/fault.so"
fi

# SIGINT and SIGTERM: the shell sees the signal, and nothing is left.
cat > check-stop << 'END'
[ "$1" = 0 ] && cmp -s out.tif new.tif && rm -f out.tif && exit 0
[ "$1" = 130 ] || [ "$1" = 143 ] || echo "status $1"
[ ! -e out.tif ] || { cmp -s out.tif new.tif && rm out.tif; } || echo 'a file'
[ ! -e out.tif.part ] || echo 'a .part'
END
stack-copy source.pgm -o new.tif || exit 1
rm -f out.tif out.tif.part
for sig in 2 15; do
    run "$aid/signalled" $sig 3 40 check-stop stack-copy source.pgm -o out.tif
    is "$(sed '$d' out)" '' "signal $sig at 40 random moments leaves nothing: $(tail -n 1 out)"
done

# Cut at every length, or at every 31st.
awk 'BEGIN {
    for (z = 0; z < 3; z++) {
        printf "P2\n# z_um=%d.5\n16 12\n4095\n", z
        for (i = 0; i < 192; i++) printf "%d\n", 100 + i * (z + 7) % 3000
    }
}' > tiny.pgm
stack-copy tiny.pgm -o tiny.tif
stack-copy --bigtiff tiny.pgm -o tiny.big.tif
for f in tiny.tif tiny.big.tif; do
    ok "$f cut at every length reads as its first planes" "$aid/truncated" tiny.pgm $f 1
    note "$(cat out)"
done
ok 'a longer stack, cut at every 31st length' "$aid/truncated" short.pgm "$SRC/testdata/short.ome.tif" 31
if [ -e "$BUILD/fault.so" ]; then
    for n in 8 9 10 11 12; do # between the planes; the final description is not written yet
        FAULT=write:$n:KILL LD_PRELOAD=$BUILD/fault.so stack-copy tiny.pgm -o tiny.part.tif 2> err
        mv tiny.part.tif.part part.tif
        ok "a .part of $(wc -c < part.tif) bytes cut at every length" "$aid/truncated" tiny.pgm part.tif 1
    done
fi

# No room.
cp old.tif out.tif
run sh -c 'ulimit -f 200; exec stack-copy source.pgm -o out.tif'
is "$status" 1 'a limit on file sizes: status 1'
is "$(cat err)" "stack-copy: out.tif.part: File too large" 'the message says so'
same out.tif old.tif 'the old file stands'
ok 'nothing else is left' [ ! -e out.tif.part ]

mkdir disk
cat > on-disk << 'END'
mount -t tmpfs -o size=256k none disk && cp old.tif disk/out || exit 99
stack-copy source.pgm -o disk/out 2> disk-err
echo "status $?" && cmp disk/out old.tif && ls -A disk
stack-copy --format pgm source.pgm -o disk/out 2>> disk-err
echo "status $?" && cmp disk/out old.tif && ls -A disk
END
run unshare -rm sh ./on-disk
if [ "$status" = 99 ] || [ ! -s out ]; then
    skip 'a full disk' "no tmpfs may be mounted: $(head -n 1 err)"
else
    is "$(cat out)" "status 1
out
status 1
out" 'a full disk: status 1, the old file stands alone'
    is "$(cat disk-err)" "stack-copy: disk/out.part: No space left on device
stack-copy: disk/out: No space left on device" 'the message says so'
fi
done_testing
