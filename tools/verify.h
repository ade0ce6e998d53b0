/*
 * verify: what the files of `anju verify` share, one for each kind of proof.
 */
#ifndef ANJU_TOOLS_VERIFY_H
#define ANJU_TOOLS_VERIFY_H

#include "ledger/receipt.h"
#include "tools/tools.h"

struct verify_work {
    const struct ledger_registry *registry;
    const struct ledger_set_path *path; /* NULL: genesis only */
    struct bytes text;                  /* of the proof */
    struct arena *arena;
    bool explain, zh, show;
    uint64_t not_before; /* block time, ms; 0: any */
    const char *where;   /* NAME=VALUE,... or NULL */
};

/* Verifies and prints; the exit code. */
int verify_list(const struct verify_work *w);
int verify_consistency(const struct verify_work *w);
/* Forms of other systems. `policy`: a tlog-policy file, then the registry may be NULL; or NULL. */
int verify_outside(const struct verify_work *w, const char *policy);
bool verify_is_outside(struct bytes text);

/* "verdict" and its reason as JSON, for what is not valid. */
int verify_print_refused(const struct verify_work *w, enum ledger_verdict verdict,
                         const char *failed, const char *reason);
/* Who signed, in one line. */
void verify_print_signers(const struct verify_work *w, const struct ledger_signers *s);
json_t *verify_signers_json(const struct ledger_signers *s);
/* A numbered step of an explanation, in the language that was asked for. */
void verify_step(const struct verify_work *w, unsigned *number, const char *en, const char *zh,
                 ...);
/* The last steps of every explanation: who signed, and what is trusted and what is not. */
void verify_explain_trust(const struct verify_work *w, unsigned *number,
                          const struct ledger_signers *s);

#endif
