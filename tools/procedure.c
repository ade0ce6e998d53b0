/*
 * anju procedure: check and build life cycles (docs/procedures.md).
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/procedure_json.h"
#include "tools/tools.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

static struct arena arena; /* of the file and what lies beside it; until the process ends */

/* Files that a procedure names lie beside it. */
static enum anju_err load_beside(void *user, struct bytes *out, const char *name)
{
    char folder[4096], path[8192];
    struct bytes file;
    enum anju_err err;

    if (strchr(name, '/') != NULL)
        return anju_fail(ANJU_ERR_MALFORMED, "`%.100s` must lie in the same folder", name);
    (void)snprintf(folder, sizeof folder, "%s", (const char *)user);
    (void)snprintf(path, sizeof path, "%s/%.255s", dirname(folder), name);
    err = tool_read_file(&file, path, FILE_MAX, &arena);
    if (err == ANJU_OK)
        *out = bytes_of(anju_dup(file.data, file.size), file.size);
    return err;
}

static json_t *faults_json(const struct procedure_json_result *r)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < r->n_faults; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s, s:s}", "pointer",
                                              r->faults[i].pointer, "line", (int)r->faults[i].line,
                                              "column", (int)r->faults[i].column, "wrong",
                                              r->faults[i].wrong, "right", r->faults[i].right));
    return list;
}

static int print_faults(const char *path, const struct procedure_json_result *r)
{
    if (tool_json)
        tool_print_json(json_pack("{s:b, s:o}", "ok", 0, "faults", faults_json(r)));
    for (uint32_t i = 0; i < r->n_faults && !tool_json; i++) {
        const struct procedure_json_fault *f = &r->faults[i];
        fprintf(stderr, "%s:%u:%u: %s: %s\n", path, f->line, f->column,
                f->pointer[0] != '\0' ? f->pointer : "/", f->wrong);
        if (f->right[0] != '\0')
            fprintf(stderr, "    right would be: %s\n", f->right);
    }
    return tool_fail(TOOL_REFUSED, "%s has %u fault%s", path, r->n_faults,
                     r->n_faults == 1 ? "" : "s");
}

static int show(const struct procedure_json_result *r, bool dot)
{
    struct ledger_procedure *p = NULL;
    struct writer w = {0};

    if (ledger_procedure_decode(&p, writer_view(&r->compiled), &CRYPTO_ZERO_HASH) != ANJU_OK)
        return tool_fail_err();
    if (tool_json) {
        tool_print_json(json_pack("{s:b, s:I, s:b, s:o}", "ok", 1, "size",
                                  (json_int_t)r->compiled.size, "numbers_complete",
                                  !r->numbers_changed, "procedure", procedure_json_describe(p)));
    } else {
        (dot ? procedure_json_draw_dot : procedure_json_draw_text)(&w, p);
        (void)fwrite(w.data, 1, w.size, stdout);
    }
    if (r->numbers_changed && !tool_json)
        fprintf(
            stderr,
            "some names have no number yet: `anju procedure build` writes them into the file\n");
    writer_free(&w);
    ledger_procedure_free(p);
    return TOOL_OK;
}

static int keep(const char *path, const char *out, const struct procedure_json_result *r)
{
    if (tool_write_file(out, writer_view(&r->compiled), 0644, true) != ANJU_OK)
        return tool_fail_err();
    if (r->numbers_changed && tool_write_file(path, writer_view(&r->text), 0644, true) != ANJU_OK)
        return tool_fail_err();
    if (tool_json)
        tool_print_json(json_pack("{s:b, s:s, s:I, s:b}", "ok", 1, "output", out, "size",
                                  (json_int_t)r->compiled.size, "numbers_written",
                                  r->numbers_changed));
    else
        fprintf(
            stderr, "%s: %zu bytes\n%s", out, r->compiled.size,
            r->numbers_changed
                ? "The numbers of new names are in the file now; keep it, they are never reused.\n"
                : "");
    return TOOL_OK;
}

static int run(char *path, const char *out, bool dot)
{
    struct procedure_json_source source = {.load = load_beside, .user = path};
    struct procedure_json_result result = {0};
    int code;

    if (tool_read_file(&source.text, path, FILE_MAX, &arena) != ANJU_OK)
        return tool_fail_err();
    if (procedure_json_compile(&result, &source) != ANJU_OK)
        code = print_faults(path, &result);
    else
        code = out != NULL ? keep(path, out, &result) : show(&result, dot);
    procedure_json_result_free(&result);
    return code;
}

int cmd_procedure(int argc, char **argv)
{
    static struct tool_option options[] = {
        {.name = "--output", .value = "FILE", .help = "build: where the compiled bytes go"},
        {.name = "-o", .value = "FILE", .help = "the same"},
        {.name = "--dot", .help = "check: draw the states as Graphviz source (dot -Tsvg)"},
        {.name = NULL},
    };
    static const struct tool_usage usage = {
        .command = "procedure",
        .synopsis = "check FILE [--dot] | build FILE -o OUT",
        .summary =
            "check names every fault of a life cycle by place and line, or draws its states;\n"
            "build compiles it and keeps the numbers of new names in FILE",
        .example = "anju procedure check ledger/procedures/order.json",
        .options = options,
    };
    int n, code = tool_args(&usage, argc, argv, &n, 2, 2);
    const char *out = options[0].given != NULL ? options[0].given : options[1].given;
    bool dot = options[2].given != NULL;

    if (code >= 0)
        return code;
    if (strcmp(argv[1], "check") == 0 && out == NULL)
        return run(argv[2], NULL, dot);
    if (strcmp(argv[1], "build") == 0 && out != NULL && !dot)
        return run(argv[2], out, false);
    if (strcmp(argv[1], "build") == 0)
        return tool_fail(TOOL_USAGE, "build needs -o OUT, and has no --dot");
    return tool_fail(TOOL_USAGE, "%s is neither check nor build; try anju procedure --help",
                     argv[1]);
}
