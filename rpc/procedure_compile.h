/*
 * procedure_compile: what the parts of the compiler share. Not for other modules.
 * A compilation goes on after a fault, so that people see all of them at once; nothing is encoded
 * while there is one.
 */
#ifndef ANJU_RPC_PROCEDURE_COMPILE_H
#define ANJU_RPC_PROCEDURE_COMPILE_H

#include "ledger/procedure_body.h"
#include "rpc/json_place.h"
#include "rpc/procedure_json.h"

/* A type as people write it: BASE[:ARGUMENT][\[n\]][!] */
enum type_base {
    TYPE_BOOL,
    TYPE_INT,
    TYPE_MONEY,
    TYPE_TIME,
    TYPE_DATE,
    TYPE_TEXT,
    TYPE_BYTES,
    TYPE_HASH,
    TYPE_KEY,
    TYPE_MEMBER,
    TYPE_REF,
    TYPE_CODE,
    TYPE_PRIVATE,
    TYPE_FILE,
    TYPE_LINES,
};
struct type {
    enum type_base base;
    bool required;
    uint32_t list_max; /* 0: a single value */
    int64_t min, max;  /* int, money: bounds; text: the longest, in bytes; bytes: the exact size */
    char argument[65]; /* code: the list; ref: the procedure; empty where there is none */
};
/* A name with its number for ever. */
struct name {
    const char *text;
    uint16_t number;
    bool used;        /* this version has it */
    bool fresh;       /* the file did not have its number */
    struct type type; /* attributes and fields */
};

/* Names of one kind in the order of the file, from `first` on. */
struct names {
    const char *kind;    /* "state", for words */
    const char *section; /* member of `numbers` */
    uint16_t first;
    uint32_t count, room;
    struct name *items;
};

/* What a procedure shows to expressions: its own, and those of others that it uses. */
struct face {
    const char *name;
    uint16_t number;
    json_t *root;
    struct names states, attributes, indexes;
    const struct face *parent; /* whose subjects are the parents of its own; NULL: it has none */
};
enum { FACES_MAX = 8 };

struct face;
enum value_kind {
    KIND_NONE,
    KIND_BOOL,
    KIND_INT,
    KIND_TEXT,
    KIND_BYTES,
    KIND_MEMBER,
    KIND_REF,
    KIND_LINE
};
struct value {
    enum value_kind kind; /* NONE: after a fault */
    bool list;
    const struct face *face; /* REF, LINE: of which procedure; NULL: a plain reference */
};
struct compile {
    const struct procedure_json_source *source;
    struct procedure_json_result *result;
    json_t *root;
    json_t *labels; /* the labels file, or NULL */
    char pointer[256]; /* where the compiler is reading */
    struct arena arena;
    struct face *self; /* = faces */
    struct face faces[FACES_MAX];
    uint32_t n_faces;
    struct names fields; /* "name type": a number is never retyped */
    struct names actions, clocks, tables, clauses;
    struct names here;  /* the fields of the action being compiled, by their bare names */
    struct value item;  /* what `item` is, inside all, any and sum */
    bool working_time;  /* some span needs a calendar */
    const char *action; /* the one being compiled, or NULL */
    unsigned nodes;     /* of its expressions so far */
};

/* A fault at the current place; `right` may be NULL. */
void compile_fault(struct compile *c, const char *right, const char *format, ...) ANJU_PRINTF(3, 4);
/* A fault that names what would be right with a format of its own: the nearest of the names, or
 * all. */
void compile_fault_unknown(struct compile *c, const char *kind, const char *text,
                           const struct names *known);

/* Moves the place to a member or item and back. */
size_t compile_go(struct compile *c, const char *name);
size_t compile_go_item(struct compile *c, size_t index);
void compile_back(struct compile *c, size_t mark);

/* Words for a JSON type: "a string". */
const char *compile_json_words(const json_t *j);
/* A member of an object; NULL (with a fault where required) when it is absent or of another type.
 */
json_t *compile_member(struct compile *c, json_t *object, const char *name, json_type type,
                       bool required);
/* Members other than the listed (separated by spaces) are faults. */
void compile_only(struct compile *c, json_t *object, const char *known);
/* A whole number within bounds; `otherwise` after a fault. */
int64_t compile_integer(struct compile *c, const json_t *j, int64_t min, int64_t max,
                        int64_t otherwise);
/* [a-z][a-z0-9_-]*, at most 32 characters. */
bool compile_name_is_good(struct compile *c, const char *text);

/* The numbers kept in the file. Load first, then use the names in the order of the file, then
 * write. */
void names_load(struct compile *c, struct names *n, json_t *root);
/* The number of a name that this version declares; a new one gets the next free number. */
struct name *names_declare(struct compile *c, struct names *n, const char *text);
/* The same for a name that may be declared again by another action. */
struct name *names_share(struct compile *c, struct names *n, const char *text);
/* A declared name, or NULL. */
const struct name *names_find(const struct names *n, const char *text);
/* The number of a name that must have been declared; a fault and 0 otherwise. */
uint16_t names_number(struct compile *c, const struct names *n, const char *text);
/* Writes the source with these numbers in its member `numbers`; true where a number is new. */
bool names_write(struct writer *out, struct bytes source, struct names *const *all, size_t count);

/* False (with a fault) where the text is no type. */
bool type_parse(struct compile *c, struct type *out, const char *text);

/* A span of time as people write it: 15m 2h 7d in calendar time, 2wh 4wd in working time. */
enum span_unit { SPAN_MS, SPAN_WORKING_MINUTES, SPAN_WORKING_DAYS };
struct span {
    enum span_unit unit;
    uint32_t count; /* of the unit; SPAN_MS: of seconds */
};
bool span_parse(struct compile *c, struct span *out, const json_t *j);

/* An expression while it is read; its node array has room for all. */
struct expr {
    uint16_t n;
    struct ledger_expr_node node[LEDGER_NODES_MAX];
};

/* Reads an expression; the kind of its value. KIND_NONE after a fault. */
struct value expr_parse(struct compile *c, struct expr *out, json_t *j);
/* The same, and a fault where the value is of another kind. */
bool expr_parse_as(struct compile *c, struct expr *out, json_t *j, enum value_kind kind);
/* One in the arena; and one that is read there, NULL after a fault. */
struct expr *expr_new(struct compile *c);
const struct expr *expr_at(struct compile *c, json_t *j, enum value_kind kind);
struct value expr_value_of_type(struct compile *c, const struct type *t);
/* The procedure of that name among those that this one uses; NULL with a fault. */
const struct face *compile_face(struct compile *c, const char *name);
/* @field, $attribute, or $open, $parent, $due_day, $self. Fault and KIND_NONE where unknown. */
struct value expr_parse_name(struct compile *c, struct expr *out, const char *text);
/* Number of an attribute of a procedure, built-in ones included, "state" = 0; type in *type where
 * not NULL. */
bool expr_attribute_number(struct compile *c, const struct face *f, const char *text,
                           uint16_t *number, struct type *type);

/* The number of the list, count or unique over these components, with a fault where there is none.
 */
uint16_t compile_index_number(struct compile *c, const struct face *f, json_t *parts);
bool compile_role_is_known(struct compile *c, const char *role);
/* "text", "ref:order", "key[]": a type without its bounds, which may change. */
void type_words(char out[96], const struct type *t);

#endif
