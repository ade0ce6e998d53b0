#include "node/peer_link.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

enum { FRAME_HEAD = 5 };

uint64_t peer_mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- Sending ---- */

static bool link_send(struct link *l, enum frame_type type, struct bytes body)
{
    uint8_t head[FRAME_HEAD];
    struct evbuffer *out = bufferevent_get_output(l->bev);

    assert(body.size <= frame_size_max((uint8_t)type, l->p->o.registry->limits.frame_size));
    if (evbuffer_get_length(out) + body.size > QUEUE_BYTES_MAX)
        return false;
    put_u32(head, (uint32_t)body.size);
    head[4] = (uint8_t)type;
    evbuffer_add(out, head, sizeof(head));
    evbuffer_add(out, body.data, body.size);
    l->p->counters.frames_out++;
    l->p->counters.bytes_out += body.size + FRAME_HEAD;
    return true;
}

bool peers_send(struct peers *p, int peer, enum frame_type type, struct bytes body)
{
    return p->up[peer] != NULL && link_send(p->up[peer], type, body);
}

/* ---- Ending a connection ---- */

/* The memory goes at the next tick: callers up the stack may still look at the link. */
static void link_end(struct link *l)
{
    struct peers *p = l->p;
    bool was_up = l->state == LINK_UP;
    int number = l->number;

    if (l->state == LINK_DEAD)
        return;
    l->state = LINK_DEAD;
    bufferevent_free(l->bev);
    l->bev = NULL;
    if (!was_up)
        return;
    p->up[number] = NULL;
    p->counters.connected--;
    struct target *t = dial_target_of(p, &l->id);
    if (t != NULL) {
        t->connected = false;
        t->dial_at_ms = peer_mono_ms() + t->backoff_ms;
    }
    p->o.on_down(p->o.ctx, number);
}

static void link_fail(struct link *l, const char *why)
{
    if (l->target != NULL && l->state != LINK_UP)
        dial_lost(l->p, l->target, why);
    else if (l->state == LINK_UP)
        log_info("peer", "connection ended peer=%d address=%s: %s", l->number, l->name, why);
    link_end(l);
}

static void link_refuse(struct link *l, const char *why)
{
    l->p->counters.refused++;
    log_warn("peer", "refused address=%s: %s", l->name, why);
    if (l->target != NULL && l->state != LINK_UP)
        dial_lost(l->p, l->target, "");
    link_end(l);
}

/* ---- AUTH and becoming a peer ---- */

static void send_auth(struct link *l, const struct crypto_hash *to)
{
    uint8_t body[PEER_AUTH_SIZE];
    struct peers *p = l->p;

    if (peer_auth_make(body, l->role, &p->o.registry->ledger_id, &p->o.self, to, p->o.secret,
                       &l->channel) == ANJU_OK)
        (void)link_send(l, FRAME_AUTH, bytes_of(body, sizeof(body)));
}

static void link_up(struct link *l)
{
    struct peers *p = l->p;
    struct target *t = dial_target_of(p, &l->id);
    char hex[65];

    l->number = -1;
    for (int i = 0; i < PEERS_MAX && l->number < 0; i++) {
        if (p->up[i] == NULL)
            l->number = i;
    }
    if (l->number < 0) {
        link_refuse(l, "too many peers");
        return;
    }
    if (l->role == PEER_ANSWERED)
        send_auth(l, &l->id);
    l->state = LINK_UP;
    l->up_ms = l->last_in_ms = peer_mono_ms();
    l->tokens_milli = RATE_BURST * 1000;
    l->tokens_at_ms = l->up_ms;
    p->up[l->number] = l;
    p->counters.connected++;
    if (t != NULL) {
        t->connected = true;
        t->dialling = false;
        t->backoff_ms = BACKOFF_MS_MIN;
        t->last_error[0] = '\0';
    }
    hex_encode(hex, l->id.b, 8);
    log_info("peer", "connected peer=%d node=%s.. address=%s", l->number, hex, l->name);
    p->o.on_up(p->o.ctx, l->number, &l->id);
}

static struct link *link_of(struct peers *p, const struct crypto_hash *id)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        if (p->up[i] != NULL && crypto_hash_equal(&p->up[i]->id, id))
            return p->up[i];
    }
    return NULL;
}

/* Both have said the same identity. Called at the same time by both ends: one is left, the same at
 * both ends. Else the first must show that it is alive, or the second takes its place. */
static void contest(struct link *l, struct link *first)
{
    uint64_t now = peer_mono_ms();
    bool we_are_smaller = crypto_hash_compare(&l->p->o.self, &l->id) < 0;

    if (first->role != l->role && now < first->up_ms + CROSSING_MS) {
        bool keep_ours = we_are_smaller; /* the smaller id's call is the one that stays */
        struct link *goes = (l->role == PEER_DIALLED) == keep_ours ? first : l;
        log_debug("peer", "both ends called at once address=%s", l->name);
        if (goes == l && l->target != NULL)
            l->target->dialling = false;
        link_end(goes);
        if (goes == first)
            link_up(l);
        return;
    }
    l->state = LINK_CONTEST;
    l->contest_ms = now;
    uint8_t nonce[8];
    l->contest_nonce = ++l->p->nonce;
    put_u64(nonce, l->contest_nonce);
    (void)link_send(first, FRAME_PING, bytes_of(nonce, sizeof(nonce)));
}

static void note_twin(struct peers *p, const struct crypto_hash *id)
{
    p->counters.twins++;
    p->counters.twin = *id;
    p->counters.twin_ms = p->o.now_ms();
}

static void on_auth(struct link *l, struct bytes body)
{
    struct peers *p = l->p;
    const struct crypto_hash *expected = l->target != NULL ? &l->target->id : NULL;
    struct link *first;

    if (peer_auth_check(&l->id, body, p->o.registry, &p->o.self, l->role, expected, &l->channel,
                        p->o.now_ms()) != ANJU_OK) {
        link_refuse(l, anju_err_text());
        return;
    }
    first = link_of(p, &l->id);
    if (first != NULL)
        contest(l, first);
    else
        link_up(l);
}

static void contest_tick(struct link *l, uint64_t now)
{
    struct link *first = link_of(l->p, &l->id);

    if (first == NULL) {
        link_up(l);
    } else if (first->pong == l->contest_nonce) {
        char why[160], hex[65];
        hex_encode(hex, l->id.b, CRYPTO_HASH_SIZE);
        snprintf(why, sizeof(why),
                 "a second node with the identity %s: the first one still answers", hex);
        note_twin(l->p, &l->id);
        link_refuse(l, why);
    } else if (now >= l->contest_ms + CONTEST_MS) {
        link_fail(first, "silent while a new connection of the same node waits");
        link_up(l);
    }
}

/* ---- Receiving ---- */

static bool is_charged(uint8_t type)
{
    /* What costs a signature's check, a look into the store or a line of the log. Batches have the
     * quota of their author, and announcements a bound of their own. */
    return type == FRAME_STATUS || type == FRAME_PROPOSAL || type == FRAME_VOTE ||
           type == FRAME_CERTIFICATE || type == FRAME_WANT || type == FRAME_COSIGN ||
           type == FRAME_HANDOVER;
}

/* False: the peer says more than it may; the frame is dropped, RESEND brings what mattered. */
static bool pays(struct link *l, uint8_t type)
{
    uint64_t now = l->last_in_ms;

    if (!is_charged(type))
        return true;
    l->tokens_milli += (now - l->tokens_at_ms) * RATE_PER_S;
    if (l->tokens_milli > RATE_BURST * 1000)
        l->tokens_milli = RATE_BURST * 1000;
    l->tokens_at_ms = now;
    if (l->tokens_milli >= 1000) {
        l->tokens_milli -= 1000;
        return true;
    }
    l->p->counters.dropped_frames++;
    if (now >= l->drop_logged_ms + 60000 || l->drop_logged_ms == 0) {
        l->drop_logged_ms = now;
        log_warn("peer", "peer=%d says more than %d messages a second: some are dropped", l->number,
                 RATE_PER_S);
    }
    return false;
}

static void on_frame(struct link *l, uint8_t type, struct bytes body)
{
    struct peers *p = l->p;

    p->counters.frames_in++;
    p->counters.bytes_in += body.size + FRAME_HEAD;
    l->last_in_ms = peer_mono_ms();
    if (l->state != LINK_UP) {
        if (type == FRAME_AUTH && l->state == LINK_AUTH)
            on_auth(l, body);
        else
            link_refuse(l, l->state == LINK_CONTEST ? "it speaks before it is answered"
                                                    : "its first frame is not AUTH");
        return;
    }
    if (type == FRAME_PING) {
        (void)link_send(l, FRAME_PONG, body);
    } else if (type == FRAME_PONG && body.size == 8) {
        l->pong = get_u64(body.data);
    } else if (type == FRAME_AUTH) {
        link_refuse(l, "a second AUTH on one connection");
    } else if (pays(l, type) && !p->o.on_frame(p->o.ctx, l->number, type, body)) {
        char why[128];
        snprintf(why, sizeof(why), "a frame that breaks the protocol: %s of %zu bytes",
                 frame_type_name(type), body.size);
        link_refuse(l, why);
    }
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct link *l = ctx;
    struct evbuffer *in = bufferevent_get_input(bev);
    uint32_t limit = l->p->o.registry->limits.frame_size;

    while (l->state != LINK_DEAD && evbuffer_get_length(in) >= FRAME_HEAD) {
        uint8_t head[FRAME_HEAD];
        uint32_t size;
        const uint8_t *at;
        evbuffer_copyout(in, head, sizeof(head));
        size = get_u32(head);
        /* Checked before anything is kept for it; before AUTH only AUTH has a size. */
        if (size > frame_size_max(head[4], limit) || frame_size_max(head[4], limit) == 0 ||
            (l->state != LINK_UP && head[4] != FRAME_AUTH)) {
            char why[128];
            snprintf(why, sizeof(why), "a frame of type %u with %u bytes%s", head[4], size,
                     l->state != LINK_UP ? " before AUTH" : "");
            link_refuse(l, why);
            return;
        }
        if (evbuffer_get_length(in) < FRAME_HEAD + (size_t)size)
            return;
        evbuffer_drain(in, FRAME_HEAD);
        at = evbuffer_pullup(in, (ev_ssize_t)size);
        on_frame(l, head[4], bytes_of(size == 0 ? head : at, size));
        if (l->state != LINK_DEAD)
            evbuffer_drain(in, size);
    }
}

static void on_connected(struct link *l)
{
    l->ssl = bufferevent_openssl_get_ssl(l->bev);
    int one = 1;

    (void)setsockopt(bufferevent_getfd(l->bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    l->channel.own_spki = l->p->own_spki;
    if (tls_peer_spki(&l->channel.peer_spki, l->ssl) != ANJU_OK ||
        tls_exporter(l->channel.ekm, l->ssl) != ANJU_OK) {
        link_refuse(l, anju_err_text());
        return;
    }
    l->state = LINK_AUTH;
    if (l->role == PEER_DIALLED)
        send_auth(l, &l->target->id);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct link *l = ctx;
    char why[160];
    const char *reason;
    unsigned long code;
    int error = EVUTIL_SOCKET_ERROR();

    if ((what & BEV_EVENT_CONNECTED) != 0) {
        on_connected(l);
        return;
    }
    code = bufferevent_get_openssl_error(bev);
    reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (l->state == LINK_HANDSHAKE && reason != NULL)
        snprintf(why, sizeof(why), "TLS: %s", reason);
    else if ((what & BEV_EVENT_ERROR) != 0 && error != 0)
        snprintf(why, sizeof(why), "%s", evutil_socket_error_to_string(error));
    else if (l->state == LINK_HANDSHAKE)
        snprintf(why, sizeof(why), "no connection: nobody listens there, or it was closed at once");
    else
        snprintf(why, sizeof(why), "%s",
                 l->state == LINK_AUTH
                     ? "closed before AUTH: the other side refused us, its log says why"
                     : "closed by the other side");
    if (l->state == LINK_HANDSHAKE && l->target == NULL && code != 0)
        link_refuse(l, why);
    else
        link_fail(l, why);
}

static void name_of(char out[NAME_SIZE], const struct sockaddr *address, socklen_t size)
{
    char host[64] = "?", port[16] = "?";

    (void)getnameinfo(address, size, host, sizeof(host), port, sizeof(port),
                      NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(out, NAME_SIZE, "%s:%s", host, port);
}

void link_begin(struct peers *p, int fd, const struct sockaddr *address, socklen_t size,
                struct target *target)
{
    struct link *l = anju_alloc(sizeof(*l));
    SSL *ssl;

    ERR_clear_error();
    ssl = SSL_new(p->tls);
    *l = (struct link){.p = p,
                       .next = p->links,
                       .role = fd < 0 ? PEER_DIALLED : PEER_ANSWERED,
                       .target = target,
                       .number = -1,
                       .began_ms = peer_mono_ms()};
    name_of(l->name, address, size);
    if (ssl != NULL)
        l->bev = bufferevent_openssl_socket_new(
            p->o.base, fd, ssl, fd < 0 ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING,
            BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (l->bev == NULL) {
        log_error("peer", "cannot begin a TLS connection: %s", tls_error_text());
        if (fd >= 0)
            evutil_closesocket(fd);
        if (target != NULL)
            dial_lost(p, target, "no memory for a TLS connection");
        free(l);
        return;
    }
    p->links = l;
    bufferevent_openssl_set_allow_dirty_shutdown(l->bev, 1);
    bufferevent_setcb(l->bev, on_read, NULL, on_event, l);
    bufferevent_enable(l->bev, EV_READ | EV_WRITE);
    if (fd < 0 && bufferevent_socket_connect(l->bev, address, (int)size) != 0)
        link_fail(l, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int size, void *ctx)
{
    struct peers *p = ctx;
    unsigned unknown = 0;
    int one = 1;

    (void)listener;
    for (const struct link *l = p->links; l != NULL; l = l->next)
        unknown += l->role == PEER_ANSWERED && l->state < LINK_UP;
    if (unknown >= UNKNOWN_MAX) {
        evutil_closesocket(fd);
        p->counters.refused++;
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    link_begin(p, fd, address, (socklen_t)size, NULL);
}

static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
    (void)listener;
    (void)ctx;
    log_error("peer", "cannot accept a connection: %s",
              evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

/* ---- Time ---- */

static void link_tick(struct link *l, uint64_t now)
{
    switch (l->state) {
    case LINK_HANDSHAKE:
    case LINK_AUTH:
        if (now >= l->began_ms + AUTH_MS) {
            if (l->role == PEER_ANSWERED)
                link_refuse(l, "no AUTH within 3 seconds");
            else
                link_fail(l, "no answer within 3 seconds");
        }
        break;
    case LINK_CONTEST:
        contest_tick(l, now);
        break;
    case LINK_UP:
        if (now >= l->last_in_ms + SILENT_MS) {
            link_fail(l, "silent for 15 seconds");
        } else if (now >= l->last_in_ms + PING_MS && now >= l->ping_ms + PING_MS) {
            uint8_t nonce[8];
            put_u64(nonce, ++l->p->nonce);
            l->ping_ms = now;
            (void)link_send(l, FRAME_PING, bytes_of(nonce, sizeof(nonce)));
        }
        break;
    case LINK_DEAD:
        break;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct peers *p = ctx;
    uint64_t now = peer_mono_ms();
    bool stopped = p->ticked_ms != 0 && now > p->ticked_ms + STOPPED_MS;

    (void)fd;
    (void)what;
    for (struct link *l = p->links; l != NULL; l = l->next) {
        if (stopped)
            l->last_in_ms = now;
        link_tick(l, now);
    }
    for (struct link **at = &p->links; *at != NULL;) {
        struct link *l = *at;
        if (l->state == LINK_DEAD) {
            *at = l->next;
            free(l);
        } else {
            at = &l->next;
        }
    }
    dial_tick(p, now);
    p->ticked_ms = now;
}

void peers_grant(struct peers *p)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        if (p->up[i] != NULL)
            p->up[i]->tokens_milli += RATE_PER_HEIGHT * 1000;
    }
}

void peers_status(struct peers_status *out, const struct peers *p)
{
    *out = p->counters;
}

/* ---- Life ---- */

static enum anju_err check_own_key(const struct peers *p)
{
    const struct ledger_node_info *own = peer_node_of(p->o.registry, &p->o.self);

    if (own != NULL && !crypto_hash_equal(&own->tls_spki, &p->own_spki))
        return anju_fail(
            ANJU_ERR_MISMATCH,
            "%s: this is not the TLS key that genesis names for this node; peers would refuse it",
            p->o.cert_file);
    return ANJU_OK;
}

static enum anju_err listen_at(struct peers *p)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE},
                    *found = NULL;
    int rc = getaddrinfo(p->o.host, p->o.port, &hints, &found);

    if (rc != 0)
        return anju_fail(ANJU_ERR_IO, "peer.listen: %s:%s: %s", p->o.host, p->o.port,
                         gai_strerror(rc));
    p->listener = evconnlistener_new_bind(
        p->o.base, on_accept, p, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC,
        64, found->ai_addr, (int)found->ai_addrlen);
    rc = errno;
    freeaddrinfo(found);
    if (p->listener == NULL)
        return anju_fail(ANJU_ERR_IO, "peer.listen: cannot listen at %s:%s: %s", p->o.host,
                         p->o.port, strerror(rc));
    evconnlistener_set_error_cb(p->listener, on_accept_error);
    return ANJU_OK;
}

enum anju_err peers_open(struct peers **out, const struct peers_options *options)
{
    struct peers *p = anju_alloc(sizeof(*p));
    struct timeval every = {.tv_usec = TICK_MS * 1000};
    enum anju_err err;

    *out = NULL;
    p->o = *options;
    err = tls_context_new(&p->tls, &p->own_spki, options->cert_file, options->key_file);
    if (err == ANJU_OK)
        err = check_own_key(p);
    if (err == ANJU_OK)
        err = listen_at(p);
    if (err != ANJU_OK) {
        peers_close(p);
        return err;
    }
    dial_init(p);
    p->tick = event_new(options->base, -1, EV_PERSIST, on_tick, p);
    event_add(p->tick, &every);
    *out = p;
    return ANJU_OK;
}

void peers_close(struct peers *p)
{
    if (p == NULL)
        return;
    if (p->listener != NULL)
        evconnlistener_free(p->listener);
    if (p->tick != NULL)
        event_free(p->tick);
    while (p->links != NULL) {
        struct link *l = p->links;
        p->links = l->next;
        if (l->bev != NULL)
            bufferevent_free(l->bev);
        free(l);
    }
    dial_deinit(p);
    SSL_CTX_free(p->tls);
    free(p);
}
