/*
 * derived_key: the keys of the derived tables. Inside of derived*.c only.
 */
#ifndef ANJU_STORAGE_DERIVED_KEY_H
#define ANJU_STORAGE_DERIVED_KEY_H

#include <string.h>

#include "ledger/view.h"

enum {
    SUBJECT_KEY_SIZE = 2 + LEDGER_SUBJECT_SIZE,
    SUBJECT_HEAD_SIZE =
        8 + 2 + 32 + 8,       /* version, state, digest, last seq; the attributes follow */
    CHAIN_HEAD_SIZE = 8 + 32, /* live, state; the peaks follow */
    ITEM_KEY_SIZE = 32 + 8,
    NODE_KEY_SIZE = 32 + 1 + 8,
    USED_KEY_SIZE = 4 + LEDGER_NONCE_SIZE,
    USED_SIZE = 32 + 8 + 8 + 4,
    EXPIRY_KEY_SIZE = 8 + USED_KEY_SIZE,
    REFUSAL_KEY_SIZE = 4 + 4,
    TIMER_KEY_SIZE = 8 + 2 + LEDGER_SUBJECT_SIZE + 2,
    SEGMENT_KEY_SIZE = 4 + 1,
    SEGMENT_SIZE = 1 + 32,
    ENVELOPE_SIZE = 8 + 4,
};

static inline void subject_key(uint8_t out[SUBJECT_KEY_SIZE], uint16_t procedure,
                               const struct ledger_subject_id *id)
{
    put_u16(out, procedure);
    memcpy(out + 2, id->b, LEDGER_SUBJECT_SIZE);
}

static inline void item_key(uint8_t out[ITEM_KEY_SIZE], const struct ledger_map_key *key,
                            uint64_t row)
{
    memcpy(out, key->b, 32);
    put_u64(out + 32, row);
}

static inline void node_key(uint8_t out[NODE_KEY_SIZE], const struct ledger_map_key *key,
                            unsigned level, uint64_t index)
{
    memcpy(out, key->b, 32);
    out[32] = (uint8_t)level;
    put_u64(out + 33, index);
}

static inline void used_key(uint8_t out[USED_KEY_SIZE], uint32_t key,
                            const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    put_u32(out, key);
    memcpy(out + 4, nonce, LEDGER_NONCE_SIZE);
}

static inline void refusal_key(uint8_t out[REFUSAL_KEY_SIZE], uint32_t member, uint32_t day)
{
    put_u32(out, day); /* first, so that old days lie together */
    put_u32(out + 4, member);
}

static inline void timer_key(uint8_t out[TIMER_KEY_SIZE], const struct ledger_timer *t)
{
    put_u64(out, t->due);
    put_u16(out + 8, t->procedure);
    memcpy(out + 10, t->subject.b, LEDGER_SUBJECT_SIZE);
    put_u16(out + 10 + LEDGER_SUBJECT_SIZE, t->clock);
}

#endif
