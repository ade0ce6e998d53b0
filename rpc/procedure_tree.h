/*
 * procedure_tree: a procedure between its file and its compiled form: names resolved, types
 * checked. Memory: the compilation's arena.
 */
#ifndef ANJU_RPC_PROCEDURE_TREE_H
#define ANJU_RPC_PROCEDURE_TREE_H

#include "rpc/procedure_compile.h"

enum {
    STATES_MAX = 64,
    ACTIONS_MAX = 128,
    FIELDS_MAX = 64,
    ATTRIBUTES_MAX = 64,
    CASES_MAX = 32,
    BY_MAX = 16,
    ROLES_MAX = 16,
    SLOTS_MAX = 16,
    NOT_MAX = 8,
    CLOCKS_MAX = 16,
    CHECKS_MAX = 32,
    TOUCHES_MAX = 8,
    TABLES_MAX = 8,
    ROWS_MAX = 64,
    COLUMNS_MAX = 8,
    OFFERS_MAX = 8,
};

/* Who may act; all that is given must hold. */
struct tree_actor {
    bool anyone;
    uint8_t n_roles; /* any of them */
    const char *roles[ROLES_MAX];
    const struct expr *is;     /* a member */
    const struct expr *cosign; /* a key, or a list of keys */
    uint16_t timer;            /* a clock; 0: none */
};

struct tree_need {
    uint32_t m;
    uint32_t n_slots;
    struct tree_actor slot[SLOTS_MAX];
    uint32_t n_not;
    const struct expr * not [NOT_MAX];
    struct span within;
};

enum change_kind { CHANGE_SET, CHANGE_ADD, CHANGE_CLEAR };
struct tree_change {
    enum change_kind kind;
    uint16_t attribute;
    const struct expr *value; /* NULL: clear */
};
struct tree_changes {
    uint32_t n;
    struct tree_change item[ATTRIBUTES_MAX];
};

/* Changes on a subject that a reference names. */
struct tree_touch {
    const struct face *face;
    const struct expr *subject;
    uint16_t state; /* of a subject that it creates; 0: it exists */
    struct tree_changes changes;
};

struct tree_case {
    const struct expr *when; /* NULL: always */
    uint16_t to;             /* 0: the same state */
};

struct tree_action {
    const char *name;
    uint16_t number;
    bool creates;
    uint32_t n_from;
    uint16_t from[STATES_MAX];
    uint32_t n_cases;
    struct tree_case cases[CASES_MAX];
    uint32_t n_by;
    struct tree_actor by[BY_MAX];
    struct tree_need *need; /* NULL: none */
    uint32_t n_fields;
    struct tree_field {
        const char *name;
        uint16_t number;
        struct type type;
    } field[FIELDS_MAX];
    uint32_t n_checks;
    struct tree_check {
        const struct expr *that;
        uint16_t clause;
    } check[CHECKS_MAX];
    struct tree_changes changes; /* keep, set, add, clear of its own subject */
    const struct expr *parent;
    uint32_t n_touches;
    struct tree_touch *touch[TOUCHES_MAX];
    struct tree_post {
        const struct expr *lines;
        const struct face *face;
    } post; /* lines NULL: none */
    struct tree_share {
        const struct expr *lines, *total;
        const struct face *face;
        uint16_t weight, add; /* attributes of the subjects in the lines */
    } share;
};

struct tree_length { /* how long a clock runs */
    bool given;
    struct span span;
    uint16_t table; /* 0: the span */
    uint16_t column;
    const struct expr *row;
};

struct tree_clock {
    const char *name;
    uint16_t number;
    uint32_t n_start; /* either an action or, where action is 0, a state */
    struct tree_edge {
        uint16_t action, state;
        const struct expr *until;
    } start[16];
    uint32_t n_stop;
    struct tree_edge stop[16];
    uint32_t n_move;
    struct tree_edge move[16];
    struct tree_length length;
    uint32_t n_pause;
    uint16_t pause[STATES_MAX];
    struct span pause_max;
    bool again;
};

struct tree_table {
    const char *name;
    uint16_t number;
    bool spans;
    uint32_t n_rows, n_columns;
    struct tree_row {
        const char *key;
        struct span span[COLUMNS_MAX];
        int64_t value[COLUMNS_MAX];
    } * row;
};

struct tree_index {
    uint16_t number;
    enum ledger_index_kind kind;
    uint8_t n_parts;
    uint16_t attribute[LEDGER_INDEX_PARTS_MAX];
    struct type type[LEDGER_INDEX_PARTS_MAX];
};

struct tree_offer {
    const struct face *face;
    uint16_t state; /* in which it may create subjects; 0: it may not */
    uint32_t n;
    uint16_t attribute[ATTRIBUTES_MAX];
};

struct tree_kind {
    const char *code;
    int64_t min, max;
};

struct tree {
    uint16_t version, calendar;
    uint8_t labels[32];
    bool has_labels;
    uint32_t n_ended;
    uint16_t ended[STATES_MAX];
    uint32_t n_tables;
    struct tree_table table[TABLES_MAX];
    uint32_t n_clocks;
    struct tree_clock *clock[CLOCKS_MAX];
    uint32_t n_actions;
    struct tree_action *action[ACTIONS_MAX];
    uint32_t n_indexes;
    struct tree_index index[LEDGER_INDEXES_MAX];
    uint32_t n_offers;
    struct tree_offer offer[OFFERS_MAX];
    uint16_t balance, kind; /* attributes of an account; 0: posts do not reach it */
    uint32_t n_kinds;
    struct tree_kind kinds[ROWS_MAX];
};

/* Reads everything that is declared, in this order, into c and t; goes on after faults. */
void tree_declare(struct compile *c, struct tree *t);
void tree_actions(struct compile *c, struct tree *t);
/* The part of an action that changes things; its fields were read before. */
void tree_effects(struct compile *c, struct tree_action *a, json_t *object);
void tree_clocks(struct compile *c, struct tree *t);
/* What holds of the whole: states that are reached and left, cases that differ, effects that are
 * offered. */
void tree_check(struct compile *c, struct tree *t);

#endif
