/*
 * naive: the state of a ledger computed from scratch from its entries and their effects, in the
 * plainest way, to compare with what execution keeps up to date step by step. Reads
 * docs/formats.md, "Chains and the map", once more and shares no code with ledger/fold.c: chain
 * keys, membership, live counts, roots and the timers that wait are its own.
 */
#ifndef ANJU_TESTS_NAIVE_H
#define ANJU_TESTS_NAIVE_H

#include "ledger/execute.h"
#include "ledger/registry.h"

struct naive;

struct naive *naive_new(const struct ledger_registry *registry);
void naive_free(struct naive *n);
/* A height begins: due timers are fired or dropped. Then each of its entries. */
void naive_begin(struct naive *n, uint64_t height, uint64_t time_ms);
void naive_add(struct naive *n, const struct ledger_item *item);
/* The version of a subject now; 0 where there is none. */
uint64_t naive_version(const struct naive *n, uint16_t procedure,
                       const struct ledger_subject_id *id, uint16_t *state);
/* The value of an attribute now (canonical msgpack); NULL where it is absent. */
const struct bytes *naive_attribute(const struct naive *n, uint16_t procedure,
                                    const struct ledger_subject_id *id, uint16_t number);
size_t naive_chain_count(const struct naive *n);
/* Fails the test where a view differs: roots, every chain, subject, used nonce, refusals, timers.
 */
void naive_compare(struct naive *n, const struct ledger_view *view);
/* Fails the test where rows of an overlay that holds everything differ. */
void naive_compare_rows(struct naive *n, const struct ledger_rows *rows);
/* Fails the test where two overlays hold different rows. */
void naive_compare_overlays(struct ledger_overlay *a, struct ledger_overlay *b);

#endif
