"""An own verifier of proofs of lists and of consistency, from section 10 of docs/formats.md alone. list_is_valid and
consistency_is_valid take the text of a file and the validators; formats.ledger[0] is the ledger id."""
import base64
import json
import struct

from formats import H, Reader, certificate_is_right, digest, ledger, map_key, path_root, read_certificate


def need(holds, words):
    if not holds:
        raise ValueError(words)


# ---- the one text ----

def u64(text):
    v = int(text)
    need(isinstance(text, str) and str(v) == text and 0 <= v < 1 << 64, "a 64-bit integer")
    return v


def small(v, most):
    need(isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= most, "an integer")
    return v


def hexa(text, size):
    v = bytes.fromhex(text)
    need(v.hex() == text and len(v) == size, "hexadecimal")
    return v


def b64(text):
    v = base64.b64decode(text, validate=True)
    need(base64.b64encode(v).decode() == text, "base64")
    return v


def hashes_of(items):
    return [hexa(x, 32) for x in items]


def load(text, form, names):
    def pairs(items):
        need(len(dict(items)) == len(items), "a name twice")
        return dict(items)
    j = json.loads(text.decode(), object_pairs_hook=pairs)
    need(json.dumps(j, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" == text, "not the one text")
    need(list(j) == names and j["format"] == form, "its members")
    return j


# ---- msgpack, the subset of section 1 ----

def pack(v):
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        if v >= 0:
            for most, head, size in ((127, None, 1), (255, 0xcc, 1), (65535, 0xcd, 2), (2**32 - 1, 0xce, 4), (2**64 - 1, 0xcf, 8)):
                if v <= most:
                    return (b"" if head is None else bytes([head])) + v.to_bytes(size, "big")
        for least, head, size in ((-32, None, 1), (-128, 0xd0, 1), (-32768, 0xd1, 2), (-2**31, 0xd2, 4), (-2**63, 0xd3, 8)):
            if v >= least:
                return (b"" if head is None else bytes([head])) + v.to_bytes(size, "big", signed=True)
    if isinstance(v, list):
        n = len(v)
        return (bytes([0x90 + n]) if n < 16 else b"\xdc" + struct.pack(">H", n)) + b"".join(map(pack, v))
    raw = v.encode() if isinstance(v, str) else v
    fix, heads = (0xa0, (0xd9, 0xda, 0xdb)) if isinstance(v, str) else (None, (0xc4, 0xc5, 0xc6))
    if fix is not None and len(raw) < 32:
        return bytes([fix + len(raw)]) + raw
    for head, size in zip(heads, (1, 2, 4)):
        if len(raw) < 1 << 8 * size:
            return bytes([head]) + len(raw).to_bytes(size, "big") + raw


def unpack(r, depth=1):
    t = r.u(1)
    if t <= 0x7f:
        return t
    if t >= 0xe0:
        return t - 256
    if 0xcc <= t <= 0xcf:
        return r.u(1 << t - 0xcc)
    if 0xd0 <= t <= 0xd3:
        return int.from_bytes(r.take(1 << t - 0xd0), "big", signed=True)
    if t in (0xc2, 0xc3):
        return t == 0xc3
    if 0xa0 <= t <= 0xbf:
        return r.take(t - 0xa0).decode()
    if 0xd9 <= t <= 0xdb:
        return r.take(r.u(1 << t - 0xd9)).decode()
    if 0xc4 <= t <= 0xc6:
        return r.take(r.u(1 << t - 0xc4))
    need(0x90 <= t <= 0x9f or t == 0xdc, "not of the subset")
    need(depth <= 8, "too deep")
    return [unpack(r, depth + 1) for _ in range(t - 0x90 if t != 0xdc else r.u(2))]


def attributes(raw, cleared=False):
    r = Reader(raw)
    items = unpack(r)
    r.end()
    need(isinstance(items, list) and pack(items) == raw, "attributes")
    need(all(len(i) == 2 or (cleared and len(i) == 1) for i in items), "attributes")
    numbers = [i[0] for i in items]
    need(numbers == sorted(set(numbers)) and all(isinstance(n, int) and 1 <= n <= 65535 for n in numbers), "attributes ascend")
    return {i[0]: i[1] for i in items if len(i) == 2}


# ---- entries, effects, trees ----

def entry_of(raw):
    e = dict(zip(("version", "kind", "outcome", "seq", "height", "time"), struct.unpack(">BBHQQQ", raw[:28])))
    e.update(record=raw[68:100], n_effects=int.from_bytes(raw[132:136], "big"), effects=raw[136:], leaf=H(b"\0", raw))
    zero = raw[28:68] == bytes(40)
    need(e["version"] == 1 and e["kind"] <= 3 and (e["outcome"] != 0) == (e["kind"] == 3), "entry")
    need((e["height"] == 0) == (e["kind"] == 0) and (e["n_effects"] == 0) == (e["kind"] == 3), "entry")
    need(zero if e["kind"] in (0, 2) else int.from_bytes(raw[64:68], "big") > 0, "entry")
    return e


def effect_of(r):
    start = r.at
    e = dict(procedure=r.u(2), subject=r.take(16), version=r.u(8), state=r.u(2), digest=r.take(32))
    e["changed"] = r.take(r.u(4))
    attributes(e["changed"], cleared=True)
    e["leaf"] = H(b"\0", r.data[start:r.at])
    return e


def mth(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return H(b"\1", mth(leaves[:k]), mth(leaves[k:]))


def range_root(leaves, begin, size, boundary):
    left = list(boundary)

    def node(lo, hi):
        if hi <= begin or lo >= begin + len(leaves):
            need(left, "boundary too short")
            return left.pop(0)
        if hi - lo == 1:
            return leaves[lo - begin]
        k = 1 << (hi - lo - 1).bit_length() - 1
        a = node(lo, lo + k)
        return H(b"\1", a, node(lo + k, hi))

    need(leaves and begin + len(leaves) <= size, "range")
    root = node(0, size)
    need(not left, "boundary too long")
    return root


def consistency_holds(m, root1, n, root2, path):
    """RFC 9162 2.1.4.2."""
    if m == n:
        return not path and root1 == root2
    if m & (m - 1) == 0:
        path = [root1] + path
    if not path:
        return False
    fn, sn = m - 1, n - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = H(b"\1", c, fr), H(b"\1", c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = H(b"\1", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == root1 and sr == root2


def map_leaves(root, proof, keys):
    """What the map says of each key: (count, live, root, state), or None where it is absent."""
    r, found = Reader(proof), {}

    def node(depth, asked):
        tag = r.u(1)
        if tag == 0:
            return bytes(32), 0
        if tag == 1 and not asked:
            h = r.take(32)
            need(h != bytes(32), "nothing has two forms")
            return h, 1
        if tag == 2 and asked:
            leaf = r.take(112)
            need(all(int.from_bytes(k, "big") >> (256 - depth) == int.from_bytes(leaf[:32], "big") >> (256 - depth) for k in asked[:1]),
                 "a leaf of another place")
            if leaf[:32] in asked:
                found[leaf[:32]] = (*struct.unpack(">QQ", leaf[32:48]), leaf[48:80], leaf[80:])
            return H(b"\2", leaf), 2
        need(tag == 3 and asked and depth < 256, "no such node here")
        side = [[k for k in asked if (k[depth // 8] >> (7 - depth % 8) & 1) == b] for b in (0, 1)]
        (a, ta), (b, tb) = node(depth + 1, side[0]), node(depth + 1, side[1])
        need(not (0 in (ta, tb) and {ta, tb} <= {0, 2}), "no map has this")
        return H(b"\3", a, b), 3

    need(node(0, keys)[0] == root, "another map root")
    r.end()
    return {k: found.get(k) for k in keys}


# ---- chain keys ----

SIZES = {0: (0,), 1: (8,), 2: (8,), 3: (1,), 6: (4,)}


def chain_key(raw):
    """("subject", procedure, id), ("actor", member) or ("index", procedure, index, [(type, value)])."""
    r = Reader(raw)
    if r.u(1) == 1:
        k = ("subject", r.u(2), r.take(16))
    else:
        need(raw[0] == 2, "chain key")
        procedure, index, parts = r.u(2), r.u(2), []
        for _ in range(r.u(1)):
            t = r.u(1)
            v = r.take(r.u(2))
            need(t <= 6 and (t not in SIZES or len(v) in SIZES[t]) and (t != 3 or v[0] <= 1), "component")
            if t == 4:
                v.decode()
            parts.append((t, v))
        need(1 <= len(parts) <= 3, "components")
        k = ("index", procedure, index, parts)
        if procedure == 0:
            member = int.from_bytes(parts[0][1], "big")
            need(index == 0 and len(parts) == 1 and parts[0][0] == 1 and 1 <= member < 1 << 32, "actor")
            k = ("actor", member)
    r.end()
    return k


def component(kind, value):
    if value is None:
        return bytes([0, 0, 0])
    if isinstance(value, list):  # a reference: procedure and subject
        v = struct.pack(">H", value[0]) + value[1]
    elif kind in (1, 2):
        v = value.to_bytes(8, "big", signed=value < 0)
    elif kind == 3:
        v = bytes([value])
    elif kind == 6:
        v = struct.pack(">I", value)
    else:
        v = value.encode() if isinstance(value, str) else value
    return bytes([kind]) + struct.pack(">H", len(v)) + v


def tuple_key(d, state, attrs):
    parts = [component(t, state if a == 0 else attrs.get(a)) for a, t in d["components"]]
    return b"\2" + struct.pack(">HHB", d["procedure"], d["index"], len(parts)) + b"".join(parts)


# ---- a proof of a list ----

ASKS = {"page": (1, "first", "most"), "time": (2, "from_ms", "until_ms"), "last": (3, None, "most"), "now": (4, None, None), "count": (5, None, None)}


def question_of(q):
    number, a, b = ASKS[q["ask"]]
    need(list(q) == ["ask"] + [x for x in (a, b) if x] + ["parts"], "question")
    a, b, parts = u64(q[a]) if a else 0, u64(q[b]) if b else 0, small(q["parts"], 3)
    need({1: b > 0, 2: a < b, 3: b > 0, 4: parts == 0, 5: parts == 0}[number], "question")
    return number, a, b, parts


def endorsed(header, result, raw_certificate, nodes):
    """Steps 2 and 10: header, result and certificate of one height, signed by a quorum."""
    r = Reader(raw_certificate)
    c, whole = read_certificate(r)
    need(whole == raw_certificate, "certificate")
    version, height, time = struct.unpack(">HQQ", header[:18])
    need(version == 1 and height > 0 and int.from_bytes(result[:8], "big") == height == c["height"], "heights")
    need((c["vid"], c["result"]) == (digest("anju/block/1", header), digest("anju/result/1", result)), "certificate of another block")
    need(certificate_is_right(c, nodes), "signatures")
    return height, time


def declaration_of(d):
    need(list(d) == ["entry", "index", "path", "effect"], "declaration")
    raw, number, path, effect = hexa(d["entry"], 168), small(d["index"], 32768), hashes_of(d["path"]), b64(d["effect"])
    e = entry_of(raw)
    r = Reader(effect)
    f = effect_of(r)
    r.end()
    need(path_root(f["leaf"], number, e["n_effects"], path) == e["effects"], "effect of another entry")
    a = attributes(f["changed"])
    need((f["procedure"], f["version"], f["state"]) == (0, 1, 1) and list(a) == [16, 17, 18, 19, 20], "no index")
    need(f["subject"] == struct.pack(">HHQHH", 0, 5, 0, a[16], a[17]) and a[18] in (1, 2, 3) and isinstance(a[19], bool), "no index")
    need(1 <= len(a[20]) <= 3 and all(1 <= t <= 6 for _, t in a[20]), "components")
    need(f["digest"] == digest("anju/state/1", struct.pack(">H", 0), f["subject"], struct.pack(">QH", 1, 1), f["changed"]), "state digest")
    binary = raw + struct.pack(">IB", number, len(path)) + b"".join(path) + struct.pack(">I", len(effect)) + effect
    return dict(procedure=a[16], index=a[17], kind=a[18], late=a[19], components=a[20], since=e["seq"], leaf=e["leaf"],
                state=f["digest"], key=map_key(0, b"\1\0\0" + f["subject"]), binary=binary)


def boundary_binary(hashes):
    return bytes([len(hashes)]) + b"".join(hashes)


def chain_of(c, parts):
    need(list(c) == ["key", "begin", "boundary", "entries", "subjects"], "chain")
    key, begin, boundary = b64(c["key"]), u64(c["begin"]), hashes_of(c["boundary"])
    binary = struct.pack(">H", len(key)) + key + struct.pack(">Q", begin) + boundary_binary(boundary) + struct.pack(">I", len(c["entries"]))
    names = ["entry"] + ["record"] * (parts & 1) + ["effects"] * (parts >> 1)
    entries, subjects = [], []
    for e in c["entries"]:
        need(list(e) == names, "entry")
        raw = hexa(e["entry"], 168)
        binary += raw
        item = entry_of(raw)
        for name in names[1:]:
            extra = b64(e[name])
            binary += struct.pack(">I", len(extra)) + extra
            item["shown_" + name] = extra
        entries.append(item)
    binary += struct.pack(">I", len(c["subjects"]))
    for s in c["subjects"]:
        need(list(s) in (["subject", "version", "state", "attributes"], ["subject", "version", "state", "attributes", "last", "boundary"]), "subject")
        attrs, state = b64(s["attributes"]), small(s["state"], 65535)
        item = dict(id=hexa(s["subject"], 16), version=u64(s["version"]), state=state, attributes=attrs, last=None)
        binary += item["id"] + struct.pack(">QHI", item["version"], state, len(attrs)) + attrs + bytes(["last" in s])
        if "last" in s:
            item["last"], item["boundary"] = hexa(s["last"], 168), hashes_of(s["boundary"])
            binary += item["last"] + boundary_binary(item["boundary"])
        subjects.append(item)
    return dict(raw=key, key=chain_key(key), begin=begin, boundary=boundary, entries=entries, subjects=subjects, binary=binary)


def check_entries(c, leaf, question, height, log_size):
    """Step 7 and 8."""
    ask, a, b, _ = question
    count, entries, n = leaf[0] if leaf else 0, c["entries"], len(c["entries"])
    for i, e in enumerate(entries):
        need(e["seq"] < log_size and e["height"] <= height, "after this height")
        need(i == 0 or (entries[i - 1]["seq"] < e["seq"] and entries[i - 1]["time"] <= e["time"]), "out of order")
    if n:
        need(leaf and range_root([e["leaf"] for e in entries], c["begin"], count, c["boundary"]) == leaf[2], "not these entries")
    else:
        need(not c["boundary"] and c["begin"] == 0, "a range of nothing")
    if ask == 2:
        before, after = sum(e["time"] < a for e in entries), sum(e["time"] >= b for e in entries)
        need(before <= 1 and after <= 1 and (n or not count), "neighbours")
        need((before or c["begin"] == 0) and (after or c["begin"] + n == count), "no neighbours")
    else:
        first, last = {1: (a, a + b), 3: (max(0, count - b), count), 4: (0, 0), 5: (0, 0)}[ask]
        wanted = max(0, min(last, count) - first)
        need((c["begin"], n) == ((first if wanted else 0), wanted), "not the whole answer")
    for e in entries:
        if "shown_record" in e:
            need(H(b"\0", e["shown_record"]) == e["record"], "another record")
            r = Reader(e["shown_record"])
            need(pack(unpack(r)) == e["shown_record"], "record")
        if "shown_effects" in e:
            r = Reader(e["shown_effects"])
            leaves = [effect_of(r)["leaf"] for _ in range(e["n_effects"])]
            r.end()
            need(not leaves or mth(leaves) == e["effects"], "other effects")


def subject_map_key(procedure, subject):
    return map_key(int.from_bytes(subject[:2], "big"), b"\1" + struct.pack(">H", procedure) + subject)


def check_now(c, leaf, leaves, declared, ask):
    """Step 9."""
    kind, subjects = c["key"][0], c["subjects"]
    need(ask == 4 or not subjects, "subjects that nobody asked for")
    if ask != 4:
        return
    need(kind != "actor", "now of an actor")
    need(len(subjects) == ((leaf is not None) if kind == "subject" else leaf[1] if leaf else 0), "not as many as there are")
    need([s["id"] for s in subjects] == sorted({s["id"] for s in subjects}), "subjects ascend")
    for s in subjects:
        own, attrs = leaves[subject_map_key(c["key"][1], s["id"])], attributes(s["attributes"])
        need(own is not None and own[3] == digest("anju/state/1", struct.pack(">H", c["key"][1]), s["id"],
                                                  struct.pack(">QH", s["version"], s["state"]), s["attributes"]), "another state")
        if kind == "subject":
            need(s["id"] == c["key"][2] and s["last"] is None, "another subject")
            continue
        need(tuple_key(declared, s["state"], attrs) == c["raw"], "another value")
        need((s["last"] is not None) == declared["late"], "last entry")
        if declared["late"]:
            last = entry_of(s["last"])
            need(range_root([last["leaf"]], own[0] - 1, own[0], s["boundary"]) == own[2] and last["seq"] >= declared["since"], "last entry")


def list_is_valid(text, nodes):
    j = load(text, "anju-list/1", ["format", "ledger_id", "question", "header", "result", "certificate", "map", "indexes", "chains", "id"])
    question = question_of(j["question"])
    header, result, certificate, proof = hexa(j["header"], 188), hexa(j["result"], 112), b64(j["certificate"]), b64(j["map"])
    need(hexa(j["ledger_id"], 32) == ledger[0], "another ledger")
    height, _ = endorsed(header, result, certificate, nodes)
    declared = [declaration_of(d) for d in j["indexes"]]
    chains = [chain_of(c, question[3]) for c in j["chains"]]
    content = (b"\1" + ledger[0] + struct.pack(">BQQB", *question) + header + result + certificate + struct.pack(">I", len(proof)) + proof
               + struct.pack(">H", len(declared)) + b"".join(d["binary"] for d in declared)
               + struct.pack(">H", len(chains)) + b"".join(c["binary"] for c in chains))
    need(digest("anju/list/1", content) == hexa(j["id"], 32), "id")
    need(chains and [c["raw"] for c in chains] == sorted({c["raw"] for c in chains}), "keys ascend")
    by_index = {(d["procedure"], d["index"]): d for d in declared}
    need(list(by_index) == sorted({c["key"][1:3] for c in chains if c["key"][0] == "index"}) and len(by_index) == len(declared), "indexes")
    keys = {d["key"] for d in declared}
    for c in chains:
        kind = c["key"][0]
        c["declared"] = d = by_index[c["key"][1:3]] if kind == "index" else None
        if d:
            types = [t for t, _ in c["key"][3]]
            need(len(types) == len(d["components"]) and all(t == want or (t == 0 and a != 0) for t, (a, want) in zip(types, d["components"])), "types")
            need(d["kind"] == 1 or question[0] >= 4, "a count keeps no list")
        c["map_key"] = subject_map_key(*c["key"][1:]) if kind == "subject" else map_key(0, c["raw"])
        need(not c["subjects"] or kind != "actor", "subjects of an actor")
        keys |= {c["map_key"]} | {subject_map_key(c["key"][1], s["id"]) for s in c["subjects"]}
    leaves = map_leaves(result[48:80], proof, sorted(keys))
    for d in declared:
        leaf = leaves[d["key"]]
        need(leaf is not None and (leaf[0], leaf[2], leaf[3]) == (1, d["leaf"], d["state"]), "not declared like this")
    for c in chains:
        check_entries(c, leaves[c["map_key"]], question, height, int.from_bytes(result[8:16], "big"))
        check_now(c, leaves[c["map_key"]], leaves, c["declared"], question[0])
    return True


def consistency_is_valid(text, nodes):
    j = load(text, "anju-consistency/1", ["format", "ledger_id", "first", "second", "path"])
    need(hexa(j["ledger_id"], 32) == ledger[0], "another ledger")
    logs = []
    for name in ("first", "second"):
        need(list(j[name]) == ["header", "result", "certificate"], name)
        result = hexa(j[name]["result"], 112)
        height, _ = endorsed(hexa(j[name]["header"], 188), result, b64(j[name]["certificate"]), nodes)
        logs.append((height, int.from_bytes(result[8:16], "big"), result[16:48]))
    (h1, n1, r1), (h2, n2, r2) = logs
    return h1 < h2 and 0 < n1 <= n2 and consistency_holds(n1, r1, n2, r2, hashes_of(j["path"]))
