/*
 * One run: what this seed has of faults, a time of chaos in which only safety is asked, then
 * healing: a core of q honest validators must decide, and in the end everyone honest must be alike.
 */
#include "tests/sim/lab.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rpc/genesis_json.h"
#include "tests/unit/procedure_files.h"

enum {
    GOAL_HEIGHTS = 20,
    RECOVERY_MS_MAX = 300000, /* to decide that many after healing */
    ALIKE_MS_MAX = 60000,     /* for everyone to be alike, once nothing more is submitted */
    SPINS_MAX = 10000,
};

/* ---- The ledger: with one procedure that has clocks, so that timers fire ---- */

static struct bytes take(struct fixture *f, struct bytes b)
{
    struct bytes out = arena_copy(&f->genesis.arena, b);

    free((void *)(uintptr_t)b.data);
    return out;
}

static const struct fixture *fixture_of(unsigned n)
{
    static struct fixture *made[LAB_SET_MAX + 1];
    struct fixture *f = made[n];
    struct ledger_genesis *g;

    if (f != NULL)
        return f;
    f = made[n] = anju_alloc(sizeof *f);
    fixture_begin(f, n);
    g = &f->genesis;
    g->n_procedures = 1;
    g->procedures = arena_alloc(&g->arena, sizeof g->procedures[0]);
    g->procedures[0] = take(f, files_compile("tests/procedures", "timed.json"));
    ck_assert_int_eq(code_list_file_decode(&g->code_lists, &g->n_code_lists,
                                           take(f, files_read("ledger/procedures/codes.json")),
                                           &g->arena),
                     ANJU_OK);
    ck_assert_int_eq(calendar_file_decode(&g->calendars[0],
                                          take(f, files_read("ledger/procedures/calendar.json")),
                                          &g->arena),
                     ANJU_OK);
    fixture_seal(f);
    return f;
}

/* ---- Options ---- */

static void choose_liars(struct lab *l)
{
    static const enum fault kinds[] = {FAULT_TWIN,  FAULT_LIE,      FAULT_MUTE,  FAULT_AMNESIA,
                                       FAULT_FLOOD, FAULT_WITHHOLD, FAULT_REPLAY};
    unsigned count = (unsigned)lab_below(l, l->f + 1u);

    if (lab_chance(l, 500))
        count = l->f;
    for (unsigned i = 0; i < count; i++) {
        struct host *h = &l->host[lab_below(l, l->n)];
        unsigned kind = (unsigned)lab_below(l, sizeof kinds / sizeof kinds[0]);
        if (!h->honest)
            continue;
        for (unsigned k = 0; k < 3; k++, kind = (kind + 1 + (unsigned)lab_below(l, 3)) % 7) {
            if (!l->on[kinds[kind]])
                continue;
            h->honest = false;
            h->lies |= kinds[kind] == FAULT_LIE;
            h->mutes |= kinds[kind] == FAULT_MUTE;
            h->forgets |= kinds[kind] == FAULT_AMNESIA;
            h->floods |= kinds[kind] == FAULT_FLOOD;
            h->withholds |= kinds[kind] == FAULT_WITHHOLD;
            h->replays |= kinds[kind] == FAULT_REPLAY;
            if (kinds[kind] == FAULT_TWIN && l->n_hosts < LAB_HOSTS_MAX && !h->second) {
                struct host *t = &l->host[l->n_hosts];
                h->second = true;
                host_init(l, t, l->n_hosts, h->validator);
                t->honest = false;
                l->n_hosts++;
                lab_count(l, FAULT_TWIN);
            }
        }
    }
    for (unsigned i = l->n; i < l->n_hosts; i++) { /* twins lie alike */
        const struct host *h = &l->host[l->host[i].validator];
        struct host *t = &l->host[i];
        t->lies = h->lies;
        t->mutes = h->mutes;
        t->withholds = h->withholds;
    }
}

static void choose(struct lab *l, const char *folder)
{
    static const unsigned sizes[] = {4, 4, 4, 5, 6, 7};

    l->n = sizes[lab_below(l, 6)];
    l->f = (l->n - 1) / 3;
    l->q = 2 * l->n / 3 + 1;
    l->fixture = fixture_of(l->n);
    l->n_hosts = l->n;
    for (unsigned i = 0; i < FAULTS; i++)
        l->on[i] = lab_below(l, 3) != 0;
    l->loss_permille = (unsigned)lab_below(l, lab_chance(l, 300) ? 300 : 50);
    l->double_permille = (unsigned)lab_below(l, lab_chance(l, 300) ? 500 : 50);
    l->reorder_permille = (unsigned)lab_below(l, 300);
    l->delay_ms = 1 + (unsigned)lab_below(l, lab_chance(l, 300) ? 200 : 20);
    l->lie_permille = 10 + (unsigned)lab_below(l, 300);
    l->crash_mean_ms = 200 + (unsigned)lab_below(l, 4000);
    l->client_mean_ms = 20 + (unsigned)lab_below(l, lab_chance(l, 300) ? 3000 : 300);
    l->chaos_ms = 5000 + lab_below(l, 25000);
    l->n_clients = 1 + (unsigned)lab_below(l, LAB_CLIENTS_MAX);
    for (unsigned i = 0; i < l->n; i++)
        host_init(l, &l->host[i], i, i);
    choose_liars(l);
    for (unsigned i = 0; i < l->n_hosts; i++) {
        for (unsigned v = 0; v < l->n; v++)
            l->twin_of[i][v] = v;
        (void)snprintf(l->host[i].dir, sizeof l->host[i].dir, "%s/%u", folder, i);
    }
    for (unsigned i = 0; i < l->n_hosts; i++) {
        for (unsigned t = l->n; t < l->n_hosts; t++)
            l->twin_of[i][l->host[t].validator] = lab_below(l, 2) == 0 ? t : l->host[t].validator;
    }
}

static void say_options(struct lab *l)
{
    char text[400] = "";
    size_t at = 0;

    for (unsigned i = 0; i < FAULTS; i++) {
        if (l->on[i])
            at += (size_t)snprintf(text + at, sizeof text - at, " %s,", lab_fault_names[i]);
    }
    lab_say(l, "seed %llu: %u validators, f = %u, q = %u; %llu ms of:%s",
            (unsigned long long)l->seed, l->n, l->f, l->q, (unsigned long long)l->chaos_ms, text);
    for (unsigned i = 0; i < l->n_hosts; i++) {
        const struct host *h = &l->host[i];
        if (!h->honest)
            lab_say(l, "host %u is Byzantine:%s%s%s%s%s%s%s", i, h->lies ? " lies" : "",
                    h->mutes ? " falls silent" : "", h->forgets ? " forgets" : "",
                    h->floods ? " floods" : "", h->withholds ? " withholds" : "",
                    h->replays ? " replays" : "", h->second || i >= l->n ? " has a twin" : "");
    }
}

/* ---- Trouble ---- */

static void restart(struct lab *l, struct event *ev)
{
    struct host *h = &l->host[ev->number];

    (void)l;
    if (h->engine == NULL && !h->stays_down)
        host_start(h);
}

static void crash(struct lab *l, struct host *h, bool power)
{
    uint64_t down_ms = lab_below(l, lab_chance(l, 200) ? 10000 : 500);

    if (h->engine == NULL)
        return;
    lab_count(l, power ? FAULT_POWER : FAULT_KILL);
    host_crash(h, power);
    if (h->forgets && lab_fault(l, FAULT_AMNESIA, 700)) {
        lab_say(l, "host %u forgets what it signed", h->index);
        disk_forget(h);
    }
    lab_post(l, NULL, l->now_us + down_ms * 1000, restart)->number = h->index;
}

static void crashes(struct lab *l, struct event *ev)
{
    struct host *h = &l->host[lab_below(l, l->n_hosts)];

    (void)ev;
    if (l->healed)
        return;
    if (l->on[FAULT_POWER_ALL] && lab_chance(l, 60)) {
        lab_count(l, FAULT_POWER_ALL);
        for (unsigned i = 0; i < l->n_hosts; i++)
            crash(l, &l->host[i], true);
    } else if (l->on[FAULT_POWER] && lab_chance(l, 500)) {
        crash(l, h, true);
    } else if (l->on[FAULT_KILL]) {
        crash(l, h, false);
    }
    lab_post(l, NULL, l->now_us + lab_below(l, (uint64_t)l->crash_mean_ms * 2000), crashes);
}

static void trouble(struct lab *l, struct event *ev)
{
    struct host *h = &l->host[lab_below(l, l->n_hosts)];

    (void)ev;
    if (l->healed)
        return;
    switch (lab_below(l, 6)) {
    case 0:
        if (!lab_fault(l, FAULT_PAUSE, 500))
            break;
        h->paused_until_us = l->now_us + lab_below(l, lab_chance(l, 200) ? 15000000 : 2000000);
        if (h->paused_until_us > l->chaos_ms * 1000)
            h->paused_until_us = l->chaos_ms * 1000;
        lab_say(l, "host %u is stopped for %llu ms", h->index,
                (unsigned long long)(h->paused_until_us - l->now_us) / 1000);
        break;
    case 1:
        if (!lab_fault(l, FAULT_CLOCK, 500))
            break;
        h->skew_ms = (int64_t)lab_below(l, lab_chance(l, 300) ? 10000 : 1000) -
                     (lab_chance(l, 300) ? 5000 : 500);
        lab_say(l, "the clock of host %u is now %lld ms off", h->index, (long long)h->skew_ms);
        host_called(h);
        break;
    case 2:
        h->slow_disk_us = lab_fault(l, FAULT_SLOW_DISK, 500) ? lab_below(l, 400000) : 0;
        break;
    case 3:
        h->slow_ledger_us = lab_fault(l, FAULT_SLOW_EXECUTION, 500) ? lab_below(l, 1500000) : 0;
        break;
    case 4:
        h->slow_peer_us = lab_fault(l, FAULT_SLOW_PEER, 500) ? lab_below(l, 1000000) : 0;
        break;
    default:
        h->log_full = lab_fault(l, FAULT_LOG_FULL, 400);
        break;
    }
    lab_post(l, NULL, l->now_us + lab_below(l, 1500000), trouble);
}

/* ---- Healing ---- */

static void choose_core(struct lab *l)
{
    unsigned left = l->q;

    while (left > 0) {
        unsigned i = (unsigned)lab_below(l, l->n);
        if (!l->host[i].honest || (l->core >> i & 1) != 0)
            continue;
        l->core |= 1u << i;
        left--;
    }
}

/* One outside the core stays as it is, goes away for good, or is well; a liar goes on lying. */
static void heal_other(struct lab *l, struct host *h)
{
    unsigned fate = (unsigned)lab_below(l, 3);

    if (fate == 0) {
        h->stays_down = true;
        if (h->engine != NULL)
            host_crash(h, false);
        lab_say(l, "host %u stays down", h->index);
    } else if (fate == 1) {
        for (unsigned i = 0; i < l->n_hosts; i++)
            l->cut[h->index][i] = l->cut[i][h->index] = i != h->index;
        lab_say(l, "host %u stays cut off", h->index);
    }
}

static void make_well(struct lab *l, struct host *h)
{
    h->slow_disk_us = h->slow_ledger_us = h->slow_peer_us = 0;
    h->log_full = false;
    h->skew_ms = (int64_t)lab_below(l, 100) - 50;
    if (h->engine == NULL && !h->stays_down)
        host_start(h);
    host_called(h);
}

static void heal(struct lab *l)
{
    l->healed = true;
    l->healed_us = l->now_us;
    l->goal_height = oracle_height(l) + GOAL_HEIGHTS;
    net_heal(l);
    choose_core(l);
    lab_say(l, "the network heals; the core is %#x and must decide up to height %llu", l->core,
            (unsigned long long)l->goal_height);
    l->client_mean_ms = 100;
    for (unsigned i = 0; i < l->n_hosts; i++) {
        if ((l->core >> i & 1) == 0)
            heal_other(l, &l->host[i]);
    }
    for (unsigned i = 0; i < l->n_hosts; i++)
        make_well(l, &l->host[i]);
}

/* Everyone honest is back and well; liars keep still. */
static void finish(struct lab *l)
{
    lab_say(l, "everyone honest is back; nothing new is submitted");
    l->stopping = true;
    net_heal(l);
    for (unsigned i = 0; i < l->n_hosts; i++) {
        struct host *h = &l->host[i];
        h->stays_down = !h->honest;
        if (!h->honest && h->engine != NULL)
            host_crash(h, false);
        make_well(l, h);
    }
}

static bool core_is_there(const struct lab *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        if ((l->core >> i & 1) != 0 && l->host[i].height < l->goal_height)
            return false;
    }
    return true;
}

static bool all_alike(const struct lab *l)
{
    for (unsigned i = 0; i < l->n_hosts; i++) {
        if (l->host[i].honest && l->host[i].height < oracle_height(l))
            return false;
    }
    return client_idle(l);
}

/* ---- The loop ---- */

static void look_at(struct lab *l, struct host *h)
{
    struct engine_status s;

    engine_status(&s, h->engine);
    if (s.halted && h->honest)
        lab_fail(l, "honest host %u stops signing: %s", h->index, s.halt_reason);
    if (!h->honest)
        return;
    if (s.outbox_waiting > 5000 || s.batches > l->n * 256u + l->n_hosts * 1100u ||
        s.pool_bytes > (UINT64_C(64) << 20))
        lab_fail(l, "I10: host %u holds %llu messages, %u batches, %llu bytes of envelopes",
                 h->index, (unsigned long long)s.outbox_waiting, s.batches,
                 (unsigned long long)s.pool_bytes);
}

static void inspect(struct lab *l, struct event *ev)
{
    (void)ev;
    for (unsigned i = 0; i < l->n_hosts; i++) {
        if (l->host[i].engine != NULL)
            look_at(l, &l->host[i]);
    }
    lab_post(l, NULL, l->now_us + 1000000, inspect);
}

static void tick(struct lab *l, struct host *h)
{
    uint64_t now_ms = l->now_us / 1000;

    if (h->spin_ms == now_ms && ++h->spins > SPINS_MAX)
        lab_fail(l, "the clockwork of host %u spins: it wants to be called again at once, for ever",
                 h->index);
    if (h->spin_ms != now_ms)
        h->spins = 0;
    h->spin_ms = now_ms;
    engine_tick(h->engine);
    host_called(h);
}

/* The next thing that happens: an engine whose time has come, or an event. */
static void step(struct lab *l)
{
    uint64_t at_us = l->heap[0]->at_us; /* there is always one: inspect */
    struct host *due = NULL;
    struct event *ev;

    for (unsigned i = 0; i < l->n_hosts; i++) {
        struct host *h = &l->host[i];
        uint64_t at;
        if (h->engine == NULL || h->deadline_ms == UINT64_MAX)
            continue;
        at = h->deadline_ms * 1000;
        if (at < h->paused_until_us)
            at = h->paused_until_us;
        if (at < at_us) {
            at_us = at;
            due = h;
        }
    }
    if (at_us > l->now_us)
        l->now_us = at_us;
    if (due != NULL) {
        tick(l, due);
        return;
    }
    ev = lab_take(l);
    if (ev->host != NULL && (ev->host->engine == NULL || ev->life != ev->host->life)) {
        event_free(ev);
        return;
    }
    if (ev->host != NULL && ev->host->paused_until_us > l->now_us) {
        lab_again(l, ev, ev->host->paused_until_us);
        return;
    }
    ev->fire(l, ev);
    event_free(ev);
}

static void run_until(struct lab *l, uint64_t until_us, bool (*done)(const struct lab *l))
{
    while (!l->failed && l->now_us < until_us && (done == NULL || !done(l)))
        step(l);
}

static void say_where(struct lab *l)
{
    for (unsigned i = 0; i < l->n_hosts; i++) {
        struct engine_status s;
        if (l->host[i].engine == NULL)
            continue;
        engine_status(&s, l->host[i].engine);
        lab_say(
            l, "host %u: committed %llu, round %u, step %u, pool %u, batches %u, ahead %llu%s; %s",
            i, (unsigned long long)s.height, s.core.round, s.core.step, s.pool_envelopes, s.batches,
            (unsigned long long)s.highest_seen, s.log_full ? ", log full" : "", s.reason);
    }
}

static void run(struct lab *l)
{
    uint64_t ms;

    for (unsigned i = 0; i < l->n_hosts; i++)
        host_start(&l->host[i]);
    client_begin(l);
    lab_post(l, NULL, 1000000, inspect);
    lab_post(l, NULL, lab_below(l, 3000000), net_change);
    lab_post(l, NULL, lab_below(l, 3000000), crashes);
    lab_post(l, NULL, lab_below(l, 3000000), trouble);
    lab_post(l, NULL, lab_below(l, 1000000), liar_acts);
    run_until(l, l->chaos_ms * 1000, NULL);
    if (l->failed)
        return;
    heal(l);
    run_until(l, l->now_us + (uint64_t)RECOVERY_MS_MAX * 1000, core_is_there);
    ms = (l->now_us - l->healed_us) / 1000;
    if (!l->failed && !core_is_there(l)) {
        say_where(l);
        lab_fail(l, "I14: the core has not decided %u heights in %llu ms after the network healed",
                 GOAL_HEIGHTS, (unsigned long long)ms);
    }
    if (ms > l->totals.slowest_recovery_ms) {
        l->totals.slowest_recovery_ms = ms;
        l->totals.slowest_recovery_seed = l->seed;
    }
    if (l->failed)
        return;
    finish(l);
    run_until(l, l->now_us + (uint64_t)ALIKE_MS_MAX * 1000, all_alike);
    if (!l->failed && !all_alike(l)) {
        say_where(l);
        lab_fail(l,
                 "I14: %u s after the last envelope not everyone honest is alike, or a client "
                 "still waits",
                 ALIKE_MS_MAX / 1000);
    }
}

static void add(struct lab_totals *to, const struct lab *l)
{
    const struct lab_totals *from = &l->totals;

    to->seeds++;
    to->virtual_ms += l->now_us / 1000;
    to->heights += oracle_height(l);
    to->envelopes += from->envelopes;
    to->acknowledged += from->acknowledged;
    to->frames += from->frames;
    to->checks += from->checks;
    if (from->slowest_recovery_ms > to->slowest_recovery_ms) {
        to->slowest_recovery_ms = from->slowest_recovery_ms;
        to->slowest_recovery_seed = from->slowest_recovery_seed;
    }
    for (unsigned i = 0; i < FAULTS; i++)
        to->faults[i] += from->faults[i];
}

static const char *shared_memory(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

bool lab_seed(struct lab_totals *totals, uint64_t *hash, char why[LAB_WHY_SIZE], uint64_t seed,
              bool trace)
{
    struct lab *l = anju_alloc(sizeof *l);
    char folder[48];
    bool fine;

    (void)snprintf(folder, sizeof folder, "%s/anju-lab-XXXXXX", shared_memory());
    ck_assert(mkdtemp(folder) != NULL);
    l->seed = seed;
    l->rng = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    l->trace = trace;
    l->frames = trace && getenv("FRAMES") != NULL;
    l->hash = UINT64_C(0xcbf29ce484222325);
    l->oracle = oracle_new();
    lab_current = l;
    choose(l, folder);
    say_options(l);
    run(l);
    if (!l->failed)
        oracle_end(l);
    lab_note(l, l->now_us);
    if (totals != NULL)
        add(totals, l);
    fine = !l->failed;
    *hash = l->hash;
    memcpy(why, l->why, LAB_WHY_SIZE);
    for (unsigned i = 0; i < l->n_hosts; i++)
        host_deinit(&l->host[i]);
    lab_current = NULL;
    while (l->heap_count > 0)
        event_free(lab_take(l));
    free(l->heap);
    client_end(l);
    arena_free(&l->arena);
    oracle_free(l->oracle);
    free(l);
    (void)rmdir(folder);
    return fine;
}

bool lab_seeds(struct lab_totals *totals, uint64_t *failed_seed, char why[LAB_WHY_SIZE],
               uint64_t seed, uint64_t count, uint64_t seconds)
{
    time_t began = time(NULL);

    for (uint64_t i = 0; i < count && (seconds == 0 || (uint64_t)(time(NULL) - began) < seconds);
         i++) {
        uint64_t first, second;
        *failed_seed = seed + i;
        if (!lab_seed(totals, &first, why, seed + i, false) ||
            !lab_seed(NULL, &second, why, seed + i, false))
            return false;
        if (first != second) {
            (void)snprintf(why, LAB_WHY_SIZE, "the same seed does not run the same twice");
            return false;
        }
    }
    return true;
}
