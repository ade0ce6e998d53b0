#!/usr/bin/python3
"""Every JSON-RPC method of a real node over HTTPS, spoken to by a client that shares no code with it: records
by names are prepared by the node, signed here, submitted, found again, and every refusal says what would be right.
One validator is a network of its own: what needs four is in test_cluster.py."""
import base64, hashlib, json, struct, sys

import formats
import list_verifier
from network import Checks, Network, now

check = Checks()


class Node(Network):
    """A network of one validator, with short names for what goes to it."""

    def __init__(self):
        super().__init__(1)
        self.start()
        if not self.wait_ready():
            raise SystemExit("the node is not ready: " + super().log(0))

    def call(self, method, **params):
        return self.call_node(0, method, **params)

    def post(self, body, kind):
        return self.request(0, "POST", "/rpc", body, kind)

    def submit(self, member, records, **more):
        p, wire = self.envelope(0, member, records, **more)
        return (None, wire) if p is None else self.submit_wire(0, wire)

    def do(self, member, procedure, action, subject=None, **fields):
        record = {"procedure": procedure, "action": action, "fields": fields}
        return self.submit(member, [dict(record, subject=subject) if subject else record])


def reason(error):
    return (error or {}).get("data", {}).get("reason")


def orders(node):
    occurred = now(-5000)
    fields = {"occurred": occurred, "no": "B-1", "type": "Sidewalk Repair", "grid": "ward 3", "committed": ["12 Main Street", "a long complaint"]}
    p, wire = node.envelope(0, 1, [{"procedure": "order-import", "action": "place", "fields": fields}])
    check("private values come back as openings, none is in the record", len(p["openings"]) == 1
          and [i["value"] for i in p["openings"][0]["fields"]["committed"]] == fields["committed"] and b"Main Street" not in wire, p)
    r, e = node.call("record.submit", envelope=base64.b64encode(wire).decode())
    check("an order is placed", e is None and r["state"] == "committed" and len(r["receipts"]) == 1, e or r)
    again, e = node.call("record.submit", envelope=base64.b64encode(wire).decode())
    check("the same envelope again gives the same receipt", again == r, e or again)
    return r, wire


def look(node, first):
    got, e = node.call("record.get", seq=first["first_seq"])
    check("record.get by seq", e is None and got["record"]["fields"]["no"] == "B-1" and got["record"]["action"] == "place", e or got)
    by_id, e = node.call("record.get", envelope=first["envelope"])
    check("record.get by envelope", by_id == got, e or by_id)
    subject = got["record"]["subject"]
    state, e = node.call("subject.get", procedure="order-import", subject=subject)
    check("subject.get", e is None and state["state"] == "placed" and state["attributes"]["type"] == "Sidewalk Repair" and state["attributes"]["open"] is True, e or state)
    for action in ("dispatch", "accept", "complete", "close"):
        more = {"provider": "BTDT"} if action == "dispatch" else {}
        r, e = node.do(1, "order-import", action, subject, occurred=now(-1000), **more)
        check("order-import " + action, e is None and r["state"] == "committed", e or r)
    history, e = node.call("subject.history", procedure="order-import", subject=subject, effects=True)
    check("the history is whole and in order", e is None and [x["record"]["action"] for x in history["entries"]]
          == ["place", "dispatch", "accept", "complete", "close"] and history["total"] == "5", e or history)
    backwards, e = node.call("subject.history", procedure="order-import", subject=subject, newest_first=True, limit=2)
    check("a page from the end has a cursor", e is None and [x["record"]["action"] for x in backwards["entries"]] == ["close", "complete"], e or backwards)
    rest, e = node.call("subject.history", procedure="order-import", subject=subject, newest_first=True, limit=5, cursor=backwards["cursor"])
    check("and goes on there", e is None and [x["record"]["action"] for x in rest["entries"]] == ["accept", "dispatch", "place"] and "cursor" not in rest, e or rest)
    for params, count in (({"procedure": "order-import", "list": ["provider"], "values": ["BTDT"]}, 4), ({"procedure": "order-import", "list": ["grid"], "values": ["ward 3"]}, 5),
                          ({"procedure": "order-import", "list": ["grid"], "values": ["nowhere"]}, 0), ({"member": 1}, 5), ({"member": 2}, 0),
                          ({"procedure": "order-import", "subject": subject}, 5), ({"member": 1, "until": "2026-01-01T00:00:00.000Z"}, 0),
                          ({"member": 1, "from": "2026-01-01T00:00:00.000Z"}, 5)):
        found, e = node.call("records.query", **params)
        check("records.query %s" % params, e is None and len(found["entries"]) == count and found["total"] == str(count), e or found)
    return subject


def refusals(node, subject, wire):
    place = {"occurred": now(-5000), "no": "B-2", "type": "t"}
    cases = [
        ("an unknown procedure", lambda: node.do(1, "orders", "place"), -32602, None),
        ("an unknown action", lambda: node.do(1, "order-import", "fly"), -32602, None),
        ("an unknown field", lambda: node.do(1, "order-import", "place", colour="red"), -32602, None),
        ("a missing field", lambda: node.do(1, "order-import", "place", occurred=now(-9000), no="x"), -32002, "field_missing"),
        ("a type over its limit", lambda: node.do(1, "order-import", "place", **dict(place, type="x" * 161)), -32002, "field_limit"),
        ("a member without the role", lambda: node.do(2, "order-import", "place", **place), -32002, "actor"),
        ("an action from the wrong state", lambda: node.do(1, "order-import", "accept", subject, occurred=now()), -32002, "state"),
        ("a stale version", lambda: node.submit(1, [{"procedure": "order-import", "action": "close", "subject": subject, "expected_version": "2", "fields": {"occurred": now()}}]), -32002, "version_stale"),
        ("a number twice", lambda: node.do(1, "order-import", "place", **dict(place, no="B-1")), -32002, "unique"),
        ("a clause of the procedure", lambda: node.do(1, "order-import", "place", **dict(place, occurred=now(3600000))), -32002, "clause"),
        ("an expired envelope", lambda: node.submit(1, [{"procedure": "order-import", "action": "place", "fields": place}], valid_until="2026-01-01T00:00:00.000Z"), -32004, "expired"),
        ("one valid too far ahead", lambda: node.submit(1, [{"procedure": "order-import", "action": "place", "fields": place}], valid_until=now(48 * 3600000)), -32004, "valid_until_too_far"),
        ("a high-S signature", lambda: node.submit(1, [{"procedure": "order-import", "action": "place", "fields": place}], high=True), -32003, "invalid_envelope"),
        ("another ledger's signature", lambda: node.submit(1, [{"procedure": "order-import", "action": "place", "fields": place}], change=lambda m: m[:20] + b"x" + m[21:]), -32003, "invalid_envelope"),
        ("a key of another member", lambda: node.call("record.prepare", member=1, key=node.key_number[2], records=[{"procedure": "order-import", "action": "place", "fields": place}]), -32602, None),
        ("bytes that are no envelope", lambda: node.call("record.submit", envelope="AAAA"), -32003, "invalid_envelope"),
        ("bytes that are no base64", lambda: node.call("record.submit", envelope="A"), -32602, None),
        ("a record of 65 KiB", lambda: node.submit(1, [{"procedure": "order-import", "action": "place", "fields": dict(place, committed=["x"] * 16, type="y" * 66000)}]), (-32602, -32002, -32003), None),
        ("an unknown entry", lambda: node.call("record.get", seq=10 ** 12), -32001, "not_found"),
        ("an unknown subject", lambda: node.call("subject.get", procedure="order", subject="00" * 16), -32001, "not_found"),
        ("a list that is none", lambda: node.call("records.query", procedure="order", list=["colour"], values=["x"]), -32602, None),
        ("extra params", lambda: node.call("node.status", x=1), -32602, None),
        ("a block that is not there", lambda: node.call("ledger.block", height=10 ** 9), -32001, "not_found"),
    ]
    before = node.call("ledger.checkpoint")[0]["result"]
    for name, f, code, why in cases:
        r, e = f()
        good = e is not None and (e["code"] in code if isinstance(code, tuple) else e["code"] == code)
        named = why is None or why in (reason(e), e["data"].get("clause"), e["data"].get("outcome_name")) if e else False
        check("%s is refused" % name, good and named and e["data"].get("hint"), e or r)
    nonce = bytes(range(16)).hex()
    one, e1 = node.submit(1, [{"procedure": "order-import", "action": "place", "fields": dict(place, no="N-1")}], nonce=nonce)
    two, e2 = node.submit(1, [{"procedure": "order-import", "action": "place", "fields": dict(place, no="N-2")}], nonce=nonce)
    check("a reused nonce names the first envelope", e1 is None and e2 and e2["code"] == -32004 and e2["data"].get("used_by") == one["envelope"], e2 or two)
    after = node.call("ledger.checkpoint")[0]["result"]
    check("refusals before the ledger change nothing on it", int(after["log_size"]) - int(before["log_size"]) == 1, (before, after))


def many(node):
    wires = []
    for i in range(20):
        _, wire = node.envelope(0, 1, [{"procedure": "order-import", "action": "place", "fields": {"occurred": now(-9000), "no": "M-%d-%d" % (i, k), "type": "bulk"}} for k in range(10)])
        wires.append(wire)
    body = struct.pack(">H", len(wires)) + b"".join(struct.pack(">I", len(w)) + w for w in wires)
    status, answer = node.post(body, "application/octet-stream")
    results = json.loads(answer)["results"]
    check("many envelopes as octets", status == 200 and all(r["state"] == "committed" and r["n"] == 10 for r in results), answer[:300])
    status, answer = node.post(body[:-1], "application/octet-stream")
    check("a cut batch is refused", status == 400, answer)
    r, e = node.call("record.submit", envelopes=[base64.b64encode(w).decode() for w in wires[:3]])
    check("the same ones again through JSON give the same claims", e is None and [x["first_seq"] for x in r["results"]] == [x["first_seq"] for x in results[:3]], e or r)
    found, e = node.call("records.query", procedure="order-import", list=["type"], values=["bulk"], limit=7)
    seen, pages = len(found["entries"]), 1
    while "cursor" in found:
        found, e = node.call("records.query", procedure="order-import", list=["type"], values=["bulk"], limit=97, cursor=found["cursor"])
        seen, pages = seen + len(found["entries"]), pages + 1
    check("pages cover a list without gap", seen == 200 and pages == 3, (seen, pages))


def proofs(node, first):
    receipt, e = node.call("proof.receipt", seq=first["first_seq"])
    check("a receipt for ever: the claim is the same", e is None and receipt["claim"] == first["receipts"][0]["claim"], e or receipt)
    for parts in (False, True):
        for seq in ("0", first["first_seq"]):
            r, e = node.call("proof.receipt", seq=seq, parts=parts)
            path = node.path("receipt.json")
            open(path, "w").write(json.dumps(r, separators=(",", ":")) + "\n")
            out = node.anju("verify", "--json", "--genesis", node.path("genesis.json"), path, check=False)
            check("anju verify of entry %s, parts %s" % (seq, parts), out.returncode == 0 and json.loads(out.stdout)["verdict"] == "valid", (e, out.stdout))
    block, e = node.call("ledger.block", height=1, raw=True)
    check("ledger.block", e is None and block["header"]["height"] == "1" and len(block["certificate"]["signatures"]) == 1 and len(base64.b64decode(block["raw"])) > 188, e or block)
    start, e = node.call("ledger.checkpoint", height=0)
    check("the checkpoint of genesis", e is None and start["block"] == node.ledger.hex() and "certificate" not in start, e or start)


def whole_answers(node, subject):
    """Proofs of lists from a real node, through anju verify and through the verifier written from formats.md."""
    genesis = json.load(open(node.path("genesis.json")))
    formats.ledger[0] = hashlib.sha256(open(node.path("genesis.json"), "rb").read()).digest()
    nodes = sorted([(bytes.fromhex(n["node_key"]),) for n in genesis["nodes"]], key=lambda n: formats.H(n[0]))
    bulk = dict(procedure="order-import", list=["type"], values=["bulk"])
    state = dict(procedure="order-import", list=["state", "due_day"], values=["placed", None])
    asks = [("records.query", dict(bulk)), ("records.query", dict(bulk, limit=20, cursor="90")), ("records.query", dict(bulk, limit=5, newest_first=True, records=True, effects=True)),
            ("records.query", dict(bulk, **{"from": now(-60000), "until": now(60000)})), ("records.query", dict(bulk, now=True)), ("records.query", dict(state, count=True)),
            ("records.query", dict(bulk, values=["never seen"])), ("records.query", {"member": 1}), ("records.query", {"keys": [bulk, {"member": 1}, {"member": 2}, dict(bulk, values=["nothing"])], "limit": 3}),
            ("subject.history", {"procedure": "order", "subject": subject}), ("subject.get", {"procedure": "order", "subject": subject}),
            ("subject.get", {"procedure": "order", "subject": "00" * 16})]
    for method, params in asks:
        proof, e = node.call(method, prove=True, **params)
        name = "%s %s" % (method, json.dumps(params))
        text = json.dumps(proof, separators=(",", ":"), ensure_ascii=False) + "\n"
        path = node.path("list.json")
        open(path, "w").write(text)
        out = node.anju("verify", "--json", "--genesis", node.path("genesis.json"), path, check=False)
        check("anju verify of " + name, out.returncode == 0 and json.loads(out.stdout)["verdict"] == "valid", (e, out.stdout[:300]))
        try:
            good = list_verifier.list_is_valid(text.encode(), nodes)
        except (ValueError, KeyError) as fault:
            good = repr(fault)
        check("the other verifier of " + name, good is True, good)
        for lang in ("en", "zh"):
            out = node.anju("verify", "--explain", "--lang", lang, "--genesis", node.path("genesis.json"), path, check=False)
            check("each step in words (%s) of %s" % (lang, name), out.returncode == 0 and len(out.stdout.splitlines()) > 12, out.stdout[:200])
        bad = text.replace('"begin":"0"', '"begin":"1"', 1) if '"begin":"0"' in text else text[:-2]
        open(path, "w").write(bad)
        out = node.anju("verify", "--genesis", node.path("genesis.json"), path, check=False)
        check("a changed one is invalid: " + name, out.returncode == 1, out.stdout[:200])
    proof, e = node.call("proof.consistency", first=1)
    open(node.path("c.json"), "w").write(json.dumps(proof, separators=(",", ":")) + "\n")
    out = node.anju("verify", "--json", "--genesis", node.path("genesis.json"), node.path("c.json"), check=False)
    check("consistency between two heights", out.returncode == 0 and list_verifier.consistency_is_valid(open(node.path("c.json"), "rb").read(), nodes), (e, out.stdout))
    sizes, e = node.call("proof.consistency", **{"from": 3, "to": 40})
    check("consistency between two sizes", e is None and sizes["from"] == "3" and len(sizes["path"]) > 1, e or sizes)
    found, e = node.call("records.query", now=True, **bulk)
    check("what has a value now, by names", e is None and len(found["keys"][0]["subjects"]) == 200 and found["keys"][0]["live"] == "200", e or found)
    for params in (dict(bulk, prove=True, limit=5, **{"from": now(-60000)}), dict(bulk, now=True, count=True), dict(bulk, now=True, effects=True),
                   dict(bulk, keys=[bulk], limit=3), {"keys": [], "prove": True}, {"keys": [{"member": 0}], "prove": True}):
        found, e = node.call("records.query", **params)
        check("refused with the place: %s" % json.dumps(params), e is not None and e["code"] == -32602 and e["data"]["field"].startswith("/params"), e or found)
    found, e = node.call("records.query", procedure="order-import", list=["no"], values=["M-1-1"], now=True, prove=True)
    check("a unique leads to no list, and says so", e is not None and e["code"] == -32602 and "ask how many" in e["data"]["hint"], e or found)


def rest(node):
    members, e = node.call("member.list")
    check("member.list", e is None and [m["name"]["zh"] for m in members["members"]] == ["区政府", "物业"] and len(members["nodes"]) == 1, e or members)
    one, e = node.call("member.get", number=2)
    check("member.get", one == members["members"][1], e or one)
    names, e = node.call("procedure.list")
    check("procedure.list", e is None and [p["name"] for p in names] == ["order", "order-import"], e or names)
    order, e = node.call("procedure.get", procedure="order")
    check("procedure.get", e is None and "place" in json.dumps(order) and len(order["digest"]) == 64, e)
    status, e = node.call("node.status")
    check("node.status", e is None and status["ready"] and status["role"] == "validator" and int(status["height"]) > 5, e or status)
    check("livez", node.request(0, "GET", "/livez")[0] == 200)
    metrics = node.request(0, "GET", "/metrics")[1].decode()
    check("metrics have the height", any(l.startswith("anju_height ") for l in metrics.splitlines()), metrics[:300])
    status, _ = node.post("{}", "text/plain")
    check("another content type is refused", status == 415, status)


def main():
    node = Node()
    first, wire = orders(node)
    subject = look(node, first)
    refusals(node, subject, wire)
    many(node)
    proofs(node, first)
    whole_answers(node, subject)
    rest(node)
    check("SIGTERM ends the node with 0", node.stop(0) == 0)
    node.end()
    return check.end()


sys.exit(main())
