/*
 * node: a running anjud: threads, files and sockets around the engine. One a process.
 */
#ifndef ANJU_NODE_NODE_H
#define ANJU_NODE_NODE_H

#include "node/config.h"

/* Exit codes of anjud; docs/anjud.conf.sample names them. */
enum node_exit {
    NODE_EXIT_OK = 0,
    NODE_EXIT_USAGE = 2, /* command line or configuration */
    NODE_EXIT_FILES = 3, /* genesis, a key or a certificate: missing, unreadable, wrong */
    NODE_EXIT_DATA =
        4, /* the data directory: of another ledger, damaged, in use, or the disk is full */
    NODE_EXIT_ADDRESS = 5, /* an address to listen at: in use or unknown */
};

/* Runs until SIGTERM or SIGINT. `check`: reads configuration, genesis and keys, says what it found,
 * and touches neither data directory nor network. */
int node_run(const struct node_config *config, bool check);

#endif
