/*
 * explore: many short scenes of one height: four validators, one of whom lies, all in step.
 * Each phase of each round chooses who hears whom (directed: partitions into groups can't find what
 * a lock is for) and what the liar tells to each; bodies and executions are at hand at once,
 * crashes are choices too. Finds in seconds what clusters with clocks meet once in thousands of
 * runs.
 */
#ifndef ANJU_TESTS_EXPLORE_H
#define ANJU_TESTS_EXPLORE_H

#include "consensus/consensus.h"

enum { EXPLORE_WHY_SIZE = 256 };

struct explored {
    uint64_t scenes, decided, restarts;
};

/* False: a fork, a double signature, an honest one accused, or a stop; `why` says in which scene.
 */
bool explore(struct explored *out, char why[EXPLORE_WHY_SIZE], uint64_t seed, uint64_t count);

#endif
