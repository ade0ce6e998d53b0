/* What receipts and set paths prove. */
#include "ledger/receipt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- set path ---- */

const struct ledger_set *ledger_set_path_at(const struct ledger_set_path *p,
                                            const struct ledger_registry *r, uint64_t height)
{
    const struct ledger_set *set = &r->set;

    for (uint32_t i = 0; p != NULL && i < p->n_changes && p->changes[i].set.since <= height; i++)
        set = &p->changes[i].set;
    return set;
}

static enum anju_err bad_change(uint32_t index, const char *what)
{
    return anju_fail(ANJU_ERR_MISMATCH, "set path: change %u: %s", index, what);
}

/* One change: the set before it signed the result that names the set after it. */
static enum anju_err check_change(const struct ledger_set_change *c, uint32_t index,
                                  const struct ledger_set *before,
                                  const struct crypto_hash *ledger_id)
{
    struct ledger_result result;
    struct crypto_hash id;
    char words[200];

    if (ledger_result_decode(&result, bytes_of(c->result, LEDGER_RESULT_SIZE)) != ANJU_OK)
        return bad_change(index, "its result is malformed");
    if (!crypto_hash_equal(&result.next_set, &c->set.hash))
        return bad_change(index, "its result names another set");
    if (!crypto_hash_equal(&c->set.previous, &before->hash))
        return bad_change(index, "its set does not follow the one before");
    if (c->set.since != result.height + 2)
        return bad_change(index, "its set rules from another height than two after its result");
    if (result.height < before->since)
        return bad_change(index, "it lies before the set that would have decided it");
    ledger_result_id(&id, &result, ledger_id);
    if (c->certificate.height != result.height || !crypto_hash_equal(&c->certificate.result, &id))
        return bad_change(index, "its certificate is not over its result");
    if (ledger_certificate_verify(&c->certificate, before, ledger_id) != ANJU_OK) {
        snprintf(words, sizeof words, "%s", anju_err_text());
        return bad_change(index, words);
    }
    return ANJU_OK;
}

enum anju_err ledger_set_path_verify(const struct ledger_set_path *p,
                                     const struct ledger_registry *r)
{
    const struct ledger_set *before = &r->set;

    if (!crypto_hash_equal(&p->ledger_id, &r->ledger_id))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "set path: it is of another ledger than the genesis document");
    for (uint32_t i = 0; i < p->n_changes; i++) {
        enum anju_err err = check_change(&p->changes[i], i, before, &r->ledger_id);

        if (err != ANJU_OK)
            return err;
        before = &p->changes[i].set;
    }
    return ANJU_OK;
}

/* ---- receipt ---- */

/* One verification. Each step says whether the next may follow. */
struct work {
    struct ledger_receipt_report *out;
    const struct ledger_receipt *r;
    const struct ledger_registry *registry;
    const struct ledger_set_path *path;
    struct arena arena;
};

const char *ledger_check_words(enum ledger_receipt_check check)
{
    switch (check) {
    case LEDGER_CHECK_LEDGER:
        return "it is of the ledger that the genesis document names";
    case LEDGER_CHECK_ENTRY:
        return "its entry is one that the rules can make";
    case LEDGER_CHECK_LOG:
        return "the entry stands in the log under the root of its height";
    case LEDGER_CHECK_RESULT:
        return "the certificate is over this block and this result";
    case LEDGER_CHECK_GENESIS_LINK:
        return "the block of height 1 names genesis and its result";
    case LEDGER_CHECK_RECORD:
        return "the record is the one that the entry binds, and its cosignatures are right";
    case LEDGER_CHECK_ENVELOPE:
        return "the envelope holds the record, and its member's key signed it";
    case LEDGER_CHECK_EFFECTS:
        return "the effects shown are the entry's";
    case LEDGER_CHECK_STATE:
        return "the attributes shown are all that the subjects had after the entry";
    case LEDGER_CHECK_SIGNATURES:
        return "a quorum of the validators that rule this height signed it";
    }
    return "";
}

static bool held(struct work *w, enum ledger_receipt_check check)
{
    w->out->checked |= (unsigned)check;
    return true;
}

ANJU_PRINTF(4, 5)
static bool stop(struct work *w, enum ledger_verdict verdict, enum ledger_receipt_check check,
                 const char *format, ...)
{
    va_list args;

    w->out->verdict = verdict;
    w->out->failed = check;
    va_start(args, format);
    vsnprintf(w->out->reason, sizeof w->out->reason, format, args);
    va_end(args);
    return false;
}

#define INVALID(w, check, ...) stop(w, LEDGER_INVALID, check, __VA_ARGS__)

static bool check_ledger(struct work *w)
{
    if (!crypto_hash_equal(&w->r->claim.ledger_id, &w->registry->ledger_id))
        return INVALID(w, LEDGER_CHECK_LEDGER,
                       "it is of another ledger; give the genesis file of its own ledger");
    return held(w, LEDGER_CHECK_LEDGER);
}

static bool check_entry(struct work *w)
{
    enum anju_err err =
        ledger_entry_decode(&w->out->entry, bytes_of(w->r->claim.entry, LEDGER_ENTRY_SIZE));

    if (err == ANJU_ERR_UNSUPPORTED)
        return stop(w, LEDGER_CANNOT_TELL, LEDGER_CHECK_ENTRY, "%s; use a newer anju",
                    anju_err_text());
    if (err != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_ENTRY, "%s", anju_err_text());
    return held(w, LEDGER_CHECK_ENTRY);
}

static bool check_log(struct work *w)
{
    const struct ledger_claim *claim = &w->r->claim;
    struct ledger_result *result = &w->out->result;
    struct crypto_hash leaf;

    if (ledger_result_decode(result, bytes_of(claim->result, LEDGER_RESULT_SIZE)) != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_LOG, "%s", anju_err_text());
    if (result->height != w->out->entry.height)
        return INVALID(w, LEDGER_CHECK_LOG, "entry and result are of different heights");
    ledger_entry_leaf(&leaf, claim->entry);
    if (merkle_path_check(&result->log_root, result->log_size, w->out->entry.seq, &leaf,
                          claim->path.hash, claim->path.n) != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_LOG,
                       "the path does not lead from the entry to the log root");
    return held(w, LEDGER_CHECK_LOG);
}

/* Height 0 has no certificate of its own: the header of height 1 names its result. */
static bool check_genesis_link(struct work *w, const struct crypto_hash *result_id)
{
    const struct ledger_receipt *r = w->r;
    struct ledger_header h;
    struct crypto_hash vid;

    if (!crypto_hash_equal(&r->claim.vid, &r->claim.ledger_id))
        return INVALID(w, LEDGER_CHECK_GENESIS_LINK, "the block id of height 0 is the ledger id");
    if (ledger_header_decode(&h, bytes_of(r->header, LEDGER_HEADER_SIZE)) != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_GENESIS_LINK, "%s", anju_err_text());
    if (h.height != 1 || !crypto_hash_equal(&h.previous, &r->claim.ledger_id) ||
        !crypto_hash_equal(&h.previous_result, result_id))
        return INVALID(w, LEDGER_CHECK_GENESIS_LINK,
                       "the header is not of height 1 on top of this genesis and result");
    ledger_block_id(&vid, &h, &r->claim.ledger_id);
    if (r->certificate.height != 1 || !crypto_hash_equal(&r->certificate.vid, &vid))
        return INVALID(w, LEDGER_CHECK_GENESIS_LINK, "the certificate is not over this header");
    return held(w, LEDGER_CHECK_GENESIS_LINK);
}

static bool check_result(struct work *w)
{
    const struct ledger_receipt *r = w->r;
    struct crypto_hash result_id;

    ledger_result_id(&result_id, &w->out->result, &r->claim.ledger_id);
    if (w->out->entry.height == 0)
        return check_genesis_link(w, &result_id);
    if (r->certificate.height != w->out->entry.height ||
        !crypto_hash_equal(&r->certificate.vid, &r->claim.vid) ||
        !crypto_hash_equal(&r->certificate.result, &result_id))
        return INVALID(w, LEDGER_CHECK_RESULT,
                       "the certificate is for another height, block or result than the claim");
    return held(w, LEDGER_CHECK_RESULT);
}

static bool check_record(struct work *w)
{
    struct ledger_record record;
    struct crypto_hash leaf;

    if (!w->r->has_record)
        return true;
    crypto_leaf_hash(&leaf, w->r->record);
    if (!crypto_hash_equal(&leaf, &w->out->entry.record_leaf))
        return INVALID(w, LEDGER_CHECK_RECORD, "the record is not the one that the entry binds");
    if (ledger_record_decode(&record, w->r->record, &w->arena) != ANJU_OK ||
        ledger_record_check_cosignatures(&record, &w->registry->ledger_id) != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_RECORD, "%s", anju_err_text());
    return held(w, LEDGER_CHECK_RECORD);
}

/* The key is the one that genesis gives this number and member. */
static bool check_key(struct work *w, uint32_t number)
{
    const struct ledger_member_key *key = ledger_registry_key(w->registry, number);

    if (key == NULL)
        return stop(
            w, LEDGER_CANNOT_TELL, LEDGER_CHECK_ENVELOPE,
            "key %u is not in the genesis document, so whose signature it is can't be told; "
            "verify the receipt without its envelope",
            number);
    if (key->member != w->out->entry.member ||
        memcmp(key->key.b, w->r->key.b, CRYPTO_KEY_SIZE) != 0)
        return INVALID(w, LEDGER_CHECK_ENVELOPE, "key %u is another key, or of another member",
                       number);
    return true;
}

static bool check_envelope(struct work *w)
{
    const struct ledger_receipt *r = w->r;
    const struct ledger_entry *entry = &w->out->entry;
    struct bytes body = bytes_of(r->body, LEDGER_BODY_SIZE);
    struct crypto_hash id, root;

    if (!r->has_envelope)
        return true;
    if (entry->kind != LEDGER_ENTRY_RECORD && entry->kind != LEDGER_ENTRY_REFUSAL)
        return INVALID(w, LEDGER_CHECK_ENVELOPE, "genesis and timers come in no envelope");
    ledger_envelope_id(&id, body, &w->registry->ledger_id);
    if (!crypto_hash_equal(&id, &entry->envelope))
        return INVALID(w, LEDGER_CHECK_ENVELOPE,
                       "the envelope is not the one that the entry names");
    memcpy(root.b, r->body + 35, CRYPTO_HASH_SIZE);
    if (get_u32(r->body + 1) != entry->member ||
        merkle_path_check(&root, get_u16(r->body + 33), entry->index, &entry->record_leaf,
                          r->record_path.hash, r->record_path.n) != ANJU_OK)
        return INVALID(
            w, LEDGER_CHECK_ENVELOPE,
            "the envelope does not hold the record at this index, or is another member's");
    if (!check_key(w, get_u32(r->body + 5)))
        return false;
    if (crypto_verify(&r->sig, &r->key, &id) != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_ENVELOPE, "the envelope's signature is wrong");
    return held(w, LEDGER_CHECK_ENVELOPE);
}

/* The attributes are all of the subject's: they open the state digest. */
static bool check_state(struct work *w, const struct ledger_receipt_effect *shown,
                        const struct ledger_effect *e)
{
    struct ledger_attributes all;
    struct crypto_hash digest;

    if (ledger_attributes_decode(&all, shown->attributes, &w->arena) != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_STATE, "effect %u: %s", shown->index, anju_err_text());
    ledger_state_digest(&digest, &w->registry->ledger_id, e->procedure, &e->subject,
                        e->version_after, e->state_after, &all);
    if (!crypto_hash_equal(&digest, &e->state_digest))
        return INVALID(w, LEDGER_CHECK_STATE,
                       "effect %u: the attributes are not those that the entry left", shown->index);
    return held(w, LEDGER_CHECK_STATE);
}

static bool check_effect(struct work *w, const struct ledger_receipt_effect *shown)
{
    struct reader reader = reader_over(shown->effect);
    struct ledger_effect e;
    struct ledger_attributes changed;
    struct crypto_hash leaf;

    crypto_leaf_hash(&leaf, shown->effect);
    if (merkle_path_check(&w->out->entry.effects_root, w->out->entry.n_effects, shown->index, &leaf,
                          shown->path.hash, shown->path.n) != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_EFFECTS, "effect %u is not one of the entry's",
                       shown->index);
    ledger_effect_read(&e, &reader);
    if (reader_finish(&reader) != ANJU_OK ||
        ledger_changed_decode(&changed, e.changed, &w->arena) != ANJU_OK)
        return INVALID(w, LEDGER_CHECK_EFFECTS, "effect %u is malformed", shown->index);
    held(w, LEDGER_CHECK_EFFECTS);
    return !shown->has_attributes || check_state(w, shown, &e);
}

static bool check_effects(struct work *w)
{
    for (uint32_t i = 0; i < w->r->n_effects; i++)
        if (!check_effect(w, &w->r->effects[i]))
            return false;
    return true;
}

/* A set of another span signed it: keys that had been given up, or were not yet in force. */
static bool signed_outside(const struct ledger_certificate *c, const struct ledger_set *rules,
                           const struct ledger_registry *registry,
                           const struct ledger_set_path *path)
{
    for (uint32_t i = 0; path != NULL && i <= path->n_changes; i++) {
        const struct ledger_set *set = i == 0 ? &registry->set : &path->changes[i - 1].set;

        if (set == rules || ledger_certificate_verify(c, set, &registry->ledger_id) != ANJU_OK)
            continue;
        (void)anju_fail(ANJU_ERR_MISMATCH,
                        "it is signed by the validators of the set since block %ju, but block %ju "
                        "is ruled by the set since block %ju",
                        (uintmax_t)set->since, (uintmax_t)c->height, (uintmax_t)rules->since);
        return true;
    }
    return false;
}

enum ledger_verdict ledger_signers_check(struct ledger_signers *out,
                                         const struct ledger_certificate *c,
                                         const struct ledger_result *result,
                                         const struct ledger_registry *registry,
                                         const struct ledger_set_path *path)
{
    const struct ledger_set *set = ledger_set_path_at(path, registry, c->height);
    bool same_next = crypto_hash_equal(&result->next_set, &set->hash);

    *out = (struct ledger_signers){
        .set_n = set->n, .q = (uint8_t)ledger_set_quorum(set), .set_since = set->since};
    if (ledger_certificate_verify(c, set, &registry->ledger_id) != ANJU_OK) {
        if (same_next || signed_outside(c, set, registry, path))
            return LEDGER_INVALID;
        /* Signed by others than we know, and it says itself that the set has changed. */
        (void)anju_fail(ANJU_ERR_NOT_FOUND,
                        "the validators that rule height %ju are not known; get the set path of "
                        "this ledger and verify again",
                        (uintmax_t)c->height);
        return LEDGER_CANNOT_TELL;
    }
    /* The next set rules from two heights later; where it is this one, the path reaches until then.
     */
    out->known_to = result->height + (same_next ? 2 : 1);
    out->n = c->q;
    for (unsigned i = 0; i < c->q; i++)
        out->member[i] = set->node[c->index[i]].member;
    return LEDGER_VALID;
}

static bool check_signatures(struct work *w)
{
    enum ledger_verdict verdict = ledger_signers_check(
        &w->out->signers, &w->r->certificate, &w->out->result, w->registry, w->path);

    if (verdict != LEDGER_VALID)
        return stop(w, verdict, LEDGER_CHECK_SIGNATURES, "%s", anju_err_text());
    return held(w, LEDGER_CHECK_SIGNATURES);
}

void ledger_receipt_verify(struct ledger_receipt_report *out, const struct ledger_receipt *r,
                           const struct ledger_registry *registry,
                           const struct ledger_set_path *path)
{
    struct work w = {.out = out, .r = r, .registry = registry, .path = path};

    memset(out, 0, sizeof *out);
    out->verdict = LEDGER_VALID;
    ledger_receipt_id(&out->id, &r->claim);
    (void)(check_ledger(&w) && check_entry(&w) && check_log(&w) && check_result(&w) &&
           check_record(&w) && check_envelope(&w) && check_effects(&w) && check_signatures(&w));
    arena_free(&w.arena);
}

void ledger_trust_words(char *out, size_t room, const struct ledger_signers *signers)
{
    snprintf(
        out, room,
        "genesis only, set path known to height %ju; no quorum of any past set ever signs twice",
        (uintmax_t)signers->known_to);
}
