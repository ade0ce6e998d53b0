/*
 * import: what the files of `anju import` share. A map says how a city's file is read; rows become
 * orders, in the order of placing; orders become records in envelopes, always the same ones for the same
 * file, map and state, so that an interrupted import goes on without a duplicate.
 * One thread reads, builds and keeps the state; others only send (import_send.c).
 */
#ifndef ANJU_TOOLS_IMPORT_H
#define ANJU_TOOLS_IMPORT_H

#include <regex.h>
#include <stdio.h>

#include "tools/nodes.h"
#include "tools/signer.h"

enum {
    IMPORT_COMMIT_MAX = 16, /* as many as order-import's field takes */
    IMPORT_RULES_MAX = 16,
    IMPORT_FORMATS_MAX = 4,
    IMPORT_WORDS_MAX = 64,
    IMPORT_STEPS_MAX = 5,   /* records of one order */
    IMPORT_REASONS_MAX = 24,
};

enum import_column { COLUMN_ID, COLUMN_PLACED, COLUMN_DUE, COLUMN_CLOSED, COLUMN_TYPE, COLUMN_GRID, COLUMN_PROVIDER, COLUMN_STATUS, COLUMN_SOURCE, IMPORT_COLUMNS };
enum import_step { STEP_PLACE, STEP_DISPATCH, STEP_ACCEPT, STEP_COMPLETE, STEP_CLOSE, STEP_CANCEL, IMPORT_STEPS };

/* ---- Map (import_map.c) ---- */

struct import_rule { /* a row is refused where the value does not fit */
    const char *column;
    bool blank; /* an empty value fits */
    bool is_range;
    int64_t min, max;
    regex_t pattern;
    const char *why;
};

struct import_map {
    const char *origin; /* the file's publisher: with a row's id it makes the subject's id */
    const char *zone;
    size_t n_formats;
    const char *format[IMPORT_FORMATS_MAX]; /* strptime */
    const char *column[IMPORT_COLUMNS];     /* NULL: the file has none */
    size_t n_words;
    struct {
        const char *word;
        enum import_step last; /* what is the last that happened */
    } word[IMPORT_WORDS_MAX];
    size_t n_commit;
    const char *commit[IMPORT_COMMIT_MAX]; /* columns that go onto the ledger as salted commitments only */
    size_t n_rules;
    struct import_rule rule[IMPORT_RULES_MAX];
};
/* Texts live in the arena. MALFORMED with the JSON pointer. */
ANJU_MUST_CHECK enum anju_err import_map_read(struct import_map *out, struct bytes text, const char *name, struct arena *a);
void import_map_free(struct import_map *m);

/* ---- Rows (import_rows.c) ---- */

struct import_order {
    uint64_t line;
    struct bytes id, type, grid, provider, source, status;
    struct bytes *commit; /* n_commit of the map */
    uint64_t placed, due, closed; /* ms; 0: none */
    uint8_t n_steps;
    uint8_t step[IMPORT_STEPS_MAX];
    bool dropped; /* the ledger refuses it, or has it already */
    bool already;
};

struct import_rows {
    uint64_t rows; /* read, header apart */
    size_t count;
    struct import_order *orders; /* by time of placing, then line */
    json_t *report;              /* what can't be imported: [{line, id, reason, column, value, words}] */
    struct arena arena;
};
/* What the ledger's procedure allows, so that a row that it would refuse is reported at once. */
struct import_bounds {
    uint32_t no, type, grid, provider, source; /* bytes */
    uint64_t now_ms;
};
/* MISMATCH: the file lacks a column that the map names. Rows that can't be imported go into the report. */
ANJU_MUST_CHECK enum anju_err import_rows_read(struct import_rows *out, struct bytes file, const char *name, const struct import_map *m,
                                               const struct import_bounds *bounds);
void import_rows_report(struct import_rows *r, uint64_t line, struct bytes id, const char *reason, const char *column, struct bytes value,
                        const char *words);
void import_rows_free(struct import_rows *r);

/* ---- Envelopes (import_build.c) ---- */

struct import_envelope { /* records [first_step of first_order, ...), n_records of them */
    uint32_t first_order;
    uint8_t first_step; /* above 0: an order goes on; then the envelope before must be committed first */
    uint16_t n_records;
    uint16_t generation; /* a new one where the one before can never take effect; the nonce follows from it */
    uint64_t valid_until;
    bool sent, done;
};

struct import_plan {
    const struct import_map *map;
    struct import_rows *rows;
    const struct signer *signer;
    const struct ledger_procedure *procedure;
    struct bytes seed; /* secret: nonces and salts follow from it */
    uint32_t n_envelopes;
    struct import_envelope *envelopes;
    uint64_t n_records;
};
/* NOT_FOUND: genesis has no order-import of the known form. */
ANJU_MUST_CHECK enum anju_err import_bounds_of(struct import_bounds *out, const struct ledger_registry *r);
ANJU_MUST_CHECK enum anju_err import_plan_make(struct import_plan *p, uint32_t records_per_envelope);
void import_plan_free(struct import_plan *p);
/* Appends the wire of an envelope without its dropped orders; *records is how many are left, and 0 makes no wire.
 * `openings` (or NULL) gets a line of JSON for each order with commitments. */
ANJU_MUST_CHECK enum anju_err import_plan_wire(struct writer *wire, uint16_t *records, struct crypto_hash *id, struct writer *openings,
                                               const struct import_plan *p, uint32_t envelope);
/* The order whose record stands at this index of the wire. */
struct import_order *import_plan_order(const struct import_plan *p, uint32_t envelope, uint32_t index);
/* Orders of which the envelope has records, dropped ones included: [*first, *end). */
void import_plan_orders(const struct import_plan *p, uint32_t envelope, uint32_t *first, uint32_t *end);
void import_subject(struct ledger_subject_id *out, const struct import_plan *p, const struct import_order *o);

/* ---- State (import_state.c) ---- */

struct import_state {
    FILE *file;
    const char *path;
    uint8_t seed[32];
};
/* What an import is; one with another value can't go on with this state. */
struct import_identity {
    struct crypto_hash ledger, file, map;
    uint32_t member, key, per_envelope;
    uint64_t limit;
};
/* Opens or makes the file (mode 0600); *resumed says which. MISMATCH: it is of another import. BUSY: another
 * process goes on with it. */
ANJU_MUST_CHECK enum anju_err import_state_open(struct import_state *s, bool *resumed, const char *path, const struct import_identity *id);
/* Brings the plan to where the state left it. */
ANJU_MUST_CHECK enum anju_err import_state_load(struct import_state *s, struct import_plan *p);
ANJU_MUST_CHECK enum anju_err import_state_sent(struct import_state *s, uint32_t envelope, const struct import_envelope *e);
ANJU_MUST_CHECK enum anju_err import_state_done(struct import_state *s, uint32_t envelope);
ANJU_MUST_CHECK enum anju_err import_state_dropped(struct import_state *s, uint32_t order, bool already);
void import_state_close(struct import_state *s);

/* ---- Sending (import_send.c) ---- */

struct import_sender;
enum { IMPORT_SENDERS_MAX = 16 };
enum import_fate { FATE_COMMITTED, FATE_REFUSED, FATE_SKIPPED, FATE_INVALID };
struct import_answer {
    uint32_t envelope;
    enum import_fate fate;
    uint32_t record;     /* REFUSED: the index in the envelope */
    char outcome[64];    /* its name, or the clause */
    char hint[256];
    uint32_t ms;         /* from sending to the answer */
};
struct import_sending {
    const struct ledger_registry *registry;
    const struct tool_option *url; /* all values; none: the nodes of genesis */
    unsigned senders, per_request;
    uint64_t patience_ms; /* without any answer from any node */
};
ANJU_MUST_CHECK enum anju_err import_sender_open(struct import_sender **out, const struct import_sending *s);
/* Hands an envelope over; false where the queue is full. Copies the wire. */
bool import_sender_put(struct import_sender *s, uint32_t envelope, struct bytes wire);
/* Waits for the next answer. CLOSED: nothing is under way. IO with words: no node answers. */
ANJU_MUST_CHECK enum anju_err import_sender_take(struct import_sender *s, struct import_answer *out);
void import_sender_close(struct import_sender *s); /* waits for requests under way */

#endif
