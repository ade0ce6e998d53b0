/*
 * peer_dial: calling the nodes of genesis. The node with the smaller id calls at once, the other
 * one a little later, so that a pair seldom calls each other at the same time; both call, since
 * either may sit behind a firewall.
 */
#include "node/peer_link.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

bool peer_split_address(char **host, char **port, const char *address)
{
    const char *colon = strrchr(address, ':');
    size_t size;

    if (colon == NULL || colon == address || colon[1] == '\0')
        return false;
    size = (size_t)(colon - address);
    if (address[0] == '[') {
        if (size < 3 || address[size - 1] != ']')
            return false;
        address++;
        size -= 2;
    } else if (memchr(address, ':', size) != NULL) {
        return false; /* an IPv6 address without brackets could mean several things */
    }
    *host = anju_alloc(size + 1);
    memcpy(*host, address, size);
    *port = anju_strdup(colon + 1);
    return true;
}

void dial_init(struct peers *p)
{
    const struct ledger_genesis *g = p->o.registry->genesis;
    uint64_t now = peer_mono_ms();

    p->targets = anju_alloc(g->n_nodes * sizeof(*p->targets) + 1);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct target *t = &p->targets[p->n_targets];
        *t = (struct target){.info = &g->nodes[i], .backoff_ms = BACKOFF_MS_MIN};
        ledger_node_id(&t->id, &g->nodes[i].node.node_key);
        if (crypto_hash_equal(&t->id, &p->o.self))
            continue;
        t->dial_at_ms =
            now + (crypto_hash_compare(&p->o.self, &t->id) > 0 ? LARGER_ID_WAITS_MS : 0);
        if (!peer_split_address(&t->host, &t->port, t->info->peer)) {
            log_error("peer",
                      "genesis names the address \"%s\" for node %u: it is not host:port and is "
                      "never called",
                      t->info->peer, i + 1);
            continue;
        }
        p->n_targets++;
    }
    p->counters.known = p->n_targets;
}

struct target *dial_target_of(struct peers *p, const struct crypto_hash *id)
{
    for (uint32_t i = 0; i < p->n_targets; i++) {
        if (crypto_hash_equal(&p->targets[i].id, id))
            return &p->targets[i];
    }
    return NULL;
}

void dial_lost(struct peers *p, struct target *t, const char *why)
{
    uint64_t now = peer_mono_ms(), jitter = now % 97;

    (void)p;
    t->dialling = false;
    t->dial_at_ms = now + t->backoff_ms + jitter;
    t->backoff_ms = t->backoff_ms * 2 > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : t->backoff_ms * 2;
    /* The same trouble again and again is one line. */
    if (why[0] != '\0' && strcmp(t->last_error, why) != 0) {
        snprintf(t->last_error, sizeof(t->last_error), "%s", why);
        log_info("peer", "cannot reach node address=%s: %s; it is tried again", t->info->peer, why);
    }
}

static void connect_to(struct peers *p, struct target *t, const struct addrinfo *at)
{
    t->dialling = true;
    link_begin(p, -1, at->ai_addr, at->ai_addrlen, t);
}

static const struct addrinfo STREAM = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

/* Names are looked up beside this thread: a slow name server must not hold votes up. */
static void begin_lookup(struct peers *p, struct target *t)
{
    struct addrinfo numeric = STREAM, *found = NULL;
    struct gaicb *list[1] = {&t->lookup};
    struct sigevent none = {.sigev_notify = SIGEV_NONE};

    numeric.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    if (getaddrinfo(t->host, t->port, &numeric, &found) == 0) {
        connect_to(p, t, found);
        freeaddrinfo(found);
        return;
    }
    t->lookup = (struct gaicb){.ar_name = t->host, .ar_service = t->port, .ar_request = &STREAM};
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, &none) == 0)
        t->resolving = true;
    else
        dial_lost(p, t, "the name cannot be looked up now");
}

static void end_lookup(struct peers *p, struct target *t)
{
    int rc = gai_error(&t->lookup);

    if (rc == EAI_INPROGRESS)
        return;
    t->resolving = false;
    if (rc == 0 && t->lookup.ar_result != NULL)
        connect_to(p, t, t->lookup.ar_result);
    else
        dial_lost(p, t, gai_strerror(rc));
    if (t->lookup.ar_result != NULL)
        freeaddrinfo(t->lookup.ar_result);
    t->lookup.ar_result = NULL;
}

void dial_tick(struct peers *p, uint64_t now)
{
    for (uint32_t i = 0; i < p->n_targets; i++) {
        struct target *t = &p->targets[i];
        if (t->resolving)
            end_lookup(p, t);
        else if (!t->connected && !t->dialling && now >= t->dial_at_ms)
            begin_lookup(p, t);
    }
}

void dial_deinit(struct peers *p)
{
    for (uint32_t i = 0; i < p->n_targets; i++) {
        struct target *t = &p->targets[i];
        if (t->resolving && gai_cancel(&t->lookup) == EAI_NOTCANCELED)
            continue; /* the library still writes to it: it is let go with the process */
        free(t->host);
        free(t->port);
        t->host = NULL;
    }
    for (uint32_t i = 0; i < p->n_targets; i++) {
        if (p->targets[i].host != NULL)
            return;
    }
    free(p->targets);
}
