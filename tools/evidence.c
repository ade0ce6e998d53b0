/* anju evidence: proofs that a validator contradicted itself: asked of the nodes, checked here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/evidence.h"
#include "rpc/json.h"
#include "storage/evidence_files.h"
#include "tools/evidence_fork.h"
#include "tools/nodes.h"

struct seen {
    const struct ledger_registry *registry;
    const char *out; /* folder for the proofs, or NULL */
    struct tool_table *table;
    json_t *all;
    struct crypto_hash *hashes; /* of proofs that were shown already */
    size_t n;
    bool bad;
};

static void name_convicts(char *out, size_t size, uint32_t convicts,
                          const struct ledger_registry *r)
{
    out[0] = '\0';
    for (unsigned i = 0; i < r->set.n; i++) {
        const struct ledger_member *m = ledger_registry_member(r, r->set.node[i].member);
        char hex[65];
        if ((convicts >> i & 1) == 0)
            continue;
        hex_encode(hex, r->set.node[i].id.b, CRYPTO_HASH_SIZE);
        snprintf(out + strlen(out), size - strlen(out), "%s%s (member %u, node %.12s)",
                 out[0] != '\0' ? ", " : "", m != NULL ? m->name_en : "?", r->set.node[i].member,
                 hex);
    }
    if (out[0] == '\0')
        snprintf(out, size, "more than f of the signers; the polkas of both rounds tell who");
}

static void say_rounds(char *out, size_t size, const struct ledger_evidence *e)
{
    static const char *const TYPES[] = {"proposal", "prevote", "precommit"};

    if (e->kind == LEDGER_EVIDENCE_FORK)
        snprintf(out, size, "commit in round %u, commit in round %u", e->first_commit.round,
                 e->second_commit.round);
    else
        snprintf(out, size, "%s in round %u, %s in round %u", TYPES[e->first.type], e->first.round,
                 TYPES[e->second.type], e->second.round);
}

static enum anju_err save(const struct seen *s, uint64_t height, struct bytes proof)
{
    struct crypto_hash hash;
    char hex[65], path[1200];

    crypto_sha256(&hash, proof);
    hex_encode(hex, hash.b, CRYPTO_HASH_SIZE);
    snprintf(path, sizeof(path), "%s/%llu-%.16s.evidence", s->out, (unsigned long long)height, hex);
    return tool_write_file(path, proof, 0644, true);
}

/* Checks one proof; `from` says where it comes from. */
static enum anju_err show(struct seen *s, struct bytes proof, const char *from)
{
    static const char *const HEADS[] = {"height", "what", "messages", "signed by", "from"};
    struct ledger_evidence *e = anju_alloc(sizeof(*e));
    uint32_t convicts = 0;
    char height[32], rounds[100], whom[1000];
    enum anju_err err = ledger_evidence_decode(e, proof, &s->registry->ledger_id);

    if (err == ANJU_OK)
        err = ledger_evidence_verify(&convicts, e, &s->registry->set, &s->registry->ledger_id);
    if (err == ANJU_OK) {
        snprintf(height, sizeof(height), "%llu", (unsigned long long)ledger_evidence_height(e));
        say_rounds(rounds, sizeof(rounds), e);
        name_convicts(whom, sizeof(whom), convicts, s->registry);
        const char *cells[] = {height, ledger_evidence_name(e->kind), rounds, whom, from};
        if (!tool_json && s->table == NULL)
            s->table = tool_table_new(HEADS, 5);
        if (!tool_json)
            tool_table_row(s->table, cells);
        json_array_append_new(s->all,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "height", height, "kind",
                                        ledger_evidence_name(e->kind), "messages", rounds, "whom",
                                        whom, "from", from, "proof", json_of_base64(proof)));
        if (s->out != NULL)
            err = save(s, ledger_evidence_height(e), proof);
    }
    free(e);
    return err;
}

static bool is_new(struct seen *s, struct bytes proof)
{
    struct crypto_hash hash;

    crypto_sha256(&hash, proof);
    for (size_t i = 0; i < s->n; i++)
        if (crypto_hash_equal(&s->hashes[i], &hash))
            return false;
    s->hashes = anju_realloc(s->hashes, (s->n + 1) * sizeof(hash));
    s->hashes[s->n++] = hash;
    return true;
}

static void show_answer(struct seen *s, const json_t *answer, const char *url)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(answer, "evidence"), i, item)
    {
        struct json_fault fault = {0};
        struct arena a = {0};
        struct json_in in = json_root(item, &fault), member = json_member(&in, "proof");
        struct bytes proof = json_read_base64(&member, EVIDENCE_FILE_SIZE_MAX, &a);
        if (json_finish(&fault, url) != ANJU_OK ||
            (is_new(s, proof) && show(s, proof, url) != ANJU_OK)) {
            fprintf(stderr, "anju evidence: %s sent what proves nothing: %s\n", url,
                    anju_err_text());
            s->bad = true;
        }
        arena_free(&a);
    }
}

/* Between the first node that answers and another one. */
static void look_for_fork(struct seen *s, const char *first, const char *other)
{
    struct ledger_evidence *e = anju_alloc(sizeof(*e));
    struct writer proof = {0};
    char from[600];
    enum anju_err err = fork_between(e, first, other, s->registry);

    if (err == ANJU_OK) {
        ledger_evidence_encode(&proof, e, &s->registry->ledger_id);
        snprintf(from, sizeof(from), "%s and %s", first, other);
        err = show(s, writer_view(&proof), from);
    }
    if (err != ANJU_OK && err != ANJU_ERR_NOT_FOUND)
        fprintf(stderr, "anju evidence: %s and %s cannot be compared: %s\n", first, other,
                anju_err_text());
    writer_free(&proof);
    free(e);
}

static int ask_nodes(struct seen *s, const struct tool_option *url)
{
    const char *first = NULL;
    struct nodes nodes;
    size_t answers = 0;

    nodes_init(&nodes, url, s->registry);
    for (size_t i = 0; i < nodes.count; i++) {
        struct tool_client *client = NULL;
        json_t *answer = NULL, *error = NULL;
        enum anju_err err = tool_client_open(&client, nodes.url[i], s->registry);
        if (err == ANJU_OK)
            err = tool_call(client, &answer, &error, "evidence.list",
                            json_pack("{s:s}", "limit", "1000"));
        if (err == ANJU_OK)
            show_answer(s, answer, nodes.url[i]);
        else
            fprintf(stderr, "anju evidence: %s does not answer: %s\n", nodes.url[i],
                    anju_err_text());
        answers += err == ANJU_OK;
        if (err == ANJU_OK && first != NULL)
            look_for_fork(s, first, nodes.url[i]);
        else if (err == ANJU_OK)
            first = nodes.url[i];
        tool_client_close(client);
        json_decref(answer);
        json_decref(error);
    }
    nodes_deinit(&nodes);
    return answers > 0 ? TOOL_OK : TOOL_FAILED;
}

static int read_files(struct seen *s, char **files, int n)
{
    int code = TOOL_OK;

    for (int i = 0; i < n; i++) {
        struct arena a = {0};
        struct bytes proof;
        if (tool_read_file(&proof, files[i], EVIDENCE_FILE_SIZE_MAX, &a) != ANJU_OK)
            code = tool_fail_err();
        else if (show(s, proof, files[i]) != ANJU_OK)
            code = tool_fail(TOOL_REFUSED, "%s proves nothing: %s", files[i], anju_err_text());
        arena_free(&a);
    }
    return code;
}

int cmd_evidence(int argc, char **argv)
{
    struct tool_option options[] = {
        {"--genesis", "FILE", "the genesis document", "genesis.json", NULL},
        {"--url", "URL", "a node to ask; may be given several times (all of genesis)", NULL, NULL},
        {"--out", "DIR", "write each proof there, as a file", NULL, NULL},
        {0}};
    const struct tool_usage usage = {
        "evidence", "[--genesis FILE] [--url URL]... [--out DIR] [FILE...]",
        "Proofs that a validator signed what contradicts itself: all "
        "that the nodes keep, or these files, each\n"
        "checked here with nothing but the genesis document; and whether two nodes hold different "
        "certificates of a height. A node "
        "whose identity runs twice is the usual cause.\n"
        "Exit code 1 where something proves nothing.",
        "anju evidence --genesis genesis.json", options};
    struct seen s = {0};
    int n, code = tool_args(&usage, argc, argv, &n, 0, 1000);

    if (code >= 0)
        return code;
    if (tool_open_genesis(&s.registry, options[0].given) != ANJU_OK)
        return tool_fail_err();
    s.out = options[2].given;
    s.all = json_array();
    code = n > 0 ? read_files(&s, argv + 1, n) : ask_nodes(&s, &options[1]);
    if (s.bad)
        code = TOOL_REFUSED;
    if (tool_json)
        tool_print_json(json_incref(s.all));
    else if (s.table != NULL)
        tool_table_print(s.table);
    else if (code == TOOL_OK)
        printf("no evidence: nobody contradicted itself where one of these nodes saw it\n");
    json_decref(s.all);
    free(s.hashes);
    return code;
}
