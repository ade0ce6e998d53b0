/* anju status, anju members: how nodes are, and who is on the ledger. */
#include <stdio.h>
#include <string.h>

#include "tools/tools.h"

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value != NULL ? value : "";
}

/* One row a node; false where it does not answer. */
static bool status_row(struct tool_table *table, json_t *all, const char *url, const struct ledger_registry *r)
{
    struct tool_client *client = NULL;
    json_t *status = NULL, *error = NULL;
    char peers[32], round[64];

    enum anju_err err = tool_client_open(&client, url, r);
    if (err == ANJU_OK)
        err = tool_call(client, &status, &error, "node.status", json_object());
    tool_client_close(client);
    json_decref(error);
    if (err != ANJU_OK) {
        const char *cells[] = {url, "no answer", "", "", "", anju_err_text()};
        tool_table_row(table, cells);
        json_array_append_new(all, json_pack("{s:s, s:b, s:s}", "url", url, "ready", 0, "reason", anju_err_text()));
        return false;
    }
    const json_t *consensus = json_object_get(status, "consensus"), *peer = json_object_get(status, "peers");
    snprintf(peers, sizeof(peers), "%d of %d", (int)json_integer_value(json_object_get(peer, "connected")), (int)json_integer_value(json_object_get(peer, "known")));
    snprintf(round, sizeof(round), "%s/%d %s", text(consensus, "height"), (int)json_integer_value(json_object_get(consensus, "round")), text(consensus, "step"));
    bool ready = json_is_true(json_object_get(status, "ready"));
    const char *cells[] = {url, ready ? "ready" : "not ready", text(status, "height"), round, peers, text(status, "reason")};
    tool_table_row(table, cells);
    json_object_set_new(status, "url", json_string(url));
    json_array_append_new(all, status);
    return ready;
}

int cmd_status(int argc, char **argv)
{
    struct tool_option options[] = {{"--genesis", "FILE", "the genesis document", "genesis.json", NULL}, {"--url", "URL", "one node only", NULL, NULL}, {0}};
    const struct tool_usage usage = {"status", "[--genesis FILE] [--url URL]", "Asks every node of the genesis document, or one, how it is. Exit code 1 where one is not ready.",
                                     "anju status --genesis genesis.json", options};
    static const char *const HEADS[] = {"node", "state", "height", "working on", "peers", "why"};
    const struct ledger_registry *r;
    int n, code = tool_args(&usage, argc, argv, &n, 0, 0);
    bool good = true;

    if (code >= 0)
        return code;
    if (tool_open_genesis(&r, options[0].given) != ANJU_OK)
        return tool_fail_err();
    struct tool_table *table = tool_table_new(HEADS, 6);
    json_t *all = json_array();
    for (uint32_t i = 0; i < (options[1].given != NULL ? 1 : r->genesis->n_nodes); i++) {
        char url[300];
        snprintf(url, sizeof(url), "https://%s", r->genesis->nodes[i].rpc);
        good = status_row(table, all, options[1].given != NULL ? options[1].given : url, r) && good;
    }
    if (tool_json) {
        tool_table_free(table);
        tool_print_json(all);
        return good ? TOOL_OK : TOOL_REFUSED;
    }
    json_decref(all);
    tool_table_print(table);
    return good ? TOOL_OK : TOOL_REFUSED;
}

int cmd_members(int argc, char **argv)
{
    struct tool_option options[] = {{"--genesis", "FILE", "the genesis document", "genesis.json", NULL}, {"--url", "URL", "the node to ask", NULL, NULL}, {0}};
    const struct tool_usage usage = {"members", "[--genesis FILE] [--url URL]", "Who is on the ledger.", "anju members", options};
    static const char *const HEADS[] = {"member", "name", "kind", "roles"};
    const struct ledger_registry *r;
    struct tool_client *client;
    json_t *answer, *error, *member;
    size_t index, k;
    int n, code = tool_args(&usage, argc, argv, &n, 0, 0);

    if (code >= 0)
        return code;
    if (tool_open_genesis(&r, options[0].given) != ANJU_OK || tool_client_open(&client, options[1].given, r) != ANJU_OK)
        return tool_fail_err();
    enum anju_err err = tool_call(client, &answer, &error, "member.list", json_object());
    tool_client_close(client);
    if (err != ANJU_OK)
        return error != NULL ? tool_print_error(error) : tool_fail_err();
    if (tool_json) {
        tool_print_json(answer);
        return TOOL_OK;
    }
    struct tool_table *table = tool_table_new(HEADS, 4);
    json_array_foreach(json_object_get(answer, "members"), index, member)
    {
        char number[16], name[300], roles[300] = "";
        const json_t *names = json_object_get(member, "name");
        json_t *role;
        snprintf(number, sizeof(number), "%d", (int)json_integer_value(json_object_get(member, "number")));
        snprintf(name, sizeof(name), "%s %s", text(names, "zh"), text(names, "en"));
        json_array_foreach(json_object_get(member, "roles"), k, role)
            snprintf(roles + strlen(roles), sizeof(roles) - strlen(roles), "%s%s", k > 0 ? "," : "", json_string_value(role));
        const char *cells[] = {number, name, text(member, "kind"), roles};
        tool_table_row(table, cells);
    }
    tool_table_print(table);
    json_decref(answer);
    return TOOL_OK;
}
