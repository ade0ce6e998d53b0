#include "ledger/procedure_body.h"

/* Bounded lists, ascending by number: a search by halves in each. */
#define FIND(list, n, wanted)                                                                      \
    do {                                                                                           \
        unsigned low_ = 0, high_ = (n);                                                            \
        while (low_ < high_) {                                                                     \
            unsigned middle_ = (low_ + high_) / 2;                                                 \
            if ((list)[middle_].number == (wanted))                                                \
                return &(list)[middle_];                                                           \
            if ((list)[middle_].number < (wanted))                                                 \
                low_ = middle_ + 1;                                                                \
            else                                                                                   \
                high_ = middle_;                                                                   \
        }                                                                                          \
        return NULL;                                                                               \
    } while (0)

const struct ledger_action *ledger_procedure_action(const struct ledger_procedure *p,
                                                    uint16_t number)
{
    FIND(p->action, p->n_actions, number);
}

const struct ledger_state *ledger_procedure_state(const struct ledger_procedure *p, uint16_t number)
{
    FIND(p->state, p->n_states, number);
}

const struct ledger_attribute_decl *ledger_procedure_attribute(const struct ledger_procedure *p,
                                                               uint16_t number)
{
    FIND(p->attribute, p->n_attributes, number);
}

const struct ledger_clock *ledger_procedure_clock(const struct ledger_procedure *p, uint16_t number)
{
    FIND(p->clock, p->n_clocks, number);
}

const struct ledger_table *ledger_procedure_table(const struct ledger_procedure *p, uint16_t number)
{
    FIND(p->table, p->n_tables, number);
}

const struct ledger_field *ledger_action_field(const struct ledger_action *a, uint16_t number)
{
    FIND(a->field, a->n_fields, number);
}

static const struct ledger_clause *find_clause(const struct ledger_procedure *p, uint16_t number)
{
    FIND(p->clause, p->n_clauses, number);
}

const char *ledger_procedure_clause(const struct ledger_procedure *p, uint16_t number)
{
    const struct ledger_clause *clause = find_clause(p, number);

    return clause != NULL ? clause->name : NULL;
}

bool ledger_procedure_is_ended(const struct ledger_procedure *p, uint16_t state)
{
    const struct ledger_state *s = ledger_procedure_state(p, state);

    return s != NULL && s->ended;
}

bool ledger_procedure_offers(const struct ledger_procedure *p, uint16_t to_procedure,
                             uint16_t attribute)
{
    for (unsigned i = 0; i < p->n_offers; i++)
        for (unsigned k = 0; p->offer[i].procedure == to_procedure && k < p->offer[i].n; k++)
            if (p->offer[i].attribute[k] == attribute)
                return true;
    return false;
}

bool ledger_procedure_offers_new(const struct ledger_procedure *p, uint16_t to_procedure,
                                 uint16_t state)
{
    for (unsigned i = 0; i < p->n_offers; i++)
        if (p->offer[i].procedure == to_procedure && p->offer[i].state == state)
            return state != 0;
    return false;
}

enum ledger_part_type ledger_part_type_of(const struct ledger_procedure *p, uint16_t attribute)
{
    const struct ledger_attribute_decl *a = ledger_procedure_attribute(p, attribute);

    switch (attribute) {
    case 0:
        return LEDGER_PART_UINT;
    case LEDGER_ATTR_OPEN:
        return LEDGER_PART_BOOL;
    case LEDGER_ATTR_PARENT:
        return LEDGER_PART_BIN;
    case LEDGER_ATTR_DUE_DAY:
        return LEDGER_PART_DAY;
    }
    if (a == NULL || a->type.list_max > 0)
        return LEDGER_PART_ABSENT;
    switch (a->type.base) {
    case LEDGER_TYPE_BOOL:
        return LEDGER_PART_BOOL;
    case LEDGER_TYPE_INT:
    case LEDGER_TYPE_MONEY:
        return LEDGER_PART_INT;
    case LEDGER_TYPE_TIME:
    case LEDGER_TYPE_MEMBER:
        return LEDGER_PART_UINT;
    case LEDGER_TYPE_DATE:
        return LEDGER_PART_DAY;
    case LEDGER_TYPE_TEXT:
    case LEDGER_TYPE_CODE:
        return LEDGER_PART_STR;
    case LEDGER_TYPE_REF:
        return a->type.procedure != 0 ? LEDGER_PART_BIN : LEDGER_PART_STR;
    case LEDGER_TYPE_BYTES:
    case LEDGER_TYPE_HASH:
    case LEDGER_TYPE_KEY:
    case LEDGER_TYPE_PRIVATE:
    case LEDGER_TYPE_FILE:
        return LEDGER_PART_BIN;
    case LEDGER_TYPE_LINES:
        return LEDGER_PART_ABSENT;
    }
    return LEDGER_PART_ABSENT;
}

static const struct ledger_op_form OP_FORMS[LEDGER_OP_LAST + 1] = {
    [LEDGER_OP_INT] = {"i", 0},
    [LEDGER_OP_BOOL] = {"b", 0},
    [LEDGER_OP_TEXT] = {"t", 0},
    [LEDGER_OP_FIELD] = {"n", 0},
    [LEDGER_OP_ATTRIBUTE] = {"n", 0},
    [LEDGER_OP_SELF] = {"", 0},
    [LEDGER_OP_ACTOR] = {"", 0},
    [LEDGER_OP_NOW] = {"", 0},
    [LEDGER_OP_ITEM] = {"", 0},
    [LEDGER_OP_PART] = {"n", 1},
    [LEDGER_OP_HAS] = {"", 1},
    [LEDGER_OP_OF] = {"pn", 1},
    [LEDGER_OP_STATE] = {"n", 0},
    [LEDGER_OP_STATE_OF] = {"pn", 1},
    [LEDGER_OP_AND] = {"c", LEDGER_OP_COUNT},
    [LEDGER_OP_OR] = {"c", LEDGER_OP_COUNT},
    [LEDGER_OP_NOT] = {"", 1},
    [LEDGER_OP_EQ] = {"", 2},
    [LEDGER_OP_NE] = {"", 2},
    [LEDGER_OP_LT] = {"", 2},
    [LEDGER_OP_LE] = {"", 2},
    [LEDGER_OP_GT] = {"", 2},
    [LEDGER_OP_GE] = {"", 2},
    [LEDGER_OP_ADD] = {"", 2},
    [LEDGER_OP_SUB] = {"", 2},
    [LEDGER_OP_MUL] = {"", 2},
    [LEDGER_OP_DIV] = {"", 2},
    [LEDGER_OP_MIN] = {"", 2},
    [LEDGER_OP_MAX] = {"", 2},
    [LEDGER_OP_IF] = {"", 3},
    [LEDGER_OP_PASSED] = {"n", 0},
    [LEDGER_OP_RUNNING] = {"n", 0},
    [LEDGER_OP_STARTED] = {"n", 0},
    [LEDGER_OP_END] = {"n", 0},
    [LEDGER_OP_COSIGNED] = {"", 1},
    [LEDGER_OP_ROLE] = {"t", 1},
    [LEDGER_OP_LOOKUP] = {"nc", 1},
    [LEDGER_OP_LIVE] = {"pnc", LEDGER_OP_COUNT},
    [LEDGER_OP_LEN] = {"", 1},
    [LEDGER_OP_ALL] = {"", 2},
    [LEDGER_OP_ANY] = {"", 2},
    [LEDGER_OP_SUM] = {"", 2},
    [LEDGER_OP_SEAL] = {"", 2},
};

const struct ledger_op_form *ledger_op_form(enum ledger_op op)
{
    bool known = op >= 1 && op <= LEDGER_OP_LAST && OP_FORMS[op].immediates != NULL;

    return known ? &OP_FORMS[op] : NULL;
}

unsigned ledger_op_operands(const struct ledger_expr_node *node)
{
    const struct ledger_op_form *form = ledger_op_form(node->op);

    if (form == NULL)
        return 0;
    return form->operands == LEDGER_OP_COUNT ? node->count : form->operands;
}

uint16_t ledger_procedure_number(const struct ledger_procedure *p)
{
    return p->number;
}

uint16_t ledger_procedure_version(const struct ledger_procedure *p)
{
    return p->version;
}

const char *ledger_procedure_name(const struct ledger_procedure *p)
{
    return p->name;
}

const struct crypto_hash *ledger_procedure_digest(const struct ledger_procedure *p)
{
    return &p->digest;
}

struct bytes ledger_procedure_bytes(const struct ledger_procedure *p)
{
    return p->bytes;
}

const struct ledger_index *ledger_procedure_indexes(const struct ledger_procedure *p,
                                                    uint32_t *count)
{
    *count = p->n_indexes;
    return p->index;
}
