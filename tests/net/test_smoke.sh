#!/bin/bash
# Four processes, one network: an envelope is committed on all, one node is killed and comes back, all
# stop when they are told to.
. tests/net/network.sh
trap net_end EXIT

same_height_everywhere() {
    local h
    h=$(net_height 1)
    net_reaches 2 "$h" 10 && net_reaches 3 "$h" 10 && net_reaches 4 "$h" 10
}

net_make "$(mktemp -d)" || exit 1
for i in 1 2 3 4; do net_start $i; done
for i in 1 2 3 4; do check "node $i is ready" net_ready $i 20; done
check "one envelope of one record is committed" net_load 1 1 1 1
check "twenty, one after the other, are committed through another node" net_load 2 20 1 1
check "ten of a hundred records are committed" net_load 1 10 100 5
check "all nodes have the same height" same_height_everywhere
net_kill 3
check "three nodes go on" net_load 1 5 10 1
net_start 3
check "the killed one comes back" net_ready 3 20
check "and has everything" same_height_everywhere
for i in 1 2 3 4; do kill -TERM "${NET_PID[$i]}"; done
for i in 1 2 3 4; do
    pid=${NET_PID[$i]}
    unset "NET_PID[$i]"
    check "node $i stops with 0" wait "$pid"
done
net_done
