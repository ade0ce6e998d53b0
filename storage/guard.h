/*
 * guard: what this node has signed, on disk before it leaves (docs/consensus.md, "Log before
 * send"). One preallocated file, `guard`, of two alternating slots of 8 KiB, each overwritten
 * whole; each of a slot's 512-byte sectors carries the slot's sequence number and a checksum of its
 * own. The content is opaque here (the core's slot, at most GUARD_CONTENT_MAX bytes). A slot whose
 * sectors are all sound but of mixed sequence is a torn write: nothing of it had left, the other
 * slot counts. A sector that fails its checksum or cannot be read, a file of another node or
 * ledger, no file beside existing ledger data, or the marker `guard.lost` (restore writes it): the
 * state is lost, and a node that does not know what it signed must not sign. That is a state, not
 * an error: the node follows and serves. Once lost it stays lost over restarts, until guard_renew: the
 * marker is written with the reason. Never in a backup. One thread at a time (the log thread once it runs). The file is
 * locked: a second process gets BUSY.
 */
#ifndef ANJU_STORAGE_GUARD_H
#define ANJU_STORAGE_GUARD_H

#include "crypto/crypto.h"

enum { GUARD_SLOT_SIZE = 8192, GUARD_CONTENT_MAX = 7840 };

enum guard_state {
    GUARD_NEW,   /* made now: this node has never signed anything here */
    GUARD_FOUND, /* the content of the last guard_write that was complete; empty before the first */
    GUARD_LOST,  /* do not sign: guard_lost_reason says why */
};

struct guard;

/* Opens `dir`/guard, or makes it where there is none and `ledger_exists` is false: ask store_exists
 * and open the guard before store_open makes the ledger. The directory is made where it is missing.
 * BUSY: another process has it open. IO, FULL: with words. */
ANJU_MUST_CHECK enum anju_err guard_open(struct guard **out, const char *dir,
                                         const struct crypto_hash *ledger_id,
                                         const struct crypto_hash *node_id, bool ledger_exists);
void guard_close(struct guard *g); /* NULL is fine */
enum guard_state guard_state(const struct guard *g);
/* Borrowed until the next guard_write or guard_close; empty where NEW or LOST. */
struct bytes guard_content(const struct guard *g);
const char *guard_lost_reason(const struct guard *g); /* one sentence; "" unless LOST */

/* Overwrites the older slot and syncs it. Returns only when the content is durable: where the
 * operating system refuses, the process says so and aborts (a failed sync cannot be tried again).
 * Not when LOST. */
void guard_write(struct guard *g, struct bytes content);

/* LOST, and the file is this node's or is missing: guard_renew may follow once it is known from others
 * that nothing this key signed can matter any more (docs/consensus.md, "A node that does not know
 * what it signed"). */
bool guard_is_renewable(const struct guard *g);
/* Makes a lost guard anew with this content, durably, and takes the marker away last: a crash in
 * between leaves it lost. Aborts like guard_write. */
void guard_renew(struct guard *g, struct bytes content);

/* Writes the marker `dir`/guard.lost with a reason: a restored backup must not sign. */
ANJU_MUST_CHECK enum anju_err guard_mark_lost(const char *dir, const char *reason);

#endif
