# network.sh: a network of anjud processes on loopback, for scripts of tests/net to source.
#
#   net_make DIR [PORT]   keys, genesis and configurations of four members: 1 gov (center, hotline, import),
#                         2 firm, 3 care, 4 audit; node i listens at PORT + 2i (peers), PORT + 2i + 1 (rpc)
#   net_start I           starts node I (1..4); its log is DIR/I/log
#   net_kill I [SIGNAL]   sends a signal (KILL) and, for TERM and KILL, waits for the end
#   net_url I             https://127.0.0.1:PORT
#   net_ready I SECONDS   waits for /readyz
#   net_height I          last committed height
#   net_end               ends what runs and removes DIR unless KEEP is set
#   check WORDS COMMAND   counts a pass or a failure;  net_done prints "N passed, N failed"
BUILD=${BUILD:-build}
ANJU=${ANJU:-$BUILD/anju}
ANJUD=${ANJUD:-$BUILD/anjud}
LOAD=${LOAD:-$BUILD/tests/net/load}
passed=0 failed=0
declare -A NET_PID

check() {
    local words=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok: $words"
    else
        failed=$((failed + 1))
        echo "FAILED: $words"
    fi
}

net_done() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

net_conf() { # I
    cat >"$NET/$1/anjud.conf" <<END
genesis = ../genesis.json
data = data
node.key = node.key
log.key = log.key
cosign.key = cosign.key
tls.certificate = tls.crt
tls.key = tls.key
peer.listen = 127.0.0.1:$((NET_PORT + 2 * $1))
rpc.listen = 127.0.0.1:$((NET_PORT + 2 * $1 + 1))
END
}

net_make() {
    NET=$1 NET_PORT=${2:-$((10000 + $$ * 7 % 20000))}
    local i roles=(x center,hotline,import firm,provider provider audit) kinds=(x government property agency auditor)
    local members=() procedures=()
    mkdir -p "$NET"
    for i in 1 2 3 4; do
        "$ANJU" keys new --name-en "Member $i" --name-zh "成员$i" --kind "${kinds[$i]}" --roles "${roles[$i]}" \
            --peer "127.0.0.1:$((NET_PORT + 2 * i))" --rpc "127.0.0.1:$((NET_PORT + 2 * i + 1))" "$NET/$i" >/dev/null 2>&1 || return 1
        members+=("$NET/$i/member.json")
        net_conf "$i"
    done
    for i in order order-import; do
        "$ANJU" procedure build "ledger/procedures/$i.json" -o "$NET/$i.bin" >/dev/null 2>&1 || return 1
        procedures+=("$NET/$i.bin")
    done
    "$ANJU" genesis create --origin anju.test/net --procedures "$(IFS=,; echo "${procedures[*]}")" \
        --calendars ledger/procedures/calendar.json --codes ledger/procedures/codes.json --out "$NET/genesis.json" \
        "${members[@]}" >/dev/null 2>&1
}

net_start() {
    "$ANJUD" --config "$NET/$1/anjud.conf" >>"$NET/$1/log" 2>&1 &
    NET_PID[$1]=$!
}

net_kill() {
    local pid=${NET_PID[$1]:-}
    [ -n "$pid" ] || return 0
    kill -"${2:-KILL}" "$pid" 2>/dev/null
    case ${2:-KILL} in
    KILL | TERM | INT)
        unset "NET_PID[$1]"
        wait "$pid" 2>/dev/null
        ;;
    esac
}

net_url() { echo "https://127.0.0.1:$((NET_PORT + 2 * $1 + 1))"; }
net_get() { curl -sk --max-time 5 "$(net_url "$1")$2"; }
net_is_ready() { [ "$(curl -sk --max-time 5 -o /dev/null -w '%{http_code}' "$(net_url "$1")/readyz")" = 200 ]; }
net_metric() { net_get "$1" /metrics | sed -n "s/^anju_$2 //p"; }
net_height() { net_metric "$1" height; }

net_ready() {
    local until=$((SECONDS + $2))
    while ! net_is_ready "$1"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.1
    done
}

# Node I reaches height H within S seconds.
net_reaches() {
    local until=$((SECONDS + $3)) h
    while h=$(net_height "$1"); [ -z "$h" ] || [ "$h" -lt "$2" ]; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.1
    done
}

# Member 1's envelopes to node I: net_load I ENVELOPES RECORDS PER_REQUEST [FILE]
net_load() { "$LOAD" "$NET/genesis.json" "$NET/1/operator.key" 1 "$(net_url "$1")" "${@:2}"; }

net_end() {
    local i
    for i in "${!NET_PID[@]}"; do
        net_kill "$i"
    done
    [ -n "${KEEP:-}" ] || rm -rf "$NET"
}
