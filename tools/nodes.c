#include "tools/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nodes_init(struct nodes *n, const struct tool_option *url, const struct ledger_registry *registry)
{
    char text[300];

    memset(n, 0, sizeof(*n));
    n->registry = registry;
    for (const char *value; n->count < NODES_MAX && (value = tool_option_value(url, n->count)) != NULL;)
        n->url[n->count++] = anju_strdup(value);
    if (n->count > 0)
        return;
    for (uint32_t i = 0; i < registry->genesis->n_nodes && i < NODES_MAX; i++) {
        snprintf(text, sizeof(text), "https://%s", registry->genesis->nodes[i].rpc);
        n->url[n->count++] = anju_strdup(text);
    }
}

void nodes_deinit(struct nodes *n)
{
    tool_client_close(n->client);
    for (size_t i = 0; i < n->count; i++)
        free((void *)(uintptr_t)n->url[i]);
    memset(n, 0, sizeof(*n));
}

enum anju_err nodes_call(struct nodes *n, json_t **result, json_t **error, const char *method, json_t *params)
{
    enum anju_err err = ANJU_ERR_NOT_FOUND;

    *result = *error = NULL;
    if (n->count == 0)
        err = anju_fail(ANJU_ERR_NOT_FOUND, "the genesis document names no nodes: give one with --url");
    for (size_t tries = 0; tries < n->count; tries++) {
        err = n->client != NULL ? ANJU_OK : tool_client_open(&n->client, n->url[n->now], n->registry);
        if (err == ANJU_OK)
            err = tool_call(n->client, result, error, method, json_incref(params));
        if (err == ANJU_OK || *error != NULL)
            break;
        tool_client_close(n->client);
        n->client = NULL;
        n->now = (n->now + 1) % n->count;
    }
    json_decref(params);
    return err;
}
