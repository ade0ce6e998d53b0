/*
 * procedure_compile: what the parts of the compiler share. Not for other modules.
 * A compilation goes on after a fault, so that people see all of them at once; nothing is encoded
 * while there is one.
 */
#ifndef ANJU_RPC_PROCEDURE_COMPILE_H
#define ANJU_RPC_PROCEDURE_COMPILE_H

#include "rpc/json_place.h"
#include "rpc/procedure_json.h"

/* A name with its number for ever. */
struct name {
    const char *text;
    uint16_t number;
    bool used; /* this version has it */
    bool fresh; /* the file did not have its number */
};

/* Names of one kind in the order of the file, from `first` on. */
struct names {
    const char *kind;    /* "state", for words */
    const char *section; /* member of `numbers` */
    uint16_t first;
    uint32_t count, room;
    struct name *items;
};

struct compile {
    const struct procedure_json_source *source;
    struct procedure_json_result *result;
    json_t *root;
    char pointer[256]; /* where the compiler is reading */
    struct arena arena;
};

/* A fault at the current place; `right` may be NULL. */
void fault(struct compile *c, const char *right, const char *format, ...) ANJU_PRINTF(3, 4);
/* A fault that names what would be right with a format of its own: the nearest of the names, or all. */
void fault_unknown(struct compile *c, const char *kind, const char *text, const struct names *known);

/* Moves the place to a member or item and back. */
size_t go(struct compile *c, const char *name);
size_t go_item(struct compile *c, size_t index);
void back(struct compile *c, size_t mark);

/* Words for a JSON type: "a string". */
const char *json_words(const json_t *j);
/* A member of an object; NULL (with a fault where required) when it is absent or of another type. */
json_t *member_of(struct compile *c, json_t *object, const char *name, json_type type, bool required);
/* Members other than the listed (separated by spaces) are faults. */
void only_members(struct compile *c, json_t *object, const char *known);
/* A whole number within bounds; `otherwise` after a fault. */
int64_t integer_of(struct compile *c, const json_t *j, int64_t min, int64_t max, int64_t otherwise);
/* [a-z][a-z0-9_-]*, at most 32 characters. */
bool name_is_good(struct compile *c, const char *text);

/* The numbers kept in the file. Load first, then use the names in the order of the file, then write. */
void names_load(struct compile *c, struct names *n);
/* The number of a name that this version declares; a new one gets the next free number. */
uint16_t names_declare(struct compile *c, struct names *n, const char *text);
/* A declared name, or NULL. */
const struct name *names_find(const struct names *n, const char *text);
/* The number of a name that must have been declared; a fault and 0 otherwise. */
uint16_t names_number(struct compile *c, const struct names *n, const char *text);
/* Writes the source with these numbers in its member `numbers`; true where a number is new. */
bool names_write(struct writer *out, struct bytes source, struct names *const *all, size_t count);

/* A type as people write it: BASE[:ARGUMENT][\[n\]][!] */
enum type_base {
    TYPE_BOOL, TYPE_INT, TYPE_MONEY, TYPE_TIME, TYPE_DATE, TYPE_TEXT, TYPE_BYTES, TYPE_HASH, TYPE_KEY,
    TYPE_MEMBER, TYPE_REF, TYPE_CODE, TYPE_PRIVATE, TYPE_FILE, TYPE_LINES,
};
struct type {
    enum type_base base;
    bool required;
    uint32_t list_max; /* 0: a single value */
    int64_t min, max;  /* int, money: bounds; text: the longest, in bytes; bytes: the exact size */
    char argument[65]; /* code: the list; ref: the procedure; empty where there is none */
};
/* False (with a fault) where the text is no type. */
bool type_parse(struct compile *c, struct type *out, const char *text);

/* A span of time as people write it: 15m 2h 7d in calendar time, 2wh 4wd in working time. */
enum span_unit { SPAN_MS, SPAN_WORKING_MINUTES, SPAN_WORKING_DAYS };
struct span {
    enum span_unit unit;
    uint32_t count; /* of the unit; SPAN_MS: of seconds */
};
bool span_parse(struct compile *c, struct span *out, const json_t *j);

#endif
