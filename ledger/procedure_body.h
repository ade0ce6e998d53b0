/*
 * procedure_body: a decoded procedure, for the engine that runs it and the tools that write and
 * show it. Numbers stand for names (docs/procedures.md, "The compiled form"); names are kept for
 * words only, nothing is decided by them. What ledger_procedure_decode gives satisfies every bound
 * below, each list is in the order of the file and each number refers to something that is there;
 * what it can't know is what other procedures hold (their attributes, states and indexes), so the
 * engine asks for those as it goes.
 */
#ifndef ANJU_LEDGER_PROCEDURE_BODY_H
#define ANJU_LEDGER_PROCEDURE_BODY_H

#include "base/arena.h"
#include "ledger/procedure.h"

enum {
    LEDGER_PROCEDURE_FORMAT = 1,
    LEDGER_PROCEDURE_SIZE_MAX = 60 * 1024,
    LEDGER_NAME_SIZE_MAX = 64,
    LEDGER_STATES_MAX = 64,
    LEDGER_ACTIONS_MAX = 128,
    LEDGER_FIELDS_MAX = 64, /* of an action */
    LEDGER_OWN_ATTRIBUTES_MAX = 64,
    LEDGER_NODES_MAX = 64, /* of the expressions of an action */
    LEDGER_CASES_MAX = 32,
    LEDGER_ACTORS_MAX = 16, /* ways to act; slots of an approval */
    LEDGER_ROLES_MAX = 16,
    LEDGER_NOT_MAX = 8,
    LEDGER_CHECKS_MAX = 32,
    LEDGER_TOUCHES_MAX = 8, /* other subjects that an action names */
    LEDGER_CLOCKS_MAX = 16,
    LEDGER_EDGES_MAX = 16, /* starts, stops or moves of a clock */
    LEDGER_TABLES_MAX = 8,
    LEDGER_ROWS_MAX = 64,
    LEDGER_COLUMNS_MAX = 8,
    LEDGER_OFFERS_MAX = 8,
    LEDGER_CLAUSES_MAX = 256,
    LEDGER_ITEMS_MAX = 1000, /* of a list in a field or an attribute */
    LEDGER_TEXT_SIZE_MAX = 4096,
};

/* What a value is. In records and attributes: bool; int and money signed, time (ms) and date (days)
 * unsigned; text and code str; bytes, hash (32), key (33), private and file (32, a commitment) bin;
 * member unsigned; ref [procedure, subject bin 16], a plain one (of no procedure) str; a line
 * [reference, amount]. A list is an array of at most list_max of these. */
enum ledger_type_base {
    LEDGER_TYPE_BOOL = 1,
    LEDGER_TYPE_INT,
    LEDGER_TYPE_MONEY,
    LEDGER_TYPE_TIME,
    LEDGER_TYPE_DATE,
    LEDGER_TYPE_TEXT,
    LEDGER_TYPE_BYTES,
    LEDGER_TYPE_HASH,
    LEDGER_TYPE_KEY,
    LEDGER_TYPE_MEMBER,
    LEDGER_TYPE_REF,
    LEDGER_TYPE_CODE,
    LEDGER_TYPE_PRIVATE,
    LEDGER_TYPE_FILE,
    LEDGER_TYPE_LINES,
};
struct ledger_type {
    enum ledger_type_base base;
    bool required;     /* fields only */
    uint32_t list_max; /* 0: one value; lines always have one */
    int64_t min, max; /* int, money: bounds; text: max = the longest, bytes: max = the exact size */
    uint16_t procedure; /* ref, lines: of which procedure; 0: a plain reference */
    struct bytes codes; /* code: the name of the list */
};

/*
 * Expressions: operators before their operands in one flat list. Immediate operands are in the
 * node. Values are dynamically typed; an operand of another kind than the operator takes makes the
 * expression fail (LEDGER_REFUSED_CHECK). An absent attribute or field counts as 0 where it is an
 * int or money, as false where it is a bool; other absent values make every comparison false.
 * Arithmetic is checked (LEDGER_REFUSED_ARITHMETIC).
 */
enum ledger_op {
    LEDGER_OP_INT = 1,   /* value */
    LEDGER_OP_BOOL,      /* value 0 or 1 */
    LEDGER_OP_TEXT,      /* text */
    LEDGER_OP_FIELD,     /* number */
    LEDGER_OP_ATTRIBUTE, /* number; built-in ones included */
    LEDGER_OP_SELF,      /* a reference to the subject */
    LEDGER_OP_ACTOR,     /* the member that signs */
    LEDGER_OP_NOW,       /* block time, ms */
    LEDGER_OP_ITEM,      /* of the innermost all, any or sum */
    LEDGER_OP_PART,      /* number 0: the subject of a line, 1: its amount; operand: the line */
    LEDGER_OP_HAS,       /* operand: FIELD or ATTRIBUTE; is it there? */
    LEDGER_OP_OF,        /* procedure, number of its attribute; operand: a reference */
    LEDGER_OP_STATE,     /* number; is the subject in this state? */
    LEDGER_OP_STATE_OF,  /* procedure, number; operand: a reference; is that one in this state? */
    LEDGER_OP_AND,
    LEDGER_OP_OR, /* count of operands */
    LEDGER_OP_NOT,
    LEDGER_OP_EQ,
    LEDGER_OP_NE,
    LEDGER_OP_LT,
    LEDGER_OP_LE,
    LEDGER_OP_GT,
    LEDGER_OP_GE,
    LEDGER_OP_ADD,
    LEDGER_OP_SUB,
    LEDGER_OP_MUL,
    LEDGER_OP_DIV, /* div: toward zero; by 0: refused */
    LEDGER_OP_MIN,
    LEDGER_OP_MAX,
    LEDGER_OP_IF,       /* condition, then, else */
    LEDGER_OP_PASSED,   /* number of a clock: its end is there and <= now, pauses counted */
    LEDGER_OP_RUNNING,  /* it was started and neither stopped nor passed */
    LEDGER_OP_STARTED,  /* it was ever started */
    LEDGER_OP_END,      /* its end, ms; absent where never started */
    LEDGER_OP_COSIGNED, /* operand: a key; did it cosign this record? */
    LEDGER_OP_ROLE,     /* text; operand: a member; has it the role? */
    LEDGER_OP_LOOKUP,   /* number of a table of numbers, count = column; operand: text, the row. No
                           row: fails */
    LEDGER_OP_LIVE, /* procedure, number of an index, count operands: how many subjects have this
                       tuple now */
    LEDGER_OP_LEN,  /* operand: a list; absent: 0 */
    LEDGER_OP_ALL,
    LEDGER_OP_ANY,
    LEDGER_OP_SUM,  /* a list, then what is evaluated for each item */
    LEDGER_OP_SEAL, /* value, salt: the hash that ledger_seal gives */
    LEDGER_OP_LAST = LEDGER_OP_SEAL,
};
struct ledger_expr_node {
    enum ledger_op op;
    uint16_t number, procedure, count;
    int64_t value;
    struct bytes text;
};
struct ledger_expr {
    uint16_t n; /* 0: there is none */
    struct ledger_expr_node *node;
};
/* How an operator stands in the list: what follows its number in the node, one letter an item (i value, an
 * integer; b value, a bool; t text; n number; p procedure; c count), and how many operands follow the node. */
struct ledger_op_form {
    const char *immediates;
    uint8_t operands; /* LEDGER_OP_COUNT: as many as the node's count says */
};
enum { LEDGER_OP_COUNT = UINT8_MAX };
/* NULL: there is no such operator. */
const struct ledger_op_form *ledger_op_form(enum ledger_op op);
/* How many operands follow a node. */
unsigned ledger_op_operands(const struct ledger_expr_node *node);

/* A sealed choice: SHA-256 of ("anju/seal/1", 0x00, subject id 16, salt, value as canonical
 * msgpack). The salt (bytes, 32 are advised) is shown when the choice is opened. */
void ledger_seal(struct crypto_hash *out, const struct ledger_subject_id *subject,
                 struct bytes salt, struct bytes value);

/* A span of time. */
enum ledger_unit { LEDGER_UNIT_SECONDS = 1, LEDGER_UNIT_WORKING_MINUTES, LEDGER_UNIT_WORKING_DAYS };
struct ledger_span {
    enum ledger_unit unit; /* 0: there is none */
    uint32_t count;
};

struct ledger_table {
    const char *name;
    uint16_t number;
    bool spans; /* else numbers */
    uint8_t n_columns;
    uint8_t n_rows;
    struct ledger_row {
        struct bytes key;
        struct ledger_span span[LEDGER_COLUMNS_MAX];
        int64_t value[LEDGER_COLUMNS_MAX];
    } * row;
};

/* Who may act: everything that is given must hold. In a slot of an approval: anyone of `roles`, or
 * `is`. */
struct ledger_actor_rule {
    bool anyone;
    uint8_t n_roles; /* one of them */
    struct bytes *roles;
    struct ledger_expr is;     /* a member */
    struct ledger_expr cosign; /* a key, or a list of keys of which one cosigns */
    uint16_t timer;            /* a clock; 0: none. Then nothing else is given */
};

/* m of the slots, each filled by one member, each member filling one. The first record opens it,
 * records of the same action with equal fields fill slots, the m-th carries it out. */
struct ledger_need {
    uint8_t m; /* 0: no approval is needed */
    uint8_t n_slots;
    struct ledger_actor_rule *slot;
    uint8_t n_not;
    struct ledger_expr * not ; /* members that can't approve */
    struct ledger_span within;
};

enum ledger_change_kind { LEDGER_CHANGE_SET = 1, LEDGER_CHANGE_ADD, LEDGER_CHANGE_CLEAR };
/* set: the value, and nothing changes where it is absent (a kept field that was left out). add: to
 * a number (absent = 0), or one more item to a list (an absent value adds none; one that is in it
 * already is not added again). */
struct ledger_change {
    enum ledger_change_kind kind;
    uint16_t attribute;
    struct ledger_expr value; /* clear: none */
};
/* Changes of a subject that a reference names; or, with a state, a new subject: then `subject`
 * gives its id (bytes of 16), its parent is the subject that acts where its procedure has that
 * parent, and the clocks that this state starts run. Values are all taken before anything changes.
 */
struct ledger_touch {
    uint16_t procedure;
    uint16_t state; /* of the new subject; 0: the subject exists */
    struct ledger_expr subject;
    uint8_t n_changes;
    struct ledger_change *change;
};

struct ledger_action {
    const char *name;
    uint16_t number;
    bool creates; /* then there is no `from` */
    uint8_t n_from;
    uint16_t *from;
    uint8_t n_cases; /* the first whose condition holds, judged after the effects; none:
                        LEDGER_REFUSED_CASE */
    struct ledger_case {
        struct ledger_expr when; /* none: always */
        uint16_t to;             /* 0: the state stays */
    } * cases;
    uint8_t n_by; /* one of them */
    struct ledger_actor_rule *by;
    struct ledger_need need;
    uint8_t n_fields;
    struct ledger_field {
        const char *name;
        uint16_t number;
        struct ledger_type type;
    } * field; /* ascending by number */
    uint8_t n_checks;
    struct ledger_check {
        struct ledger_expr that;
        uint16_t clause;
    } * check;
    uint8_t n_changes;
    struct ledger_change *change; /* of the subject itself */
    struct ledger_expr parent;    /* a reference; only where it creates */
    uint8_t n_touches;
    struct ledger_touch *touch;
    struct ledger_expr post; /* lines over accounts; none: it posts nothing */
    uint16_t post_procedure;
    struct ledger_share {
        struct ledger_expr lines, total; /* none: it shares nothing */
        uint16_t procedure;
        uint16_t weight, add; /* attributes of the subjects in the lines */
    } share;
};

/* An action, or entering a state (then action is 0), that starts or stops a clock; or an action
 * that gives it a new end. */
struct ledger_edge {
    uint16_t action, state;
    struct ledger_expr
        until; /* start: the end, where it is there (else the clock's length); move: the new end */
};
struct ledger_clock {
    const char *name;
    uint16_t number;
    uint8_t n_start, n_stop, n_move;
    struct ledger_edge *start, *stop, *move;
    /* The length where no `until` is given: a span, or a cell of a table. Neither: then it does not
     * start. */
    struct ledger_span span;
    uint16_t table, column;
    struct ledger_expr row; /* text */
    uint8_t n_pause;
    uint16_t *pause; /* states */
    struct ledger_span pause_max;
    bool again;
};

struct ledger_procedure {
    uint16_t number, version;
    const char *name;
    uint16_t calendar; /* 0: none, then there are no working times */
    uint16_t parent;   /* the procedure of its subjects' parents; 0: they have none */
    bool has_labels;
    struct crypto_hash labels; /* SHA-256 of the labels file */
    uint8_t n_states;
    struct ledger_state {
        const char *name;
        uint16_t number;
        bool ended;
    } * state; /* ascending by number */
    uint8_t n_attributes;
    struct ledger_attribute_decl {
        const char *name;
        uint16_t number;
        struct ledger_type type;
    } * attribute; /* ascending by number */
    uint8_t n_tables;
    struct ledger_table *table;
    uint8_t n_clocks;
    struct ledger_clock *clock; /* ascending by number */
    uint8_t n_actions;
    struct ledger_action *action; /* ascending by number */
    uint8_t n_indexes;
    struct ledger_index *index; /* ascending by number */
    uint8_t n_offers;
    struct ledger_offer { /* which of its attributes another procedure may change, and what it may
                             create */
        uint16_t procedure;
        uint16_t state; /* of a subject that it may create; 0: it may not */
        uint8_t n;
        uint16_t *attribute;
    } * offer;
    /* Where its subjects are accounts: the attributes that hold balance and kind (0: they are
     * none), and the bounds of the balance of each kind. */
    uint16_t balance, kind;
    uint8_t n_kinds;
    struct ledger_account_kind {
        struct bytes code;
        int64_t min, max;
    } * kinds;
    uint16_t n_clauses;
    struct ledger_clause {
        const char *name;
        uint16_t number;
    } * clause; /* ascending by number */

    struct bytes bytes; /* the compiled form */
    struct crypto_hash digest;
    struct arena arena; /* owns everything above */
};

/* The canonical bytes. Everything but bytes, digest and arena must be filled in. */
void ledger_procedure_encode(struct writer *out, const struct ledger_procedure *p);

/* NULL where there is none. */
const struct ledger_action *ledger_procedure_action(const struct ledger_procedure *p,
                                                    uint16_t number);
const struct ledger_state *ledger_procedure_state(const struct ledger_procedure *p,
                                                  uint16_t number);
const struct ledger_attribute_decl *ledger_procedure_attribute(const struct ledger_procedure *p,
                                                               uint16_t number);
const struct ledger_clock *ledger_procedure_clock(const struct ledger_procedure *p,
                                                  uint16_t number);
const struct ledger_table *ledger_procedure_table(const struct ledger_procedure *p,
                                                  uint16_t number);
const struct ledger_field *ledger_action_field(const struct ledger_action *a, uint16_t number);
/* "final", or NULL. */
const char *ledger_procedure_clause(const struct ledger_procedure *p, uint16_t number);
/* The type of an attribute's component in an index; ABSENT: it can be none (0 is the state). */
enum ledger_part_type ledger_part_type_of(const struct ledger_procedure *p, uint16_t attribute);
bool ledger_procedure_is_ended(const struct ledger_procedure *p, uint16_t state);
bool ledger_procedure_offers(const struct ledger_procedure *p, uint16_t to_procedure,
                             uint16_t attribute);
/* May the other procedure create a subject in this state? */
bool ledger_procedure_offers_new(const struct ledger_procedure *p, uint16_t to_procedure,
                                 uint16_t state);

#endif
