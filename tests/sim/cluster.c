#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory that one run leaves for the next: contents are set anew from the seed. */
struct memory {
    struct process process[SIM_PROCESSES_MAX];
    struct value values[SIM_VALUES_MAX];
    struct ledger_vote sent[SENT_ROOM];
    bool sent_used[SENT_ROOM];
};

static void make_set(struct world *w)
{
    w->set.n = (uint8_t)w->n;
    w->set.since = 1;
    w->set.hash.b[0] = 1;
    for (unsigned i = 0; i < w->n; i++) {
        w->set.node[i].id.b[0] = (uint8_t)(i + 1);
        w->set.node[i].member = i + 1;
    }
}

/* Each class of faults is off in a third of the seeds. */
static void choose_faults(struct world *w)
{
    static const unsigned sizes[] = {4, 4, 4, 5, 6, 7, 7, 1};

    w->n = sizes[sim_below(w, sizeof sizes / sizeof *sizes)];
    w->f = (w->n - 1) / 3;
    w->liars = sim_chance(w, 667) ? 1 + sim_below(w, w->f) : 0;
    w->liars = w->liars > w->f ? w->f : w->liars;
    w->cuts = sim_chance(w, 667);
    w->crashes = sim_chance(w, 667);
    w->loss_permille = sim_chance(w, 667) ? sim_below(w, 300) : 0;
    w->double_permille = sim_chance(w, 667) ? sim_below(w, 500) : 0;
    w->crash_permyriad = sim_below(w, 40);
    w->lie_permille = sim_below(w, sim_chance(w, 300) ? 1000 : 400);
    w->delay_ms_max = 1 + (sim_chance(w, 500) ? sim_below(w, 20) : sim_below(w, 200));
    w->drop_execution_permille = sim_chance(w, 333) ? 100 : 0;
    w->cut_ms_max = sim_chance(w, 500) ? 1500 : 500 + sim_below(w, 9000);
    w->status_permille =
        sim_chance(w, 500) ? 1000 : 200; /* nodes that seldom answer: the core must do it */
}

/* Validators below `liars` lie; each of them runs twice, with the same key, to different peers. */
static void make_processes(struct world *w, struct consensus **cores)
{
    w->process_count = 0;
    for (unsigned id = 0; id < w->n; id++)
        for (unsigned copy = 0; copy < (id < w->liars ? 2u : 1u); copy++) {
            struct process *p = &w->process[w->process_count];
            struct writer slot = p->slot, slot_writing = p->slot_writing, disk_slot = p->disk_slot;
            struct waiting *waiting = p->waiting;
            size_t room = p->waiting_room;

            memset(p, 0, offsetof(struct process, disk_commit));
            p->slot = slot;
            p->slot_writing = slot_writing;
            p->disk_slot = disk_slot;
            p->waiting = waiting;
            p->waiting_room = room;
            writer_clear(&p->slot);
            writer_clear(&p->slot_writing);
            writer_clear(&p->disk_slot);
            p->core = cores[w->process_count++];
            p->id = id;
            p->honest = id >= w->liars;
            p->talks = p->honest ? ~0u : sim_below(w, 1u << w->n);
            p->skew_ms = (int64_t)sim_below(w, 300) - 150;
            p->slow_ms = sim_chance(w, 100) ? sim_below(w, 60) : 0;
        }
}

static void begin(struct world *w, struct memory *memory, struct consensus **cores)
{
    w->process = memory->process;
    w->values = memory->values;
    w->sent = memory->sent;
    w->sent_used = memory->sent_used;
    memset(memory->sent_used, 0, sizeof memory->sent_used);
    choose_faults(w);
    make_set(w);
    make_processes(w, cores);
    for (unsigned i = 0; i < w->process_count; i++)
        sim_post(w, sim_below(w, 200000), (struct queued){.kind = WORLD_RESTART, .process = i});
    sim_post(w, 1000, (struct queued){.kind = WORLD_BATCH});
    sim_post(w, 50000, (struct queued){.kind = WORLD_NETWORK});
}

/* Twins change their peers as well as the cuts. */
static void network_changes(struct world *w)
{
    sim_network_change(w);
    for (unsigned i = 0; i < w->process_count; i++)
        if (!w->process[i].honest)
            w->process[i].talks = sim_chance(w, 300) ? ~0u : sim_below(w, 1u << w->n);
    for (unsigned i = 0; i < w->process_count && w->crashes && !w->healed; i++)
        if (w->process[i].up && w->process[i].honest && sim_chance(w, 30))
            process_crash(w, &w->process[i]);
    sim_post(w, (20 + sim_below(w, w->cut_ms_max)) * UINT64_C(1000),
             (struct queued){.kind = WORLD_NETWORK});
}

static void batch_arrives(struct world *w)
{
    unsigned first = sim_below(w, w->process_count);

    w->batch_count++;
    for (unsigned i = 0; i < w->process_count; i++)
        sim_post(
            w, i == first ? 0 : sim_below(w, w->delay_ms_max * 2000),
            (struct queued){.kind = WORLD_BATCH_ARRIVES, .process = i, .number = w->batch_count});
    sim_post(w, (20 + sim_below(w, 600)) * UINT64_C(1000), (struct queued){.kind = WORLD_BATCH});
}

static void happen(struct world *w, const struct queued *e)
{
    if (e->kind == WORLD_NETWORK)
        network_changes(w);
    else if (e->kind == WORLD_BATCH)
        batch_arrives(w);
    else
        process_event(w, e);
}

static uint64_t lowest_honest(const struct world *w)
{
    uint64_t lowest = UINT64_MAX;

    for (unsigned i = 0; i < w->process_count; i++)
        if (w->process[i].honest && w->process[i].disk_height < lowest)
            lowest = w->process[i].disk_height;
    return lowest;
}

static void heal(struct world *w)
{
    w->healed = true;
    w->crashes = false;
    w->loss_permille = 0;
    w->delay_ms_max = 20;
    w->drop_execution_permille = 0;
    w->cut_ms_max = 1500;
    sim_network_change(w);
    sim_trace(w, "healed; highest height %llu", (unsigned long long)w->highest);
}

/* Half of the runs go on healing with the liars silent, half with them lying. */
static void run(struct world *w)
{
    uint64_t chaos_us = (2000 + sim_random(w) % (sim_chance(w, 200) ? 90000 : 28000)) * 1000;
    uint64_t goal = 0, events = 0, healed_ms = 0;
    struct queued e;

    while (!w->failed && sim_take(w, &e)) {
        if (!w->healed && (w->now_us > chaos_us || w->highest + 50 > SIM_HEIGHTS_MAX)) {
            heal(w);
            healed_ms = sim_ms(w);
            goal = w->highest + SIM_HEALED_HEIGHTS;
            if (sim_chance(w, 500))
                w->lie_permille = 0;
        }
        happen(w, &e);
        if (++events > SIM_EVENTS_MAX)
            sim_fail(w, "more than %u events", (unsigned)SIM_EVENTS_MAX);
        if (w->healed && lowest_honest(w) >= goal)
            break;
        if (w->healed && sim_ms(w) - healed_ms > SIM_HEALED_MS_MAX)
            sim_fail(w, "no progress: %llu of %llu heights in %u s after healing",
                     (unsigned long long)lowest_honest(w), (unsigned long long)goal,
                     (unsigned)SIM_HEALED_MS_MAX / 1000);
    }
    if (w->healed && sim_ms(w) - healed_ms > w->totals.slowest_ms)
        w->totals.slowest_ms = sim_ms(w) - healed_ms;
}

static void finish(struct world *w)
{
    struct queued e;

    while (sim_take(w, &e))
        if (e.kind == WORLD_DELIVER)
            sim_release(e.message);
    for (unsigned i = 0; i < w->process_count; i++) {
        struct process *p = &w->process[i];

        for (size_t k = 0; k < p->waiting_count; k++)
            sim_release(p->waiting[p->waiting_first + k].message);
        p->waiting_first = p->waiting_count = 0;
    }
}

static struct memory memory;
static struct world world;
static struct consensus *cores[SIM_PROCESSES_MAX];

/* Memory of the runs before is used again; nothing of what they left in it is. */
static void reset(struct world *w, uint64_t seed, bool trace)
{
    struct queued *queue = w->queue;
    size_t room = w->queue_room;
    struct consensus_actions *actions[SIM_DEPTH_MAX];

    memcpy(actions, w->actions, sizeof actions);
    memset(w, 0, sizeof *w);
    memcpy(w->actions, actions, sizeof actions);
    w->queue = queue;
    w->queue_room = room;
    w->seed = w->rng = seed;
    w->trace = trace;
    w->mutant = getenv("MUTANT");
    for (unsigned i = 0; i < SIM_PROCESSES_MAX && cores[i] == NULL; i++)
        cores[i] = (struct consensus *)anju_alloc(consensus_size());
    for (unsigned i = 0; i < SIM_DEPTH_MAX && w->actions[i] == NULL; i++)
        w->actions[i] = (struct consensus_actions *)anju_alloc(sizeof **w->actions);
}

static void add(struct totals *sum, const struct totals *t)
{
    sum->heights += t->heights;
    sum->crashes += t->crashes;
    sum->lies += t->lies;
    sum->messages += t->messages;
    sum->evidence += t->evidence;
    sum->rounds = sum->rounds > t->rounds ? sum->rounds : t->rounds;
    sum->slowest_ms = sum->slowest_ms > t->slowest_ms ? sum->slowest_ms : t->slowest_ms;
}

bool sim_seed(struct totals *totals, uint64_t *trace_hash, char why[SIM_WHY_SIZE], uint64_t seed,
              bool trace)
{
    struct world *w = &world;

    reset(w, seed, trace);
    begin(w, &memory, cores);
    run(w);
    finish(w);
    add(totals, &w->totals);
    *trace_hash = w->trace_hash;
    if (w->failed)
        snprintf(why, SIM_WHY_SIZE,
                 "seed %llu failed: %.299s (n %u, %u liars, at %.3f s); TRACE=1 make sim SEED=%llu "
                 "shows it",
                 (unsigned long long)seed, w->why, w->n, w->liars, (double)w->now_us / 1e6,
                 (unsigned long long)seed);
    return !w->failed;
}

bool sim_seeds(struct totals *totals, char why[SIM_WHY_SIZE], uint64_t seed, uint64_t count,
               bool trace)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t first, second;

        if (!sim_seed(totals, &first, why, seed + i, trace))
            return false;
        /* State that leaks from one run into the next would make failures that can't be repeated.
         */
        if (i % 64 == 0 && (!sim_seed(totals, &second, why, seed + i, false) || first != second)) {
            snprintf(why, SIM_WHY_SIZE, "seed %llu does not run the same twice",
                     (unsigned long long)(seed + i));
            return false;
        }
    }
    return true;
}
