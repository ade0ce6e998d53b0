#!/bin/bash
# A short run of the simulator of whole nodes (tests/sim/sim_node.c); longer ones: make sim-node SEED=n COUNT=n.
BUILD=${BUILD:-build}
count=150
[ -z "${ANJU_TEST_LONG:-}" ] || count=3000
if timeout 600 "$BUILD"/tests/sim/sim_node 1 "$count"; then
    echo "1 passed, 0 failed"
else
    echo "0 passed, 1 failed"
    exit 1
fi
