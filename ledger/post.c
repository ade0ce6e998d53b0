/* Double entry over accounts, and allocations by floor and largest remainder, checked, never
 * invented. */
#include "ledger/judge_state.h"

#include <string.h>

struct line {
    struct ledger_subject_id subject;
    int64_t amount;
};

/* The lines that an expression gives; NULL where judging ends. */
static struct line *read_lines(struct judge *j, const struct ledger_expr *e, uint16_t procedure,
                               uint32_t *count)
{
    struct judge_value list = judge_eval(j, e);
    struct mp_reader m = judge_items(&list, count);
    struct line *lines = arena_alloc(j->arena, (*count > 0 ? *count : 1) * sizeof(*lines));

    for (uint32_t i = 0; i < *count; i++) {
        mp_array(&m, 2);
        mp_array(&m, 2);
        if (mp_uint(&m, UINT16_MAX) != procedure)
            mp_fail(&m);
        struct bytes id = mp_bin(&m, LEDGER_SUBJECT_SIZE);
        if (id.size == LEDGER_SUBJECT_SIZE)
            memcpy(lines[i].subject.b, id.data, id.size);
        lines[i].amount = mp_int(&m);
    }
    if (m.r.failed)
        judge_refuse(j, LEDGER_REFUSED_FIELD_TYPE, "",
                     "the lines are not [[procedure, subject], amount]");
    return judge_going(j) ? lines : NULL;
}

struct judge_subject *judge_reach(struct judge *j, uint16_t procedure,
                                  const struct ledger_subject_id *id, uint16_t attribute)
{
    struct judge_subject *s = judge_load(j, procedure, id);

    if (s == NULL)
        return NULL;
    if (!s->exists || s->p == NULL) {
        judge_refuse(j, LEDGER_REFUSED_REFERENCE, "", "%s reaches a subject that is not there",
                     j->action->name);
        return NULL;
    }
    if (s == j->self || !ledger_procedure_offers(s->p, j->p->number, attribute)) {
        judge_refuse(j, LEDGER_REFUSED_NOT_OFFERED, "", "%s does not offer this attribute to %s",
                     s->p->name, j->p->name);
        return NULL;
    }
    return s;
}

static int64_t number_of(struct judge *j, const struct judge_subject *s, uint16_t attribute)
{
    const struct ledger_attribute_decl *decl = ledger_procedure_attribute(s->p, attribute);
    struct judge_value v =
        judge_read(j, judge_after(s, attribute), decl != NULL ? &decl->type : NULL, false);

    return v.kind == JUDGE_INT ? v.i : 0;
}

static void add_number(struct judge *j, struct judge_subject *s, uint16_t attribute, int64_t amount)
{
    const struct ledger_attribute_decl *decl = ledger_procedure_attribute(s->p, attribute);
    struct judge_value sum = {.kind = JUDGE_INT};

    if (decl == NULL)
        judge_refuse(j, LEDGER_REFUSED_NOT_OFFERED, "", "%s has no attribute %u", s->p->name,
                     attribute);
    else if (__builtin_add_overflow(number_of(j, s, attribute), amount, &sum.i))
        judge_refuse(j, LEDGER_REFUSED_ARITHMETIC, decl->name, "%s would not fit 64 bits",
                     decl->name);
    if (!judge_going(j))
        return;
    struct bytes value = judge_write(j, &sum);
    if (judge_check_type(j, decl->name, &decl->type, value))
        judge_set(j, s, attribute, value);
}

/* The bounds of the balance of an account's kind. */
static void check_balance(struct judge *j, const struct judge_subject *s)
{
    struct judge_value kind = judge_read(j, judge_after(s, s->p->kind), NULL, false);
    int64_t balance = number_of(j, s, s->p->balance);

    for (uint8_t i = 0; i < s->p->n_kinds; i++) {
        const struct ledger_account_kind *k = &s->p->kinds[i];
        if (kind.kind != JUDGE_TEXT || !bytes_equal(kind.bytes, k->code))
            continue;
        if (balance < k->min || balance > k->max)
            judge_refuse(j, LEDGER_REFUSED_UNBALANCED, "",
                         "an account of kind %.*s would have the balance %lld; it must stay from "
                         "%lld to %lld",
                         (int)k->code.size, (const char *)k->code.data, (long long)balance,
                         (long long)k->min, (long long)k->max);
        return;
    }
    judge_refuse(j, LEDGER_REFUSED_UNBALANCED, "",
                 "an account is of a kind that %s has no bounds for", s->p->name);
}

void judge_post(struct judge *j)
{
    uint32_t count;
    int64_t sum = 0;
    struct line *lines = read_lines(j, &j->action->post, j->action->post_procedure, &count);

    for (uint32_t i = 0; lines != NULL && i < count; i++)
        if (__builtin_add_overflow(sum, lines[i].amount, &sum))
            judge_refuse(j, LEDGER_REFUSED_ARITHMETIC, "", "the lines do not fit 64 bits");
    if (lines == NULL || !judge_going(j))
        return;
    if (sum != 0 || count == 0) {
        judge_refuse(j, LEDGER_REFUSED_UNBALANCED, "",
                     "the lines sum to %lld; debits and credits must sum to 0", (long long)sum);
        return;
    }
    const struct ledger_procedure *accounts =
        ledger_registry_procedure(j->registry, j->action->post_procedure, 0);
    for (uint32_t i = 0; i < count && judge_going(j); i++) {
        struct judge_subject *s = judge_reach(j, j->action->post_procedure, &lines[i].subject,
                                              accounts != NULL ? accounts->balance : 0);
        if (s == NULL)
            return;
        if (ledger_procedure_is_ended(s->p, s->state))
            judge_refuse(j, LEDGER_REFUSED_PERIOD, "", "an account in the lines is closed");
        else
            add_number(j, s, s->p->balance, lines[i].amount);
    }
    for (uint32_t i = 0; i < count && judge_going(j); i++) {
        const struct judge_subject *s = judge_load(j, j->action->post_procedure, &lines[i].subject);
        if (s != NULL)
            check_balance(j, s);
    }
}

__extension__ typedef unsigned __int128 u128;

/* Floor and largest remainder: each line gets floor(total * weight / sum) or one more, the lines
 * that get one more have remainders no smaller than those that do not, and all sum to the total. Of
 * equal remainders the first lines get it, so that one allocation is right and nobody chooses. */
static void check_share(struct judge *j, const struct line *lines, const int64_t *weights,
                        uint32_t count, int64_t total, uint64_t sum)
{
    uint64_t smallest_up = UINT64_MAX, largest_down = 0;
    uint32_t last_up = 0, first_down = UINT32_MAX; /* lines with those remainders */
    int64_t given = 0;
    bool good = true;

    for (uint32_t i = 0; i < count; i++) {
        u128 product = (u128)(uint64_t)total * (uint64_t)weights[i];
        int64_t floor_share = (int64_t)(product / sum);
        uint64_t rest = (uint64_t)(product % sum);
        if (lines[i].amount == floor_share) {
            first_down = rest > largest_down || first_down == UINT32_MAX ? i : first_down;
            largest_down = rest > largest_down ? rest : largest_down;
        } else if (lines[i].amount > floor_share && lines[i].amount - 1 == floor_share) {
            last_up = rest <= smallest_up ? i : last_up;
            smallest_up = rest < smallest_up ? rest : smallest_up;
        } else {
            good = false;
        }
        good = good && !__builtin_add_overflow(given, lines[i].amount, &given);
    }
    good = good && (smallest_up != largest_down || last_up < first_down);
    if (!good || given != total || smallest_up < largest_down)
        judge_refuse(j, LEDGER_REFUSED_SHARE, "",
                     "the shares must be floor(total * weight / all weights), the rest one each by "
                     "largest remainder, the first lines first, and sum to %lld",
                     (long long)total);
}

void judge_share(struct judge *j)
{
    const struct ledger_share *share = &j->action->share;
    uint32_t count;
    struct line *lines = read_lines(j, &share->lines, share->procedure, &count);
    struct judge_value total = judge_eval(j, &share->total);
    int64_t *weights =
        arena_alloc(j->arena, (lines != NULL && count > 0 ? count : 1) * sizeof(*weights));
    uint64_t sum = 0;

    for (uint32_t i = 0; lines != NULL && i < count && judge_going(j); i++) {
        struct judge_subject *s = judge_reach(j, share->procedure, &lines[i].subject, share->add);
        if (s == NULL)
            return;
        if (i > 0 && memcmp(lines[i - 1].subject.b, lines[i].subject.b, LEDGER_SUBJECT_SIZE) >= 0)
            judge_refuse(j, LEDGER_REFUSED_SHARE, "",
                         "the lines must ascend by subject, each once");
        weights[i] = number_of(j, s, share->weight);
        if (weights[i] < 0 || __builtin_add_overflow(sum, (uint64_t)weights[i], &sum))
            judge_refuse(j, LEDGER_REFUSED_SHARE, "",
                         "a weight is negative or the weights do not fit 64 bits");
    }
    if (lines == NULL || !judge_going(j))
        return;
    if (total.kind != JUDGE_INT || total.i < 0 || sum == 0) {
        judge_refuse(j, LEDGER_REFUSED_SHARE, "",
                     "there is nothing to share, or nobody to share it");
        return;
    }
    check_share(j, lines, weights, count, total.i, sum);
    for (uint32_t i = 0; i < count && judge_going(j); i++)
        add_number(j, judge_load(j, share->procedure, &lines[i].subject), share->add,
                   lines[i].amount);
}
