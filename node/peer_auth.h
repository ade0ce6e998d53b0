/*
 * peer_auth: the AUTH frame, by which each side of a connection proves its node key. Pure.
 * Body: version u8 = 1, role u8 (1 who dialled, 2 who was dialled), ledger id 32, node id of the
 * sender 32, node id that it means to talk to 32, signature 64. Signed: digest("anju/auth/1", role,
 * sender, receiver, exporter value 32, sender's SPKI hash 32, receiver's SPKI hash 32). The role
 * stops reflection, the receiver's id and the exporter value stop relaying.
 */
#ifndef ANJU_NODE_PEER_AUTH_H
#define ANJU_NODE_PEER_AUTH_H

#include "ledger/registry.h"
#include "node/tls.h"

enum { PEER_AUTH_SIZE = 2 + 32 * 3 + 64 };
enum peer_role { PEER_DIALLED = 1, PEER_ANSWERED = 2 };

struct peer_auth {
    enum peer_role role;
    struct crypto_hash ledger, from, to;
    struct crypto_sig sig;
};

/* What the connection says by itself. */
struct peer_channel {
    uint8_t ekm[TLS_EKM_SIZE];
    struct crypto_hash own_spki, peer_spki;
};

/* The node of genesis with this id, or NULL. */
const struct ledger_node_info *peer_node_of(const struct ledger_registry *registry,
                                            const struct crypto_hash *id);

ANJU_MUST_CHECK enum anju_err peer_auth_make(uint8_t out[PEER_AUTH_SIZE], enum peer_role role,
                                             const struct crypto_hash *ledger,
                                             const struct crypto_hash *from,
                                             const struct crypto_hash *to,
                                             const struct crypto_secret *secret,
                                             const struct peer_channel *channel);
/* Checks everything about an AUTH that came in. `own_role` is ours; `expected` (or NULL) whom we
 * dialled. MISMATCH with one sentence that says why it is refused: another ledger, a stranger, a
 * member's key that is no node key, our own identity, a TLS key that genesis does not name, a wrong
 * signature. */
ANJU_MUST_CHECK enum anju_err peer_auth_check(struct crypto_hash *peer, struct bytes body,
                                              const struct ledger_registry *registry,
                                              const struct crypto_hash *self,
                                              enum peer_role own_role,
                                              const struct crypto_hash *expected,
                                              const struct peer_channel *channel, uint64_t now_ms);

#endif
