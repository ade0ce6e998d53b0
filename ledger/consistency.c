#include "ledger/consistency.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum anju_err ledger_checkpoint_check(struct ledger_header *header, struct ledger_result *result,
                                      const uint8_t *header_bytes, const uint8_t *result_bytes,
                                      const struct ledger_certificate *c,
                                      const struct crypto_hash *ledger_id)
{
    struct crypto_hash vid, result_id;
    enum anju_err err = ledger_header_decode(header, bytes_of(header_bytes, LEDGER_HEADER_SIZE));

    if (err == ANJU_OK)
        err = ledger_result_decode(result, bytes_of(result_bytes, LEDGER_RESULT_SIZE));
    if (err != ANJU_OK)
        return err;
    ledger_block_id(&vid, header, ledger_id);
    ledger_result_id(&result_id, result, ledger_id);
    if (header->height == 0 || header->height != result->height || c->height != header->height)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "header, result and certificate are of different heights");
    if (!crypto_hash_equal(&c->vid, &vid) || !crypto_hash_equal(&c->result, &result_id))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "the certificate is for another block or another result");
    return ANJU_OK;
}

ANJU_PRINTF(4, 5)
static bool stop(struct ledger_consistency_report *out, enum ledger_verdict verdict,
                 const char *failed, const char *format, ...)
{
    va_list args;

    out->verdict = verdict;
    (void)snprintf(out->failed, sizeof out->failed, "%s", failed);
    va_start(args, format);
    (void)vsnprintf(out->reason, sizeof out->reason, format, args);
    va_end(args);
    return false;
}

static bool check_one(struct ledger_consistency_report *out, unsigned which,
                      const struct ledger_checkpoint *c, const struct ledger_registry *registry,
                      const struct ledger_set_path *path)
{
    static const char *const WHICH[] = {"the first checkpoint", "the second checkpoint"};
    enum ledger_verdict verdict;
    enum anju_err err = ledger_checkpoint_check(&out->header[which], &out->result[which], c->header,
                                                c->result, &c->certificate, &registry->ledger_id);

    if (err != ANJU_OK)
        return stop(out, err == ANJU_ERR_UNSUPPORTED ? LEDGER_CANNOT_TELL : LEDGER_INVALID,
                    WHICH[which], "%s: %s", WHICH[which], anju_err_text());
    verdict = ledger_signers_check(&out->signers[which], &c->certificate, &out->result[which],
                                   registry, path);
    if (verdict != LEDGER_VALID)
        return stop(out, verdict, WHICH[which], "%s: %s", WHICH[which], anju_err_text());
    return true;
}

static bool check_logs(struct ledger_consistency_report *out, const struct ledger_consistency *c)
{
    const struct ledger_result *a = &out->result[0], *b = &out->result[1];

    if (a->height >= b->height)
        return stop(out, LEDGER_INVALID, "their order", "the first checkpoint is not the earlier");
    if (merkle_consistency_check(&a->log_root, a->log_size, &b->log_root, b->log_size, c->path.hash,
                                 c->path.n) != ANJU_OK)
        return stop(out, LEDGER_INVALID, "the log",
                    "the log of %ju entries is not shown to be the beginning of that of %ju",
                    (uintmax_t)a->log_size, (uintmax_t)b->log_size);
    return true;
}

void ledger_consistency_verify(struct ledger_consistency_report *out,
                               const struct ledger_consistency *c,
                               const struct ledger_registry *registry,
                               const struct ledger_set_path *path)
{
    memset(out, 0, sizeof *out);
    out->verdict = LEDGER_VALID;
    if (!crypto_hash_equal(&c->ledger_id, &registry->ledger_id)) {
        stop(out, LEDGER_INVALID, "the ledger",
             "it is of another ledger; give the genesis file of its own ledger");
        return;
    }
    (void)(check_one(out, 0, &c->first, registry, path) &&
           check_one(out, 1, &c->second, registry, path) && check_logs(out, c));
}
