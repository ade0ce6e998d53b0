/*
 * nodes: the nodes that a tool may ask; when one does not answer, the next one is asked.
 */
#ifndef ANJU_TOOLS_NODES_H
#define ANJU_TOOLS_NODES_H

#include "tools/tools.h"

enum { NODES_MAX = 64 };

struct nodes {
    const struct ledger_registry *registry; /* borrowed */
    const char *url[NODES_MAX];
    size_t count;
    size_t now; /* the one that is asked */
    struct tool_client *client; /* of it, or NULL */
};

/* The values of --url, or all nodes of genesis. */
void nodes_init(struct nodes *n, const struct tool_option *url, const struct ledger_registry *registry);
void nodes_deinit(struct nodes *n);
/* Like tool_call, at each node once until one answers. */
ANJU_MUST_CHECK enum anju_err nodes_call(struct nodes *n, json_t **result, json_t **error, const char *method, json_t *params);

#endif
