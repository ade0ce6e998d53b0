#!/usr/bin/python3
"""The HTTP and JSON-RPC rows of docs/rpc.md, "Answers to bad requests", the examples of the JSON-RPC
specification and the JSON parsing files, through the real sockets (tests/net/jsonrpc_server.c)."""
import base64, glob, json, os, socket, ssl, subprocess, sys, tempfile, time

top = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
vectors = os.path.join(top, "..", "shared", "vectors")
build = os.environ.get("BUILD", "build")
passed = failed = 0


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED %s: %s" % (name, detail))


class Server:
    def __init__(self):
        self.dir = tempfile.TemporaryDirectory()
        self.cert, self.key = self.dir.name + "/cert.pem", self.dir.name + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=test", "-days", "2", "-keyout", self.key, "-out", self.cert],
                       check=True, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen([os.path.join(top, build, "tests/net/jsonrpc_server"), self.cert, self.key],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE

    def connect(self):
        return self.tls.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=40))

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(timeout=10)


def read_answer(s, data=b""):
    """One answer: (status, headers, body, what was read beyond it)."""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            return (0, {}, data, b"")
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = {l.split(":")[0].lower(): l.split(":", 1)[1].strip() for l in lines[1:]}
    size = int(headers.get("content-length", "0"))
    while len(rest) < size:
        more = s.recv(65536)
        if not more:
            break
        rest += more
    return int(lines[0].split()[1]), headers, rest[:size], rest[size:]


def closed(s):
    try:
        return s.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def raw(server, data):
    with server.connect() as s:
        s.sendall(data)
        return read_answer(s)


def post(server, body):
    if isinstance(body, str):
        body = body.encode()
    return raw(server, b"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def code_of(answer):
    status, _, body, _ = answer
    return json.loads(body)["error"]["code"] if status == 200 and body else None


def http_rows(server):
    get, pst = "GET /livez HTTP/1.1\r\n", "POST /rpc HTTP/1.1\r\nHost: a\r\n"
    rows = [
        ("no Content-Length", pst + "\r\n", 411),
        ("duplicate Content-Length", pst + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]", 400),
        ("negative Content-Length", pst + "Content-Length: -1\r\n\r\n", 400),
        ("huge Content-Length", pst + "Content-Length: 99999999999999999999\r\n\r\n", 400),
        ("Content-Length over 4 MiB", pst + "Content-Length: 4194305\r\n\r\n", 413),
        ("CL and TE", pst + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n[]", 400),
        ("any TE", pst + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        ("chunk extensions", pst + "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n[]\r\n0\r\n\r\n", 501),
        ("trailers", pst + "Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n\r\n", 501),
        ("obs-fold", get + "Host: a\r\nX: 1\r\n 2\r\n\r\n", 400),
        ("empty header name", get + "Host: a\r\n: 1\r\n\r\n", 400),
        ("NUL in a value", get + "Host: a\r\nX: 1\0\r\n\r\n", 400),
        ("duplicate Host", get + "Host: a\r\nHost: b\r\n\r\n", 400),
        ("bare LF", get + "Host: a\n\n", 400),
        ("bare CR", get + "Host: a\rX: b\r\n\r\n", 400),
        ("a head of 8 KiB and 1", get + "Host: a\r\nX: " + "x" * 8200 + "\r\n\r\n", 431),
        ("101 header fields", get + "Host: a\r\n" + "X: 1\r\n" * 100 + "\r\n", 431),
        ("absolute URI", "GET https://a/livez HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("%00 in the path", "GET /livez%00 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("%2e%2e in the path", "GET /%2e%2e/livez HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("double encoding", "GET /%252e%252e HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("a query string", "GET /livez?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("Expect", pst + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", 417),
        ("Upgrade", get + "Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 501),
        ("GET where only POST is", "GET /rpc HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("POST where only GET is", "POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405),
        ("an unknown method", "DELETE /rpc HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("HTTP/1.0", "GET /livez HTTP/1.0\r\nHost: a\r\n\r\n", 505),
        ("TLS but not HTTP", "\x16\x03\x01\x02\x00", 400),
    ]
    for name, text, status in rows:
        with server.connect() as s:
            s.sendall(text.encode("latin-1"))
            answer = read_answer(s)
            check(name, answer[0] == status, "%r, not %d" % (answer, status))
            check(name + ": says why and closes", len(answer[2]) > 5 and answer[1].get("connection") == "close" and closed(s), repr(answer))
    check("a plain GET", raw(server, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")[0] == 200)


def http_flow(server):
    text = b'{"jsonrpc":"2.0","method":"sum","params":[1,2,%d],"id":%d}'
    one = b"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"%d" % len(text % (1, 1)) + b"\r\n\r\n" + text
    with server.connect() as s:  # pipelining: answers in order
        s.sendall(b"".join(one % (i, i) for i in range(1, 10)))
        rest, ok = b"", True
        for i in range(1, 10):
            status, _, body, rest = read_answer(s, rest)
            ok = ok and status == 200 and json.loads(body) == {"jsonrpc": "2.0", "result": 3 + i, "id": i}
        check("pipelined requests are answered in order", ok)
    with server.connect() as s:  # byte by byte, quickly
        for b in (one % (7, 7)):
            s.sendall(bytes([b]))
        check("a request in single bytes", read_answer(s)[0] == 200)
    with server.connect() as s:
        s.sendall((one % (7, 7))[:-1])
        start = time.time()
        status = read_answer(s)[0]
        check("a body short by one byte gets 408 after 25 s", status == 408 and 20 < time.time() - start < 32, "%d after %.1f s" % (status, time.time() - start))
    with server.connect() as s:
        start, status = time.time(), None
        for b in b"GET /livez HTTP/1.1\r\nHost: a\r\nX: 1\r\n":
            try:
                s.sendall(bytes([b]))
            except OSError:
                break
            if time.time() - start > 8:
                break
            time.sleep(0.4)
        s.settimeout(2)
        status = read_answer(s)[0]
        check("a head at a few bytes a second gets 408 after 5 s", status == 408, str(status))
    with server.connect() as s:  # a 413 arrives while the body is still being sent
        s.sendall(b"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
        try:
            for _ in range(20):
                s.sendall(b"x" * 10000)
        except OSError:
            pass
        check("a 413 arrives although the body is on its way", read_answer(s)[0] == 413)
    plain = socket.create_connection(("127.0.0.1", server.port))
    plain.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    plain.settimeout(8)
    try:
        data = plain.recv(100)
    except ConnectionError:
        data = b""
    check("plain HTTP is not answered", not data.startswith(b"HTTP"))
    plain.close()


def jsonrpc_rows(server):
    def call(text):
        return '{"jsonrpc":"2.0","method":"sum","params":%s,"id":1}' % text
    rows = [
        ("empty body", "", -32700), ("BOM", b"\xef\xbb\xbf" + call("[1]").encode(), -32700),
        ("invalid UTF-8", b'{"jsonrpc":"2.0","method":"\xff","id":1}', -32700),
        ("lone surrogate", '{"jsonrpc":"2.0","method":"\\ud800","id":1}', -32700),
        ("duplicate keys", '{"jsonrpc":"2.0","method":"sum","method":"sum","id":1}', -32600),
        ("1e400", call("[1e400]"), -32700), ("NaN", call("[NaN]"), -32700),
        ("depth 33", call("[" * 32 + "]" * 32), -32600),
        ("empty batch", "[]", -32600), ("a batch of 101", "[" + ",".join([call("[1]")] * 101) + "]", -32600),
        ("object id", '{"jsonrpc":"2.0","method":"sum","id":{}}', -32600),
        ("float id", '{"jsonrpc":"2.0","method":"sum","id":1.5}', -32600),
        ("id 2^63", '{"jsonrpc":"2.0","method":"sum","id":9223372036854775808}', -32700),
        ("unknown method", '{"jsonrpc":"2.0","method":"nope","id":1}', -32601),
        ("method of a wrong type", '{"jsonrpc":"2.0","method":1,"id":1}', -32600),
        ("params of a wrong type", '{"jsonrpc":"2.0","method":"sum","params":1,"id":1}', -32600),
        ("a NUL byte", call("[1]").encode() + b"\0", -32700),
        ("a NUL after a number", b"123\0", -32700),
        ("a number", "1", -32600), ("jsonrpc 1.0", '{"jsonrpc":"1.0","method":"sum","id":1}', -32600),
    ]
    for name, body, code in rows:
        answer = post(server, body)
        check("JSON-RPC " + name, code_of(answer) == code, repr(answer)[:300])
    check("depth 32 is taken", json.loads(post(server, call("[" * 31 + "]" * 31))[2])["result"] == 0)
    check("-0 and 2^53+1", json.loads(post(server, call("[-0, 9007199254740993]"))[2])["result"] == 9007199254740993)
    check("a string of 1 MiB", post(server, call('["%s"]' % ("x" * 1048576)))[0] == 200)
    answer = json.loads(post(server, "[[%s], 1]" % call("[1]"))[2])
    check("a nested batch", [a["error"]["code"] for a in answer] == [-32600, -32600], repr(answer))
    check("a notification gets no body", post(server, '{"jsonrpc":"2.0","method":"nope"}')[0] == 204)


def specification(server):
    path = os.path.join(vectors, "jsonrpc2", "spec_examples.json")
    if not os.path.exists(path):
        path = os.path.join(top, "tests", "vectors", "jsonrpc2_examples.json")
    for case in json.load(open(path)):
        status, _, body, _ = post(server, case["request"])
        got = json.loads(body) if body else None
        for one in got if isinstance(got, list) else [got]:
            if one and "error" in one:
                one["error"].pop("data", None)  # the specification allows it; ours has reason and hint
        order = lambda v: sorted(v, key=lambda a: json.dumps(a, sort_keys=True)) if isinstance(v, list) else v
        check("specification " + case["id"], order(got) == order(case["response"]) and status == (200 if body else 204), repr(got))


def parsing_files(server):
    files = sorted(glob.glob(os.path.join(vectors, "jsontestsuite", "test_parsing", "*.json")))
    if files:
        cases = [(os.path.basename(f), open(f, "rb").read()) for f in files]
    else:
        cases = [(n, base64.b64decode(b)) for n, b in json.load(open(os.path.join(top, "tests", "vectors", "json_parsing.json"))).items()]
    for name, body in cases:
        status, _, text, _ = post(server, body)
        code = None
        if text:
            answer = json.loads(text)
            code = answer["error"]["code"] if isinstance(answer, dict) and "error" in answer else None
        if name.startswith("n_"):
            check(name, code == -32700, "%s %r" % (status, text[:200]))
        elif name.startswith("y_"):
            check(name, status in (200, 204) and code != -32700, "%s %r" % (status, text[:200]))
        else:
            check(name, status in (200, 204), "%s" % status)


def main():
    server = Server()
    specification(server)
    parsing_files(server)
    jsonrpc_rows(server)
    http_rows(server)
    http_flow(server)
    check("the server is alive", raw(server, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")[0] == 200)
    check("the server stops", server.stop() == 0)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
