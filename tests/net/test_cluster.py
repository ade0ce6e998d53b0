#!/usr/bin/python3
"""Four nodes of four organisations as processes: they go on with one stopped, stand still without a fork with two, come
back from SIGKILL at random moments under load with every acknowledged record, and an audit finds what was altered.
ANJU_TEST_LONG: fifty kills instead of fifteen. SEED=n repeats the moments and victims."""
import json, os, random, signal, sys, threading, time

from network import Checks, Network, long_test, now, wait_until

check = Checks()
seed = int(os.environ.get("SEED", str(int(time.time()))))


class Client(threading.Thread):
    """Places orders, one after the other, at whatever node answers; the same envelope goes on to the next node until one
    acknowledges it."""

    def __init__(self, net, number):
        super().__init__()
        self.net, self.number, self.stopping = net, number, False
        self.acknowledged, self.faults, self.placed = {}, [], 0
        self.random = random.Random(seed * 100 + number)

    def prepare(self):
        self.placed += 1
        fields = {"occurred": now(-2000), "no": "c%d-%d" % (self.number, self.placed), "type": "lift", "grid": "g%d" % self.number,
                  "committed": ["somebody's street"]}
        while not self.stopping:
            try:
                p, wire = self.net.envelope(self.random.randrange(self.net.n), 1, [{"procedure": "order-import", "action": "place", "fields": fields}])
                if p:
                    return p["envelope"], wire
            except (OSError, ValueError):
                time.sleep(0.02)
        return None, None

    def run(self):
        while not self.stopping:
            envelope, wire = self.prepare()
            while envelope and not self.stopping:
                try:
                    r, e = self.net.submit_wire(self.random.randrange(self.net.n), wire, wait_ms=3000)
                except (OSError, ValueError):
                    time.sleep(0.02)
                    continue
                if e and e["code"] != -32005:
                    self.faults.append(e)
                    break
                if r and r["state"] == "committed":
                    self.acknowledged[envelope] = r["receipts"][0]["claim"]
                    break


def same_height(net, seconds=30):
    return wait_until(lambda: len({net.height(i) for i in range(net.n)}) == 1 and net.height(0) >= 0, seconds)


def same_results(net):
    """All nodes have the same block and result at every height."""
    top = min(net.height(i) for i in range(net.n))
    for h in range(0, top + 1):
        seen = {json.dumps([c["block"], c["result_id"]]) for c in (net.call_node(i, "ledger.checkpoint", height=h)[0] for i in range(net.n))}
        if len(seen) != 1:
            return False
    return True


def place(net, i, no, wait_ms=10000):
    p, wire = net.envelope(i, 1, [{"procedure": "order-import", "action": "place", "fields": {"occurred": now(-2000), "no": no, "type": "t"}}])
    assert p, wire
    return wire, net.submit_wire(i, wire, wait_ms=wait_ms)


def stopping(net):
    for i in range(4):
        _, (r, e) = place(net, i, "first-%d" % i)
        check("node %d takes an order" % i, e is None and r["state"] == "committed", e or r)
    net.signal(3, signal.SIGSTOP)
    for k in range(5):
        _, (r, e) = place(net, k % 3, "one-stopped-%d" % k, 20000)
        check("three nodes go on while one is stopped", e is None and r["state"] == "committed", e or r)
    net.signal(2, signal.SIGSTOP)
    before = net.height(0)
    wire, (r, e) = place(net, 0, "two-stopped", 4000)
    check("with two stopped nothing is committed", e is None and r["state"] == "pending", e or r)
    check("and no height is reached", net.height(0) in (before, before + 1) and net.height(0) == net.height(1), (before, net.height(0), net.height(1)))
    net.signal(2, signal.SIGCONT)
    r, e = net.submit_wire(0, wire, wait_ms=20000)
    check("progress resumes when one returns; the same envelope gets its receipt", e is None and r["state"] == "committed", e or r)
    net.signal(3, signal.SIGCONT)
    check("the other one catches up", same_height(net))
    check("nobody differs", same_results(net))


def killing(net, kills):
    chance = random.Random(seed)
    clients = [Client(net, i) for i in range(4)]
    for c in clients:
        c.start()
    for k in range(kills):
        time.sleep(chance.uniform(0.05, 0.8))
        victim = chance.randrange(4)
        net.kill(victim)
        time.sleep(chance.choice((0, 0.05, 0.5)))
        net.start(victim)
        if not check("node %d is back after kill %d" % (victim, k + 1), net.wait_ready(victim, seconds=40), net.log(victim)[-500:]):
            break
    for c in clients:
        c.stopping = True
    for c in clients:
        c.join()
    acknowledged = {}
    for c in clients:
        acknowledged.update(c.acknowledged)
    check("clients were served all the while", len(acknowledged) > 3 * kills, len(acknowledged))
    check("no record was refused for a wrong reason", not any(c.faults for c in clients), [c.faults[:2] for c in clients])
    check("all are at one height in the end", same_height(net), [net.height(i) for i in range(4)])
    check("nobody differs", same_results(net))
    lost = 0
    for envelope, claim in acknowledged.items():
        for i in range(4):
            r, e = net.call_node(i, "proof.receipt", envelope=envelope)
            lost += e is not None or r["claim"] != claim
    check("every one of %d acknowledged records is at all four, with the same claim" % len(acknowledged), lost == 0, lost)
    numbers = [0] * 4
    for i in range(4):
        found, _ = net.call_node(0, "records.query", procedure="order-import", list=["grid"], values=["g%d" % i], limit=500)
        numbers[i] = int(found["total"])
    check("none is there twice", all(numbers[i] <= clients[i].placed for i in range(4)), (numbers, [c.placed for c in clients]))


def audit(net, i):
    out = net.anju("audit", "--json", "--genesis", net.path("genesis.json"), net.data(i), check=False)
    return out.returncode, json.loads(out.stdout) if out.stdout else {"fault": out.stderr.decode()}


def audits(net):
    results = [audit(net, i) for i in range(4)]
    check("four audits beside running nodes are good", all(code == 0 and r["ok"] for code, r in results), results)
    for i in range(4):
        check("SIGTERM ends node %d with 0" % i, net.stop(i) == 0)
    results = [audit(net, i) for i in range(4)]
    check("four audits of stopped nodes agree on every root", len({(r["log_root"], r["map_root"], r["height"]) for _, r in results}) == 1, results)


def rebuild(net):
    before = audit(net, 0)[1]
    out = net.anju("rebuild", "--genesis", net.path("genesis.json"), net.data(0), check=False)
    check("rebuild from the truth alone", out.returncode == 0, out.stderr)
    net.start(*range(4))
    check("all start again", net.wait_ready())
    _, (r, e) = place(net, 0, "after the rebuild")
    check("and go on", e is None and r["state"] == "committed", e or r)
    check("at one height, with the same results", same_height(net) and same_results(net) and int(before["height"]) <= net.height(0))
    for i in range(4):
        net.stop(i)


def altered(net):
    """Flips one bit in one stored payload: the order's number in the text of a record."""
    path = os.path.join(net.data(1), "ledger", "data.mdb")
    data = open(path, "rb").read()
    at = data.index(b"one-stopped-3")
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(bytes([data[at] ^ 1]))
    code, r = audit(net, 1)
    check("an audit finds one altered byte of a payload and names the entry", code == 1 and not r.get("ok") and "entry" in r.get("fault", ""), (code, r))
    code, r = audit(net, 2)
    check("the other copies are good", code == 0, r)


def main():
    print("SEED=%d" % seed, flush=True)
    net = Network()
    try:
        net.start()
        check("four nodes are ready", net.wait_ready(), [net.log(i)[-300:] for i in range(4)])
        stopping(net)
        killing(net, 50 if long_test else 15)
        audits(net)
        rebuild(net)
        altered(net)
    finally:
        net.end()
    return check.end()


sys.exit(main())
