#!/usr/bin/python3
"""Complete answers over 2,000 real orders (a city's service requests, tests/data): the history of every order, every value
of every list, whole and a page of it, what is open now by provider and by grid, and 1,000 absent keys; each proof through
anju verify and through the verifier that was written from docs/formats.md, and held against the entries themselves."""
import gzip
import hashlib
import json
import sys
from collections import defaultdict

import formats
import list_verifier
from network import Checks, Network, top

check = Checks()
ORDERS, OPEN = 2000, ("placed", "dispatched", "accepted", "completed")
ATTRIBUTES = ("provider", "grid", "type")


class Ledger(Network):
    def __init__(self):
        super().__init__(1)
        self.start()
        if not self.wait_ready():
            raise SystemExit("the node is not ready: " + self.log(0))
        genesis = json.load(open(self.path("genesis.json")))
        formats.ledger[0] = hashlib.sha256(open(self.path("genesis.json"), "rb").read()).digest()
        self.nodes = sorted([(bytes.fromhex(n["node_key"]),) for n in genesis["nodes"]], key=lambda n: formats.H(n[0]))
        self.proofs = self.bytes = 0

    def load(self):
        with open(self.path("orders.csv"), "wb") as f:
            f.write(gzip.open(top + "/tests/data/boston_311_2015_sample.csv.gz").read())
        self.anju("import", "--genesis", self.path("genesis.json"), "--url", self.url(0), "--key", self.path("gov", "operator.key"), "--map",
                  top + "/tools/maps/boston.json", "--limit", str(ORDERS), "--report", self.path("report.json"), self.path("orders.csv"))

    def read(self):
        """What the entries say, one after the other: of each order its entries and its attributes now; of each value its entries."""
        self.history, self.now, self.lists = defaultdict(list), {}, defaultdict(lambda: defaultdict(list))
        cursor = 0
        while cursor is not None:
            page, e = self.call_node(0, "records.query", member=1, limit=500, cursor=str(cursor), effects=True)
            for entry in page["entries"]:
                for effect in entry.get("effects", []):
                    subject, seq = effect["subject"], int(entry["seq"])
                    before = self.now.get(subject)
                    after = dict(before or {}, state=effect["state_after"], **effect["changed"])
                    self.now[subject] = after
                    self.history[subject].append(seq)
                    for name in ATTRIBUTES:
                        for value in {v.get(name) for v in (before, after) if v is not None}:
                            self.lists[name][value].append(seq)
            cursor = page.get("cursor")

    def prove(self, name, keys, **params):
        """The proof, verified twice: the report of anju, and the file."""
        proof, e = self.call_node(0, "records.query", keys=keys, prove=True, **params)
        text = json.dumps(proof, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        open(self.path("p.json"), "wb").write(text)
        out = self.anju("verify", "--json", "--genesis", self.path("genesis.json"), self.path("p.json"), check=False)
        try:
            other = list_verifier.list_is_valid(text, self.nodes)
        except (ValueError, KeyError) as fault:
            other = repr(fault)
        check("%s: both verifiers" % name, out.returncode == 0 and other is True, (e, other, out.stdout[:300]))
        self.proofs, self.bytes = self.proofs + 1, self.bytes + len(text)
        return {json.dumps(a["key"], sort_keys=True): (a, c) for a, c in zip(json.loads(out.stdout)["answers"], proof["chains"])}


def seqs(answer):
    report, chain = answer
    first = int(report["first"]) - int(chain["begin"])
    return [int.from_bytes(bytes.fromhex(e["entry"])[4:12], "big") for e in chain["entries"][first:first + report["n"]]]


def listed(attribute, value):
    return {"procedure": "order-import", "list": [attribute], "values": [value]}


def chunks(items, size):
    return [items[i:i + size] for i in range(0, len(items), size)]


def histories(ledger):
    for part in chunks(sorted(ledger.history), 250):
        keys = [{"procedure": "order-import", "subject": s} for s in part]
        answers = ledger.prove("the histories of %d orders" % len(part), keys)
        check("they are what the entries say", all(seqs(answers[json.dumps(k, sort_keys=True)]) == ledger.history[k["subject"]] for k in keys))


def by_weight(values, most=8000):
    """Values in groups whose entries fit one proof."""
    group, weight = [], 0
    for value in sorted(values, key=lambda v: (v is not None, v)):
        if group and (weight + len(values[value]) > most or len(group) == 200):
            yield group
            group, weight = [], 0
        group.append(value)
        weight += len(values[value])
    yield group


def lists(ledger):
    for attribute in ATTRIBUTES:
        values = ledger.lists[attribute]
        for group in by_weight(values):
            keys = [listed(attribute, v) for v in group]
            whole = ledger.prove("%d whole lists by %s" % (len(group), attribute), keys)
            check("they are what the entries say (%s)" % attribute,
                  all(seqs(whole[json.dumps(listed(attribute, v), sort_keys=True)]) == values[v] for v in group))
            page = ledger.prove("a page of each by %s" % attribute, keys, limit=3, cursor="2")
            check("so are the pages (%s)" % attribute,
                  all(seqs(page[json.dumps(listed(attribute, v), sort_keys=True)]) == values[v][2:5] for v in group))


def now_open(ledger):
    for attribute in ("provider", "grid"):
        expected = defaultdict(set)
        for subject, v in ledger.now.items():
            if v["state"] in OPEN:
                expected[v.get(attribute), v["state"]].add(subject)
        values = sorted(ledger.lists[attribute], key=lambda v: (v is not None, v))
        for part in chunks([(v, s) for v in values for s in OPEN], 500):
            keys = [{"procedure": "order-import", "list": [attribute, "state"], "values": [v, s]} for v, s in part]
            answers = ledger.prove("what is open now by %s" % attribute, keys, now=True)
            check("they are what the entries say (%s)" % attribute, all(
                {s["subject"] for s in answers[json.dumps(k, sort_keys=True)][1]["subjects"]} == expected[tuple(k["values"])] for k in keys))


def main():
    ledger = Ledger()
    ledger.load()
    ledger.read()
    check("the orders are there", len(ledger.history) == ORDERS, len(ledger.history))
    check("some are open, some are not", 0 < sum(v["state"] in OPEN for v in ledger.now.values()) < ORDERS)
    histories(ledger)
    lists(ledger)
    now_open(ledger)
    keys = [listed(ATTRIBUTES[i % 3], "nobody %d" % i) for i in range(500)]
    keys += [{"procedure": "order-import", "subject": hashlib.sha256(b"%d" % i).hexdigest()[:32]} for i in range(500)]
    answers = ledger.prove("1,000 absent keys", keys)
    check("none of them is there", len(answers) == 1000 and not any(a["present"] for a, _ in answers.values()))
    print("%d proofs, %d bytes as JSON" % (ledger.proofs, ledger.bytes))
    ledger.end()
    return check.end()


sys.exit(main())
