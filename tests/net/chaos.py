#!/usr/bin/python3
"""Real anjud processes under everything that a machine or a network can do to them, with clients that write and later read
everything back. Each scenario is a function here; the name of one or more runs just these.

  chaos.py [SCENARIO...]     COUNT=n kills (50; 1000 with ANJU_TEST_LONG), TIME=s at most so long for kills, SEED=n

Checked in each: every acknowledged record is at all nodes with the claim that was acknowledged, none is there twice, no two
nodes differ in a block or result, what one node answers never goes back, nobody is accused who did nothing; and `anju doctor`
names the cause while it lasts."""
import http.client, json, os, random, shutil, signal, subprocess, sys, threading, time, traceback

import faults
from network import MEMBERS, Checks, Network, build, free_ports, long_test, now, top, wait_until

check = Checks()
seed = int(os.environ.get("SEED", str(int(time.time()))))
SCENARIOS = []


def scenario(f):
    SCENARIOS.append(f)
    return f


class ChaosNetwork(Network):
    """Four validators that reach each other through the proxy only."""

    def __init__(self):
        super().__init__(4)
        self.fronts = [self.base + 2 * i for i in range(4)]
        first = free_ports(4, self.base + 8)
        self.backs = [first + i for i in range(4)]
        for i in range(4):
            self.configure(i, lambda text: text.replace("peer.listen = 127.0.0.1:%d" % self.fronts[i], "peer.listen = 127.0.0.1:%d" % self.backs[i]))
        self.proxy = faults.Proxy(self.fronts, self.backs, lambda: {i: p.pid for i, p in list(self.process.items()) + list(self.others.items())})
        self.mounted, self.env, self.others = [], {}, {}

    def configure(self, i, change):
        path = self.path(MEMBERS[i][0], "anjud.conf")
        text = change(open(path).read())
        open(path, "w").write(text)

    def start(self, *nodes):
        for i in nodes or range(self.n):
            with open(self.path(MEMBERS[i][0], "log"), "a") as log:
                self.process[i] = subprocess.Popen([build + "/anjud", "--config", self.path(MEMBERS[i][0], "anjud.conf")], stdout=log,
                                                   stderr=log, env=dict(os.environ, **self.env.get(i, {})))

    def ended(self, i, seconds=15):
        """Waits for a node to end by itself; its exit code or None."""
        try:
            code = self.process[i].wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        self.process.pop(i)
        return code

    def doctor(self, *more):
        out = self.anju("doctor", "--json", "--genesis", self.path("genesis.json"), *more, check=False)
        try:
            return json.loads(out.stdout)["findings"]
        except ValueError:
            return [{"cause": "the doctor failed", "node": "", "words": out.stderr.decode()}]

    def doctor_says(self, cause, node=None, seconds=20, config=None):
        more = ["--config", self.path(MEMBERS[config][0], "anjud.conf")] if config is not None else []
        found = []

        def says():
            found[:] = self.doctor(*more)
            return any(f["cause"] == cause and (node is None or f["node"] == self.url(node)) and f["words"] and f["next"] for f in found)
        check("the doctor names the cause: %s" % cause, wait_until(says, seconds), [(f["cause"], f["node"], f["words"]) for f in found])

    def end(self):
        super_end = super().end
        self.proxy.end()
        for p in self.process.values():
            p.send_signal(signal.SIGCONT)
            p.kill()
            p.wait()
        self.process = {}
        for path in self.mounted:
            faults.unmount(path)
        super_end()


class Writer(threading.Thread):
    """Places orders, one after the other, at whatever node answers; the same envelope goes on to the next node until one
    acknowledges it."""

    def __init__(self, net, number):
        super().__init__(daemon=True)
        self.net, self.number, self.stopping, self.nodes = net, number, False, list(range(4))
        self.acknowledged, self.faults, self.placed = {}, [], set()
        self.random = random.Random(seed * 100 + number)

    def prepare(self):
        no = "c%d-%d" % (self.number, len(self.placed))
        fields = {"occurred": now(-2000), "no": no, "type": "lift", "grid": "g%d" % self.number}
        while not self.stopping:
            try:
                p, wire = self.net.envelope(self.random.choice(self.nodes), 1, [{"procedure": "order-import", "action": "place", "fields": fields}])
                if p:
                    self.placed.add(p["envelope"])
                    return p["envelope"], wire
            except (OSError, ValueError, TypeError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        return None, None

    def run(self):
        while not self.stopping:
            envelope, wire = self.prepare()
            while envelope and not self.stopping:
                try:
                    r, e = self.net.submit_wire(self.random.choice(self.nodes), wire, wait_ms=2000)
                except (OSError, ValueError, TypeError, http.client.HTTPException):
                    time.sleep(0.02)
                    continue
                if e and e["code"] != -32005:
                    self.faults.append(e)
                    break
                if e:
                    time.sleep(0.05)
                if r and r["state"] == "committed":
                    self.acknowledged[envelope] = r["receipts"][0]["claim"]
                    break


class Reader(threading.Thread):
    """Asks each node again and again how far it is: no answer may be less than the one before."""

    def __init__(self, net):
        super().__init__(daemon=True)
        self.net, self.stopping, self.back, self.reads = net, False, [], 0
        self.seen = [(0, 0, 0)] * 4
        self.emptied = set()

    def run(self):
        while not self.stopping:
            for i in range(4):
                try:
                    s, _ = self.net.call_node(i, "node.status", timeout=3)
                    q, _ = self.net.call_node(i, "records.query", timeout=3, procedure="order-import", list=["grid"], values=["g0"], limit=1)
                    at = (int(s["height"]), int(s["log_size"]), int(q["total"]))
                except (OSError, ValueError, TypeError, http.client.HTTPException):
                    continue
                if i not in self.emptied and any(a < b for a, b in zip(at, self.seen[i])):
                    self.back.append((i, self.seen[i], at))
                self.seen[i] = at
                self.reads += 1
            time.sleep(0.03)


class Load:
    """Writers and a reader over a scenario, and the reckoning at its end."""

    def __init__(self, net, writers=2):
        self.net = net
        self.writers, self.reader = [Writer(net, i) for i in range(writers)], Reader(net)

    def __enter__(self):
        for t in self.writers + [self.reader]:
            t.start()
        return self

    def count(self):
        return sum(len(w.acknowledged) for w in self.writers)

    def goes_on(self, words, least=3, seconds=25):
        before = self.count()
        check(words, wait_until(lambda: self.count() >= before + least, seconds), "%d records acknowledged" % (self.count() - before))

    def __exit__(self, kind, value, trace):
        for t in self.writers + [self.reader]:
            t.stopping = True
        for t in self.writers + [self.reader]:
            t.join()
        if kind is None:
            self.reckon()

    def reckon(self):
        net, acknowledged = self.net, {}
        for w in self.writers:
            acknowledged.update(w.acknowledged)
        check("all nodes come to one height", wait_until(lambda: len({net.height(i) for i in range(4)}) == 1 and net.height(0) > 0, 40),
              [net.height(i) for i in range(4)])
        least, differs = min(net.height(i) for i in range(4)), []
        for h in range(1, least + 1, 1 if least < 300 else 7):
            if len({json.dumps([c["block"], c["result_id"]]) for c in (net.call_node(i, "ledger.checkpoint", height=h)[0] for i in range(4))}) != 1:
                differs.append(h)
        check("no two nodes differ at any height", not differs, differs)
        lost = []
        for envelope, claim in acknowledged.items():
            for i in range(4):
                r, e = net.call_node(i, "proof.receipt", envelope=envelope)
                if e is not None or r["claim"] != claim:
                    lost.append((envelope, i, e))
        check("every one of %d acknowledged records is at all nodes, with its claim" % len(acknowledged), acknowledged and not lost, lost[:3])
        for w in self.writers:
            there = self.envelopes("g%d" % w.number)
            check("none is there twice, none is there that nobody placed, and all that were acknowledged are",
                  len(there) == len(set(there)) and set(there) <= w.placed and set(w.acknowledged) <= set(there),
                  (len(there), len(set(there)), len(w.placed), len(w.acknowledged)))
        check("no record was refused for a wrong reason", not any(w.faults for w in self.writers), [w.faults[:2] for w in self.writers])
        print("   %d records acknowledged, height %d, %d reads" % (len(acknowledged), least, self.reader.reads), flush=True)
        check("no read went back", self.reader.reads > 0 and not self.reader.back, self.reader.back[:3])

    def envelopes(self, grid):
        out, cursor = [], {}
        while True:
            page, e = self.net.call_node(1, "records.query", procedure="order-import", list=["grid"], values=[grid], limit=500, **cursor)
            if e:
                return [str(e)]
            out += [x["envelope"] for x in page["entries"]]
            if not page.get("cursor"):
                return out
            cursor = {"cursor": page["cursor"]}


def accused(net):
    """The nodes that say that they saw evidence."""
    return [i for i in range(4) if int((net.call_node(i, "node.status")[0] or {}).get("voting", {}).get("evidence", 0)) > 0]


def back(net, i, seconds=40):
    check("node %d is ready again" % i, net.wait_ready(i, seconds=seconds), net.log(i)[-600:])


def kills():
    return int(os.environ.get("COUNT") or (1000 if long_test else 50))


# ---- Processes ----

@scenario
def killed_at_any_moment(net, chance, count=None):
    """SIGKILL under load, one node at a time, again and again."""
    until = time.time() + float(os.environ.get("TIME") or 1e9)
    with Load(net, 3) as load:
        for k in range(count or kills()):
            if time.time() > until:
                break
            time.sleep(chance.uniform(0.02, 0.5))
            victim = chance.randrange(4)
            net.kill(victim)
            time.sleep(chance.choice((0, 0.05, 0.3)))
            net.start(victim)
            if not net.wait_ready(victim, seconds=40):
                check("node %d is back after kill %d" % (victim, k + 1), False, net.log(victim)[-500:])
                break
        print("   %d SIGKILLs" % (k + 1), flush=True)
        load.goes_on("it goes on after the last kill")
    check("nobody is accused", accused(net) == [])


@scenario
def all_killed_at_once(net, chance, count=3):
    """The whole cluster, in the middle of agreeing."""
    with Load(net) as load:
        for _ in range(count):
            time.sleep(chance.uniform(0.3, 1.0))
            for i in range(4):
                net.kill(i)
            net.start()
            check("all four are back", net.wait_ready(seconds=40), [net.log(i)[-300:] for i in range(4)])
        load.goes_on("it goes on")


@scenario
def stopped_and_continued(net, chance, count=6):
    """SIGSTOP: a node that is neither dead nor there, for a tenth of a second or for many."""
    with Load(net) as load:
        for k in range(count):
            victim = chance.randrange(4)
            net.signal(victim, signal.SIGSTOP)
            time.sleep(chance.choice((0.1, 0.5, 2, 20 if long_test else 4)))
            net.signal(victim, signal.SIGCONT)
        load.goes_on("it goes on")
        for i in range(4):
            back(net, i)
        check("nobody is accused", accused(net) == [])


@scenario
def rolling_restart(net, chance):
    """SIGTERM and start, one after the other: what an upgrade does. Clients see no fault."""
    with Load(net) as load:
        for i in range(4):
            check("SIGTERM ends node %d with 0" % i, net.stop(i) == 0)
            net.start(i)
            back(net, i)
            load.goes_on("it goes on", 2)


# ---- The network ----

@scenario
def slow_and_cut_links(net, chance):
    """Delays of 10 to 60 ms with jitter, and connections that break with what was under way."""
    with Load(net) as load:
        net.proxy.delay = (0.01, 0.05)
        for _ in range(20 if long_test else 8):
            time.sleep(0.7)
            net.proxy.cut_some(0.15)
        load.goes_on("it goes on over slow links that break", 2)
        net.proxy.heal()
        check("connections were cut", net.proxy.cuts > 0)
        load.goes_on("it goes on")
    check("nobody is accused", accused(net) == [])


@scenario
def one_way_partition(net, chance):
    """A node that hears nobody but is heard, then the reverse."""
    with Load(net) as load:
        for way in (0, 1):
            victim = chance.randrange(4)
            net.proxy.blocked = {(i, victim) if way else (victim, i) for i in range(4) if i != victim}
            time.sleep(3)
            load.goes_on("three go on", 2)
            net.doctor_says("behind", victim)
            net.proxy.heal()
            back(net, victim)
        load.goes_on("it goes on")


@scenario
def shifting_partitions(net, chance):
    """Every second and a half another cut: halves, single nodes, single directions."""
    with Load(net) as load:
        for _ in range(30 if long_test else 8):
            how = chance.randrange(3)
            nodes = chance.sample(range(4), 2 if how == 0 else 1)
            net.proxy.isolate(nodes, range(4))
            if how == 2:
                net.proxy.blocked = set(chance.sample(sorted((a, b) for a in range(4) for b in range(4) if a != b), 5))
            time.sleep(1.5)
        net.proxy.heal()
        load.goes_on("it goes on after the last one")
        for i in range(4):
            back(net, i)
    check("nobody is accused", accused(net) == [])


@scenario
def missing_quorum(net, chance):
    """Two halves: nothing is decided, nothing forks, the doctor says why; then they meet again."""
    with Load(net) as load:
        load.goes_on("it runs", 2)
        net.proxy.isolate([0, 1], range(4))
        time.sleep(2)
        before = max(net.height(i) for i in range(4))
        time.sleep(3)
        check("no height is reached in halves", max(net.height(i) for i in range(4)) <= before + 1)
        net.doctor_says("no_quorum", 0, 30)
        net.doctor_says("stalled", None, 30)
        net.proxy.heal()
        load.goes_on("it goes on when they meet")


# ---- The disk ----

def on_small_disk(net, i, mib):
    """Moves a stopped node's data to a small file system; False where that cannot be."""
    data = net.data(i)
    shutil.move(data, data + ".away")
    if not faults.can_mount() or not faults.mount_small(data, mib):
        shutil.rmtree(data, ignore_errors=True)
        shutil.move(data + ".away", data)
        print("skipped: this needs root and a kernel that lets it mount", flush=True)
        return False
    net.mounted.append(data)
    for name in os.listdir(data + ".away"):
        shutil.move(os.path.join(data + ".away", name), data)
    return True


class Filler(threading.Thread):
    """Takes every byte of a file system, and again what is let go, until it is told to stop."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.stopping = path, False
        self.start()

    def run(self):
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        while not self.stopping:
            try:
                os.write(fd, b"\0" * 4096)
            except OSError:
                time.sleep(0.01)
        os.close(fd)
        os.unlink(self.path)


@scenario
def full_disk(net, chance):
    """No byte left: the node says so, goes on when there is room, and loses nothing."""
    with Load(net) as load:
        load.goes_on("it runs", 2)
        net.stop(3)
        if not on_small_disk(net, 3, 96):
            net.start(3)
            return
        net.configure(3, lambda text: text + "disk.free_min = 8M\n")
        net.start(3)
        back(net, 3)
        filler = Filler(os.path.join(net.data(3), "filler"))
        load.goes_on("the others go on", 30)
        check("the node ran into the full disk without ending", net.process[3].poll() is None, net.log(3)[-400:])
        net.doctor_says("disk_full", 3, 20)
        net.doctor_says("disk_full", None, 20, config=3)
        filler.stopping = True
        filler.join()
        back(net, 3, 60)
        load.goes_on("it goes on")
    check("nobody is accused", accused(net) == [])


@scenario
def read_only_disk(net, chance):
    """The kernel remounts the file system read-only, as it does after disk errors: the node must not go on as if it wrote."""
    with Load(net) as load:
        net.stop(2)
        if not on_small_disk(net, 2, 128):
            net.start(2)
            return
        net.start(2)
        back(net, 2)
        # A file that is open for writing keeps the mount busy, so writes fail by way of a bind mount over it after a kill.
        net.kill(2)
        check("remounted read-only", faults.remount(net.data(2), "ro"))
        net.start(2)
        code = net.ended(2)
        check("it does not start on it, and says why", code not in (None, 0) and "ead-only" in net.log(2), (code, net.log(2)[-300:]))
        net.doctor_says("read_only", None, 10, config=2)
        load.goes_on("the others go on", 2)
        check("remounted for writing", faults.remount(net.data(2), "rw"))
        net.start(2)
        back(net, 2)


@scenario
def power_cut(net, chance, count=4):
    """Everything that was not synced is gone, or any part of it, at all nodes at once."""
    library = os.path.join(build, "tests/net/preload/faults.so")
    logs = net.path("writes")
    os.makedirs(logs)
    for i in range(4):
        net.stop(i)
        net.env[i] = {"LD_PRELOAD": library, "ANJU_FAULTS_DIR": net.data(i), "ANJU_FAULTS_LOG": logs}
    net.start()
    check("all run on the layer", net.wait_ready(seconds=40), [net.log(i)[-300:] for i in range(4)])
    taken = 0
    with Load(net) as load:
        for _ in range(20 if long_test else count):
            load.goes_on("it runs", 1)
            time.sleep(chance.uniform(0.1, 0.6))
            for i in range(4):
                net.signal(i, signal.SIGSTOP)
            for i in range(4):
                net.kill(i)
            taken += faults.power_cut(net.dir, logs, chance)
            net.start()
            if not check("all four are back after the power cut", net.wait_ready(seconds=40), [net.log(i)[-500:] for i in range(4)]):
                break
        load.goes_on("it goes on")
    print("   %d unsynced writes taken back" % taken, flush=True)
    # A few cuts may all meet a moment without unsynced writes (a fast disk, a tmpfs); twenty do not.
    if long_test:
        check("unsynced writes were taken back", taken > 0)
    check("nobody is accused", accused(net) == [])


@scenario
def damaged_page(net, chance):
    """Flipped bytes in pages of the ledger: found by the audit or at the start, never served; the node comes back from the
    others into an empty directory."""
    with Load(net) as load:
        load.goes_on("it runs", 20)
        net.stop(1)
        path = os.path.join(net.data(1), "ledger", "data.mdb")
        pages = os.path.getsize(path) // 4096
        for page in range(2, pages):
            faults.flip(path, page * 4096 + chance.randrange(64, 4000), 8)
        out = net.anju("audit", "--json", "--genesis", net.path("genesis.json"), net.data(1), check=False)
        check("the audit finds it", out.returncode != 0, out.stdout[-300:])
        net.start(1)
        check("the node does not start on it, and says why", net.ended(1) not in (None, 0) and "error" in net.log(1).splitlines()[-2], net.log(1)[-400:])
        net.doctor_says("no_answer", 1)
        net.doctor_says("not_running", None, config=1)
        come_back_from_the_others(net, load, 1)


def come_back_from_the_others(net, load, i):
    load.reader.emptied.add(i)
    shutil.rmtree(net.data(i))
    net.start(i)
    check("it fetches the ledger from the others", wait_until(lambda: net.height(i) >= net.height((i + 1) % 4) - 2 > 0, 40), net.log(i)[-400:])
    back(net, i)
    load.goes_on("it goes on")
    check("nobody is accused", accused(net) == [])


@scenario
def truncated_file(net, chance):
    """Half of the ledger's file is gone."""
    with Load(net) as load:
        load.goes_on("it runs", 20)
        net.stop(2)
        path = os.path.join(net.data(2), "ledger", "data.mdb")
        os.truncate(path, os.path.getsize(path) // 2 // 4096 * 4096)
        net.start(2)
        check("the node does not start on it, and says why", net.ended(2) not in (None, 0), net.log(2)[-400:])
        come_back_from_the_others(net, load, 2)


@scenario
def derived_data_gone(net, chance):
    """What follows from the truth is made again by the next start."""
    with Load(net) as load:
        load.goes_on("it runs", 5)
        for damage in ("deleted", "truncated"):
            net.kill(0)
            path = os.path.join(net.data(0), "derived")
            if damage == "deleted":
                shutil.rmtree(path)
            else:
                os.truncate(os.path.join(path, "data.mdb"), 8192)
            net.start(0)
            back(net, 0)
            load.goes_on("it goes on", 2)


@scenario
def payload_log_gone(net, chance):
    """Batches and bodies that votes rested on are lost at one node: they come from the others."""
    with Load(net) as load:
        for k in range(3):
            load.goes_on("it runs", 2)
            net.kill(1)
            for name in os.listdir(os.path.join(net.data(1), "payload")):
                path = os.path.join(net.data(1), "payload", name)
                if k == 1:
                    for at in range(0, min(os.path.getsize(path), 1 << 16), 512):
                        faults.flip(path, at, 16)
                elif k == 2:
                    os.truncate(path, os.path.getsize(path) // 2)
                else:
                    os.unlink(path)
            net.start(1)
            back(net, 1)
        load.goes_on("it goes on")
    check("nobody is accused", accused(net) == [])


# ---- The guard, the key ----

@scenario
def damaged_guard(net, chance):
    """A node that cannot know what it signed follows, says so, and votes again when it is past."""
    with Load(net) as load:
        load.goes_on("it runs", 2)
        net.kill(3)
        faults.flip(os.path.join(net.data(3), "guard"), 700)
        net.proxy.isolate([2], range(4))  # one of those that could vouch is away: nothing is decided, and it goes on following
        net.start(3)
        net.doctor_says("guard_lost", 3, 20)
        net.doctor_says("guard_lost", None, 10, config=3)
        net.proxy.heal()
        load.goes_on("it goes on")
        back(net, 3)
        check("the marker is gone when it votes", wait_until(lambda: not os.path.exists(os.path.join(net.data(3), "guard.lost")), 20))
    check("nobody is accused", accused(net) == [])


@scenario
def deleted_guard(net, chance):
    """The file is missing beside a ledger: the same as damaged, and it comes back the same way."""
    with Load(net) as load:
        load.goes_on("it runs", 2)
        net.kill(0)
        os.unlink(os.path.join(net.data(0), "guard"))
        net.start(0)
        load.goes_on("it goes on")
        back(net, 0)
    check("nobody is accused", accused(net) == [])


@scenario
def emptied_directory(net, chance):
    """The key is there, everything else is gone, in the middle of agreeing; one node after the other."""
    with Load(net) as load:
        for i in chance.sample(range(4), 3 if long_test else 2):
            load.goes_on("it runs", 3)
            net.kill(i)
            come_back_from_the_others(net, load, i)


@scenario
def restored_backup(net, chance):
    """An old copy of the ledger without the guard, as a restore leaves it."""
    with Load(net) as load:
        load.goes_on("it runs", 5)
        net.stop(1)
        shutil.copytree(net.data(1), net.data(1) + ".backup")
        net.start(1)
        load.goes_on("it runs", 10)
        net.kill(1)
        load.reader.emptied.add(1)
        shutil.rmtree(net.data(1))
        os.rename(net.data(1) + ".backup", net.data(1))
        os.unlink(os.path.join(net.data(1), "guard"))
        open(os.path.join(net.data(1), "guard.lost"), "w").write("restored from a backup\n")
        net.start(1)
        load.goes_on("it goes on")
        back(net, 1)
    check("nobody is accused", accused(net) == [])


@scenario
def same_identity_twice(net, chance):
    """A copy of a node, key and all, runs beside it: the first one stays connected, and everybody is told."""
    with Load(net) as load:
        load.goes_on("it runs", 2)
        home, copy = net.path(MEMBERS[2][0]), net.path("copy")
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("data", "log"))
        first = free_ports(2, net.backs[3] + 1)
        text = open(os.path.join(copy, "anjud.conf")).read()
        text = text.replace(":%d" % net.backs[2], ":%d" % first).replace(":%d" % (net.base + 5), ":%d" % (first + 1))
        open(os.path.join(copy, "anjud.conf"), "w").write(text)
        with open(os.path.join(copy, "log"), "w") as log:
            twin = subprocess.Popen([build + "/anjud", "--config", os.path.join(copy, "anjud.conf")], stdout=log, stderr=log)
        net.others[4] = twin  # to the proxy
        try:
            net.doctor_says("same_identity", None, 30)
            load.goes_on("the ledger goes on")
            check("the first one still votes", net.ready(2))
        finally:
            twin.kill()
            twin.wait()
        load.goes_on("and after the copy was stopped")
    check("nobody is accused: the copy signed nothing", accused(net) == [])


# ---- The clock ----

def not_expired_by_a_wrong_clock(net):
    """Told "expired" by it, a client would sign a second envelope, and both would take effect."""
    fields = {"occurred": now(-2000), "no": "short", "type": "t"}
    p, wire = net.envelope(0, 1, [{"procedure": "order-import", "action": "place", "fields": fields}], valid_until=now(4000))
    r, e = net.submit_wire(1, wire, wait_ms=100)
    check("a fast clock does not say that an envelope never takes effect", e is not None and e["code"] == -32005, (p, r, e))
    r, e = net.submit_wire(0, wire, wait_ms=3000)
    check("and it takes effect", e is None and r["state"] == "committed", e or r)


@scenario
def wrong_clock(net, chance):
    """A node whose clock is five seconds off costs a round at its turns; the doctor names it."""
    library = os.path.join(build, "tests/net/preload/faults.so")
    with Load(net) as load:
        for off in (5000, -5000):
            net.stop(1)
            net.env[1] = {"LD_PRELOAD": library, "ANJU_FAULTS_CLOCK_MS": str(off)}
            net.start(1)
            load.goes_on("it goes on", 5, 40)
            net.doctor_says("clock", 1, 20)
            if off > 0:
                not_expired_by_a_wrong_clock(net)
        net.stop(1)
        net.env[1] = {}
        net.start(1)
        back(net, 1)
        load.goes_on("it goes on with the clock set right")
    check("nobody is accused", accused(net) == [])


def attempt(f, net):
    try:
        f(net, random.Random("%d %s" % (seed, f.__name__)))
    except Exception:
        check("%s runs to its end" % f.__name__, False, traceback.format_exc()[-1500:])


def run(functions):
    for f in functions:
        began, failed = time.time(), check.failed
        print("-- %s: %s" % (f.__name__, " ".join((f.__doc__ or "").split())), flush=True)
        net = ChaosNetwork()
        try:
            net.start()
            if check("four nodes are ready", net.wait_ready(seconds=40), [net.log(i)[-300:] for i in range(4)]):
                attempt(f, net)
            if check.failed > failed and os.environ.get("KEEP"):
                shutil.copytree(net.dir, "/tmp/anju-chaos-%s" % f.__name__, dirs_exist_ok=True)
        finally:
            net.end()
        print("   %.0f s%s" % (time.time() - began, "" if check.failed == failed else ", FAILED with SEED=%d" % seed), flush=True)
    return check.end()


def own_mounts():
    """What is mounted here goes with this process, however it ends."""
    if faults.can_mount() and not os.environ.get("ANJU_CHAOS_MOUNTS"):
        os.environ["ANJU_CHAOS_MOUNTS"] = "own"
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable] + sys.argv)


def main():
    own_mounts()
    names = {f.__name__: f for f in SCENARIOS}
    unknown = [a for a in sys.argv[1:] if a not in names]
    if unknown:
        print("no such scenario: %s; there are: %s" % (", ".join(unknown), ", ".join(names)))
        return 2
    print("SEED=%d" % seed, flush=True)
    return run([names[a] for a in sys.argv[1:]] or SCENARIOS)


if __name__ == "__main__":
    sys.exit(main())
