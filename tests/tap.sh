# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# TAP for tests in sh: . "$SRC/tests/tap.sh", make claims, end with done_testing.
#
#   ok "claim" CMD...           CMD ends with status 0
#   status_is N "claim" CMD...  CMD ends with status N
#   is GOT WANT "claim"         two texts are equal
#   like TEXT ERE "claim"       a line of the text matches
#   unlike TEXT ERE "claim"     no line of the text matches
#   same FILE WANT "claim"      two files hold the same bytes
#   run CMD...                  no claim: status in $status
#   skip "claim" REASON         passes, and says why it was not tried
#   skip_all REASON             ends a script that cannot be run here
#   note TEXT                   a line for the reader
#   claims FILE...              those that others wrote side by side, counted on from ours
#   examples TOOL               the commands under EXAMPLES of its manual, one a line
#   done_testing                the plan; ends with 1 if a claim failed
#
# Commands run by ok, status_is and run leave their stdout in ./out and their
# stderr in ./err, and take a redirection: status_is 1 "claim" af-label - < cut.tif.
# A claim that fails shows what was expected and what came.

tap_n=0 tap_failed=0 status=0

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

examples()
{
    awk '/^\.Sh/ { on = /EXAMPLES/ } on && sub(/^(\.Dl )?\$ /, "") || more { more = sub(/\\e$/, ""); printf "%s%s", $0, more ? "" : "\n" }' \
        "$SRC/man/$1.1" | sed 's/  */ /g; s/\\(aq/'\''/g; s/\\(dq/"/g; s/\\-/-/g; s/\\e/\\/g'
}

tap_pass() { tap_n=$((tap_n + 1)); printf 'ok %d - %s\n' "$tap_n" "$1"; }

# tap_fail CLAIM WANT GOT
tap_fail()
{
    tap_n=$((tap_n + 1)) tap_failed=$((tap_failed + 1))
    printf 'not ok %d - %s\n' "$tap_n" "$1"
    note "expected: $2"
    note "got:      $3"
}

run() { if "$@" >out 2>err; then status=0; else status=$?; fi; }

status_is()
{
    tap_want=$1 tap_claim=$2
    shift 2
    run "$@"
    if [ "$status" = "$tap_want" ]; then
        tap_pass "$tap_claim"
    else
        tap_fail "$tap_claim" "status $tap_want of: $*" "status $status"
        note "$(head -n 20 err)"
    fi
}

ok() { status_is 0 "$@"; }

is() { if [ "$1" = "$2" ]; then tap_pass "$3"; else tap_fail "$3" "$2" "$1"; fi; }

tap_has() { printf '%s\n' "$1" | grep -Eq -e "$2"; }

like() { if tap_has "$1" "$2"; then tap_pass "$3"; else tap_fail "$3" "a line like $2" "$1"; fi; }

unlike() { if tap_has "$1" "$2"; then tap_fail "$3" "no line like $2" "$1"; else tap_pass "$3"; fi; }

same()
{
    if cmp -s "$1" "$2"; then tap_pass "$3"; else
        tap_fail "$3" "$1 to be as $2" "$(diff -a "$2" "$1" 2>&1 | head -n 20)"
    fi
}

skip() { tap_n=$((tap_n + 1)); printf 'ok %d - %s # skip %s\n' "$tap_n" "$1" "$2"; }

skip_all() { printf '1..0 # skip %s\n' "$1"; exit 0; }

claims()
{
    while IFS= read -r tap_line; do
        case $tap_line in
        'not ok '*) tap_failed=$((tap_failed + 1)) tap_n=$((tap_n + 1)) ;;
        'ok '*) tap_n=$((tap_n + 1)) ;;
        esac
        printf '%s\n' "$tap_line" | sed "s/^\(.*ok\) [0-9]* -/\1 $tap_n -/"
    done <<END
$(cat "$@")
END
}

done_testing() { printf '1..%d\n' "$tap_n"; [ "$tap_failed" = 0 ]; exit $?; }
