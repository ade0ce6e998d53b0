#!/bin/bash
# fuzz.sh TARGET SECONDS: builds tests/fuzz/fuzz_TARGET.c with clang, libFuzzer, ASan and UBSan, and runs it from its
# seeds. New inputs stay in build-fuzz/corpus/TARGET; a finding in build-fuzz/TARGET-*, and the run fails.
set -eu
target=$1 seconds=$2 out=build-fuzz
if [ ! -e "tests/fuzz/fuzz_$target.c" ]; then
    echo "TARGET is one of:" tests/fuzz/fuzz_*.c | sed 's#tests/fuzz/fuzz_##g; s#\.c##g' >&2
    exit 2
fi
command -v clang >/dev/null || { echo "make fuzz needs clang (package clang)" >&2; exit 2; }
# Objects with coverage, once; then the target's own program, and the plain one that writes its seeds.
make -s -j"$(nproc)" BUILD="$out" CC=clang OPT=-O1 SAN=fuzzer-no-link,address,undefined \
    "$out/libunit.a" "$out/tests/fuzz/fuzz_$target.o" "$out/tests/fuzz/common.o" "$out/tests/fuzz/seeds.o" all-archives
libs=$(make -s BUILD="$out" CC=clang SAN=fuzzer-no-link,address,undefined print-link)
clang -fsanitize=fuzzer,address,undefined -o "$out/fuzz_$target" "$out/tests/fuzz/fuzz_$target.o" "$out/tests/fuzz/common.o" \
    "$out/libunit.a" $libs
clang -fsanitize=fuzzer-no-link,address,undefined -o "$out/seeds_$target" "$out/tests/fuzz/seeds.o" "$out/tests/fuzz/fuzz_$target.o" \
    "$out/tests/fuzz/common.o" "$out/libunit.a" $libs
mkdir -p "$out/corpus/$target"
"$out/seeds_$target" "$out/corpus/$target"
exec "$out/fuzz_$target" -max_total_time="$seconds" -max_len=20000 -timeout=10 -rss_limit_mb=3000 -print_final_stats=1 \
    -artifact_prefix="$out/$target-" "$out/corpus/$target"
