#include "rpc/list_find.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "rpc/list_prove.h"

enum { BATCH = 256 };

/* One search. */
struct finder {
    struct store_read *read;
    const struct ledger_declared *declared;
    struct bytes key; /* the tuple that they must have */
    struct arena *arena;
    struct ledger_list_subject *found;
    uint32_t n, live;
    struct rpc_find_left *left;
    struct table seen; /* subject ids */
    struct writer tuple;
    struct arena scratch; /* of one look */
};

/* ---- which list to look along ---- */

/* The chain of a list whose components are all among the named ones; false where they are not. */
static bool list_key(struct writer *out, const struct ledger_index *list,
                     const struct ledger_index *index, const struct ledger_chain_name *name)
{
    writer_clear(out);
    writer_u8(out, 2);
    writer_u16(out, name->procedure);
    writer_u16(out, list->number);
    writer_u8(out, list->n_parts);
    for (unsigned i = 0; i < list->n_parts; i++) {
        unsigned k = 0;

        while (k < index->n_parts && index->part[k].attribute != list->part[i].attribute)
            k++;
        if (k == index->n_parts)
            return false;
        writer_u8(out, (uint8_t)name->part[k].type);
        writer_u16(out, (uint16_t)name->part[k].value.size);
        writer_bytes(out, name->part[k].value);
    }
    return true;
}

/* The shortest of these lists. */
static enum anju_err choose_list(struct ledger_map_key *out, uint64_t *count, struct finder *f,
                                 const struct ledger_registry *registry,
                                 const struct ledger_chain_name *name)
{
    const struct ledger_procedure *p = ledger_registry_procedure(registry, name->procedure, 0);
    uint32_t n = 0;
    const struct ledger_index *indexes = p != NULL ? ledger_procedure_indexes(p, &n) : NULL;
    struct writer w = {0};
    bool found = false;
    enum anju_err err = ANJU_OK;

    for (uint32_t i = 0; err == ANJU_OK && i < n; i++) {
        struct ledger_map_key key;
        struct ledger_chain chain;

        if (indexes[i].kind != LEDGER_INDEX_LIST ||
            !list_key(&w, &indexes[i], &f->declared->index, name))
            continue;
        ledger_map_key_chain(&key, writer_view(&w));
        err = store_read_chain(f->read, &chain, &key);
        if (err == ANJU_OK && (!found || chain.peaks.size < *count)) {
            *out = key;
            *count = chain.peaks.size;
            found = true;
        } else if (err == ANJU_ERR_NOT_FOUND)
            err = ANJU_OK;
    }
    writer_free(&w);
    if (err == ANJU_OK && !found)
        err = anju_fail(ANJU_ERR_UNSUPPORTED,
                        "index %u of procedure %u only counts, and no list of the procedure has "
                        "components among its own; ask how many",
                        name->index, name->procedure);
    return err;
}

/* ---- looking ---- */

enum anju_err rpc_take_bytes(struct rpc_find_left *left, size_t size)
{
    if (size > left->bytes)
        return anju_fail(ANJU_ERR_TOO_LARGE,
                         "an answer has at most %d MiB of records, effects and attributes; ask for "
                         "a page, or without them",
                         RPC_PROVE_BYTES_MAX >> 20);
    left->bytes -= size;
    return ANJU_OK;
}

static enum anju_err look_at(struct finder *f, const struct ledger_subject_id *id)
{
    struct ledger_attributes all;
    struct ledger_subject s;
    enum anju_err err;

    arena_clear(&f->scratch);
    err = store_read_subject(f->read, &s, f->declared->procedure, id, &f->scratch);
    if (err == ANJU_OK)
        err = ledger_attributes_decode(&all, s.attributes, &f->scratch);
    if (err != ANJU_OK || (f->declared->late && s.last_seq < f->declared->since))
        return err;
    writer_clear(&f->tuple);
    if (!ledger_declared_tuple(&f->tuple, f->declared->procedure, &f->declared->index, s.state,
                               &all) ||
        !bytes_equal(writer_view(&f->tuple), f->key))
        return ANJU_OK;
    err = rpc_take_bytes(f->left, s.attributes.size);
    if (err != ANJU_OK)
        return err;
    f->found[f->n++] =
        (struct ledger_list_subject){.id = *id,
                                     .version = s.version,
                                     .state = s.state,
                                     .attributes = arena_copy(f->arena, s.attributes)};
    return ANJU_OK;
}

static enum anju_err look_at_entry(struct finder *f, uint64_t seq)
{
    struct store_item item;
    struct ledger_effect effect;
    struct reader r;
    bool is_new;
    enum anju_err err = store_read_item(f->read, &item, seq);

    if (err != ANJU_OK)
        return err;
    r = reader_over(item.item.effects);
    for (uint32_t i = 0; err == ANJU_OK && f->n < f->live && i < item.item.entry.n_effects; i++) {
        ledger_effect_read(&effect, &r);
        if (r.failed)
            return anju_fail(ANJU_ERR_CORRUPT, "entry %ju: its effects do not decode",
                             (uintmax_t)seq);
        if (effect.procedure != f->declared->procedure)
            continue;
        table_put(&f->seen, effect.subject.b, &is_new);
        if (is_new)
            err = look_at(f, &effect.subject);
    }
    return err;
}

/* From the newest back: what has the value now was most often touched lately. */
static enum anju_err look_along(struct finder *f, const struct ledger_map_key *list, uint64_t count)
{
    uint64_t seqs[BATCH];
    enum anju_err err = ANJU_OK;

    while (err == ANJU_OK && f->n < f->live && count > 0) {
        uint64_t begin = count > BATCH ? count - BATCH : 0;
        size_t n = 0;

        if (f->left->entries < count - begin)
            return anju_fail(ANJU_ERR_TOO_LARGE,
                             "what has the value now lies too far back in a list of %ju entries "
                             "more; how many they are can be proved, and a finer list finds them",
                             (uintmax_t)count);
        err = store_read_chain_items(f->read, seqs, &n, (size_t)(count - begin), list, begin);
        for (size_t i = n; err == ANJU_OK && f->n < f->live && i-- > 0;)
            err = look_at_entry(f, seqs[i]);
        f->left->entries -= n;
        count = begin;
    }
    if (err == ANJU_OK && f->n < f->live)
        err = anju_fail(ANJU_ERR_CORRUPT,
                        "%u subjects have a value now, %u are found; run "
                        "`anju rebuild`",
                        f->live, f->n);
    return err;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct ledger_list_subject *)a)->id.b,
                  ((const struct ledger_list_subject *)b)->id.b, LEDGER_SUBJECT_SIZE);
}

enum anju_err rpc_find_now(struct ledger_list_subject **out, struct store_read *read,
                           const struct ledger_registry *registry,
                           const struct ledger_declared *declared,
                           const struct ledger_chain_name *name, struct bytes key, uint32_t live,
                           struct rpc_find_left *left, struct arena *a)
{
    struct finder f = {.read = read,
                       .declared = declared,
                       .key = key,
                       .arena = a,
                       .live = live,
                       .left = left};
    struct ledger_map_key list;
    uint64_t count = 0;
    enum anju_err err;

    f.found = arena_alloc(a, (live + 1u) * sizeof *f.found);
    *out = f.found;
    if (live == 0)
        return ANJU_OK;
    table_init(&f.seen, LEDGER_SUBJECT_SIZE, 1);
    err = choose_list(&list, &count, &f, registry, name);
    if (err == ANJU_OK)
        err = look_along(&f, &list, count);
    if (err == ANJU_OK)
        qsort(f.found, live, sizeof *f.found, by_id);
    table_free(&f.seen);
    writer_free(&f.tuple);
    arena_free(&f.scratch);
    return err;
}
