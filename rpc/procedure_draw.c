#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/procedure_body.h"
#include "rpc/procedure_json.h"

static void put(struct writer *out, const char *format, ...) ANJU_PRINTF(2, 3);
static void put(struct writer *out, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size > 0)
        writer_put(out, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

static const char *state_name(const struct ledger_procedure *p, uint16_t number)
{
    const struct ledger_state *s = ledger_procedure_state(p, number);

    return s != NULL ? s->name : "";
}

/* "center or street", "$provider", "key $confirm", "timer confirm", "2 of: ..." in a few words. */
static void put_actor(char *text, size_t room, const struct ledger_procedure *p,
                      const struct ledger_action *a, const struct ledger_actor_rule *r)
{
    size_t at = 0;
    const char *join = "";

    text[0] = '\0';
    for (unsigned i = 0; i < r->n_roles && at < room; i++) {
        at += (size_t)snprintf(text + at, room - at, "%s%.*s", i > 0 ? "/" : "",
                               (int)r->roles[i].size, (const char *)r->roles[i].data);
        join = " + ";
    }
    for (int k = 0; k < 2 && at < room; k++) {
        const struct ledger_expr *e = k == 0 ? &r->is : &r->cosign;
        json_t *j = e->n > 0 ? procedure_json_expr(p, e, a) : NULL;
        char *words = json_is_string(j) ? NULL
                      : j != NULL       ? json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT)
                                        : NULL;
        if (j != NULL) {
            at += (size_t)snprintf(text + at, room - at, "%s%s%s", join, k == 1 ? "key " : "",
                                   words != NULL ? words : json_string_value(j));
            join = " + ";
        }
        free(words);
        json_decref(j);
    }
    if (r->timer != 0 && at < room)
        (void)snprintf(text + at, room - at, "timer %s", ledger_procedure_clock(p, r->timer)->name);
    if (r->anyone && at < room)
        (void)snprintf(text + at, room - at, "%sanyone", join);
}

static void put_who(struct writer *out, const struct ledger_procedure *p,
                    const struct ledger_action *a)
{
    const struct ledger_actor_rule *rules = a->need.m > 0 ? a->need.slot : a->by;
    unsigned n = a->need.m > 0 ? a->need.n_slots : a->n_by;
    char text[200];

    if (a->need.m > 0)
        put(out, "%u of %u: ", a->need.m, n);
    for (unsigned i = 0; i < n; i++) {
        put_actor(text, sizeof text, p, a, &rules[i]);
        put(out, "%s%s", i > 0 ? ", " : "", text);
    }
}

/* Where an action leads from a state, each target once. */
static unsigned targets(uint16_t *out, const struct ledger_action *a, uint16_t from)
{
    unsigned n = 0;

    for (unsigned i = 0; i < a->n_cases; i++) {
        uint16_t to = a->cases[i].to != 0 ? a->cases[i].to : from;
        bool there = false;
        for (unsigned k = 0; k < n; k++)
            there = there || out[k] == to;
        if (!there)
            out[n++] = to;
    }
    return n;
}

static bool starts_from(const struct ledger_action *a, uint16_t state)
{
    for (unsigned i = 0; i < a->n_from; i++)
        if (a->from[i] == state)
            return true;
    return state == 0 && a->creates;
}

static void put_transitions(struct writer *out, const struct ledger_procedure *p, uint16_t state)
{
    for (unsigned i = 0; i < p->n_actions; i++) {
        const struct ledger_action *a = &p->action[i];
        uint16_t to[LEDGER_CASES_MAX];
        char where[200] = "";
        size_t at = 0;
        if (!starts_from(a, state))
            continue;
        for (unsigned k = 0, n = targets(to, a, state); k < n && at < sizeof where; k++)
            at += (size_t)snprintf(where + at, sizeof where - at, "%s%s", k > 0 ? " | " : "",
                                   to[k] == state ? "=" : state_name(p, to[k]));
        put(out, "    %-18s -> %-24s ", a->name, where);
        put_who(out, p, a);
        put(out, "\n");
    }
}

void procedure_json_draw_text(struct writer *out, const struct ledger_procedure *p)
{
    put(out, "%s, number %u, version %u: %u states, %u actions, %u clocks\n", p->name, p->number,
        p->version, p->n_states, p->n_actions, p->n_clocks);
    put(out, "\n(new)\n");
    put_transitions(out, p, 0);
    for (unsigned i = 0; i < p->n_states; i++) {
        put(out, "\n%s%s\n", p->state[i].name, p->state[i].ended ? " (ended)" : "");
        put_transitions(out, p, p->state[i].number);
    }
}

static void put_arrow(struct writer *out, const struct ledger_procedure *p,
                      const struct ledger_action *a, uint16_t from, uint16_t to)
{
    bool timer = a->n_by == 1 && a->by[0].timer != 0;

    put(out, "    \"%s\" -> \"%s\" [label=\"%s\"%s];\n", from == 0 ? "" : state_name(p, from),
        state_name(p, to), a->name, timer ? ", style=dashed" : "");
}

void procedure_json_draw_dot(struct writer *out, const struct ledger_procedure *p)
{
    put(out, "digraph \"%s\" {\n    rankdir=LR;\n    \"\" [shape=point];\n", p->name);
    for (unsigned i = 0; i < p->n_states; i++)
        put(out, "    \"%s\" [shape=box, style=rounded%s];\n", p->state[i].name,
            p->state[i].ended ? ", peripheries=2" : "");
    for (unsigned s = 0; s <= p->n_states; s++) {
        uint16_t from = s == 0 ? 0 : p->state[s - 1].number;
        for (unsigned i = 0; i < p->n_actions; i++) {
            uint16_t to[LEDGER_CASES_MAX];
            unsigned n = starts_from(&p->action[i], from) ? targets(to, &p->action[i], from) : 0;
            for (unsigned k = 0; k < n; k++)
                if (to[k] != from) /* what stays is in the text form; here it would hide the rest */
                    put_arrow(out, p, &p->action[i], from, to[k]);
        }
    }
    put(out, "}\n");
}
