#include "tools/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/chain_key.h"
#include "rpc/list_proof_json.h"
#include "rpc/prove_params.h"
#include "rpc/receipt_json.h"

json_t *ask(int *code, const struct tool_option *options, const char *method, json_t *params)
{
    const struct ledger_registry *r;
    struct nodes nodes;
    json_t *result, *error;

    if (tool_open_genesis(&r, options[0].given) != ANJU_OK) {
        json_decref(params);
        *code = tool_fail_err();
        return NULL;
    }
    nodes_init(&nodes, &options[1], r);
    enum anju_err err = nodes_call(&nodes, &result, &error, method, params);
    nodes_deinit(&nodes);
    if (err == ANJU_OK)
        return result;
    *code = error != NULL ? tool_print_error(error) : tool_fail_err();
    json_decref(error);
    return NULL;
}

bool ask_page_params(json_t *params, const struct tool_option *first)
{
    char *end;
    long limit = first[0].given != NULL ? strtol(first[0].given, &end, 10) : 0;

    if (first[0].given != NULL && (*first[0].given == '\0' || *end != '\0' || limit < 1 || limit > 500)) {
        tool_fail(TOOL_USAGE, "--limit %s: must be from 1 to 500", first[0].given);
        return false;
    }
    if (first[0].given != NULL)
        json_object_set_new(params, "limit", json_integer(limit));
    json_object_set_new(params, "newest_first", json_boolean(first[1].given != NULL));
    if (first[2].given != NULL)
        json_object_set_new(params, "cursor", json_string(first[2].given));
    json_object_set_new(params, "effects", json_boolean(first[3].given != NULL));
    return true;
}

void ask_whole(json_t *params)
{
    json_object_del(params, "limit");
    json_object_del(params, "newest_first");
    json_object_del(params, "cursor");
}

void ask_value_text(char *out, size_t size, const json_t *value)
{
    char *text = json_is_string(value) ? anju_strdup(json_string_value(value)) : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    snprintf(out, size, "%s", text != NULL ? text : "");
    free(text);
}

static void entry_row(struct tool_table *t, const json_t *entry)
{
    static const char *const NAMES[] = {"seq", "height", "time", "member_name"};
    const json_t *record = json_object_get(entry, "record");
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    char text[4][80], procedure[80], action[80], subject[80], outcome[120] = "";

    for (size_t i = 0; i < 4; i++)
        ask_value_text(text[i], sizeof(text[i]), json_object_get(entry, NAMES[i]));
    ask_value_text(procedure, sizeof(procedure), json_object_get(record, "procedure"));
    ask_value_text(action, sizeof(action), json_object_get(record, "action"));
    ask_value_text(subject, sizeof(subject), json_object_get(record, "subject"));
    if (kind != NULL && strcmp(kind, "refusal") == 0)
        snprintf(outcome, sizeof(outcome), "refused: %s", json_string_value(json_object_get(entry, "outcome_name")));
    else if (kind != NULL && strcmp(kind, "record") != 0)
        snprintf(outcome, sizeof(outcome), "%s", kind);
    const char *cells[] = {text[0], text[1], text[2], text[3], procedure, action, subject, outcome};
    tool_table_row(t, cells);
}

int ask_print_page(json_t *page)
{
    static const char *const HEADS[] = {"entry", "block", "time", "member", "procedure", "action", "subject", ""};
    const json_t *entries = json_object_get(page, "entries"), *cursor = json_object_get(page, "cursor");
    char total[32];
    size_t index;
    json_t *entry;

    if (tool_json) {
        tool_print_json(page);
        return TOOL_OK;
    }
    struct tool_table *t = tool_table_new(HEADS, 8);
    json_array_foreach(entries, index, entry)
        entry_row(t, entry);
    tool_table_print(t);
    ask_value_text(total, sizeof(total), json_object_get(page, "total"));
    fprintf(stderr, "%zu of %s entries", json_array_size(entries), total);
    if (json_is_string(cursor))
        fprintf(stderr, "; the next page: --cursor %s", json_string_value(cursor));
    fputc('\n', stderr);
    json_decref(page);
    return TOOL_OK;
}

/* The proof is of what was asked, not of something that only looks like it. */
static enum anju_err check_proof(struct bytes text, const json_t *params, bool state, const struct ledger_registry *r, struct arena *a)
{
    struct ledger_list_proof *p = arena_alloc(a, sizeof(*p));
    struct ledger_list_report *report = arena_alloc(a, sizeof(*report));
    struct prove_params how;
    struct json_fault fault;
    struct writer key = {0};
    enum anju_err err = list_proof_json_decode(p, text, a);

    if (err != ANJU_OK)
        return err;
    prove_params_of(&how, params, &fault);
    if (state)
        how.question = (struct ledger_question){.ask = LEDGER_ASK_NOW};
    struct json_in root = json_root(params, &fault);
    chain_key_read(&key, &root, r, how.question.ask == LEDGER_ASK_NOW || how.question.ask == LEDGER_ASK_COUNT);
    const struct ledger_question *q = &p->question;
    if (fault.found || p->n_chains != 1 || !bytes_equal(p->chains[0].key, writer_view(&key)) || q->ask != how.question.ask || q->a != how.question.a
        || q->b != how.question.b || q->parts != how.question.parts)
        err = anju_fail(ANJU_ERR_MISMATCH, "the node proved something else than was asked");
    writer_free(&key);
    if (err != ANJU_OK)
        return err;
    ledger_list_verify(report, p, r, NULL, a);
    if (report->verdict == LEDGER_INVALID)
        return anju_fail(ANJU_ERR_MISMATCH, "the node's proof is invalid: %s", report->reason);
    if (report->verdict == LEDGER_CANNOT_TELL)
        fprintf(stderr, "the proof is not checked yet: %s\n", report->reason);
    return ANJU_OK;
}

int ask_proof(const struct tool_option *options, const char *method, json_t *params, const char *file)
{
    const bool state = strcmp(method, "subject.get") == 0;
    const struct ledger_registry *r;
    struct arena arena = {0};
    struct writer text = {0};
    json_t *asked, *proof;
    int code = TOOL_OK;

    json_object_set_new(params, "prove", json_true());
    asked = json_deep_copy(params);
    proof = ask(&code, options, method, params);
    if (proof != NULL) {
        receipt_json_text(&text, proof);
        if (tool_open_genesis(&r, options[0].given) != ANJU_OK || check_proof(writer_view(&text), asked, state, r, &arena) != ANJU_OK)
            code = tool_fail(TOOL_REFUSED, "%s", anju_err_text());
        else if (strcmp(file, "-") == 0)
            fwrite(text.data, 1, text.size, stdout);
        else if (tool_write_file(file, writer_view(&text), 0644, true) != ANJU_OK)
            code = tool_fail_err();
        else
            fprintf(stderr, "%s: %zu bytes, checked; 'anju verify --explain %s' says how\n", file, text.size, file);
    }
    json_decref(proof);
    json_decref(asked);
    writer_free(&text);
    arena_free(&arena);
    return code;
}
