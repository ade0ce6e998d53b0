#!/bin/bash
# Runs test programs (Check) and scripts (*.sh, *.py), one after the other, from the top of the
# repository. Counts what each says about itself: Check's "NN%: Checks: C, Failures: F, Errors: E",
# a script's closing "P passed, F failed". One that says nothing or dies counts as a failure.
# The last line is "P passed, F failed" over all; exits 1 where anything failed.
set -u
: "${CK_DEFAULT_TIMEOUT:=60}" # seconds a test; Check's own 4 are few on a machine that is busy
: "${PROGRAM_TIMEOUT:=$((${ANJU_TEST_LONG:-0} ? 7200 : 900))}"
export CK_DEFAULT_TIMEOUT
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 failures=

run() {
    case $1 in
    *.py) timeout -k 10 "$PROGRAM_TIMEOUT" /usr/bin/python3 "$1" ;;
    *.sh) timeout -k 10 "$PROGRAM_TIMEOUT" bash "$1" ;;
    *) timeout -k 10 "$PROGRAM_TIMEOUT" "$1" ;;
    esac
}

# count FILE: sets p and f from a log; false where it has no summary.
count() {
    local line
    line=$(grep -aE '^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+' "$1" |
        awk '{ c += $3; f += $5; e += $7 } END { if (NR) print c - f - e, f + e }')
    [ -n "$line" ] || line=$(tail -n 1 "$1" |
        sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p')
    read -r p f <<<"$line"
    [ -n "$line" ]
}

for test in "$@"; do
    echo "== $test"
    run "$test" </dev/null 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    if ! count "$log"; then
        echo "$test: ended without a summary (status $status)"
        p=0 f=1
    elif [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
        echo "$test: all its tests passed, but it ended with status $status"
        f=1
    elif [ "$((p + f))" -eq 0 ]; then
        echo "$test: ran no tests"
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f))
    [ "$f" -eq 0 ] || failures="$failures $test"
done
[ -z "$failures" ] || echo "failed:$failures"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
