/*
 * Spans of time: in calendar time, or in the working time of the procedure's calendar (the hours of
 * the days that are worked, at the calendar's place).
 */
#include "ledger/judge_state.h"

enum { MS_PER_SECOND = 1000, MS_PER_MINUTE = 60000, MS_PER_DAY = 86400000 };

/* NULL where judging ends. */
static const struct ledger_calendar *calendar_of(struct judge *j, const struct ledger_procedure *p)
{
    const struct ledger_calendar *c = ledger_registry_calendar(j->registry, p->calendar);

    if (c != NULL && c->day_begin_min < c->day_end_min)
        return c;
    judge_refuse(j, LEDGER_REFUSED_CALENDAR, "",
                 "working time needs calendar %u, which the ledger does not have", p->calendar);
    return NULL;
}

static int64_t local_ms(const struct ledger_calendar *c, uint64_t time_ms)
{
    return (int64_t)time_ms + (int64_t)c->utc_offset_s * MS_PER_SECOND;
}

/* The working hours of a local day, cut to what comes after `since`. Empty on other days. */
struct hours {
    int64_t from, to;
};

static struct hours hours_of(const struct ledger_calendar *c, int64_t day, int64_t since)
{
    struct hours h = {day * MS_PER_DAY + (int64_t)c->day_begin_min * MS_PER_MINUTE,
                      day * MS_PER_DAY + (int64_t)c->day_end_min * MS_PER_MINUTE};

    if (c->worked[day - (int64_t)c->first_day] == 0 || since >= h.to)
        return (struct hours){0, 0};
    h.from = since > h.from ? since : h.from;
    return h;
}

static bool has_day(const struct ledger_calendar *c, int64_t day)
{
    return day >= (int64_t)c->first_day && day < (int64_t)c->first_day + (int64_t)c->n_days;
}

static uint64_t add_working(struct judge *j, const struct ledger_calendar *c, uint64_t time_ms,
                            uint64_t ms)
{
    int64_t local = local_ms(c, time_ms), left = (int64_t)ms;

    for (int64_t day = local / MS_PER_DAY; has_day(c, day); day++) {
        struct hours h = hours_of(c, day, local);
        if (h.to > h.from && left <= h.to - h.from)
            return (uint64_t)(h.from + left - (int64_t)c->utc_offset_s * MS_PER_SECOND);
        left -= h.to - h.from;
    }
    judge_refuse(j, LEDGER_REFUSED_CALENDAR, "",
                 "the calendar %s does not reach this far; it needs its next years", c->name);
    return time_ms;
}

static uint64_t working_between(const struct ledger_calendar *c, uint64_t from_ms, uint64_t to_ms)
{
    int64_t from = local_ms(c, from_ms), to = local_ms(c, to_ms), sum = 0;

    for (int64_t day = from / MS_PER_DAY; has_day(c, day) && day * MS_PER_DAY < to; day++) {
        struct hours h = hours_of(c, day, from);
        h.to = to < h.to ? to : h.to;
        sum += h.to > h.from ? h.to - h.from : 0;
    }
    return (uint64_t)sum;
}

uint64_t judge_span_ms(struct judge *j, const struct ledger_procedure *p, struct ledger_span span)
{
    const struct ledger_calendar *c;

    switch (span.unit) {
    case LEDGER_UNIT_SECONDS:
        return (uint64_t)span.count * MS_PER_SECOND;
    case LEDGER_UNIT_WORKING_MINUTES:
        return (uint64_t)span.count * MS_PER_MINUTE;
    case LEDGER_UNIT_WORKING_DAYS:
        c = calendar_of(j, p);
        return c == NULL ? 0
                         : (uint64_t)span.count * MS_PER_MINUTE *
                               (uint64_t)(c->day_end_min - c->day_begin_min);
    }
    return 0;
}

uint64_t judge_add_ms(struct judge *j, const struct ledger_procedure *p, uint64_t time_ms,
                      enum ledger_unit unit, uint64_t ms)
{
    const struct ledger_calendar *c;

    if (unit == LEDGER_UNIT_SECONDS)
        return time_ms + ms;
    c = calendar_of(j, p);
    return c != NULL ? add_working(j, c, time_ms, ms) : time_ms;
}

uint64_t judge_add_span(struct judge *j, const struct ledger_procedure *p, uint64_t time_ms,
                        struct ledger_span span)
{
    return judge_add_ms(j, p, time_ms, span.unit, judge_span_ms(j, p, span));
}

uint64_t judge_between(struct judge *j, const struct ledger_procedure *p, uint64_t from_ms,
                       uint64_t to_ms, enum ledger_unit unit)
{
    const struct ledger_calendar *c;

    if (unit == LEDGER_UNIT_SECONDS || to_ms <= from_ms)
        return to_ms > from_ms ? to_ms - from_ms : 0;
    c = calendar_of(j, p);
    return c != NULL ? working_between(c, from_ms, to_ms) : 0;
}
