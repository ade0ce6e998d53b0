/*
 * peer_link: what peer.c (connections, AUTH, frames) and peer_dial.c (whom to call and when) share.
 */
#ifndef ANJU_NODE_PEER_LINK_H
#define ANJU_NODE_PEER_LINK_H

#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netdb.h>

#include "node/peer.h"
#include "node/peer_auth.h"

enum {
    AUTH_MS = 3000,
    CONTEST_MS = 1000,  /* the first connection of a pair has this long to answer */
    CROSSING_MS = 2000, /* two connections this close together were dialled at once */
    PING_MS = 5000,
    SILENT_MS = 15000,
    TICK_MS = 100,
    STOPPED_MS = 2000, /* a gap between ticks: we did not run, nobody else was silent */
    BACKOFF_MS_MIN = 200,
    BACKOFF_MS_MAX = 5000,
    LARGER_ID_WAITS_MS = 1500,
    UNKNOWN_MAX = 32, /* connections that have not said AUTH yet */
    RATE_PER_S = 200,
    RATE_BURST = 400,
    RATE_PER_HEIGHT = 16,
    NAME_SIZE = 96,
};
#define QUEUE_BYTES_MAX ((size_t)64 << 20)

enum link_state { LINK_HANDSHAKE, LINK_AUTH, LINK_CONTEST, LINK_UP, LINK_DEAD };

struct target;

struct link {
    struct peers *p;
    struct link *next;
    struct bufferevent *bev;
    SSL *ssl; /* the bufferevent's */
    enum link_state state;
    enum peer_role role;   /* ours */
    struct target *target; /* dialled for it, or NULL */
    struct peer_channel channel;
    struct crypto_hash id;
    int number; /* while UP */
    uint64_t began_ms, up_ms, last_in_ms, ping_ms, contest_ms;
    uint64_t contest_nonce, pong; /* of a contest: what the first must send back; what came back */
    uint64_t tokens_milli, tokens_at_ms;
    uint64_t drop_logged_ms;
    char name[NAME_SIZE]; /* address, for the log */
};

/* A node of genesis, as somebody to call. */
struct target {
    const struct ledger_node_info *info;
    struct crypto_hash id;
    uint64_t dial_at_ms;
    uint64_t backoff_ms;
    bool connected; /* by whichever side */
    bool dialling;
    bool resolving;
    struct gaicb lookup;
    char *host, *port;
    char last_error[160];
};

struct peers {
    struct peers_options o;
    SSL_CTX *tls;
    struct crypto_hash own_spki;
    struct evconnlistener *listener;
    struct event *tick;
    struct link *links;
    struct link *up[PEERS_MAX];
    uint32_t n_targets;
    struct target *targets;
    uint64_t ticked_ms;
    uint64_t nonce;
    struct peers_status counters;
};

uint64_t peer_mono_ms(void);
/* Splits "host:port" or "[v6]:port"; both are heap copies. False: malformed. */
bool peer_split_address(char **host, char **port, const char *address);

/* peer.c: a connection begins; `fd` -1: `address` is dialled. */
void link_begin(struct peers *p, int fd, const struct sockaddr *address, socklen_t size,
                struct target *target);

/* peer_dial.c */
void dial_init(struct peers *p);
void dial_tick(struct peers *p, uint64_t now);
void dial_lost(struct peers *p, struct target *t,
               const char *why); /* a connection to it ended, or never came to be */
struct target *dial_target_of(struct peers *p, const struct crypto_hash *id);
void dial_deinit(struct peers *p);

#endif
