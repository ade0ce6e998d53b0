/* anju verify, for proofs of consistency: one log is the beginning of the other. */
#include <stdio.h>

#include "rpc/consistency_json.h"
#include "tools/verify.h"

static void explain(const struct verify_work *w, const struct ledger_consistency *c,
                    const struct ledger_consistency_report *r)
{
    static const char *const WHICH[2][2] = {{"first", "第一个"}, {"second", "第二个"}};
    char time[JSON_TIME_SIZE], root[65];
    unsigned n = 0;

    verify_step(w, &n, "Your genesis file's SHA-256 is the ledger id that the proof names.",
                "你的创世文件的 SHA-256 即证明所指的账本号。");
    for (unsigned i = 0; i < 2; i++) {
        json_time_text(time, r->header[i].time_ms);
        hex_encode(root, r->result[i].log_root.b, 32);
        verify_step(
            w, &n,
            "The %s checkpoint is block %ju of %s: %ju entries, log root %s; its certificate has "
            "%u of %u signatures.",
            "%s检查点为第 %ju 块,%s:%ju 条记录,日志根 %s;其证书有 %u 个签名(共 %u 个验证者)。",
            WHICH[i][w->zh], (uintmax_t)r->header[i].height, time, (uintmax_t)r->result[i].log_size,
            root, r->signers[i].n, r->signers[i].set_n);
    }
    verify_step(w, &n,
                "The %u hashes of the path give both roots, so the first log is the beginning of "
                "the second: nothing was changed or taken away.",
                "路径上的 %u 个散列同时得到两个根,故前一日志是后一日志的开头:没有改动,也没有减少。",
                c->path.n);
    verify_explain_trust(w, &n, &r->signers[1]);
}

int verify_consistency(const struct verify_work *w)
{
    struct ledger_consistency *c = arena_alloc(w->arena, sizeof(*c));
    struct ledger_consistency_report *r = arena_alloc(w->arena, sizeof(*r));
    char words[300], trust[160], time[2][JSON_TIME_SIZE];
    enum anju_err err = consistency_json_decode(c, w->text, w->arena);

    if (err != ANJU_OK) {
        snprintf(words, sizeof(words), "not a proof of consistency: %s", anju_err_text());
        return verify_print_refused(
            w, err == ANJU_ERR_UNSUPPORTED ? LEDGER_CANNOT_TELL : LEDGER_INVALID, "its form",
            words);
    }
    ledger_consistency_verify(r, c, w->registry, w->path);
    if (r->verdict != LEDGER_VALID)
        return verify_print_refused(w, r->verdict, r->failed, r->reason);
    ledger_trust_words(trust, sizeof(trust), &r->signers[1]);
    for (unsigned i = 0; i < 2; i++)
        json_time_text(time[i], r->header[i].time_ms);
    if (tool_json) {
        tool_print_json(json_pack("{s:s, s:o, s:o, s:o, s:o, s:s}", "verdict", "valid",
                                  "first_height", json_of_u64(r->header[0].height), "first_size",
                                  json_of_u64(r->result[0].log_size), "second_height",
                                  json_of_u64(r->header[1].height), "second_size",
                                  json_of_u64(r->result[1].log_size), "trust", trust));
        return TOOL_OK;
    }
    if (w->explain)
        explain(w, c, r);
    printf(w->zh ? "有效:第 %ju 块(%s,%ju 条记录)的日志是第 %ju 块(%s,%ju 条)日志的开头\n"
                 : "valid: the log of block %ju (%s, %ju entries) is the beginning of that of "
                   "block %ju (%s, %ju entries)\n",
           (uintmax_t)r->header[0].height, time[0], (uintmax_t)r->result[0].log_size,
           (uintmax_t)r->header[1].height, time[1], (uintmax_t)r->result[1].log_size);
    verify_print_signers(w, &r->signers[1]);
    printf("  trusted        %s\n", trust);
    return TOOL_OK;
}
