/* anju verify: checks a receipt offline, with the genesis document and the set path alone. */
#include <inttypes.h>
#include <stdio.h>

#include "rpc/forms.h"
#include "rpc/receipt_json.h"
#include "tools/tools.h"

static json_t *report_json(const struct ledger_receipt_report *r, const char *trust)
{
    static const char *const VERDICT[] = {"valid", "invalid", "cannot tell"};
    json_t *out = json_object(), *checked = json_array();

    json_object_set_new(out, "verdict", json_string(VERDICT[r->verdict]));
    for (unsigned i = 0; i < LEDGER_CHECKS; i++)
        if ((r->checked & (1u << i)) != 0)
            json_array_append_new(checked, json_string(ledger_check_words((enum ledger_receipt_check)(1u << i))));
    json_object_set_new(out, "checked", checked);
    if (r->verdict != LEDGER_VALID) {
        json_object_set_new(out, "failed", json_string(ledger_check_words(r->failed)));
        json_object_set_new(out, "reason", json_string(r->reason));
        return out;
    }
    json_object_set_new(out, "receipt", json_of_hash(&r->id));
    json_object_set_new(out, "seq", json_of_u64(r->entry.seq));
    json_object_set_new(out, "height", json_of_u64(r->entry.height));
    json_object_set_new(out, "time", json_of_time(r->entry.time_ms));
    json_object_set_new(out, "kind", json_string(form_kind(r->entry.kind)));
    json_object_set_new(out, "outcome", json_integer(r->entry.outcome));
    json_object_set_new(out, "trust", json_string(trust));
    return out;
}

static void print_valid(const struct ledger_receipt_report *r, const struct ledger_registry *registry, const char *trust)
{
    char time[JSON_TIME_SIZE];
    const struct ledger_member *m = ledger_registry_member(registry, r->entry.member);

    json_time_text(time, r->entry.time_ms);
    printf("valid: entry %" PRIu64 " (%s) is in the ledger, block %" PRIu64 ", %s\n", r->entry.seq, form_kind(r->entry.kind), r->entry.height, time);
    if (m != NULL)
        printf("  member         %u, %s %s\n", m->number, m->name_zh, m->name_en);
    printf("  signed by      %u of %u validators (%u are needed):", r->signers.n, r->signers.set_n, r->signers.q);
    for (uint32_t i = 0; i < r->signers.n; i++) {
        const struct ledger_member *signer = ledger_registry_member(registry, r->signers.member[i]);
        printf("%s %s", i > 0 ? "," : "", signer != NULL ? signer->name_en : "?");
    }
    printf("\n  checked       ");
    for (unsigned i = 0, n = 0; i < LEDGER_CHECKS; i++)
        if ((r->checked & (1u << i)) != 0)
            printf("%s %s\n", n++ > 0 ? "                " : "", ledger_check_words((enum ledger_receipt_check)(1u << i)));
    printf("  trusted        %s\n", trust);
}

int cmd_verify(int argc, char **argv)
{
    struct tool_option options[] = {
        {"--genesis", "FILE", "the genesis document", "genesis.json", NULL},
        {"--set-path", "FILE", "later validator sets (none: the genesis set rules)", NULL, NULL},
        {0}};
    const struct tool_usage usage = {"verify", "[--genesis FILE] [--set-path FILE] RECEIPT.json",
                                     "Checks a receipt offline. Exit code: 0 valid, 1 invalid, 2 cannot tell.",
                                     "anju receipt 42 > r.json && anju verify --genesis genesis.json r.json", options};
    struct arena arena = {0};
    const struct ledger_registry *registry;
    struct ledger_receipt *receipt = arena_alloc(&arena, sizeof(*receipt));
    struct ledger_receipt_report *report = arena_alloc(&arena, sizeof(*report));
    struct ledger_set_path path;
    struct bytes text;
    char trust[160];
    int n, code = tool_args(&usage, argc, argv, &n, 1, 1);

    if (code >= 0)
        return code;
    if (tool_open_genesis(&registry, options[0].given) != ANJU_OK)
        return tool_fail(TOOL_USAGE, "cannot tell: %s", anju_err_text());
    if (options[1].given != NULL
        && (tool_read_file(&text, options[1].given, LEDGER_RECEIPT_SIZE_MAX, &arena) != ANJU_OK
            || set_path_json_decode(&path, text, &arena) != ANJU_OK || ledger_set_path_verify(&path, registry) != ANJU_OK))
        return tool_fail(TOOL_USAGE, "cannot tell: set path: %s", anju_err_text());
    if (tool_read_file(&text, argv[1], LEDGER_RECEIPT_SIZE_MAX, &arena) != ANJU_OK)
        return tool_fail(TOOL_USAGE, "cannot tell: %s", anju_err_text());
    enum anju_err err = receipt_json_decode(receipt, text, &arena);
    if (err != ANJU_OK) {
        *report = (struct ledger_receipt_report){.verdict = err == ANJU_ERR_UNSUPPORTED ? LEDGER_CANNOT_TELL : LEDGER_INVALID,
                                                 .failed = LEDGER_CHECK_LEDGER};
        snprintf(report->reason, sizeof(report->reason), "not a receipt: %s", anju_err_text());
    } else
        ledger_receipt_verify(report, receipt, registry, options[1].given != NULL ? &path : NULL);
    ledger_trust_words(trust, sizeof(trust), &report->signers);
    if (tool_json)
        tool_print_json(report_json(report, trust));
    else if (report->verdict == LEDGER_VALID)
        print_valid(report, registry, trust);
    else
        printf("%s: %s\n", report->verdict == LEDGER_INVALID ? "invalid" : "cannot tell", report->reason);
    code = (int)report->verdict;
    arena_free(&arena);
    return code;
}
