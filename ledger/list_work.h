/*
 * list_work: one verification of a proof of a list, for list_verify.c and list_answer.c only.
 */
#ifndef ANJU_LEDGER_LIST_WORK_H
#define ANJU_LEDGER_LIST_WORK_H

#include "ledger/list_proof.h"

struct list_work {
    struct ledger_list_report *out;
    const struct ledger_list_proof *p;
    const struct ledger_registry *registry;
    const struct ledger_set_path *path;
    struct arena *arena;
    struct ledger_chain_name *names;  /* of each chain */
    struct ledger_declared *declared; /* of each declaration */
    /* The map's answers, ascending by key. */
    struct ledger_map_key *keys;
    size_t n_keys;
    bool *found;
    struct ledger_map_leaf *leaves;
};

/* Ends a verification: false. */
bool list_stop(struct list_work *w, enum ledger_verdict verdict, enum ledger_list_check check,
               const char *format, ...) ANJU_PRINTF(4, 5);
#define LIST_INVALID(w, check, ...) list_stop(w, LEDGER_INVALID, check, __VA_ARGS__)

/* The map's leaf of a key that was asked for; NULL where it is absent. */
const struct ledger_map_leaf *list_leaf(const struct list_work *w,
                                        const struct ledger_map_key *key);

/* What is shown of each chain is in it, and is what the question asks for. */
bool list_check_entries(struct list_work *w, uint32_t chain);
bool list_check_contents(struct list_work *w, uint32_t chain);
/* The subjects shown are as they are now; and they are all. */
bool list_check_states(struct list_work *w, uint32_t chain);
bool list_check_now(struct list_work *w, uint32_t chain);

#endif
