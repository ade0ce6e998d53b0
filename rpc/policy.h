/*
 * policy: trust as a C2SP tlog-policy file says it: logs, witnesses, groups with a threshold, and
 * the group whose cosignatures make a checkpoint good. And the check of proofs against one. Any
 * thread.
 */
#ifndef ANJU_RPC_POLICY_H
#define ANJU_RPC_POLICY_H

#include "ledger/entry.h"
#include "rpc/outside.h"

enum { POLICY_KEYS_MAX = 64, POLICY_NAMES_MAX = 128, POLICY_SIZE_MAX = 256 * 1024 };

/* A witness, or a group of names above it. */
struct policy_name {
    struct bytes name;
    bool group, member; /* member: of a group already */
    size_t key;         /* witness: index in keys */
    unsigned threshold, n;
    unsigned of[POLICY_NAMES_MAX];
};

struct policy {
    struct note_key key[2 * POLICY_KEYS_MAX]; /* logs, then witnesses */
    size_t n_logs, n_keys;
    struct policy_name name[POLICY_NAMES_MAX];
    unsigned n_names;
    bool has_quorum;
    int quorum; /* name; -1: none is needed */
};

/* MALFORMED with the line. The texts are borrowed. */
ANJU_MUST_CHECK enum anju_err policy_decode(struct policy *out, struct bytes text);

struct outside_report {
    enum ledger_verdict verdict;
    char reason[256]; /* not valid */
    bool has_entry;
    struct ledger_entry entry;
    uint64_t size;
    struct crypto_hash root;
    char origin[OUTSIDE_NAME_SIZE];
    unsigned signed_by, of; /* cosignatures that are right; keys that could make one */
    uint64_t time_s;        /* C2SP: of the latest cosignature */
};

/* A checkpoint, a signed note. */
void outside_verify_checkpoint(struct outside_report *out, struct bytes note,
                               const struct policy *p, struct arena *a);
/* A `.tlog-proof` whose extra data is the entry. */
void outside_verify_proof(struct outside_report *out, struct bytes file, const struct policy *p,
                          struct arena *a);
/* A file of COSE receipts, by the node keys of the genesis set: a policy file has no such keys. */
void outside_verify_cose(struct outside_report *out, struct bytes file,
                         const struct ledger_registry *r);

#endif
