#!/usr/bin/python3
"""anju as a person meets it: what each command says to wrong input, that nothing is left half done, and that a submission
that was interrupted can be repeated. Commands that need no node first, then those that ask four nodes."""
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from cluster import ANJU, MEMBERS, TOP, Checks, Cluster, anju, anju_json

check = Checks()
COMMANDS = ["keys", "genesis", "code", "submit", "get", "history", "query", "receipt", "verify", "audit", "import", "status", "members", "procedure", "rebuild"]


def refused(what, args, code, words, **more):
    """The exit code, the words on standard error, and nothing on standard output."""
    p = anju(*args, **more)
    check(what, p.returncode == code and words in p.stderr and p.stdout == "", (p.returncode, p.stderr, p.stdout))


def usage():
    p = anju("--help")
    check("--help names every command", p.returncode == 0 and all("\n  %s " % c in p.stdout for c in COMMANDS), p.stdout)
    for c in COMMANDS:
        p = anju(c, "--help")
        check("%s --help shows an example" % c, p.returncode == 0 and "\nexample:\n  " in p.stdout and "anju %s" % c in p.stdout and p.stderr == "", p.stdout + p.stderr)
        refused("%s with an unknown flag" % c, [c, "--no-such-flag"], 2, "'--no-such-flag'")
    refused("no command", [], 2, "usage: anju COMMAND")
    refused("an unknown command", ["frobnicate"], 2, "unknown command 'frobnicate'")
    table = [
        ("a missing argument", ["get"], 2, "an argument is missing"),
        ("an argument too many", ["status", "all"], 2, "one argument too many: 'all'"),
        ("a flag without its value", ["audit", "data", "--genesis"], 2, "a value is missing after '--genesis'"),
        ("a value for a flag that has none", ["import", "--dry-run=yes", "x.csv"], 2, "takes no value"),
        ("keys: another action", ["keys", "old", "x"], 2, "the only action is new"),
        ("genesis: another action", ["genesis", "make", "x"], 2, "use create"),
        ("code: a subject that is none", ["code", "new", "--subject", "12"], 2, "32 lower-case hexadecimal digits"),
        ("code: a purpose that is none", ["code", "new", "--purpose", "open"], 2, "confirm or rate"),
        ("query: nothing asked", ["query"], 2, "give one of --member, --subject and --list"),
        ("query: a list without values", ["query", "--procedure", "order", "--list", "grid"], 2, "NAME=VALUE"),
        ("query: a limit that is none", ["query", "--member", "1", "--limit", "all"], 2, "--limit all"),
        ("query: a member that is none", ["query", "--member", "one"], 2, "must be a number"),
        ("submit: no time at all", ["submit", "--wait", "0", "x.json"], 2, "--wait 0"),
        ("submit: valid for too long", ["submit", "--valid", "86401", "x.json"], 2, "from 1 to 86400"),
        ("a genesis that is not there", ["status", "--genesis", "nowhere.json"], 3, "nowhere.json: No such file"),
        ("verify: a genesis that is not there", ["verify", "--genesis", "nowhere.json", "r.json"], 2, "cannot tell: nowhere.json"),
    ]
    for what, args, code, words in table:
        refused(what, args, code, words)


def new_member(d, name, *more):
    return anju("keys", "new", "--name-en", name, "--name-zh", "成员", "--kind", "agency", "--roles", "provider", *more, os.path.join(d, name))


def keys(d):
    node = ["--peer", "127.0.0.1:7001", "--rpc", "127.0.0.1:7002"]
    p = new_member(d, "one", "--approver", *node)
    folder = os.path.join(d, "one")
    member = json.load(open(os.path.join(folder, "member.json")))
    check("keys new prints the public member file", p.returncode == 0 and json.loads(p.stdout) == member and member["kind"] == "agency", p.stdout + p.stderr)
    modes = {f: stat.S_IMODE(os.stat(os.path.join(folder, f)).st_mode) for f in os.listdir(folder)}
    secrets = {"operator.key", "approver.key", "node.key", "log.key", "cosign.key", "tls.key"}
    check("secrets are for their owner alone", set(modes) == secrets | {"tls.crt", "member.json"} and all(modes[f] == 0o600 for f in secrets), modes)
    text = open(os.path.join(folder, "member.json")).read()
    check("no secret is in the member file", not any(open(os.path.join(folder, f)).read().strip() in text for f in secrets - {"tls.key"}))
    before = {f: open(os.path.join(folder, f)).read() for f in modes}
    p = new_member(d, "one", *node)
    check("keys are never overwritten", p.returncode == 3 and "is there already" in p.stderr and before == {f: open(os.path.join(folder, f)).read() for f in os.listdir(folder)}, p.stderr)
    os.makedirs(os.path.join(d, "half"))
    open(os.path.join(d, "half", "node.key"), "w").close()
    p = new_member(d, "half", *node)
    check("nor is half a set made beside one that is there", p.returncode == 3 and os.listdir(os.path.join(d, "half")) == ["node.key"], p.stderr)
    bad = os.path.join(d, "bad")
    for what, args, code, words in [
            ("an unknown kind", ["--name-en", "X", "--name-zh", "某", "--kind", "king", bad], 1, "/kind"),
            ("an unknown role", ["--name-en", "X", "--name-zh", "某", "--roles", "provider,wizard", bad], 1, "wizard"),
            ("a role twice", ["--name-en", "X", "--name-zh", "某", "--roles", "provider,provider", bad], 1, "stands twice"),
            ("no name", ["--roles", "provider", bad], 1, "/name"),
            ("an address that is none", ["--name-en", "X", "--name-zh", "某", "--peer", "here", "--rpc", "127.0.0.1:1", bad], 1, "/node/peer"),
            ("a node without rpc", ["--name-en", "X", "--name-zh", "某", "--peer", "127.0.0.1:1", bad], 2, "both --peer and --rpc"),
            ("a folder that can't be", ["--name-en", "X", "--name-zh", "某", "--roles", "provider", os.path.join(d, "one", "member.json", "x")], 3, "member.json/x")]:
        refused("keys new: " + what, ["keys", "new", *args], code, words)
    check("a refused keys new leaves nothing", not os.path.exists(bad), bad)


def create(net, out, *more, members=None):
    return ["genesis", "create", "--origin", "anju.example/cli", "--procedures", net.path("order.bin"), "--calendars",
            os.path.join(TOP, "ledger/procedures/calendar.json"), "--codes", os.path.join(TOP, "ledger/procedures/codes.json"), "--out", out, *more,
            *(members if members is not None else [net.path(m[0], "member.json") for m in MEMBERS])]


def genesis(d, net):
    out = os.path.join(d, "g.json")
    member = [net.path(m[0], "member.json") for m in MEMBERS]
    changed = os.path.join(d, "changed.json")
    broken = os.path.join(d, "broken.json")
    with open(changed, "w") as f:
        json.dump({**json.load(open(member[1])), "colour": "red"}, f)
    open(broken, "w").write("{")
    for what, args, code, words in [
            ("a member file that is not there", create(net, out, members=member[:3] + ["nowhere.json"]), 3, "nowhere.json"),
            ("a member file with an unknown member", create(net, out, members=member[:3] + [changed]), 3, "colour"),
            ("a member file that is no JSON", create(net, out, members=member[:3] + [broken]), 3, "broken.json"),
            ("a member twice", create(net, out, members=member + member[:1]), 1, ""),
            ("three validators", create(net, out, members=member[:3]), 1, "4"),
            ("no center", create(net, out, members=member[1:] + [os.path.join(d, "one", "member.json")]), 1, "center"),
            ("a procedure that is none", create(net, out, "--procedures", broken), 1, "procedure"),
            ("a code list that is none", create(net, out, "--codes", broken), 1, ""),
            ("a time that is none", create(net, out, "--created", "yesterday"), 3, "yesterday"),
            ("an origin with a scheme", create(net, out, "--origin", "https://x"), 1, "origin")]:
        refused("genesis create: " + what, args, code, words)
    check("a refused genesis leaves no file", sorted(f for f in os.listdir(d) if f.startswith("g.json")) == [], os.listdir(d))
    at = ["--created", "2026-01-02T03:04:05.678Z"]
    one, two = anju(*create(net, out, *at)), anju(*create(net, out + "2", *at))
    check("the same parts give the same bytes", one.returncode == 0 and open(out).read() == open(out + "2").read(), one.stderr + two.stderr)
    refused("a genesis is never overwritten", create(net, out, "--created", "2026-01-02T03:04:05.679Z"), 3, "is there already")
    ledger = hashlib.sha256(open(out, "rb").read()).hexdigest()
    check("the ledger id is the file's SHA-256", anju_json("genesis", "check", out)["ledger"] == ledger)
    p = anju("genesis", "check", out)
    check("people see who is in it", p.returncode == 0 and ledger in p.stderr and all(m[1] in p.stdout and m[2] in p.stdout for m in MEMBERS), p.stdout + p.stderr)
    data = bytearray(open(out, "rb").read())
    data[len(data) // 2] ^= 1
    open(out, "wb").write(data)
    p = anju("genesis", "check", out, "--json")
    check("a changed genesis is refused or another ledger", p.returncode == 1 or json.loads(p.stdout)["ledger"] != ledger, p.stdout + p.stderr)


def record(net, name, value):
    with open(net.path(name), "w") as f:
        f.write(value if isinstance(value, str) else json.dumps(value))
    return net.path(name)


def supervise(subject, **fields):
    due = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 3600))
    return {"procedure": "order", "action": "supervise", "subject": subject, "fields": {"reason": "late", "note": "n", "due": due, **fields}}


def imported(no, **fields):
    return {"procedure": "order-import", "action": "place", "fields": {"occurred": "2026-01-02T03:04:05.678Z", "no": no, "type": "street light", **fields}}


def key_files(net):
    good = open(net.key(0)).read()
    def made(name, text, mode=0o600):
        path = net.path(name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path
    file = record(net, "r.json", imported("K-1"))
    base = ["submit", "--genesis", net.genesis, file, "--wait", "1", "--key"]
    for what, path, words in [
            ("that is not there", net.path("nowhere.key"), "nowhere.key"),
            ("that others may read", made("open.key", good, 0o644), "chmod 600"),
            ("that is empty", made("empty.key", ""), "not a key file"),
            ("without its line end", made("cut.key", good.strip()), "not a key file"),
            ("in capitals", made("capitals.key", "A" * 64 + "\n"), "not a secret key"),
            ("of zeros", made("zero.key", "0" * 64 + "\n"), "not a secret key"),
            ("above the order of the curve", made("high.key", "f" * 64 + "\n"), "not a secret key"),
            ("of another ledger", made("other.key", "1" * 64 + "\n"), "no such key"),
            ("of a node", net.path(MEMBERS[0][0], "node.key"), "signs no records")]:
        refused("a key " + what, base + [path], 3, words)
    refused("a key of another member", base + [net.key(0), "--member", "3"], 3, "not of member 3")
    refused("a member that is none", base + [net.key(0), "--member", "gov"], 3, "--member gov")
    refused("an address that is none", base + [net.key(0), "--url", "http://127.0.0.1:1"], 3, "https://HOST:PORT")


def without_nodes(net):
    """Nothing answers: exit code 3; what was signed is kept and sent again by the same command."""
    file, receipt = record(net, "kept.json", imported("KEPT-1", committed=["a street"])), net.path("kept.receipt")
    args = ["submit", "--genesis", net.genesis, "--key", net.key(0), "--receipt", receipt, "--wait", "1", file]
    p = anju(*args)
    kept = json.load(open(receipt + ".envelope"))
    check("no node: not known, and how to go on", p.returncode == 3 and "run the same command again" in p.stderr and not os.path.exists(receipt), p.stderr)
    check("private values and what was signed are for their owner", all(stat.S_IMODE(os.stat(receipt + x).st_mode) == 0o600 for x in (".envelope", ".private")))
    other = record(net, "other.json", imported("OTHER-1"))
    refused("other records under the same receipt", args[:-1] + [other], 1, "its fate is not known")
    p = anju("status", "--genesis", net.genesis)
    check("status: no node answers", p.returncode == 1 and p.stdout.count("no answer") == 4, p.stdout)
    refused("a question that nobody answers", ["get", "--genesis", net.genesis, "0"], 3, "is the node running")
    return args, receipt, kept


def interrupted(net, args, receipt, kept):
    out = anju_json(*args)
    check("the same command sends the envelope that was kept", out["state"] == "committed" and out["envelope"] == kept["envelope"]
          and not os.path.exists(receipt + ".envelope") and os.path.exists(receipt), out)
    private = json.load(open(receipt + ".private"))
    check("the private file belongs to it", private["envelope"] == kept["envelope"] and private["records"][0]["fields"]["committed"][0]["value"] == "a street", private)
    refused("a receipt is never overwritten", args, 3, "nothing was sent")
    p = anju("verify", "--genesis", net.genesis, receipt)
    check("the receipt is valid", p.returncode == 0 and p.stdout.startswith("valid"), p.stdout + p.stderr)
    return out


def records(net, first):
    submit = ["submit", "--genesis", net.genesis, "--key", net.key(0)]
    subject = first["subjects"][0]
    log_size = lambda: net.call(0, "node.status")["log_size"]
    before = log_size()
    lapsed = {"procedure": "order-import", "action": "accept", "subject": subject, "fields": {"occurred": "2026-01-03T03:04:05.678Z"}}
    table = [  # what, input, exit code, words
        ("no JSON", "{", 1, "bad.json"),
        ("a key twice", '{"procedure":"order","procedure":"order"}', 1, "bad.json"),
        ("an empty array", [], 1, "no record"),
        ("1,001 records", [imported("N-%d" % i) for i in range(1001)], 1, "1000"),
        ("an unknown procedure", dict(imported("N"), procedure="nosuch"), 1, "/procedure: there is no such procedure"),
        ("an unknown action", dict(imported("N"), action="fly"), 1, "has no such action"),
        ("an unknown field", imported("N", colour="red"), 1, "colour"),
        ("a field of another type", imported(7), 1, "/fields/no"),
        ("a time that is none", imported("N", occurred="yesterday"), 1, "/fields/occurred"),
        ("a field that is missing", {"procedure": "order-import", "action": "place", "fields": {"no": "N"}}, 1, "field_missing"),
        ("a text that is too long", imported("N" * 65), 1, "at most 64"),
        ("a time that has not come", imported("N", occurred="2099-01-01T00:00:00.000Z"), 1, "in_the_future"),
        ("a number that is taken", imported("KEPT-1"), 1, "unique"),
        ("a subject that is not there", dict(lapsed, subject="00" * 16), 1, "no such subject"),
        ("an action from another state", lapsed, 1, "does not start from state placed"),
        ("a stale version", dict(lapsed, action="dispatch", expected_version="7"), 1, "version_stale"),
        ("an action without its subject", {"procedure": "order-import", "action": "accept", "fields": {}}, 1, "subject"),
        ("a record of 65 KiB", imported("N", committed=["x"] * 16, type="t" * 66560), 1, ""),
    ]
    for what, value, code, words in table:
        refused("submit: " + what, submit + [record(net, "bad.json", value)], code, words)
    p = anju(*submit, "--json", record(net, "bad.json", dict(lapsed, action="dispatch", expected_version="7")))
    data = json.loads(p.stdout)["error"]["data"] if p.stdout else {}
    check("a refusal for programs names clause and version", p.returncode == 1 and data.get("outcome_name") == "version_stale" and data.get("current_version") == "1", p.stdout)
    p = anju(*submit[:3], "--key", net.key(2), record(net, "care.json", imported("CARE-1")))
    check("a member that may not is told who may", p.returncode == 1 and "actor" in p.stderr, p.stderr)
    refused("a code that is none", submit + ["--code", "12345", record(net, "bad.json", imported("N"))], 1, "one-time code")
    refused("a code of another order", submit + ["--code", "0" * 20, record(net, "bad.json", imported("N"))], 1, "not one of this order's")
    check("what was refused at once made no entry", log_size() == before, (before, log_size()))
    refused("submit: the second record of two", submit + [record(net, "bad.json", [imported("N-1"), imported("N-1")])], 1, "unique")
    check("what only the execution finds is an entry too: the refusal can be proved", anju_json("get", "--genesis", net.genesis, before)["outcome_name"] == "unique"
          and log_size() == str(int(before) + 1), log_size())
    out = anju_json(*submit, "--receipt", net.path("two.receipt"), record(net, "two.json", [imported("T-1"), {
        "procedure": "order-import", "action": "dispatch", "subject": subject, "fields": {"occurred": "2026-01-04T00:00:00.000Z", "provider": "Lights"}}]))
    check("two records take effect together, with a receipt each", out["n"] == 2 and os.path.exists(net.path("two.receipt.0")) and os.path.exists(net.path("two.receipt.1")), out)
    p = subprocess.run([ANJU, *submit, "--json", "-"],
                       input=json.dumps(imported("STDIN-1")), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check("a record from standard input", p.returncode == 0 and json.loads(p.stdout)["state"] == "committed", p.stderr)
    return subject


def questions(net, subject):
    g = ["--genesis", net.genesis]
    got = anju_json("get", *g, "order-import", subject)
    check("get: a subject as it is now", got["state"] == "dispatched" and got["version"] == "2" and got["attributes"]["provider"] == "Lights", got)
    p = anju("get", *g, "order-import", subject)
    check("get: for people", p.returncode == 0 and "dispatched" in p.stdout and "Lights" in p.stdout, p.stdout)
    page = anju_json("history", *g, "order-import", subject)
    check("history: everything that happened", [e["record"]["action"] for e in page["entries"]] == ["place", "dispatch"], page)
    p = anju("history", *g, "--newest-first", "--limit", "1", "order-import", subject)
    check("history: a page for people, and where the next begins", "dispatch" in p.stdout and "1 of 2 entries; the next page: --cursor 1" in p.stderr, p.stdout + p.stderr)
    p = anju("history", *g, "--newest-first", "--limit", "1", "--cursor", "1", "order-import", subject)
    check("history: the next page", " place " in p.stdout and "cursor" not in p.stderr, p.stdout + p.stderr)
    page = anju_json("query", *g, "--procedure", "order-import", "--list", "provider=Lights", "--effects")
    check("query: a list", [e["record"]["subject"] for e in page["entries"]] == [subject] and page["entries"][0]["effects"][0]["state_after"] == "dispatched", page)
    page = anju_json("query", *g, "--member", "1")
    check("query: a member", page["total"] == "5" and [e["kind"] for e in page["entries"]].count("refusal") == 1, page["total"])
    check("query: no such value", anju_json("query", *g, "--procedure", "order-import", "--list", "provider=Nobody")["entries"] == [])
    for what, args, words in [
            ("an unknown list", ["query", *g, "--procedure", "order-import", "--list", "colour=red"], "no list index"),
            ("an unknown procedure", ["query", *g, "--procedure", "x", "--list", "colour=red"], "no such procedure"),
            ("an unknown subject", ["get", *g, "order-import", "00" * 16], "no such subject"),
            ("a subject that is none", ["get", *g, "order-import", "xyz"], "subject"),
            ("an entry that is not there", ["get", *g, "1000000"], "no such entry"),
            ("an envelope that is not there", ["get", *g, "00" * 32], "no such entry"),
            ("the receipt of one", ["receipt", *g, "1000000"], "no such entry")]:
        refused("a question about " + what, args, 1, words)
    p = anju("members", *g)
    check("members: who is on the ledger", p.returncode == 0 and all(m[1] in p.stdout for m in MEMBERS), p.stdout)
    p = anju("status", *g)
    check("status: four nodes are ready", p.returncode == 0 and p.stdout.count(" ready ") == 4, p.stdout)
    net.kill(3)
    p = anju("status", *g, "--json")
    check("status: exit code 1 where one is down", p.returncode == 1 and [n["ready"] for n in json.loads(p.stdout)].count(False) == 1, p.stdout)
    p = anju("get", *g, "--url", net.url(3), "--url", net.url(1), "0")
    check("the next node is asked where one does not answer", p.returncode == 0, p.stderr)
    net.start(3)


def receipts(net, d):
    g = ["--genesis", net.genesis]
    last = int(net.call(0, "node.status")["log_size"]) - 1
    p = anju("receipt", *g, last)
    file = net.path("r1.receipt")
    open(file, "w").write(p.stdout)
    check("receipt: standard output is what verify takes", anju("verify", *g, file).returncode == 0 and p.stdout.endswith("}\n"), p.stderr)
    check("receipt: with all parts, into a file", anju("receipt", *g, "--parts", "--out", file + "2", last).returncode == 0 and anju("verify", *g, file + "2").returncode == 0)
    report = anju_json("verify", *g, file + "2")
    check("verify: for programs", report["seq"] == str(last) and "genesis" in report["trust"], report)
    open(file + "3", "w").write(p.stdout.rstrip("\n"))
    p = anju("verify", *g, file + "3")
    check("verify: without its line end it is another file", p.returncode == 1 and p.stdout.startswith("invalid"), p.stdout)
    other = os.path.join(d, "g.json2")
    p = anju("verify", "--genesis", other, file)
    check("verify: by another ledger's genesis", p.returncode in (1, 2) and not p.stdout.startswith("valid"), p.stdout)
    check("verify: a receipt that is not there", anju("verify", *g, "nowhere.json").returncode == 2)
    check("verify: something else", anju("verify", *g, net.genesis).returncode == 1)


def other_ledger(net):
    """A client of another ledger does not even talk to this node: its TLS key is pinned."""
    wrong = json.load(open(net.genesis))
    for i, n in enumerate(wrong["nodes"]):
        n["tls_spki"] = "a%d" % i * 32
    path = net.path("wrong-tls.json")
    json.dump(wrong, open(path, "w"))
    refused("a node whose TLS key is not in genesis", ["get", "--genesis", path, "--url", net.url(0), "0"], 3, "TLS key is none of the nodes'")


def copies(net, d):
    g = ["--genesis", net.genesis]
    check("all nodes have one result", net.ready(3) and net.level() is not None)
    running = net.audit(0)
    check("audit: a node that runs", running["ok"], running)
    p = anju("rebuild", *g, net.data(0))
    check("rebuild: not while the node runs", p.returncode != 0 and len(p.stderr) > 20 and net.height(0) is not None, (p.returncode, p.stderr))
    code, seconds = net.stop(0)
    check("SIGTERM: exit code 0 in seconds", code == 0 and seconds < 8, (code, seconds))
    stopped = net.audit(0)
    check("audit: the same node stopped", (stopped["log_root"], stopped["map_root"]) == (running["log_root"], running["map_root"]) or stopped["height"] > running["height"], stopped)
    check("rebuild: from the truth alone, the same roots", anju_json("rebuild", *g, net.data(0))["ok"])
    again = net.audit(0)
    check("audit: after the rebuild", (again["log_root"], again["map_root"]) == (stopped["log_root"], stopped["map_root"]), again)
    refused("audit: a folder without a ledger", ["audit", *g, d], 3, "")
    refused("audit: a folder that is not there", ["audit", *g, "nowhere"], 3, "nowhere")
    refused("rebuild: a folder without a ledger", ["rebuild", *g, d], 3, "no ledger in this directory")
    p = anju("audit", "--genesis", os.path.join(d, "g.json2"), net.data(0))
    check("audit: the copy of another ledger", p.returncode == 3 and "ledger" in p.stderr, (p.returncode, p.stderr))
    net.start(0)
    check("the node comes back", net.ready(0) and net.level() is not None)


def main():
    d = tempfile.mkdtemp(prefix="anju-cli-")
    net = Cluster()
    try:
        usage()
        keys(d)
        genesis(d, net)
        key_files(net)
        args, receipt, kept = without_nodes(net)
        net.start()
        check("four nodes are ready", all(net.ready(i) for i in range(4)))
        first = interrupted(net, args, receipt, kept)
        subject = records(net, first)
        questions(net, subject)
        receipts(net, d)
        other_ledger(net)
        copies(net, d)
    finally:
        net.end()
        shutil.rmtree(d, ignore_errors=True)
    return check.done()


sys.exit(main())
