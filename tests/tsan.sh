#!/bin/bash
# The cluster tests on a build with ThreadSanitizer (`make tsan`): no report, or it fails and shows them.
# BUILD is that build's folder. First it is made sure that a race would be seen at all.
set -u
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
options="halt_on_error=0 exitcode=66 history_size=4"
[ -f tests/tsan.supp ] && options="$options suppressions=$PWD/tests/tsan.supp"

cat >"$reports/race.c" <<'END'
#include <pthread.h>
static int shared;
static void *add(void *ctx) { (void)ctx; for (int i = 0; i < 100000; i++) shared++; return 0; }
int main(void) { pthread_t a, b; pthread_create(&a, 0, add, 0); pthread_create(&b, 0, add, 0); pthread_join(a, 0); pthread_join(b, 0); return shared == 0; }
END
"${CC:-gcc}" -g -fsanitize=thread -pthread -o "$reports/race" "$reports/race.c" || exit 1
if TSAN_OPTIONS="exitcode=66" "$reports/race" >/dev/null 2>&1; then
    echo "a race goes unseen here: ThreadSanitizer does not work on this machine"
    exit 1
fi
if ! nm "$BUILD/anjud" | grep -q __tsan_read; then
    echo "$BUILD/anjud was not built with SAN=thread"
    exit 1
fi

export BUILD TSAN_OPTIONS="$options log_path=$reports/report"
failed=0
/usr/bin/python3 tests/net/test_cluster.py || failed=1
/usr/bin/python3 tests/net/test_rpc.py || failed=1
/usr/bin/python3 tests/net/chaos.py slow_and_cut_links rolling_restart emptied_directory payload_log_gone || failed=1
for f in "$reports"/report.*; do
    [ -e "$f" ] || continue
    cat "$f"
    failed=1
done
count=$(cat "$reports"/report.* 2>/dev/null | grep -c "WARNING: ThreadSanitizer")
echo "$count reports of ThreadSanitizer"
exit $failed
