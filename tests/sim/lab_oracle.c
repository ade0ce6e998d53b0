/*
 * What must hold, whatever happens (docs/reliability.md, "What is checked"). Judged from the bytes
 * that leave honest hosts, from what they commit and answer, by parsers of its own: of the node's
 * code only hashes and signatures are used here.
 */
#include "tests/sim/lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROPOSAL = 0,
    PREVOTE = 1,
    PRECOMMIT = 2,
    SLOTS_KEPT = 4,
    VOTES_MAX = 4096,
    HEADER = 188,
    HASH = 32,
    SIG = 64,
    ROUNDS_MAX = 2000
};

struct vote {
    uint8_t type;
    unsigned signer;
    uint64_t height;
    uint32_t round;
    int32_t valid_round;
    uint8_t vid[HASH], result[HASH];
    uint8_t sig[SIG];
    bool left; /* an honest host sent it */
};

struct votes {
    struct vote *v;
    size_t count, room;
};

/* One height as the first honest host committed it. */
struct decided {
    bool known;
    uint8_t vid[HASH], result[HASH], body[HASH];
    uint64_t time_ms, log_size,
        latest_ms; /* latest_ms: the latest clock of an honest host so far */
};

struct settled {
    uint8_t id[HASH];
    int outcome;
    uint64_t height, first_seq;
    uint32_t n, failing_index;
    bool acknowledged;
    struct settled *next;
};

enum { BUCKETS = 1024 };

struct oracle {
    struct votes *votes; /* by height */
    struct decided *decided;
    size_t room;
    uint64_t height; /* the highest that an honest host has committed */
    struct settled *settled[BUCKETS];
    struct blob *slots[LAB_HOSTS_MAX][SLOTS_KEPT];
    unsigned slot_next[LAB_HOSTS_MAX];
};

struct oracle *oracle_new(void)
{
    return anju_alloc(sizeof(struct oracle));
}

void oracle_free(struct oracle *o)
{
    for (size_t i = 0; i < o->room; i++)
        free(o->votes[i].v);
    for (unsigned i = 0; i < BUCKETS; i++) {
        while (o->settled[i] != NULL) {
            struct settled *s = o->settled[i];
            o->settled[i] = s->next;
            free(s);
        }
    }
    for (unsigned i = 0; i < LAB_HOSTS_MAX; i++) {
        for (unsigned k = 0; k < SLOTS_KEPT; k++)
            blob_release(o->slots[i][k]);
    }
    free(o->votes);
    free(o->decided);
    free(o);
}

uint64_t oracle_height(const struct lab *l)
{
    return l->oracle->height;
}

static bool room_for(struct oracle *o, uint64_t height)
{
    size_t room = o->room == 0 ? 256 : o->room;

    if (height > o->height + 100)
        return false; /* nobody honest is there */
    while (room <= height)
        room *= 2;
    if (room == o->room)
        return true;
    o->votes = anju_realloc(o->votes, room * sizeof *o->votes);
    o->decided = anju_realloc(o->decided, room * sizeof *o->decided);
    memset(o->votes + o->room, 0, (room - o->room) * sizeof *o->votes);
    memset(o->decided + o->room, 0, (room - o->room) * sizeof *o->decided);
    o->room = room;
    return true;
}

/* ---- Votes ---- */

static const struct ledger_set *set_of(const struct lab *l)
{
    return &l->fixture->registry->set;
}

static bool is_nil(const uint8_t vid[HASH])
{
    static const uint8_t zero[HASH];

    return memcmp(vid, zero, HASH) == 0;
}

/* The bytes that a signature covers, and whether it is right. */
static bool is_signed(const struct lab *l, const struct vote *v)
{
    static const char *const tags[] = {"anju/proposal/1", "anju/prevote/1", "anju/precommit/1"};
    uint8_t body[108];
    struct crypto_hash digest;
    struct crypto_sig sig;

    memcpy(body, set_of(l)->node[v->signer].id.b, HASH);
    put_u64(body + 32, v->height);
    put_u32(body + 40, v->round);
    if (v->type == PRECOMMIT) {
        memcpy(body + 44, v->vid, HASH);
        memcpy(body + 76, v->result, HASH);
    } else {
        put_u32(body + 44, (uint32_t)v->valid_round);
        memcpy(body + 48, v->vid, HASH);
    }
    crypto_digest(&digest, tags[v->type], &l->fixture->registry->ledger_id,
                  bytes_of(body, v->type == PRECOMMIT ? 108 : 80));
    memcpy(sig.b, v->sig, SIG);
    return crypto_verify(&sig, &set_of(l)->node[v->signer].node_key, &digest) == ANJU_OK;
}

static bool is_honest(const struct lab *l, unsigned validator)
{
    return l->host[validator].honest;
}

static bool same_content(const struct vote *a, const struct vote *b)
{
    return a->valid_round == b->valid_round && memcmp(a->vid, b->vid, HASH) == 0 &&
           memcmp(a->result, b->result, HASH) == 0;
}

/* Remembers a vote that is somewhere in the world. I2: an honest validator never signs two at one
 * place. */
static struct vote *note_vote(struct lab *l, const struct vote *v)
{
    struct oracle *o = l->oracle;
    struct votes *at;

    if (v->signer >= l->n || v->round > ROUNDS_MAX || !room_for(o, v->height) || !is_signed(l, v))
        return NULL;
    at = &o->votes[v->height];
    for (size_t i = 0; i < at->count; i++) {
        struct vote *known = &at->v[i];
        if (known->type != v->type || known->signer != v->signer || known->round != v->round)
            continue;
        if (same_content(known, v))
            return known;
        if (is_honest(l, v->signer))
            lab_fail(l,
                     "I2: honest validator %u signed two different messages of type %u at height "
                     "%llu round %u",
                     v->signer, v->type, (unsigned long long)v->height, v->round);
    }
    if (at->count >= VOTES_MAX)
        return NULL;
    if (at->count == at->room) {
        at->room = at->room == 0 ? 32 : at->room * 2;
        at->v = anju_realloc(at->v, at->room * sizeof *at->v);
    }
    at->v[at->count] = *v;
    return &at->v[at->count++];
}

static int signer_of(const struct lab *l, const uint8_t id[HASH])
{
    for (unsigned i = 0; i < l->n; i++) {
        if (memcmp(set_of(l)->node[i].id.b, id, HASH) == 0)
            return (int)i;
    }
    return -1;
}

/* Reads a vote's bytes and signature. The size read, or 0. */
static size_t parse_vote(const struct lab *l, struct vote *out, uint8_t type, struct bytes in)
{
    size_t body = type == PRECOMMIT ? 108 : 80;
    int signer;

    if (type > PRECOMMIT || in.size < body + SIG || (signer = signer_of(l, in.data)) < 0)
        return 0;
    *out = (struct vote){.type = type, .signer = (unsigned)signer, .valid_round = -1};
    out->height = get_u64(in.data + 32);
    out->round = get_u32(in.data + 40);
    if (type == PRECOMMIT) {
        memcpy(out->vid, in.data + 44, HASH);
        memcpy(out->result, in.data + 76, HASH);
    } else {
        out->valid_round = (int32_t)get_u32(in.data + 44);
        memcpy(out->vid, in.data + 48, HASH);
    }
    memcpy(out->sig, in.data + body, SIG);
    return body + SIG;
}

/* q u8, q x (index u8, signature). I5: exactly q, ascending. */
static void parse_signatures(struct lab *l, struct bytes in, struct vote base, bool honest)
{
    unsigned q = in.size > 0 ? in.data[0] : 0;
    int before = -1;

    if (honest && (q != l->q || in.size != 1 + (size_t)q * 65)) {
        lab_fail(l, "I5: an honest host sends a certificate of %u signatures, a quorum is %u", q,
                 l->q);
        return;
    }
    for (unsigned i = 0; i < q && in.size >= 1 + (size_t)(i + 1) * 65; i++) {
        const uint8_t *at = in.data + 1 + (size_t)i * 65;
        base.signer = at[0];
        memcpy(base.sig, at + 1, SIG);
        if (honest && ((int)at[0] <= before || at[0] >= l->n || !is_signed(l, &base)))
            lab_fail(l, "I5: an honest host sends a certificate with a wrong signature or signer");
        before = at[0];
        if (at[0] < l->n)
            (void)note_vote(l, &base);
    }
}

static void parse_certificate(struct lab *l, struct bytes in, bool honest)
{
    struct vote base = {.valid_round = -1};

    if (in.size < 14)
        return;
    base.height = get_u64(in.data + 1);
    base.round = get_u32(in.data + 9);
    if (in.data[0] == FRAME_POLKA && in.size >= 49 + 1) {
        base.type = PREVOTE;
        memcpy(base.vid, in.data + 13, HASH);
        base.valid_round = (int32_t)get_u32(in.data + 45);
        parse_signatures(l, bytes_of(in.data + 49, in.size - 49), base, honest);
    } else if (in.data[0] == FRAME_COMMIT && in.size >= 77 + 1) {
        base.type = PRECOMMIT;
        memcpy(base.vid, in.data + 13, HASH);
        memcpy(base.result, in.data + 45, HASH);
        parse_signatures(l, bytes_of(in.data + 77, in.size - 77), base, honest);
    } else if (in.data[0] == FRAME_TICKET) {
        struct bytes rest = bytes_of(in.data + 14, in.size - 14);
        for (unsigned i = 0; i < in.data[13] && rest.size > 0; i++) {
            struct vote v;
            size_t size = parse_vote(l, &v, rest.data[0], bytes_of(rest.data + 1, rest.size - 1));
            if (size == 0)
                return;
            (void)note_vote(l, &v);
            rest = bytes_of(rest.data + 1 + size, rest.size - 1 - size);
        }
    }
}

/* ---- What a vote rests on ---- */

/* The guard on disk holds the signature, or is of a later round: then this one is never signed
 * again. */
static bool in_slots(const struct oracle *o, const struct host *h, const struct vote *v)
{
    for (unsigned k = 0; k < SLOTS_KEPT; k++) {
        const struct blob *slot = o->slots[h->index][k];
        uint64_t height = slot != NULL ? get_u64(slot->data + 1) : 0;
        if (height > v->height || (height == v->height && get_u32(slot->data + 9) > v->round))
            return true;
        for (size_t i = 0; slot != NULL && i + SIG <= slot->size; i++) {
            if (slot->data[i] == v->sig[0] && memcmp(slot->data + i, v->sig, SIG) == 0)
                return true;
        }
    }
    return false;
}

/* I7: header, batch ids and every batch of a value that is voted for are on this host's disk. */
static void check_body(struct host *h, const struct vote *v)
{
    struct lab *l = h->lab;
    struct crypto_hash vid;
    const struct record *body;

    memcpy(vid.b, v->vid, HASH);
    if (v->height <= h->height)
        return; /* committed: it is in the ledger */
    body = disk_durable(h, PAYLOAD_BODY, &vid);
    if (body == NULL || body->data->size < HEADER) {
        lab_fail(
            l,
            "I7: host %u votes at height %llu round %u for a value whose header is not on its disk",
            h->index, (unsigned long long)v->height, v->round);
        return;
    }
    for (unsigned i = 0; i < get_u16(body->data->data + 178); i++) {
        struct crypto_hash id;
        memcpy(id.b, body->data->data + HEADER + (size_t)i * HASH, HASH);
        if (disk_durable(h, PAYLOAD_BATCH, &id) == NULL)
            lab_fail(l,
                     "I7: host %u votes at height %llu round %u for a value whose batch %u is not "
                     "on its disk",
                     h->index, (unsigned long long)v->height, v->round, i);
    }
}

static void vote_leaves(struct host *h, const struct vote *v)
{
    struct lab *l = h->lab;
    struct vote *known = note_vote(l, v);

    if (v->signer != h->validator || known == NULL) {
        lab_fail(l, "host %u sends a vote that is not its own or not signed", h->index);
        return;
    }
    if (known->left)
        return;
    known->left = true;
    l->totals.checks++;
    lab_say(l, "host %u %s height %llu round %u %s%02x%02x valid round %d", h->index,
            v->type == PROPOSAL  ? "proposes"
            : v->type == PREVOTE ? "prevotes"
                                 : "precommits",
            (unsigned long long)v->height, v->round, is_nil(v->vid) ? "nil " : "", v->vid[0],
            v->vid[1], v->valid_round);
    if (!in_slots(l->oracle, h, v))
        lab_fail(l,
                 "I15: a vote of host %u at height %llu round %u leaves before it is in the guard "
                 "on disk",
                 h->index, (unsigned long long)v->height, v->round);
    if (v->type != PROPOSAL && !is_nil(v->vid))
        check_body(h, v);
}

static void frame(struct lab *l, struct host *h, uint8_t type, struct bytes body)
{
    struct vote v;

    if (type == FRAME_VOTE && body.size > 1 &&
        parse_vote(l, &v, body.data[0], bytes_of(body.data + 1, body.size - 1)) > 0) {
        if (h != NULL)
            vote_leaves(h, &v);
        else
            (void)note_vote(l, &v);
    } else if (type == FRAME_PROPOSAL && parse_vote(l, &v, PROPOSAL, body) > 0) {
        size_t at = 80 + SIG;
        if (h != NULL)
            vote_leaves(h, &v);
        else
            (void)note_vote(l, &v);
        if (body.size >= at + 4)
            at += 4 + (size_t)get_u32(body.data + at);
        if (body.size >= at + 4 + 48 &&
            get_u32(body.data + at) >= 49) { /* the polka of its valid round */
            struct writer w = {0};
            writer_u8(&w, FRAME_POLKA);
            writer_put(&w, body.data + at + 4, body.size - at - 4);
            parse_certificate(l, writer_view(&w), h != NULL);
            writer_free(&w);
        }
    } else if (type == FRAME_CERTIFICATE) {
        parse_certificate(l, body, h != NULL);
    }
}

void oracle_sent(struct host *h, uint8_t type, struct bytes body)
{
    frame(h->lab, h, type, body);
}

void oracle_heard_of(struct lab *l, uint8_t type, struct bytes body)
{
    frame(l, NULL, type, body);
}

void oracle_slot(struct host *h, struct bytes content)
{
    struct oracle *o = h->lab->oracle;
    struct blob **at = &o->slots[h->index][o->slot_next[h->index]++ % SLOTS_KEPT];

    blob_release(*at);
    *at = blob_new(content);
}

/* I8: what a node calls evidence never names an honest validator. */
void oracle_log(struct lab *l, const char *line)
{
    const char *at = strstr(line, "evidence: validator=");
    uint8_t id[HASH];
    char hex[65];
    int signer;

    if (at == NULL)
        return;
    (void)snprintf(hex, sizeof hex, "%.64s", at + strlen("evidence: validator="));
    if (hex_decode(id, sizeof id, hex) != ANJU_OK)
        return;
    signer = signer_of(l, id);
    if (signer >= 0 && is_honest(l, (unsigned)signer))
        lab_fail(l, "I8: evidence names honest validator %d", signer);
}

/* ---- What is committed ---- */

static struct settled **find(struct oracle *o, const uint8_t id[HASH])
{
    struct settled **at = &o->settled[get_u16(id) % BUCKETS];

    while (*at != NULL && memcmp((*at)->id, id, HASH) != 0)
        at = &(*at)->next;
    return at;
}

static uint64_t latest_honest_clock(const struct lab *l)
{
    uint64_t latest = 0;

    for (unsigned i = 0; i < l->n_hosts; i++) {
        uint64_t now = host_wall_ms(&l->host[i]);
        if (l->host[i].honest && now > latest)
            latest = now;
    }
    return latest;
}

/* Whether the block holds this envelope, by reading it: batches of (len u32, wire), a body is 67
 * bytes. */
static bool holds(const struct lab *l, struct bytes block, const uint8_t id[HASH])
{
    size_t at = HEADER + (size_t)get_u16(block.data + 178) * HASH;

    at += 4 + (size_t)get_u32(block.data + at);
    while (at + 4 < block.size) {
        size_t end = at + 4 + get_u32(block.data + at);
        at += 4 + 2;
        while (at + 4 <= end && end <= block.size) {
            struct crypto_hash h;
            size_t size = get_u32(block.data + at);
            if (size < 67 || at + 4 + size > end)
                return false;
            crypto_digest(&h, "anju/envelope/1", &l->fixture->registry->ledger_id,
                          bytes_of(block.data + at + 4, 67));
            if (memcmp(h.b, id, HASH) == 0)
                return true;
            at += 4 + size;
        }
        at = end;
    }
    return false;
}

/* The first to commit a height says what it is; all others must say the same. */
static void first_at(struct lab *l, uint64_t height, struct bytes block,
                     const struct ledger_tip *tip, const uint8_t vid[HASH],
                     const uint8_t body[HASH])
{
    struct decided *d = &l->oracle->decided[height], *before = &l->oracle->decided[height - 1];
    uint64_t time = get_u64(block.data + 10), latest = latest_honest_clock(l);

    *d = (struct decided){.known = true, .time_ms = time, .log_size = tip->result_body.log_size};
    memcpy(d->vid, vid, HASH);
    memcpy(d->result, tip->result.b, HASH);
    memcpy(d->body, body, HASH);
    d->latest_ms = latest > before->latest_ms ? latest : before->latest_ms;
    if (height > 1) {
        if (!before->known)
            lab_fail(l, "height %llu is committed before the one below it was anywhere",
                     (unsigned long long)height);
        if (memcmp(block.data + 50, before->vid, HASH) != 0 ||
            memcmp(block.data + 82, before->result, HASH) != 0)
            lab_fail(l, "I4: the header of height %llu does not name the block and result below it",
                     (unsigned long long)height);
        if (time <= before->time_ms)
            lab_fail(l, "I12: time does not rise at height %llu", (unsigned long long)height);
    }
    if (time > before->time_ms + 1 && time > d->latest_ms + 500)
        lab_fail(l, "I12: height %llu is %lld ms ahead of every honest clock so far",
                 (unsigned long long)height, (long long)(time - d->latest_ms));
    if (height > l->oracle->height)
        l->oracle->height = height;
}

static void check_commit_certificate(struct lab *l, struct bytes c, uint64_t height,
                                     const uint8_t vid[HASH], const uint8_t result[HASH])
{
    struct writer w = {0};

    if (c.size < 78 || get_u64(c.data) != height || memcmp(c.data + 12, vid, HASH) != 0 ||
        memcmp(c.data + 44, result, HASH) != 0) {
        lab_fail(l, "I5: the certificate of height %llu is of another height, block or result",
                 (unsigned long long)height);
        return;
    }
    writer_u8(&w, FRAME_COMMIT);
    writer_bytes(&w, c);
    parse_certificate(l, writer_view(&w), true);
    writer_free(&w);
}

/* I3: an envelope takes effect once, and every host tells the same of it. */
static void check_outcome(struct lab *l, const struct host *h, const struct engine_outcome *o,
                          struct bytes block, uint64_t height, uint64_t *seq)
{
    struct settled **at = find(l->oracle, o->id.b), *s = *at;

    if (!holds(l, block, o->id.b))
        lab_fail(l, "I3: host %u tells of an envelope that block %llu does not hold", h->index,
                 (unsigned long long)height);
    if (o->outcome < 0)
        return; /* skipped: it took no effect here */
    if (s == NULL) {
        if (o->height != height) {
            lab_fail(l, "I3: host %u calls an envelope a repeated one that was never there",
                     h->index);
            return;
        }
        s = *at = anju_alloc(sizeof *s);
        *s = (struct settled){.outcome = o->outcome,
                              .height = o->height,
                              .first_seq = o->first_seq,
                              .n = o->n,
                              .failing_index = o->failing_index};
        memcpy(s->id, o->id.b, HASH);
    }
    if (s->outcome != o->outcome || s->height != o->height || s->first_seq != o->first_seq ||
        s->n != o->n)
        lab_fail(l, "I3: host %u tells another claim of an envelope: height %llu instead of %llu",
                 h->index, (unsigned long long)o->height, (unsigned long long)s->height);
    if (o->height != height || seq == NULL)
        return;
    if (o->first_seq < *seq || o->n == 0)
        lab_fail(l, "I3: entries of two envelopes overlap at height %llu",
                 (unsigned long long)height);
    *seq = o->first_seq + o->n;
}

void oracle_committed(struct host *h, struct bytes block, struct bytes certificate,
                      const struct ledger_tip *tip, const struct engine_outcome *outcomes, size_t n)
{
    struct lab *l = h->lab;
    struct crypto_hash vid, body;
    struct decided *d;
    uint64_t seq;

    if (!room_for(l->oracle, tip->height))
        return;
    crypto_digest(&vid, "anju/block/1", &l->fixture->registry->ledger_id,
                  bytes_of(block.data, HEADER));
    crypto_sha256(&body, block);
    l->totals.checks++;
    d = &l->oracle->decided[tip->height];
    if (!d->known)
        first_at(l, tip->height, block, tip, vid.b, body.b);
    if (memcmp(d->vid, vid.b, HASH) != 0)
        lab_fail(l, "I1: a fork at height %llu: host %u has committed another block",
                 (unsigned long long)tip->height, h->index);
    if (memcmp(d->result, tip->result.b, HASH) != 0 || d->log_size != tip->result_body.log_size)
        lab_fail(l, "I4: host %u has another result at height %llu", h->index,
                 (unsigned long long)tip->height);
    if (memcmp(d->body, body.b, HASH) != 0)
        lab_fail(l, "I4: host %u stores other bytes of the block at height %llu", h->index,
                 (unsigned long long)tip->height);
    check_commit_certificate(l, certificate, tip->height, vid.b, tip->result.b);
    seq = tip->height > 1 ? l->oracle->decided[tip->height - 1].log_size : 0;
    for (size_t i = 0; i < n; i++) {
        bool again = false; /* two batches of one block may hold the same envelope */
        for (size_t k = 0; k < i && !again; k++)
            again = crypto_hash_equal(&outcomes[k].id, &outcomes[i].id);
        check_outcome(l, h, &outcomes[i], block, tip->height, again ? NULL : &seq);
    }
    if (seq > tip->result_body.log_size)
        lab_fail(l, "I3: height %llu has entries beyond its log size",
                 (unsigned long long)tip->height);
}

void oracle_acknowledged(struct host *h, const struct rpc_submit_result *r)
{
    struct lab *l = h->lab;
    struct settled *s = *find(l->oracle, r->id.b);

    if (s == NULL) {
        lab_fail(l, "I3: host %u acknowledges an envelope that no block holds", h->index);
        return;
    }
    if (s->height != r->height || s->first_seq != r->first_seq || s->n != r->n ||
        s->outcome != r->outcome || r->height > h->height)
        lab_fail(l, "I3: host %u acknowledges an envelope with another claim", h->index);
    if (!s->acknowledged)
        l->totals.acknowledged++;
    s->acknowledged = true;
}

/* ---- At the end ---- */

static unsigned count_votes(const struct votes *at, uint8_t type, uint32_t round,
                            const struct vote *same, unsigned n)
{
    unsigned count = 0;

    for (unsigned signer = 0; signer < n; signer++) {
        bool found = false;
        for (size_t i = 0; i < at->count && !found; i++) {
            const struct vote *v = &at->v[i];
            found = v->signer == signer && v->type == type && v->round == round &&
                    (same == NULL || memcmp(v->vid, same->vid, HASH) == 0);
        }
        count += found;
    }
    return count;
}

static unsigned signers_from(const struct votes *at, uint32_t round, unsigned n, unsigned but)
{
    unsigned count = 0;

    for (unsigned signer = 0; signer < n; signer++) {
        bool found = false;
        for (size_t i = 0; i < at->count && !found; i++)
            found =
                at->v[i].signer == signer && at->v[i].round >= round && at->v[i].type != PROPOSAL;
        count += found && signer != but;
    }
    return count;
}

/* I6: a lock rests on q prevotes. I9: a round above 0 was entered with a ticket. */
static void check_votes(struct lab *l, uint64_t height)
{
    const struct votes *at = &l->oracle->votes[height];
    static const struct vote nil;

    for (size_t i = 0; i < at->count && !l->failed; i++) {
        const struct vote *v = &at->v[i];
        if (!v->left)
            continue;
        if (v->type == PRECOMMIT && !is_nil(v->vid) &&
            count_votes(at, PREVOTE, v->round, v, l->n) < l->q)
            lab_fail(l,
                     "I6: validator %u precommits at height %llu round %u, but there is no quorum "
                     "of prevotes",
                     v->signer, (unsigned long long)height, v->round);
        if (v->round > 0 && count_votes(at, PRECOMMIT, v->round - 1, NULL, l->n) < l->q &&
            count_votes(at, PREVOTE, v->round - 1, &nil, l->n) < l->q &&
            signers_from(at, v->round, l->n, v->signer) < l->f + 1 &&
            signers_from(at, v->round, l->n, l->n) < l->f + 2)
            lab_fail(
                l, "I9: validator %u speaks at height %llu round %u, which nothing allows to enter",
                v->signer, (unsigned long long)height, v->round);
    }
}

/* I11: the blocks of the host that is furthest, executed again from genesis, give the same results.
 */
static void replay(struct lab *l, const struct host *h)
{
    struct ledger_view nothing = ledger_view_empty(l->fixture->registry);
    struct ledger_overlay *state = ledger_overlay_new(&nothing);
    bool fine = ledger_execute_genesis(state) == ANJU_OK;

    for (uint64_t height = 1; fine && height <= h->height; height++) {
        struct arena a = {0};
        struct ledger_block block;
        struct ledger_overlay *o = ledger_overlay_new(ledger_overlay_view(state));
        fine =
            ledger_block_decode(&block, blob_bytes(h->blocks[height]),
                                &l->fixture->registry->ledger_id, &a) == ANJU_OK &&
            ledger_execute(o, &block) == ANJU_OK &&
            memcmp(ledger_overlay_tip(o)->result.b, l->oracle->decided[height].result, HASH) == 0;
        ledger_overlay_absorb(state, o);
        arena_free(&a);
        if (!fine)
            lab_fail(l,
                     "I11: executing the stored blocks again gives another result at height %llu",
                     (unsigned long long)height);
    }
    ledger_overlay_free(state);
}

/* I3: what was acknowledged is in the state of every honest host that has come so far. */
static void check_acknowledged(struct lab *l)
{
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (const struct settled *s = l->oracle->settled[b]; s != NULL; s = s->next) {
            for (unsigned i = 0; i < l->n_hosts && s->acknowledged; i++) {
                struct crypto_hash id;
                memcpy(id.b, s->id, HASH);
                if (l->host[i].honest && l->host[i].height >= s->height &&
                    idmap_get(&l->host[i].claims, &id) == NULL)
                    lab_fail(l, "I3: an acknowledged envelope is not at host %u", i);
            }
        }
    }
}

void oracle_end(struct lab *l)
{
    const struct host *furthest = NULL;

    for (uint64_t height = 1; height < l->oracle->room; height++)
        check_votes(l, height);
    check_acknowledged(l);
    for (unsigned i = 0; i < l->n_hosts; i++) {
        if (l->host[i].honest && (furthest == NULL || l->host[i].height > furthest->height))
            furthest = &l->host[i];
    }
    replay(l, furthest);
}
