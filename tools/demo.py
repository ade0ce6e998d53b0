#!/usr/bin/python3
"""The demo (make demo): see demo.sh. It stands on tests/net/cluster.py and does everything through `anju`, as a
person would."""
import gzip
import json
import os
import signal
import subprocess
import sys
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "net"))
sys.dont_write_bytecode = True
from cluster import ANJU, MEMBERS, Cluster, Failed, anju, anju_json  # noqa: E402

SAMPLE = os.path.join(TOP, "tests/data/boston_311_2015_sample.csv.gz")
MAP = os.path.join(TOP, "tools/maps/boston.json")
GOV, FIRM, CARE, AUDIT = range(4)
VICTIM = FIRM  # the node that is killed


def say(text):
    print(text, file=sys.stderr, flush=True)


def step(text):
    say("== " + text)


def clock(seconds=0):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + seconds))


class Import:
    """`anju import` as a process of its own, so that a node can be killed while it works."""
    def __init__(self, net, orders, file):
        plan = anju_json("import", "--dry-run", "--genesis", net.genesis, "--map", MAP, "--limit", orders, file, "--report", net.path("rows.json"))
        if plan["orders"] < orders:
            say("   the sample has %d orders that can be imported" % plan["orders"])
        self.records = plan["records"]
        # A small import is cut into small pieces, so that it has a middle.
        small = plan["records"] < 10000
        size = max(1, min(100, plan["records"] // 20))
        self.process = subprocess.Popen(
            [ANJU, "import", "--genesis", net.genesis, "--key", net.key(GOV), "--map", MAP, "--limit", str(orders), "--envelope", str(size),
             "--senders", "1" if small else "4", "--per-request", "1" if small else "4", "--report", net.path("rows.json"), "--json", file, *net.urls()],
            stdout=subprocess.PIPE, stderr=None if sys.stderr.isatty() else subprocess.PIPE, text=True)

    def running(self):
        return self.process.poll() is None

    def finish(self):
        out, err = self.process.communicate(timeout=900)
        if self.process.returncode != 0:
            raise Failed("anju import: exit code %d: %s" % (self.process.returncode, err or ""))
        return json.loads(out)


def kill_in_the_middle(net, work, before):
    """Kills a node when a fifth of the records is there; true where the import was at work before and after."""
    while work.running():
        status = net.call(GOV, "node.status", timeout=5)
        if status and int(status["log_size"]) - before >= max(1, work.records // 5):
            break
        time.sleep(0.005)
    net.kill(VICTIM)
    in_the_middle = work.running()
    say("   %s's node gets SIGKILL at block %s" % (MEMBERS[VICTIM][1], net.height(GOV)))
    time.sleep(1)
    net.start(VICTIM)
    say("   and is started again a second later")
    return in_the_middle


def rejoined(net):
    """The killed node is ready again and has what the others have."""
    return net.ready(VICTIM, 60) and net.level(60) is not None


class LiveOrder:
    """One order from placing to the resident's confirmation; each record is signed by who does it."""
    def __init__(self, net):
        self.net = net
        codes = [anju_json("code", "new", "--genesis", net.genesis)]
        self.subject = codes[0]["subject"]
        codes.append(anju_json("code", "new", "--genesis", net.genesis, "--subject", self.subject, "--purpose", "rate"))
        self.confirm, self.rate = codes
        self.records, self.ms, self.height = 0, [], 0

    def act(self, who, action, code=None, **fields):
        record = self.net.path("live-%s.json" % action)
        with open(record, "w") as f:
            json.dump({"procedure": "order", "action": action, "subject": self.subject, "fields": fields}, f)
        self.receipt = self.net.path("receipt-%s.json" % action)
        # Who acts asks the own node, which may be a moment behind the one that answered the act before.
        if not self.net.reaches(who, self.height, 30):
            raise Failed("%s's node does not reach block %d" % (MEMBERS[who][1], self.height))
        began = time.time()
        done = anju_json("submit", "--genesis", self.net.genesis, "--key", self.net.key(who), "--receipt", self.receipt,
                         *(("--code", code) if code else ()), *self.net.urls(who), record)
        self.ms.append((time.time() - began) * 1000)
        self.records += 1
        self.height = int(done["height"])
        self.seq = int(done["first_seq"])
        say("   %-9s %-20s entry %d, block %s" % (action, MEMBERS[who][1], self.seq, done["height"]))

    def run(self):
        self.act(GOV, "place", self.confirm["code"], no="LIVE-1", type="elder care: help in the household", subject="help wanted",
                 address="Building 5, flat 302", contact="13900000000", grid="110101001001001", urgency="3", channel="hotline",
                 confirm=self.confirm["key"], rate=self.rate["key"])
        self.act(GOV, "dispatch", provider=CARE + 1, duty="care catalogue 2.1", due=clock(86400))
        self.act(CARE, "accept", eta=clock(3600), handler="worker 7")
        self.act(CARE, "contact", at=clock(-1), how="phone")
        self.act(CARE, "schedule", slot=clock(1800))
        self.act(CARE, "start", self.confirm["code"], how="code")
        self.act(CARE, "complete", result="resolved", begin=clock(-60), end=clock(), staff="worker 7", note="done as agreed")
        self.act(GOV, "confirm", self.confirm["code"], solved=True)
        return anju_json("get", "--genesis", self.net.genesis, "order", self.subject)["state"]


def audit_all(net):
    """The four audits; again where the nodes stood at different heights (an idle network makes a block a minute)."""
    for _ in range(5):
        net.level(30)
        audits = [net.audit(i) for i in range(4)]
        if len({a["height"] for a in audits}) == 1:
            break
    return audits


def check_receipt(net, live):
    """A receipt fetched from the auditor's node, checked offline by a process that has it and the genesis document."""
    file = net.path("receipt.json")
    p = anju("receipt", "--genesis", net.genesis, "--url", net.url(AUDIT), "--parts", "--out", file, live.seq)
    if p.returncode != 0:
        raise Failed(p.stderr)
    for one in (file, live.receipt):
        p = anju("verify", "--genesis", net.genesis, one)
        say("   " + (p.stdout.replace("\n", "\n   ").rstrip() if one == file else p.stdout.split("\n")[0]))
        if p.returncode != 0:
            return "invalid"
    return "valid"


def table(rows):
    for name, value in rows:
        say("  %-22s %s" % (name, value))


def keep(net):
    pids = [str(p.pid) for p in net.process]
    g = "%s" % os.path.relpath(ANJU)
    say("\nThe network is running: %s\nTry:" % net.url(GOV))
    say("  %s status --genesis %s" % (g, net.genesis))
    say("  %s query --genesis %s --procedure order-import --list grid=Roxbury --newest-first" % (g, net.genesis))
    say("  %s audit --genesis %s %s" % (g, net.genesis, net.data(AUDIT)))
    say("It ends with: kill %s; rm -r %s" % (" ".join(pids), net.dir))


def run(net, orders, out):
    step("four nodes start in " + net.dir)
    net.start()
    if not all(net.ready(i, 60) for i in range(4)):
        raise Failed("the nodes are not ready: " + net.log(GOV)[-600:])
    before = int(net.call(GOV, "node.status")["log_size"])
    file = net.path("boston.csv")
    with gzip.open(SAMPLE) as packed, open(file, "wb") as f:
        f.write(packed.read())

    step("service requests of the City of Boston are imported")
    work = Import(net, orders, file)
    killed = kill_in_the_middle(net, work, before)
    imported = work.finish()
    out["orders"] = imported["orders"]
    out["records_per_second"], out["finality_ms_p50"] = imported["records_per_second"], imported["finality_ms_p50"]
    out["killed_and_rejoined"] = killed and rejoined(net)
    if not killed:
        say("   the import was over before the node was killed")

    step("one live order, from placing to the resident's confirmation with a one-time code")
    live = LiveOrder(net)
    out["live_order"] = live.run()

    step("four audits: every payload, signature and certificate, every record executed again")
    audits = audit_all(net)
    out["records"], out["blocks"] = audits[0]["entries"] - before, audits[0]["height"]
    complete = out["records"] == imported["records"] + live.records and all(a["ok"] for a in audits)
    out["audit"] = "ok" if complete else "failed"
    out["same_roots"] = len({(a["height"], a["log_root"], a["map_root"]) for a in audits}) == 1

    step("a receipt, checked offline")
    out["receipt"] = check_receipt(net, live)
    say("")
    table([("nodes", "4, of " + ", ".join(m[1] for m in MEMBERS)), ("orders imported", out["orders"]),
           ("rows not imported", "%d (%s)" % (imported["not_imported"], ", ".join("%s: %d" % r for r in imported["reasons"].items()) or "none")),
           ("records", out["records"]), ("blocks", out["blocks"]), ("log root", audits[0]["log_root"]), ("map root", audits[0]["map_root"]),
           ("records a second", out["records_per_second"]), ("finality", "%d ms under load (half of the envelopes), %d ms a live record with `anju submit`"
                                                             % (out["finality_ms_p50"], sorted(live.ms)[len(live.ms) // 2]))])


def holds(out, orders):
    return (out["orders"] > 0 and out["orders"] <= orders and out["killed_and_rejoined"] is True and out["same_roots"] is True
            and out["live_order"] == "closed" and out["audit"] == "ok" and out["receipt"] == "valid" and out["records_per_second"] > 0)


def main():
    orders = os.environ.get("ORDERS") or "5000"
    if not orders.isdigit() or int(orders) < 1:
        say("demo: ORDERS=%s: must be a number from 1" % orders)
        return 2
    wants_keep = os.environ.pop("KEEP", "") not in ("", "0")
    out = {"orders": 0, "records": 0, "blocks": 0, "nodes": 4, "killed_and_rejoined": False, "same_roots": False, "live_order": "not placed",
           "audit": "not done", "receipt": "not checked", "records_per_second": 0, "finality_ms_p50": 0}
    net, good = None, False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        net = Cluster()
        run(net, int(orders), out)
        good = holds(out, int(orders))
        if wants_keep and good:
            keep(net)
    except (Failed, OSError, subprocess.TimeoutExpired, KeyError, ValueError) as e:
        say("demo: %s" % e)
    finally:
        if net is not None and not (wants_keep and good):
            net.end()
    if not good:
        say("demo: something does not hold, see above")
    print(json.dumps(out, separators=(",", ":")), flush=True)
    return 0 if good else 1


sys.exit(main())
