/*
 * A fork between two nodes: the first height of which they hold different commit certificates, as a
 * proof. What they say is not believed: both certificates are verified.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rpc/json.h"
#include "tools/evidence_fork.h"

enum { CALL_S = 10 };

/* One of the two nodes. */
struct side {
    struct tool_client *client;
    const struct ledger_registry *registry;
};

static enum anju_err call(const struct side *s, json_t **out, const char *method, json_t *params)
{
    json_t *error = NULL;
    enum anju_err err = tool_call(s->client, out, &error, method, params);

    json_decref(error);
    return err;
}

static enum anju_err read_certificate(struct ledger_certificate *out, const json_t *value)
{
    struct json_fault fault = {0};
    struct json_in root = json_root(value, &fault), at;

    *out = (struct ledger_certificate){.height = 0};
    at = json_member(&root, "height");
    out->height = json_read_u64(&at);
    at = json_member(&root, "round");
    out->round = (uint32_t)json_read_int(&at, 0, LEDGER_ROUND_MAX);
    at = json_member(&root, "block");
    json_read_hex(&at, out->vid.b, CRYPTO_HASH_SIZE);
    at = json_member(&root, "result");
    json_read_hex(&at, out->result.b, CRYPTO_HASH_SIZE);
    at = json_member(&root, "signatures");
    out->q = (uint8_t)json_count(&at, LEDGER_SET_MAX);
    for (unsigned i = 0; i < out->q; i++) {
        struct json_in item = json_item(&at, i), index = json_member(&item, "index"),
                       sig = json_member(&item, "signature");
        out->index[i] = (uint8_t)json_read_int(&index, 0, LEDGER_SET_MAX - 1);
        json_read_hex(&sig, out->sig[i].b, CRYPTO_SIG_SIZE);
    }
    return json_finish(&fault, "certificate");
}

static enum anju_err certificate_at(const struct side *s, struct ledger_certificate *out,
                                    uint64_t height)
{
    json_t *answer = NULL;
    char text[32];
    enum anju_err err;

    snprintf(text, sizeof(text), "%llu", (unsigned long long)height);
    err = call(s, &answer, "ledger.checkpoint", json_pack("{s:s}", "height", text));
    if (err == ANJU_OK)
        err = read_certificate(out, json_object_get(answer, "certificate"));
    if (err == ANJU_OK && out->height != height)
        err = anju_fail(ANJU_ERR_MISMATCH, "it answers with the certificate of another height");
    if (err == ANJU_OK)
        err = ledger_certificate_verify(out, &s->registry->set, &s->registry->ledger_id);
    json_decref(answer);
    return err;
}

static enum anju_err height_of(const struct side *s, uint64_t *out)
{
    json_t *answer = NULL;
    struct json_fault fault = {0};
    enum anju_err err = call(s, &answer, "node.status", json_object());

    if (err == ANJU_OK) {
        struct json_in root = json_root(answer, &fault), at = json_member(&root, "height");
        *out = json_read_u64(&at);
        err = json_finish(&fault, "node.status");
    }
    json_decref(answer);
    return err;
}

/* *differ: they hold different ones, both valid; *e is then the proof. */
static enum anju_err compare_at(struct ledger_evidence *e, bool *differ, const struct side side[2],
                                uint64_t height)
{
    struct ledger_certificate c[2];
    enum anju_err err = certificate_at(&side[0], &c[0], height);

    if (err == ANJU_OK)
        err = certificate_at(&side[1], &c[1], height);
    if (err == ANJU_OK)
        *differ = ledger_evidence_of_commits(e, &c[0], &c[1]) == ANJU_OK;
    return err;
}

/* Chains that differ once differ for ever: each block names the one before. */
static enum anju_err first_difference(struct ledger_evidence *e, const struct side side[2],
                                      uint64_t low, uint64_t high)
{
    struct ledger_evidence *at = anju_alloc(sizeof(*at));
    enum anju_err err = ANJU_OK;

    while (err == ANJU_OK && high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        bool differ = false;
        err = compare_at(at, &differ, side, middle);
        if (err == ANJU_OK && differ)
            *e = *at;
        *(differ ? &high : &low) = middle;
    }
    free(at);
    return err;
}

static enum anju_err open_side(struct side *s, const char *url, const struct ledger_registry *r)
{
    enum anju_err err = tool_client_open(&s->client, url, r);

    s->registry = r;
    if (err == ANJU_OK)
        tool_client_timeout(s->client, CALL_S);
    return err;
}

enum anju_err fork_between(struct ledger_evidence *out, const char *a, const char *b,
                           const struct ledger_registry *registry)
{
    struct side side[2] = {{NULL, NULL}, {NULL, NULL}};
    uint64_t height[2] = {0, 0}, least;
    bool differ = false;
    enum anju_err err = open_side(&side[0], a, registry);

    if (err == ANJU_OK)
        err = open_side(&side[1], b, registry);
    for (int i = 0; i < 2 && err == ANJU_OK; i++)
        err = height_of(&side[i], &height[i]);
    least = height[0] < height[1] ? height[0] : height[1];
    if (err == ANJU_OK && least > 0)
        err = compare_at(out, &differ, side, least);
    if (err == ANJU_OK && !differ)
        err = ANJU_ERR_NOT_FOUND;
    if (err == ANJU_OK)
        err = first_difference(out, side, 0, least);
    for (int i = 0; i < 2; i++)
        tool_client_close(side[i].client);
    return err;
}
