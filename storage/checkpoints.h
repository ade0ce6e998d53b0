/*
 * checkpoints: the signatures for the forms of other systems (docs/formats.md, "Outside forms"),
 * beside the ledger: for each checkpoint its size and root, this node's log signature and what
 * validators cosigned. Files of an hour each (`checkpoints/HOUR`, records with a checksum); the
 * last few checkpoints are open for late cosignatures in memory and are written when newer ones
 * come, or when it is closed. Nothing here is synced: what a crash loses is skipped. After 24 hours
 * one checkpoint an hour is kept. Keeps bytes; whoever puts them has checked them. Any thread; one
 * writing process, others open read-only and see what was written before.
 */
#ifndef ANJU_STORAGE_CHECKPOINTS_H
#define ANJU_STORAGE_CHECKPOINTS_H

#include "ledger/agreement.h"

enum { CHECKPOINTS_OPEN = 4, CHECKPOINTS_HOURS = 24 };

struct kept_cosignature {
    struct crypto_hash node;
    uint64_t time_s;
    uint8_t ed25519[64];    /* cosignature/v1 over the checkpoint */
    struct crypto_sig cose; /* ES256K over the root */
};

struct kept_checkpoint {
    uint64_t height;
    uint64_t size;
    uint64_t time_ms; /* the header's */
    struct crypto_hash root;
    bool has_log_sig;
    uint8_t log_sig[64]; /* of the node that kept it */
    uint8_t n;
    struct kept_cosignature by[LEDGER_SET_MAX]; /* each node once */
};

struct checkpoints;

/* `dir`: the data directory. Damaged records are left out, with a warning in the log. IO with
 * words; NOT_FOUND: read-only, and there are none. */
ANJU_MUST_CHECK enum anju_err checkpoints_open(struct checkpoints **out, const char *dir,
                                               bool readonly);
void checkpoints_close(struct checkpoints *c); /* writes what is open; NULL is fine */

/* A new one, above all heights before. Errors only of the files of older ones: IO, FULL; it is kept
 * in any case. */
ANJU_MUST_CHECK enum anju_err checkpoints_add(struct checkpoints *c,
                                              const struct kept_checkpoint *k);
/* Adds to one that is open. False: it is not, or the node's is there already. */
bool checkpoints_cosign(struct checkpoints *c, uint64_t height, const struct kept_cosignature *by);
/* Finds one that is open. */
bool checkpoints_find_open(struct checkpoints *c, struct kept_checkpoint *out, uint64_t height);

/* Where `need` is how many cosignatures it must have. NOT_FOUND. */
ANJU_MUST_CHECK enum anju_err checkpoints_at(struct checkpoints *c, struct kept_checkpoint *out,
                                             uint64_t height);
ANJU_MUST_CHECK enum anju_err checkpoints_newest(struct checkpoints *c, struct kept_checkpoint *out,
                                                 unsigned need);
/* The first with at least `size` entries. */
ANJU_MUST_CHECK enum anju_err checkpoints_covering(struct checkpoints *c,
                                                   struct kept_checkpoint *out, uint64_t size,
                                                   unsigned need);

#endif
