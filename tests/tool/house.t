# SPDX-License-Identifier: BSD-2-Clause
# What every tool owes its users, and what the house owes every tool: command line, manuals, installation.
. "$SRC/tests/tap.sh"

tools=$(cd "$SRC/cmd" && for f in *.c; do printf '%s ' "${f%.c}"; done)

# A make of the tests' own: not one more job of the make that runs them.
remake() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory "$@"; }

for t in $tools; do
    ok "$t --help" "$t" --help
    is "$(cat err)" '' "$t --help says nothing on stderr"
    like "$(head -n 1 out)" "^Usage: $t " "$t --help begins with its usage"
    is "$(awk 'length > 80' out)" '' "$t --help fits 80 columns"
    # One screen is 24 lines where the options are few, and a line for each where they are many: two on a line are
    # found later than by scrolling. Usage, summary, page and blanks are six, a name too long for its column one more.
    ok "$t --help is a line an option" [ "$(wc -l < out)" -le $(($(grep -c '^  *-' out) + 7)) ]
    ok "$t -h is --help" "$t" -h
    like "$(head -n 1 out)" "^Usage: $t " "$t -h begins with its usage"

    ok "$t --version" "$t" --version
    like "$(head -n 1 out)" "^$t .*[0-9]+\.[0-9]+" "$t --version has name and version"
    like "$(cat out)" 'BSD-2-Clause' "$t --version has the licence"

    status_is 2 "$t refuses an unknown option" "$BUILD/$t" --no-such-option
    is "$(cat out)" '' "$t prints nothing on stdout then"
    like "$(head -n 1 err)" "^$t: .*no-such-option" "$t names itself and the option"
    is "$(sed 1d err)" "Try '$t --help'." "$t says where help is"

    status_is 1 "$t --help notices a full disk" sh -c "$t --help > /dev/full"
    like "$(cat err)" "^$t: .*No space left" "$t says that the disk is full"

    # Whatever else a tool needs is read before its operands, or has a default.
    run "$t" -- --help
    unlike "$(cat out)" '^Usage:' "$t takes what follows -- as operands"
    is "$([ "$status" -ne 0 ] && echo failed)" failed "$t fails on an operand that is no file"
    like "$(cat err)" "^$t: " "$t says so in its name"

    "$t" --completion bash > "$t.bash"
    ok "$t: bash takes the completion" bash -c ". ./$t.bash && complete -p $t"
    run bash -c ". ./$t.bash; COMP_WORDS=($t --vers) COMP_CWORD=1
        f=\$(complete -p $t | sed 's/.*-F \([^ ]*\).*/\1/'); \$f 2>/dev/null; echo \${COMPREPLY[*]}"
    is "$(cat out)" --version "$t: bash completes --vers"
    if command -v zsh > /dev/null; then
        "$t" --completion zsh > "_$t"
        ok "$t: zsh parses the completion" zsh -n "_$t"
    else
        skip "$t: zsh parses the completion" 'no zsh here'
    fi

    ok "$t has a manual" [ -f "$SRC/man/$t.1" ]
    ok "$t: README names it" grep -q "\`$t\`" "$SRC/README.md"
    ok "$t: the tour names it" grep -q "$t" "$SRC/man/aftools.7"
done

ok 'make install' remake -C "$SRC" B="${BUILD#"$SRC"/}" DESTDIR="$PWD/x" PREFIX=/opt/af install
want=$({
    for t in $tools; do
        printf '%s\n' "bin/$t" "share/man/man1/$t.1" "share/bash-completion/completions/$t" \
            "share/zsh/site-functions/_$t"
    done
    for s in "$SRC"/scripts/af-* "$SRC"/scripts/plate-run; do
        [ ! -f "$s" ] || printf 'bin/%s\nshare/man/man1/%s.1\n' "${s##*/}" "${s##*/}"
    done
    for s in 5 7; do
        for m in "$SRC"/man/*."$s"; do printf 'share/man/man%s/%s\n' "$s" "${m##*/}"; done
    done
} | sort)
is "$(cd x/opt/af && find . -type f | sed 's,^\./,,' | sort)" "$want" \
    'tools, manuals and completions are installed, nothing else'
is "$(find x -type f ! -path 'x/opt/af/*')" '' 'nothing is installed outside PREFIX'
ok 'an installed tool runs' x/opt/af/bin/stack-info --version

if git clone -q "$SRC" clone 2> /dev/null; then
    ok 'make dist' remake -C clone dist
    is "$(tar -tzf clone/aftools-*.tar.gz | grep -v '/$' | sed 's,^[^/]*/,,' | sort)" \
        "$(git -C clone ls-files | sort)" 'the archive has what git has'
else
    skip 'the archive has what git has' 'no git here, or no clone to be had'
fi

for p in $(sed -n 's/^[A-Z]*PKGS *= *//p' "$SRC/config.mk"); do
    ok "bootstrap looks for $p" grep -q " pc:$p " "$SRC/scripts/bootstrap"
done
status_is 2 'bootstrap refuses a set that it does not know' "$SRC/scripts/bootstrap" no-such-set
done_testing
