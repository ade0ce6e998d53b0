/* Expressions: operators before their operands, evaluated in one walk; what is not needed is
 * skipped. */
#include "ledger/judge_state.h"
#include "ledger/map.h"

#include <string.h>

/* `all` in `all` over long lists would cost their product: a judging has so many steps. */
enum { STEPS_MAX = 100000 };

struct walk {
    struct judge *j;
    const struct ledger_expr *e;
    uint16_t at;
    const struct judge_value *item; /* of the innermost all, any or sum */
};

static struct judge_value eval(struct walk *w);

static const struct judge_value NOTHING = {.kind = JUDGE_ABSENT, .absent = true};

static struct judge_value of_bool(bool b)
{
    return (struct judge_value){.kind = JUDGE_BOOL, .i = b};
}

static struct judge_value of_int(int64_t i)
{
    return (struct judge_value){.kind = JUDGE_INT, .i = i};
}

static struct judge_value failed(struct walk *w, const char *words)
{
    judge_refuse(w->j, LEDGER_REFUSED_CHECK, "", "an expression of the procedure %s", words);
    return NOTHING;
}

static void skip(struct walk *w)
{
    unsigned left = 1;

    while (left > 0 && w->at < w->e->n)
        left += ledger_op_operands(&w->e->node[w->at++]) - 1;
}

static struct judge_value eval_field(struct walk *w, const struct ledger_expr_node *node)
{
    const struct ledger_field *f =
        w->j->action != NULL ? ledger_action_field(w->j->action, node->number) : NULL;
    const struct bytes *raw = ledger_record_field(w->j->record, node->number);

    return judge_read(w->j, raw != NULL ? *raw : bytes_of(NULL, 0), f != NULL ? &f->type : NULL,
                      false);
}

/* The built-in attributes that expressions may read. */
static const struct ledger_type *type_of_attribute(const struct ledger_procedure *p,
                                                   uint16_t number)
{
    static const struct ledger_type open = {.base = LEDGER_TYPE_BOOL},
                                    parent = {.base = LEDGER_TYPE_REF},
                                    due_day = {.base = LEDGER_TYPE_DATE};
    const struct ledger_attribute_decl *decl = ledger_procedure_attribute(p, number);

    if (decl != NULL)
        return &decl->type;
    return number == LEDGER_ATTR_OPEN      ? &open
           : number == LEDGER_ATTR_PARENT  ? &parent
           : number == LEDGER_ATTR_DUE_DAY ? &due_day
                                           : NULL;
}

static struct judge_value attribute_of(struct judge *j, const struct judge_subject *s,
                                       uint16_t number)
{
    return judge_read(j, judge_attribute(j, s, number), type_of_attribute(s->p, number), false);
}

/* The subject of this procedure that the next operand names, or NULL: absent, or it is not there.
 */
static const struct judge_subject *eval_subject(struct walk *w, uint16_t procedure)
{
    struct judge_value ref = eval(w);

    if (ref.kind == JUDGE_ABSENT || !judge_going(w->j))
        return NULL;
    if (ref.kind != JUDGE_REF) {
        failed(w, "takes a reference where there is none");
        return NULL;
    }
    if (ref.procedure != procedure) {
        failed(w, "takes a reference to another procedure's subject");
        return NULL;
    }
    const struct judge_subject *s = judge_load(w->j, ref.procedure, &ref.id);
    return s != NULL && s->exists && s->p != NULL ? s : NULL;
}

static struct judge_value eval_part(struct walk *w, const struct ledger_expr_node *node)
{
    struct judge_value line = eval(w);
    struct mp_reader m = mp_reader_over(line.bytes);

    if (line.kind != JUDGE_LINE)
        return failed(w, "takes a line where there is none");
    mp_array(&m, 2);
    struct bytes subject = mp_skip(&m), amount = mp_skip(&m);
    return judge_read(w->j, node->number == 0 ? subject : amount, NULL, true);
}

static struct judge_value eval_logic(struct walk *w, const struct ledger_expr_node *node)
{
    bool is_and = node->op == LEDGER_OP_AND, result = is_and;

    for (uint16_t i = 0; i < node->count; i++) {
        if (result != is_and) {
            skip(w);
            continue;
        }
        struct judge_value v = eval(w);
        if (v.kind != JUDGE_BOOL && v.kind != JUDGE_ABSENT)
            return failed(w, "takes a condition where there is none");
        result = v.kind == JUDGE_BOOL && v.i != 0;
    }
    return of_bool(result);
}

static struct judge_value eval_compare(struct walk *w, enum ledger_op op)
{
    struct judge_value a = eval(w), b = eval(w);

    if (!judge_going(w->j) || a.kind == JUDGE_ABSENT || b.kind == JUDGE_ABSENT)
        return of_bool(false);
    if (a.kind != b.kind)
        return failed(w, "compares values of two kinds");
    if (op == LEDGER_OP_EQ || op == LEDGER_OP_NE)
        return of_bool(judge_value_equal(&a, &b) == (op == LEDGER_OP_EQ));
    if (a.kind != JUDGE_INT)
        return failed(w, "orders values that are no numbers");
    switch (op) {
    case LEDGER_OP_LT:
        return of_bool(a.i < b.i);
    case LEDGER_OP_LE:
        return of_bool(a.i <= b.i);
    case LEDGER_OP_GT:
        return of_bool(a.i > b.i);
    default:
        return of_bool(a.i >= b.i);
    }
}

static struct judge_value eval_arithmetic(struct walk *w, enum ledger_op op)
{
    struct judge_value a = eval(w), b = eval(w);
    int64_t result = 0;
    bool bad;

    if (!judge_going(w->j) || a.kind == JUDGE_ABSENT || b.kind == JUDGE_ABSENT)
        return NOTHING;
    if (a.kind != JUDGE_INT || b.kind != JUDGE_INT)
        return failed(w, "calculates with what is no number");
    switch (op) {
    case LEDGER_OP_ADD:
        bad = __builtin_add_overflow(a.i, b.i, &result);
        break;
    case LEDGER_OP_SUB:
        bad = __builtin_sub_overflow(a.i, b.i, &result);
        break;
    case LEDGER_OP_MUL:
        bad = __builtin_mul_overflow(a.i, b.i, &result);
        break;
    case LEDGER_OP_DIV:
        bad = b.i == 0 || (a.i == INT64_MIN && b.i == -1);
        result = bad ? 0 : a.i / b.i;
        break;
    case LEDGER_OP_MIN:
        bad = false, result = a.i < b.i ? a.i : b.i;
        break;
    default:
        bad = false, result = a.i > b.i ? a.i : b.i;
        break;
    }
    if (bad)
        judge_refuse(w->j, LEDGER_REFUSED_ARITHMETIC, "",
                     "a result does not fit 64 bits, or a division by 0");
    return of_int(result);
}

static struct judge_value eval_if(struct walk *w)
{
    struct judge_value condition = eval(w), v;

    if (condition.kind != JUDGE_BOOL && condition.kind != JUDGE_ABSENT)
        return failed(w, "takes a condition where there is none");
    if (condition.kind == JUDGE_BOOL && condition.i != 0) {
        v = eval(w);
        skip(w);
    } else {
        skip(w);
        v = eval(w);
    }
    return v;
}

static struct judge_value eval_clock(struct walk *w, const struct ledger_expr_node *node)
{
    struct judge_clock clocks[LEDGER_CLOCKS_MAX];
    uint32_t n = judge_read_clocks(clocks, judge_attribute(w->j, w->j->self, LEDGER_ATTR_CLOCKS));
    const struct judge_clock *c = NULL;

    for (uint32_t i = 0; i < n; i++)
        if (clocks[i].number == node->number)
            c = &clocks[i];
    switch (node->op) {
    case LEDGER_OP_STARTED:
        return of_bool(c != NULL);
    case LEDGER_OP_END:
        return c != NULL ? of_int((int64_t)c->end) : NOTHING;
    case LEDGER_OP_PASSED:
        return of_bool(c != NULL && judge_clock_passed(c, w->j->actor->time_ms));
    default:
        return of_bool(c != NULL && c->status == JUDGE_CLOCK_RUNNING &&
                       c->end > w->j->actor->time_ms);
    }
}

bool judge_cosigned(const struct judge *j, const struct judge_value *v)
{
    if (v->kind == JUDGE_LIST) {
        uint32_t count;
        struct mp_reader m = judge_items(v, &count);
        for (uint32_t i = 0; i < count; i++) {
            struct judge_value one = {.kind = JUDGE_BYTES, .bytes = mp_bin(&m, CRYPTO_KEY_SIZE)};
            if (judge_cosigned(j, &one))
                return true;
        }
        return false;
    }
    for (uint32_t i = 0; v->kind == JUDGE_BYTES && i < j->record->n_cosignatures; i++)
        if (bytes_equal(v->bytes, bytes_of(j->record->cosignature[i].key.b, CRYPTO_KEY_SIZE)))
            return true;
    return false;
}

static struct judge_value eval_role(struct walk *w, const struct ledger_expr_node *node)
{
    struct judge_value v = eval(w);

    if (v.kind == JUDGE_ABSENT)
        return of_bool(false);
    if (v.kind != JUDGE_INT || v.i < 0 || v.i > UINT32_MAX)
        return failed(w, "takes a member where there is none");
    const struct ledger_member *m = ledger_registry_member(w->j->registry, (uint32_t)v.i);
    return of_bool(m != NULL && ledger_member_has_role(m, node->text));
}

static struct judge_value eval_lookup(struct walk *w, const struct ledger_expr_node *node)
{
    struct judge_value row = eval(w);
    const struct ledger_table *t = ledger_procedure_table(w->j->p, node->number);

    for (uint32_t i = 0; row.kind == JUDGE_TEXT && t != NULL && i < t->n_rows; i++)
        if (bytes_equal(t->row[i].key, row.bytes))
            return of_int(t->row[i].value[node->count]);
    return failed(w, "looks up a row that its table does not have");
}

static struct judge_value eval_live(struct walk *w, const struct ledger_expr_node *node)
{
    struct judge_value values[LEDGER_INDEX_PARTS_MAX] = {NOTHING};
    const struct ledger_procedure *p =
        node->procedure == w->j->p->number
            ? w->j->p
            : ledger_registry_procedure(w->j->registry, node->procedure, 0);
    const struct ledger_index *index = p != NULL ? judge_index(p, node->number) : NULL;
    struct ledger_map_key key;
    struct ledger_chain chain = {0};
    struct writer bytes = {0};

    for (uint16_t i = 0; i < node->count; i++) {
        struct judge_value v = eval(w);
        if (i < LEDGER_INDEX_PARTS_MAX)
            values[i] = v;
    }
    if (index == NULL || index->n_parts != node->count)
        return failed(w, "counts in an index that its procedure does not have");
    if (judge_index_key(w->j, &bytes, p, index, values) && judge_going(w->j)) {
        ledger_map_key_chain(&key, writer_view(&bytes));
        enum anju_err err = w->j->view->chain(w->j->view, &chain, &key);
        if (err != ANJU_OK && err != ANJU_ERR_NOT_FOUND)
            w->j->err = err;
        if (err != ANJU_OK)
            chain.live = 0;
    }
    writer_free(&bytes);
    return of_int((int64_t)chain.live);
}

static struct judge_value eval_each(struct walk *w, enum ledger_op op)
{
    struct judge_value list = eval(w),
                       result = op == LEDGER_OP_SUM ? of_int(0) : of_bool(op == LEDGER_OP_ALL);
    const struct judge_value *outer = w->item;
    uint16_t body = w->at;
    uint32_t count;
    struct mp_reader m = judge_items(&list, &count);

    if (list.kind != JUDGE_LIST && list.kind != JUDGE_ABSENT)
        return failed(w, "takes a list where there is none");
    for (uint32_t i = 0; i < count && judge_going(w->j); i++) {
        struct judge_value item = judge_read(w->j, mp_skip(&m), list.type, true);
        w->at = body;
        w->item = &item;
        struct judge_value v = eval(w);
        if (op == LEDGER_OP_SUM &&
            (v.kind != JUDGE_INT || __builtin_add_overflow(result.i, v.i, &result.i)))
            judge_refuse(w->j, LEDGER_REFUSED_ARITHMETIC, "", "a sum does not fit 64 bits");
        if (op != LEDGER_OP_SUM && (v.kind == JUDGE_BOOL && v.i != 0) != (op == LEDGER_OP_ALL)) {
            result.i = op == LEDGER_OP_ANY;
            break;
        }
    }
    w->item = outer;
    w->at = body;
    skip(w);
    return result;
}

static struct judge_value eval_seal(struct walk *w)
{
    struct judge_value value = eval(w), salt = eval(w);
    struct crypto_hash *seal = arena_alloc(w->j->arena, sizeof(*seal));

    if (value.kind == JUDGE_ABSENT || salt.kind != JUDGE_BYTES)
        return NOTHING;
    ledger_seal(seal, &w->j->self->id, salt.bytes, judge_write(w->j, &value));
    return (struct judge_value){.kind = JUDGE_BYTES, .bytes = crypto_hash_bytes(seal)};
}

static struct judge_value eval_state_of(struct walk *w, const struct ledger_expr_node *node)
{
    const struct judge_subject *s = eval_subject(w, node->procedure);

    return of_bool(s != NULL && s->state == node->number);
}

static struct judge_value eval_len(struct walk *w)
{
    struct judge_value list = eval(w);
    uint32_t count;

    judge_items(&list, &count);
    return list.kind == JUDGE_LIST || list.kind == JUDGE_ABSENT
               ? of_int(count)
               : failed(w, "takes a list where there is none");
}

static struct judge_value eval_not(struct walk *w)
{
    struct judge_value v = eval(w);

    if (v.kind != JUDGE_BOOL && v.kind != JUDGE_ABSENT)
        return failed(w, "takes a condition where there is none");
    return of_bool(v.kind != JUDGE_BOOL || v.i == 0);
}

static struct judge_value eval(struct walk *w)
{
    struct judge *j = w->j;

    if (w->at >= w->e->n || ++j->steps > STEPS_MAX)
        return failed(w, "takes too many steps");
    if (!judge_going(j)) {
        skip(w);
        return NOTHING;
    }
    const struct ledger_expr_node *node = &w->e->node[w->at++];
    switch (node->op) {
    case LEDGER_OP_INT:
        return of_int(node->value);
    case LEDGER_OP_BOOL:
        return of_bool(node->value != 0);
    case LEDGER_OP_TEXT:
        return (struct judge_value){.kind = JUDGE_TEXT, .bytes = node->text};
    case LEDGER_OP_FIELD:
        return eval_field(w, node);
    case LEDGER_OP_ATTRIBUTE:
        return attribute_of(j, j->self, node->number);
    case LEDGER_OP_SELF:
        return (struct judge_value){
            .kind = JUDGE_REF, .procedure = j->self->procedure, .id = j->self->id};
    case LEDGER_OP_ACTOR:
        return j->actor->member != 0 ? of_int(j->actor->member) : NOTHING;
    case LEDGER_OP_NOW:
        return of_int((int64_t)j->actor->time_ms);
    case LEDGER_OP_ITEM:
        return w->item != NULL ? *w->item : failed(w, "names an item outside a list");
    case LEDGER_OP_PART:
        return eval_part(w, node);
    case LEDGER_OP_HAS:
        return of_bool(!eval(w).absent);
    case LEDGER_OP_OF: {
        const struct judge_subject *s = eval_subject(w, node->procedure);
        return s != NULL ? attribute_of(j, s, node->number) : NOTHING;
    }
    case LEDGER_OP_STATE:
        return of_bool((j->self->exists ? j->self->state : 0) == node->number);
    case LEDGER_OP_STATE_OF:
        return eval_state_of(w, node);
    case LEDGER_OP_AND:
    case LEDGER_OP_OR:
        return eval_logic(w, node);
    case LEDGER_OP_NOT:
        return eval_not(w);
    case LEDGER_OP_EQ:
    case LEDGER_OP_NE:
    case LEDGER_OP_LT:
    case LEDGER_OP_LE:
    case LEDGER_OP_GT:
    case LEDGER_OP_GE:
        return eval_compare(w, node->op);
    case LEDGER_OP_ADD:
    case LEDGER_OP_SUB:
    case LEDGER_OP_MUL:
    case LEDGER_OP_DIV:
    case LEDGER_OP_MIN:
    case LEDGER_OP_MAX:
        return eval_arithmetic(w, node->op);
    case LEDGER_OP_IF:
        return eval_if(w);
    case LEDGER_OP_PASSED:
    case LEDGER_OP_RUNNING:
    case LEDGER_OP_STARTED:
    case LEDGER_OP_END:
        return eval_clock(w, node);
    case LEDGER_OP_COSIGNED: {
        struct judge_value key = eval(w);
        return of_bool(judge_cosigned(j, &key));
    }
    case LEDGER_OP_ROLE:
        return eval_role(w, node);
    case LEDGER_OP_LOOKUP:
        return eval_lookup(w, node);
    case LEDGER_OP_LIVE:
        return eval_live(w, node);
    case LEDGER_OP_LEN:
        return eval_len(w);
    case LEDGER_OP_ALL:
    case LEDGER_OP_ANY:
    case LEDGER_OP_SUM:
        return eval_each(w, node->op);
    case LEDGER_OP_SEAL:
        return eval_seal(w);
    }
    return failed(w, "has an unknown operator");
}

struct judge_value judge_eval(struct judge *j, const struct ledger_expr *e)
{
    struct walk w = {.j = j, .e = e};

    return e->n > 0 ? eval(&w) : NOTHING;
}

bool judge_eval_bool(struct judge *j, const struct ledger_expr *e)
{
    struct judge_value v = judge_eval(j, e);

    return v.kind == JUDGE_BOOL && v.i != 0;
}
