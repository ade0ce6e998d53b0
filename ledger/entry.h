/*
 * entry: what the log stores for one record, and the effects that it binds (docs/formats.md).
 * Fixed layouts, state digests, attributes as sorted numbered values. Pure; any thread.
 */
#ifndef ANJU_LEDGER_ENTRY_H
#define ANJU_LEDGER_ENTRY_H

#include "ledger/envelope.h"

enum {
    LEDGER_ENTRY_SIZE = 168,
    LEDGER_EFFECT_SIZE_MIN = 2 + 16 + 8 + 2 + 32 + 4, /* 64, and the changed attributes */
    /* Hard caps: of the attributes of one subject, and of the effects of one entry. */
    LEDGER_ATTRIBUTES_SIZE_MAX = LEDGER_CAP_FACTOR * LEDGER_RECORD_SIZE_DEFAULT,
    LEDGER_ATTRIBUTES_MAX = 512,
    LEDGER_EFFECTS_MAX = LEDGER_CAP_FACTOR * LEDGER_TOUCHED_DEFAULT,
};
enum ledger_entry_kind { LEDGER_ENTRY_GENESIS = 0, LEDGER_ENTRY_RECORD = 1, LEDGER_ENTRY_TIMER = 2, LEDGER_ENTRY_REFUSAL = 3 };

struct ledger_entry {
    enum ledger_entry_kind kind;
    uint16_t outcome; /* enum ledger_outcome, or a clause of the procedure from 1000; 0 unless a refusal */
    uint64_t seq;
    uint64_t height;
    uint64_t time_ms;
    struct crypto_hash envelope; /* zero for kinds 0 and 2 */
    uint32_t index;              /* in the envelope; kinds 0, 2: 0 */
    uint32_t member;
    struct crypto_hash record_leaf;
    struct crypto_hash procedure_digest;
    uint32_t n_effects;
    struct crypto_hash effects_root; /* MTH over the effects' bytes */
};

void ledger_entry_encode(uint8_t out[LEDGER_ENTRY_SIZE], const struct ledger_entry *e);
/* MALFORMED: not 168 bytes, or what no execution makes: genesis and only genesis at height 0; an outcome
 * if and only if it is a refusal, which has no effects; no envelope, index and member for genesis and
 * timers; at least one effect where applied. UNSUPPORTED: another version. */
ANJU_MUST_CHECK enum anju_err ledger_entry_decode(struct ledger_entry *out, struct bytes in);
void ledger_entry_leaf(struct crypto_hash *out, const uint8_t entry[LEDGER_ENTRY_SIZE]);

struct ledger_effect {
    uint16_t procedure;
    struct ledger_subject_id subject;
    uint64_t version_after;
    uint16_t state_after;
    struct crypto_hash state_digest;
    struct bytes changed; /* msgpack [[attribute, value]...], ascending; [attribute] = cleared */
};

/* Encoded: procedure u16, subject 16, version u64, state u16, digest 32, len u32, changed. */
void ledger_effect_encode(struct writer *w, const struct ledger_effect *e);
/* Reads one effect from the reader, borrowing. The changed attributes are bounded, not looked into:
 * ledger_attributes_apply and ledger_changed_decode do. */
void ledger_effect_read(struct ledger_effect *out, struct reader *r);
/* MTH over the encoded effects. */
void ledger_effects_root(struct crypto_hash *out, const struct ledger_effect *effects, uint32_t count);

/* All attributes of a subject: sorted, present ones only; values are canonical msgpack, borrowed. */
struct ledger_attributes {
    uint32_t count;
    struct ledger_value *items;
};
ANJU_MUST_CHECK enum anju_err ledger_attributes_decode(struct ledger_attributes *out, struct bytes in, struct arena *a);
/* The changed attributes of an effect; a cleared one has a value of size 0. */
ANJU_MUST_CHECK enum anju_err ledger_changed_decode(struct ledger_attributes *out, struct bytes in, struct arena *a);
/* `cleared` ones (size 0) are written as [attribute]. */
void ledger_attributes_encode(struct writer *w, const struct ledger_value *items, uint32_t count);
const struct bytes *ledger_attribute(const struct ledger_attributes *attrs, uint16_t number);
/* What is after: `before` with `changed` laid over it. */
ANJU_MUST_CHECK enum anju_err ledger_attributes_apply(struct ledger_attributes *out, const struct ledger_attributes *before,
                                                      struct bytes changed, struct arena *a);
/* digest("anju/state/1", procedure, subject, version, state, all attributes present). */
void ledger_state_digest(struct crypto_hash *out, const struct crypto_hash *ledger_id, uint16_t procedure,
                         const struct ledger_subject_id *subject, uint64_t version, uint16_t state,
                         const struct ledger_attributes *all);

#endif
