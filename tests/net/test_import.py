#!/usr/bin/python3
"""anju import: which rows can't be imported and why; what becomes of the others on four nodes; interruptions, a node's death
and repetitions make neither a gap nor a duplicate."""
import gzip
import hashlib
import hmac
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from cluster import ANJU, TOP, Checks, Cluster, Failed, anju, anju_json

check = Checks()
DATA = os.path.join(TOP, "tests/data")
SHARED = os.path.join(TOP, "../shared/data")
BAD, BAD_MAP = os.path.join(DATA, "import_bad_rows.csv"), os.path.join(DATA, "import_bad_rows.map.json")
BOSTON_MAP = os.path.join(TOP, "tools/maps/boston.json")

BAD_ROWS = [  # line, reason
    (8, "no_id"), (9, "no_id"), (10, "duplicate_id"), (11, "bad_date"), (12, "bad_date"), (13, "missing_hour"), (15, "no_date"),
    (16, "closed_before_placed"), (17, "bad_date"), (18, "bad_date"), (19, "in_the_future"), (20, "in_the_future"), (21, "unknown_status"),
    (22, "unknown_status"), (23, "no_type"), (24, "refused_by_map"), (25, "refused_by_map"), (27, "refused_by_map"), (28, "refused_by_map"),
    (29, "too_long"), (30, "too_long"), (31, "too_long"), (32, "too_long"), (33, "columns"), (34, "columns"), (35, "not_utf8"), (36, "not_utf8"),
    (37, "malformed"), (38, "malformed"), (39, "malformed"), (45, "bad_date"), (47, "duplicate_id"), (50, "bad_date"), (52, "malformed")]
GOOD_ROWS = {  # id: state, version
    "C-01": ("closed", 5), "C-02": ("dispatched", 2), "C-03": ("accepted", 3), "C-04": ("completed", 4), "C-05": ("cancelled", 3),
    "C-06": ("cancelled", 2), "C-10": ("closed", 5), "C-22": ("closed", 5), "C-35": ("closed", 5), "C-36": ("closed", 5), "C-37": ("dispatched", 2),
    "C-38": ("dispatched", 2), "C-40": ("dispatched", 2), "C-41": ("dispatched", 2), "C-42": ("closed", 5), "C-45": ("closed", 5)}


def dry(file, mapping, *more):
    with tempfile.NamedTemporaryFile() as report:
        out = anju_json("import", "--dry-run", "--map", mapping, "--report", report.name, *more, file)
        return out, json.load(open(report.name))


def rows():
    out, report = dry(BAD, BAD_MAP)
    check("each bad row is reported with its line and reason", [(r["line"], r["reason"]) for r in report] == BAD_ROWS,
          [(r["line"], r["reason"]) for r in report])
    check("the others are imported", (out["rows"], out["orders"], out["not_imported"]) == (50, len(GOOD_ROWS), len(BAD_ROWS)), out)
    check("the file has 50 rows", out["rows"] == 50, out)
    check("a report says what is wrong with which value", report[3]["column"] == "opened" and report[3]["value"] == "13/45/2015 09:00:00 AM" and len(report[3]["words"]) > 10, report[3])
    out, _ = dry(BAD, BAD_MAP, "--limit", "3")
    check("--limit takes the first orders", out["orders"] == 3, out)


def real_files():
    """The files of cities, where they are."""
    if not os.path.isdir(SHARED) or shutil.which("zstd") is None:
        print("no ../shared/data or no zstd: the files of New York, Los Angeles and Boston are left out")
        return {}
    found = {}
    for name, mapping in (("nyc_311_2023", "nyc"), ("la_311_2020jan", "la2020"), ("boston_311_2015", "boston")):
        packed = os.path.join(SHARED, name + ".csv.zst")
        if not os.path.exists(packed):
            continue
        file = os.path.join(tempfile.mkdtemp(prefix="anju-import-"), name + ".csv")
        with open(file, "wb") as f:
            subprocess.run(["zstd", "-dcq", packed], stdout=f, check=True)
        found[mapping] = file
    if "nyc" in found:
        out, report = dry(found["nyc"], os.path.join(TOP, "tools/maps/nyc.json"))
        check("New York: two closed before created, 68 zip codes", out["reasons"] == {"closed_before_placed": 2, "refused_by_map": 68}, out)
        check("New York: the zip codes are the planted ones", {r["value"] for r in report if r["reason"] == "refused_by_map"} == {"66666", "88888", "99999"})
        check("New York: the rest goes on", out["orders"] == 4999 - 70, out)
    if "la2020" in found:
        out, _ = dry(found["la2020"], os.path.join(TOP, "tools/maps/la2020.json"))
        check("Los Angeles: every row", (out["orders"], out["not_imported"]) == (10000, 0), out)
    if "boston" in found:
        out, _ = dry(found["boston"], BOSTON_MAP)
        check("Boston: 197 closed before they were opened", out["reasons"] == {"closed_before_placed": 197} and out["orders"] == 121145 - 197, out)
    return found


def wrong_input():
    d = tempfile.mkdtemp(prefix="anju-import-")
    def file(name, text):
        with open(os.path.join(d, name), "w") as f:
            f.write(text)
        return os.path.join(d, name)
    good = json.load(open(BAD_MAP))
    def changed(**fields):
        return file("map-%d.json" % len(os.listdir(d)), json.dumps({**good, **fields}))
    table = [  # what, arguments, exit code, words
        ("no map", [BAD], 2, "--map is missing"),
        ("a map that is not there", ["--map", "nowhere.json", BAD], 3, "nowhere.json"),
        ("a map that is no JSON", ["--map", file("x.json", "{"), BAD], 1, "x.json"),
        ("a map with an unknown member", ["--map", changed(colour="red"), BAD], 1, "colour"),
        ("a map with an unknown zone", ["--map", changed(zone="America/Atlantis"), BAD], 3, "Atlantis"),
        ("a zone that climbs", ["--map", changed(zone="../../etc/passwd"), BAD], 3, "time zone"),
        ("a map with a wrong action", ["--map", changed(status={"Open": "fly"}), BAD], 1, "/status/Open"),
        ("a pattern that is none", ["--map", changed(refuse=[{"column": "zip", "pattern": "(", "why": "x"}]), BAD], 1, "/refuse/0/pattern"),
        ("a range upside down", ["--map", changed(refuse=[{"column": "zip", "range": [9, 1], "why": "x"}]), BAD], 1, "/refuse/0/range"),
        ("a column that the file lacks", ["--map", changed(commit=["nosuch"]), BAD], 1, "nosuch"),
        ("the map of another city", ["--map", BOSTON_MAP, BAD], 1, "CASE_ENQUIRY_ID"),
        ("a file that is not there", ["--map", BAD_MAP, "nowhere.csv"], 3, "nowhere.csv"),
        ("a folder", ["--map", BAD_MAP, d], 3, "not a regular file"),
        ("an empty file", ["--map", BAD_MAP, file("empty.csv", "")], 1, "is empty"),
        ("envelopes of 1,001", ["--map", BAD_MAP, "--envelope", "1001", BAD], 2, "from 1 to 1000"),
        ("envelopes of none", ["--map", BAD_MAP, "--envelope", "0", BAD], 2, "from 1 to 1000"),
        ("an unknown flag", ["--map", BAD_MAP, "--fast", BAD], 2, "--fast"),
        ("two files", ["--map", BAD_MAP, BAD, BAD], 2, "one argument too many"),
    ]
    for what, args, code, words in table:
        p = anju("import", "--dry-run", *args)
        check("import: " + what, p.returncode == code and words in p.stderr and p.stdout == "", (p.returncode, p.stderr, p.stdout))
    shutil.rmtree(d)


def command(net, file, mapping, *more):
    return ["import", "--genesis", net.genesis, "--key", net.key(0), "--map", mapping, *more, file]


def orders_on(net, file_name, node=0):
    """Entries of the importing member, and how many of them are not applied records."""
    total, refused, cursor = 0, 0, None
    while True:
        page = net.call(node, "records.query", member=1, limit=500, **({"cursor": cursor} if cursor else {}))
        total += len(page["entries"])
        refused += sum(e["kind"] != "record" for e in page["entries"])
        cursor = page.get("cursor")
        if not cursor:
            return total, refused


def subject_of(origin, no, day):
    return (struct.pack(">H", day) + hashlib.sha256(b"anju/import-subject/1\0" + origin.encode() + b"\0" + no.encode()).digest()[:14]).hex()


def bad_rows_on_the_ledger(net):
    file = net.path("bad.csv")
    shutil.copy(BAD, file)
    for size in ("3", "1", "1000"):  # orders that are cut in two, then nothing new
        out = anju_json(*command(net, file, BAD_MAP, "--envelope", size, "--state", net.path("bad-%s.state" % size)))
        expect = (len(GOOD_ROWS), 0) if size == "3" else (0, len(GOOD_ROWS))
        out["refusals"] = [r for r in out.pop("report") if r["reason"] == "refused_by_ledger"]
        check("the fixture in envelopes of %s" % size, (out["orders"], out["already_there"]) == expect and out["not_imported"] == len(BAD_ROWS), out)
    total, refused = orders_on(net, file)
    check("as many entries as records, none refused", (total, refused) == (sum(v for _, v in GOOD_ROWS.values()), 0), (total, refused))
    openings = [json.loads(line) for line in open(file + ".anju-private")]
    check("the openings are for nobody else", os.stat(file + ".anju-private").st_mode & 0o777 == 0o600 and os.stat(net.path("bad-3.state")).st_mode & 0o777 == 0o600)
    subjects = {o["no"]: o["subject"] for o in openings}
    states = {}
    for no in GOOD_ROWS:
        s = net.call(1, "subject.get", procedure="order-import", subject=subjects[no])
        states[no] = (s["state"], int(s["version"]))
    check("each order has its life cycle", states == GOOD_ROWS, states)
    twice = net.call(1, "subject.get", procedure="order-import", subject=subjects["C-10"])
    check("an hour that came twice is the first one", twice["attributes"]["occurred"] == "2015-11-01T05:30:00.000Z", twice)
    check("a subject's id follows from origin and number", subjects["C-01"] == subject_of("anju.example/bad-rows", "C-01", 16587), subjects["C-01"])
    open_one(net, [o for o in openings if o["no"] == "C-35"][0])


def open_one(net, opening):
    """Value and salt of a committed column give the commitment on the ledger."""
    entry = net.call(2, "subject.history", procedure="order-import", subject=opening["subject"], limit=1)["entries"][0]
    ledger = hashlib.sha256(open(net.genesis, "rb").read()).digest()
    made = []
    for item, (_, value) in enumerate(opening["values"]):
        salt = hmac.new(bytes.fromhex(opening["record_salt"]), b"anju/salt/1\0" + struct.pack(">HH", opening["field"], item), hashlib.sha256).digest()
        raw = value.encode()
        made.append(hashlib.sha256(b"anju/commit/1\0" + ledger + struct.pack(">II", opening["member"], opening["key"]) + bytes.fromhex(opening["nonce"])
                                   + struct.pack(">HHH", opening["record"], opening["field"], item) + salt + struct.pack(">I", len(raw)) + raw).hexdigest())
    check("an opening gives the commitment that is on the ledger", entry["record"]["fields"]["committed"] == made, (entry["record"], made))
    check("values that are committed are not on the ledger", "Main Street" not in json.dumps(entry), entry)


def committed(net):
    status = net.call(0, "node.status", timeout=5)
    return int(status["log_size"]) if status else 0


def interrupted(net, file):
    """SIGKILL for the import again and again, and for a node: the last run ends it, without gap or duplicate."""
    before, _ = orders_on(net, file)
    plan = anju_json("import", "--dry-run", "--genesis", net.genesis, "--map", BOSTON_MAP, file)
    args = command(net, file, BOSTON_MAP, "--envelope", "50", "--senders", "2", "--per-request", "2")
    kills = 0
    for turn in range(6):
        size = committed(net)
        work = subprocess.Popen([ANJU, *args, *net.urls(turn)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while work.poll() is None and committed(net) < size + 1500:
            time.sleep(0.01)
        if turn == 2:
            net.kill(3)
        if turn == 4:
            net.start(3)
        kills += work.poll() is None
        work.kill()
        work.communicate()
    check("the import was killed at work", kills >= 4, kills)
    again = subprocess.Popen([ANJU, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.2)
    second = anju(*args)
    check("two imports of one state do not run together", again.poll() is not None or (second.returncode == 3 and "another 'anju import'" in second.stderr), second.stderr)
    again.communicate()
    check("the last run ends it", again.returncode == 0, again.returncode)
    out = anju_json(*args)
    check("and a further one has nothing to do", out["resumed"] and out["records_now"] == 0 and out["orders"] == plan["orders"], out)
    total, refused = orders_on(net, file)
    check("no gap, no duplicate", (total - before, refused) == (plan["records"], 0), (total, before, plan["records"], refused))
    check("with another file the state is refused", refused_state(net, args, file))
    os.unlink(file + ".anju-state")
    out = anju_json(*command(net, file, BOSTON_MAP, "--limit", "300"))
    check("without the state the orders are found on the ledger", (out["orders"], out["already_there"], out["records_now"]) == (0, 300, 0), out)
    check("all nodes have one result", net.ready(3, 60) and net.level(60) is not None)
    audits = [net.audit(i) for i in range(4)]
    check("four audits, the same roots", len({(a["log_root"], a["map_root"]) for a in audits}) == 1, audits)


def refused_state(net, args, file):
    other = net.path("other.csv")
    with open(file, "rb") as f, open(other, "wb") as g:
        g.write(f.read()[:-2000].rsplit(b"\n", 1)[0] + b"\n")
    p = anju(*args[:-1], "--state", file + ".anju-state", other)
    return p.returncode != 0 and "another file" in p.stderr


def wrong_member(net, file):
    p = anju("import", "--genesis", net.genesis, "--key", net.key(2), "--map", BOSTON_MAP, "--state", net.path("care.state"), "--private", net.path("care.private"), file)
    check("a member without the role import is told so", p.returncode == 3 and "actor" in p.stderr, (p.returncode, p.stderr))


def unreachable(net, file):
    net_urls = ["--url", "https://127.0.0.1:1", *net.urls(1)[:2]]
    out = anju_json(*command(net, file, BOSTON_MAP, "--limit", "40", "--state", net.path("u.state"), *net_urls))
    check("a node that is not there is passed over", out["orders"] + out["already_there"] == 40, out)


def cities(net, found):
    for name in ("nyc", "la2020"):
        if name in found:
            mapping = os.path.join(TOP, "tools/maps/%s.json" % name)
            plan, _ = dry(found[name], mapping)
            out = anju_json(*command(net, found[name], mapping))
            check("%s is imported whole" % name, (out["orders"], out["records_now"]) == (plan["orders"], plan["records"]), out)
            print("%s: %d records at %d a second" % (name, out["records_now"], out["records_per_second"]))


def main():
    rows()
    wrong_input()
    found = real_files()
    net = Cluster()
    try:
        net.start()
        check("four nodes are ready", all(net.ready(i) for i in range(4)))
        bad_rows_on_the_ledger(net)
        file = net.path("boston.csv")
        with gzip.open(os.path.join(DATA, "boston_311_2015_sample.csv.gz")) as packed, open(file, "wb") as f:
            lines = packed.read().split(b"\n")
            f.write(b"\n".join(lines[:3001]) + b"\n")
        wrong_member(net, file)
        interrupted(net, file)
        unreachable(net, file)
        cities(net, found)
    finally:
        net.end()
        for file in found.values():
            shutil.rmtree(os.path.dirname(file), ignore_errors=True)
    return check.done()


sys.exit(main())
