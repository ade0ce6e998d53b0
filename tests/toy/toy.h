/*
 * toy: a ledger with a small engine of its own, so that execution can be tested for what it does
 * with verdicts and effects, whatever the language of procedures can say. It stands in for
 * registry.c, procedure*.c and judge*.c: a test that links it must not use those.
 */
#ifndef ANJU_TESTS_TOY_H
#define ANJU_TESTS_TOY_H

#include "ledger/execute.h"
#include "ledger/registry.h"

enum {
    TOY_PROCEDURE = 5,
    TOY_CLOCK = 3,
    TOY_CLAUSE = 1007,
    TOY_MEMBERS = 3,
    /* Attributes, and fields of a record that set them (an empty array clears). */
    TOY_A = 16,       /* uint */
    TOY_B = 17,       /* str */
    TOY_C = 18,       /* uint, unique */
    TOY_DUE = 19,     /* uint: the timer fires then */
    TOY_PARTNER = 20, /* bin 16: its TOY_DUE is cleared when this one's timer fires */
    /* Fields that are not kept. */
    TOY_STATE = 1,   /* uint: the state after */
    TOY_REFUSE = 30, /* refuse with TOY_CLAUSE */
    TOY_OTHERS = 31, /* array of bin 16: subjects whose TOY_A becomes the field TOY_A */
    TOY_LIVE = 32,   /* refuse with CHECK unless live of (field TOY_A) in TOY_COUNT_A is this */
    /* States. */
    TOY_STATE_FIRED = 4,
    TOY_STATE_DEAF = 5,   /* its timer is dropped */
    TOY_STATE_PAUSED = 6, /* it has no timer */
    /* Indexes. */
    TOY_LIST_STATE = 1,
    TOY_LIST_AB = 2,
    TOY_COUNT_STATE_A = 3,
    TOY_UNIQUE_C = 4,
    TOY_COUNT_A = 5,
};

#define TOY_CREATED UINT64_C(1700000000000)

extern struct ledger_registry toy_registry; /* limits may be changed before a test begins */
extern struct ledger_member_key
    toy_keys[TOY_MEMBERS + 1]; /* keys[i] is number i + 1; the last is member 1's second */
void toy_reset(void);

extern const struct ledger_index toy_indexes[5];
bool toy_tuple(struct writer *out, const struct ledger_index *index, uint16_t state,
               const struct ledger_attributes *attributes);

/* A record being built, and an envelope of records. Memory is in the arena. */
struct toy_record {
    struct ledger_record r;
    struct ledger_value fields[16];
};
void toy_record(struct toy_record *out, const struct ledger_subject_id *subject,
                uint64_t expected_version);
void toy_uint(struct toy_record *r, uint16_t field, uint64_t v, struct arena *a);
void toy_text(struct toy_record *r, uint16_t field, const char *text, struct arena *a);
void toy_bin(struct toy_record *r, uint16_t field, const struct ledger_subject_id *id,
             struct arena *a);
void toy_clear(struct toy_record *r, uint16_t field, struct arena *a);
void toy_others(struct toy_record *r, const struct ledger_subject_id *ids, uint32_t count,
                struct arena *a);
struct bytes toy_record_bytes(struct toy_record *r, struct arena *a);
void toy_envelope(struct ledger_envelope *out, uint32_t key, uint64_t nonce, uint64_t valid_until,
                  const struct bytes *records, uint16_t n, struct arena *a);
/* A block of decoded envelopes; its id is a hash of height and time. */
void toy_block(struct ledger_block *out, uint64_t height, uint64_t time_ms,
               struct ledger_envelope *envelopes, uint32_t n);
struct ledger_subject_id toy_subject(uint16_t day, uint64_t number);

#endif
