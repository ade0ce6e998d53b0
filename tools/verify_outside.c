/* anju verify for the forms of other systems: checkpoints, tlog-proofs, COSE receipts. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rpc/forms.h"
#include "rpc/policy.h"
#include "tools/verify.h"

enum kind { NOT_OUTSIDE, CHECKPOINT, TLOG_PROOF, COSE };

static bool begins(struct bytes text, const char *prefix)
{
    size_t size = strlen(prefix);

    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

static enum kind kind_of(struct bytes text)
{
    if (begins(text, "c2sp.org/tlog-proof@"))
        return TLOG_PROOF;
    if (begins(text, "\x82\x58"))
        return COSE;
    return text.size > 0 && memmem(text.data, text.size, "\n\n\xe2\x80\x94 ", 6) != NULL
               ? CHECKPOINT
               : NOT_OUTSIDE;
}

bool verify_is_outside(struct bytes text)
{
    return kind_of(text) != NOT_OUTSIDE;
}

static void trust_words(char *out, size_t room, const struct verify_work *w, enum kind kind)
{
    if (kind != COSE && w->registry == NULL)
        snprintf(out, room, "the policy file");
    else
        snprintf(out, room, "the genesis document, whose set signs%s",
                 kind == COSE ? " with its node keys" : " with its log and cosign keys");
}

static void print_json(const struct outside_report *r, const char *trust)
{
    json_t *out = json_object();

    json_object_set_new(out, "verdict", json_string("valid"));
    json_object_set_new(out, "origin", json_string(r->origin));
    json_object_set_new(out, "size", json_of_u64(r->size));
    json_object_set_new(out, "root", json_of_hash(&r->root));
    json_object_set_new(out, "signatures", json_integer(r->signed_by));
    if (r->time_s > 0 && r->time_s < UINT64_MAX / 1000)
        json_object_set_new(out, "cosigned", json_of_time(r->time_s * 1000));
    if (r->has_entry) {
        json_object_set_new(out, "seq", json_of_u64(r->entry.seq));
        json_object_set_new(out, "height", json_of_u64(r->entry.height));
        json_object_set_new(out, "time", json_of_time(r->entry.time_ms));
        json_object_set_new(out, "kind", json_string(form_kind(r->entry.kind)));
    }
    json_object_set_new(out, "trust", json_string(trust));
    tool_print_json(out);
}

static void print_words(const struct outside_report *r, const char *trust)
{
    char time[JSON_TIME_SIZE], root[65];

    hex_encode(root, r->root.b, 32);
    if (r->has_entry) {
        json_time_text(time, r->entry.time_ms);
        printf("valid: entry %" PRIu64 " (%s) is in the log %s, block %" PRIu64 ", %s\n",
               r->entry.seq, form_kind(r->entry.kind), r->origin, r->entry.height, time);
    } else
        printf("valid: a checkpoint of the log %s\n", r->origin);
    printf("  checkpoint     %" PRIu64 " entries, root %s\n", r->size, root);
    printf("  signed by      %u of %u validators\n", r->signed_by, r->of);
    if (r->time_s > 0 && r->time_s < UINT64_MAX / 1000) {
        json_time_text(time, r->time_s * 1000);
        printf("  cosigned       %s (the latest)\n", time);
    }
    printf("  trusted        %s\n", trust);
}

/* The policy of the file, or the one that the genesis document gives. */
static enum anju_err read_policy(struct policy *out, const struct verify_work *w, const char *file)
{
    struct writer text = {0};
    struct bytes raw;

    if (file != NULL) {
        enum anju_err err = tool_read_file(&raw, file, POLICY_SIZE_MAX, w->arena);
        return err == ANJU_OK ? policy_decode(out, raw) : err;
    }
    if (!outside_origin_fits(w->registry->genesis->origin))
        return anju_fail(ANJU_ERR_UNSUPPORTED, "the origin is too long for names in signed notes");
    outside_policy(&text, w->registry->genesis->origin, &w->registry->set);
    raw = arena_copy(w->arena, writer_view(&text));
    writer_free(&text);
    return policy_decode(out, raw);
}

int verify_outside(const struct verify_work *w, const char *policy_file)
{
    struct outside_report *report = arena_alloc(w->arena, sizeof(*report));
    struct policy *policy = arena_alloc(w->arena, sizeof(*policy));
    enum kind kind = kind_of(w->text);
    char trust[160];

    if (kind == NOT_OUTSIDE)
        return verify_print_refused(
            w, LEDGER_CANNOT_TELL, "form",
            "a policy file is for checkpoints and tlog-proofs of C2SP, which this is not");
    if (kind == COSE && w->registry == NULL)
        return verify_print_refused(w, LEDGER_CANNOT_TELL, "form",
                                    "COSE receipts are checked with the genesis document: a policy "
                                    "file has no keys for them");
    if (kind != COSE && read_policy(policy, w, policy_file) != ANJU_OK)
        return tool_fail(TOOL_USAGE, "cannot tell: %s", anju_err_text());
    if (kind == COSE)
        outside_verify_cose(report, w->text, w->registry);
    else if (kind == TLOG_PROOF)
        outside_verify_proof(report, w->text, policy, w->arena);
    else
        outside_verify_checkpoint(report, w->text, policy, w->arena);
    if (report->verdict != LEDGER_VALID)
        return verify_print_refused(w, report->verdict, kind == CHECKPOINT ? "checkpoint" : "proof",
                                    report->reason);
    trust_words(trust, sizeof(trust), w, kind);
    if (tool_json)
        print_json(report, trust);
    else
        print_words(report, trust);
    return TOOL_OK;
}
