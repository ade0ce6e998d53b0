#!/usr/bin/python3
"""The ledger in the forms of other systems, checked by a reader that was written from C2SP's texts (signed-note,
tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-policy, tlog-proof), RFC 9942 and docs/formats.md, and shares
no code with anju: the checkpoint, its cosignatures and its tiles of four running nodes, the same files exported,
proofs of entries; what a policy with q of n takes, and what it refuses."""
import base64, hashlib, json, os, random, shutil, sys, time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from network import Checks, Network, long_test, now, wait_until

check = Checks()
DASH = "\u2014 "


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def good(key, sig, message):
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(sig, message)
        return True
    except InvalidSignature:
        return False


# ---- C2SP ----

def read_vkey(text):
    name, key_id, rest = text.split("+", 2)
    blob = base64.b64decode(rest, validate=True)
    assert len(blob) == 33 and H(name.encode() + b"\n" + blob)[:4].hex() == key_id
    return name, bytes.fromhex(key_id), blob[0], blob[1:]


def read_policy(text):
    p = {"logs": [], "witnesses": {}, "groups": {}}
    for line in text.splitlines():
        w = line.split()
        if not w or w[0][0] == "#":
            continue
        if w[0] == "log":
            p["logs"].append(read_vkey(w[1]))
        elif w[0] == "witness":
            p["witnesses"][w[1]] = read_vkey(w[2])
        elif w[0] == "group":
            p["groups"][w[1]] = (int(w[2]), w[3:])
        elif w[0] == "quorum":
            p["quorum"] = w[1]
    return p


def read_note(note):
    """(origin, size, root, log signatures, {witness: time}) of a note whose known signatures are all right."""
    at = note.rindex(b"\n\n") + 1
    text, lines = note[:at], note[at + 1:].decode().splitlines()
    origin, size, root = text.decode().splitlines()
    return text, origin, int(size), base64.b64decode(root, validate=True), [line.removeprefix(DASH).split(" ") for line in lines]


def check_note(note, policy):
    text, origin, size, root, signatures = read_note(note)
    logs, witnesses = 0, {}
    for name, b64 in signatures:
        raw = base64.b64decode(b64, validate=True)
        for key_name, key_id, kind, key in policy["logs"]:
            if (key_name, key_id) == (name, raw[:4]):
                assert kind == 1 and key_name == origin and good(key, raw[4:], text)
                logs += 1
        for witness, (key_name, key_id, kind, key) in policy["witnesses"].items():
            if (key_name, key_id) == (name, raw[:4]):
                seconds = int.from_bytes(raw[4:12], "big")
                assert kind == 4 and len(raw) == 76 and good(key, raw[12:], b"cosignature/v1\ntime %d\n" % seconds + text)
                witnesses[witness] = seconds
    k, members = policy["groups"][policy["quorum"]]
    return origin, size, root, logs >= 1 and len([m for m in members if m in witnesses]) >= k, len(witnesses)


def path_root(leaf, index, size, path):
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            r = H(b"\1", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = H(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    return r if sn == 0 else None


def mth(hashes_):
    if len(hashes_) == 1:
        return hashes_[0]
    k = 1
    while 2 * k < len(hashes_):
        k *= 2
    return H(b"\1", mth(hashes_[:k]), mth(hashes_[k:]))


def tile_name(level, n, width=256):
    groups = ["%03d" % (n % 1000)]
    while n >= 1000:
        n //= 1000
        groups.insert(0, "x%03d" % (n % 1000))
    return "tile/%s/%s%s" % (level, "/".join(groups), "" if width == 256 else ".p/%d" % width)


def check_tiles(get, size, root):
    """All tiles of a tree of this size, from `get(path)`: the root, and that each entry is the leaf of its hash."""
    leaves, entries = [], []
    for n in range((size + 255) // 256):
        width = min(256, size - 256 * n)
        tile, bundle = get(tile_name(0, n, width)), get(tile_name("entries", n, width))
        leaves += [tile[i:i + 32] for i in range(0, len(tile), 32)]
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            entries.append(bundle[2:2 + length])
            bundle = bundle[2 + length:]
    level = 1
    while size >> (8 * level):
        nodes = size >> (8 * level)
        for n in range((nodes + 255) // 256):
            tile = get(tile_name(level, n, min(256, nodes - 256 * n)))
            span = 256 ** level
            if any(tile[32 * i:32 * i + 32] != mth(leaves[(256 * n + i) * span:(256 * n + i + 1) * span]) for i in range(len(tile) // 32)):
                return False
        level += 1
    return len(leaves) == size and mth(leaves) == root and [H(b"\0", e) for e in entries] == leaves


def check_proof(file, policy):
    head, rest = file.split(b"\n", 1)
    assert head == b"c2sp.org/tlog-proof@v1"
    proof, note = rest.split(b"\n\n", 1)
    lines = proof.decode().split("\n")
    entry, index = base64.b64decode(lines[0].removeprefix("extra "), validate=True), int(lines[1].removeprefix("index "))
    origin, size, root, quorum, _ = check_note(note, policy)
    path = [base64.b64decode(line, validate=True) for line in lines[2:]]
    return quorum and path_root(H(b"\0", entry), index, size, path) == root and int.from_bytes(entry[4:12], "big") == index


# ---- COSE ----

class Tag(tuple):
    pass


def cbor(data, at=0):
    """(value, next) of the part of RFC 8949 that stands here."""
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if data[at - 1] == 0xf6:
        return None, at
    n = info if info < 24 else int.from_bytes(data[at:at + (1 << (info - 24))], "big")
    at += 0 if info < 24 else 1 << (info - 24)
    if major == 0:
        return n, at
    if major == 1:
        return -1 - n, at
    if major in (2, 3):
        raw = data[at:at + n]
        return (raw if major == 2 else raw.decode()), at + n
    if major == 4:
        out = []
        for _ in range(n):
            value, at = cbor(data, at)
            out.append(value)
        return out, at
    if major == 5:
        out = {}
        for _ in range(n):
            key, at = cbor(data, at)
            out[key], at = cbor(data, at)
        return out, at
    value, at = cbor(data, at)
    return Tag((n, value)), at


def head(major, n):
    for info, size in ((24, 1), (25, 2), (26, 4)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << (8 * size):
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")


def check_cose(file, node_keys, origin, q):
    """Each receipt is one of RFC 9942 over the root that its own proof gives; q of them by different nodes."""
    (entry, receipts), end = cbor(file)
    signers = set()
    for raw in receipts:
        (tag, (protected, unprotected, payload, sig)), size = cbor(raw)
        h = cbor(protected)[0]
        assert tag == 18 and payload is None and size == len(raw)
        assert h[1] == -47 and h[395] == 1 and h[15] == {1: origin}
        [proof] = unprotected[396][-1]
        tree_size, index, path = cbor(proof)[0]
        root = path_root(H(b"\0", entry), index, tree_size, path)
        assert root and h["size"] == tree_size and index == int.from_bytes(entry[4:12], "big")
        message = b"\x84" + head(3, 10) + b"Signature1" + head(2, len(protected)) + protected + head(2, 0) + head(2, 32) + root
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), node_keys[h[4]])
        key.verify(encode_dss_signature(int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")), message, ec.ECDSA(hashes.SHA256()))
        signers.add(h[4])
    return end == len(file) and len(signers) >= q


# ---- The test ----

def submit(net, count):
    for i in range(count):
        p, wire = net.envelope(i % net.n, 1, [{"procedure": "order-import", "action": "place", "fields": {"occurred": now(-2000), "no": "o%d-%d" % (time.time_ns(), i), "type": "t"}}
                                             for _ in range(60)])
        r, e = net.submit_wire(i % net.n, wire, receipts=False)
        assert e is None and r["state"] == "committed", e or r


def verify(net, file, *options):
    path = net.path("proof")
    with open(path, "wb") as f:
        f.write(file)
    r = net.anju("verify", *options, path, check=False)
    return r.returncode, (r.stdout + r.stderr).decode()


def both(net, file):
    """The exit codes with the genesis document and with the policy."""
    return verify(net, file, "--genesis", net.path("genesis.json"))[0], verify(net, file, "--policy", net.path("policy"))[0]


def checkpoints(net, policy):
    for i in range(net.n):
        status, note = net.request(i, "GET", "/checkpoint")
        origin, size, root, quorum, n = check_note(note, policy)
        check("node %d serves a checkpoint with a quorum" % i, status == 200 and origin == "anju.test/net" and quorum, note)
        check("anju verify takes it with genesis and policy", both(net, note) == (0, 0), both(net, note))
        got = lambda path: net.request(i, "GET", "/" + path)[1]
        check("node %d's tiles are those of its root" % i, check_tiles(got, size, root))
        text, _, _, _, signatures = read_note(note)
        lines = [(DASH + name + " " + b64 + "\n").encode() for name, b64 in signatures]
        check("q cosignatures are taken", both(net, text + b"\n" + b"".join(lines[:1 + 3])) == (0, 0))
        code, words = verify(net, text + b"\n" + b"".join(lines[:1 + 2]), "--policy", net.path("policy"))
        check("q - 1 are refused, and it says so", code == 1 and "2 cosignatures" in words and "3" in words, words)
        check("one cosignature twice is one", both(net, text + b"\n" + b"".join(lines[:3] + lines[2:3])) == (1, 1))
        check("without a log signature it is refused", both(net, text + b"\n" + b"".join(lines[1:])) == (1, 1))
    r, e = net.call_node(0, "ledger.checkpoint")
    check("ledger.checkpoint brings the note", e is None and check_note(r["c2sp"]["note"].encode(), policy)[3], e or r)
    at, e = net.call_node(1, "ledger.checkpoint", height=r["c2sp"]["height"])
    check("and that of a height that was one", e is None and at["c2sp"]["note"].split("\n")[:3] == r["c2sp"]["note"].split("\n")[:3], e or at)


def paths(net):
    for path in ("tile/0/000.p/0", "tile/0/000.p/256", "tile/0/00", "tile/8/000", "tile/0/999", "tile/entries/x000/000", "tile/", "tile/0/000/x"):
        status, body = net.request(0, "GET", "/" + path)
        check("no tile at " + path, status == 404, (status, body))
    import http.client
    c = http.client.HTTPSConnection("127.0.0.1", net.base + 1, context=net.tls, timeout=10)
    c.request("GET", "/tile/0/000")
    r = c.getresponse()
    check("a tile may be kept for ever", r.status == 200 and "immutable" in r.getheader("Cache-Control") and len(r.read()) == 8192, r.getheaders())
    c.request("GET", "/checkpoint")
    r = c.getresponse()
    check("a checkpoint is text and not kept", r.getheader("Content-Type").startswith("text/plain") and "no-cache" in r.getheader("Cache-Control"), r.getheaders())
    c.close()


def proofs(net, policy, node_keys):
    rng = random.Random(7)
    _, _, size, _, _ = read_note(net.request(0, "GET", "/checkpoint")[1])
    for seq in (0, 1, size // 2, size - 1):
        for form in ("c2sp", "cose"):
            out = net.path("out." + form)
            r = net.anju("receipt", "--genesis", net.path("genesis.json"), "--url", net.url(seq % net.n), "--form", form, "--out", out, str(seq), check=False)
            if not check("entry %d as %s" % (seq, form), r.returncode == 0, r.stderr):
                continue
            file = open(out, "rb").read()
            codes = both(net, file)
            if form == "c2sp":
                check("the reader takes the proof of entry %d" % seq, check_proof(file, policy))
                check("anju verify takes it with either", codes == (0, 0), codes)
            else:
                check("the reader takes the COSE receipts of entry %d" % seq, check_cose(file, node_keys, "anju.test/net", 3))
                check("anju verify takes them with genesis; a policy cannot tell", codes == (0, 2), codes)
            for _ in range(400 if long_test else 12):
                i, bit = rng.randrange(len(file)), 1 << rng.randrange(8)
                changed = file[:i] + bytes([file[i] ^ bit]) + file[i + 1:]
                code, words = verify(net, changed, "--genesis", net.path("genesis.json"))
                check("%s of entry %d with byte %d changed is refused" % (form, seq, i), code == 1, words)
    (entry, receipts), _ = cbor(file)
    fewer = b"\x82" + head(2, 168) + entry + head(4, 2) + b"".join(head(2, len(r)) + r for r in receipts[:2])
    code, words = verify(net, fewer, "--genesis", net.path("genesis.json"))
    check("q - 1 COSE receipts are refused", code == 1 and "3 are needed" in words, words)
    double = b"\x82" + head(2, 168) + entry + head(4, 3) + b"".join(head(2, len(r)) + r for r in receipts[:2] + receipts[:1])
    check("one receipt twice is refused", verify(net, double, "--genesis", net.path("genesis.json"))[0] == 1)
    r, e = net.call_node(0, "proof.receipt", seq=str(10 ** 9), form="c2sp")
    check("an entry that is not there", e is not None and e["data"]["reason"] == "not_found", e or r)
    r, e = net.call_node(0, "proof.receipt", seq="0", form="xml")
    check("a form that is not there", e is not None and e["code"] == -32602, e or r)


def exported(net, policy):
    www = net.path("www")
    for round in range(3):
        r = net.anju("export", "--genesis", net.path("genesis.json"), "--data", net.data(2), "tiles", www, check=False)
        if not check("tiles of a running node are exported", r.returncode == 0, r.stderr):
            return
        note = open(www + "/checkpoint", "rb").read()
        origin, size, root, quorum, _ = check_note(note, policy)
        check("the exported checkpoint has its quorum", quorum)
        check("the exported tiles are those of its root", check_tiles(lambda path: open(www + "/" + path, "rb").read(), size, root))
        same = [] if round == 0 else [path for path in ("tile/0/000", "tile/entries/000") if open(www + "/" + path, "rb").read() != net.request(1, "GET", "/" + path)[1]]
        check("they are the bytes that nodes serve", same == [], same)
        if round == 2:
            break
        submit(net, 3)
        for _ in range(6):  # so that a checkpoint over them is written
            time.sleep(1.05)
            submit(net, 1)
    check("full tiles are not written again", b"were there" in r.stdout and b" 0 were there" not in r.stdout, r.stdout)


def closed(net):
    """A node without the keys says so, and serves and signs nothing; its ledger is the same."""
    conf = net.path("audit", "anjud.conf")
    text = open(conf).read()
    check("node 3 stops", net.stop(3) == 0)
    with open(conf, "w") as f:
        f.write(text.replace("log.key = log.key\n", "").replace("cosign.key = cosign.key\n", ""))
    net.start(3)
    net.wait_ready(3)
    check("it says that it does not cosign", "does not cosign" in net.log(3) and "signs no checkpoints" in net.log(3), net.log(3)[-500:])
    time.sleep(1)
    submit(net, 1)
    time.sleep(1.1)
    submit(net, 1)
    check("it serves no checkpoint", wait_until(lambda: net.request(3, "GET", "/checkpoint")[0] == 503, 5))
    r, e = net.call_node(0, "ledger.checkpoint")
    check("three others are a quorum", e is None and r["c2sp"]["cosignatures"] == 3, e or r)
    check("node 3 stops again", net.stop(3) == 0)
    with open(conf, "w") as f:
        f.write(text.replace("log.key = log.key\n", "log.key = ../gov/log.key\n"))
    r = __import__("subprocess").run([os.environ.get("BUILD", "build") + "/anjud", "--config", conf, "--check"], capture_output=True)
    check("another node's log.key is refused at --check", r.returncode == 3 and b"log.key" in r.stderr, r.stderr)


def main():
    net = Network(4)
    try:
        net.anju("export", "--genesis", net.path("genesis.json"), "policy", net.path("policy"))
        policy = read_policy(open(net.path("policy")).read())
        check("the policy asks for 3 of 4", policy["groups"][policy["quorum"]][0] == 3 and len(policy["witnesses"]) == 4 == len(policy["logs"]))
        genesis = json.load(open(net.path("genesis.json")))
        node_keys = {hashlib.sha256(bytes.fromhex(n["node_key"])).digest(): bytes.fromhex(n["node_key"]) for n in genesis["nodes"]}
        net.start()
        check("four nodes are ready", net.wait_ready())
        for _ in range(7):
            submit(net, 1)
            time.sleep(1.05)
        check("a quorum cosigned", wait_until(lambda: net.call_node(0, "ledger.checkpoint")[0].get("c2sp", {}).get("cosignatures", 0) >= 3, 10))
        time.sleep(0.3)
        checkpoints(net, policy)
        paths(net)
        proofs(net, policy, node_keys)
        exported(net, policy)
        closed(net)
    finally:
        net.end()
    return check.end()


sys.exit(main())
