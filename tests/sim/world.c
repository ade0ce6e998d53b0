#include "tests/sim/sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t sim_random(struct world *w)
{
    w->rng += UINT64_C(0x9e3779b97f4a7c15);
    return mix(w->rng);
}

unsigned sim_below(struct world *w, unsigned bound)
{
    return bound == 0 ? 0 : (unsigned)(sim_random(w) % bound);
}

bool sim_chance(struct world *w, unsigned permille)
{
    return sim_below(w, 1000) < permille;
}

uint64_t sim_ms(const struct world *w)
{
    return w->now_us / 1000;
}

void sim_fail(struct world *w, const char *format, ...)
{
    va_list args;

    if (w->failed)
        return;
    w->failed = true;
    va_start(args, format);
    vsnprintf(w->why, sizeof w->why, format, args);
    va_end(args);
}

void sim_trace(struct world *w, const char *format, ...)
{
    va_list args;

    if (!w->trace)
        return;
    printf("%10.3f ", (double)w->now_us / 1000.0);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void sim_note(struct world *w, uint64_t what)
{
    w->trace_hash = mix(w->trace_hash ^ what ^ w->now_us);
}

/* The queue: a binary heap by time, then order of posting. */

static bool before(const struct queued *a, const struct queued *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct queued *a, struct queued *b)
{
    struct queued t = *a;

    *a = *b;
    *b = t;
}

void sim_post(struct world *w, uint64_t delay_us, struct queued event)
{
    size_t i = w->queue_count++;

    if (w->queue_count > w->queue_room) {
        w->queue_room = w->queue_room == 0 ? 1024 : 2 * w->queue_room;
        w->queue = (struct queued *)anju_realloc(w->queue, w->queue_room * sizeof *w->queue);
    }
    event.at_us = w->now_us + delay_us;
    event.order = ++w->order;
    w->queue[i] = event;
    for (; i > 0 && before(&w->queue[i], &w->queue[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&w->queue[i], &w->queue[(i - 1) / 2]);
}

bool sim_take(struct world *w, struct queued *out)
{
    size_t i = 0;

    if (w->queue_count == 0)
        return false;
    *out = w->queue[0];
    w->queue[0] = w->queue[--w->queue_count];
    for (;;) {
        size_t least = i, left = 2 * i + 1, right = 2 * i + 2;

        if (left < w->queue_count && before(&w->queue[left], &w->queue[least]))
            least = left;
        if (right < w->queue_count && before(&w->queue[right], &w->queue[least]))
            least = right;
        if (least == i)
            break;
        swap(&w->queue[i], &w->queue[least]);
        i = least;
    }
    w->now_us = out->at_us;
    return true;
}

/* Signatures: a keyed mix of the signed bytes; the liars' code uses only the keys of liars. */

static uint64_t seal(const struct world *w, const struct ledger_vote *v)
{
    uint8_t body[LEDGER_PRECOMMIT_SIZE] = {0};
    size_t size = ledger_vote_encode(body, v);
    uint64_t x = mix(w->seed ^ ((uint64_t)v->type << 32) ^ get_u64(v->signer.b));

    for (size_t i = 0; i + 4 <= size; i += 4)
        x = (x ^ get_u32(body + i)) * UINT64_C(0x9fb21c651e98df25) ^ (x >> 29);
    return mix(x) | 1;
}

void sim_sign(struct ledger_vote *v, const struct world *w)
{
    memset(&v->sig, 0, sizeof v->sig);
    put_u64(v->sig.b, seal(w, v));
}

bool sim_verify(const struct world *w, const struct ledger_vote *v)
{
    return ledger_set_find(&w->set, &v->signer) >= 0 && get_u64(v->sig.b) == seal(w, v);
}

static bool verify_all(const struct world *w, struct ledger_vote v, const uint8_t *index,
                       const struct crypto_sig *sig, unsigned q)
{
    if (q != ledger_set_quorum(&w->set))
        return false;
    for (unsigned i = 0; i < q; i++) {
        if (index[i] >= w->n || (i > 0 && index[i] <= index[i - 1]))
            return false;
        v.signer = w->set.node[index[i]].id;
        v.sig = sig[i];
        if (!sim_verify(w, &v))
            return false;
    }
    return true;
}

bool sim_verify_polka(const struct world *w, const struct ledger_polka *p)
{
    struct ledger_vote v = {.type = LEDGER_PREVOTE,
                            .height = p->height,
                            .round = p->round,
                            .valid_round = p->valid_round,
                            .vid = p->vid};

    return !crypto_hash_is_zero(&p->vid) && verify_all(w, v, p->index, p->sig, p->q);
}

bool sim_verify_commit(const struct world *w, const struct ledger_certificate *c)
{
    struct ledger_vote v = {.type = LEDGER_PRECOMMIT,
                            .height = c->height,
                            .round = c->round,
                            .valid_round = -1,
                            .vid = c->vid,
                            .result = c->result};

    return !crypto_hash_is_zero(&c->vid) && verify_all(w, v, c->index, c->sig, c->q);
}

bool sim_verify_ticket(const struct world *w, const struct ledger_ticket *t)
{
    unsigned precommits = 0, nils = 0, later = 0;

    for (unsigned i = 0; i < t->n; i++) {
        const struct ledger_vote *v = &t->vote[i];
        bool last = v->round == t->round - 1;

        if (!sim_verify(w, v) || v->height != t->height ||
            (i > 0 && crypto_hash_compare(&t->vote[i - 1].signer, &v->signer) >= 0))
            return false;
        precommits += last && v->type == LEDGER_PRECOMMIT;
        nils += last && v->type == LEDGER_PREVOTE && ledger_vote_is_nil(v);
        later += v->round >= t->round;
    }
    return t->n > 0 && ((precommits == t->n && t->n >= ledger_set_quorum(&w->set)) ||
                        (nils == t->n && t->n >= ledger_set_quorum(&w->set)) ||
                        (later == t->n && t->n >= ledger_set_skip(&w->set)));
}

/* Messages and the network */

struct message *sim_message(enum content content, unsigned from)
{
    struct message *m = (struct message *)calloc(1, sizeof *m);

    assert(m != NULL);
    m->refs = 1;
    m->content = content;
    m->from = from;
    return m;
}

void sim_release(struct message *m)
{
    if (m != NULL && --m->refs == 0)
        free(m);
}

static enum message_kind kind_of(const struct message *m)
{
    switch (m->content) {
    case CONTENT_VOTE:
        return (enum message_kind)m->vote.type;
    case CONTENT_POLKA:
    case CONTENT_COMMIT:
    case CONTENT_TICKET:
        return MESSAGE_CERTIFICATE;
    case CONTENT_STATUS:
    case CONTENT_BLOCK:
        break;
    }
    return MESSAGE_OTHER;
}

void sim_send(struct world *w, const struct process *from, unsigned to, struct message *m)
{
    unsigned copies = 1 + (sim_chance(w, w->double_permille) ? 1 : 0);

    if ((from->talks >> to & 1u) == 0)
        return;
    if (w->cut[kind_of(m)][from->id][to] || sim_chance(w, w->loss_permille))
        return;
    for (unsigned c = 0; c < copies; c++)
        for (unsigned i = 0; i < w->process_count; i++) {
            const struct process *p = &w->process[i];
            uint64_t delay = 500 + sim_random(w) % (w->delay_ms_max * UINT64_C(1000));

            if (p->id != to || p->id == from->id || (p->talks >> from->id & 1u) == 0)
                continue;
            m->refs++;
            sim_post(w, delay, (struct queued){.kind = WORLD_DELIVER, .process = i, .message = m});
        }
}

/* Directed cuts, by kind of message: partitions into groups alone can't show what a lock is for. */
void sim_network_change(struct world *w)
{
    unsigned mode = sim_below(w, 6);
    unsigned density = 100 + sim_below(w, 600);
    unsigned side = sim_below(w, 1u << w->n);

    memset(w->cut, 0, sizeof w->cut);
    if (w->healed || !w->cuts)
        return;
    for (unsigned kind = 0; kind < MESSAGE_KINDS; kind++)
        for (unsigned a = 0; a < w->n; a++)
            for (unsigned b = 0; b < w->n; b++)
                switch (mode) {
                case 0:
                    break;
                case 1:
                    w->cut[kind][a][b] = ((side >> a ^ side >> b) & 1u) != 0;
                    break;
                case 2:
                    w->cut[kind][a][b] = (side >> a & 1u) != 0 && (side >> b & 1u) == 0;
                    break;
                case 3:
                    w->cut[kind][a][b] = sim_chance(w, density);
                    break;
                case 4:
                    w->cut[kind][a][b] = kind == MESSAGE_PRECOMMIT && sim_chance(w, 800);
                    break;
                default:
                    w->cut[kind][a][b] =
                        kind != MESSAGE_OTHER && (side >> (b + kind) % w->n & 1u) != 0;
                    break;
                }
}

/* Values */

struct value *sim_value(struct world *w, unsigned proposer, uint64_t height, uint64_t time_ms,
                        unsigned batches)
{
    struct value *v;
    unsigned index = w->value_count;

    if (index >= SIM_VALUES_MAX) {
        sim_fail(w, "more than %u values: the model is too small for this run",
                 (unsigned)SIM_VALUES_MAX);
        return &w->values[0];
    }
    w->value_count++;
    v = &w->values[index];
    memset(v, 0, sizeof *v);
    put_u64(v->vid.b, (uint64_t)index + 1);
    put_u64(v->vid.b + 8, mix(index ^ w->seed));
    put_u64(v->result.b, mix(index));
    put_u64(v->result.b + 8, 1);
    v->proposer = proposer;
    v->height = height;
    v->time_ms = time_ms;
    v->batches = batches;
    v->valid = v->honest = true;
    v->served = ~0u;
    return v;
}

struct value *sim_value_of(struct world *w, const struct crypto_hash *vid)
{
    uint64_t index = get_u64(vid->b);

    if (index == 0 || index > w->value_count || !crypto_hash_equal(&w->values[index - 1].vid, vid))
        return NULL;
    return &w->values[index - 1];
}
