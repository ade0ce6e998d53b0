#!/usr/bin/python3
"""A part of `make chaos` that takes less than a minute; with ANJU_TEST_LONG all of it. Also what `anju evidence` and
`anju doctor` say of proofs and of nodes in good health."""
import base64, hashlib, json, os, struct, sys

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


SHORT = ["good_health", "evidence", "full_disk", "power_cut", "one_way_partition", "missing_quorum", "damaged_guard", "emptied_directory", "same_identity_twice"]


def main():
    chaos.own_mounts()
    print("SEED=%d" % chaos.seed, flush=True)
    return chaos.run([f for f in chaos.SCENARIOS if long_test or f.__name__ in SHORT])


sys.exit(main())
