/*
 * world: a development ledger on which procedures run, spoken to by names. An act is a signed
 * envelope with one record in a block of its own, executed by the real engine.
 *
 * Fields are given as JSON by the names of the procedure's file, values by their declared types:
 * numbers, bools and texts as they are; a key by any name (its secret is made from the name); a
 * reference by the name of a subject; a member by its number; hashes, bytes, files and private
 * values by a text that is hashed; a sealed choice by {"subject", "choice", "salt"}, the id of a
 * subject to be created by {"id": its name}.
 */
#ifndef ANJU_TESTS_WORLD_H
#define ANJU_TESTS_WORLD_H

#include <jansson.h>

#include "ledger/execute.h"
#include "ledger/procedure_body.h"
#include "tests/unit/fixture.h"

enum { WORLD_PROCEDURES_MAX = 16, WORLD_MINUTE = 60000, WORLD_HOUR = 3600000, WORLD_DAY = 86400000 };
/* Monday 2026-03-02, 10:00 at +08:00: working time. */
#define WORLD_START UINT64_C(1772416800000)

struct world {
    struct fixture f;
    struct ledger_view below;
    struct ledger_overlay *o;
    uint64_t now;       /* of the last block */
    const char *clause; /* of the last act: "applied", an outcome's or a clause's name */
    struct ledger_judgement judged; /* of the last act, in the arena */
    struct arena arena;
};

/* Before sealing, roles can be added to members. */
void world_begin(struct world *w);
void world_role(struct world *w, uint32_t member, const char *role);
/* Procedures from `folder`, code lists and calendar from ledger/procedures. */
void world_seal(struct world *w, const char *folder, const char *const *files, unsigned n);
/* The same with compiled bytes. */
void world_seal_compiled(struct world *w, const struct bytes *compiled, unsigned n);
void world_end(struct world *w);

/* The member acts on a subject. `fields` JSON object or NULL; `cosigners` names of keys separated
 * by spaces, or NULL. expected_version is the subject's. Returns the clause's name, also kept in
 * w->clause. */
const char *world_act(struct world *w, uint32_t member, const char *procedure, const char *action,
                      const char *subject, const char *fields, const char *cosigners);
/* The same with another expected version. */
const char *world_act_at(struct world *w, uint32_t member, const char *procedure,
                         const char *action, const char *subject, uint64_t version,
                         const char *fields, const char *cosigners);
/* Judges a record as it is, on the state now, without executing it; the verdict is in w->judged, too. */
const char *world_judge(struct world *w, uint32_t member, const struct ledger_record *record);
/* Executes it in a block of its own, a second later, and fails where the block says another thing
 * than the judge did. */
const char *world_submit(struct world *w, uint32_t member, const struct ledger_record *record);
/* Adds cosignatures by these names' keys. */
void world_cosign(struct world *w, struct ledger_record *record, const char *names);
/* An empty block after so many ms: timers fire. */
void world_wait(struct world *w, uint64_t ms);

struct ledger_subject_id world_subject(const char *name);
void world_key(struct crypto_key *out, struct crypto_secret *secret, const char *name);
const struct ledger_procedure *world_procedure(const struct world *w, const char *name);
/* "" where it does not exist. */
const char *world_state(struct world *w, const char *procedure, const char *subject);
uint64_t world_version(struct world *w, const char *procedure, const char *subject);
/* An attribute's value; absent: 0 or false. */
int64_t world_int(struct world *w, const char *procedure, const char *subject,
                  const char *attribute);
bool world_bool(struct world *w, const char *procedure, const char *subject, const char *attribute);
/* Its msgpack; size 0 where absent. By number: the built-in ones, too. */
struct bytes world_raw(struct world *w, const char *procedure, const char *subject, uint16_t attribute);
bool world_has(struct world *w, const char *procedure, const char *subject, const char *attribute);
/* The log's size: entries so far. */
uint64_t world_entries(const struct world *w);

#endif
