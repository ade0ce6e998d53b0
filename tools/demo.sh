#!/bin/bash
# demo.sh: four organisations' nodes on this machine, real service orders, one node killed, everything audited.
# ORDERS=n sets how many orders are imported, KEEP=1 leaves the network running. Standard output has one line of
# JSON, in which every value was measured; what happens is told on standard error.
here=$(cd "$(dirname "$0")" && pwd)
exec /usr/bin/python3 "$here/demo.py"
