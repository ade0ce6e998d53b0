"""A network of four anjud processes on loopback, for the tests of tests/net and for the demo.

1 is a district government (center, hotline, committee, street, import), 2 a property firm, 3 an elder-care
agency that provides, 4 an auditor's office. Needs nothing but Python's own library.
"""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
ANJU, ANJUD = os.path.join(BUILD, "anju"), os.path.join(BUILD, "anjud")
MEMBERS = [
    ("district", "District Government", "区政府", "government", "center,hotline,committee,street,import"),
    ("property", "Yongan Property", "永安物业", "property", "firm"),
    ("care", "Jingan Elder Care", "静安养老", "agency", "provider"),
    ("audit", "Audit Office", "审计局", "auditor", "audit"),
]


class Failed(Exception):
    pass


def free_ports(count):
    """Ports that nobody listens at now, below the range that the kernel gives out by itself."""
    base = 12000 + (os.getpid() * 16) % 18000
    found = []
    for port in list(range(base, 30000)) + list(range(12000, base)):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Failed("no free ports")


def anju(*args, **more):
    """Runs `anju` and gives the finished process, with text in stdout and stderr."""
    more.setdefault("timeout", 300)
    return subprocess.run([ANJU, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def anju_json(*args, **more):
    p = anju(*args, "--json", **more)
    if p.returncode != 0:
        raise Failed("anju %s: exit code %d: %s" % (" ".join(map(str, args)), p.returncode, p.stderr + p.stdout))
    return json.loads(p.stdout)


class Cluster:
    def __init__(self, folder=None, verbose=False):
        self.made = folder is None
        self.dir = folder or tempfile.mkdtemp(prefix="anju-net-")
        os.makedirs(self.dir, exist_ok=True)
        self.ports = free_ports(8)
        self.process = [None] * 4
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        self.genesis = self.path("genesis.json")
        for i in range(4):
            self.make_member(i)
        self.make_genesis()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def url(self, i):
        return "https://127.0.0.1:%d" % self.ports[2 * i + 1]

    def urls(self, first=0):
        """--url arguments of all nodes, beginning with one."""
        return [word for i in range(4) for word in ("--url", self.url((first + i) % 4))]

    def key(self, i):
        return self.path(MEMBERS[i][0], "operator.key")

    def data(self, i):
        return self.path(MEMBERS[i][0], "data")

    def log(self, i):
        with open(self.path(MEMBERS[i][0], "log"), errors="replace") as f:
            return f.read()

    def run(self, *args):
        p = anju(*args)
        if p.returncode != 0:
            raise Failed("anju %s: %s" % (args[0], p.stderr))
        return p

    def make_member(self, i):
        name, en, zh, kind, roles = MEMBERS[i]
        peer, rpc = "127.0.0.1:%d" % self.ports[2 * i], "127.0.0.1:%d" % self.ports[2 * i + 1]
        self.run("keys", "new", "--name-en", en, "--name-zh", zh, "--kind", kind, "--roles", roles, "--peer", peer, "--rpc", rpc,
                 self.path(name))
        with open(self.path(name, "anjud.conf"), "w") as f:
            f.write("genesis = ../genesis.json\ndata = data\nnode.key = node.key\ntls.certificate = tls.crt\ntls.key = tls.key\n"
                    "peer.listen = %s\nrpc.listen = %s\n" % (peer, rpc))

    def make_genesis(self):
        procedures = []
        for name in ("order", "order-import"):
            out = self.path(name + ".bin")
            self.run("procedure", "build", os.path.join(TOP, "ledger/procedures", name + ".json"), "-o", out)
            procedures.append(out)
        self.run("genesis", "create", "--origin", "anju.example/demo", "--procedures", ",".join(procedures),
                 "--calendars", os.path.join(TOP, "ledger/procedures/calendar.json"), "--codes", os.path.join(TOP, "ledger/procedures/codes.json"),
                 "--out", self.genesis, *[self.path(m[0], "member.json") for m in MEMBERS])

    def start(self, *which):
        for i in which or range(4):
            with open(self.path(MEMBERS[i][0], "log"), "ab") as log:
                self.process[i] = subprocess.Popen([ANJUD, "--config", self.path(MEMBERS[i][0], "anjud.conf")], stdout=log, stderr=log,
                                                   start_new_session=True)

    def signal(self, i, number):
        self.process[i].send_signal(number)

    def kill(self, i):
        self.process[i].kill()
        self.process[i].wait()
        self.process[i] = None

    def stop(self, i, timeout=20):
        """SIGTERM; the exit code and how long it took."""
        began = time.time()
        self.process[i].send_signal(signal.SIGTERM)
        code = self.process[i].wait(timeout)
        self.process[i] = None
        return code, time.time() - began

    def get(self, i, path, timeout=5):
        """Status and body of a GET; (0, "") where nothing answers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls))
        try:
            with opener.open(self.url(i) + path, timeout=timeout) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except OSError:
            return 0, ""

    def call(self, i, method, timeout=30, **params):
        """The result of an RPC method; None where nothing answers; raises Failed on an error answer."""
        request = urllib.request.Request(self.url(i) + "/rpc", json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode(),
                                         {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls))
        try:
            with opener.open(request, timeout=timeout) as r:
                answer = json.load(r)
        except (OSError, ValueError):
            return None
        if "error" in answer:
            raise Failed("%s: %s" % (method, answer["error"]))
        return answer["result"]

    def ready(self, i, seconds=30):
        until = time.time() + seconds
        while self.get(i, "/readyz")[0] != 200:
            if time.time() > until or (self.process[i] is not None and self.process[i].poll() is not None):
                return False
            time.sleep(0.1)
        return True

    def height(self, i):
        status = self.call(i, "node.status", timeout=5)
        return int(status["height"]) if status else None

    def reaches(self, i, height, seconds=30):
        until = time.time() + seconds
        while (self.height(i) or 0) < height:
            if time.time() > until:
                return False
            time.sleep(0.05)
        return True

    def level(self, seconds=30):
        """All nodes that run come to one height, and have one result there; that height, or None."""
        running = [i for i in range(4) if self.process[i] is not None]
        until = time.time() + seconds
        while time.time() < until:
            heights = [self.height(i) for i in running]
            if None not in heights and len(set(heights)) == 1:
                results = [self.call(i, "ledger.checkpoint", height=heights[0])["result_id"] for i in running]
                return heights[0] if len(set(results)) == 1 else None
            time.sleep(0.1)
        return None

    def audit(self, i, *more):
        return anju_json("audit", "--genesis", self.genesis, *more, self.data(i))

    def end(self):
        for i in range(4):
            if self.process[i] is not None:
                self.process[i].kill()
                self.process[i].wait()
        if self.made and not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)


class Checks:
    """Counts what holds and says what does not; the closing line is `N passed, N failed`."""
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, what, holds, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: %s%s" % (what, ": %s" % str(detail)[:800] if detail != "" else ""))
        sys.stdout.flush()
        return bool(holds)

    def done(self):
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed else 0
