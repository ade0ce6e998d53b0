#!/bin/bash
# Everything that can be wrong when a node starts: each has its exit code and words that name the thing.
. tests/net/network.sh
trap 'net_end; umount "$NET/small" 2>/dev/null' EXIT
net_make "$(mktemp -d)" || exit 1
conf=$NET/1/anjud.conf
cp "$conf" "$NET/good"

# refuses CODE WORDS [ARGUMENT...]: anjud ends with the code, its last line has the words.
refuses() {
    local code=$1 words=$2 got
    shift 2
    [ $# -gt 0 ] || set -- --config "$conf"
    timeout 20 "$ANJUD" "$@" >"$NET/out" 2>&1
    got=$?
    if [ $got -ne "$code" ] || ! grep -qe "$words" "$NET/out"; then
        echo "exit $got, wanted $code with \"$words\":"
        tail -3 "$NET/out"
        return 1
    fi
}
with() { sed "$1" "$NET/good" >"$conf"; } # with SED-SCRIPT: the good configuration, changed
good() { cp "$NET/good" "$conf"; }

check "without a configuration" refuses 2 "config FILE is missing" --check
check "an unknown flag" refuses 2 "unknown argument --frobnicate" --frobnicate
check "a configuration that is not there" refuses 2 "cannot open" --config "$NET/none"
with 's/^data/dta/'
check "an unknown key" refuses 2 'anjud.conf:2: unknown key "dta"'
with '$a data = other'
check "a key twice" refuses 2 "data stands here a second time"
with '/^node.key/d'
check "a missing key" refuses 2 "the key node.key is missing"
with 's/^peer.listen.*/peer.listen = 127.0.0.1:0/'
check "a port of 0" refuses 2 "port from 1 to 65535"
with '$a log.level = loud'
check "an unknown level" refuses 2 "not error, warn, info or debug"
with '$a disk.free_min = lots'
check "a size that is none" refuses 2 "is not a number"
with 's/^rpc.listen.*/rpc.listen = 0.0.0.0:29999/'
check "a public address that was not allowed" refuses 2 "set rpc.public = true"
with 's/$/\x00/'
check "a configuration with NUL bytes" refuses 2 "not a text file"

with 's/^genesis.*/genesis = none.json/'
check "a genesis that is not there" refuses 3 "none.json: cannot open"
head -c 300 "$NET/genesis.json" >"$NET/1/half.json"
with 's/^genesis.*/genesis = half.json/'
check "half a genesis" refuses 3 "half.json"
with 's/^node.key.*/node.key = none.key/'
check "a node key that is not there" refuses 3 "node.key: .*No such file"
good
chmod 0644 "$NET/1/node.key"
check "a node key that others may read" refuses 3 "chmod 0600 it"
chmod 0600 "$NET/1/node.key"
echo "hello" >"$NET/1/bad.key"
chmod 0600 "$NET/1/bad.key"
with 's/^node.key.*/node.key = bad.key/'
check "a file that is no key" refuses 3 "does not hold a secret key"
with 's/^node.key.*/node.key = operator.key/'
check "a key that is no node key" refuses 3 "no member of this ledger has the key"
with 's/^tls.certificate.*/tls.certificate = bad.key/'
check "a certificate that is none" refuses 3 "cannot read the TLS certificate"
with 's/^tls.key.*/tls.key = ..\/2\/tls.key/'
check "another certificate's key" refuses 3 "not the certificate's"
with 's/^tls.key.*/tls.key = ..\/2\/tls.key/; s/^tls.certificate.*/tls.certificate = ..\/2\/tls.crt/'
check "a TLS key that genesis does not name" refuses 3 "not the TLS key that genesis names"
good
check "--check says what is there" refuses 0 "role    validator" --config "$conf" --check

net_start 1
net_reaches 1 0 20
with 's/^peer.listen.*/peer.listen = 127.0.0.1:29997/; s/^rpc.listen.*/rpc.listen = 127.0.0.1:29998/'
check "a data directory in use" refuses 4 "another process"
with 's/^data.*/data = data2/'
check "a peer port in use" refuses 5 "cannot listen at 127.0.0.1:$((NET_PORT + 2)).*in use"
with 's/^data.*/data = data2/; s/^peer.listen.*/peer.listen = 127.0.0.1:29997/'
check "an rpc port in use" refuses 5 "$((NET_PORT + 3)).*in use"
good
net_kill 1 TERM

sed 's/anju.test\/net/anju.test\/other/' "$NET/genesis.json" >"$NET/1/other.json"
with 's/^genesis.*/genesis = other.json/'
check "a data directory of another ledger" refuses 4 "holds the ledger .* but the genesis document is of"
good
: >"$NET/1/file"
with 's/^data.*/data = file/'
check "a data directory that is a file" refuses 4 "file"

# A damaged guard: the node follows and says so, it never votes.
good
rm -rf "$NET/1/data2"
printf 'damaged' | dd of="$NET/1/data/guard" bs=1 seek=600 conv=notrunc 2>/dev/null
printf 'damaged' | dd of="$NET/1/data/guard" bs=1 seek=8800 conv=notrunc 2>/dev/null
net_start 1
net_reaches 1 0 20
check "a node with a damaged guard runs" kill -0 "${NET_PID[1]}"
check "and says that it does not vote" grep -q "follows and serves, it does not vote" "$NET/1/log"
not_ready() { ! net_is_ready 1 && net_get 1 /readyz | grep -q "does not vote"; }
check "and is not ready, with the reason" not_ready
net_kill 1 TERM

# A full disk, where this user may mount a small one.
mkdir "$NET/small"
if mount -t tmpfs -o size=2m tmpfs "$NET/small" 2>/dev/null; then
    with "s|^data.*|data = $NET/small/data|"
    check "a disk without room" refuses 4 "room\|space\|full"
    umount "$NET/small"
fi
net_done
