"""What the chaos scenarios do to a network of processes: a TCP proxy between the nodes, a power cut, small file systems,
changed bytes. Python's own library only."""
import collections, os, random, select, socket, struct, subprocess, threading, time


class Proxy(threading.Thread):
    """Stands before each node's peer port. Who dials is found by the process that owns the connection. A direction from a to
    b can be delayed, or blocked: then its bytes wait, as they do in a network that does not deliver, until it is opened or
    the connection ends."""

    def __init__(self, fronts, backs, pid_of):
        super().__init__(daemon=True)
        self.backs, self.pid_of, self.stopping = backs, pid_of, False
        self.delay = (0.0, 0.0)  # seconds: least, and how much more at most
        self.blocked = set()     # (from, to)
        self.cuts = 0
        self.random = random.Random(1)
        self.listeners = {}
        for node, port in enumerate(fronts):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            s.listen(64)
            s.setblocking(False)
            self.listeners[s] = node
        self.pipes = {}  # socket -> (other socket, from, to, queue of [due, bytes])
        self.lock = threading.Lock()
        self.start()

    def isolate(self, nodes, among):
        """Cuts these nodes off from all others, both ways."""
        self.blocked = {(a, b) for a in among for b in among if (a in nodes) != (b in nodes)}

    def heal(self):
        self.blocked, self.delay = set(), (0.0, 0.0)

    def cut_some(self, chance):
        """Ends connections, each with this chance: what was under way is lost."""
        with self.lock:
            for s in list(self.pipes):
                if s in self.pipes and self.random.random() < chance:
                    self.drop(s)
                    self.cuts += 1

    def owner(self, port):
        want = "0100007F:%04X" % port
        for _ in range(3):
            for line in open("/proc/net/tcp").read().splitlines()[1:]:
                f = line.split()
                if f[1] == want and f[9] != "0":
                    for node, pid in self.pid_of().items():
                        try:
                            for fd in os.listdir("/proc/%d/fd" % pid):
                                if os.readlink("/proc/%d/fd/%s" % (pid, fd)) == "socket:[%s]" % f[9]:
                                    return node
                        except OSError:
                            pass
            time.sleep(0.002)
        return None

    def accept(self, listener):
        to = self.listeners[listener]
        try:
            a, address = listener.accept()
        except OSError:
            return
        frm = self.owner(address[1])
        if frm is None or (frm, to) in self.blocked or (to, frm) in self.blocked:
            a.close()
            return
        b = socket.socket()
        try:
            b.connect(("127.0.0.1", self.backs[to]))
        except OSError:
            a.close()
            b.close()
            return
        for s in (a, b):
            s.setblocking(False)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pipes[a] = (b, frm, to, collections.deque())
        self.pipes[b] = (a, to, frm, collections.deque())

    def drop(self, s):
        other = self.pipes.pop(s, (None,))[0]
        self.pipes.pop(other, None)
        for x in (s, other):
            if x is not None:
                x.close()

    def read(self, s):
        other, frm, to, queue = self.pipes[s]
        try:
            data = s.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop(s)
            return
        due = time.time() + self.delay[0] + self.random.random() * self.delay[1]
        queue.append([max(due, queue[-1][0] if queue else 0), data])

    def flush(self, s):
        other, frm, to, queue = self.pipes[s]
        while queue and (frm, to) not in self.blocked and queue[0][0] <= time.time():
            try:
                n = other.send(queue[0][1])
            except BlockingIOError:
                return
            except OSError:
                self.drop(s)
                return
            if n < len(queue[0][1]):
                queue[0][1] = queue[0][1][n:]
                return
            queue.popleft()

    def run(self):
        while not self.stopping:
            with self.lock:
                reading = [s for s, p in self.pipes.items() if len(p[3]) < 256]
                waiting = any(p[3] for p in self.pipes.values())
            try:
                ready, _, _ = select.select(list(self.listeners) + reading, [], [], 0.002 if waiting else 0.05)
            except (OSError, ValueError):
                continue  # one was closed meanwhile
            with self.lock:
                for s in ready:
                    if s in self.listeners:
                        self.accept(s)
                    elif s in self.pipes:
                        self.read(s)
                for s in list(self.pipes):
                    if s in self.pipes:
                        self.flush(s)

    def end(self):
        self.stopping = True
        self.join()
        for s in list(self.listeners) + list(self.pipes):
            s.close()


NOTE = struct.Struct("<QQQIIII")


def notes_of(path):
    data, at = open(path, "rb").read(), 0
    while at + NOTE.size <= len(data):
        inode, offset, size, kind, old, new, _ = NOTE.unpack_from(data, at)
        at += NOTE.size
        if at + old + new > len(data):
            return  # killed in the middle of a note: its write was not made
        yield inode, offset, size, kind, data[at:at + old], data[at + old:at + old + new]
        at += old + new


def power_cut(folder, log, chance):
    """After all processes were killed: takes back what they wrote and did not sync, all of it or, drawn for each file, any
    part of it, torn at 512 bytes. Returns how many writes were open."""
    files = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            files[os.stat(path).st_ino] = path
    open_writes = 0
    for name in os.listdir(log):
        unsynced = collections.defaultdict(list)
        for number, (inode, offset, size, kind, old, new) in enumerate(notes_of(os.path.join(log, name))):
            if kind == 2:
                unsynced[inode] = [w for w in unsynced[inode] if w[0] >= offset]
            else:
                unsynced[inode].append((number, offset, size, old, new))
        for inode, writes in unsynced.items():
            if inode not in files:
                continue
            open_writes += len(writes)
            keep_some = chance.random() < 0.5
            with open(files[inode], "r+b") as f:
                for _, offset, size, old, new in reversed(writes):
                    f.seek(offset)
                    f.write(old)
                    if size < offset + len(new):
                        f.truncate(size)
                for _, offset, size, old, new in writes if keep_some else []:
                    for at in range(0, len(new), 512):
                        if chance.random() < 0.5:
                            f.seek(offset + at)
                            f.write(new[at:at + 512])
        os.unlink(os.path.join(log, name))
    return open_writes


def can_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0


def mount_small(path, mib):
    """A file system of its own at `path`, with what was there."""
    os.makedirs(path, exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % mib, "tmpfs", path], stderr=subprocess.DEVNULL).returncode == 0


def remount(path, how):
    return subprocess.run(["mount", "-o", "remount,%s" % how, path], stderr=subprocess.DEVNULL).returncode == 0


def unmount(path):
    subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL)


def flip(path, at, size=1):
    with open(path, "r+b") as f:
        f.seek(at)
        old = f.read(size)
        f.seek(at)
        f.write(bytes(b ^ 0xff for b in old))
