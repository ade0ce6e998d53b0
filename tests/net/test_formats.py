#!/usr/bin/python3
"""A second reading of docs/formats.md: an own verifier, from the text alone, of tests/vectors/formats.txt.

It shares no code with anju (ECDSA comes from OpenSSL through python3-cryptography), so that the page and
the C code can't be wrong together without being seen. Needs no network and no node. Lists: test_lists.py.
"""
import hashlib
import hmac
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from formats import H, N, Reader, certificate_is_right, changed, digest, map_key, nothing, path_root, read_certificate, read_set, verify

V = dict(line.split() for line in open("tests/vectors/formats.txt"))
V = {name: bytes.fromhex(text) for name, text in V.items()}
LEDGER = hashlib.sha256(b"anju test ledger").digest()


def receipt_is_valid(data, nodes, member_key):
    """Section 9, steps 1 to 8, for a receipt above height 0."""
    r = Reader(data)
    if r.u(1) != 1:
        return False
    begin = r.at
    ledger, entry, path = r.take(32), r.take(168), r.path()
    result, vid = r.take(112), r.take(32)
    claim = data[begin:r.at]
    c, _ = read_certificate(r)
    version, kind, outcome, seq, height, _time = struct.unpack(">BBHQQQ", entry[:28])
    envelope_id, (index, member) = entry[28:60], struct.unpack(">II", entry[60:68])
    record_leaf, n_effects, effects_root = entry[68:100], int.from_bytes(entry[132:136], "big"), entry[136:]
    result_height, log_size = struct.unpack(">QQ", result[:16])
    if ledger != LEDGER or (version, kind, outcome) != (1, 1, 0) or result_height != height or height == 0:
        return False
    if path_root(H(b"\0", entry), seq, log_size, path) != result[16:48]:
        return False
    result_id = digest("anju/result/1", result)
    if (c["height"], c["vid"], c["result"]) != (height, vid, result_id):
        return False
    parts = r.u(1)
    if parts & 1 and H(b"\0", r.take(r.u(4))) != record_leaf:
        return False
    if parts & 2:
        body, sig, key, record_path = r.take(67), r.take(64), r.take(33), r.path()
        if digest("anju/envelope/1", body) != envelope_id or int.from_bytes(body[1:5], "big") != member:
            return False
        if path_root(record_leaf, index, int.from_bytes(body[33:35], "big"), record_path) != body[35:67]:
            return False
        if key != member_key or not verify(key, sig, envelope_id):
            return False
    if parts & 4:
        for _ in range(r.u(4)):
            number, effect_path = r.u(4), r.path()
            effect = r.take(r.u(4))
            if path_root(H(b"\0", effect), number, n_effects, effect_path) != effects_root:
                return False
            if r.u(1) == 1:
                attributes = r.take(r.u(4))
                if digest("anju/state/1", effect[:28], attributes) != effect[28:60]:
                    return False
    if parts & ~7:
        return False
    r.end()
    return digest("anju/receipt/1", claim) == V["receipt_id"] and certificate_is_right(c, nodes)


def map_proof_leaf(root, proof, key):
    """The leaf of one key, or None where it is absent; raises where the proof is wrong."""
    r, found = Reader(proof), []

    def node(depth, asked):
        tag = r.u(1)
        if tag == 0:
            return bytes(32), 0
        if tag == 1 and not asked:
            return r.take(32), 1
        if tag == 2 and asked:
            leaf = r.take(32 + 8 + 8 + 32 + 32)
            bits = [int.from_bytes(k, "big") >> (256 - depth) if depth else 0 for k in (leaf[:32], key)]
            if bits[0] != bits[1]:
                raise ValueError("a leaf of another place")
            if leaf[:32] == key:
                found.append(leaf)
            return H(b"\2", leaf), 2
        if tag == 3 and asked and depth < 256:
            right = key[depth // 8] >> (7 - depth % 8) & 1
            (a, ta), (b, tb) = node(depth + 1, not right), node(depth + 1, bool(right))
            if 0 in (ta, tb) and {ta, tb} <= {0, 2}:
                raise ValueError("no map has this")
            return H(b"\3", a, b), 3
        raise ValueError("no such node here")

    if node(0, True)[0] != root:
        raise ValueError("another root")
    r.end()
    return found[0] if found else None


results = []


def check(name, ok):
    results.append(bool(ok))
    if not ok:
        print("FAILED:", name)


nodes = read_set(V["set"])[2]
record, envelope = V["record"], V["envelope"]
subject = struct.pack(">H", 20454) + bytes(6) + struct.pack(">Q", 7)
check("ledger id", V["ledger_id"] == LEDGER)
check("digest", V["digest_of_body_under_tag_anju_test_1"] == digest("anju/test/1", b"body"))
check("cosign digest: the record up to its last item, then an empty array",
      V["cosign_digest"] == digest("anju/cosign/1", record[:-(1 + 1 + 2 + 33 + 2 + 64)], b"\x90"))
check("cosignature", verify(record[-99:-66], record[-64:], V["cosign_digest"]))
check("record leaf", V["record_leaf"] == H(b"\0", record) == envelope[35:67])
check("envelope id", V["envelope_id"] == digest("anju/envelope/1", envelope[:67]))
check("envelope signature", verify(V["envelope_key"], envelope[67:131], V["envelope_id"]))
check("a signature with the greater s is refused",
      not verify(V["envelope_key"], envelope[67:99] + (N - int.from_bytes(envelope[99:131], "big")).to_bytes(32, "big"),
                 V["envelope_id"]))
check("batch id", V["batch_id"] == digest("anju/batch/1", struct.pack(">HI", 1, len(envelope)), envelope))
check("state digest", V["state_digest"] == digest("anju/state/1", struct.pack(">H", 1), subject,
                                                 struct.pack(">QH", 5, 2), V["attributes"]))
check("effect", V["effect"] == struct.pack(">H", 1) + subject + struct.pack(">QH", 5, 2) + V["state_digest"]
      + struct.pack(">I", len(V["attributes"])) + V["attributes"])
check("entry leaf", len(V["entry"]) == 168 and V["entry_leaf"] == H(b"\0", V["entry"]))
check("effects root", V["entry"][136:] == H(b"\0", V["effect"]))
check("chain key", V["chain_key_of_str_a_and_absent"] == bytes([2, 0, 1, 0, 2, 2, 4, 0, 1]) + b"a" + bytes([0, 0, 0]))
check("map key", V["map_key_of_it"] == map_key(0, V["chain_key_of_str_a_and_absent"]))
check("map key of actor", V["map_key_of_actor_2"] == map_key(0, struct.pack(">BHHBBHQ", 2, 0, 0, 1, 1, 8, 2)))
check("map key of subject", V["map_key_of_subject"] == map_key(20454, struct.pack(">BH", 1, 1) + subject))
check("map proof", map_proof_leaf(V["map_root_of_three"], V["map_proof_of_subject"], V["map_key_of_subject"])[32:40]
      == struct.pack(">Q", 2))
check("each byte of a map proof counts", all(
    nothing(map_proof_leaf, V["map_root_of_three"], changed(V["map_proof_of_subject"], i, 1), V["map_key_of_subject"])
    for i in range(len(V["map_proof_of_subject"]))))
check("set hash", V["set_hash"] == digest("anju/set/1", V["set"]))
check("block id", len(V["header"]) == 188 and V["block_id"] == digest("anju/block/1", V["header"]))
check("result id", V["result_id"] == digest("anju/result/1", V["result"]))
reader = Reader(V["certificate"])
certificate, whole = read_certificate(reader)
check("certificate", whole == V["certificate"] and certificate_is_right(certificate, nodes))
check("certificate digest", V["certificate_digest"] == digest("anju/certificate/1", V["certificate"]))
check("receipt", receipt_is_valid(V["receipt"], nodes, V["envelope_key"]))
check("each byte of a receipt counts", all(
    nothing(receipt_is_valid, changed(V["receipt"], i, mask), nodes, V["envelope_key"])
    for i in range(len(V["receipt"])) for mask in (1, 0x80)))
check("each cut of a receipt is refused", all(
    nothing(receipt_is_valid, V["receipt"][:i], nodes, V["envelope_key"]) for i in range(len(V["receipt"]))))
salt = hmac.new(bytes([1, 2, 3]) + bytes(29), b"anju/salt/1\0" + struct.pack(">HH", 5, 1), hashlib.sha256).digest()
check("field salt", V["field_salt"] == salt)
check("commitment", V["commitment"] == digest("anju/commit/1", struct.pack(">II", 2, 3), bytes([4, 5, 6]) + bytes(13),
                                             struct.pack(">HHH", 4, 5, 1), salt, struct.pack(">I", 5), b"value"))
check("one-time code", V["secret_of_code_0123456789ABCDEFGHJK_to_confirm"]
      == digest("anju/code/1", subject, b"\1", b"0123456789ABCDEFGHJK"))
print(f"{results.count(True)} passed, {results.count(False)} failed")
sys.exit(0 if all(results) else 1)
