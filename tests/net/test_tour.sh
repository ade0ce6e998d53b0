#!/bin/bash
# The commands of README.md ("Ten minutes") and docs/tour.md, word for word, in a copy of what they need: documents that
# do not work are faults. The two READMEs have the same commands.
BUILD=${BUILD:-build}
top=$PWD passed=0 failed=0

check() {
    local words=$1
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $words"; fi
}

# The shell blocks of a document below a heading (or all).
blocks() { # FILE [HEADING]
    awk -v heading="${2:-}" '/^## / { on = heading == "" || $0 == "## " heading } heading == "" { on = 1 }
        /^```/ { inside = on && $0 == "```sh"; next } inside' "$1"
}

commands() { grep -v '^ *#' | sed 's/ *#.*//'; }

dir=$(mktemp -d)
trap 'kill $(cat "$dir"/pid 2>/dev/null) 2>/dev/null; rm -rf "$dir"' EXIT
ln -s "$(realpath "$BUILD")" "$dir/build"
ln -s "$top/ledger" "$dir/ledger"
port=$((10000 + $$ * 7 % 20000))
{
    echo 'set -e'
    # The node's process and its readiness are the script's business; the words stay the document's.
    blocks README.md "Ten minutes" | grep -v '^make ' |
        sed -e 's#^anjud --config anjud.conf &$#anjud --config anjud.conf 2>log \& echo $! >../pid#' \
            -e 's#^anju status$#for i in $(seq 100); do anju status >/dev/null 2>\&1 \&\& break; sleep 0.1; done; anju status#'
    blocks docs/tour.md
} | sed "s/127.0.0.1:7100/127.0.0.1:$port/g; s/127.0.0.1:7101/127.0.0.1:$((port + 1))/g" >"$dir/tour.sh"
(cd "$dir" && bash tour.sh) >"$dir/out" 2>&1
check "every command of the tour works" test $? -eq 0
check "the receipt is valid" grep -q '^valid: ' "$dir/out"
check "the altered one is not" grep -q 'exit code 1' "$dir/out"
check "the early acceptance is refused" grep -q 'refused, as it should be' "$dir/out"
check "the audit is good" grep -q '^ok ' "$dir/out"
check "the address is not on the ledger" test -z "$(grep -al 'Building 5' "$dir"/tour/data/ledger/data.mdb)"
[ "$failed" -eq 0 ] || tail -n 40 "$dir/out"
check "both READMEs have the same commands" cmp -s <(blocks README.md | commands) <(blocks README.zh-CN.md | commands)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
