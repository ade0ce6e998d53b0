/*
 * outside: how a ledger looks in the forms of other systems (docs/formats.md, "Outside forms"): the
 * names and keys of its validators in signed notes, the policy file with the rule q of n,
 * checkpoints as notes, and proofs of one entry as C2SP's `.tlog-proof` and as COSE receipts. Any
 * thread.
 */
#ifndef ANJU_RPC_OUTSIDE_H
#define ANJU_RPC_OUTSIDE_H

#include "ledger/registry.h"
#include "rpc/cose.h"
#include "rpc/note.h"
#include "storage/checkpoints.h"

enum { OUTSIDE_NAME_SIZE = NOTE_NAME_SIZE_MAX + 1, OUTSIDE_FILE_SIZE_MAX = 512 * 1024 };

/* The log key of a node: named after the origin. */
void outside_log_key(struct note_key *out, const char *origin, const struct ledger_node *node);
/* Its cosign key, named ORIGIN/ and the first 16 hexadecimal digits of the node id. */
void outside_cosign_key(struct note_key *out, const char *origin, const struct ledger_node *node);
/* Whether the origin leaves room for those names. */
bool outside_origin_fits(const char *origin);

/* A tlog-policy: all log keys, all cosign keys, a group of all with threshold q. */
void outside_policy(struct writer *w, const char *origin, const struct ledger_set *set);

/* A kept checkpoint as a note: log signature where `log_node` made one, and up to `cosignatures`
 * cosignatures by nodes of the set, in the set's order. */
void outside_note(struct writer *w, const struct kept_checkpoint *k, const char *origin,
                  const struct ledger_set *set, const struct ledger_node *log_node,
                  unsigned cosignatures);

/* C2SP tlog-proof: the entry is its extra data, since the record hash is H(0x00, entry). */
struct tlog_proof {
    struct bytes extra;
    uint64_t index;
    struct ledger_path path;
    struct bytes note; /* the checkpoint */
};
void tlog_proof_encode(struct writer *w, const struct tlog_proof *p);
/* MALFORMED: not one, or not in the one form that encode gives. Borrows the note. */
ANJU_MUST_CHECK enum anju_err tlog_proof_decode(struct tlog_proof *out, struct bytes in,
                                                struct arena *a);

#endif
