/*
 * stored: a fixture's ledger in a real store in a directory of its own, block by block, and the
 * things (tests/procedures/bead.json) that tests of lists and proofs make in it.
 */
#ifndef ANJU_TESTS_STORED_H
#define ANJU_TESTS_STORED_H

#include "storage/store.h"
#include "tests/unit/fixture.h"

enum {
    THING = 20,
    THING_MADE = 1,
    THING_USED = 2,
    THING_GONE = 3,
    THING_NO = 16,
    THING_COLOUR = 17,
    THING_SHAPE = 18,
    THING_SIZE = 19,
    THING_MAKE = 1,
    THING_PAINT = 2,
    THING_DROP = 3,
    THING_LIST_COLOUR = 1,
    THING_LIST_COLOUR_SHAPE = 2,
    THING_LIST_OPEN = 3,
    THING_COUNT_COLOUR_STATE = 4,
    THING_COUNT_SIZE = 5,
    THING_UNIQUE_NO = 6,
};

struct stored {
    struct fixture f;
    struct store *store;
    char *dir;
    uint64_t now;
};

/* Four nodes, the procedure `bead`, height 0. `merge_weight` as in struct store_options. */
void stored_begin(struct stored *s, const char *dir, size_t merge_weight);
void stored_end(struct stored *s);
/* The next block, `ms` after the last, with these envelopes and a quorum's certificate. */
void stored_commit(struct stored *s, uint64_t ms, const struct bytes *envelopes, uint16_t n);
/* A record on thing number i of a day. Texts that are NULL are left out. */
struct bytes stored_record(struct stored *s, uint16_t action, const struct ledger_subject_id *id,
                           uint64_t version, const char *no, const char *colour, const char *shape,
                           int64_t size);

/* Chain keys, appended. Texts that are NULL are absent components. */
void stored_key_colour(struct writer *w, const char *colour);
void stored_key_colour_shape(struct writer *w, const char *colour, const char *shape);
void stored_key_open(struct writer *w, bool open);
void stored_key_colour_state(struct writer *w, const char *colour, uint64_t state);
void stored_key_no(struct writer *w, const char *no);
void stored_key_subject(struct writer *w, const struct ledger_subject_id *id);
void stored_key_actor(struct writer *w, uint32_t member);

#endif
