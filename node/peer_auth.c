#include "node/peer_auth.h"

static void auth_digest(struct crypto_hash *out, const struct crypto_hash *ledger,
                        enum peer_role role, const struct crypto_hash *from,
                        const struct crypto_hash *to, const uint8_t ekm[TLS_EKM_SIZE],
                        const struct crypto_hash *from_spki, const struct crypto_hash *to_spki)
{
    uint8_t role_byte = (uint8_t)role;
    const struct bytes parts[6] = {bytes_of(&role_byte, 1),      crypto_hash_bytes(from),
                                   crypto_hash_bytes(to),        bytes_of(ekm, TLS_EKM_SIZE),
                                   crypto_hash_bytes(from_spki), crypto_hash_bytes(to_spki)};

    crypto_digest_parts(out, "anju/auth/1", ledger, parts, 6);
}

enum anju_err peer_auth_make(uint8_t out[PEER_AUTH_SIZE], enum peer_role role,
                             const struct crypto_hash *ledger, const struct crypto_hash *from,
                             const struct crypto_hash *to, const struct crypto_secret *secret,
                             const struct peer_channel *channel)
{
    struct crypto_hash digest;
    struct crypto_sig sig;
    struct writer w = {0};
    enum anju_err err;

    auth_digest(&digest, ledger, role, from, to, channel->ekm, &channel->own_spki,
                &channel->peer_spki);
    err = crypto_sign(&sig, secret, &digest);
    if (err != ANJU_OK)
        return err;
    writer_u8(&w, 1);
    writer_u8(&w, (uint8_t)role);
    writer_put(&w, ledger->b, CRYPTO_HASH_SIZE);
    writer_put(&w, from->b, CRYPTO_HASH_SIZE);
    writer_put(&w, to->b, CRYPTO_HASH_SIZE);
    writer_put(&w, sig.b, CRYPTO_SIG_SIZE);
    struct reader r = reader_over(writer_view(&w));
    reader_copy(&r, out, PEER_AUTH_SIZE);
    writer_free(&w);
    return ANJU_OK;
}

static enum anju_err decode(struct peer_auth *out, struct bytes in)
{
    struct reader r = reader_over(in);
    uint8_t version = reader_u8(&r), role = reader_u8(&r);

    out->role = role == PEER_DIALLED ? PEER_DIALLED : PEER_ANSWERED;
    reader_copy(&r, out->ledger.b, CRYPTO_HASH_SIZE);
    reader_copy(&r, out->from.b, CRYPTO_HASH_SIZE);
    reader_copy(&r, out->to.b, CRYPTO_HASH_SIZE);
    reader_copy(&r, out->sig.b, CRYPTO_SIG_SIZE);
    if (version != 1 || role < PEER_DIALLED || role > PEER_ANSWERED)
        reader_fail(&r);
    return reader_finish(&r) == ANJU_OK
               ? ANJU_OK
               : anju_fail(ANJU_ERR_MALFORMED, "its AUTH is malformed or of another version");
}

/* The member's key with this node id, of whatever purpose. */
static const struct ledger_member_key *key_of(const struct ledger_registry *registry,
                                              const struct crypto_hash *id)
{
    for (uint32_t i = 0; i < registry->genesis->n_keys; i++) {
        struct crypto_hash at;
        ledger_node_id(&at, &registry->genesis->keys[i].key);
        if (crypto_hash_equal(&at, id))
            return &registry->genesis->keys[i];
    }
    return NULL;
}

const struct ledger_node_info *peer_node_of(const struct ledger_registry *registry,
                                            const struct crypto_hash *id)
{
    for (uint32_t i = 0; i < registry->genesis->n_nodes; i++) {
        struct crypto_hash at;
        ledger_node_id(&at, &registry->genesis->nodes[i].node.node_key);
        if (crypto_hash_equal(&at, id))
            return &registry->genesis->nodes[i];
    }
    return NULL;
}

enum anju_err peer_auth_check(struct crypto_hash *peer, struct bytes body,
                              const struct ledger_registry *registry,
                              const struct crypto_hash *self, enum peer_role own_role,
                              const struct crypto_hash *expected,
                              const struct peer_channel *channel, uint64_t now_ms)
{
    const struct ledger_member_key *key;
    const struct ledger_node_info *node;
    struct crypto_hash digest;
    struct peer_auth a;
    char hex[65];
    enum anju_err err = decode(&a, body);

    if (err != ANJU_OK)
        return err;
    hex_encode(hex, a.from.b, CRYPTO_HASH_SIZE);
    if (!crypto_hash_equal(&a.ledger, &registry->ledger_id))
        return anju_fail(ANJU_ERR_MISMATCH, "it is a node of another ledger (node %s)", hex);
    if (crypto_hash_equal(&a.from, self))
        return anju_fail(
            ANJU_ERR_MISMATCH,
            "another node runs with this node's own identity: stop one of the two at once");
    if (a.role == own_role)
        return anju_fail(ANJU_ERR_MISMATCH, "it plays the same part as we do: a reflected AUTH");
    if (!crypto_hash_equal(&a.to, self))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "it means to talk to another node than this one (node %s)", hex);
    if (expected != NULL && !crypto_hash_equal(&a.from, expected))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "another node answers at this address than genesis says (node %s)", hex);
    key = key_of(registry, &a.from);
    node = peer_node_of(registry, &a.from);
    if (key == NULL && node == NULL)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "a stranger: no member of this ledger has the key of node %s", hex);
    if (node == NULL && key->purpose != LEDGER_KEY_NODE)
        return anju_fail(ANJU_ERR_MISMATCH, "member %u came with key %u, which is not a node key",
                         key->member, key->number);
    if (key != NULL && (now_ms < key->from || now_ms >= key->until))
        return anju_fail(ANJU_ERR_MISMATCH, "the node key %u of member %u is not valid now",
                         key->number, key->member);
    if (node != NULL && !crypto_hash_equal(&node->tls_spki, &channel->peer_spki))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "its TLS key is not the one that genesis names for node %s", hex);
    auth_digest(&digest, &registry->ledger_id, a.role, &a.from, &a.to, channel->ekm,
                &channel->peer_spki, &channel->own_spki);
    if (crypto_verify(&a.sig, node != NULL ? &node->node.node_key : &key->key, &digest) != ANJU_OK)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "its AUTH signature is wrong: it does not hold the key of node %s", hex);
    *peer = a.from;
    return ANJU_OK;
}
