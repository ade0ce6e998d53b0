/*
 * fixture: a development ledger with known secrets, for every test that needs members, keys, nodes
 * or signed things. Members: 1 government (center, hotline, committee, import), 2 property firm
 * (firm, provider), 3 agency (provider), 4 auditor (audit), 5 street office (street), 6 justice
 * department (dept:justice). Member m's operator key has the number m, its approver key 6 + m; node
 * i (from 0) belongs to member 1 + i % 6 and has key 13 + i. Code lists: urgency (1..4), channel
 * (hotline, self, visit). Calendar 1: Monday to Friday, 09:00 to 17:00 at +08:00, 2026 to 2030.
 * Keys are valid from FIXTURE_CREATED to 2090.
 */
#ifndef ANJU_TESTS_FIXTURE_H
#define ANJU_TESTS_FIXTURE_H

#include "ledger/block.h"

#define FIXTURE_CREATED UINT64_C(1767225600000) /* 2026-01-01 UTC */

enum {
    FIXTURE_MEMBERS = 6,
    FIXTURE_GOVERNMENT = 1,
    FIXTURE_FIRM = 2,
    FIXTURE_AGENCY = 3,
    FIXTURE_AUDITOR = 4,
    FIXTURE_STREET = 5,
    FIXTURE_JUSTICE = 6,
};

struct fixture {
    struct ledger_genesis genesis;
    struct ledger_registry *registry;
    struct crypto_secret operator[FIXTURE_MEMBERS + 1]; /* by member number */
    struct crypto_secret approver[FIXTURE_MEMBERS + 1];
    struct crypto_secret node[LEDGER_SET_MAX]; /* by index in registry->set */
    struct arena arena;                        /* of what the helpers below return */
    uint64_t nonces;                           /* used so far */
};

/* Both steps at once. `procedures`: compiled bytes, or NULL. */
void fixture_init(struct fixture *f, unsigned n_nodes, const struct bytes *procedures,
                  uint32_t n_procedures);
void fixture_deinit(struct fixture *f);
/* With the shipped procedures (order, order-import), code lists and calendar, from
 * ledger/procedures: run from the top of the repository. */
void fixture_init_shipped(struct fixture *f, unsigned n_nodes);

/* Step by step: fixture_begin fills f->genesis, the test changes it (memory from f->genesis.arena),
 * fixture_seal makes the registry and fails the test where it can't. */
void fixture_begin(struct fixture *f, unsigned n_nodes);
void fixture_seal(struct fixture *f);

/* A record's bytes. Fields as given. */
struct bytes fixture_record(struct fixture *f, const struct ledger_record *record);
/* An envelope signed with the member's operator key, with a nonce of its own. */
struct bytes fixture_envelope(struct fixture *f, uint32_t member, uint64_t valid_until,
                              const struct bytes *records, uint16_t n_records);
/* One record of one envelope. */
struct bytes fixture_envelope_of(struct fixture *f, uint32_t member, uint64_t valid_until,
                                 const struct ledger_record *record);
struct bytes fixture_batch(struct fixture *f, const struct bytes *envelopes, uint16_t n);

/* A quorum's certificate at round 0. */
void fixture_certify(struct fixture *f, struct ledger_certificate *out, uint64_t height,
                     const struct crypto_hash *vid, const struct crypto_hash *result);
/* The bytes of a block on top of `previous`, with one batch of these envelopes (none where n is 0),
 * and a certificate of the block before made on the spot. */
struct bytes fixture_block(struct fixture *f, const struct ledger_tip *previous, uint64_t time_ms,
                           const struct bytes *envelopes, uint16_t n);

/* Values: canonical msgpack in f->arena. */
struct bytes fixture_uint(struct fixture *f, uint64_t v);
struct bytes fixture_int(struct fixture *f, int64_t v);
struct bytes fixture_bool(struct fixture *f, bool v);
struct bytes fixture_str(struct fixture *f, const char *text);
struct bytes fixture_bin(struct fixture *f, const void *data, size_t size);
/* A subject id of this day with a number in its last bytes. */
struct ledger_subject_id fixture_subject(uint16_t day, uint64_t number);

#endif
