/*
 * prove_params: answers that are whole: proofs of lists, what has a value now, how many. What the
 * methods that take `prove` share. Not for other modules.
 */
#ifndef ANJU_RPC_PROVE_PARAMS_H
#define ANJU_RPC_PROVE_PARAMS_H

#include "ledger/list_proof.h"
#include "rpc/methods.h"

struct prove_params {
    bool whole; /* prove, now or count: else a page that is not proved */
    bool prove;
    struct ledger_question question;
    uint64_t from, until; /* block time; 0 and UINT64_MAX where they are left out */
};

/* Reads prove, now, count, records, effects, from, until, and with `prove` limit, newest_first and
 * cursor. */
void prove_params_read(struct call_in *in, struct prove_params *out);
/* The same from params alone: what a client expects to be answered. */
void prove_params_of(struct prove_params *out, const json_t *params, struct json_fault *fault);
/* These end the call: with the proof, or with the same by names where it was not asked for. */
void prove_answer(struct call_in *in, const struct prove_params *how, const struct bytes *keys,
                  size_t n);
void prove_history(struct call_in *in, const struct prove_params *how, uint16_t procedure,
                   const struct ledger_subject_id *id);
void prove_subject(struct call_in *in, uint16_t procedure, const struct ledger_subject_id *id);

#endif
