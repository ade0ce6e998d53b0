#!/bin/bash
# A disk that fills up under a running node: the node stays up, says so, takes no new work and loses
# nothing; the others go on; with room again it catches up by itself. Needs the right to mount a tmpfs.
. tests/net/network.sh
net_make "$(mktemp -d)" || exit 1
mkdir "$NET/4/data"
if ! mount -t tmpfs -o size=70m tmpfs "$NET/4/data" 2>/dev/null; then
    rm -rf "$NET"
    echo "this user may not mount a small file system: not tried"
    net_done
    exit
fi
trap 'for i in "${!NET_PID[@]}"; do net_kill $i; done; umount "$NET/4/data"; rm -rf "$NET"' EXIT

full() { [ "$(df --output=avail -k "$NET/4/data" | tail -1)" -lt 512 ]; }
filled() { # puts records on until the small disk is full
    local k
    for k in 1 2 3 4 5 6; do
        net_load 1 40 500 8 >/dev/null || return 1
        full && return 0
    done
    return 1
}
says_so() { ! net_is_ready 4 && net_get 4 /readyz | grep -q "disk is \(nearly \)\?full"; }
is_busy() { ! net_load 4 1 1 1 >/dev/null 2>"$NET/busy" && grep -q "disk is nearly full" "$NET/busy"; }
same() { net_reaches 4 "$(net_height 1)" 40; }

for i in 1 2 3 4; do
    echo "disk.free_min = 1M" >>"$NET/$i/anjud.conf"
    net_start $i
done
for i in 1 2 3 4; do net_ready $i 20; done
check "records are committed until the disk is full, and after" filled
sleep 1.5
check "the node lives on" kill -0 "${NET_PID[4]}"
check "it is not ready and says why" says_so
check "new work is refused with the reason" is_busy
check "the others go on" net_load 2 5 100 1
mount -o remount,size=400m "$NET/4/data"
check "with room again it catches up without a restart" same
check "and is ready" net_ready 4 20
net_kill 4 TERM
audit() { "$ANJU" audit --genesis "$NET/genesis.json" "$NET/4/data" >/dev/null 2>&1; }
check "its ledger is whole" audit
net_done
