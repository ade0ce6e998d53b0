#include "node/node.h"

#include <errno.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/node_state.h"
#include "node/restore.h"
#include "node/tls.h"
#include "rpc/genesis_json.h"

enum { LOOP_MS_MAX = 200, STOP_MS = 4000, RPC_CLOSE_MS = 3000 };

/* ---- What comes from files ---- */

static int fail(int code)
{
    log_error("node", "%s", anju_err_text());
    return code;
}

static enum anju_err read_genesis(struct node *n)
{
    struct arena a = {0};
    struct bytes raw;
    enum anju_err err = node_read_file(&raw, n->config->genesis, GENESIS_FILE_SIZE_MAX, &a);

    if (err == ANJU_OK) {
        err = genesis_json_decode(&n->genesis, raw);
        if (err == ANJU_OK)
            err = ledger_registry_new(&n->registry, &n->genesis);
        if (err != ANJU_OK) {
            char words[400];
            snprintf(words, sizeof(words), "%s", anju_err_text());
            err = anju_fail(err, "%s: %s", n->config->genesis, words);
        }
    }
    arena_free(&a);
    return err;
}

static enum anju_err read_secret(struct node *n)
{
    struct arena a = {0};
    struct bytes raw;
    struct crypto_key key;
    char hex[2 * CRYPTO_SECRET_SIZE + 1] = "";
    enum anju_err err = node_check_secret_file(n->config->node_key, "node.key");

    if (err == ANJU_OK)
        err = node_check_secret_file(n->config->tls_key, "tls.key");
    if (err == ANJU_OK)
        err = node_read_file(&raw, n->config->node_key, 4096, &a);
    if (err == ANJU_OK) {
        bool shaped = raw.size == sizeof(hex) - 1 ||
                      (raw.size == sizeof(hex) && raw.data[raw.size - 1] == '\n');
        if (shaped)
            memcpy(hex, raw.data, sizeof(hex) - 1);
        if (!shaped || hex_decode(n->secret.b, CRYPTO_SECRET_SIZE, hex) != ANJU_OK ||
            crypto_key_of(&key, &n->secret) != ANJU_OK)
            err = anju_fail(ANJU_ERR_MALFORMED,
                            "node.key: %s does not hold a secret key (64 hexadecimal digits)",
                            n->config->node_key);
        else
            ledger_node_id(&n->self, &key);
        bytes_wipe((void *)(uintptr_t)raw.data, raw.size);
    }
    bytes_wipe(hex, sizeof(hex));
    arena_free(&a);
    if (err != ANJU_OK)
        return err;
    n->self_index = ledger_set_find(&n->registry->set, &n->self);
    for (uint32_t i = 0; n->self_index < 0 && i < n->genesis.n_keys; i++) {
        if (memcmp(n->genesis.keys[i].key.b, key.b, CRYPTO_KEY_SIZE) == 0 &&
            n->genesis.keys[i].purpose == LEDGER_KEY_NODE)
            return ANJU_OK;
    }
    return n->self_index >= 0 ? ANJU_OK
                              : anju_fail(ANJU_ERR_MISMATCH,
                                          "node.key: no member of this ledger has the key in %s as "
                                          "a node key; peers would refuse it",
                                          n->config->node_key);
}

bool node_is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

static enum anju_err check_rpc_address(const struct node *n)
{
    if (node_is_loopback(n->config->rpc_host))
        return ANJU_OK;
    if (!n->config->rpc_public)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "%s: rpc.listen = %s:%s is not a loopback address, and whoever reaches it "
                         "may read everything: "
                         "set rpc.public = true if that is meant",
                         n->config->file, n->config->rpc_host, n->config->rpc_port);
    log_warn("node",
             "rpc.listen=%s:%s is public: whoever reaches it may read everything on the ledger",
             n->config->rpc_host, n->config->rpc_port);
    return ANJU_OK;
}

/* ---- Data directory ---- */

static void on_rebuild(void *ctx, uint64_t height, uint64_t of)
{
    (void)ctx;
    if (height % 1000 == 0 || height == of)
        log_info("store", "derived data is computed again height=%llu of=%llu",
                 (unsigned long long)height, (unsigned long long)of);
}

static enum anju_err open_store(struct node *n)
{
    struct store_options options = {.dir = n->config->data,
                                    .free_bytes_min = n->config->free_min,
                                    .free_percent_min = n->config->free_percent,
                                    .progress = on_rebuild};
    enum anju_err err;

    if (mkdir(n->config->data, 0700) != 0 && errno != EEXIST)
        return anju_fail(ANJU_ERR_IO, "data: cannot make %s: %s", n->config->data, strerror(errno));
    err = guard_open(&n->guard, n->config->data, &n->registry->ledger_id, &n->self,
                     store_exists(n->config->data));
    if (err == ANJU_OK)
        err = store_open(&n->store, &options, n->registry);
    return err;
}

struct found {
    struct node *node;
    struct store_read *read;
    struct restore restore;
};

static bool is_committed(void *ctx, const struct crypto_hash *envelope)
{
    struct found *f = ctx;
    struct store_envelope done;

    return store_read_envelope(f->read, &done, envelope) == ANJU_OK;
}

static bool get_batch(void *ctx, struct writer *out, const struct crypto_hash *id)
{
    struct found *f = ctx;

    return payload_log_get(f->node->log, out, PAYLOAD_BATCH, id) == ANJU_OK;
}

static enum anju_err on_found(void *ctx, const struct payload_record *record, const char *damaged)
{
    struct found *f = ctx;

    if (damaged != NULL)
        log_error("node", "the payload log is damaged: %s; what was there comes from other nodes",
                  damaged);
    else
        restore_found(&f->restore, record);
    return ANJU_OK;
}

static enum anju_err open_log(struct node *n)
{
    struct payload_log_options options = {.dir = n->config->data};
    struct found f = {.node = n};
    enum anju_err err = store_read_begin(&f.read, n->store);

    if (err != ANJU_OK)
        return err;
    f.restore = (struct restore){.engine = n->engine,
                                 .registry = n->registry,
                                 .height = store_read_tip(f.read)->height,
                                 .is_committed = is_committed,
                                 .ctx = &f};
    err = payload_log_open(&n->log, &options, on_found, &f);
    if (err == ANJU_OK) {
        restore_end(&f.restore, get_batch);
        payload_log_release_heights(n->log, f.restore.height);
        payload_log_release(n->log, PAYLOAD_BATCH, f.restore.settled, f.restore.n_settled);
    }
    store_read_end(f.read);
    restore_free(&f.restore);
    return err;
}

/* A guard that is lost, but ours, only puts the node in doubt (node/doubt.c). */
static bool may_sign(const struct node *n)
{
    return n->config->vote && n->self_index >= 0 &&
           (guard_state(n->guard) != GUARD_LOST || guard_is_renewable(n->guard));
}

static void make_engine(struct node *n)
{
    struct engine_config c = {.registry = n->registry, .secret = n->secret, .self = n->self};

    c.may_sign = may_sign(n);
    c.in_doubt = guard_content(n->guard).size == 0;
    if (c.in_doubt)
        snprintf(n->guard_words, sizeof(n->guard_words), "%s",
                 guard_state(n->guard) == GUARD_LOST ? guard_lost_reason(n->guard)
                                                     : "the guard is empty");
    if (guard_state(n->guard) == GUARD_LOST)
        log_warn("node", "this node follows and serves, it does not vote%s: %s",
                 c.may_sign ? " until enough others tell what its key cannot have signed" : "",
                 guard_lost_reason(n->guard));
    else if (n->self_index < 0)
        log_warn("node", "this node follows: its key is not in the validator set");
    else if (!n->config->vote)
        log_warn("node", "this node follows: vote = false");
    world_fill(n, &c.world);
    n->engine = engine_new(&c);
}

static enum anju_err start_engine(struct node *n)
{
    struct store_read *r = NULL;
    struct bytes certificate = bytes_of(NULL, 0);
    enum anju_err err = store_read_begin(&r, n->store);

    if (err == ANJU_OK && store_read_tip(r)->height > 0)
        err = store_read_decided(r, &certificate, store_read_tip(r)->height);
    if (err == ANJU_OK)
        engine_start(n->engine, store_read_tip(r), certificate, executor_next_due(n),
                     guard_content(n->guard));
    store_read_end(r);
    return err;
}

static bool send_cosign(void *ctx, int peer, struct bytes body)
{
    return peers_send(((struct node *)ctx)->peers, peer, FRAME_COSIGN, body);
}

static enum anju_err open_cosign(struct node *n)
{
    struct cosign_options o = {.registry = n->registry,
                               .self = n->self,
                               .log_key = n->config->log_key,
                               .cosign_key = n->config->cosign_key,
                               .dir = n->config->data,
                               .now_ms = node_wall_ms,
                               .send = send_cosign,
                               .ctx = n};
    struct store_read *r = NULL;
    enum anju_err err = store_read_begin(&r, n->store);

    if (err == ANJU_OK) {
        o.tip = store_read_tip(r);
        o.node_secret = may_sign(n) ? &n->secret : NULL;
        err = cosign_open(&n->cosign, &o);
    }
    store_read_end(r);
    return err;
}

/* ---- Threads ---- */

static void *log_main(void *ctx)
{
    logger_run(ctx);
    return NULL;
}

static void *ledger_main(void *ctx)
{
    queue_run(&((struct node *)ctx)->ledger_queue);
    return NULL;
}

static void *answer_main(void *ctx)
{
    queue_run(&((struct node *)ctx)->answer_queue);
    return NULL;
}

static void *verify_main(void *ctx)
{
    queue_run(&((struct node *)ctx)->verify_queue);
    return NULL;
}

/* Signals are the main thread's. */
static void start_threads(struct node *n)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    n->verify_count = n->config->verify_threads;
    n->verify_threads = anju_alloc(n->verify_count * sizeof(pthread_t));
    if (pthread_create(&n->log_thread, NULL, log_main, n) != 0 ||
        pthread_create(&n->ledger_thread, NULL, ledger_main, n) != 0 ||
        pthread_create(&n->answer_thread, NULL, answer_main, n) != 0)
        abort(); /* nothing has begun yet; without threads there is no node */
    for (unsigned i = 0; i < n->verify_count; i++) {
        if (pthread_create(&n->verify_threads[i], NULL, verify_main, n) != 0)
            abort();
    }
    n->threads_running = true;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void stop_threads(struct node *n)
{
    if (!n->threads_running)
        return;
    queue_close(&n->verify_queue);
    queue_close(&n->ledger_queue);
    queue_close(&n->log_queue);
    queue_close(&n->answer_queue);
    for (unsigned i = 0; i < n->verify_count; i++)
        pthread_join(n->verify_threads[i], NULL);
    pthread_join(n->ledger_thread, NULL);
    pthread_join(n->log_thread, NULL);
    pthread_join(n->answer_thread, NULL);
    n->threads_running = false;
}

/* ---- The loop ---- */

void node_give_up(struct node *n, int exit_code, const char *words)
{
    log_error("node", "%s", words);
    pthread_mutex_lock(&n->snapshot_lock);
    n->exit_code = exit_code;
    n->stopping = true;
    pthread_mutex_unlock(&n->snapshot_lock);
    uint64_t one = 1;
    (void)!write(n->wake_fd, &one, sizeof(one));
}

static bool is_stopping(struct node *n)
{
    bool stopping;

    pthread_mutex_lock(&n->snapshot_lock);
    stopping = n->stopping;
    pthread_mutex_unlock(&n->snapshot_lock);
    return stopping;
}

static void on_signal(evutil_socket_t signal, short what, void *ctx)
{
    struct node *n = ctx;

    (void)what;
    log_info("node", "%s: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
    pthread_mutex_lock(&n->snapshot_lock);
    n->stopping = true;
    n->draining = true;
    pthread_mutex_unlock(&n->snapshot_lock);
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t count;

    (void)what;
    (void)ctx;
    (void)!read(fd, &count, sizeof(count));
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx; /* it only ends the wait */
}

static void run_jobs(struct node *n)
{
    struct job *next;

    for (struct job *at = queue_take_all(&n->main_queue); at != NULL; at = next) {
        next = at->next;
        at->run(at);
    }
}

static void wait_until(struct node *n, uint64_t deadline)
{
    uint64_t now = node_mono_ms(), ms = deadline <= now ? 0 : deadline - now;
    struct timeval tv;

    if (ms > LOOP_MS_MAX)
        ms = LOOP_MS_MAX;
    tv =
        (struct timeval){.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    event_add(n->timer, &tv);
    event_base_loop(n->base, EVLOOP_ONCE);
}

static void loop(struct node *n)
{
    while (!is_stopping(n)) {
        run_jobs(n);
        if (node_mono_ms() >= engine_deadline(n->engine))
            engine_tick(n->engine);
        backend_tick(n);
        wait_until(n, engine_deadline(n->engine));
    }
}

static bool open_loop(struct node *n)
{
    evthread_use_pthreads();
    n->base = event_base_new();
    n->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (n->base == NULL || n->wake_fd < 0)
        return false;
    queue_init(&n->main_queue, MAIN_QUEUE_MAX, n->wake_fd);
    queue_init(&n->log_queue, SIZE_MAX, -1);
    queue_init(&n->ledger_queue, SIZE_MAX, -1);
    queue_init(&n->verify_queue, SIZE_MAX, -1);
    queue_init(&n->answer_queue, SIZE_MAX, -1);
    n->wake = event_new(n->base, n->wake_fd, EV_READ | EV_PERSIST, on_wake, n);
    n->timer = event_new(n->base, -1, 0, on_timer, n);
    n->sigterm = evsignal_new(n->base, SIGTERM, on_signal, n);
    n->sigint = evsignal_new(n->base, SIGINT, on_signal, n);
    event_add(n->wake, NULL);
    event_add(n->sigterm, NULL);
    event_add(n->sigint, NULL);
    signal(SIGPIPE, SIG_IGN);
    return true;
}

/* ---- Peers and rpc ---- */

static void on_up(void *ctx, int peer, const struct crypto_hash *node_id)
{
    cosign_peer_up(((struct node *)ctx)->cosign, peer, node_id);
    engine_peer_up(((struct node *)ctx)->engine, peer, node_id);
}

static void on_down(void *ctx, int peer)
{
    cosign_peer_down(((struct node *)ctx)->cosign, peer);
    engine_peer_down(((struct node *)ctx)->engine, peer);
}

static bool on_frame(void *ctx, int peer, uint8_t type, struct bytes body)
{
    if (type == FRAME_COSIGN)
        return cosign_peer_frame(((struct node *)ctx)->cosign, peer, body);
    return engine_peer_frame(((struct node *)ctx)->engine, peer, type, body);
}

static int open_network(struct node *n)
{
    const struct node_config *c = n->config;
    struct peers_options peers = {.base = n->base,
                                  .registry = n->registry,
                                  .self = n->self,
                                  .secret = &n->secret,
                                  .host = c->peer_host,
                                  .port = c->peer_port,
                                  .cert_file = c->tls_certificate,
                                  .key_file = c->tls_key,
                                  .now_ms = node_wall_ms,
                                  .ctx = n,
                                  .on_up = on_up,
                                  .on_down = on_down,
                                  .on_frame = on_frame};
    struct rpc_options rpc = {.host = c->rpc_host,
                              .port = c->rpc_port,
                              .certificate_file = c->tls_certificate,
                              .key_file = c->tls_key,
                              .loops = c->rpc_threads};
    enum anju_err err = peers_open(&n->peers, &peers);

    if (err != ANJU_OK)
        return fail(err == ANJU_ERR_IO ? NODE_EXIT_ADDRESS : NODE_EXIT_FILES);
    err = rpc_open(&n->rpc, &rpc, &n->backend);
    if (err != ANJU_OK)
        return fail(err == ANJU_ERR_IO ? NODE_EXIT_ADDRESS : NODE_EXIT_FILES);
    return NODE_EXIT_OK;
}

/* ---- Life ---- */

/* Submissions end first, then the threads, so that nothing is left to answer to. The server goes
 * last: what was under way between its threads and ours is answered until then. */
static void shut_down(struct node *n)
{
    pthread_mutex_lock(&n->snapshot_lock);
    n->draining = true;
    pthread_mutex_unlock(&n->snapshot_lock);
    if (n->rpc != NULL)
        rpc_drain(n->rpc);
    if (n->engine != NULL) {
        run_jobs(n); /* submissions that came in before we said no */
        backend_deinit(n);
    }
    rpc_stop(n->rpc, RPC_CLOSE_MS);
    stop_threads(n);
    if (n->engine != NULL) {
        run_jobs(n); /* what the threads had finished; it starts new work that nobody takes */
        backend_deinit(n);
    }
    rpc_close(n->rpc, 0);
}

/* Jobs that nobody ran hold memory only; the process ends. */
static void let_go(struct node *n)
{
    peers_close(n->peers);
    cosign_close(n->cosign);
    executor_drop_all(n);
    engine_free(n->engine);
    payload_log_close(n->log);
    store_close(n->store);
    guard_close(n->guard);
    check_cache_free(n->cache);
    ledger_registry_free(n->registry);
    ledger_genesis_free(&n->genesis);
    bytes_wipe(&n->secret, sizeof(n->secret));
    if (n->wake != NULL) {
        event_free(n->wake);
        event_free(n->timer);
        event_free(n->sigterm);
        event_free(n->sigint);
    }
    if (n->base != NULL) {
        queue_deinit(&n->main_queue);
        queue_deinit(&n->log_queue);
        queue_deinit(&n->ledger_queue);
        queue_deinit(&n->verify_queue);
        queue_deinit(&n->answer_queue);
        event_base_free(n->base);
        close(n->wake_fd);
    }
    free(n->verify_threads);
    pthread_mutex_destroy(&n->snapshot_lock);
    free(n);
}

static int say_checked(const struct node *n)
{
    char id[65], ledger[65];

    hex_encode(id, n->self.b, CRYPTO_HASH_SIZE);
    hex_encode(ledger, n->registry->ledger_id.b, CRYPTO_HASH_SIZE);
    printf("configuration, genesis and keys are good\nledger  %s\norigin  %s\nnode    %s\nrole    "
           "%s\n",
           ledger, n->genesis.origin, id, n->self_index >= 0 ? "validator" : "follower");
    return NODE_EXIT_OK;
}

static int read_files(struct node *n)
{
    SSL_CTX *tls = NULL;
    struct crypto_hash spki;
    enum anju_err err = read_genesis(n);

    if (err == ANJU_OK)
        err = read_secret(n);
    if (err == ANJU_OK)
        err = tls_context_new(&tls, &spki, n->config->tls_certificate, n->config->tls_key);
    SSL_CTX_free(tls);
    if (err == ANJU_OK)
        err = cosign_check_keys(n->registry, &n->self, n->config->log_key, n->config->cosign_key);
    if (err != ANJU_OK)
        return fail(NODE_EXIT_FILES);
    return check_rpc_address(n) == ANJU_OK ? NODE_EXIT_OK : fail(NODE_EXIT_USAGE);
}

static int run(struct node *n)
{
    char id[65];
    enum anju_err err;
    int code;

    if (!open_loop(n)) {
        (void)anju_fail(ANJU_ERR_IO, "cannot make an event loop: %s", strerror(errno));
        return fail(NODE_EXIT_DATA);
    }
    n->cache = check_cache_new();
    err = open_store(n);
    if (err == ANJU_OK) {
        make_engine(n);
        err = open_log(n);
    }
    if (err != ANJU_OK)
        return fail(NODE_EXIT_DATA);
    err = open_cosign(n);
    if (err != ANJU_OK)
        return fail(err == ANJU_ERR_IO || err == ANJU_ERR_FULL ? NODE_EXIT_DATA : NODE_EXIT_FILES);
    backend_init(n);
    err = start_engine(n);
    if (err != ANJU_OK)
        return fail(NODE_EXIT_DATA);
    backend_tick(n);
    start_threads(n);
    code = open_network(n);
    if (code != NODE_EXIT_OK)
        return code;
    hex_encode(id, n->self.b, CRYPTO_HASH_SIZE);
    log_info("node", "running node=%s origin=%s height=%llu peers=%s:%s rpc=%s:%s", id,
             n->genesis.origin, (unsigned long long)n->snapshot.engine.height, n->config->peer_host,
             n->config->peer_port, n->config->rpc_host, n->config->rpc_port);
    loop(n);
    return n->exit_code;
}

int node_run(const struct node_config *config, bool check)
{
    struct node *n = anju_alloc(sizeof(*n));
    int code;

    n->config = config;
    n->wake_fd = -1;
    n->started_ms = node_wall_ms();
    pthread_mutex_init(&n->snapshot_lock, NULL);
    code = read_files(n);
    if (code == NODE_EXIT_OK)
        code = check ? say_checked(n) : run(n);
    if (!check)
        shut_down(n);
    let_go(n);
    if (!check)
        log_info("node", "stopped code=%d", code);
    return code;
}
