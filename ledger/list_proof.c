/* The bytes of proofs of lists. What they prove: ledger/list_verify.c. */
#include "ledger/list_proof.h"

#include <string.h>

enum {
    LIST_VERSION = 1,
    RECORD_SIZE_CAP = LEDGER_CAP_FACTOR * LEDGER_RECORD_SIZE_DEFAULT,
    EFFECT_SIZE_MAX = LEDGER_EFFECT_SIZE_MIN + LEDGER_ATTRIBUTES_SIZE_MAX,
    /* The least that one takes: bounds a count before memory is asked for. */
    CHAIN_SIZE_MIN = 2 + 8 + 1 + 4 + 4,
    SUBJECT_SIZE_MIN = LEDGER_SUBJECT_SIZE + 8 + 2 + 4 + 1,
    DECLARATION_SIZE_MIN = LEDGER_ENTRY_SIZE + 4 + 1 + 4 + LEDGER_EFFECT_SIZE_MIN,
};

static const char TAG[] = "anju/list/1";

/* ---- writing ---- */

static void write_hashes(struct writer *w, const struct crypto_hash *hash, uint8_t n)
{
    writer_u8(w, n);
    for (unsigned i = 0; i < n; i++)
        writer_bytes(w, crypto_hash_bytes(&hash[i]));
}

static void write_declaration(struct writer *w, const struct ledger_list_declaration *d)
{
    writer_put(w, d->entry, LEDGER_ENTRY_SIZE);
    writer_u32(w, d->index);
    write_hashes(w, d->path.hash, d->path.n);
    writer_bytes_u32(w, d->effect);
}

static void write_subject(struct writer *w, const struct ledger_list_subject *s)
{
    writer_put(w, s->id.b, LEDGER_SUBJECT_SIZE);
    writer_u64(w, s->version);
    writer_u16(w, s->state);
    writer_bytes_u32(w, s->attributes);
    writer_u8(w, s->has_last);
    if (s->has_last) {
        writer_put(w, s->last, LEDGER_ENTRY_SIZE);
        write_hashes(w, s->boundary.hash, s->boundary.n);
    }
}

static void write_chain(struct writer *w, const struct ledger_list_chain *c, uint8_t parts)
{
    writer_u16(w, (uint16_t)c->key.size);
    writer_bytes(w, c->key);
    writer_u64(w, c->begin);
    write_hashes(w, c->boundary.hash, c->boundary.n);
    writer_u32(w, c->n_entries);
    for (uint32_t i = 0; i < c->n_entries; i++) {
        const struct ledger_list_entry *e = &c->entries[i];

        writer_put(w, e->bytes, LEDGER_ENTRY_SIZE);
        if ((parts & LEDGER_LIST_RECORDS) != 0)
            writer_bytes_u32(w, e->record);
        if ((parts & LEDGER_LIST_EFFECTS) != 0)
            writer_bytes_u32(w, e->effects);
    }
    writer_u32(w, c->n_subjects);
    for (uint32_t i = 0; i < c->n_subjects; i++)
        write_subject(w, &c->subjects[i]);
}

static void write_content(struct writer *w, const struct ledger_list_proof *p)
{
    writer_u8(w, LIST_VERSION);
    writer_bytes(w, crypto_hash_bytes(&p->ledger_id));
    writer_u8(w, (uint8_t)p->question.ask);
    writer_u64(w, p->question.a);
    writer_u64(w, p->question.b);
    writer_u8(w, p->question.parts);
    writer_put(w, p->header, LEDGER_HEADER_SIZE);
    writer_put(w, p->result, LEDGER_RESULT_SIZE);
    ledger_certificate_encode(w, &p->certificate);
    writer_bytes_u32(w, p->map);
    writer_u16(w, (uint16_t)p->n_declarations);
    for (uint32_t i = 0; i < p->n_declarations; i++)
        write_declaration(w, &p->declarations[i]);
    writer_u16(w, (uint16_t)p->n_chains);
    for (uint32_t i = 0; i < p->n_chains; i++)
        write_chain(w, &p->chains[i], p->question.parts);
}

void ledger_list_id(struct crypto_hash *out, const struct ledger_list_proof *p)
{
    struct writer w = {0};

    write_content(&w, p);
    crypto_digest(out, TAG, &p->ledger_id, writer_view(&w));
    writer_free(&w);
}

void ledger_list_encode(struct writer *w, const struct ledger_list_proof *p)
{
    const size_t begin = w->size;
    struct crypto_hash id;

    write_content(w, p);
    crypto_digest(&id, TAG, &p->ledger_id, bytes_of(w->data + begin, w->size - begin));
    writer_bytes(w, crypto_hash_bytes(&id));
}

/* ---- reading ---- */

/* One decoding: what is left of the bounds over all chains. */
struct decoder {
    struct reader r;
    struct arena *arena;
    uint32_t entries_left, subjects_left;
};

/* A count that the bytes that are left can hold; else the reader fails and it is 0. */
static uint32_t read_count(struct decoder *d, uint32_t count, uint32_t max, size_t size_min)
{
    if (!d->r.failed && count <= max && count <= d->r.left / size_min)
        return count;
    reader_fail(&d->r);
    return 0;
}

static void read_boundary(struct decoder *d, struct ledger_boundary *out)
{
    uint8_t n = reader_u8_max(&d->r, MERKLE_BOUNDARY_MAX);

    out->n = (uint8_t)read_count(d, n, MERKLE_BOUNDARY_MAX, CRYPTO_HASH_SIZE);
    out->hash = arena_alloc(d->arena, (out->n + 1u) * sizeof out->hash[0]);
    for (unsigned i = 0; i < out->n; i++)
        reader_copy(&d->r, out->hash[i].b, CRYPTO_HASH_SIZE);
}

static void read_declaration(struct decoder *d, struct ledger_list_declaration *out)
{
    reader_copy(&d->r, out->entry, LEDGER_ENTRY_SIZE);
    out->index = reader_u32(&d->r);
    out->path.n = reader_u8_max(&d->r, MERKLE_PATH_MAX);
    for (unsigned i = 0; i < out->path.n; i++)
        reader_copy(&d->r, out->path.hash[i].b, CRYPTO_HASH_SIZE);
    out->effect = reader_take_u32(&d->r, EFFECT_SIZE_MAX);
}

static void read_subject(struct decoder *d, struct ledger_list_subject *out)
{
    reader_copy(&d->r, out->id.b, LEDGER_SUBJECT_SIZE);
    out->version = reader_u64(&d->r);
    out->state = reader_u16(&d->r);
    out->attributes = reader_take_u32(&d->r, LEDGER_ATTRIBUTES_SIZE_MAX);
    out->has_last = reader_u8_max(&d->r, 1) == 1;
    if (out->has_last) {
        reader_copy(&d->r, out->last, LEDGER_ENTRY_SIZE);
        read_boundary(d, &out->boundary);
    }
}

static void read_entries(struct decoder *d, struct ledger_list_chain *out, uint8_t parts)
{
    out->n_entries = read_count(d, reader_u32(&d->r), d->entries_left, LEDGER_ENTRY_SIZE);
    d->entries_left -= out->n_entries;
    out->entries = arena_alloc(d->arena, (out->n_entries + 1u) * sizeof out->entries[0]);
    for (uint32_t i = 0; i < out->n_entries && !d->r.failed; i++) {
        struct ledger_list_entry *e = &out->entries[i];

        reader_copy(&d->r, e->bytes, LEDGER_ENTRY_SIZE);
        if ((parts & LEDGER_LIST_RECORDS) != 0)
            e->record = reader_take_u32(&d->r, RECORD_SIZE_CAP);
        if ((parts & LEDGER_LIST_EFFECTS) != 0)
            e->effects = reader_take_u32(&d->r, LEDGER_LIST_SIZE_MAX);
    }
}

static void read_chain(struct decoder *d, struct ledger_list_chain *out, uint8_t parts)
{
    uint16_t size = reader_u16(&d->r);

    out->key = reader_take(&d->r, size);
    out->begin = reader_u64(&d->r);
    read_boundary(d, &out->boundary);
    read_entries(d, out, parts);
    out->n_subjects = read_count(d, reader_u32(&d->r), d->subjects_left, SUBJECT_SIZE_MIN);
    d->subjects_left -= out->n_subjects;
    out->subjects = arena_alloc(d->arena, (out->n_subjects + 1u) * sizeof out->subjects[0]);
    for (uint32_t i = 0; i < out->n_subjects && !d->r.failed; i++)
        read_subject(d, &out->subjects[i]);
}

static void read_question(struct reader *r, struct ledger_question *out)
{
    out->ask = (enum ledger_ask)reader_u8(r);
    out->a = reader_u64(r);
    out->b = reader_u64(r);
    out->parts = reader_u8(r);
    if (!r->failed && ledger_question_check(out) != ANJU_OK)
        reader_fail(r);
}

static void read_lists(struct decoder *d, struct ledger_list_proof *out)
{
    out->map = reader_take_u32(&d->r, LEDGER_LIST_SIZE_MAX);
    out->n_declarations =
        read_count(d, reader_u16(&d->r), LEDGER_LIST_CHAINS_MAX, DECLARATION_SIZE_MIN);
    out->declarations =
        arena_alloc(d->arena, (out->n_declarations + 1u) * sizeof out->declarations[0]);
    for (uint32_t i = 0; i < out->n_declarations && !d->r.failed; i++)
        read_declaration(d, &out->declarations[i]);
    out->n_chains = read_count(d, reader_u16(&d->r), LEDGER_LIST_CHAINS_MAX, CHAIN_SIZE_MIN);
    out->chains = arena_alloc(d->arena, (out->n_chains + 1u) * sizeof out->chains[0]);
    for (uint32_t i = 0; i < out->n_chains && !d->r.failed; i++)
        read_chain(d, &out->chains[i], out->question.parts);
}

enum anju_err ledger_list_decode(struct ledger_list_proof *out, struct bytes in, struct arena *a)
{
    struct decoder d = {.r = reader_over(in),
                        .arena = a,
                        .entries_left = LEDGER_LIST_ENTRIES_MAX,
                        .subjects_left = LEDGER_LIST_SUBJECTS_MAX};
    struct crypto_hash id, own;
    uint8_t version;

    memset(out, 0, sizeof *out);
    if (in.size > LEDGER_LIST_SIZE_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "list proof: %zu bytes, the most is %d", in.size,
                         LEDGER_LIST_SIZE_MAX);
    version = reader_u8(&d.r);
    if (!d.r.failed && version != LIST_VERSION)
        return anju_fail(ANJU_ERR_UNSUPPORTED,
                         "list proof: version %u, this build knows version %d", version,
                         LIST_VERSION);
    reader_copy(&d.r, out->ledger_id.b, CRYPTO_HASH_SIZE);
    read_question(&d.r, &out->question);
    reader_copy(&d.r, out->header, LEDGER_HEADER_SIZE);
    reader_copy(&d.r, out->result, LEDGER_RESULT_SIZE);
    ledger_certificate_read(&out->certificate, &d.r);
    if (!d.r.failed)
        read_lists(&d, out);
    reader_copy(&d.r, id.b, CRYPTO_HASH_SIZE);
    if (reader_finish(&d.r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "list proof: cut, malformed, or bytes are left over");
    crypto_digest(&own, TAG, &out->ledger_id, bytes_of(in.data, in.size - CRYPTO_HASH_SIZE));
    if (!crypto_hash_equal(&own, &id))
        return anju_fail(ANJU_ERR_MISMATCH, "list proof: its id is not that of its bytes");
    return ANJU_OK;
}

/* ---- the question ---- */

enum anju_err ledger_question_check(const struct ledger_question *q)
{
    static const uint8_t PARTS = LEDGER_LIST_RECORDS | LEDGER_LIST_EFFECTS;
    bool entries = true, numbers = false;

    switch (q->ask) {
    case LEDGER_ASK_PAGE:
        numbers = q->b > 0;
        break;
    case LEDGER_ASK_TIME:
        numbers = q->a < q->b;
        break;
    case LEDGER_ASK_LAST:
        numbers = q->a == 0 && q->b > 0;
        break;
    case LEDGER_ASK_NOW:
    case LEDGER_ASK_COUNT:
        numbers = q->a == 0 && q->b == 0;
        entries = false;
        break;
    }
    if (numbers && (entries ? (q->parts & ~PARTS) == 0 : q->parts == 0))
        return ANJU_OK;
    return anju_fail(ANJU_ERR_MALFORMED,
                     "list proof: its question (%d, %ju, %ju, %u) is none that can be asked",
                     (int)q->ask, (uintmax_t)q->a, (uintmax_t)q->b, q->parts);
}

/* ---- chain keys ---- */

static bool part_is_good(const struct ledger_chain_part *p)
{
    switch (p->type) {
    case LEDGER_PART_ABSENT:
        return p->value.size == 0;
    case LEDGER_PART_UINT:
    case LEDGER_PART_INT:
        return p->value.size == 8;
    case LEDGER_PART_BOOL:
        return p->value.size == 1 && p->value.data[0] <= 1;
    case LEDGER_PART_STR:
        return bytes_are_utf8(p->value);
    case LEDGER_PART_BIN:
        return true;
    case LEDGER_PART_DAY:
        return p->value.size == 4;
    }
    return false;
}

/* Index 0 of procedure 0 are the actors: one component, the member. */
static bool actor_is_good(struct ledger_chain_name *out)
{
    const struct ledger_chain_part *p = &out->part[0];

    if (out->procedure != 0)
        return true;
    if (out->index != 0 || out->n_parts != 1 || p->type != LEDGER_PART_UINT ||
        get_u64(p->value.data) == 0 || get_u64(p->value.data) > UINT32_MAX)
        return false;
    out->kind = LEDGER_CHAIN_ACTOR;
    out->member = (uint32_t)get_u64(p->value.data);
    return true;
}

static bool read_tuple(struct reader *r, struct ledger_chain_name *out)
{
    bool good = true;

    out->kind = LEDGER_CHAIN_INDEX;
    out->procedure = reader_u16(r);
    out->index = reader_u16(r);
    out->n_parts = reader_u8_max(r, LEDGER_INDEX_PARTS_MAX);
    for (unsigned i = 0; i < out->n_parts; i++) {
        uint16_t size;

        out->part[i].type = (enum ledger_part_type)reader_u8_max(r, LEDGER_PART_DAY);
        size = reader_u16(r);
        out->part[i].value = reader_take(r, size);
        good = good && !r->failed && part_is_good(&out->part[i]);
    }
    return good && out->n_parts > 0 && actor_is_good(out);
}

enum anju_err ledger_chain_name_decode(struct ledger_chain_name *out, struct bytes key)
{
    struct reader r = reader_over(key);
    bool good = false;

    *out = (struct ledger_chain_name){0};
    switch (reader_u8(&r)) {
    case 1:
        out->kind = LEDGER_CHAIN_SUBJECT;
        out->procedure = reader_u16(&r);
        reader_copy(&r, out->subject.b, LEDGER_SUBJECT_SIZE);
        good = true;
        break;
    case 2:
        good = read_tuple(&r, out);
        break;
    default:
        break;
    }
    if (reader_finish(&r) == ANJU_OK && good)
        return ANJU_OK;
    return anju_fail(ANJU_ERR_MALFORMED, "list proof: %zu bytes that are no chain key", key.size);
}

void ledger_chain_map_key(struct ledger_map_key *out, const struct ledger_chain_name *name,
                          struct bytes key)
{
    if (name->kind == LEDGER_CHAIN_SUBJECT)
        ledger_map_key_subject(out, name->procedure, &name->subject);
    else
        ledger_map_key_chain(out, key);
}
