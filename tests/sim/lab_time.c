#include "tests/sim/lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const lab_fault_names[FAULTS] = {
    "loss",  "delay",     "double",    "reorder",        "partition", "one-way",
    "clog",  "slow peer", "reset",     "kill",           "power",     "power cut of all",
    "pause", "clock",     "slow disk", "slow execution", "log full",  "torn write",
    "twin",  "lie",       "mute",      "amnesia",        "flood",     "withhold",
    "replay"};

/* ---- Random numbers: xorshift64* ---- */

uint64_t lab_random(struct lab *l)
{
    l->rng ^= l->rng >> 12;
    l->rng ^= l->rng << 25;
    l->rng ^= l->rng >> 27;
    return l->rng * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t lab_below(struct lab *l, uint64_t bound)
{
    return bound == 0 ? 0 : (lab_random(l) >> 11) % bound;
}

bool lab_chance(struct lab *l, unsigned permille)
{
    return lab_below(l, 1000) < permille;
}

void lab_count(struct lab *l, enum fault f)
{
    l->totals.faults[f]++;
}

bool lab_fault(struct lab *l, enum fault f, unsigned permille)
{
    if (!l->on[f] || !lab_chance(l, permille))
        return false;
    lab_count(l, f);
    return true;
}

/* ---- Words ---- */

void lab_fail(struct lab *l, const char *format, ...)
{
    va_list args;

    if (l->failed)
        return;
    l->failed = true;
    va_start(args, format);
    (void)vsnprintf(l->why, sizeof l->why, format, args);
    va_end(args);
    lab_say(l, "VIOLATION: %s", l->why);
}

void lab_say(struct lab *l, const char *format, ...)
{
    va_list args;

    if (!l->trace)
        return;
    (void)printf("%10.3f ms  ", (double)l->now_us / 1000.0);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
}

void lab_note(struct lab *l, uint64_t what)
{
    l->hash = (l->hash ^ what) * UINT64_C(0x100000001b3);
    l->hash ^= l->hash >> 29;
}

void lab_note_bytes(struct lab *l, struct bytes what)
{
    for (size_t i = 0; i + 8 <= what.size; i += 8)
        lab_note(l, get_u64(what.data + i));
    lab_note(l, what.size);
}

/* ---- Events: a binary heap by (time, order of posting) ---- */

static bool before(const struct event *a, const struct event *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void push(struct lab *l, struct event *ev)
{
    size_t at = l->heap_count++;

    if (l->heap_count > l->heap_room) {
        l->heap_room = l->heap_room == 0 ? 1024 : l->heap_room * 2;
        l->heap = anju_realloc(l->heap, l->heap_room * sizeof(struct event *));
    }
    while (at > 0 && before(ev, l->heap[(at - 1) / 2])) {
        l->heap[at] = l->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    l->heap[at] = ev;
}

struct event *lab_post(struct lab *l, struct host *h, uint64_t at_us, event_fire *fire)
{
    struct event *ev = anju_alloc(sizeof *ev);

    ev->at_us = at_us < l->now_us ? l->now_us : at_us;
    ev->order = l->order++;
    ev->host = h;
    ev->life = h != NULL ? h->life : 0;
    ev->fire = fire;
    ev->peer = -1;
    push(l, ev);
    return ev;
}

struct event *lab_take(struct lab *l)
{
    struct event *first = l->heap[0], *last = l->heap[--l->heap_count];
    size_t at = 0, child;

    while ((child = 2 * at + 1) < l->heap_count) {
        if (child + 1 < l->heap_count && before(l->heap[child + 1], l->heap[child]))
            child++;
        if (!before(l->heap[child], last))
            break;
        l->heap[at] = l->heap[child];
        at = child;
    }
    if (l->heap_count > 0)
        l->heap[at] = last;
    return first;
}

void lab_again(struct lab *l, struct event *ev, uint64_t at_us)
{
    ev->at_us = at_us;
    ev->order = l->order++;
    push(l, ev);
}

void event_free(struct event *ev)
{
    blob_release(ev->blob);
    blob_release(ev->blob2);
    image_release(ev->image);
    free(ev->info);
    free(ev->verdict);
    free(ev);
}
