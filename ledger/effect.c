/* What an action does once it may: its own changes, its parent, others' attributes, books, its
 * state, clocks. */
#include "ledger/judge_state.h"

#include <string.h>

/* One more item for a list; one that is in it already is not added again. */
static struct bytes append_item(struct judge *j, const struct ledger_attribute_decl *decl,
                                struct bytes list, struct bytes item)
{
    struct ledger_type one = decl->type;
    struct mp_reader m = mp_reader_over(list);
    uint32_t count = list.size > 0 ? mp_array(&m, LEDGER_ITEMS_MAX) : 0;
    struct bytes items = bytes_of(m.r.at, count > 0 ? m.r.left : 0);
    struct writer w = {0};

    one.list_max = 0;
    if (!judge_check_type(j, decl->name, &one, item))
        return list;
    for (uint32_t i = 0; i < count; i++)
        if (bytes_equal(mp_skip(&m), item))
            return list;
    if (count >= decl->type.list_max) {
        judge_refuse(j, LEDGER_REFUSED_FIELD_LIMIT, decl->name,
                     "%s has %u items already, no more are allowed", decl->name, count);
        return list;
    }
    mp_put_array(&w, count + 1);
    writer_bytes(&w, items);
    writer_bytes(&w, item);
    struct bytes out = arena_copy(j->arena, writer_view(&w));
    writer_free(&w);
    return out;
}

static struct bytes add_value(struct judge *j, const struct ledger_attribute_decl *decl,
                              struct bytes old, const struct judge_value *v)
{
    struct judge_value was = judge_read(j, old, &decl->type, false), sum = {.kind = JUDGE_INT};

    if (decl->type.list_max > 0)
        return append_item(j, decl, old, judge_write(j, v));
    if (was.kind != JUDGE_INT || v->kind != JUDGE_INT ||
        __builtin_add_overflow(was.i, v->i, &sum.i))
        judge_refuse(j, LEDGER_REFUSED_ARITHMETIC, decl->name, "%s would not fit 64 bits",
                     decl->name);
    return judge_write(j, &sum);
}

/* The new value of one change; false: nothing changes. Adding builds on what an earlier reference
 * of this action did: two references may name one subject. */
static bool value_of(struct judge *j, struct bytes *out, const struct judge_subject *s,
                     const struct ledger_change *c)
{
    const struct ledger_attribute_decl *decl = ledger_procedure_attribute(s->p, c->attribute);

    *out = bytes_of(NULL, 0);
    if (c->kind == LEDGER_CHANGE_CLEAR)
        return true;
    struct judge_value v = judge_eval(j, &c->value);
    if (v.absent || !judge_going(j))
        return false;
    if (decl == NULL)
        return judge_refuse(j, LEDGER_REFUSED_NOT_OFFERED, "", "%s has no attribute %u", s->p->name,
                            c->attribute);
    if (c->kind == LEDGER_CHANGE_SET) {
        *out = judge_write(j, &v);
        return judge_check_type(j, decl->name, &decl->type, *out);
    }
    *out = add_value(j, decl, judge_after(s, c->attribute), &v);
    return judge_going(j) &&
           (decl->type.list_max > 0 || judge_check_type(j, decl->name, &decl->type, *out));
}

/* All values first, then all changes. */
static void change(struct judge *j, struct judge_subject *s, const struct ledger_change *changes,
                   uint8_t n)
{
    struct bytes *values = arena_alloc(j->arena, (n > 0 ? n : 1) * sizeof(*values));
    bool *changed = arena_alloc(j->arena, n > 0 ? n : 1);

    for (uint8_t i = 0; i < n && judge_going(j); i++)
        changed[i] = value_of(j, &values[i], s, &changes[i]);
    for (uint8_t i = 0; i < n && judge_going(j); i++)
        if (changed[i])
            judge_set(j, s, changes[i].attribute, values[i]);
}

static void set_parent(struct judge *j)
{
    struct judge_value ref = judge_eval(j, &j->action->parent);
    const struct judge_subject *parent;

    if (ref.kind != JUDGE_REF || ref.procedure != j->p->parent) {
        judge_refuse(j, LEDGER_REFUSED_REFERENCE, "", "%s must name its parent", j->action->name);
        return;
    }
    parent = judge_load(j, ref.procedure, &ref.id);
    if (parent != NULL && !parent->exists)
        judge_refuse(j, LEDGER_REFUSED_REFERENCE, "", "the parent is not there");
    if (judge_going(j))
        judge_set(j, j->self, LEDGER_ATTR_PARENT, judge_write(j, &ref));
}

/* The clocks that a new subject's state starts, as its own procedure sees them. */
static void start_clocks(struct judge *j, struct judge_subject *s)
{
    struct judge_subject *self = j->self;
    const struct ledger_procedure *p = j->p;
    const struct ledger_action *action = j->action;

    j->self = s;
    j->p = s->p;
    j->action = NULL;
    j->see_after = true;
    judge_clocks(j, s);
    j->see_after = false;
    j->self = self;
    j->p = p;
    j->action = action;
}

/* A new subject of another procedure, where that one lets this one create it. */
static void create(struct judge *j, const struct ledger_touch *touch)
{
    struct judge_value id = judge_eval(j, &touch->subject),
                       self = {.kind = JUDGE_REF, .procedure = j->p->number, .id = j->self->id};
    struct ledger_subject_id subject;
    struct judge_subject *s;

    if (id.kind == JUDGE_ABSENT || !judge_going(j))
        return; /* an optional child that was left out */
    if (id.kind != JUDGE_BYTES || id.bytes.size != LEDGER_SUBJECT_SIZE || touch->procedure == 0) {
        judge_refuse(j, LEDGER_REFUSED_SUBJECT, "",
                     "%s needs an id of 16 bytes for what it creates", j->action->name);
        return;
    }
    memcpy(subject.b, id.bytes.data, sizeof(subject.b));
    s = judge_load(j, touch->procedure, &subject);
    if (s == NULL)
        return;
    if (s->exists || s->touched || s == j->self)
        judge_refuse(j, LEDGER_REFUSED_REFERENCE, "", "what %s would create is there already",
                     j->action->name);
    else if (s->p == NULL || !ledger_procedure_offers_new(s->p, j->p->number, touch->state))
        judge_refuse(j, LEDGER_REFUSED_NOT_OFFERED, "",
                     "procedure %u lets %s create nothing like this", touch->procedure, j->p->name);
    if (!judge_going(j))
        return;
    s->state_after = touch->state;
    judge_set_bool(j, s, LEDGER_ATTR_OPEN, !ledger_procedure_is_ended(s->p, s->state_after));
    judge_set_uint(j, s, LEDGER_ATTR_PROCEDURE_VERSION, s->p->version);
    if (s->p->parent == j->p->number)
        judge_set(j, s, LEDGER_ATTR_PARENT, judge_write(j, &self));
    change(j, s, touch->change, touch->n_changes);
    if (judge_going(j))
        start_clocks(j, s);
}

/* Others' attributes. A reference that is absent (an optional field) reaches nobody. */
static void reach(struct judge *j, const struct ledger_touch *touch)
{
    struct judge_value ref = judge_eval(j, &touch->subject);
    struct judge_subject *s = NULL;

    if (ref.kind == JUDGE_ABSENT || !judge_going(j))
        return;
    if (ref.kind != JUDGE_REF || ref.procedure != touch->procedure) {
        judge_refuse(j, LEDGER_REFUSED_REFERENCE, "", "%s must name a subject of procedure %u",
                     j->action->name, touch->procedure);
        return;
    }
    for (uint8_t i = 0; i < touch->n_changes && judge_going(j); i++)
        s = judge_reach(j, ref.procedure, &ref.id, touch->change[i].attribute);
    if (s != NULL && judge_going(j))
        change(j, s, touch->change, touch->n_changes);
}

/* The state after: the first case whose condition holds on the attributes after. */
static void choose_state(struct judge *j)
{
    const struct ledger_action *a = j->action;

    for (uint8_t i = 0; i < a->n_cases; i++) {
        if (a->cases[i].when.n > 0 && !judge_eval_bool(j, &a->cases[i].when)) {
            if (!judge_going(j))
                return;
            continue;
        }
        if (a->cases[i].to != 0)
            j->self->state_after = a->cases[i].to;
        return;
    }
    judge_refuse(j, LEDGER_REFUSED_CASE, "", "no case of %s holds", a->name);
}

/* Pending approvals of what does not start from the new state are void: should the subject come
 * back, it is another matter that they would approve. */
static void drop_approvals(struct judge *j)
{
    if (j->self->exists && j->self->state_after != j->self->state &&
        judge_after(j->self, LEDGER_ATTR_APPROVALS).size > 0)
        judge_lapse_approvals(j);
}

void judge_effects(struct judge *j)
{
    const struct ledger_action *a = j->action;
    struct judge_subject *s = j->self;

    j->see_after = false;
    change(j, s, a->change, a->n_changes);
    if (a->parent.n > 0 && judge_going(j))
        set_parent(j);
    for (uint8_t i = 0; i < a->n_touches && judge_going(j); i++)
        (a->touch[i].state != 0 ? create : reach)(j, &a->touch[i]);
    if (a->post.n > 0 && judge_going(j))
        judge_post(j);
    if (a->share.lines.n > 0 && judge_going(j))
        judge_share(j);
    j->see_after = true;
    if (judge_going(j))
        choose_state(j);
    if (!judge_going(j))
        return;
    judge_set_bool(j, s, LEDGER_ATTR_OPEN, !ledger_procedure_is_ended(j->p, s->state_after));
    if (!s->exists)
        judge_set_uint(j, s, LEDGER_ATTR_PROCEDURE_VERSION, j->p->version);
    drop_approvals(j);
    judge_clocks(j, s);
    j->see_after = false;
}
