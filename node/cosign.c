#include "node/cosign.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "node/config.h"
#include "node/frames.h"
#include "node/peer.h"
#include "rpc/outside.h"

enum {
    EARLY_MAX = 4, /* frames of one validator for heights that are not committed here */
    STALE_MS =
        60 * 1000, /* a block that is older was caught up with: nobody waits for our signature */
};

struct early {
    bool used;
    struct frame_cosign frame;
};

struct cosign {
    struct cosign_options o;
    const char *origin;
    struct checkpoints *kept;
    bool has_log, has_cosign;
    uint8_t log_secret[CRYPTO_ED25519_SIZE], cosign_secret[CRYPTO_ED25519_SIZE];
    int self_index;
    uint64_t height, time_ms; /* of the last block */
    struct early early[LEDGER_SET_MAX][EARLY_MAX];
    unsigned early_next[LEDGER_SET_MAX];
    bool up[PEERS_MAX];
    int set_index[PEERS_MAX]; /* of a peer that is up; -1: no validator */
};

bool cosign_is_checkpoint(uint64_t time_ms, uint64_t previous_time_ms)
{
    return time_ms / 1000 > previous_time_ms / 1000;
}

/* ---- Keys ---- */

static enum anju_err read_secret(uint8_t secret[CRYPTO_ED25519_SIZE], const char *file,
                                 const char *key, const uint8_t public[CRYPTO_ED25519_SIZE])
{
    struct arena a = {0};
    struct bytes raw;
    uint8_t found[CRYPTO_ED25519_SIZE];
    char hex[2 * CRYPTO_ED25519_SIZE + 1] = "";
    enum anju_err err = node_check_secret_file(file, key);

    if (err == ANJU_OK)
        err = node_read_file(&raw, file, 4096, &a);
    if (err == ANJU_OK) {
        size_t size = raw.size > 0 && raw.data[raw.size - 1] == '\n' ? raw.size - 1 : raw.size;
        if (size == sizeof(hex) - 1)
            memcpy(hex, raw.data, size);
        bytes_wipe((void *)(uintptr_t)raw.data, raw.size);
        if (hex_decode(secret, CRYPTO_ED25519_SIZE, hex) != ANJU_OK ||
            crypto_ed25519_key_of(found, secret) != ANJU_OK)
            err = anju_fail(ANJU_ERR_MALFORMED,
                            "%s: %s does not hold a secret key (64 hexadecimal digits)", key, file);
        else if (memcmp(found, public, sizeof(found)) != 0)
            err = anju_fail(ANJU_ERR_MISMATCH,
                            "%s: the key in %s is not the one that genesis names for this node",
                            key, file);
    }
    bytes_wipe(hex, sizeof(hex));
    arena_free(&a);
    return err;
}

/* Keys of a node that is no validator are not read: nobody could check what they sign. */
static enum anju_err read_keys(struct cosign *c)
{
    const struct ledger_set *set = &c->o.registry->set;
    enum anju_err err = ANJU_OK;

    c->self_index = ledger_set_find(set, &c->o.self);
    if (c->self_index < 0 || !outside_origin_fits(c->origin))
        return ANJU_OK;
    if (c->o.log_key != NULL)
        err = read_secret(c->log_secret, c->o.log_key, "log.key", set->node[c->self_index].log_key);
    c->has_log = err == ANJU_OK && c->o.log_key != NULL;
    if (err == ANJU_OK && c->o.cosign_key != NULL)
        err = read_secret(c->cosign_secret, c->o.cosign_key, "cosign.key",
                          set->node[c->self_index].cosign_key);
    c->has_cosign = err == ANJU_OK && c->o.cosign_key != NULL && c->o.node_secret != NULL;
    return err;
}

static void say_keys(const struct cosign *c)
{
    if (!outside_origin_fits(c->origin))
        log_warn(
            "cosign",
            "the origin is too long for names in signed notes: no checkpoints in outside forms");
    else if (c->self_index < 0)
        log_info("cosign", "no validator: this node keeps cosignatures of others and makes none");
    else {
        if (!c->has_log)
            log_info(
                "cosign",
                "log.key is not set: this node signs no checkpoints and serves no /checkpoint");
        if (!c->has_cosign)
            log_info("cosign", "%s, so this node does not cosign checkpoints",
                     c->o.cosign_key == NULL ? "cosign.key is not set" : "it does not vote");
    }
}

enum anju_err cosign_check_keys(const struct ledger_registry *registry,
                                const struct crypto_hash *self, const char *log_key,
                                const char *cosign_key)
{
    struct cosign *c = anju_alloc(sizeof(*c));

    c->o = (struct cosign_options){
        .registry = registry, .self = *self, .log_key = log_key, .cosign_key = cosign_key};
    c->origin = registry->genesis->origin;
    enum anju_err err = read_keys(c);
    cosign_close(c);
    return err;
}

enum anju_err cosign_open(struct cosign **out, const struct cosign_options *options)
{
    struct cosign *c = anju_alloc(sizeof(*c));

    c->o = *options;
    c->origin = options->registry->genesis->origin;
    c->height = options->tip->height;
    c->time_ms = options->tip->time_ms;
    enum anju_err err = read_keys(c);
    if (err == ANJU_OK)
        err = checkpoints_open(&c->kept, options->dir, false);
    if (err != ANJU_OK) {
        cosign_close(c);
        return err;
    }
    say_keys(c);
    *out = c;
    return ANJU_OK;
}

void cosign_close(struct cosign *c)
{
    if (c == NULL)
        return;
    checkpoints_close(c->kept);
    bytes_wipe(c->log_secret, sizeof(c->log_secret));
    bytes_wipe(c->cosign_secret, sizeof(c->cosign_secret));
    free(c);
}

struct checkpoints *cosign_checkpoints(struct cosign *c)
{
    return c->kept;
}

/* ---- What others signed ---- */

static bool is_right(const struct cosign *c, int set_index, const struct frame_cosign *f)
{
    const struct ledger_node *node = &c->o.registry->set.node[set_index];
    struct writer text = {0};
    struct crypto_hash digest;

    checkpoint_text(&text, c->origin, f->size, &f->root);
    enum anju_err err =
        note_cosign_check(f->ed25519, node->cosign_key, f->time_s, writer_view(&text));
    writer_free(&text);
    cose_root_digest(&digest, &node->id, c->origin, f->size, &f->root);
    return err == ANJU_OK && crypto_verify(&f->cose, &node->node_key, &digest) == ANJU_OK;
}

/* A cosignature of another root for this height: its signatures convict its author, or ourselves.
 */
static void say_conflict(const struct cosign *c, int set_index, const struct frame_cosign *f)
{
    char node[65], root[65], sig[129];

    hex_encode(node, c->o.registry->set.node[set_index].id.b, CRYPTO_HASH_SIZE);
    hex_encode(root, f->root.b, CRYPTO_HASH_SIZE);
    hex_encode(sig, f->ed25519, sizeof(f->ed25519));
    log_error("cosign",
              "EVIDENCE: a validator cosigned another log than this one node=%s height=%llu "
              "size=%llu root=%s time=%llu cosignature=%s",
              node, (unsigned long long)f->height, (unsigned long long)f->size, root,
              (unsigned long long)f->time_s, sig);
}

static void take(struct cosign *c, int set_index, const struct frame_cosign *f)
{
    struct kept_checkpoint k;
    struct kept_cosignature by = {
        .node = c->o.registry->set.node[set_index].id, .time_s = f->time_s, .cose = f->cose};

    if (!checkpoints_find_open(c->kept, &k, f->height))
        return; /* too late, or not one of ours */
    if (!is_right(c, set_index, f)) {
        log_warn("cosign", "a cosignature of validator %d for height %llu is wrong", set_index,
                 (unsigned long long)f->height);
        return;
    }
    if (k.size != f->size || !crypto_hash_equal(&k.root, &f->root)) {
        say_conflict(c, set_index, f);
        return;
    }
    memcpy(by.ed25519, f->ed25519, sizeof(by.ed25519));
    checkpoints_cosign(c->kept, f->height, &by);
}

static void take_early(struct cosign *c)
{
    for (int i = 0; i < c->o.registry->set.n; i++)
        for (unsigned j = 0; j < EARLY_MAX; j++) {
            struct early *e = &c->early[i][j];
            if (!e->used || e->frame.height > c->height)
                continue;
            e->used = false;
            if (e->frame.height == c->height)
                take(c, i, &e->frame);
        }
}

bool cosign_peer_frame(struct cosign *c, int peer, struct bytes body)
{
    struct frame_cosign f;
    int i = c->set_index[peer];

    if (frame_cosign_decode(&f, body) != ANJU_OK)
        return false;
    if (i < 0)
        return true; /* a follower's: nobody counts it */
    if (f.height > c->height)
        c->early[i][c->early_next[i]++ % EARLY_MAX] = (struct early){.used = true, .frame = f};
    else
        take(c, i, &f);
    return true;
}

void cosign_peer_up(struct cosign *c, int peer, const struct crypto_hash *node_id)
{
    c->up[peer] = true;
    c->set_index[peer] = ledger_set_find(&c->o.registry->set, node_id);
}

void cosign_peer_down(struct cosign *c, int peer)
{
    c->up[peer] = false;
    c->set_index[peer] = -1;
}

/* ---- What we sign ---- */

static void cosign(struct cosign *c, const struct kept_checkpoint *k, struct bytes text)
{
    struct frame_cosign f = {
        .height = k->height, .size = k->size, .root = k->root, .time_s = c->o.now_ms() / 1000};
    struct kept_cosignature by = {.node = c->o.self, .time_s = f.time_s};
    struct crypto_hash digest;
    struct writer body = {0};

    cose_root_digest(&digest, &c->o.self, c->origin, k->size, &k->root);
    if (note_cosign(f.ed25519, c->cosign_secret, f.time_s, text) != ANJU_OK ||
        crypto_sign(&f.cose, c->o.node_secret, &digest) != ANJU_OK)
        return; /* a missed one is skipped */
    memcpy(by.ed25519, f.ed25519, sizeof(by.ed25519));
    by.cose = f.cose;
    checkpoints_cosign(c->kept, k->height, &by);
    frame_cosign_encode(&body, &f);
    for (int peer = 0; peer < PEERS_MAX; peer++)
        if (c->up[peer])
            (void)c->o.send(c->o.ctx, peer, writer_view(&body));
    writer_free(&body);
}

static void make(struct cosign *c, const struct ledger_tip *tip)
{
    struct kept_checkpoint k = {.height = tip->height,
                                .size = tip->result_body.log_size,
                                .time_ms = tip->time_ms,
                                .root = tip->result_body.log_root};
    struct writer text = {0};

    checkpoint_text(&text, c->origin, k.size, &k.root);
    k.has_log_sig =
        c->has_log && crypto_ed25519_sign(k.log_sig, c->log_secret, writer_view(&text)) == ANJU_OK;
    if (checkpoints_add(c->kept, &k) != ANJU_OK)
        log_warn("cosign", "an older checkpoint is not kept: %s", anju_err_text());
    if (c->has_cosign)
        cosign(c, &k, writer_view(&text));
    writer_free(&text);
}

void cosign_committed(struct cosign *c, const struct ledger_tip *tip)
{
    bool checkpoint = cosign_is_checkpoint(tip->time_ms, c->time_ms);
    uint64_t now = c->o.now_ms();

    c->height = tip->height;
    c->time_ms = tip->time_ms;
    if (checkpoint && tip->time_ms + STALE_MS >= now)
        make(c, tip);
    take_early(c);
}
