/*
 * record_json: records and subjects by names (docs/rpc.md, "Records"), between JSON and the ledger's numbers.
 *   {"procedure": "order", "action": "place", "subject": hex, "expected_version": "0",
 *    "fields": {"type": "...", "address": "kept off the ledger"}, "cosignatures": [{"key": hex, "signature": hex}]}
 * Values by type: bool true; int and money a decimal string or a JSON integer; time RFC 3339; date
 * "2026-01-02"; text, code and plain references strings; bytes, hash and key hex; member a number; a
 * reference the subject's hex; lines [{"subject": hex, "amount": "-5"}]; lists arrays of these. A private field
 * is given as text and a file as the hex of its SHA-256: the record gets commitments, the openings keep the
 * values. Any thread.
 */
#ifndef ANJU_RPC_RECORD_JSON_H
#define ANJU_RPC_RECORD_JSON_H

#include "ledger/procedure_body.h"
#include "ledger/registry.h"
#include "rpc/json.h"

/* The envelope that records are made for: commitments bind all of it. */
struct record_maker {
    const struct ledger_registry *registry;
    uint32_t member;
    uint32_t key;
    uint8_t nonce[LEDGER_NONCE_SIZE];
    uint64_t now_ms; /* for the day of new subjects */
    /* The version of a subject that the author means, where the JSON does not say it; NULL: it must say it
     * (a record that creates its subject means 0). NOT_FOUND: there is no such subject. */
    enum anju_err (*version)(void *ctx, uint64_t *version, uint16_t *procedure_version, uint16_t procedure,
                             const struct ledger_subject_id *subject);
    void *ctx;
    struct arena *arena;
};

/* Builds the record with this index in its envelope. Faults of `at` name the place (json_finish). A subject that
 * is left out of a creating record is new: its day, then 14 random bytes. `openings` gets an object
 * {record, record_salt, fields: {name: [{item, salt, value}]}} where there are private fields, else NULL.
 * `out` borrows from the maker's arena. An error only where `version` fails. */
ANJU_MUST_CHECK enum anju_err record_json_build(struct ledger_record *out, json_t **openings, const struct record_maker *m,
                                                const struct json_in *at, uint16_t index);

/* A record by names: procedure, version, action, subject, expected_version, fields, holders, cosignatures.
 * Numbers stand where the registry knows no name. */
json_t *record_json(const struct ledger_record *r, const struct ledger_registry *registry);

/* One stored value by its type (NULL: by what its bytes say). */
json_t *value_json(struct bytes value, const struct ledger_type *type);

/* Attributes by names, with the built-in ones under open, parent, due_day, clocks, approvals. */
json_t *attributes_json(struct bytes attributes, const struct ledger_procedure *p);
/* The changed attributes of an effect; a cleared one is null. */
json_t *changed_json(struct bytes changed, const struct ledger_procedure *p);
/* procedure, subject, version, state, attributes. */
json_t *subject_json(const struct ledger_subject *s, const struct ledger_registry *registry);

/* The version that a subject lives under, from its attributes; the newest where they do not say. NULL: unknown. */
const struct ledger_procedure *procedure_of_subject(uint16_t procedure, struct bytes attributes, const struct ledger_registry *r);
/* "order", or its number as text. NULL: there is no such procedure. */
const struct ledger_procedure *procedure_by_name(const struct ledger_registry *r, const char *name);

#endif
