/* anju verify: checks proofs offline, with the genesis document and the set path alone. Here receipts, and
 * what all kinds share. */
#include "tools/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rpc/forms.h"
#include "rpc/proof_json.h"
#include "rpc/receipt_json.h"

/* ---- what all kinds share ---- */

int verify_print_refused(const struct verify_work *w, enum ledger_verdict verdict, const char *failed, const char *reason)
{
    const char *words = verdict == LEDGER_INVALID ? "invalid" : "cannot tell";

    (void)w;
    if (tool_json)
        tool_print_json(json_pack("{s:s, s:s, s:s}", "verdict", words, "failed", failed, "reason", reason));
    else
        printf("%s: %s\n", words, reason);
    return (int)verdict;
}

void verify_print_signers(const struct verify_work *w, const struct ledger_signers *s)
{
    printf("  signed by      %u of %u validators (%u are needed):", s->n, s->set_n, s->q);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct ledger_member *signer = ledger_registry_member(w->registry, s->member[i]);
        printf("%s %s", i > 0 ? "," : "", signer != NULL ? signer->name_en : "?");
    }
    putchar('\n');
}

json_t *verify_signers_json(const struct ledger_signers *s)
{
    json_t *out = json_array();

    for (uint32_t i = 0; i < s->n; i++)
        json_array_append_new(out, json_integer(s->member[i]));
    return out;
}

void verify_step(const struct verify_work *w, unsigned *number, const char *en, const char *zh, ...)
{
    va_list args;

    printf("%2u. ", ++*number);
    va_start(args, zh);
    vprintf(w->zh ? zh : en, args);
    va_end(args);
    putchar('\n');
}

void verify_explain_trust(const struct verify_work *w, unsigned *number, const struct ledger_signers *s)
{
    verify_step(w, number,
                "The certificate has %u signatures. Each was checked with the key of a validator of the set that rules "
                "from block %ju on: %u of its %u must sign, so that no two such groups can be of different opinions "
                "unless more than a third of all validators lie.",
                "证书有 %u 个签名,逐一用第 %ju 块起生效的验证者集合中的公钥核对:须有 %u 个(共 %u 个)签名;除非三分之一以上的验证者说谎,"
                "否则不会有两个这样的多数意见不同。",
                s->n, (uintmax_t)s->set_since, s->q, s->set_n);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct ledger_member *m = ledger_registry_member(w->registry, s->member[i]);
        printf("      %u %s\n", s->member[i], m == NULL ? "?" : w->zh ? m->name_zh : m->name_en);
    }
    verify_step(w, number,
                "Trusted: this genesis file, the set path up to block %ju, SHA-256 and secp256k1, and that no quorum of a "
                "past set ever signs twice. Not trusted: the node that answered, the network, whoever gave you this file.",
                "所信任的:这份创世文件、到第 %ju 块为止的集合路径、SHA-256 与 secp256k1,以及过去的集合不会有多数再次签名。"
                "不信任的:作答的节点、网络、给你这份文件的人。",
                (uintmax_t)s->known_to);
}

/* ---- receipts ---- */

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

static void print_valid(const struct verify_work *w, const struct ledger_receipt_report *r, const char *trust)
{
    char time[JSON_TIME_SIZE];
    const struct ledger_member *m = ledger_registry_member(w->registry, r->entry.member);

    json_time_text(time, r->entry.time_ms);
    printf("valid: entry %" PRIu64 " (%s) is in the ledger, block %" PRIu64 ", %s\n", r->entry.seq, form_kind(r->entry.kind), r->entry.height, time);
    if (m != NULL)
        printf("  member         %u, %s %s\n", m->number, m->name_zh, m->name_en);
    verify_print_signers(w, &r->signers);
    printf("  checked       ");
    for (unsigned i = 0, n = 0; i < LEDGER_CHECKS; i++)
        if ((r->checked & (1u << i)) != 0)
            printf("%s %s\n", n++ > 0 ? "                " : "", ledger_check_words((enum ledger_receipt_check)(1u << i)));
    printf("  trusted        %s\n", trust);
}

static void explain(const struct verify_work *w, const struct ledger_receipt *r, const struct ledger_receipt_report *report)
{
    char time[JSON_TIME_SIZE], leaf[65], root[65];
    struct crypto_hash hash;
    unsigned n = 0;

    json_time_text(time, report->entry.time_ms);
    ledger_entry_leaf(&hash, r->claim.entry);
    hex_encode(leaf, hash.b, 32);
    hex_encode(root, report->result.log_root.b, 32);
    verify_step(w, &n, "The receipt names the ledger whose genesis file you gave: its SHA-256 is the ledger id.",
                "收据所指的账本就是你给出的创世文件的账本:该文件的 SHA-256 即账本号。");
    verify_step(w, &n, "The entry (number %ju, %s) was hashed to %s.", "第 %ju 号记录(%s)的散列为 %s。", (uintmax_t)report->entry.seq, time, leaf);
    verify_step(w, &n, "With %u more hashes of the path it leads to %s, the root over all %ju entries of the log after block %ju.",
                "连同路径上的 %1$u 个散列得到 %2$s,即第 %4$ju 块之后全部 %3$ju 条记录的根。", r->claim.path.n, root, (uintmax_t)report->result.log_size,
                (uintmax_t)report->result.height);
    for (unsigned i = 3; i < LEDGER_CHECKS - 1; i++)
        if ((report->checked & (1u << i)) != 0)
            verify_step(w, &n, "%s.", "%s。", ledger_check_words((enum ledger_receipt_check)(1u << i)));
    verify_explain_trust(w, &n, &report->signers);
}

static int verify_receipt(const struct verify_work *w)
{
    struct ledger_receipt *receipt = arena_alloc(w->arena, sizeof(*receipt));
    struct ledger_receipt_report *report = arena_alloc(w->arena, sizeof(*report));
    char trust[160];
    enum anju_err err = receipt_json_decode(receipt, w->text, w->arena);

    if (err != ANJU_OK) {
        *report = (struct ledger_receipt_report){.verdict = err == ANJU_ERR_UNSUPPORTED ? LEDGER_CANNOT_TELL : LEDGER_INVALID,
                                                 .failed = LEDGER_CHECK_LEDGER};
        snprintf(report->reason, sizeof(report->reason), "not a receipt: %s", anju_err_text());
    } else
        ledger_receipt_verify(report, receipt, w->registry, w->path);
    ledger_trust_words(trust, sizeof(trust), &report->signers);
    if (report->verdict == LEDGER_VALID && w->explain && !tool_json)
        explain(w, receipt, report);
    if (tool_json)
        tool_print_json(report_json(report, trust));
    else if (report->verdict == LEDGER_VALID)
        print_valid(w, report, trust);
    else
        printf("%s: %s\n", report->verdict == LEDGER_INVALID ? "invalid" : "cannot tell", report->reason);
    return (int)report->verdict;
}

/* ---- the subcommand ---- */

static int verify_text(const struct verify_work *w)
{
    if (proof_text_is(w->text, "anju-list/"))
        return verify_list(w);
    if (proof_text_is(w->text, "anju-consistency/"))
        return verify_consistency(w);
    return verify_is_outside(w->text) ? verify_outside(w, NULL) : verify_receipt(w);
}

/* Later validator sets, checked from the genesis set on. */
static bool read_set_path(struct verify_work *w, struct ledger_set_path *path, const char *file)
{
    struct bytes text;

    w->path = path;
    return tool_read_file(&text, file, LEDGER_RECEIPT_SIZE_MAX, w->arena) == ANJU_OK && set_path_json_decode(path, text, w->arena) == ANJU_OK
           && ledger_set_path_verify(path, w->registry) == ANJU_OK;
}

int cmd_verify(int argc, char **argv)
{
    enum { GENESIS, SET_PATH, EXPLAIN, LANG, NOT_BEFORE, SHOW, WHERE, POLICY };
    struct tool_option options[] = {
        {"--genesis", "FILE", "the genesis document", "genesis.json", NULL},
        {"--set-path", "FILE", "later validator sets (none: the genesis set rules)", NULL, NULL},
        {"--explain", NULL, "each step in words: what was hashed, who signed, what is trusted", NULL, NULL},
        {"--lang", "zh|en", "the language of --explain", "en", NULL},
        {"--not-before", "TIME", "refuse a proof of a list that is older, such as 2026-01-02T03:04:05.678Z", NULL, NULL},
        {"--show", NULL, "of a list: its entries or subjects", NULL, NULL},
        {"--where", "NAME=VALUE,...", "of a list: only what has these values, chosen here from what is proved", NULL, NULL},
        {"--policy", "FILE", "of a tlog-proof or checkpoint: the policy, instead of the genesis document", NULL, NULL},
        {0}};
    const struct tool_usage usage = {"verify", "[options] PROOF",
                                     "Checks a receipt, a list, a consistency proof, a checkpoint, tlog-proof or COSE receipts offline. Exit code: 0 valid, 1 invalid, 2 cannot tell.",
                                     "anju receipt 42 > r.json && anju verify --explain r.json", options};
    struct arena arena = {0};
    struct ledger_set_path path;
    struct verify_work w = {.arena = &arena};
    int n, code = tool_args(&usage, argc, argv, &n, 1, 1);

    if (code >= 0)
        return code;
    w.explain = options[EXPLAIN].given != NULL;
    w.zh = strcmp(options[LANG].given, "zh") == 0;
    w.show = options[SHOW].given != NULL || options[WHERE].given != NULL;
    w.where = options[WHERE].given;
    if (!w.zh && strcmp(options[LANG].given, "en") != 0)
        return tool_fail(TOOL_USAGE, "--lang: must be zh or en");
    if (options[NOT_BEFORE].given != NULL && json_time_parse(&w.not_before, options[NOT_BEFORE].given) != ANJU_OK)
        return tool_fail(TOOL_USAGE, "--not-before: must be a time such as 2026-01-02T03:04:05.678Z");
    if (options[POLICY].given != NULL) {
        code = tool_read_file(&w.text, argv[1], LEDGER_RECEIPT_SIZE_MAX, &arena) != ANJU_OK ? tool_fail(TOOL_USAGE, "cannot tell: %s", anju_err_text())
                                                                                          : verify_outside(&w, options[POLICY].given);
        arena_free(&arena);
        return code;
    }
    if (tool_open_genesis(&w.registry, options[GENESIS].given) != ANJU_OK)
        return tool_fail(TOOL_USAGE, "cannot tell: %s", anju_err_text());
    if (options[SET_PATH].given != NULL && !read_set_path(&w, &path, options[SET_PATH].given))
        code = tool_fail(TOOL_USAGE, "cannot tell: set path: %s", anju_err_text());
    else if (tool_read_file(&w.text, argv[1], LEDGER_RECEIPT_SIZE_MAX, &arena) != ANJU_OK)
        code = tool_fail(TOOL_USAGE, "cannot tell: %s", anju_err_text());
    else
        code = verify_text(&w);
    arena_free(&arena);
    return code;
}
