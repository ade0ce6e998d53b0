#!/usr/bin/python3
"""A part of `make chaos` that takes less than a minute; with ANJU_TEST_LONG all of it. Also what `anju evidence` and
`anju doctor` say of proofs and of nodes in good health."""
import base64, hashlib, http.server, json, os, ssl, struct, sys, threading

from cryptography.hazmat.primitives.asymmetric import ec

import chaos
from network import MEMBERS, long_test, sign

check = chaos.check


def digest(tag, ledger, body):
    return hashlib.sha256(tag + b"\0" + ledger + body).digest()


@chaos.scenario
def evidence(net, chance):
    """Two prevotes of one round, signed with a validator's key: a proof that anybody can check, listed where it is kept."""
    secret = ec.derive_private_key(int(open(net.path(MEMBERS[1][0], "node.key")).read(), 16), ec.SECP256K1())
    numbers = secret.public_key().public_numbers()
    node = hashlib.sha256(bytes([2 + numbers.y % 2]) + numbers.x.to_bytes(32, "big")).digest()
    votes = []
    for vid in (b"\1" * 32, b"\2" * 32):
        body = node + struct.pack(">QIi", 9, 0, -1) + vid
        votes.append(b"\1" + body + sign(secret, digest(b"anju/prevote/1", net.ledger, body)))
    proof = b"\1" + net.ledger + b"\1" + votes[0] + votes[1]
    files = {"good": proof, "turned": b"\1" + net.ledger + b"\1" + votes[1] + votes[0], "same": b"\1" + net.ledger + b"\1" + votes[0] * 2,
             "changed": proof[:-1] + bytes([proof[-1] ^ 1]), "short": proof[:-1], "another": b"\1" + b"\7" * 32 + proof[33:], "empty": b""}
    for name, data in files.items():
        open(net.path(name), "wb").write(data)
        out = net.anju("evidence", "--json", "--genesis", net.path("genesis.json"), net.path(name), check=False)
        check("anju evidence checks a file offline: %s" % name, out.returncode == (0 if name == "good" else 1), out.stderr)
        if name == "good":
            found = json.loads(out.stdout)
            check("and says who signed what", found[0]["kind"] == "two votes" and node.hex()[:12] in found[0]["whom"] and found[0]["height"] == "9", found)
    out = net.anju("evidence", "--genesis", net.path("genesis.json"))
    check("no node has any", b"no evidence" in out.stdout, out.stdout)
    folder = os.path.join(net.data(0), "evidence")
    os.makedirs(folder)
    name = "%020d-%s.evidence" % (9, hashlib.sha256(proof).hexdigest()[:16])
    open(os.path.join(folder, name), "wb").write(proof)
    open(os.path.join(folder, name.replace("9-", "8-")), "wb").write(b"damaged")
    r, e = net.call_node(0, "evidence.list")
    check("evidence.list gives the proofs that hold, and counts the files that are none", e is None and r["damaged"] == 1 and len(r["evidence"]) == 1 and
          base64.b64decode(r["evidence"][0]["proof"]) == proof and r["evidence"][0]["validators"] == [node.hex()] and r["evidence"][0]["members"] == [2], e or r)
    _, e = net.call_node(0, "evidence.list", limit="0")
    check("a wrong limit is refused", e is not None and e["code"] == -32602, e)
    os.makedirs(net.path("out"))
    out = net.anju("evidence", "--json", "--genesis", net.path("genesis.json"), "--out", net.path("out"))
    check("anju evidence collects them from all nodes and writes them", len(json.loads(out.stdout)) == 1 and
          [open(net.path("out", f), "rb").read() for f in os.listdir(net.path("out"))] == [proof], out.stdout)


@chaos.scenario
def good_health(net, chance):
    """Nothing is wrong, and the doctor says so; what is asked in a wrong way is refused."""
    with chaos.Load(net) as load:
        load.goes_on("it runs", 2)
        found = net.doctor("--config", net.path(MEMBERS[0][0], "anjud.conf"))
        check("the doctor finds nothing wrong", found == [], found)
        out = net.anju("doctor", "--genesis", net.path("genesis.json"))
        check("and says so in words", b"nothing is wrong" in out.stdout, out.stdout)
    out = net.anju("doctor", "--genesis", net.path("none"), check=False)
    check("a genesis that is not there", out.returncode == 3 and b"none" in out.stderr, out.stderr)


class Pretender(threading.Thread):
    """Answers at a stopped node's address, with its TLS key, what `change` makes of another node's answers."""

    def __init__(self, net, i, change):
        super().__init__(daemon=True)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                result, _ = net.call_node(0, request["method"], **request["params"])
                body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": change(request["method"], result)}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", net.base + 2 * i + 1), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(net.path(MEMBERS[i][0], "tls.crt"), net.path(MEMBERS[i][0], "tls.key"))
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.start()

    def run(self):
        self.server.serve_forever()

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.join()


@chaos.scenario
def what_the_doctor_reads(net, chance):
    """Answers that real nodes give only when much has gone wrong: each is named at the node that gave it, with the next step."""
    with chaos.Load(net) as load:
        load.goes_on("it runs", 3)
    net.stop(3)

    def set_at(*path):
        def change(method, r):
            if method == "node.status":
                at = r
                for name in path[:-2]:
                    at = at[name]
                at[path[-2]] = path[-1]
            return r
        return change

    def other_result(method, r):
        return dict(r, result_id="0" * 64) if method == "ledger.checkpoint" else r

    cases = [("diverged", set_at("voting", "stopped", "the certified result of a block is not the one that this node computed"), "audit"),
             ("diverged", set_at("voting", "alarm", "validators precommitted our block with another result"), "audit"),
             ("same_identity", set_at("voting", "stopped", "somebody else signs with this node's key"), "stop it"),
             ("stopped", set_at("voting", "stopped", "two commit certificates of one height differ"), "log"),
             ("evidence", set_at("voting", "evidence", "2"), "anju evidence"),
             ("fork", other_result, "evidence"),
             ("behind", set_at("height", "0"), "wait"),
             ("stalled", set_at("consensus", "round", 7), "validators"),
             ("disk_full", set_at("disk", "full", True), "room"),
             ("disk_low", set_at("disk", "low", True), "room"),
             ("guard_lost", set_at("voting", "guard", "the guard is empty"), "other validators"),
             ("clock", set_at("now", "2020-01-01T00:00:00.000Z"), "NTP")]
    for cause, change, word in cases:
        pretender = Pretender(net, 3, change)
        try:
            found = net.doctor()
        finally:
            pretender.end()
        named = [f for f in found if f["cause"] == cause and f["node"] == net.url(3)]
        check("the doctor names %s and the next step" % cause, any(word in f["next"] for f in named), found)
        wrong = {f["cause"] for f in found if f["node"] == net.url(3)} - {cause, "not_connected"}
        check("and nothing else of that node: %s" % cause, not wrong, wrong)
    for junk in (lambda m, r: None, lambda m, r: [], lambda m, r: {}, lambda m, r: "x", lambda m, r: {"voting": 7, "validators": {}, "disk": [], "now": 1},
                 lambda m, r: dict(r, validators=[1, "x", None, {}, {"node": "y" * 5000}]) if m == "node.status" else {"block": {}}):
        pretender = Pretender(net, 3, junk)
        try:
            out = net.anju("doctor", "--json", "--genesis", net.path("genesis.json"), check=False)
        finally:
            pretender.end()
        check("answers of any form do it no harm", out.returncode == 1 and json.loads(out.stdout)["findings"], (out.returncode, out.stderr))


@chaos.scenario
def forked(net, chance):
    """Three validators certified another block at a height: `anju evidence` finds the first such height, and names those that
    signed both."""
    with chaos.Load(net) as load:
        load.goes_on("it runs", 6)
    net.stop(3)
    secrets = []
    for i in range(4):
        secret = ec.derive_private_key(int(open(net.path(MEMBERS[i][0], "node.key")).read(), 16), ec.SECP256K1())
        p = secret.public_key().public_numbers()
        secrets.append((hashlib.sha256(bytes([2 + p.y % 2]) + p.x.to_bytes(32, "big")).digest(), secret))
    secrets.sort(key=lambda x: x[0])
    vid, at = b"\5" * 32, 2

    def another(method, r):
        if method != "ledger.checkpoint" or int(r["height"]) < at:
            return r
        c = r["certificate"]
        c["block"], c["signatures"] = vid.hex(), []
        for i in range(3):
            body = secrets[i][0] + struct.pack(">QI", int(c["height"]), c["round"]) + vid + bytes.fromhex(c["result"])
            c["signatures"].append({"index": i, "signature": sign(secrets[i][1], digest(b"anju/precommit/1", net.ledger, body)).hex()})
        return dict(r, block=vid.hex())

    def wrong(method, r):
        r = another(method, r)
        if "certificate" in r:
            r["certificate"]["signatures"][0]["signature"] = r["certificate"]["signatures"][1]["signature"]
        return r
    real = net.call_node(0, "ledger.checkpoint", height=str(at))[0]["certificate"]
    both = [i for i in range(3) if i in [s["index"] for s in real["signatures"]]]
    pretender = Pretender(net, 3, another)
    try:
        out = net.anju("evidence", "--json", "--genesis", net.path("genesis.json"), check=False)
        found = json.loads(out.stdout)
        check("a fork is found at its first height", len(found) == 1 and found[0]["kind"] == "fork" and found[0]["height"] == str(at), (found, out.stderr))
        check("and whoever signed both is named", found and all(secrets[i][0].hex()[:12] in found[0]["whom"] for i in both) and both, (both, found))
        check("the doctor sees it, too", any(f["cause"] == "fork" for f in net.doctor()))
    finally:
        pretender.end()
    open(net.path("fork"), "wb").write(base64.b64decode(found[0]["proof"]))
    out = net.anju("evidence", "--json", "--genesis", net.path("genesis.json"), net.path("fork"), check=False)
    check("the proof is good offline", out.returncode == 0, out.stderr)
    pretender = Pretender(net, 3, wrong)
    try:
        out = net.anju("evidence", "--json", "--genesis", net.path("genesis.json"), check=False)
        check("a certificate that does not verify accuses nobody", json.loads(out.stdout) == [] and b"cannot be compared" in out.stderr, out)
    finally:
        pretender.end()


SHORT = ["forked", "what_the_doctor_reads", "good_health", "evidence", "full_disk", "power_cut", "missing_quorum", "damaged_guard", "emptied_directory", "same_identity_twice"]


def main():
    chaos.own_mounts()
    print("SEED=%d" % chaos.seed, flush=True)
    return chaos.run([f for f in chaos.SCENARIOS if long_test or f.__name__ in SHORT])


sys.exit(main())
