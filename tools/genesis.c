/*
 * anju genesis: makes the genesis document from public member files (no secret is needed), or checks
 * one and shows what people sign off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/genesis_json.h"
#include "tools/tools.h"

enum { PROCEDURES_MAX = 32, CALENDARS_MAX = 8, MEMBERS_MAX = 256 };

/* Compiled procedures of a comma-separated list of files. */
static enum anju_err read_list(struct bytes *out, uint32_t *n, uint32_t max, const char *list, struct arena *a)
{
    char *copy = arena_text(a, bytes_of_text(list));

    *n = 0;
    for (char *path = strtok(copy, ","); path != NULL; path = strtok(NULL, ",")) {
        if (*n == max)
            return anju_fail(ANJU_ERR_TOO_LARGE, "%s: more than %u files", list, max);
        enum anju_err err = tool_read_file(&out[(*n)++], path, GENESIS_FILE_SIZE_MAX, a);
        if (err != ANJU_OK)
            return err;
    }
    return ANJU_OK;
}

static void print_summary(const struct ledger_registry *r)
{
    const struct ledger_genesis *g = r->genesis;
    static const char *const HEADS[] = {"member", "name", "kind", "roles", "keys", "node"};
    struct tool_table *t = tool_table_new(HEADS, 6);
    char id[65];

    hex_encode(id, r->ledger_id.b, 32);
    fprintf(stderr, "ledger id  %s\norigin     %s\nvalidators %u, %u signatures make a certificate, %u may be faulty\n", id, g->origin, r->set.n,
            ledger_set_quorum(&r->set), ledger_set_faulty(&r->set));
    for (uint32_t i = 0; i < g->n_members; i++) {
        char number[16], name[256], roles[256] = "", keys[16];
        const char *node = "";
        uint32_t n_keys = 0;
        for (uint32_t k = 0; k < g->members[i].n_roles; k++)
            snprintf(roles + strlen(roles), sizeof(roles) - strlen(roles), "%s%s", k > 0 ? "," : "", g->members[i].roles[k]);
        for (uint32_t k = 0; k < g->n_keys; k++)
            n_keys += g->keys[k].member == g->members[i].number;
        for (uint32_t k = 0; k < g->n_nodes; k++)
            if (g->nodes[k].node.member == g->members[i].number)
                node = g->nodes[k].peer;
        snprintf(number, sizeof(number), "%u", g->members[i].number);
        snprintf(keys, sizeof(keys), "%u", n_keys);
        snprintf(name, sizeof(name), "%s %s", g->members[i].name_zh, g->members[i].name_en);
        const char *cells[] = {number, name, g->members[i].kind, roles, keys, node};
        tool_table_row(t, cells);
    }
    tool_table_print(t);
}

static int check(const char *path)
{
    const struct ledger_registry *r;

    if (tool_open_genesis(&r, path) != ANJU_OK)
        return tool_fail(TOOL_REFUSED, "%s", anju_err_text());
    if (tool_json) {
        char id[65];
        hex_encode(id, r->ledger_id.b, 32);
        tool_print_json(json_pack("{s:s, s:s, s:i, s:i, s:i}", "ledger", id, "origin", r->genesis->origin, "members", (int)r->genesis->n_members,
                                  "validators", (int)r->set.n, "procedures", (int)r->n_procedures));
    } else
        print_summary(r);
    return TOOL_OK;
}

static enum anju_err read_members(struct member_file *members, int n, char **paths, struct arena *a)
{
    for (int i = 0; i < n; i++) {
        struct bytes file;
        char words[300];
        enum anju_err err = tool_read_file(&file, paths[i], MEMBER_FILE_SIZE_MAX, a);
        if (err == ANJU_OK && (err = member_file_decode(&members[i], file, a)) != ANJU_OK) {
            snprintf(words, sizeof(words), "%s", anju_err_text());
            return anju_fail(err, "%s: %s", paths[i], words);
        }
        if (err != ANJU_OK)
            return err;
    }
    return ANJU_OK;
}

static int create(int n, char **paths, const struct tool_option *o)
{
    struct arena arena = {0};
    struct bytes procedures[PROCEDURES_MAX], calendars[CALENDARS_MAX];
    struct member_file *members = arena_alloc(&arena, MEMBERS_MAX * sizeof(*members));
    struct genesis_parts parts = {.origin = o[0].given, .members = members, .n_members = (uint32_t)n, .procedures = procedures,
                                  .calendars = calendars, .created = tool_now_ms(), .development = o[4].given != NULL};
    struct writer document = {0};
    enum anju_err err = read_members(members, n, paths, &arena);

    if (err == ANJU_OK)
        err = read_list(procedures, &parts.n_procedures, PROCEDURES_MAX, o[1].given, &arena);
    if (err == ANJU_OK)
        err = read_list(calendars, &parts.n_calendars, CALENDARS_MAX, o[2].given, &arena);
    if (err == ANJU_OK && o[3].given[0] != '\0')
        err = tool_read_file(&parts.code_lists, o[3].given, GENESIS_FILE_SIZE_MAX, &arena);
    if (err == ANJU_OK && o[5].given != NULL)
        err = json_time_parse(&parts.created, o[5].given) == ANJU_OK
                  ? ANJU_OK : anju_fail(ANJU_ERR_MALFORMED, "--created %s: must be a time such as 2026-01-02T03:04:05.678Z", o[5].given);
    if (err != ANJU_OK)
        return tool_fail_err();
    if (genesis_json_build(&document, &parts) != ANJU_OK)
        return tool_fail(TOOL_REFUSED, "%s", anju_err_text());
    if (tool_write_file(o[6].given, writer_view(&document), 0644, false) != ANJU_OK)
        return tool_fail_err();
    writer_free(&document);
    arena_free(&arena);
    return check(o[6].given);
}

int cmd_genesis(int argc, char **argv)
{
    struct tool_option options[] = {
        {"--origin", "NAME", "the ledger's name, a URL without scheme", "anju.example/ledger", NULL},
        {"--procedures", "A,B", "compiled procedures (anju procedure build)", "", NULL},
        {"--calendars", "A,B", "calendar files", "", NULL},
        {"--codes", "FILE", "code lists", "", NULL},
        {"--development", NULL, "allow fewer than four validators", NULL, NULL},
        {"--created", "TIME", "when the ledger begins, RFC 3339 UTC with milliseconds (now)", NULL, NULL},
        {"--out", "FILE", "where the document goes", "genesis.json", NULL},
        {0}};
    const struct tool_usage usage = {
        "genesis", "create [options] MEMBER.json... | check FILE",
        "Makes the genesis document from public member files, without any secret; or checks one and shows what it says.\nEveryone compares the ledger id (sha256sum of the file) before starting a node.",
        "anju genesis create --origin anju.example/yongan --procedures order.bin,order-import.bin --codes codes.json \\\n      --calendars calendar.json gov/member.json yongan/member.json care/member.json audit/member.json",
        options};
    int n, code = tool_args(&usage, argc, argv, &n, 2, MEMBERS_MAX + 1);

    if (code >= 0)
        return code;
    if (strcmp(argv[1], "check") == 0 && n == 2)
        return check(argv[2]);
    if (strcmp(argv[1], "create") == 0)
        return create(n - 1, argv + 2, options);
    return tool_fail(TOOL_USAGE, "'%s': use create MEMBER.json... or check FILE", argv[1]);
}
