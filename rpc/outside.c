#include "rpc/outside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_DIGITS = 16 };

bool outside_origin_fits(const char *origin)
{
    return strlen(origin) + 1 + ID_DIGITS <= NOTE_NAME_SIZE_MAX &&
           note_name_is_good(bytes_of_text(origin));
}

void outside_log_key(struct note_key *out, const char *origin, const struct ledger_node *node)
{
    note_key_make(out, origin, NOTE_ED25519, node->log_key);
}

void outside_cosign_key(struct note_key *out, const char *origin, const struct ledger_node *node)
{
    char name[OUTSIDE_NAME_SIZE], id[2 * CRYPTO_HASH_SIZE + 1];

    assert(outside_origin_fits(origin));
    hex_encode(id, node->id.b, CRYPTO_HASH_SIZE);
    snprintf(name, sizeof(name), "%s/%.16s", origin, id);
    note_key_make(out, name, NOTE_COSIGNATURE, node->cosign_key);
}

static void put_text(struct writer *w, const char *text)
{
    writer_bytes(w, bytes_of_text(text));
}

void outside_policy(struct writer *w, const char *origin, const struct ledger_set *set)
{
    char line[64];
    struct note_key key;

    for (unsigned i = 0; i < set->n; i++) {
        outside_log_key(&key, origin, &set->node[i]);
        put_text(w, "log ");
        note_key_encode(w, &key);
        put_text(w, "\n");
    }
    for (unsigned i = 0; i < set->n; i++) {
        outside_cosign_key(&key, origin, &set->node[i]);
        snprintf(line, sizeof(line), "witness v%u ", i);
        put_text(w, line);
        note_key_encode(w, &key);
        put_text(w, "\n");
    }
    snprintf(line, sizeof(line), "group validators %u", ledger_set_quorum(set));
    put_text(w, line);
    for (unsigned i = 0; i < set->n; i++) {
        snprintf(line, sizeof(line), " v%u", i);
        put_text(w, line);
    }
    put_text(w, "\nquorum validators\n");
}

void outside_note(struct writer *w, const struct kept_checkpoint *k, const char *origin,
                  const struct ledger_set *set, const struct ledger_node *log_node,
                  unsigned cosignatures)
{
    uint8_t raw[NOTE_COSIGNATURE_SIZE];
    struct note_key key;

    checkpoint_text(w, origin, k->size, &k->root);
    writer_u8(w, '\n');
    if (k->has_log_sig && log_node != NULL) {
        outside_log_key(&key, origin, log_node);
        note_line(w, &key, bytes_of(k->log_sig, sizeof(k->log_sig)));
    }
    for (unsigned i = 0; i < set->n && cosignatures > 0; i++)
        for (unsigned j = 0; j < k->n; j++) {
            if (!crypto_hash_equal(&k->by[j].node, &set->node[i].id))
                continue;
            put_u64(raw, k->by[j].time_s);
            memcpy(raw + 8, k->by[j].ed25519, 64);
            outside_cosign_key(&key, origin, &set->node[i]);
            note_line(w, &key, bytes_of(raw, sizeof(raw)));
            cosignatures--;
            break;
        }
}

/* ---- tlog-proof ---- */

static const char PROOF_HEAD[] = "c2sp.org/tlog-proof@v1\n";

static void put_base64(struct writer *w, struct bytes b)
{
    size_t size = base64_size(b.size);
    char *text = anju_alloc(size + 1);

    base64_encode(text, b.data, b.size);
    writer_put(w, text, size);
    free(text);
}

void tlog_proof_encode(struct writer *w, const struct tlog_proof *p)
{
    char line[64];

    put_text(w, PROOF_HEAD);
    if (p->extra.size > 0) {
        put_text(w, "extra ");
        put_base64(w, p->extra);
        put_text(w, "\n");
    }
    snprintf(line, sizeof(line), "index %" PRIu64 "\n", p->index);
    put_text(w, line);
    for (unsigned i = 0; i < p->path.n; i++) {
        put_base64(w, crypto_hash_bytes(&p->path.hash[i]));
        put_text(w, "\n");
    }
    put_text(w, "\n");
    writer_bytes(w, p->note);
}

static bool take_line(struct bytes *out, struct bytes *rest)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;

    if (end == NULL)
        return false;
    *out = bytes_of(rest->data, (size_t)(end - rest->data));
    *rest = bytes_of(end + 1, rest->size - out->size - 1);
    return true;
}

/* Takes off a prefix. */
static bool begins(struct bytes *line, const char *prefix)
{
    size_t size = strlen(prefix);

    if (line->size < size || memcmp(line->data, prefix, size) != 0)
        return false;
    *line = bytes_of(line->data + size, line->size - size);
    return true;
}

static bool take_base64(struct bytes *out, struct bytes text, struct arena *a)
{
    uint8_t *raw = arena_alloc(a, text.size / 4 * 3 + 1);
    size_t size = 0;

    if (base64_decode(raw, &size, (const char *)text.data, text.size) != ANJU_OK)
        return false;
    *out = bytes_of(raw, size);
    return true;
}

static bool read_proof(struct tlog_proof *out, struct bytes in, struct arena *a)
{
    struct bytes line, hash;

    memset(out, 0, sizeof(*out));
    if (!begins(&in, PROOF_HEAD) || !take_line(&line, &in))
        return false;
    if (begins(&line, "extra ") && (!take_base64(&out->extra, line, a) || !take_line(&line, &in)))
        return false;
    if (!begins(&line, "index ") || !note_number(&out->index, line))
        return false;
    for (;;) {
        if (!take_line(&line, &in))
            return false;
        if (line.size == 0)
            break;
        if (out->path.n == MERKLE_PATH_MAX || !take_base64(&hash, line, a) ||
            hash.size != CRYPTO_HASH_SIZE)
            return false;
        memcpy(out->path.hash[out->path.n++].b, hash.data, CRYPTO_HASH_SIZE);
    }
    out->note = in;
    return in.size > 0;
}

enum anju_err tlog_proof_decode(struct tlog_proof *out, struct bytes in, struct arena *a)
{
    struct writer again = {0};
    bool good = read_proof(out, in, a);

    if (good) {
        tlog_proof_encode(&again, out);
        good = bytes_equal(writer_view(&again), in);
        writer_free(&again);
    }
    return good ? ANJU_OK : anju_fail(ANJU_ERR_MALFORMED, "not a c2sp.org/tlog-proof@v1");
}
