/* Which indexes there are, as a proof of a list shows them, and the keys of the map it asks for. */
#include <stdlib.h>
#include <string.h>

#include "ledger/builtin.h"
#include "ledger/list_proof.h"

/* ---- declarations ---- */

static enum anju_err bad(const char *words)
{
    return anju_fail(ANJU_ERR_MALFORMED, "the declaration of an index: %s", words);
}

static bool read_uint(uint64_t *out, const struct ledger_attributes *all, uint16_t number,
                      uint64_t max)
{
    const struct bytes *raw = ledger_attribute(all, number);
    struct mp_reader m = mp_reader_over(raw != NULL ? *raw : bytes_of(NULL, 0));

    *out = mp_uint(&m, max);
    return mp_finish(&m) == ANJU_OK;
}

static bool read_late(bool *out, const struct ledger_attributes *all)
{
    const struct bytes *raw = ledger_attribute(all, LEDGER_INDEX_LATE);
    struct mp_reader m = mp_reader_over(raw != NULL ? *raw : bytes_of(NULL, 0));

    *out = mp_bool(&m);
    return mp_finish(&m) == ANJU_OK;
}

static bool read_components(struct ledger_index *out, const struct ledger_attributes *all)
{
    const struct bytes *raw = ledger_attribute(all, LEDGER_INDEX_COMPONENTS);
    struct mp_reader m = mp_reader_over(raw != NULL ? *raw : bytes_of(NULL, 0));

    out->n_parts = (uint8_t)mp_array(&m, LEDGER_INDEX_PARTS_MAX);
    for (unsigned i = 0; i < out->n_parts; i++) {
        if (mp_array(&m, 2) != 2)
            mp_fail(&m);
        out->part[i].attribute = (uint16_t)mp_uint(&m, UINT16_MAX);
        out->part[i].type = (enum ledger_part_type)mp_uint(&m, LEDGER_PART_DAY);
        if (out->part[i].type == LEDGER_PART_ABSENT)
            mp_fail(&m);
    }
    return mp_finish(&m) == ANJU_OK && out->n_parts > 0;
}

/* The first version of a built-in subject: what it changed is all that there is. */
static enum anju_err read_index(struct ledger_declared *out, const struct ledger_effect *e,
                                const struct crypto_hash *ledger_id, struct arena *a)
{
    struct ledger_attributes all;
    uint64_t procedure = 0, number = 0, kind = 0;

    if (e->procedure != 0 || e->version_after != 1 ||
        e->state_after != LEDGER_BUILTIN_STATE_IN_FORCE ||
        ledger_attributes_decode(&all, e->changed, a) != ANJU_OK || all.count != 5)
        return bad("its effect is not that of a built-in subject written once");
    if (!read_uint(&procedure, &all, LEDGER_INDEX_PROCEDURE, UINT16_MAX) ||
        !read_uint(&number, &all, LEDGER_INDEX_NUMBER, UINT16_MAX) ||
        !read_uint(&kind, &all, LEDGER_INDEX_KIND, LEDGER_INDEX_UNIQUE) || kind == 0 ||
        !read_late(&out->late, &all) || !read_components(&out->index, &all))
        return bad("its attributes are not those of an index");
    out->procedure = (uint16_t)procedure;
    out->index.number = (uint16_t)number;
    out->index.kind = (enum ledger_index_kind)kind;
    ledger_builtin_index_id(&out->subject, out->procedure, out->index.number);
    if (memcmp(out->subject.b, e->subject.b, LEDGER_SUBJECT_SIZE) != 0)
        return bad("it stands on another subject than its own");
    ledger_state_digest(&out->state, ledger_id, 0, &out->subject, 1, e->state_after, &all);
    if (!crypto_hash_equal(&out->state, &e->state_digest))
        return bad("its attributes do not open its state digest");
    return ANJU_OK;
}

enum anju_err ledger_declaration_decode(struct ledger_declared *out,
                                        const struct ledger_list_declaration *d,
                                        const struct crypto_hash *ledger_id, struct arena *a)
{
    struct reader r = reader_over(d->effect);
    struct ledger_effect effect;
    struct ledger_entry entry;
    struct crypto_hash leaf;

    memset(out, 0, sizeof *out);
    if (ledger_entry_decode(&entry, bytes_of(d->entry, LEDGER_ENTRY_SIZE)) != ANJU_OK)
        return bad(anju_err_text());
    crypto_leaf_hash(&leaf, d->effect);
    if (merkle_path_check(&entry.effects_root, entry.n_effects, d->index, &leaf, d->path.hash,
                          d->path.n) != ANJU_OK)
        return bad("the effect shown is not one of its entry's");
    ledger_effect_read(&effect, &r);
    if (reader_finish(&r) != ANJU_OK)
        return bad("its effect is malformed");
    out->since = entry.seq;
    ledger_entry_leaf(&out->leaf, d->entry);
    return read_index(out, &effect, ledger_id, a);
}

/* ---- keys of the map ---- */

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ledger_map_key));
}

void ledger_list_map_keys(struct ledger_map_key **out, size_t *count,
                          const struct ledger_list_proof *p, const struct ledger_chain_name *names,
                          const struct ledger_declared *declared, struct arena *a)
{
    size_t n = p->n_chains + p->n_declarations, kept = 0;
    struct ledger_map_key *keys;

    for (uint32_t i = 0; i < p->n_chains; i++)
        n += p->chains[i].n_subjects;
    keys = arena_alloc(a, (n + 1) * sizeof *keys);
    n = 0;
    for (uint32_t i = 0; i < p->n_declarations; i++)
        ledger_map_key_subject(&keys[n++], 0, &declared[i].subject);
    for (uint32_t i = 0; i < p->n_chains; i++) {
        const struct ledger_list_chain *c = &p->chains[i];

        ledger_chain_map_key(&keys[n++], &names[i], c->key);
        for (uint32_t k = 0; k < c->n_subjects; k++)
            ledger_map_key_subject(&keys[n++], names[i].procedure, &c->subjects[k].id);
    }
    qsort(keys, n, sizeof *keys, by_key);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || by_key(&keys[kept - 1], &keys[i]) != 0)
            keys[kept++] = keys[i];
    *out = keys;
    *count = kept;
}
