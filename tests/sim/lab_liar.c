/*
 * Byzantine validators: a real engine whose words are changed on their way out, peer by peer,
 * signed again where that is needed, and a will of its own: silence, floods, replays, payload kept
 * back. It lies with the node's own codecs, so that most lies pass the first checks.
 */
#include "tests/sim/lab.h"

#include <stdlib.h>
#include <string.h>

static const struct crypto_hash *ledger_of(const struct lab *l)
{
    return &l->fixture->registry->ledger_id;
}

static struct crypto_hash random_hash(struct lab *l)
{
    struct crypto_hash out;

    for (unsigned i = 0; i < sizeof out.b; i++)
        out.b[i] = (uint8_t)lab_random(l);
    return out;
}

/* A block that others speak of, or one that nobody has. */
static struct crypto_hash some_vid(struct host *h)
{
    const struct crypto_hash *seen = &h->seen_vid[lab_below(h->lab, 8)];

    return crypto_hash_is_zero(seen) || lab_chance(h->lab, 200) ? random_hash(h->lab) : *seen;
}

static uint64_t near_or_far(struct lab *l, uint64_t v, uint64_t max)
{
    switch (lab_below(l, 6)) {
    case 0:
        return max;
    case 1:
        return v > 0 ? v - 1 : 0;
    case 2:
        return lab_below(l, max);
    case 3:
        return v + lab_below(l, 5);
    default:
        return v + 1;
    }
}

static bool give(struct host *h, int to, uint8_t type, struct writer *w, bool altered)
{
    bool sent;

    if (w->size > frame_size_max(type, h->lab->fixture->registry->limits.frame_size))
        w->size = 1; /* the transport would not carry it */
    oracle_heard_of(h->lab, type, writer_view(w));
    sent = net_send(h, to, type, writer_view(w), altered);
    writer_free(w);
    return sent;
}

/* ---- Changed words ---- */

static void change_vote(struct host *h, struct ledger_vote *v)
{
    struct lab *l = h->lab;

    switch (lab_below(l, 8)) {
    case 0:
        v->vid = v->result = CRYPTO_ZERO_HASH;
        v->valid_round = -1;
        break;
    case 1:
        v->vid = some_vid(h);
        break;
    case 2:
        v->valid_round = v->round == 0 ? -1 : (int32_t)lab_below(l, v->round + 1u) - 1;
        break;
    case 3:
        v->round = (uint32_t)near_or_far(l, v->round, LEDGER_ROUND_MAX) % LEDGER_ROUND_MAX;
        break;
    case 4:
        v->height = near_or_far(l, v->height, UINT64_MAX);
        break;
    case 5:
        v->result = random_hash(l);
        break;
    case 6:
        if (v->type != LEDGER_PROPOSAL)
            v->type = v->type == LEDGER_PREVOTE ? LEDGER_PRECOMMIT : LEDGER_PREVOTE;
        break;
    default:
        v->round += 1;
        break;
    }
}

/* What cannot even be said is not: the codec would have no bytes for it. */
static void make_sayable(struct lab *l, struct ledger_vote *v)
{
    v->height += v->height == 0;
    if (v->round > LEDGER_ROUND_MAX)
        v->round = LEDGER_ROUND_MAX;
    if (v->type != LEDGER_PRECOMMIT || ledger_vote_is_nil(v))
        v->result = CRYPTO_ZERO_HASH;
    else if (crypto_hash_is_zero(&v->result))
        v->result = random_hash(l);
    if (v->type == LEDGER_PRECOMMIT || ledger_vote_is_nil(v) || v->valid_round >= (int64_t)v->round)
        v->valid_round = -1;
}

static void sign(struct host *h, struct ledger_vote *v)
{
    make_sayable(h->lab, v);
    if (ledger_vote_sign(v, &h->secret, ledger_of(h->lab)) != ANJU_OK)
        abort();
    if (lab_chance(h->lab, 30))
        v->sig.b[lab_below(h->lab, CRYPTO_SIG_SIZE)] ^= 1;
}

static bool lie_vote(struct writer *out, struct host *h, struct bytes body)
{
    struct ledger_vote v;

    if (frame_vote_decode(&v, body) != ANJU_OK)
        return false;
    change_vote(h, &v);
    sign(h, &v);
    frame_vote_encode(out, &v);
    return true;
}

static void change_header(struct host *h, struct ledger_header *head)
{
    static const int64_t times[] = {1, 1, 1, -1, 400, 600, 10000, 3600000, -10000, -3600000};
    struct lab *l = h->lab;

    switch (lab_below(l, 12)) {
    case 0:
        head->n_records += lab_chance(l, 500) ? 1 : UINT32_MAX;
        break;
    case 1:
        head->n_bytes += lab_chance(l, 500) ? 1 : UINT32_MAX;
        break;
    case 2:
        head->previous.b[0] ^= 1;
        break;
    case 3:
        head->previous_result.b[0] ^= 1;
        break;
    case 4:
        head->proposer = l->fixture->registry->set.node[lab_below(l, l->n)].id;
        break;
    case 5:
        head->version++;
        break;
    case 6:
        head->height++;
        break;
    case 7:
        head->time_ms = lab_chance(l, 500) ? UINT64_MAX : 0;
        break;
    default: /* two sound values at once are the best lie */
        head->time_ms += (uint64_t)times[lab_below(l, sizeof times / sizeof times[0])];
        break;
    }
}

/* Other batches than the engine chose: one less, one twice, one that nobody has, another order. */
static void change_ids(struct host *h, struct frame_compact *c, struct writer *ids)
{
    struct lab *l = h->lab;
    struct crypto_hash leaves[LEDGER_BLOCK_BATCHES_MAX], none;
    unsigned n = c->header.n_batches;

    writer_bytes(ids, c->ids);
    switch (lab_below(l, 4)) {
    case 0:
        ids->size -= n > 0 ? CRYPTO_HASH_SIZE : 0;
        break;
    case 1:
        none = random_hash(l);
        writer_put(ids, none.b, CRYPTO_HASH_SIZE);
        break;
    case 2:
        if (n > 0)
            writer_put(ids, c->ids.data, CRYPTO_HASH_SIZE);
        break;
    default:
        if (n > 1) {
            memcpy(ids->data, c->ids.data + CRYPTO_HASH_SIZE, CRYPTO_HASH_SIZE);
            memcpy(ids->data + CRYPTO_HASH_SIZE, c->ids.data, CRYPTO_HASH_SIZE);
        }
        break;
    }
    c->ids = writer_view(ids);
    c->header.n_batches = (uint16_t)(ids->size / CRYPTO_HASH_SIZE);
    for (unsigned i = 0; i < c->header.n_batches; i++)
        crypto_leaf_hash(&leaves[i],
                         bytes_of(c->ids.data + (size_t)i * CRYPTO_HASH_SIZE, CRYPTO_HASH_SIZE));
    merkle_root_of(&c->header.batches_root, leaves, c->header.n_batches);
}

static bool lie_proposal(struct writer *out, struct host *h, struct bytes body)
{
    struct lab *l = h->lab;
    struct frame_proposal f;
    struct writer ids = {0}, compact = {0}, polka = {0};

    if (frame_proposal_decode(&f, body) != ANJU_OK)
        return false;
    if (f.has_compact && f.compact.header.n_batches < 1000 && lab_chance(l, 700)) {
        if (lab_chance(l, 300))
            change_ids(h, &f.compact, &ids);
        else
            change_header(h, &f.compact.header);
        ledger_block_id(&f.vote.vid, &f.compact.header, ledger_of(l));
        if (lab_chance(l, 900)) {
            f.vote.valid_round = -1; /* a fresh one */
            f.has_polka = false;
        }
    } else {
        change_vote(h, &f.vote);
        f.vote.type = LEDGER_PROPOSAL;
        if (ledger_vote_is_nil(&f.vote))
            f.vote.vid = some_vid(h);
    }
    if (f.has_compact && lab_chance(l, 800))
        frame_compact_encode(&compact, &f.compact);
    if (f.has_polka && lab_chance(l, 800))
        ledger_polka_encode(&polka, &f.polka);
    sign(h, &f.vote);
    frame_proposal_encode(out, &f.vote, writer_view(&compact), writer_view(&polka));
    writer_free(&ids);
    writer_free(&compact);
    writer_free(&polka);
    return true;
}

/* Indexes and signatures of a polka or a commit. */
static void change_signers(struct lab *l, uint8_t *q, uint8_t *index, struct crypto_sig *sig)
{
    unsigned at = (unsigned)lab_below(l, *q);

    switch (lab_below(l, 5)) {
    case 0:
        *q = (uint8_t)(*q > 1 ? *q - 1 : 1);
        break;
    case 1:
        index[at] = index[(at + 1) % *q];
        sig[at] = sig[(at + 1) % *q];
        break;
    case 2:
        index[at] = (uint8_t)lab_below(l, 32);
        break;
    case 3:
        if (*q < LEDGER_QUORUM_MAX) {
            index[*q] = (uint8_t)(index[*q - 1] + 1);
            sig[*q] = sig[0];
            (*q)++;
        }
        break;
    default:
        sig[at].b[lab_below(l, CRYPTO_SIG_SIZE)] ^= 1;
        break;
    }
}

static void change_certificate(struct host *h, struct ledger_certificate *c)
{
    struct lab *l = h->lab;

    switch (lab_below(l, 4)) {
    case 0:
        c->vid = some_vid(h);
        break;
    case 1:
        c->result = random_hash(l);
        break;
    case 2:
        c->round++;
        break;
    default:
        change_signers(l, &c->q, c->index, c->sig);
        break;
    }
}

static bool lie_certificate(struct writer *out, struct host *h, struct bytes body)
{
    struct lab *l = h->lab;
    struct frame_certificate c;

    if (frame_certificate_decode(&c, body) != ANJU_OK)
        return false;
    switch (c.kind) {
    case FRAME_POLKA:
        if (lab_chance(l, 300))
            c.polka.vid = some_vid(h);
        else if (lab_chance(l, 300))
            c.polka.round++;
        else
            change_signers(l, &c.polka.q, c.polka.index, c.polka.sig);
        break;
    case FRAME_COMMIT:
        change_certificate(h, &c.commit);
        break;
    case FRAME_TICKET:
        if (lab_chance(l, 300))
            c.ticket.round++;
        else if (lab_chance(l, 300) && c.ticket.n > 1)
            c.ticket.n--;
        else
            c.ticket.vote[0].sig.b[0] ^= 1;
        break;
    }
    frame_certificate_encode(out, &c);
    return true;
}

static bool lie_batch(struct writer *out, struct host *h, struct bytes body)
{
    struct lab *l = h->lab;
    struct frame_batch f;
    struct crypto_hash id, digest;
    struct writer raw = {0};

    if (frame_batch_decode(&f, body) != ANJU_OK || f.raw.size < 100)
        return false;
    writer_bytes(&raw, f.raw);
    if (lab_chance(l, 700))
        raw.data[lab_below(l, raw.size)] ^= (uint8_t)(1u << lab_below(l, 8));
    else
        raw.size = 2 + lab_below(l, raw.size - 2);
    f.raw = writer_view(&raw);
    f.author = lab_chance(l, 200) ? l->fixture->registry->set.node[lab_below(l, l->n)].id : h->id;
    ledger_batch_id(&id, f.raw, ledger_of(l));
    frame_batch_author_digest(&digest, ledger_of(l), &f.author, &id, get_u16(f.raw.data),
                              (uint32_t)f.raw.size);
    if (crypto_sign(&f.sig, &h->secret, &digest) != ANJU_OK)
        abort();
    frame_batch_encode(out, &f);
    writer_free(&raw);
    return true;
}

static bool lie_have(struct writer *out, struct host *h, struct bytes body)
{
    struct lab *l = h->lab;
    struct frame_have items[FRAME_HAVE_MAX];
    uint16_t n;

    if (frame_have_decode(items, &n, body) != ANJU_OK || n == 0)
        return false;
    items[lab_below(l, n)].id = random_hash(l);
    if (lab_chance(l, 300))
        items[0].size = (uint32_t)near_or_far(l, items[0].size, UINT32_MAX);
    frame_have_encode(out, items, n);
    return true;
}

static bool lie_block(struct writer *out, struct host *h, struct bytes body)
{
    struct lab *l = h->lab;
    struct frame_block f;
    struct writer ids = {0}, certificate = {0};

    if (frame_block_decode(&f, body) != ANJU_OK)
        return false;
    switch (lab_below(l, 3)) {
    case 0:
        change_certificate(h, &f.certificate);
        break;
    case 1:
        change_header(h, &f.compact.header);
        ledger_block_id(&f.certificate.vid, &f.compact.header, ledger_of(l));
        break;
    default: /* the header stays, the ids are others */
        writer_bytes(&ids, f.compact.ids);
        if (ids.size > 0)
            ids.data[lab_below(l, ids.size)] ^= 1;
        f.compact.ids = writer_view(&ids);
        break;
    }
    ledger_certificate_encode(&certificate, &f.certificate);
    frame_block_encode(out, writer_view(&certificate), &f.compact);
    writer_free(&ids);
    writer_free(&certificate);
    return true;
}

static bool lie_block_batch(struct writer *out, struct host *h, struct bytes body)
{
    struct lab *l = h->lab;
    struct frame_block_batch f;
    struct writer raw = {0};

    if (frame_block_batch_decode(&f, body) != ANJU_OK || f.raw.size < 100)
        return false;
    writer_bytes(&raw, f.raw);
    if (lab_chance(l, 500))
        raw.data[lab_below(l, raw.size)] ^= 1;
    else if (lab_chance(l, 500))
        f.height += lab_below(l, 3);
    else
        f.index = (uint16_t)(f.index + 1);
    f.raw = writer_view(&raw);
    frame_block_batch_encode(out, &f);
    writer_free(&raw);
    return true;
}

static bool lie_status(struct writer *out, struct host *h, struct bytes body)
{
    struct lab *l = h->lab;
    struct frame_status s;

    if (frame_status_decode(&s, body) != ANJU_OK)
        return false;
    if (lab_chance(l, 500))
        s.height = near_or_far(l, s.height, UINT64_MAX);
    else
        s.round = (uint32_t)near_or_far(l, s.round, LEDGER_ROUND_MAX);
    s.step = (uint8_t)lab_below(l, 8);
    frame_status_encode(out, &s);
    return true;
}

/* Any bytes: cut short, too long, or one bit another. */
static void lie_bytes(struct writer *out, struct lab *l, struct bytes body)
{
    writer_bytes(out, body);
    if (lab_chance(l, 300))
        out->size = lab_below(l, out->size + 1);
    else if (lab_chance(l, 300))
        writer_u32(out, (uint32_t)lab_random(l));
    else if (out->size > 0)
        out->data[lab_below(l, out->size)] ^= (uint8_t)(1u << lab_below(l, 8));
}

static bool lie(struct writer *out, struct host *h, uint8_t type, struct bytes body)
{
    switch (type) {
    case FRAME_VOTE:
        return lie_vote(out, h, body);
    case FRAME_PROPOSAL:
        return lie_proposal(out, h, body);
    case FRAME_CERTIFICATE:
        return lie_certificate(out, h, body);
    case FRAME_BATCH:
        return lie_batch(out, h, body);
    case FRAME_HAVE:
        return lie_have(out, h, body);
    case FRAME_BLOCK:
        return lie_block(out, h, body);
    case FRAME_BLOCK_BATCH:
        return lie_block_batch(out, h, body);
    case FRAME_STATUS:
        return lie_status(out, h, body);
    default:
        return false;
    }
}

static bool send_lie(struct host *h, int to, uint8_t type, struct bytes body)
{
    struct lab *l = h->lab;
    struct writer w = {0};

    if (lab_chance(l, 60) || !lie(&w, h, type, body)) {
        writer_clear(&w);
        lie_bytes(&w, l, body);
    }
    lab_count(l, FAULT_LIE);
    if (l->frames)
        lab_say(l, "host %u lies to host %d in a frame %s", h->index, to, frame_type_name(type));
    return give(h, to, type, &w, true);
}

static void later(struct lab *l, struct event *ev)
{
    (void)l;
    (void)net_send(ev->host, ev->peer, ev->type, blob_bytes(ev->blob), false);
}

bool liar_send(struct host *h, int to, uint8_t type, struct bytes body)
{
    struct lab *l = h->lab;
    bool payload = type == FRAME_BATCH || type == FRAME_BODY || type == FRAME_BLOCK_BATCH ||
                   type == FRAME_BLOCK;

    if (h->quiet_until_us > l->now_us) {
        lab_count(l, FAULT_MUTE);
        return true;
    }
    if (h->withholds && payload && (h->kept_from >> to & 1) != 0) {
        lab_count(l, FAULT_WITHHOLD);
        return true;
    }
    if (h->lies && lab_chance(l, l->lie_permille)) {
        bool sent = send_lie(h, to, type, body);
        if (lab_chance(l, 500))
            return sent; /* instead of the truth; else beside it */
    }
    oracle_heard_of(l, type, body);
    if (h->mutes && lab_chance(l, 100)) { /* just too late */
        struct event *ev = lab_post(l, h, l->now_us + lab_below(l, 1500000), later);
        ev->peer = to;
        ev->type = type;
        ev->blob = blob_new(body);
        return true;
    }
    return net_send(h, to, type, body, false);
}

void liar_hears(struct host *h, uint8_t type, struct blob *body)
{
    struct heard *at = &h->heard[h->heard_next % LAB_HEARD_MAX];
    struct ledger_vote v;
    struct frame_proposal p;

    if (type == FRAME_VOTE && frame_vote_decode(&v, blob_bytes(body)) == ANJU_OK &&
        !ledger_vote_is_nil(&v))
        h->seen_vid[h->seen_next++ % 8] = v.vid;
    if (type == FRAME_PROPOSAL && frame_proposal_decode(&p, blob_bytes(body)) == ANJU_OK)
        h->seen_vid[h->seen_next++ % 8] = p.vote.vid;
    if (!h->replays || lab_below(h->lab, 2) == 0)
        return;
    blob_release(at->body);
    at->type = type;
    at->body = blob_hold(body);
    h->heard_next++;
}

/* ---- A will of its own ---- */

static void flood_votes(struct host *h, int to)
{
    struct lab *l = h->lab;
    struct ledger_vote v = {
        .type = (enum ledger_vote_type)(1 + lab_below(l, 2)), .valid_round = -1, .signer = h->id};
    struct writer w = {0};

    v.height = h->height + lab_below(l, 4);
    v.height += v.height == 0;
    if (lab_chance(l, 100))
        v.height = lab_random(l) | 1;
    v.round = (uint32_t)lab_below(l, lab_chance(l, 300) ? LEDGER_ROUND_MAX : 12);
    if (lab_chance(l, 700))
        v.vid = some_vid(h);
    if (v.type == LEDGER_PRECOMMIT && !ledger_vote_is_nil(&v))
        v.result = random_hash(l);
    sign(h, &v);
    frame_vote_encode(&w, &v);
    (void)give(h, to, FRAME_VOTE, &w, true);
}

static void flood_have(struct host *h, int to)
{
    struct frame_have items[FRAME_HAVE_MAX];
    struct writer w = {0};

    for (unsigned i = 0; i < FRAME_HAVE_MAX; i++)
        items[i] =
            (struct frame_have){.author = h->lab->fixture->registry->set.node[i % h->lab->n].id,
                                .id = random_hash(h->lab),
                                .size = 1000};
    frame_have_encode(&w, items, FRAME_HAVE_MAX);
    (void)give(h, to, FRAME_HAVE, &w, true);
}

static void flood_want(struct host *h, int to)
{
    struct lab *l = h->lab;
    struct frame_want want = {.kind = (enum frame_want_kind)(1 + lab_below(l, 4)),
                              .count = 16,
                              .height = lab_below(l, h->height + 2)};
    struct writer w = {0};

    for (unsigned i = 0; i < FRAME_WANT_IDS_MAX; i++) {
        want.ids[i] = random_hash(l);
        want.index[i] = (uint16_t)i;
    }
    if (want.kind == FRAME_WANT_BODY) {
        want.count = 1;
        want.ids[0] = some_vid(h);
    }
    frame_want_encode(&w, &want);
    (void)give(h, to, FRAME_WANT, &w, true);
}

/* A value of a round to come, that names batches which do not exist. */
static void flood_proposal(struct host *h, int to)
{
    struct lab *l = h->lab;
    struct crypto_hash ids[4], leaves[4];
    struct frame_compact c = {.ids = bytes_of(ids, sizeof ids)};
    struct ledger_vote v = {
        .type = LEDGER_PROPOSAL, .height = h->height + 1, .valid_round = -1, .signer = h->id};
    struct writer w = {0}, compact = {0};

    c.header = (struct ledger_header){.version = 1,
                                      .height = v.height,
                                      .time_ms = host_wall_ms(h),
                                      .proposer = h->id,
                                      .n_batches = 4,
                                      .n_records = 4,
                                      .n_bytes = 4000};
    for (unsigned i = 0; i < 4; i++) {
        ids[i] = random_hash(l);
        crypto_leaf_hash(&leaves[i], crypto_hash_bytes(&ids[i]));
    }
    merkle_root_of(&c.header.batches_root, leaves, 4);
    ledger_block_id(&v.vid, &c.header, ledger_of(l));
    while (ledger_set_proposer(&l->fixture->registry->set, v.height, v.round) != h->validator)
        v.round++;
    v.round += l->n * (uint32_t)lab_below(l, 10);
    sign(h, &v);
    frame_compact_encode(&compact, &c);
    frame_proposal_encode(&w, &v, writer_view(&compact), bytes_of(NULL, 0));
    writer_free(&compact);
    (void)give(h, to, FRAME_PROPOSAL, &w, true);
}

static void flood_bytes(struct host *h, int to)
{
    struct writer w = {0};

    for (unsigned i = 0; i < 50; i++)
        writer_u32(&w, (uint32_t)lab_random(h->lab));
    (void)give(h, to, (uint8_t)(FRAME_STATUS + lab_below(h->lab, FRAME_TYPES - FRAME_STATUS)), &w,
               true);
}

static void flood(struct host *h)
{
    static void (*const kinds[])(struct host * h, int to) = {
        flood_votes, flood_votes, flood_have, flood_want, flood_proposal, flood_bytes};
    struct lab *l = h->lab;
    unsigned kind = (unsigned)lab_below(l, sizeof kinds / sizeof kinds[0]),
             n = 1 + (unsigned)lab_below(l, 60);

    lab_count(l, FAULT_FLOOD);
    for (unsigned i = 0; i < n; i++)
        kinds[kind](h, (int)lab_below(l, l->n_hosts));
}

static void replay(struct host *h)
{
    struct lab *l = h->lab;

    for (unsigned i = 0; i < 10; i++) {
        const struct heard *heard = &h->heard[lab_below(l, LAB_HEARD_MAX)];
        if (heard->body == NULL)
            continue;
        lab_count(l, FAULT_REPLAY);
        (void)net_send(h, (int)lab_below(l, l->n_hosts), heard->type, blob_bytes(heard->body),
                       true);
    }
}

/* An engine that notices what is said in its name stops signing; a liar begins again. */
static void wake(struct host *h)
{
    struct engine_status s;

    engine_status(&s, h->engine);
    if (!s.halted || h->stays_down)
        return;
    host_crash(h, false);
    disk_forget(h);
    host_start(h);
}

static void act(struct host *h)
{
    struct lab *l = h->lab;

    wake(h);
    h->kept_from = (uint32_t)lab_random(l);
    if (h->mutes && lab_chance(l, 150))
        h->quiet_until_us = l->now_us + lab_below(l, 4000000);
    if (h->floods && lab_chance(l, 500))
        flood(h);
    if (h->replays && lab_chance(l, 500))
        replay(h);
}

void liar_acts(struct lab *l, struct event *ev)
{
    (void)ev;
    for (unsigned i = 0; i < l->n_hosts; i++) {
        struct host *h = &l->host[i];
        if (!h->honest && h->engine != NULL && h->paused_until_us <= l->now_us)
            act(h);
    }
    lab_post(l, NULL, l->now_us + 50000 + lab_below(l, 500000), liar_acts);
}
