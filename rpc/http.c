#include "rpc/http.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/log.h"

enum state { FREE, HANDSHAKE, IDLE, HEAD, BODY, REPLY, DRAIN, LINGER };

/* Seconds that a connection may stay in a state; see the header. */
static const int DEADLINE_S[] = {[FREE] = 0, [HANDSHAKE] = 5, [IDLE] = 60, [HEAD] = 5, [BODY] = 25, [REPLY] = 30, [DRAIN] = 30, [LINGER] = 1};

struct connection {
    struct loop *loop;
    struct bufferevent *bev;
    struct event *deadline;
    enum state state;
    uint64_t generation; /* counts requests and connections in this slot: what a ticket must match */
    bool close;          /* after this answer */
    struct http_head head;
    struct sockaddr_storage peer;
};

/* What other threads hand to a loop. */
struct message {
    struct message *next;
    enum { ACCEPTED, ANSWER, STOP, QUIT } kind;
    evutil_socket_t fd;
    struct sockaddr_storage peer;
    uint32_t slot;
    uint64_t generation;
    int status;
    const char *content_type;
    const char *cache_control; /* static, or NULL */
    uint8_t *body;
    size_t body_size;
};

struct loop {
    struct http_server *server;
    uint32_t index;
    struct event_base *base;
    struct event *wake;
    pthread_t thread;
    pthread_mutex_t lock;
    struct message *first, **last;
    bool stopping;
    struct connection connection[HTTP_CONNECTIONS_MAX];
};

struct http_server {
    SSL_CTX *tls;
    struct evconnlistener *listener; /* on loop 0 */
    unsigned port;
    const struct http_route *routes;
    size_t n_routes;
    void *ctx;
    unsigned n_loops;
    struct loop *loops;
    uint32_t next_loop;
    bool stopped;
    atomic_uint connections;
};

static void on_read(struct bufferevent *bev, void *arg);

static const char *reason_of(int status)
{
    switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    }
    return "Status";
}

/* Connections. */

static void enter(struct connection *c, enum state state)
{
    struct timeval in = {.tv_sec = DEADLINE_S[state]};

    c->state = state;
    event_add(c->deadline, &in);
}

static void drop(struct connection *c)
{
    if (c->state == FREE)
        return;
    c->state = FREE;
    c->generation++;
    event_free(c->deadline);
    bufferevent_free(c->bev);
    c->deadline = NULL;
    c->bev = NULL;
    atomic_fetch_sub(&c->loop->server->connections, 1);
}

static void send_answer(struct connection *c, int status, const char *content_type, const char *cache_control, struct bytes body)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);

    c->close = c->close || c->loop->stopping;
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    if (content_type != NULL)
        evbuffer_add_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", content_type, body.size);
    else if (status != 204)
        evbuffer_add_printf(out, "Content-Length: 0\r\n");
    if (cache_control != NULL)
        evbuffer_add_printf(out, "Cache-Control: %s\r\n", cache_control);
    if (status == 405)
        evbuffer_add_printf(out, "Allow: %s\r\n", c->head.method == HTTP_GET ? "POST" : "GET");
    evbuffer_add_printf(out, "%s\r\n", c->close ? "Connection: close\r\n" : "");
    if (content_type != NULL)
        evbuffer_add(out, body.data, body.size);
    enter(c, DRAIN); /* on_written goes on */
}

/* Answers a request that no handler will see, and closes. */
static void send_refusal(struct connection *c, int status, const char *words)
{
    char body[256];
    int size = snprintf(body, sizeof(body), "%d %s: %s\n", status, reason_of(status), words);

    c->close = true;
    send_answer(c, status, "text/plain", NULL, bytes_of(body, (size_t)size));
}

static const struct http_route *find_route(const struct http_server *s, struct bytes path)
{
    for (size_t i = 0; i < s->n_routes; i++) {
        struct bytes p = bytes_of_text(s->routes[i].path);
        if (bytes_equal(p, path))
            return &s->routes[i];
        if (s->routes[i].prefix && path.size > p.size && memcmp(path.data, p.data, p.size) == 0)
            return &s->routes[i];
    }
    return NULL;
}

static void dispatch(struct connection *c, struct evbuffer *in)
{
    struct http_server *s = c->loop->server;
    size_t body_size = (size_t)c->head.content_length;
    uint8_t *raw = evbuffer_pullup(in, (ev_ssize_t)(c->head.size + body_size));
    const char *why;

    if (raw == NULL || http_head_parse(&c->head, &why, bytes_of(raw, c->head.size)) != HTTP_HEAD_OK) {
        send_refusal(c, 500, "out of memory");
        return;
    }
    struct http_request request = {
        .ticket = {s, c->loop->index, (uint32_t)(c - c->loop->connection), ++c->generation},
        .method = c->head.method,
        .path = c->head.path,
        .content_type = c->head.content_type,
        .body = bytes_of(raw + c->head.size, body_size),
    };
    c->close = c->head.close;
    enter(c, REPLY);
    bufferevent_disable(c->bev, EV_READ);
    find_route(s, c->head.path)->handler(s->ctx, &request);
    evbuffer_drain(in, c->head.size + body_size);
}

/* A complete head is there: may it go on to its body? */
static void take_head(struct connection *c)
{
    const struct http_route *route = find_route(c->loop->server, c->head.path);

    if (route == NULL)
        send_refusal(c, 404, "no such path");
    else if (c->head.method == HTTP_GET ? !route->get : !route->post)
        send_refusal(c, 405, "not with this method");
    else if (c->head.content_length > HTTP_BODY_SIZE_MAX)
        send_refusal(c, 413, "the body is over 4 MiB");
    else
        enter(c, BODY);
}

static void advance(struct connection *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    size_t size = evbuffer_get_length(in);
    const char *why;

    if (c->state == LINGER || c->state == DRAIN) {
        if (c->close)
            evbuffer_drain(in, size);
        return;
    }
    if (c->state == IDLE && size > 0)
        enter(c, HEAD);
    if (c->state == HEAD) {
        size_t look = size < HTTP_HEAD_SIZE_MAX ? size : HTTP_HEAD_SIZE_MAX;
        uint8_t *raw = evbuffer_pullup(in, (ev_ssize_t)look);
        int status = http_head_parse(&c->head, &why, bytes_of(raw, look));
        if (status == HTTP_HEAD_OK)
            take_head(c);
        else if (status != HTTP_HEAD_MORE)
            send_refusal(c, status, why);
    }
    if (c->state == BODY && size >= c->head.size + c->head.content_length)
        dispatch(c, in);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    advance(arg);
}

/* The output has drained: the next request, or the end. */
static void on_written(struct bufferevent *bev, void *arg)
{
    struct connection *c = arg;

    if (c->state != DRAIN || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        return;
    bufferevent_enable(bev, EV_READ);
    if (!c->close) {
        enter(c, IDLE);
        advance(c); /* a pipelined request may be waiting */
        return;
    }
    /* Say that we are done, and read what is still coming, so that the peer sees the answer and not
     * a reset. */
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    ERR_clear_error();
    SSL_shutdown(ssl);
    shutdown(bufferevent_getfd(bev), SHUT_WR);
    enter(c, LINGER);
    advance(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct connection *c = arg;

    (void)bev;
    ERR_clear_error();
    if ((what & BEV_EVENT_CONNECTED) != 0 && c->state == HANDSHAKE) {
        enter(c, IDLE);
        advance(c);
        return;
    }
    /* A peer that half-closes after its request still gets the answer. */
    if ((what & BEV_EVENT_EOF) != 0 && (c->state == REPLY || (c->state == DRAIN && !c->close))) {
        c->close = true;
        bufferevent_disable(c->bev, EV_READ);
        return;
    }
    drop(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct connection *c = arg;

    (void)fd, (void)what;
    if (c->state == HEAD || c->state == BODY)
        send_refusal(c, 408, "the request did not arrive in time");
    else if (c->state == REPLY) {
        c->generation++; /* a late answer finds nobody */
        send_refusal(c, 503, "the answer took too long");
    } else
        drop(c);
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr
               == ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24) == 127;
    return a->ss_family == AF_INET6
           && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static struct connection *free_place(struct loop *l, const struct sockaddr_storage *peer)
{
    struct connection *place = NULL;
    unsigned same = 0;

    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct connection *c = &l->connection[i];
        if (c->state == FREE && place == NULL)
            place = c;
        else if (c->state != FREE && same_address(&c->peer, peer))
            same++;
    }
    bool crowded = !is_loopback(peer) && same >= HTTP_CONNECTIONS_PER_ADDRESS_MAX;
    return crowded ? NULL : place;
}

static void start_connection(struct loop *l, evutil_socket_t fd, const struct sockaddr_storage *peer)
{
    struct http_server *s = l->server;
    struct connection *c = l->stopping ? NULL : free_place(l, peer);
    SSL *ssl = c != NULL ? SSL_new(s->tls) : NULL;

    if (ssl == NULL) {
        evutil_closesocket(fd);
        atomic_fetch_sub(&s->connections, 1);
        return;
    }
    /* DEFER: else a TLS bufferevent can report EOF before bytes of the same pass. */
    c->bev = bufferevent_openssl_socket_new(l->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                            BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (c->bev == NULL) {
        SSL_free(ssl);
        evutil_closesocket(fd);
        atomic_fetch_sub(&s->connections, 1);
        return;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
    c->loop = l;
    c->peer = *peer;
    c->close = false;
    c->generation++;
    c->deadline = evtimer_new(l->base, on_deadline, c);
    if (c->deadline == NULL)
        abort();
    bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    enter(c, HANDSHAKE);
}

/* Messages between threads. */

static void post(struct loop *l, struct message m)
{
    struct message *copy = anju_dup(&m, sizeof(m));

    copy->next = NULL;
    pthread_mutex_lock(&l->lock);
    *l->last = copy;
    l->last = &copy->next;
    pthread_mutex_unlock(&l->lock);
    event_active(l->wake, EV_READ, 0);
}

static void begin_stop(struct loop *l)
{
    l->stopping = true;
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        if (l->connection[i].state == IDLE || l->connection[i].state == HANDSHAKE)
            drop(&l->connection[i]);
}

static void handle(struct loop *l, struct message *m)
{
    struct connection *c = &l->connection[m->slot];

    switch (m->kind) {
    case ACCEPTED:
        start_connection(l, m->fd, &m->peer);
        break;
    case ANSWER:
        if (c->state == REPLY && c->generation == m->generation)
            send_answer(c, m->status, m->content_type, m->cache_control, bytes_of(m->body, m->body_size));
        break;
    case STOP:
        begin_stop(l);
        break;
    case QUIT:
        for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++)
            drop(&l->connection[i]);
        event_base_loopbreak(l->base);
        break;
    }
}

static struct message *take_all(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    struct message *m = l->first;
    l->first = NULL;
    l->last = &l->first;
    pthread_mutex_unlock(&l->lock);
    return m;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    struct message *m = take_all(l);

    (void)fd, (void)what;
    while (m != NULL) {
        struct message *next = m->next;
        handle(l, m);
        free(m->body);
        free(m);
        m = next;
    }
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size, void *arg)
{
    struct http_server *s = arg;
    struct message m = {.kind = ACCEPTED, .fd = fd};
    int one = 1;

    (void)listener;
    if (atomic_load(&s->connections) >= HTTP_CONNECTIONS_MAX || (size_t)size > sizeof(m.peer)) {
        evutil_closesocket(fd);
        return;
    }
    atomic_fetch_add(&s->connections, 1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    memcpy(&m.peer, address, (size_t)size);
    post(&s->loops[s->next_loop++ % s->n_loops], m);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    (void)listener, (void)arg;
    log_warn("http", "accept failed: %s", strerror(errno));
}

static void *run_loop(void *arg)
{
    struct loop *l = arg;

    event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

/* Opening and closing. */

static enum anju_err open_tls(SSL_CTX **out, const struct http_options *o)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    if (tls == NULL)
        abort();
    SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set1_groups_list(tls, "X25519:P-256");
    /* All three: NO_TICKET alone let the session cache grow (CVE-2024-2511). */
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(tls, 0);
    *out = tls;
    if (SSL_CTX_use_certificate_file(tls, o->certificate_file, SSL_FILETYPE_PEM) != 1)
        return anju_fail(ANJU_ERR_MALFORMED, "TLS certificate %s: not a readable PEM certificate; make one with 'anju keys new'", o->certificate_file);
    if (SSL_CTX_use_PrivateKey_file(tls, o->key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(tls) != 1)
        return anju_fail(ANJU_ERR_MALFORMED, "TLS key %s: not the private key of certificate %s", o->key_file, o->certificate_file);
    return ANJU_OK;
}

static void open_loop(struct loop *l, struct http_server *s, uint32_t index)
{
    l->server = s;
    l->index = index;
    l->last = &l->first;
    l->base = event_base_new();
    l->wake = l->base != NULL ? event_new(l->base, -1, EV_PERSIST, on_wake, l) : NULL;
    if (l->wake == NULL || pthread_mutex_init(&l->lock, NULL) != 0)
        abort();
}

static enum anju_err listen_at(struct http_server *s, const struct http_options *o)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    int rc = getaddrinfo(o->host, o->port, &hints, &found);

    if (rc != 0)
        return anju_fail(ANJU_ERR_IO, "rpc address %s:%s: %s", o->host, o->port, gai_strerror(rc));
    s->listener = evconnlistener_new_bind(s->loops[0].base, on_accept, s,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_THREADSAFE,
                                          128, found->ai_addr, (int)found->ai_addrlen);
    int error = errno;
    freeaddrinfo(found);
    if (s->listener == NULL)
        return anju_fail(ANJU_ERR_IO, "rpc address %s:%s: %s%s", o->host, o->port, strerror(error),
                         error == EADDRINUSE ? "; another process listens there: choose another port" : "");
    evconnlistener_set_error_cb(s->listener, on_accept_error);
    struct sockaddr_storage at;
    socklen_t size = sizeof(at);
    if (getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&at, &size) == 0)
        s->port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&at)->sin6_port
                                                 : ((struct sockaddr_in *)(void *)&at)->sin_port);
    return ANJU_OK;
}

static void free_server(struct http_server *s)
{
    if (s->listener != NULL)
        evconnlistener_free(s->listener);
    for (unsigned i = 0; i < s->n_loops; i++) {
        struct message *m = take_all(&s->loops[i]);
        while (m != NULL) {
            struct message *next = m->next;
            if (m->kind == ACCEPTED)
                evutil_closesocket(m->fd);
            free(m->body);
            free(m);
            m = next;
        }
        event_free(s->loops[i].wake);
        event_base_free(s->loops[i].base);
        pthread_mutex_destroy(&s->loops[i].lock);
    }
    free(s->loops);
    SSL_CTX_free(s->tls);
    free(s);
}

enum anju_err http_open(struct http_server **out, const struct http_options *options)
{
    assert(options->loops >= 1);
    if (evthread_use_pthreads() != 0)
        abort();
    struct http_server *s = anju_alloc(sizeof(*s));
    s->routes = options->routes;
    s->n_routes = options->n_routes;
    s->ctx = options->ctx;
    enum anju_err err = open_tls(&s->tls, options);
    s->n_loops = options->loops;
    s->loops = anju_alloc(s->n_loops * sizeof(*s->loops));
    for (unsigned i = 0; i < s->n_loops; i++)
        open_loop(&s->loops[i], s, i);
    if (err == ANJU_OK)
        err = listen_at(s, options);
    if (err != ANJU_OK) {
        free_server(s);
        return err;
    }
    for (unsigned i = 0; i < s->n_loops; i++)
        if (pthread_create(&s->loops[i].thread, NULL, run_loop, &s->loops[i]) != 0)
            abort();
    *out = s;
    return ANJU_OK;
}

void http_reply(const struct http_ticket *ticket, int status, const char *content_type, struct bytes body)
{
    http_reply_cacheable(ticket, status, content_type, NULL, body);
}

void http_reply_cacheable(const struct http_ticket *ticket, int status, const char *content_type, const char *cache_control, struct bytes body)
{
    struct message m = {.kind = ANSWER, .slot = ticket->slot, .generation = ticket->generation, .status = status, .content_type = content_type,
                        .cache_control = cache_control};

    m.body_size = body.size;
    m.body = body.size > 0 ? anju_dup(body.data, body.size) : NULL;
    post(&ticket->server->loops[ticket->loop], m);
}

unsigned http_port(const struct http_server *server)
{
    return server->port;
}

unsigned http_connections(const struct http_server *server)
{
    return atomic_load(&server->connections);
}

void http_stop(struct http_server *server, unsigned ms)
{
    if (server == NULL || server->stopped)
        return;
    server->stopped = true;
    evconnlistener_disable(server->listener);
    for (unsigned i = 0; i < server->n_loops; i++)
        post(&server->loops[i], (struct message){.kind = STOP});
    for (unsigned waited = 0; waited < ms && atomic_load(&server->connections) > 0; waited += 10) {
        struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};
        nanosleep(&nap, NULL);
    }
    for (unsigned i = 0; i < server->n_loops; i++)
        post(&server->loops[i], (struct message){.kind = QUIT});
    for (unsigned i = 0; i < server->n_loops; i++)
        pthread_join(server->loops[i].thread, NULL);
}

void http_close(struct http_server *server, unsigned ms)
{
    if (server == NULL)
        return;
    http_stop(server, ms);
    free_server(server);
}
