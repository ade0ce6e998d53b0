#!/bin/bash
# network.sh: four anjud processes on this machine and what they do, beside what the machine can do at best (bench_limits).
# Prints a line of JSON for each: latency of single records one after the other, throughput of large and of small
# envelopes, and an audit of what came out. Nothing is asserted.
. tests/net/network.sh
trap net_end EXIT
echo "limits      $("$BUILD"/tests/bench/bench_limits)"
net_make "$(mktemp -d)" >/dev/null 2>&1 || exit 1
for i in 1 2 3 4; do net_start $i; done
for i in 1 2 3 4; do net_ready $i 30 || exit 1; done
net_load 1 20 1 1 >/dev/null
echo "one by one  $(net_load 1 300 1 1)"
echo "1 record    $(net_load 1 10000 1 500)"
echo "100 records $(net_load 1 500 100 16)"
for i in 1 2 3 4; do net_kill $i TERM; done
echo "audit       $("$ANJU" audit --json --genesis "$NET/genesis.json" "$NET/1/data")"
