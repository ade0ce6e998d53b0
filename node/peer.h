/*
 * peer: connections to other nodes: TLS 1.3, AUTH, frames, bounds, reconnecting. Main thread, on a
 * libevent loop. One connection a pair of nodes; a second one is refused while the first still
 * answers. A connection's number (0 .. PEERS_MAX - 1) means one node from on_up to on_down.
 */
#ifndef ANJU_NODE_PEER_H
#define ANJU_NODE_PEER_H

#include <event2/event.h>

#include "ledger/registry.h"
#include "node/frames.h"

enum { PEERS_MAX = 64 };

struct peers;

struct peers_options {
    struct event_base *base;
    const struct ledger_registry *registry; /* borrowed, like all below */
    struct crypto_hash self;
    const struct crypto_secret *secret;
    const char *host, *port; /* to listen at */
    const char *cert_file, *key_file;
    uint64_t (*now_ms)(void); /* wall clock */
    void *ctx;
    void (*on_up)(void *ctx, int peer, const struct crypto_hash *node_id);
    void (*on_down)(void *ctx, int peer);
    /* False: the frame breaks the protocol, the connection is closed. */
    bool (*on_frame)(void *ctx, int peer, uint8_t type, struct bytes body);
};

/* Listens and starts dialling the nodes of genesis. IO: the port is in use, or the host unknown,
 * with words; MISMATCH: our TLS key is not the one that genesis names. */
ANJU_MUST_CHECK enum anju_err peers_open(struct peers **out, const struct peers_options *options);
void peers_close(struct peers *p); /* NULL is fine; calls no on_down */

/* False: not connected, or too much is queued for it. */
bool peers_send(struct peers *p, int peer, enum frame_type type, struct bytes body);
/* A height was committed: each peer may say a little more than its steady rate. */
void peers_grant(struct peers *p);

struct peers_status {
    unsigned connected, known;
    uint64_t refused, dropped_frames, frames_in, frames_out, bytes_in, bytes_out;
    uint64_t twins;          /* connections refused because their identity is in use already */
    struct crypto_hash twin; /* the last such identity, proved by its AUTH */
    uint64_t twin_ms;        /* wall clock */
};
void peers_status(struct peers_status *out, const struct peers *p);

#endif
