#!/usr/bin/python3
"""The demo, small: its last line is one JSON object in which everything holds; what can't be is refused with words."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from cluster import TOP, Checks

check = Checks()


def demo(orders):
    return subprocess.run(["bash", os.path.join(TOP, "tools/demo.sh")], env={**os.environ, "ORDERS": orders, "KEEP": ""}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)


for turn in ("first", "second"):
    p = demo("150")
    out = json.loads(p.stdout.splitlines()[-1]) if p.stdout else {}
    check("the %s demo ends with 0" % turn, p.returncode == 0, p.stderr[-1500:])
    check("its output is one line of JSON", p.stdout.count("\n") == 1, p.stdout)
    expect = {"orders": 150, "nodes": 4, "killed_and_rejoined": True, "same_roots": True, "live_order": "closed", "audit": "ok", "receipt": "valid"}
    check("everything in it holds", {k: out.get(k) for k in expect} == expect, out)
    check("and it has the measured rest", list(out) == ["orders", "records", "blocks", "nodes", "killed_and_rejoined", "same_roots", "live_order", "audit", "receipt",
                                                        "records_per_second", "finality_ms_p50"] and all(out[k] > 0 for k in ("records", "blocks", "records_per_second", "finality_ms_p50")), out)
p = demo("many")
check("ORDERS that is no number is refused", p.returncode == 2 and "ORDERS=many" in p.stderr and p.stdout == "", p.stderr)
sys.exit(check.done())
