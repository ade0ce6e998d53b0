/*
 * procedure_json: life cycles as people write them (docs/procedures.md).
 * JSON -> compiled bytes, with every fault named by JSON pointer, line, what is wrong and what
 * would be right; compiled bytes -> JSON of names; the state diagram as text and as Graphviz. Files
 * are read by the caller: nothing here opens one. Any thread.
 */
#ifndef ANJU_RPC_PROCEDURE_JSON_H
#define ANJU_RPC_PROCEDURE_JSON_H

#include <jansson.h>

#include "base/codec.h"
#include "ledger/registry.h"

struct procedure_json_fault {
    char pointer[256]; /* JSON pointer into the file, "" the whole */
    unsigned line, column;
    char wrong[240];
    char right[240]; /* what would be right; may be empty */
};

enum { PROCEDURE_JSON_FAULTS_MAX = 32 };

/* Where a compilation takes its input. `load` reads a file named beside the compiled one (labels,
 * other procedures) into anju_alloc memory that the compilation frees; NOT_FOUND where there is
 * none. */
struct procedure_json_source {
    struct bytes text;
    enum anju_err (*load)(void *user, struct bytes *out, const char *name);
    void *user;
};

struct procedure_json_result {
    struct writer compiled; /* canonical bytes; empty where faults were found */
    struct writer text;     /* the file with its `numbers` filled in */
    bool numbers_changed;   /* `text` differs from the source and wants to be kept */
    uint32_t n_faults;
    struct procedure_json_fault faults[PROCEDURE_JSON_FAULTS_MAX]; /* in the order of discovery */
};

/* MALFORMED: there are faults (and anju_err_text has the first). The result is to be freed either
 * way. */
ANJU_MUST_CHECK enum anju_err procedure_json_compile(struct procedure_json_result *out,
                                                     const struct procedure_json_source *source);
void procedure_json_result_free(struct procedure_json_result *r);

/* Names and numbers of a compiled procedure: states, attributes, actions with their fields, clocks,
 * clauses, indexes, and the expressions in the words of the language. New reference. */
json_t *procedure_json_describe(const struct ledger_procedure *p);

struct ledger_expr;
struct ledger_action;
/* An expression in the words of the language; fields by the names of `a`, or by number where it is
 * NULL. */
json_t *procedure_json_expr(const struct ledger_procedure *p, const struct ledger_expr *e,
                            const struct ledger_action *a);
/* "state" for 0, built-in ones included. */
const char *procedure_json_attribute_name(const struct ledger_procedure *p, uint16_t number);

/* The state diagram: a table of transitions for people, or Graphviz dot. */
void procedure_json_draw_text(struct writer *out, const struct ledger_procedure *p);
void procedure_json_draw_dot(struct writer *out, const struct ledger_procedure *p);

#endif
