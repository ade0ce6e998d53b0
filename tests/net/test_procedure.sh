#!/bin/bash
# anju procedure as people meet it: exit codes, faults with their lines, files that are written.
ANJU=${BUILD:-build}/anju
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp ledger/procedures/*.json tests/procedures/*.json "$work"
passed=0 failed=0

# expect CODE WORDS ARGUMENT...: anju procedure ends with the code and says the words.
expect() {
    local code=$1 words=$2 got
    shift 2
    "$ANJU" procedure "$@" >"$work/out" 2>&1 </dev/null
    got=$?
    if [ $got -eq "$code" ] && grep -qFe "$words" "$work/out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "anju procedure $*: exit $got, wanted $code with \"$words\":"
        tail -5 "$work/out"
    fi
}

# holds WORDS COMMAND...: the command succeeds.
holds() {
    local words=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not so: $words"
        tail -5 "$work/out"
    fi
}

expect 2 "usage:" 
expect 2 "usage:" check
expect 2 "neither check nor build" chekc "$work/order.json"
expect 2 "-o OUT" build "$work/order.json"
expect 2 "--frobnicate" check "$work/order.json" --frobnicate
expect 0 "order.json" --help
expect 3 "No such file" check "$work/nowhere.json"
expect 3 "directory" check "$work"
expect 0 "in_service" check "$work/order.json"
expect 0 'digraph "order"' check --dot "$work/order.json"
expect 0 '"name":"order"' check --json "$work/order.json"
expect 0 "bytes" build "$work/order.json" -o "$work/order.bin"
holds "a build leaves a file with all numbers as it is" cmp "$work/order.json" ledger/procedures/order.json
expect 0 "bytes" build "$work/order.json" -o "$work/again.bin"
holds "two builds give the same bytes" cmp "$work/order.bin" "$work/again.bin"
expect 3 "" build "$work/order.json" -o "$work/nowhere/order.bin"

sed -i 's/">=", "$bounced", 2/">=", "$bounce", 2/; s/"role": \["center", "street"\]/"role": ["centre", "street"]/' "$work/order.json"
line=$(grep -n '"\$bounce"' "$work/order.json" | cut -d: -f1)
expect 1 "order.json:$line:" check "$work/order.json"
expect 1 "/actions/return/to/0/if/1: there is no attribute \`bounce\`" check "$work/order.json"
expect 1 "did you mean \`center\`?" check "$work/order.json"
expect 1 "2 faults" check "$work/order.json"
expect 1 '"pointer":"/actions/return/to/0/if/1"' check --json "$work/order.json"
expect 1 "2 faults" build "$work/order.json" -o "$work/bad.bin"
holds "nothing is written for a file with faults" test ! -e "$work/bad.bin"

printf '{"name": "x", "name": "y"}' >"$work/twice.json"
expect 1 "twice.json:1:" check "$work/twice.json"
printf '' >"$work/empty.json"
expect 1 "empty.json:1:" check "$work/empty.json"
printf '{"name": "\xff"}' >"$work/bytes.json"
expect 1 "unable to decode byte 0xff" check "$work/bytes.json"

# The manual's first procedure: it must compile as it stands there, and get its numbers.
awk '/^```json$/ && !n { n = 1; next } /^```$/ && n == 1 { n = 2 } n == 1' docs/procedures.md >"$work/lamp.json"
expect 0 "numbers" build "$work/lamp.json" -o "$work/lamp.bin"
holds "the numbers are in the file" grep -q '"numbers": {' "$work/lamp.json"
expect 0 "burn_out" check "$work/lamp.json"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
