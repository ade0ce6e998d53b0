/*
 * Connections, as TLS over TCP gives them but worse: frames are lost, doubled and reordered inside
 * a connection, too. A frame of an earlier connection never arrives. A process of a validator with
 * a twin is talked to by some, its twin by the others.
 */
#include "tests/sim/lab.h"

#include <string.h>

#define QUEUED_MAX (UINT64_C(16) << 20) /* bytes under way on one connection; then sends fail */

static bool may_talk(const struct lab *l, const struct host *a, const struct host *b)
{
    return a->validator != b->validator && a->engine != NULL && b->engine != NULL &&
           l->twin_of[a->index][b->validator] == b->index &&
           l->twin_of[b->index][a->validator] == a->index;
}

static void connected(struct lab *l, struct event *ev)
{
    struct host *a = ev->host, *b = &l->host[ev->peer];

    if (l->up[a->index][b->index] || !may_talk(l, a, b))
        return;
    if (l->cut[a->index][b->index] ||
        l->cut[b->index][a->index]) { /* no handshake through a cut: dial again */
        lab_post(l, a, l->now_us + 500000, connected)->peer = ev->peer;
        return;
    }
    l->up[a->index][b->index] = l->up[b->index][a->index] = true;
    l->epoch[a->index][b->index] = ++l->epoch[b->index][a->index];
    l->in_flight[a->index][b->index] = l->in_flight[b->index][a->index] = 0;
    l->last_at_us[a->index][b->index] = l->last_at_us[b->index][a->index] = 0;
    lab_note(l, a->index << 8 | b->index);
    engine_peer_up(a->engine, (int)b->index, &b->id);
    host_called(a);
    engine_peer_up(b->engine, (int)a->index, &a->id);
    host_called(b);
}

static void dial(struct lab *l, struct host *a, struct host *b, uint64_t at_us)
{
    if (may_talk(l, a, b) && !l->up[a->index][b->index])
        lab_post(l, a, at_us, connected)->peer = (int)b->index;
}

void net_connect_all(struct lab *l, struct host *h)
{
    for (unsigned i = 0; i < l->n_hosts; i++) {
        if (i != h->index)
            dial(l, h, &l->host[i], l->now_us + 1000 + lab_below(l, 50000));
    }
}

void net_drop(struct lab *l, struct host *a, struct host *b, uint64_t again_us)
{
    if (!l->up[a->index][b->index])
        return;
    l->up[a->index][b->index] = l->up[b->index][a->index] = false;
    if (a->engine != NULL) {
        engine_peer_down(a->engine, (int)b->index);
        host_called(a);
    }
    if (b->engine != NULL) {
        engine_peer_down(b->engine, (int)a->index);
        host_called(b);
    }
    if (again_us != 0)
        dial(l, a, b, again_us);
}

void net_drop_all(struct lab *l, struct host *h)
{
    for (unsigned i = 0; i < l->n_hosts; i++)
        net_drop(l, h, &l->host[i], 0);
}

static void deliver(struct lab *l, struct event *ev)
{
    struct host *to = ev->host, *from = &l->host[ev->peer];
    bool fine;

    if (!l->up[from->index][to->index] || ev->epoch != l->epoch[from->index][to->index])
        return;
    l->in_flight[from->index][to->index] -= ev->blob->size;
    if (l->cut[from->index][to->index])
        return;
    lab_note(l, (uint64_t)from->index << 40 | (uint64_t)to->index << 32 | (uint64_t)ev->type << 24 |
                    ev->blob->size);
    l->totals.frames++;
    if (!to->honest)
        liar_hears(to, ev->type, ev->blob);
    if (l->frames)
        lab_say(l, "    %u -> %u %s %zu bytes", from->index, to->index, frame_type_name(ev->type),
                ev->blob->size);
    fine = engine_peer_frame(to->engine, ev->peer, ev->type, blob_bytes(ev->blob));
    host_called(to);
    if (fine)
        return;
    if (from->honest && to->honest)
        lab_fail(l, "host %u refuses a frame %s of honest host %u", to->index,
                 frame_type_name(ev->type), from->index);
    lab_say(l, "host %u closes the connection to host %u after a frame %s%s", to->index,
            from->index, frame_type_name(ev->type), ev->altered ? " (altered)" : "");
    net_drop(l, to, from, l->now_us + 1000000);
}

static void put(struct lab *l, struct host *from, struct host *to, uint8_t type, struct blob *body,
                bool altered, uint64_t extra_us)
{
    uint64_t at = l->now_us + 500 + lab_below(l, 2000) + extra_us,
             *last = &l->last_at_us[from->index][to->index];
    struct event *ev;

    if (l->on[FAULT_DELAY] && !l->healed)
        at += lab_below(l, (uint64_t)l->delay_ms * 1000);
    at += from->slow_peer_us + to->slow_peer_us;
    if (l->clogged_until_us[from->index][to->index] > at)
        at = l->clogged_until_us[from->index][to->index];
    if (!lab_fault(l, FAULT_REORDER, l->healed ? 0 : l->reorder_permille)) {
        if (at < *last)
            at = *last;
        *last = at;
    }
    ev = lab_post(l, to, at, deliver);
    ev->peer = (int)from->index;
    ev->type = type;
    ev->epoch = l->epoch[from->index][to->index];
    ev->altered = altered;
    ev->blob = body;
    l->in_flight[from->index][to->index] += body->size;
}

bool net_send(struct host *from, int to, uint8_t type, struct bytes body, bool altered)
{
    struct lab *l = from->lab;
    struct host *other = &l->host[to];
    struct blob *blob;

    if (!l->up[from->index][to] || l->in_flight[from->index][to] > QUEUED_MAX)
        return false;
    if (l->cut[from->index][to] || lab_fault(l, FAULT_LOSS, l->healed ? 0 : l->loss_permille))
        return true;
    blob = blob_new(body);
    if (lab_fault(l, FAULT_DOUBLE, l->healed ? 0 : l->double_permille))
        put(l, from, other, type, blob_hold(blob), altered, lab_below(l, 300000));
    put(l, from, other, type, blob, altered, 0);
    return true;
}

/* ---- Partitions ---- */

static void cut_pair(struct lab *l, unsigned a, unsigned b, bool both)
{
    l->cut[a][b] = true;
    if (both)
        l->cut[b][a] = true;
}

static void split(struct lab *l)
{
    unsigned side[LAB_HOSTS_MAX];
    bool one_way = lab_fault(l, FAULT_ONE_WAY, 400);

    lab_count(l, FAULT_PARTITION);
    for (unsigned i = 0; i < l->n_hosts; i++)
        side[i] = (unsigned)lab_below(l, 2);
    for (unsigned a = 0; a < l->n_hosts; a++) {
        for (unsigned b = 0; b < l->n_hosts; b++) {
            if (side[a] == 0 && side[b] == 1)
                cut_pair(l, a, b, !one_way);
        }
    }
    lab_say(l, "the network splits%s", one_way ? " one way" : "");
}

static void single_links(struct lab *l)
{
    unsigned links = 1 + (unsigned)lab_below(l, l->n_hosts * 2);

    lab_count(l, FAULT_ONE_WAY);
    for (unsigned i = 0; i < links; i++) {
        unsigned a = (unsigned)lab_below(l, l->n_hosts), b = (unsigned)lab_below(l, l->n_hosts);
        l->cut[a][b] = true;
        lab_say(l, "host %u no longer reaches host %u", a, b);
    }
}

static void redraw_twins(struct lab *l)
{
    for (unsigned h = 0; h < l->n_hosts; h++) {
        for (unsigned t = l->n; t < l->n_hosts; t++) {
            unsigned v = l->host[t].validator, to = lab_below(l, 2) == 0 ? t : v;
            if (l->twin_of[h][v] == to)
                continue;
            net_drop(l, &l->host[h], &l->host[l->twin_of[h][v]], 0);
            l->twin_of[h][v] = to;
            if (l->host[h].engine != NULL)
                net_connect_all(l, &l->host[h]);
        }
    }
}

void net_change(struct lab *l, struct event *ev)
{
    unsigned a = (unsigned)lab_below(l, l->n_hosts), b = (unsigned)lab_below(l, l->n_hosts);

    if (l->healed)
        return;
    memset(l->cut, 0, sizeof l->cut);
    if (l->on[FAULT_PARTITION] && lab_chance(l, 500))
        split(l);
    else if (l->on[FAULT_ONE_WAY] && lab_chance(l, 500))
        single_links(l);
    if (a != b && lab_fault(l, FAULT_CLOG, 400)) {
        l->clogged_until_us[a][b] = l->now_us + lab_below(l, 5000000);
        lab_say(l, "the way from host %u to host %u is clogged", a, b);
    }
    if (a != b && lab_fault(l, FAULT_RESET, 300))
        net_drop(l, &l->host[a], &l->host[b], l->now_us + lab_below(l, 1000000));
    if (lab_chance(l, 300))
        redraw_twins(l);
    ev =
        lab_post(l, NULL, l->now_us + 100000 + lab_below(l, lab_chance(l, 300) ? 8000000 : 1500000),
                 net_change);
    (void)ev;
}

void net_heal(struct lab *l)
{
    memset(l->cut, 0, sizeof l->cut);
    memset(l->clogged_until_us, 0, sizeof l->clogged_until_us);
    for (unsigned i = 0; i < l->n_hosts; i++)
        l->host[i].slow_peer_us = 0;
}
