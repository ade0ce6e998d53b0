#include "rpc/procedure_json.h"

#include <stdio.h>
#include <string.h>

#include "rpc/procedure_emit.h"

enum { COMPILED_SIZE_MAX = 60 * 1024 };

static json_t *parse(struct compile *c)
{
    struct bytes text = c->source->text;
    json_error_t error;
    json_t *root;
    struct procedure_json_result *r = c->result;

    if (text.size > 0 && memchr(text.data, 0, text.size) != NULL) { /* jansson takes one after a number */
        compile_fault(c, NULL, "the file has a NUL byte");
        return NULL;
    }
    root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        compile_fault(c, NULL, "%s", error.text);
        r->faults[0].line = error.line > 0 ? (unsigned)error.line : 1;
        r->faults[0].column = error.column > 0 ? (unsigned)error.column : 1;
        return NULL;
    }
    if (!json_is_object(root)) {
        compile_fault(c, "{\"name\": ..., \"number\": ..., \"states\": ...}",
                      "a procedure is an object, this is %s", compile_json_words(root));
        json_decref(root);
        return NULL;
    }
    return root;
}

/* The encoder and the ledger's decoder check each other: what is written must be readable. */
static void encode(struct compile *c, const struct tree *t)
{
    struct procedure_json_result *r = c->result;
    struct ledger_procedure *p = NULL;

    procedure_emit(&r->compiled, c, t);
    if (r->compiled.size > COMPILED_SIZE_MAX)
        compile_fault(c, "a procedure of fewer actions, or shorter names",
                      "%zu bytes compiled; at most %d", r->compiled.size, COMPILED_SIZE_MAX);
    else if (ledger_procedure_decode(&p, writer_view(&r->compiled), &CRYPTO_ZERO_HASH) != ANJU_OK)
        compile_fault(c, NULL, "%s", anju_err_text());
    ledger_procedure_free(p);
}

static void write_numbers(struct compile *c)
{
    struct names *const all[] = {&c->self->states, &c->self->attributes, &c->actions,
                                 &c->fields,       &c->clocks,           &c->tables,
                                 &c->clauses,      &c->self->indexes};

    c->result->numbers_changed =
        names_write(&c->result->text, c->source->text, all, sizeof all / sizeof *all);
}

enum anju_err procedure_json_compile(struct procedure_json_result *out,
                                     const struct procedure_json_source *source)
{
    struct compile c = {.source = source, .result = out};
    struct tree *t;

    *out = (struct procedure_json_result){0};
    c.root = parse(&c);
    if (c.root != NULL) {
        t = arena_alloc(&c.arena, sizeof *t);
        tree_declare(&c, t);
        tree_actions(&c, t);
        tree_clocks(&c, t);
        if (out->n_faults == 0)
            tree_check(&c, t);
        if (out->n_faults == 0)
            encode(&c, t);
        if (out->n_faults == 0)
            write_numbers(&c);
    }
    for (uint32_t i = 1; i < c.n_faces; i++)
        json_decref(c.faces[i].root);
    json_decref(c.labels);
    json_decref(c.root);
    arena_free(&c.arena);
    if (out->n_faults == 0)
        return ANJU_OK;
    writer_clear(&out->compiled);
    const struct procedure_json_fault *f = &out->faults[0];
    return anju_fail(ANJU_ERR_MALFORMED, "line %u, %s: %s%s%s", f->line,
                     f->pointer[0] != '\0' ? f->pointer : "the whole file", f->wrong,
                     f->right[0] != '\0' ? "; right would be: " : "", f->right);
}

void procedure_json_result_free(struct procedure_json_result *r)
{
    if (r == NULL)
        return;
    writer_free(&r->compiled);
    writer_free(&r->text);
    *r = (struct procedure_json_result){0};
}
