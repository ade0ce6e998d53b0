#include "ledger/execute.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/overlay_body.h"

static int timer_row_compare(const void *a, const void *b)
{
    return ledger_timer_compare(&((const struct ledger_timer_row *)a)->timer,
                                &((const struct ledger_timer_row *)b)->timer);
}

int ledger_timer_compare(const struct ledger_timer *a, const struct ledger_timer *b)
{
    int order;

    if (a->due != b->due)
        return a->due < b->due ? -1 : 1;
    if (a->procedure != b->procedure)
        return a->procedure < b->procedure ? -1 : 1;
    order = memcmp(a->subject.b, b->subject.b, LEDGER_SUBJECT_SIZE);
    if (order != 0)
        return order;
    return a->clock == b->clock ? 0 : a->clock < b->clock ? -1 : 1;
}

/* An edit with its place among the others, for a sort that keeps the order of equals. */
struct placed_edit {
    struct ledger_timer_row row;
    size_t place;
};

static int placed_compare(const void *a, const void *b)
{
    const struct placed_edit *x = a;
    const struct placed_edit *y = b;
    const int order = timer_row_compare(&x->row, &y->row);

    return order != 0 ? order : x->place < y->place ? -1 : 1;
}

void overlay_merge_timers(struct overlay_list *into, const struct ledger_timer_row *older,
                          size_t n_older, const struct ledger_timer_row *edits, size_t n_edits)
{
    struct placed_edit *sorted = anju_realloc(NULL, (n_edits + 1) * sizeof(*sorted));
    size_t i = 0;

    for (size_t k = 0; k < n_edits; k++)
        sorted[k] = (struct placed_edit){.row = edits[k], .place = k};
    qsort(sorted, n_edits, sizeof(*sorted), placed_compare);
    for (size_t k = 0; k < n_edits; k++) {
        const struct ledger_timer_row *edit = &sorted[k].row;

        if (k + 1 < n_edits && timer_row_compare(edit, &sorted[k + 1].row) == 0)
            continue; /* a later edit of the same timer stands */
        while (i < n_older && timer_row_compare(&older[i], edit) < 0)
            *(struct ledger_timer_row *)overlay_list_add(into, sizeof(*edit)) = older[i++];
        if (i < n_older && timer_row_compare(&older[i], edit) == 0)
            i++;
        *(struct ledger_timer_row *)overlay_list_add(into, sizeof(*edit)) = *edit;
    }
    while (i < n_older)
        *(struct ledger_timer_row *)overlay_list_add(into, sizeof(*older)) = older[i++];
    free(sorted);
}

/* The first `max` of below's and our own, less those that our own rows remove. */
static enum anju_err timers_over(const struct ledger_view *below, struct ledger_timer *out,
                                 size_t *count, size_t max, uint64_t until,
                                 const struct ledger_timer_row *rows, size_t n_rows)
{
    struct ledger_timer *under;
    size_t n_under = 0;
    size_t removed = 0;
    size_t due = 0;
    size_t i = 0;
    size_t k = 0;
    enum anju_err err;

    *count = 0;
    for (; due < n_rows && rows[due].timer.due <= until; due++)
        removed += rows[due].removed;
    under = anju_realloc(NULL, (max + removed + 1) * sizeof(*under));
    err = below->timers(below, under, &n_under, max + removed, until);
    while (err == ANJU_OK && *count < max && (i < n_under || k < due)) {
        const int order = i == n_under ? 1
                          : k == due   ? -1
                                       : ledger_timer_compare(&under[i], &rows[k].timer);

        if (order < 0) {
            out[(*count)++] = under[i++];
            continue;
        }
        if (!rows[k].removed)
            out[(*count)++] = rows[k].timer;
        i += order == 0;
        k++;
    }
    free(under);
    return err;
}

enum anju_err overlay_view_timers(const struct ledger_view *v, struct ledger_timer *out,
                                  size_t *count, size_t max, uint64_t until)
{
    const struct ledger_overlay *o = (const struct ledger_overlay *)v;
    struct overlay_list merged = {0};
    enum anju_err err;

    if (o->timer_edits.count == 0)
        return timers_over(o->below, out, count, max, until, o->timers.items, o->timers.count);
    overlay_merge_timers(&merged, o->timers.items, o->timers.count, o->timer_edits.items,
                         o->timer_edits.count);
    err = timers_over(o->below, out, count, max, until, merged.items, merged.count);
    free(merged.items);
    return err;
}
