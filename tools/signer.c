#include "tools/signer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tools.h"

static const struct ledger_member_key *find_key(const struct ledger_registry *r, const struct crypto_key *key)
{
    for (uint32_t i = 0; i < r->genesis->n_keys; i++)
        if (memcmp(&r->genesis->keys[i].key, key, sizeof(*key)) == 0)
            return &r->genesis->keys[i];
    return NULL;
}

enum anju_err signer_open(struct signer *out, const struct ledger_registry *registry, const char *path, const char *member)
{
    struct crypto_key public;
    char *end = NULL;
    unsigned long number = member != NULL ? strtoul(member, &end, 10) : 0;

    *out = (struct signer){.registry = registry};
    if (member != NULL && (end == member || *end != '\0' || number == 0))
        return anju_fail(ANJU_ERR_MALFORMED, "--member %s: must be a member's number; 'anju members' shows them", member);
    enum anju_err err = tool_read_secret(&out->secret, path);
    if (err == ANJU_OK)
        err = crypto_key_of(&public, &out->secret);
    if (err != ANJU_OK)
        return err;
    const struct ledger_member_key *key = find_key(registry, &public);
    if (key == NULL)
        err = anju_fail(ANJU_ERR_NOT_FOUND, "%s: the genesis document has no such key; is it the key of this ledger?", path);
    else if (key->purpose == LEDGER_KEY_NODE)
        err = anju_fail(ANJU_ERR_MISMATCH, "%s: a node's key signs no records; use operator.key", path);
    else if (number != 0 && key->member != number)
        err = anju_fail(ANJU_ERR_MISMATCH, "%s: is the key of member %u, not of member %lu", path, key->member, number);
    if (err != ANJU_OK) {
        signer_close(out);
        return err;
    }
    out->member = key->member;
    out->key = key->number;
    return ANJU_OK;
}

void signer_close(struct signer *s)
{
    bytes_wipe(&s->secret, sizeof(s->secret));
}

enum anju_err signer_envelope(struct writer *wire, struct crypto_hash *id, const struct signer *s,
                              const uint8_t nonce[LEDGER_NONCE_SIZE], uint64_t valid_until, const struct bytes *records,
                              uint16_t count)
{
    uint8_t body[LEDGER_BODY_SIZE];
    struct crypto_sig sig;

    ledger_envelope_body(body, s->member, s->key, nonce, valid_until, records, count);
    ledger_envelope_id(id, bytes_of(body, sizeof(body)), &s->registry->ledger_id);
    enum anju_err err = crypto_sign(&sig, &s->secret, id);
    if (err == ANJU_OK)
        ledger_envelope_wire(wire, body, &sig, records, count);
    return err;
}
