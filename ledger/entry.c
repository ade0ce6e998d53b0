#include "ledger/entry.h"

#include <string.h>

/* ---- entry ---- */

void ledger_entry_encode(uint8_t out[LEDGER_ENTRY_SIZE], const struct ledger_entry *e)
{
    out[0] = 1;
    out[1] = (uint8_t)e->kind;
    put_u16(out + 2, e->outcome);
    put_u64(out + 4, e->seq);
    put_u64(out + 12, e->height);
    put_u64(out + 20, e->time_ms);
    memcpy(out + 28, e->envelope.b, CRYPTO_HASH_SIZE);
    put_u32(out + 60, e->index);
    put_u32(out + 64, e->member);
    memcpy(out + 68, e->record_leaf.b, CRYPTO_HASH_SIZE);
    memcpy(out + 100, e->procedure_digest.b, CRYPTO_HASH_SIZE);
    put_u32(out + 132, e->n_effects);
    memcpy(out + 136, e->effects_root.b, CRYPTO_HASH_SIZE);
}

static enum anju_err bad_entry(const char *what)
{
    return anju_fail(ANJU_ERR_MALFORMED, "entry: %s", what);
}

/* What holds between the fields of every entry that an execution makes. */
static enum anju_err check_entry(const struct ledger_entry *e)
{
    bool by_member = e->kind == LEDGER_ENTRY_RECORD || e->kind == LEDGER_ENTRY_REFUSAL;
    bool refused = e->kind == LEDGER_ENTRY_REFUSAL;
    struct crypto_hash empty;

    if ((e->kind == LEDGER_ENTRY_GENESIS) != (e->height == 0))
        return bad_entry("height 0 is genesis, and genesis is height 0");
    if (e->time_ms < LEDGER_TIME_MIN || e->time_ms > LEDGER_TIME_MAX)
        return bad_entry("its time lies outside 2020 to 2100");
    if (refused != (e->outcome != 0))
        return bad_entry("an outcome stands in a refusal, and only there");
    if (by_member != (e->member != 0) || by_member == crypto_hash_is_zero(&e->envelope))
        return bad_entry(
            "records and refusals have a member and an envelope, genesis and timers have none");
    if (!by_member && e->index != 0)
        return bad_entry("genesis and timers have index 0");
    if (e->index >= LEDGER_CAP_FACTOR * LEDGER_ENVELOPE_RECORDS_DEFAULT)
        return bad_entry("its index in the envelope is over any envelope's size");
    if (refused != (e->n_effects == 0))
        return bad_entry("a refusal has no effect, any other entry at least one");
    if (e->n_effects > LEDGER_EFFECTS_MAX)
        return bad_entry("it has more effects than any record may have");
    merkle_root_of(&empty, NULL, 0);
    if (refused != crypto_hash_equal(&e->effects_root, &empty))
        return bad_entry("the root of its effects does not agree with their number");
    return ANJU_OK;
}

enum anju_err ledger_entry_decode(struct ledger_entry *out, struct bytes in)
{
    struct reader r = reader_over(in);
    uint8_t version = reader_u8(&r);
    uint8_t kind = reader_u8(&r);

    out->outcome = reader_u16(&r);
    out->seq = reader_u64(&r);
    out->height = reader_u64(&r);
    out->time_ms = reader_u64(&r);
    reader_copy(&r, out->envelope.b, CRYPTO_HASH_SIZE);
    out->index = reader_u32(&r);
    out->member = reader_u32(&r);
    reader_copy(&r, out->record_leaf.b, CRYPTO_HASH_SIZE);
    reader_copy(&r, out->procedure_digest.b, CRYPTO_HASH_SIZE);
    out->n_effects = reader_u32(&r);
    reader_copy(&r, out->effects_root.b, CRYPTO_HASH_SIZE);
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "entry: %zu bytes, an entry has %d", in.size,
                         LEDGER_ENTRY_SIZE);
    if (version != 1)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "entry: version %u, this build knows version 1",
                         version);
    if (kind > LEDGER_ENTRY_REFUSAL)
        return anju_fail(ANJU_ERR_MALFORMED, "entry: kind %u is not known", kind);
    out->kind = (enum ledger_entry_kind)kind;
    return check_entry(out);
}

void ledger_entry_leaf(struct crypto_hash *out, const uint8_t entry[LEDGER_ENTRY_SIZE])
{
    crypto_leaf_hash(out, bytes_of(entry, LEDGER_ENTRY_SIZE));
}

/* ---- effects ---- */

void ledger_effect_encode(struct writer *w, const struct ledger_effect *e)
{
    writer_u16(w, e->procedure);
    writer_put(w, e->subject.b, LEDGER_SUBJECT_SIZE);
    writer_u64(w, e->version_after);
    writer_u16(w, e->state_after);
    writer_put(w, e->state_digest.b, CRYPTO_HASH_SIZE);
    writer_bytes_u32(w, e->changed);
}

void ledger_effect_read(struct ledger_effect *out, struct reader *r)
{
    out->procedure = reader_u16(r);
    reader_copy(r, out->subject.b, LEDGER_SUBJECT_SIZE);
    out->version_after = reader_u64(r);
    out->state_after = reader_u16(r);
    reader_copy(r, out->state_digest.b, CRYPTO_HASH_SIZE);
    out->changed = reader_take_u32(r, LEDGER_ATTRIBUTES_SIZE_MAX);
    if (out->version_after == 0)
        reader_fail(r); /* Versions count from 1. */
}

void ledger_effects_root(struct crypto_hash *out, const struct ledger_effect *effects,
                         uint32_t count)
{
    struct merkle_peaks peaks = {0};
    struct writer w = {0};

    for (uint32_t i = 0; i < count; i++) {
        struct crypto_hash leaf;

        writer_clear(&w);
        ledger_effect_encode(&w, &effects[i]);
        crypto_leaf_hash(&leaf, writer_view(&w));
        merkle_append(&peaks, &leaf, NULL, NULL);
    }
    merkle_root(out, &peaks);
    writer_free(&w);
}

/* ---- attributes ---- */

static enum anju_err decode_attributes(struct ledger_attributes *out, struct bytes in,
                                       bool may_clear, struct arena *a)
{
    struct mp_reader m = mp_reader_over(in);
    bool nested = false;
    uint32_t last = 0;

    out->count = mp_array(&m, LEDGER_ATTRIBUTES_MAX);
    if (m.r.failed || out->count > m.r.left)
        return anju_fail(ANJU_ERR_MALFORMED, "attributes: not an array, or more than %d",
                         LEDGER_ATTRIBUTES_MAX);
    out->items = out->count > 0 ? arena_alloc(a, out->count * sizeof out->items[0]) : NULL;
    for (uint32_t i = 0; i < out->count; i++) {
        struct ledger_value *item = &out->items[i];
        uint32_t parts = mp_array(&m, 2);

        item->number = (uint16_t)mp_uint(&m, UINT16_MAX);
        if (parts == 2)
            item->value = mp_skip(&m);
        else if (parts != 1 || !may_clear)
            mp_fail(&m);
        if (m.r.failed)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "attributes: the one after %u is not [number, canonical value]", last);
        if (item->number <= last)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "attributes: %u stands after %u; they ascend, each once, from 1",
                             item->number, last);
        last = item->number;
        nested |= parts == 2 && ((item->value.data[0] & 0xf0) == 0x90 ||
                                 item->value.data[0] == 0xdc || item->value.data[0] == 0xdd);
    }
    if (mp_finish(&m) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "attributes: bytes are left over");
    if (nested && mp_check(in) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "attributes: a value is nested too deeply");
    return ANJU_OK;
}

enum anju_err ledger_attributes_decode(struct ledger_attributes *out, struct bytes in,
                                       struct arena *a)
{
    return decode_attributes(out, in, false, a);
}

enum anju_err ledger_changed_decode(struct ledger_attributes *out, struct bytes in, struct arena *a)
{
    return decode_attributes(out, in, true, a);
}

void ledger_attributes_encode(struct writer *w, const struct ledger_value *items, uint32_t count)
{
    mp_put_array(w, count);
    for (uint32_t i = 0; i < count; i++) {
        mp_put_array(w, items[i].value.size > 0 ? 2 : 1);
        mp_put_uint(w, items[i].number);
        writer_bytes(w, items[i].value);
    }
}

const struct bytes *ledger_attribute(const struct ledger_attributes *attrs, uint16_t number)
{
    uint32_t low = 0, high = attrs->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (attrs->items[middle].number == number)
            return &attrs->items[middle].value;
        if (attrs->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

enum anju_err ledger_attributes_apply(struct ledger_attributes *out,
                                      const struct ledger_attributes *before, struct bytes changed,
                                      struct arena *a)
{
    struct ledger_attributes laid;
    uint32_t i = 0, j = 0, n = 0;
    enum anju_err err = ledger_changed_decode(&laid, changed, a);

    if (err != ANJU_OK)
        return err;
    out->items = before->count + laid.count > 0
                     ? arena_alloc(a, (before->count + laid.count) * sizeof out->items[0])
                     : NULL;
    while (i < before->count || j < laid.count) {
        bool take_old = j == laid.count ||
                        (i < before->count && before->items[i].number < laid.items[j].number);

        if (take_old) {
            out->items[n++] = before->items[i++];
            continue;
        }
        if (i < before->count && before->items[i].number == laid.items[j].number)
            i++;
        if (laid.items[j].value.size > 0)
            out->items[n++] = laid.items[j];
        j++;
    }
    out->count = n;
    return ANJU_OK;
}

void ledger_state_digest(struct crypto_hash *out, const struct crypto_hash *ledger_id,
                         uint16_t procedure, const struct ledger_subject_id *subject,
                         uint64_t version, uint16_t state, const struct ledger_attributes *all)
{
    struct writer w = {0};

    writer_u16(&w, procedure);
    writer_put(&w, subject->b, LEDGER_SUBJECT_SIZE);
    writer_u64(&w, version);
    writer_u16(&w, state);
    ledger_attributes_encode(&w, all->items, all->count);
    crypto_digest(out, "anju/state/1", ledger_id, writer_view(&w));
    writer_free(&w);
}
