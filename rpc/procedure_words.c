/* Compiled expressions in the words of the language, as JSON. */
#include "ledger/procedure_body.h"
#include "rpc/json.h"
#include "rpc/procedure_json.h"

static const char *const op_words[] = {
    [LEDGER_OP_NOW] = "now",
    [LEDGER_OP_ACTOR] = "actor",
    [LEDGER_OP_ITEM] = "item",
    [LEDGER_OP_HAS] = "has",
    [LEDGER_OP_OF] = "of",
    [LEDGER_OP_PART] = "item",
    [LEDGER_OP_STATE] = "state",
    [LEDGER_OP_STATE_OF] = "state",
    [LEDGER_OP_AND] = "and",
    [LEDGER_OP_OR] = "or",
    [LEDGER_OP_NOT] = "not",
    [LEDGER_OP_EQ] = "=",
    [LEDGER_OP_NE] = "!=",
    [LEDGER_OP_LT] = "<",
    [LEDGER_OP_LE] = "<=",
    [LEDGER_OP_GT] = ">",
    [LEDGER_OP_GE] = ">=",
    [LEDGER_OP_ADD] = "+",
    [LEDGER_OP_SUB] = "-",
    [LEDGER_OP_MUL] = "*",
    [LEDGER_OP_DIV] = "/",
    [LEDGER_OP_MIN] = "min",
    [LEDGER_OP_MAX] = "max",
    [LEDGER_OP_IF] = "if",
    [LEDGER_OP_PASSED] = "passed",
    [LEDGER_OP_RUNNING] = "running",
    [LEDGER_OP_STARTED] = "started",
    [LEDGER_OP_END] = "end",
    [LEDGER_OP_COSIGNED] = "cosigned",
    [LEDGER_OP_ROLE] = "role",
    [LEDGER_OP_LOOKUP] = "lookup",
    [LEDGER_OP_LIVE] = "live",
    [LEDGER_OP_LEN] = "len",
    [LEDGER_OP_ALL] = "all",
    [LEDGER_OP_ANY] = "any",
    [LEDGER_OP_SUM] = "sum",
    [LEDGER_OP_SEAL] = "seal",
    [LEDGER_OP_INT] = "",
    [LEDGER_OP_BOOL] = "",
    [LEDGER_OP_TEXT] = "",
    [LEDGER_OP_FIELD] = "",
    [LEDGER_OP_ATTRIBUTE] = "",
    [LEDGER_OP_SELF] = "",
};

const char *procedure_json_attribute_name(const struct ledger_procedure *p, uint16_t number)
{
    const struct ledger_attribute_decl *a;

    switch (number) {
    case 0:
        return "state";
    case LEDGER_ATTR_OPEN:
        return "open";
    case LEDGER_ATTR_PARENT:
        return "parent";
    case LEDGER_ATTR_DUE_DAY:
        return "due_day";
    }
    a = ledger_procedure_attribute(p, number);
    return a != NULL ? a->name : "?";
}

static json_t *field_words(const struct ledger_action *a, uint16_t number)
{
    const struct ledger_field *f = a != NULL ? ledger_action_field(a, number) : NULL;

    return f != NULL ? json_sprintf("@%s", f->name) : json_sprintf("@%u", number);
}

/* The name of an attribute of this procedure; of another one the numbers: its names are not here.
 */
static json_t *attribute_words(const struct ledger_procedure *p, const struct ledger_expr_node *n)
{
    if (n->procedure == p->number)
        return json_sprintf("$%s", procedure_json_attribute_name(p, n->number));
    return json_pack("{s:i, s:i}", "procedure", n->procedure, "attribute", n->number);
}

static json_t *state_words(const struct ledger_procedure *p, const struct ledger_expr_node *n)
{
    const struct ledger_state *state = ledger_procedure_state(p, n->number);

    if (n->op == LEDGER_OP_STATE || n->procedure == p->number)
        return json_string(state != NULL ? state->name : "?");
    return json_pack("{s:i, s:i}", "procedure", n->procedure, "state", n->number);
}

static json_t *parts_words(const struct ledger_procedure *p, const struct ledger_expr_node *n)
{
    json_t *parts;

    if (n->procedure != p->number)
        return json_pack("{s:i, s:i}", "procedure", n->procedure, "index", n->number);
    parts = json_array();
    for (unsigned i = 0; i < p->n_indexes; i++)
        for (unsigned k = 0; p->index[i].number == n->number && k < p->index[i].n_parts; k++)
            json_array_append_new(parts, json_string(procedure_json_attribute_name(
                                             p, p->index[i].part[k].attribute)));
    return parts;
}

/* What the language writes before the operands, and after them. NULL: nothing. */
static json_t *words_before(const struct ledger_procedure *p, const struct ledger_expr_node *n)
{
    const struct ledger_clock *clock = ledger_procedure_clock(p, n->number);
    const struct ledger_table *table = ledger_procedure_table(p, n->number);

    switch (n->op) {
    case LEDGER_OP_STATE:
    case LEDGER_OP_STATE_OF:
        return state_words(p, n);
    case LEDGER_OP_PASSED:
    case LEDGER_OP_RUNNING:
    case LEDGER_OP_STARTED:
    case LEDGER_OP_END:
        return json_string(clock != NULL ? clock->name : "?");
    case LEDGER_OP_LOOKUP:
        return json_string(table != NULL ? table->name : "?");
    case LEDGER_OP_LIVE:
        return parts_words(p, n);
    default:
        return NULL;
    }
}

static json_t *words_after(const struct ledger_procedure *p, const struct ledger_expr_node *n)
{
    switch (n->op) {
    case LEDGER_OP_OF:
        return attribute_words(p, n);
    case LEDGER_OP_ROLE:
        return json_of_text(n->text);
    case LEDGER_OP_LOOKUP:
        return json_integer(n->count);
    default:
        return NULL;
    }
}

static json_t *words(const struct ledger_procedure *p, const struct ledger_expr *e, unsigned *at,
                     const struct ledger_action *a)
{
    const struct ledger_expr_node *n = &e->node[(*at)++];
    json_t *out, *operands, *word;

    switch (n->op) {
    case LEDGER_OP_INT:
        return json_of_i64(n->value);
    case LEDGER_OP_BOOL:
        return json_boolean(n->value != 0);
    case LEDGER_OP_TEXT:
        return json_of_text(n->text);
    case LEDGER_OP_FIELD:
        return field_words(a, n->number);
    case LEDGER_OP_ATTRIBUTE:
        return json_sprintf("$%s", procedure_json_attribute_name(p, n->number));
    case LEDGER_OP_SELF:
        return json_string("$self");
    default:
        break;
    }
    if (n->op == LEDGER_OP_PART) {
        (*at)++; /* the item, which the language does not write */
        return json_pack("[s, s]", "item", n->number == 0 ? "subject" : "amount");
    }
    out = json_array();
    json_array_append_new(out, json_string(op_words[n->op]));
    if ((word = words_before(p, n)) != NULL)
        json_array_append_new(out, word);
    operands = n->op == LEDGER_OP_LIVE ? json_array() : out;
    for (unsigned i = 0, count = ledger_op_operands(n); i < count; i++)
        json_array_append_new(operands, words(p, e, at, a));
    if (operands != out)
        json_array_append_new(out, operands);
    if ((word = words_after(p, n)) != NULL)
        json_array_append_new(out, word);
    return out;
}

json_t *procedure_json_expr(const struct ledger_procedure *p, const struct ledger_expr *e,
                            const struct ledger_action *a)
{
    unsigned at = 0;

    return e->n > 0 ? words(p, e, &at, a) : json_null();
}
