#!/usr/bin/python3
"""SIGTERM while a request is on its way in: it is answered, and the node ends well. A client that sends half of its
body, and the rest when the node is stopping, is what makes this happen at will."""
import base64, json, socket, sys, time

from network import Checks, Network, now

check = Checks()


def begin(node, body):
    """A connection that has sent all of a request but the last 100 bytes."""
    c = node.tls.wrap_socket(socket.create_connection(("127.0.0.1", node.base + 1), timeout=10))
    head = "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    c.sendall(head.encode() + body[:-100])
    return c


def answer_of(c):
    got = b""
    try:
        while True:
            more = c.recv(65536)
            if not more:
                break
            got += more
    except OSError:
        pass
    return got


def main():
    node = Network(1)
    node.start()
    if not node.wait_ready():
        raise SystemExit("the node is not ready: " + node.log(0))
    fields = {"occurred": now(-5000), "no": "S-1", "type": "Sidewalk Repair", "grid": "ward 3", "committed": ["1", "2"]}
    _, wire = node.envelope(0, 1, [{"procedure": "order-import", "action": "place", "fields": fields}])
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "record.submit", "params": {"envelope": base64.b64encode(wire).decode()}}).encode()
    late = [begin(node, body) for _ in range(8)]
    time.sleep(0.3)
    node.process[0].terminate()
    time.sleep(0.7)
    for c in late:
        c.sendall(body[-100:])
    answers = [answer_of(c) for c in late]
    check("every request that was on its way is answered", all(a.startswith(b"HTTP/1.1 200") for a in answers), answers)
    check("it is told to come again", all(b'"busy"' in a or b'"pending"' in a or b'"committed"' in a for a in answers), answers[0][-400:])
    code = node.process[0].wait(timeout=20)
    check("the node ends well", code == 0, "%s: %s" % (code, node.log(0)[-600:]))
    node.end()
    return check.end()


sys.exit(main())
