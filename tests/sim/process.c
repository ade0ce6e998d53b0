#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned number_of(const struct world *w, const struct process *p)
{
    return (unsigned)(p - w->process);
}

uint64_t process_clock_ms(const struct world *w, const struct process *p)
{
    return (uint64_t)((int64_t)sim_ms(w) + (int64_t)LEDGER_TIME_MIN + 3600000 + p->skew_ms);
}

static void post(struct world *w, struct process *p, uint64_t delay_us, struct queued e)
{
    e.process = number_of(w, p);
    e.life = p->life;
    sim_post(w, delay_us, e);
}

static uint64_t some_us(struct world *w, const struct process *p, unsigned ms)
{
    return 50 + sim_random(w) % ((ms + p->slow_ms) * UINT64_C(1000));
}

static unsigned committed_batches(struct world *w, uint64_t height)
{
    const struct value *v = height == 0 ? NULL : sim_value_of(w, &w->decided[height]);

    return v == NULL ? 0 : v->batches;
}

static uint64_t previous_time(struct world *w, uint64_t height)
{
    const struct value *v = height <= 1 ? NULL : sim_value_of(w, &w->decided[height - 1]);

    return v == NULL ? LEDGER_TIME_MIN : v->time_ms;
}

/* Durable state */

static void begin_write(struct world *w, struct process *p)
{
    if (p->writing != 0 || p->durable == p->write)
        return;
    p->writing = p->write;
    writer_clear(&p->slot_writing);
    writer_bytes(&p->slot_writing, writer_view(&p->slot));
    post(w, p, some_us(w, p, 4), (struct queued){.kind = WORLD_WRITTEN});
}

static void write_done(struct process *p)
{
    p->durable = p->writing;
    p->writing = 0;
    writer_clear(&p->disk_slot);
    writer_bytes(&p->disk_slot, writer_view(&p->slot_writing));
}

static void note_write(struct world *w, struct process *p)
{
    p->write++;
    begin_write(w, p);
}

static void keep_slot(struct world *w, struct process *p)
{
    struct consensus_slot decoded;

    writer_clear(&p->slot);
    consensus_slot_encode(&p->slot, p->core);
    if (p->slot.size > CONSENSUS_SLOT_SIZE_MAX)
        sim_fail(w, "a slot of %zu bytes", p->slot.size);
    if (consensus_slot_decode(&decoded, writer_view(&p->slot)) != ANJU_OK)
        sim_fail(w, "a slot that was just encoded does not decode");
    note_write(w, p);
}

/* The outbox */

void process_send_to(struct world *w, struct process *p, int to, struct message *m)
{
    for (unsigned i = 0; i < w->n; i++)
        if ((to < 0 && i != p->id) || to == (int)i)
            sim_send(w, p, i, m);
}

static void leave(struct world *w, struct process *p, struct waiting *entry)
{
    struct message *m = entry->message;

    if (m == NULL) { /* the decision: the store commits it */
        post(w, p, some_us(w, p, 6),
             (struct queued){.kind = WORLD_COMMITTED, .height = entry->commit.height});
        p->disk_commit[entry->commit.height] = entry->commit;
        return;
    }
    if (!p->honest) {
        if (m->content == CONTENT_VOTE)
            liar_sends(w, p, &m->vote, entry->to);
        else
            process_send_to(w, p, entry->to, m);
        sim_release(m);
        return;
    }
    if (!sim_verify_message(w, m))
        sim_fail(w, "validator %u sends what does not verify (content %d)", p->id, (int)m->content);
    if (m->content == CONTENT_VOTE) {
        sim_check_sent(w, &m->vote);
        sim_check_body(w, p, &m->vote);
    }
    w->totals.messages++;
    process_send_to(w, p, entry->to, m);
    sim_release(m);
}

void process_flush(struct world *w, struct process *p)
{
    while (p->waiting_count > 0 && p->waiting[p->waiting_first].write <= p->durable) {
        struct waiting entry = p->waiting[p->waiting_first++];

        p->waiting_count--;
        leave(w, p, &entry);
    }
    if (p->waiting_count == 0)
        p->waiting_first = 0;
}

void process_enqueue(struct process *p, struct waiting entry)
{
    if (p->waiting_first + p->waiting_count == p->waiting_room) {
        p->waiting_room = p->waiting_room == 0 ? 64 : 2 * p->waiting_room;
        p->waiting =
            (struct waiting *)anju_realloc(p->waiting, p->waiting_room * sizeof *p->waiting);
    }
    entry.write = p->write;
    p->waiting[p->waiting_first + p->waiting_count++] = entry;
}

static void drop_outbox(struct process *p)
{
    for (size_t i = 0; i < p->waiting_count; i++)
        sim_release(p->waiting[p->waiting_first + i].message);
    p->waiting_first = p->waiting_count = 0;
}

/* Bodies */

static void tell_body(struct world *w, struct process *p, const struct value *v)
{
    struct consensus_event e = {
        .kind = CONSENSUS_EVENT_BODY, .now_ms = process_clock_ms(w, p), .from = -1};

    e.body.vid = v->vid;
    e.body.valid = v->valid && v->height == p->height && v->time_ms > previous_time(w, p->height) &&
                   v->batches >= committed_batches(w, p->height - 1);
    e.body.empty = v->batches == committed_batches(w, p->height - 1);
    e.body.proposer = w->set.node[v->proposer].id;
    e.body.time_ms = v->time_ms;
    process_step(w, p, &e);
}

void process_have_body(struct world *w, struct process *p, const struct value *v)
{
    unsigned index = (unsigned)(v - w->values);

    if (p->has_body[index] != 2) {
        p->has_body[index] = 2;
        note_write(w, p);
        p->body_write[index] = p->write;
    }
    if (p->held_batches < v->batches && v->honest)
        p->held_batches = v->batches;
    if (v->height == p->height)
        tell_body(w, p, v);
}

static bool can_fetch(struct world *w, const struct process *p, const struct value *v)
{
    unsigned index = (unsigned)(v - w->values);

    for (unsigned i = 0; i < w->process_count; i++) {
        const struct process *holder = &w->process[i];

        if (holder == p || !holder->up || w->cut[MESSAGE_OTHER][p->id][holder->id] ||
            w->cut[MESSAGE_OTHER][holder->id][p->id])
            continue;
        if (holder->honest ? holder->has_body[index] == 2
                           : (v->proposer == holder->id && (v->served >> p->id & 1u) != 0))
            return !sim_chance(w, w->loss_permille);
    }
    return false;
}

static void need_body(struct world *w, struct process *p, const struct crypto_hash *vid)
{
    struct value *v = sim_value_of(w, vid);
    unsigned index;

    if (v == NULL)
        return; /* a liar made the name up */
    index = (unsigned)(v - w->values);
    if (p->has_body[index] == 1)
        return;
    if (p->has_body[index] == 0)
        p->has_body[index] = 1;
    post(w, p, p->has_body[index] == 2 ? 10 : some_us(w, p, w->delay_ms_max),
         (struct queued){.kind = WORLD_FETCH, .height = p->height, .number = index});
}

static void on_fetch(struct world *w, struct process *p, const struct queued *e)
{
    const struct value *v = &w->values[e->number];

    if (e->height != p->height) {
        if (p->has_body[e->number] == 1)
            p->has_body[e->number] = 0;
        return;
    }
    if (p->has_body[e->number] == 2 || can_fetch(w, p, v))
        process_have_body(w, p, v);
    else
        post(w, p, 150000,
             (struct queued){.kind = WORLD_FETCH, .height = p->height, .number = e->number});
}

/* Actions */

static void act_sign(struct world *w, struct process *p, const struct ledger_vote *unsigned_vote)
{
    struct message *m = sim_message(CONTENT_VOTE, p->id);
    struct consensus_event e = {
        .kind = CONSENSUS_EVENT_VOTE, .now_ms = process_clock_ms(w, p), .from = (int)p->id};

    m->height = unsigned_vote->height;
    m->round = unsigned_vote->round;
    m->vote = *unsigned_vote;
    sim_sign(&m->vote, w);
    m->refs++; /* the outbox may let go of it before we are done */
    e.vote = &m->vote;
    if (unsigned_vote->type == LEDGER_PROPOSAL && unsigned_vote->valid_round >= 0) {
        const struct ledger_polka *polka =
            consensus_polka(p->core, (uint32_t)unsigned_vote->valid_round);

        if (polka != NULL) { /* after a restart it may be gone; who has it says it */
            struct message *attached = sim_message(CONTENT_POLKA, p->id);

            attached->polka = *polka;
            attached->height = polka->height;
            process_enqueue(p, (struct waiting){.message = attached, .to = -1});
        }
    }
    process_enqueue(p, (struct waiting){.message = m, .to = -1});
    process_step(w, p, &e);
    sim_release(m);
}

static void act_get_value(struct world *w, struct process *p, uint32_t round)
{
    post(w, p, some_us(w, p, 3),
         (struct queued){.kind = WORLD_VALUE, .height = p->height, .round = round});
}

static void on_value(struct world *w, struct process *p, const struct queued *q)
{
    uint64_t now = process_clock_ms(w, p), after = previous_time(w, p->height) + 1;
    unsigned committed = committed_batches(w, p->height - 1);
    struct consensus_event e = {.kind = CONSENSUS_EVENT_VALUE, .now_ms = now, .from = -1};
    struct value *v;

    if (q->height != p->height)
        return;
    v = sim_value(w, p->id, p->height, now > after ? now : after,
                  p->held_batches > committed ? p->held_batches : committed);
    if (!p->honest) {
        v->honest = false;
        v->valid = !sim_chance(w, 100);
        v->served = sim_chance(w, 500) ? ~0u : sim_below(w, 1u << w->n);
        if (sim_chance(w, 50))
            v->time_ms += sim_below(w, 4000);
    }
    process_have_body(w, p, v);
    e.value.height = q->height;
    e.value.round = q->round;
    e.value.vid = v->vid;
    process_step(w, p, &e);
}

static void act_evidence(struct world *w, const struct process *p, const struct consensus_action *a)
{
    int index = ledger_set_find(&w->set, &a->vote.signer);

    w->totals.evidence++;
    if (!p->honest)
        return;
    if (index < 0 || (unsigned)index >= w->liars ||
        !crypto_hash_equal(&a->vote.signer, &a->other.signer) || !sim_verify(w, &a->vote) ||
        !sim_verify(w, &a->other))
        sim_fail(w, "evidence against validator %d, who is honest, or that does not verify", index);
}

struct message *sim_certificate_of(const struct consensus_action *a, unsigned from)
{
    struct message *m;

    if (a->kind == CONSENSUS_SEND_POLKA) {
        m = sim_message(CONTENT_POLKA, from);
        m->polka = a->polka;
    } else if (a->kind == CONSENSUS_SEND_COMMIT) {
        m = sim_message(CONTENT_COMMIT, from);
        m->commit = a->commit;
    } else {
        m = sim_message(CONTENT_TICKET, from);
        m->ticket = a->ticket;
    }
    m->height = a->height;
    m->round = a->round;
    return m;
}

static void act_execute(struct world *w, struct process *p, const struct crypto_hash *vid)
{
    const struct value *v = sim_value_of(w, vid);
    uint64_t us = some_us(w, p, sim_chance(w, 20) ? 700 : 10);

    assert(v != NULL);
    if (!sim_chance(w, w->drop_execution_permille))
        post(w, p, us,
             (struct queued){
                 .kind = WORLD_EXECUTED, .height = p->height, .number = (unsigned)(v - w->values)});
}

static void act(struct world *w, struct process *p, const struct consensus_action *a)
{
    struct message *m;

    switch (a->kind) {
    case CONSENSUS_SIGN_SEND:
        act_sign(w, p, &a->vote);
        break;
    case CONSENSUS_SEND_VOTE:
        m = sim_message(CONTENT_VOTE, p->id);
        m->vote = a->vote;
        m->height = a->vote.height;
        m->round = a->vote.round;
        process_enqueue(p, (struct waiting){.message = m, .to = a->to});
        break;
    case CONSENSUS_SEND_POLKA:
    case CONSENSUS_SEND_COMMIT:
    case CONSENSUS_SEND_TICKET:
        process_enqueue(p, (struct waiting){.message = sim_certificate_of(a, p->id), .to = a->to});
        break;
    case CONSENSUS_KEEP_POLKA:
        note_write(w, p);
        break;
    case CONSENSUS_GET_VALUE:
        act_get_value(w, p, a->round);
        break;
    case CONSENSUS_NEED_BODY:
        need_body(w, p, &a->vid);
        break;
    case CONSENSUS_EXECUTE:
        act_execute(w, p, &a->vid);
        break;
    case CONSENSUS_ARM:
        post(w, p, a->ms * UINT64_C(1000),
             (struct queued){
                 .kind = WORLD_TIMER, .height = a->height, .round = a->round, .timer = a->timer});
        break;
    case CONSENSUS_CANCEL:
        break; /* a stale expiry must do nothing */
    case CONSENSUS_DECIDE:
        p->deciding = true;
        process_enqueue(p, (struct waiting){.message = NULL, .commit = a->commit});
        break;
    case CONSENSUS_EVIDENCE:
        act_evidence(w, p, a);
        break;
    case CONSENSUS_ALARM:
        if (p->honest && w->liars == 0)
            sim_fail(w, "an alarm where nobody lies: %s", a->text);
        break;
    case CONSENSUS_FATAL:
        sim_trace(w, "p%u(v%u) FATAL %s", number_of(w, p), p->id, a->text);
        if (p->honest)
            sim_fail(w, "validator %u stopped: %s", p->id, a->text);
        else
            process_crash(w, p);
        break;
    }
}

void process_step(struct world *w, struct process *p, const struct consensus_event *event)
{
    struct consensus_actions *actions;
    unsigned life = p->life;

    if (!p->up || w->failed)
        return;
    assert(w->depth < SIM_DEPTH_MAX);
    actions = w->actions[w->depth++];
    actions->count = 0;
    consensus_step(p->core, actions, event);
    if (w->trace)
        sim_trace_step(w, p, event, actions);
    sim_note(w, (uint64_t)event->kind << 32 | number_of(w, p) << 16 | actions->count);
    if (p->honest)
        sim_check_ticket(w, p);
    for (size_t i = 0; i < actions->count && p->up && p->life == life; i++) {
        if (p->honest && w->crashes && !w->healed && sim_below(w, 10000) < w->crash_permyriad) {
            process_crash(w, p);
            break;
        }
        /* Handed-back votes change the core: the slot is written before what they cause is queued.
         */
        if (consensus_slot_changed(p->core))
            keep_slot(w, p);
        act(w, p, &actions->items[i]);
    }
    if (p->up && p->life == life) {
        if (consensus_slot_changed(p->core))
            keep_slot(w, p);
        process_flush(w, p);
    }
    w->depth--;
}

/* Life */

static void need(struct world *w, struct process *p, enum consensus_need reason)
{
    struct consensus_event e = {
        .kind = CONSENSUS_EVENT_NEED, .now_ms = process_clock_ms(w, p), .from = -1, .need = reason};

    process_step(w, p, &e);
}

static void start_height(struct world *w, struct process *p)
{
    struct consensus_event e = {
        .kind = CONSENSUS_EVENT_START, .now_ms = process_clock_ms(w, p), .from = -1};
    static struct consensus_slot slot;
    uint64_t beat_us = SIM_HEARTBEAT_MS * UINT64_C(1000);

    p->height = p->disk_height + 1;
    p->deciding = false;
    if (p->height >= SIM_HEIGHTS_MAX) {
        sim_fail(w, "more heights than the model holds");
        return;
    }
    e.start.height = p->height;
    e.start.set = &w->set;
    e.start.previous_time_ms = previous_time(w, p->height);
    e.start.may_sign = e.start.caught_up = true;
    if (p->disk_slot.size > 0 &&
        consensus_slot_decode(&slot, writer_view(&p->disk_slot)) == ANJU_OK &&
        slot.height == p->height)
        e.start.slot = &slot;
    post(w, p, beat_us + sim_below(w, 20000),
         (struct queued){.kind = WORLD_HEARTBEAT, .height = p->height});
    post(w, p, beat_us - 1000000, (struct queued){.kind = WORLD_EMPTY_OK, .height = p->height});
    process_step(w, p, &e);
    if (p->held_batches > committed_batches(w, p->height - 1))
        need(w, p, CONSENSUS_NEED_BATCH);
}

void process_start(struct world *w, struct process *p)
{
    p->up = true;
    consensus_init(p->core, &w->set.node[p->id].id,
                   &(struct consensus_timeouts){.propose = 600,
                                                .propose_step = 300,
                                                .vote = 200,
                                                .vote_step = 100,
                                                .cap = 10000,
                                                .flagged_propose = 50,
                                                .precision = 500,
                                                .message_delay = 2000});
    post(w, p, sim_below(w, 500000), (struct queued){.kind = WORLD_RESEND});
    post(w, p, sim_below(w, 2000000), (struct queued){.kind = WORLD_STATUS});
    start_height(w, p);
    if (p->up)
        process_say_status(w, p, -1);
}

void process_crash(struct world *w, struct process *p)
{
    bool forget = w->mutant != NULL && strcmp(w->mutant, "forget-slot") == 0;

    sim_trace(w, "p%u(v%u) crashes", number_of(w, p), p->id);
    w->totals.crashes++;
    p->up = false;
    p->life++;
    /* A write that was under way is on the disk or not. */
    if (p->writing != 0 && sim_chance(w, 500))
        write_done(p);
    p->writing = 0;
    for (unsigned i = 0; i < w->value_count; i++)
        if (!process_has_durable(p, i))
            p->has_body[i] = 0;
    p->write = p->durable;
    writer_clear(&p->slot);
    writer_bytes(&p->slot, writer_view(&p->disk_slot));
    if (forget || (!p->honest && sim_chance(w, 700)))
        writer_clear(&p->disk_slot);
    drop_outbox(p);
    sim_post(w, (10 + sim_below(w, 3000)) * UINT64_C(1000),
             (struct queued){.kind = WORLD_RESTART, .process = number_of(w, p), .life = p->life});
}

static void on_written(struct world *w, struct process *p)
{
    write_done(p);
    process_flush(w, p);
    begin_write(w, p);
}

static void on_committed(struct world *w, struct process *p, uint64_t height)
{
    const struct crypto_hash *vid = &p->disk_commit[height].vid;

    p->disk_height = height;
    p->commit_ms = sim_ms(w);
    sim_note(w, get_u64(vid->b));
    if (p->honest) {
        if (!crypto_hash_is_zero(&w->decided[height]) &&
            !crypto_hash_equal(&w->decided[height], vid))
            sim_fail(w, "FORK at height %llu", (unsigned long long)height);
        if (!sim_verify_commit(w, &p->disk_commit[height]))
            sim_fail(w, "a decision whose certificate does not verify");
        w->decided[height] = *vid;
        if (w->highest < height) {
            w->highest = height;
            w->totals.heights++;
        }
    } else if (crypto_hash_is_zero(&w->decided[height])) {
        w->decided[height] = *vid; /* certified all the same: the honest must come to it too */
        if (w->highest < height)
            w->highest = height;
    }
    start_height(w, p);
}

static void on_executed(struct world *w, struct process *p, const struct queued *q)
{
    struct consensus_event e = {
        .kind = CONSENSUS_EVENT_EXECUTED, .now_ms = process_clock_ms(w, p), .from = -1};

    if (q->height != p->height)
        return;
    e.executed.vid = w->values[q->number].vid;
    e.executed.result = w->values[q->number].result;
    process_step(w, p, &e);
}

static void on_timer(struct world *w, struct process *p, const struct queued *q)
{
    struct consensus_event e = {
        .kind = CONSENSUS_EVENT_TIMER, .now_ms = process_clock_ms(w, p), .from = -1};

    e.timer.timer = q->timer;
    e.timer.height = q->height;
    e.timer.round = q->round;
    process_step(w, p, &e);
}

static void on_resend(struct world *w, struct process *p)
{
    struct consensus_event e = {
        .kind = CONSENSUS_EVENT_RESEND, .now_ms = process_clock_ms(w, p), .from = -1};

    post(w, p, 450000 + sim_below(w, 100000), (struct queued){.kind = WORLD_RESEND});
    process_step(w, p, &e);
}

static void on_status(struct world *w, struct process *p)
{
    struct consensus_status s;

    post(w, p, 2000000, (struct queued){.kind = WORLD_STATUS});
    consensus_status(&s, p->core);
    if (s.step == CONSENSUS_WAIT)
        process_say_status(w, p, -1);
}

void process_event(struct world *w, const struct queued *e)
{
    struct process *p = &w->process[e->process];

    if (e->kind == WORLD_DELIVER) {
        if (p->up)
            process_deliver(w, p, e->message);
        sim_release(e->message);
        return;
    }
    if (e->kind == WORLD_BATCH_ARRIVES) {
        if (p->held_batches < e->number)
            p->held_batches = e->number;
        if (p->up && p->held_batches > committed_batches(w, p->height - 1))
            need(w, p, CONSENSUS_NEED_BATCH);
        return;
    }
    if (e->life != p->life)
        return;
    switch (e->kind) {
    case WORLD_TIMER:
        on_timer(w, p, e);
        break;
    case WORLD_WRITTEN:
        on_written(w, p);
        break;
    case WORLD_FETCH:
        on_fetch(w, p, e);
        break;
    case WORLD_EXECUTED:
        on_executed(w, p, e);
        break;
    case WORLD_VALUE:
        on_value(w, p, e);
        break;
    case WORLD_COMMITTED:
        on_committed(w, p, e->height);
        break;
    case WORLD_RESEND:
        on_resend(w, p);
        break;
    case WORLD_STATUS:
        on_status(w, p);
        break;
    case WORLD_HEARTBEAT:
        if (e->height == p->height)
            need(w, p, CONSENSUS_NEED_HEARTBEAT);
        break;
    case WORLD_EMPTY_OK:
        if (e->height == p->height)
            need(w, p, CONSENSUS_NEED_EMPTY_OK);
        break;
    case WORLD_RESTART:
        process_start(w, p);
        break;
    case WORLD_DELIVER:
    case WORLD_BATCH:
    case WORLD_BATCH_ARRIVES:
    case WORLD_NETWORK:
    case WORLD_CRASH:
        break;
    }
}
