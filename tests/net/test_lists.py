#!/usr/bin/python3
"""Proofs of lists and of consistency through a verifier that was written from docs/formats.md alone: every file of
tests/vectors/lists gets the verdict of its name, as in anju (tests/unit/test_list_vectors.c), and no changed byte of a
good one passes."""
import glob
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from formats import changed, read_set
from list_verifier import consistency_is_valid, list_is_valid

V = dict(line.split() for line in open("tests/vectors/formats.txt"))
NODES = read_set(bytes.fromhex(V["set"]))[2]
FLIPS = 2000 if os.environ.get("ANJU_TEST_LONG") else 120
passed = failed = 0


def verdict(text):
    try:
        return (consistency_is_valid if b"anju-consistency" in text[:40] else list_is_valid)(text, NODES)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        return False


def check(name, ok):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED:", name)


chance = random.Random(7)
for path in sorted(glob.glob("tests/vectors/lists/*.json")):
    name, text = os.path.basename(path), open(path, "rb").read()
    good = name.startswith("good-")
    check(name, verdict(text) == good)
    if good:
        flips = [(chance.randrange(len(text)), 1 << chance.randrange(8)) for _ in range(FLIPS)]
        wrong = [f for f in flips if verdict(changed(text, *f))]
        check("%s: changed bytes %s pass" % (name, wrong), not wrong)
        check(name + ": a cut one passes", not any(verdict(text[:i]) for i in range(0, len(text), len(text) // 40)))
check("there are vectors", passed > 30)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
