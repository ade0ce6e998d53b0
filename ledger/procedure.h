/*
 * procedure: life cycles as data, and the engine that runs them.
 * A compiled procedure is canonical msgpack; here it is decoded (with every bound and reference
 * checked) and judged by: (view, record) -> verdict and effects. No script, no recursion, cost bounded
 * by the record. The language: docs/procedures.md. Pure; a decoded procedure is immutable and shared.
 */
#ifndef ANJU_LEDGER_PROCEDURE_H
#define ANJU_LEDGER_PROCEDURE_H

#include "ledger/entry.h"
#include "ledger/outcome.h"
#include "ledger/view.h"

/* Reserved attribute numbers (1 to 15) that the engine keeps. */
enum ledger_reserved_attribute {
    LEDGER_ATTR_OPEN = 1,      /* bool: state not in `ended` */
    LEDGER_ATTR_PARENT = 2,    /* [procedure, subject bin 16] */
    LEDGER_ATTR_DUE_DAY = 3,   /* day of the earliest running clock */
    LEDGER_ATTR_CLOCKS = 4,    /* running, paused and ended clocks */
    LEDGER_ATTR_PAUSE = 5,
    LEDGER_ATTR_APPROVALS = 6, /* pending approvals */
    LEDGER_ATTR_PROCEDURE_VERSION = 7,
    LEDGER_ATTR_FIRST_OWN = 16,
};

enum ledger_index_kind { LEDGER_INDEX_LIST = 1, LEDGER_INDEX_COUNT = 2, LEDGER_INDEX_UNIQUE = 3 };
enum { LEDGER_INDEX_PARTS_MAX = 3, LEDGER_INDEXES_MAX = 12 };
/* Component types in chain keys (docs/formats.md). */
enum ledger_part_type { LEDGER_PART_ABSENT = 0, LEDGER_PART_UINT, LEDGER_PART_INT, LEDGER_PART_BOOL, LEDGER_PART_STR, LEDGER_PART_BIN, LEDGER_PART_DAY };

struct ledger_index {
    uint16_t number;
    enum ledger_index_kind kind;
    uint8_t n_parts;
    struct ledger_index_part {
        uint16_t attribute; /* 0 = the state */
        enum ledger_part_type type;
    } part[LEDGER_INDEX_PARTS_MAX];
};

struct ledger_procedure; /* decoded; the struct is in ledger/procedure_body.h, for engine and tools */

/* Decodes compiled bytes, checking every bound and cross reference (an engine that runs it needs no
 * further check). `ledger_id` is for the digest. MALFORMED with words that name the place.
 * Copies the bytes. */
ANJU_MUST_CHECK enum anju_err ledger_procedure_decode(struct ledger_procedure **out, struct bytes compiled,
                                                      const struct crypto_hash *ledger_id);
void ledger_procedure_free(struct ledger_procedure *p);

uint16_t ledger_procedure_number(const struct ledger_procedure *p);
uint16_t ledger_procedure_version(const struct ledger_procedure *p);
const char *ledger_procedure_name(const struct ledger_procedure *p);
const struct crypto_hash *ledger_procedure_digest(const struct ledger_procedure *p); /* digest("anju/procedure/1") */
struct bytes ledger_procedure_bytes(const struct ledger_procedure *p);
/* Lists, counts and uniques, ascending by number. */
const struct ledger_index *ledger_procedure_indexes(const struct ledger_procedure *p, uint32_t *count);

/* The chain key bytes (02 | procedure | index | n | components) of a subject's tuple in an index.
 * False where a unique's tuple has an absent component (not counted). */
bool ledger_index_tuple(struct writer *out, const struct ledger_procedure *p, const struct ledger_index *index,
                        uint16_t state, const struct ledger_attributes *attributes);
/* The same of an index that is known only by its declaration. */
bool ledger_declared_tuple(struct writer *out, uint16_t procedure, const struct ledger_index *index, uint16_t state,
                           const struct ledger_attributes *attributes);

/* The timers that a subject's attributes imply (running clocks that some timer action waits for),
 * ascending. `out` holds `max`; returns the count. None while paused or ended. */
size_t ledger_procedure_timers(struct ledger_timer *out, size_t max, const struct ledger_procedure *p,
                               const struct ledger_subject_id *subject, uint16_t state,
                               const struct ledger_attributes *attributes);

/* Who acts and when, for judging. */
struct ledger_actor {
    uint32_t member; /* 0 for timers and genesis */
    uint32_t key;
    uint64_t time_ms; /* the header's */
};

/* The verdict on one record. */
struct ledger_judgement {
    int outcome;                              /* enum ledger_outcome, or a clause >= 1000 */
    struct crypto_hash procedure_digest;      /* zero where unknown or procedure 0 */
    uint32_t n_effects;
    struct ledger_effect *effects;            /* ascending by (procedure, subject); in the arena */
    /* For the answer to the caller only, never on the ledger: what refused and what would be accepted. */
    const char *clause;                       /* name of the outcome or the procedure's clause */
    const char *field;                        /* the field's name, or "" */
    const char *hint;                         /* in English, one sentence */
};

/* Judges one record (decoded, cosignatures verified) against the view, which already has what earlier
 * records of the block did. An error only where the view fails. */
ANJU_MUST_CHECK enum anju_err ledger_judge(struct ledger_judgement *out, const struct ledger_view *view,
                                           const struct ledger_actor *actor, const struct ledger_record *record,
                                           struct arena *a);

/* Fires one timer at a block's start: the record that the node makes for it and its effects.
 * *fired = false: the action does not start from the subject's state now; then the timer is dropped
 * without an entry. (A timer that only ends a pause makes an entry too.) */
ANJU_MUST_CHECK enum anju_err ledger_judge_timer(struct ledger_judgement *out, struct bytes *record, bool *fired,
                                                 const struct ledger_view *view, uint64_t time_ms,
                                                 const struct ledger_timer *timer, struct arena *a);

#endif
