/*
 * cosign: signatures of this node and of other validators for the outside forms (docs/formats.md,
 * "Outside forms"), off the path of agreement: made when a checkpoint's block is committed, sent to
 * all peers, kept beside the ledger. What is missed is skipped. Main thread; the kept ones may be
 * read from any.
 */
#ifndef ANJU_NODE_COSIGN_H
#define ANJU_NODE_COSIGN_H

#include "ledger/registry.h"
#include "ledger/view.h"
#include "storage/checkpoints.h"

struct peers;
struct cosign;

struct cosign_options {
    const struct ledger_registry *registry; /* borrowed */
    struct crypto_hash self;
    const struct crypto_secret
        *node_secret; /* borrowed; NULL: this node must not sign with its node key */
    const char *log_key, *cosign_key; /* files, or NULL */
    const char *dir;                  /* the data directory */
    const struct ledger_tip *tip;     /* where the ledger stands */
    uint64_t (*now_ms)(void);
    bool (*send)(void *ctx, int peer, struct bytes body); /* a COSIGN frame */
    void *ctx;
};

/* IO, MALFORMED, MISMATCH with words: a key file can't be read or is not the one that genesis
 * names. */
ANJU_MUST_CHECK enum anju_err cosign_check_keys(const struct ledger_registry *registry,
                                                const struct crypto_hash *self, const char *log_key,
                                                const char *cosign_key);
/* The same errors, and those of the kept checkpoints. */
ANJU_MUST_CHECK enum anju_err cosign_open(struct cosign **out,
                                          const struct cosign_options *options);
void cosign_close(struct cosign *c);
struct checkpoints *cosign_checkpoints(struct cosign *c);
/* After each commit. */
void cosign_committed(struct cosign *c, const struct ledger_tip *tip);
void cosign_peer_up(struct cosign *c, int peer, const struct crypto_hash *node_id);
void cosign_peer_down(struct cosign *c, int peer);
/* False: the frame breaks the protocol. */
bool cosign_peer_frame(struct cosign *c, int peer, struct bytes body);

/* Whether a block of this time is a checkpoint after one of that time: the first of its second. */
bool cosign_is_checkpoint(uint64_t time_ms, uint64_t previous_time_ms);

#endif
