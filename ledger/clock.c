/*
 * Clocks: when they start, stop, pause and end, in calendar or working time. Kept as the attribute
 * LEDGER_ATTR_CLOCKS, [[clock, status, end, at, paused, resume]...], ascending by clock.
 */
#include "ledger/judge_state.h"

#include <stdlib.h>
#include <string.h>

enum { MS_PER_DAY = 86400000 };

uint32_t judge_read_clocks(struct judge_clock *out, struct bytes value)
{
    struct mp_reader m = mp_reader_over(value);
    uint32_t n = value.size > 0 ? mp_array(&m, LEDGER_CLOCKS_MAX) : 0;

    for (uint32_t i = 0; i < n; i++) {
        mp_array(&m, 6);
        out[i].number = (uint16_t)mp_uint(&m, UINT16_MAX);
        out[i].status = (enum judge_clock_status)mp_uint(&m, JUDGE_CLOCK_STOPPED);
        out[i].end = mp_uint(&m, UINT64_MAX);
        out[i].at = mp_uint(&m, UINT64_MAX);
        out[i].paused = mp_uint(&m, UINT64_MAX);
        out[i].resume = mp_uint(&m, UINT64_MAX);
    }
    return m.r.failed ? 0 : n;
}

void judge_write_clocks(struct judge *j, struct judge_subject *s, const struct judge_clock *clocks,
                        uint32_t n)
{
    struct writer w = {0};

    if (n == 0) {
        judge_set(j, s, LEDGER_ATTR_CLOCKS, bytes_of(NULL, 0));
        return;
    }
    mp_put_array(&w, n);
    for (uint32_t i = 0; i < n; i++) {
        mp_put_array(&w, 6);
        mp_put_uint(&w, clocks[i].number);
        mp_put_uint(&w, clocks[i].status);
        mp_put_uint(&w, clocks[i].end);
        mp_put_uint(&w, clocks[i].at);
        mp_put_uint(&w, clocks[i].paused);
        mp_put_uint(&w, clocks[i].resume);
    }
    judge_set(j, s, LEDGER_ATTR_CLOCKS, arena_copy(j->arena, writer_view(&w)));
    writer_free(&w);
}

bool judge_clock_passed(const struct judge_clock *c, uint64_t now)
{
    /* A clock that was stopped or is paused stands still where it was. */
    return c->end <= (c->status == JUDGE_CLOCK_RUNNING ? now : c->at);
}

/* Edges. */

static bool matches(const struct ledger_edge *edge, const struct judge *j,
                    const struct judge_subject *s)
{
    if (edge->action != 0)
        return j->action != NULL && edge->action == j->action->number;
    return edge->state == s->state_after && (!s->exists || s->state != s->state_after);
}

static const struct ledger_edge *find_edge(const struct ledger_edge *edges, uint8_t n,
                                           const struct judge *j, const struct judge_subject *s)
{
    for (uint8_t i = 0; i < n; i++)
        if (matches(&edges[i], j, s))
            return &edges[i];
    return NULL;
}

/* The time that an expression gives; false where it gives none. */
static bool time_of(struct judge *j, const struct ledger_expr *e, uint64_t *out)
{
    struct judge_value v = judge_eval(j, e);

    if (v.kind != JUDGE_INT || v.absent || !judge_going(j))
        return false;
    if (v.i < 0 || (uint64_t)v.i > LEDGER_TIME_MAX)
        return judge_refuse(j, LEDGER_REFUSED_ARITHMETIC, "",
                            "a clock would end outside the years that the ledger knows");
    *out = (uint64_t)v.i;
    return true;
}

static struct ledger_span length_of(struct judge *j, const struct judge_subject *s,
                                    const struct ledger_clock *clock)
{
    const struct ledger_table *t =
        clock->table != 0 ? ledger_procedure_table(s->p, clock->table) : NULL;
    struct judge_value row;

    if (t == NULL)
        return clock->span;
    row = judge_eval(j, &clock->row);
    for (uint32_t i = 0; row.kind == JUDGE_TEXT && i < t->n_rows; i++)
        if (bytes_equal(t->row[i].key, row.bytes))
            return t->row[i].span[clock->column];
    return (struct ledger_span){0}; /* no such row: it does not start */
}

static void start(struct judge *j, struct judge_subject *s, const struct ledger_clock *clock,
                  struct judge_clock *c, const struct ledger_edge *edge)
{
    uint64_t now = j->actor->time_ms, end;

    if (!time_of(j, &edge->until, &end)) {
        struct ledger_span span = length_of(j, s, clock);
        if (span.unit == 0 || !judge_going(j))
            return;
        end = judge_add_span(j, s->p, now, span);
    }
    *c = (struct judge_clock){.number = clock->number, .status = JUDGE_CLOCK_RUNNING, .end = end};
}

static bool is_in(const uint16_t *states, uint8_t n, uint16_t state)
{
    for (uint8_t i = 0; i < n; i++)
        if (states[i] == state)
            return true;
    return false;
}

/* Notes that a pause was used until `until`; the longest pause is counted in time of its own kind.
 */
static void use_pause(struct judge *j, const struct judge_subject *s,
                      const struct ledger_clock *clock, struct judge_clock *c, uint64_t until)
{
    c->paused += judge_between(j, s->p, c->at, until, clock->pause_max.unit);
}

/* Ends a pause now, or when it ended by itself: what was left when it began is left again. */
static void end_pause(struct judge *j, const struct judge_subject *s,
                      const struct ledger_clock *clock, struct judge_clock *c)
{
    uint64_t now = j->actor->time_ms, until = now < c->resume ? now : c->resume;

    use_pause(j, s, clock, c, until);
    c->end += until > c->at ? until - c->at : 0;
    c->status = JUDGE_CLOCK_RUNNING;
    c->at = 0;
    c->resume = 0;
}

/* A new end. In a pause, only what is paused from now on is added to it. */
static void move(struct judge *j, const struct judge_subject *s, const struct ledger_clock *clock,
                 struct judge_clock *c, uint64_t end)
{
    c->end = end;
    if (c->status != JUDGE_CLOCK_PAUSED)
        return;
    use_pause(j, s, clock, c, j->actor->time_ms);
    c->at = j->actor->time_ms;
}

/* The longest pause holds for all pauses of one run together. */
static void begin_pause(struct judge *j, const struct judge_subject *s,
                        const struct ledger_clock *clock, struct judge_clock *c)
{
    uint64_t now = j->actor->time_ms, longest = judge_span_ms(j, s->p, clock->pause_max);

    if (c->paused >= longest)
        return;
    c->resume = judge_add_ms(j, s->p, now, clock->pause_max.unit, longest - c->paused);
    c->status = JUDGE_CLOCK_PAUSED;
    c->at = now;
}

static void pause(struct judge *j, const struct judge_subject *s, const struct ledger_clock *clock,
                  struct judge_clock *c)
{
    bool in = is_in(clock->pause, clock->n_pause, s->state_after);

    if (!in && c->status == JUDGE_CLOCK_PAUSED)
        end_pause(j, s, clock, c);
    if (in && c->status == JUDGE_CLOCK_RUNNING && c->end > j->actor->time_ms)
        begin_pause(j, s, clock, c);
}

static void run_clock(struct judge *j, struct judge_subject *s, const struct ledger_clock *clock,
                      struct judge_clock *c)
{
    const struct ledger_edge *edge;
    uint64_t end;

    if (c->status != 0 && c->status != JUDGE_CLOCK_STOPPED &&
        find_edge(clock->stop, clock->n_stop, j, s) != NULL) {
        if (c->status == JUDGE_CLOCK_PAUSED)
            end_pause(j, s, clock, c);
        c->status = JUDGE_CLOCK_STOPPED;
        c->at = j->actor->time_ms;
    }
    edge = find_edge(clock->move, clock->n_move, j, s);
    if (edge != NULL && c->status != 0 && c->status != JUDGE_CLOCK_STOPPED &&
        time_of(j, &edge->until, &end))
        move(j, s, clock, c, end);
    edge = find_edge(clock->start, clock->n_start, j, s);
    if (edge != NULL && (c->status == 0 || clock->again))
        start(j, s, clock, c, edge);
    if (c->status != 0)
        pause(j, s, clock, c);
}

void judge_due_day(struct judge *j, struct judge_subject *s)
{
    struct judge_clock clocks[LEDGER_CLOCKS_MAX];
    uint32_t n = judge_read_clocks(clocks, judge_after(s, LEDGER_ATTR_CLOCKS));
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; i < n; i++)
        if (clocks[i].status == JUDGE_CLOCK_RUNNING && clocks[i].end < first)
            first = clocks[i].end;
    if (first == UINT64_MAX || ledger_procedure_is_ended(s->p, s->state_after))
        judge_set(j, s, LEDGER_ATTR_DUE_DAY, bytes_of(NULL, 0));
    else
        judge_set_uint(j, s, LEDGER_ATTR_DUE_DAY, first / MS_PER_DAY);
}

void judge_clocks(struct judge *j, struct judge_subject *s)
{
    struct judge_clock stored[LEDGER_CLOCKS_MAX], all[LEDGER_CLOCKS_MAX];
    uint32_t n_stored, n = 0;

    if (s->p->n_clocks == 0)
        return;
    n_stored = judge_read_clocks(stored, judge_after(s, LEDGER_ATTR_CLOCKS));
    for (uint32_t i = 0; i < s->p->n_clocks && judge_going(j); i++) {
        struct judge_clock c = {0};
        for (uint32_t k = 0; k < n_stored; k++)
            if (stored[k].number == s->p->clock[i].number)
                c = stored[k];
        run_clock(j, s, &s->p->clock[i], &c);
        if (c.status != 0)
            all[n++] = c;
    }
    judge_write_clocks(j, s, all, n);
    judge_due_day(j, s);
}

/* Timers: what the clocks of a subject wait for. */

static const struct ledger_action *timer_action(const struct ledger_procedure *p, uint16_t clock,
                                                uint16_t state)
{
    for (uint32_t i = 0; i < p->n_actions; i++)
        for (uint32_t k = 0; k < p->action[i].n_by; k++)
            if (p->action[i].by[k].timer == clock &&
                (state == 0 || is_in(p->action[i].from, p->action[i].n_from, state)))
                return &p->action[i];
    return NULL;
}

static int by_due(const void *a, const void *b)
{
    return ledger_timer_compare(a, b);
}

size_t ledger_procedure_timers(struct ledger_timer *out, size_t max,
                               const struct ledger_procedure *p,
                               const struct ledger_subject_id *subject, uint16_t state,
                               const struct ledger_attributes *attributes)
{
    struct judge_clock clocks[LEDGER_CLOCKS_MAX];
    const struct bytes *value = ledger_attribute(attributes, LEDGER_ATTR_CLOCKS);
    uint32_t n = value != NULL ? judge_read_clocks(clocks, *value) : 0;
    size_t count = 0;

    if (ledger_procedure_is_ended(p, state))
        return 0;
    for (uint32_t i = 0; i < n && count < max; i++) {
        struct ledger_timer t = {
            .procedure = p->number, .subject = *subject, .clock = clocks[i].number};
        if (clocks[i].status == JUDGE_CLOCK_PAUSED)
            t.due = clocks[i].resume;
        else if (clocks[i].status == JUDGE_CLOCK_RUNNING &&
                 timer_action(p, clocks[i].number, 0) != NULL)
            t.due = clocks[i].end;
        else
            continue;
        out[count++] = t;
    }
    qsort(out, count, sizeof(*out), by_due);
    return count;
}

/* The record that the node makes for what time alone did. */
static struct bytes timer_record(struct judge *j, const struct judge_subject *s, uint16_t action)
{
    struct ledger_record record = {.procedure = s->procedure,
                                   .procedure_version = s->p->version,
                                   .action = action,
                                   .subject = s->id,
                                   .expected_version = s->version};
    struct writer w = {0};

    ledger_record_encode(&w, &record);
    struct bytes out = arena_copy(j->arena, writer_view(&w));
    writer_free(&w);
    return out;
}

static struct judge_clock *find_clock(struct judge_clock *clocks, uint32_t n, uint16_t number)
{
    for (uint32_t i = 0; i < n; i++)
        if (clocks[i].number == number)
            return &clocks[i];
    return NULL;
}

enum anju_err ledger_judge_timer(struct ledger_judgement *out, struct bytes *record, bool *fired,
                                 const struct ledger_view *view, uint64_t time_ms,
                                 const struct ledger_timer *timer, struct arena *a)
{
    struct ledger_actor actor = {.time_ms = time_ms};
    struct ledger_record nothing = {.procedure = timer->procedure, .subject = timer->subject};
    struct judge j = {.view = view,
                      .registry = view->registry,
                      .actor = &actor,
                      .record = &nothing,
                      .arena = a,
                      .out = out};
    struct judge_clock clocks[LEDGER_CLOCKS_MAX], *c;
    uint32_t n;

    *out = (struct ledger_judgement){.clause = "", .field = "", .hint = ""};
    *fired = false;
    struct judge_subject *s = judge_load(&j, timer->procedure, &timer->subject);
    if (s == NULL || !s->exists || s->p == NULL)
        return j.err;
    j.self = s;
    j.p = s->p;
    n = judge_read_clocks(clocks, judge_after(s, LEDGER_ATTR_CLOCKS));
    c = find_clock(clocks, n, timer->clock);
    if (c == NULL || ledger_procedure_is_ended(s->p, s->state))
        return ANJU_OK;
    if (c->status == JUDGE_CLOCK_PAUSED && c->resume == timer->due) {
        end_pause(&j, s, ledger_procedure_clock(s->p, c->number), c);
    } else if (c->status == JUDGE_CLOCK_RUNNING && c->end == timer->due) {
        j.action = timer_action(s->p, c->number, s->state);
        if (j.action == NULL)
            return ANJU_OK;
        c->status = JUDGE_CLOCK_STOPPED;
        c->at = time_ms;
    } else {
        return ANJU_OK;
    }
    out->procedure_digest = s->p->digest;
    judge_write_clocks(&j, s, clocks, n);
    if (j.action != NULL)
        judge_effects(&j);
    else
        judge_due_day(&j, s);
    if (judge_going(&j))
        judge_finish(&j);
    *fired = j.err == ANJU_OK && out->outcome == LEDGER_APPLIED;
    *record = timer_record(&j, s, j.action != NULL ? j.action->number : 0);
    return j.err;
}
