"""A network of anjud processes on loopback, and a client of theirs that shares no code with anju: what the process
tests in Python stand on. Paths come from BUILD (the build folder)."""
import base64, hashlib, http.client, json, os, signal, socket, ssl, struct, subprocess, tempfile, time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

top = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
build = os.path.join(top, os.environ.get("BUILD", "build"))
long_test = bool(os.environ.get("ANJU_TEST_LONG"))
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, ok, detail=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED %s: %s" % (name, str(detail)[:700]), flush=True)
        return ok

    def end(self):
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed else 0


def now(ms=0):
    t = time.time() + ms / 1000
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + ".%03dZ" % (int(t * 1000) % 1000)


def sign(secret, digest, high=False):
    r, s = decode_dss_signature(secret.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))
    if (s > N // 2) != high:
        s = N - s
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def wait_until(what, seconds):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return True
        time.sleep(0.05)
    return what()


def free_ports(count, first=None):
    """The first of `count` ports in a row that nobody has, from `first` on; below the range that outgoing connections take."""
    first = first or 10000 + os.getpid() * 7 % 20000
    while True:
        sockets = []
        try:
            for i in range(count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", first + i))
            return first
        except OSError:
            first = 10000 + (first + 37) % 20000
        finally:
            for s in sockets:
                s.close()


def threads_of(pid):
    """Where the threads of a process wait, for a process that hangs."""
    out = []
    for t in os.listdir("/proc/%d/task" % pid):
        try:
            out.append(" ".join(open("/proc/%d/task/%s/%s" % (pid, t, f)).read().strip() for f in ("comm", "wchan", "syscall")))
        except OSError:
            pass
    return out


MEMBERS = [("gov", "District", "区政府", "government", "center,hotline,import,committee"), ("firm", "Property", "物业", "property", "firm,provider"),
           ("care", "Care", "养老", "agency", "provider"), ("audit", "Audit", "审计", "auditor", "audit")]


class Network:
    """`n` validators of as many members; member i + 1 runs node i, named as in MEMBERS."""

    def __init__(self, n=4):
        self.n, self.folder = n, tempfile.TemporaryDirectory()
        self.dir, self.base = self.folder.name, free_ports(2 * n)
        self.process, self.keys = {}, {}
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        members = MEMBERS[:n] if n > 1 else MEMBERS[:2]
        for i, (name, en, zh, kind, roles) in enumerate(members):
            node = ["--peer", "127.0.0.1:%d" % (self.base + 2 * i), "--rpc", "127.0.0.1:%d" % (self.base + 2 * i + 1)] if i < n else []
            self.anju("keys", "new", "--name-en", en, "--name-zh", zh, "--kind", kind, "--roles", roles, *node, self.path(name))
            self.keys[i + 1] = ec.derive_private_key(int(open(self.path(name, "operator.key")).read(), 16), ec.SECP256K1())
        for name in ("order", "order-import"):
            self.anju("procedure", "build", top + "/ledger/procedures/%s.json" % name, "-o", self.path(name + ".bin"))
        self.anju("genesis", "create", *(["--development"] if n < 4 else []), "--origin", "anju.test/net", "--procedures",
                  self.path("order.bin") + "," + self.path("order-import.bin"), "--calendars", top + "/ledger/procedures/calendar.json",
                  "--codes", top + "/ledger/procedures/codes.json", "--out", self.path("genesis.json"), *[self.path(m[0], "member.json") for m in members])
        self.ledger = hashlib.sha256(open(self.path("genesis.json"), "rb").read()).digest()
        genesis = json.load(open(self.path("genesis.json")))
        self.key_number = {m["number"]: k["number"] for m in genesis["members"] for k in m["keys"] if k["purpose"] == "operator"}
        for i in range(n):
            with open(self.path(MEMBERS[i][0], "anjud.conf"), "w") as f:
                f.write("genesis = ../genesis.json\ndata = data\nnode.key = node.key\nlog.key = log.key\ncosign.key = cosign.key\ntls.certificate = tls.crt\ntls.key = tls.key\n"
                        "peer.listen = 127.0.0.1:%d\nrpc.listen = 127.0.0.1:%d\n" % (self.base + 2 * i, self.base + 2 * i + 1))

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def data(self, i):
        return self.path(MEMBERS[i][0], "data")

    def log(self, i):
        return open(self.path(MEMBERS[i][0], "log"), errors="replace").read()

    def url(self, i):
        return "https://127.0.0.1:%d" % (self.base + 2 * i + 1)

    def anju(self, *args, check=True, **more):
        return subprocess.run([build + "/anju", *args], check=check, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    # Processes.

    def start(self, *nodes):
        for i in nodes or range(self.n):
            log = open(self.path(MEMBERS[i][0], "log"), "a")
            self.process[i] = subprocess.Popen([build + "/anjud", "--config", self.path(MEMBERS[i][0], "anjud.conf")], stdout=log, stderr=log)
            log.close()

    def signal(self, i, number):
        self.process[i].send_signal(number)

    def kill(self, i):
        self.process[i].kill()
        self.process.pop(i).wait()

    def stop(self, i):
        """SIGTERM; the exit code."""
        self.process[i].terminate()
        try:
            code = self.process[i].wait(timeout=30)
        except subprocess.TimeoutExpired:
            raise AssertionError("SIGTERM does not end node %d: %s; its log: %s" % (i, threads_of(self.process[i].pid), self.log(i)[-800:]))
        self.process.pop(i)
        return code

    def end(self):
        for p in self.process.values():
            p.send_signal(signal.SIGCONT)
            p.kill()
            p.wait()
        self.folder.cleanup()

    # The client.

    def request(self, i, method, path, body=None, kind="application/json", timeout=40):
        c = http.client.HTTPSConnection("127.0.0.1", self.base + 2 * i + 1, context=self.tls, timeout=timeout)
        try:
            c.request(method, path, body, {"Content-Type": kind} if body is not None else {})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def call_node(self, i, method, timeout=40, **params):
        _, body = self.request(i, "POST", "/rpc", json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}), timeout=timeout)
        answer = json.loads(body)
        return answer.get("result"), answer.get("error")

    def ready(self, i):
        try:
            return self.request(i, "GET", "/readyz", timeout=5)[0] == 200
        except OSError:
            return False

    def wait_ready(self, *nodes, seconds=30):
        return all(wait_until(lambda: self.ready(i), seconds) for i in nodes or range(self.n))

    def height(self, i):
        try:
            return int(self.call_node(i, "node.status", timeout=5)[0]["height"])
        except (OSError, TypeError):
            return -1

    def envelope(self, i, member, records, valid_until=None, nonce=None, high=False, change=None):
        """Prepared by node i, signed here: (prepared, wire) or (None, error)."""
        params = {"member": member, "key": self.key_number[member], "records": records}
        if valid_until:
            params["valid_until"] = valid_until
        if nonce:
            params["nonce"] = nonce
        p, error = self.call_node(i, "record.prepare", **params)
        if error:
            return None, error
        message = base64.b64decode(p["to_sign"])
        assert message == b"anju/envelope/1\0" + self.ledger + bytes.fromhex(p["body"])
        assert hashlib.sha256(message).hexdigest() == p["envelope"]
        if change:
            message = change(message)
        wire = bytes.fromhex(p["body"]) + sign(self.keys[member], hashlib.sha256(message).digest(), high)
        for r in p["records"]:
            raw = base64.b64decode(r)
            wire += struct.pack(">I", len(raw)) + raw
        return p, wire

    def submit_wire(self, i, wire, **more):
        return self.call_node(i, "record.submit", envelope=base64.b64encode(wire).decode(), **more)
