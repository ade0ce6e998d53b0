#include "rpc/list_prove.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/builtin.h"
#include "rpc/list_find.h"

/* One proof being made. */
struct prover {
    struct ledger_list_proof *out;
    struct store_read *read;
    const struct ledger_registry *registry;
    struct arena *arena;
    struct ledger_chain_name *names;
    struct ledger_declared *declared;
    uint64_t entries_left, subjects_left;
    struct rpc_find_left left;
};

/* ---- the height ---- */

static enum anju_err put_endorsement(struct prover *p)
{
    const struct ledger_tip *tip = store_read_tip(p->read);
    struct ledger_header header;
    struct bytes raw;
    enum anju_err err;

    if (tip->height == 0)
        return anju_fail(ANJU_ERR_BUSY,
                         "a proof rests on the certificate of a block, and there is none yet");
    err = store_read_header(p->read, &header, tip->height);
    if (err == ANJU_OK)
        err = store_read_certificate(p->read, &raw, tip->height);
    if (err == ANJU_OK)
        err = ledger_certificate_decode(&p->out->certificate, raw);
    if (err != ANJU_OK)
        return err;
    p->out->ledger_id = p->registry->ledger_id;
    ledger_header_encode(p->out->header, &header);
    ledger_result_encode(p->out->result, &tip->result_body);
    return ANJU_OK;
}

/* ---- keys ---- */

static int by_bytes(const void *a, const void *b)
{
    const struct ledger_list_chain *x = a, *y = b;

    return bytes_compare(x->key, y->key);
}

static enum anju_err put_keys(struct prover *p, const struct bytes *keys, size_t n)
{
    struct ledger_list_chain *chains = arena_alloc(p->arena, (n + 1) * sizeof *chains);
    uint32_t kept = 0;
    enum anju_err err = ANJU_OK;

    if (n == 0 || n > LEDGER_LIST_CHAINS_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "a proof is of 1 to %d keys, not of %zu",
                         LEDGER_LIST_CHAINS_MAX, n);
    for (size_t i = 0; i < n; i++)
        chains[i].key = keys[i];
    qsort(chains, n, sizeof *chains, by_bytes);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !bytes_equal(chains[kept - 1].key, chains[i].key))
            chains[kept++].key = chains[i].key;
    p->out->chains = chains;
    p->out->n_chains = kept;
    p->names = arena_alloc(p->arena, (kept + 1u) * sizeof *p->names);
    for (uint32_t i = 0; err == ANJU_OK && i < kept; i++)
        err = ledger_chain_name_decode(&p->names[i], chains[i].key);
    return err;
}

/* ---- declarations ---- */

static enum anju_err leaf_of(void *ctx, struct crypto_hash *out, unsigned level, uint64_t index)
{
    const struct crypto_hash *leaves = ctx;

    merkle_root_of(out, leaves + (index << level), (size_t)1 << level);
    return ANJU_OK;
}

/* The effect of an entry on one subject, with its path among the entry's effects. */
static enum anju_err put_effect(struct prover *p, struct ledger_list_declaration *out,
                                const struct ledger_item *item,
                                const struct ledger_subject_id *subject)
{
    const uint32_t n = item->entry.n_effects;
    struct crypto_hash *leaves = arena_alloc(p->arena, (n + 1u) * sizeof *leaves);
    struct reader r = reader_over(item->effects);
    struct ledger_effect effect;
    bool found = false;
    unsigned length = 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *begin = r.at;

        ledger_effect_read(&effect, &r);
        crypto_leaf_hash(&leaves[i], bytes_of(begin, (size_t)(r.at - begin)));
        if (effect.procedure != 0 || memcmp(effect.subject.b, subject->b, sizeof subject->b) != 0)
            continue;
        found = true;
        out->index = i;
        out->effect = bytes_of(begin, (size_t)(r.at - begin));
    }
    if (reader_finish(&r) != ANJU_OK || !found)
        return anju_fail(ANJU_ERR_CORRUPT, "entry %ju does not declare its index",
                         (uintmax_t)item->entry.seq);
    if (merkle_path(out->path.hash, &length, out->index, n, leaf_of, leaves) != ANJU_OK)
        return ANJU_ERR_CORRUPT;
    out->path.n = (uint8_t)length;
    return ANJU_OK;
}

static enum anju_err put_declaration(struct prover *p, const struct ledger_chain_name *name)
{
    struct ledger_list_declaration *out = &p->out->declarations[p->out->n_declarations];
    struct ledger_subject_id subject;
    struct ledger_map_key key;
    struct store_item item;
    uint64_t seq;
    size_t n = 0;
    enum anju_err err;

    ledger_builtin_index_id(&subject, name->procedure, name->index);
    ledger_map_key_subject(&key, 0, &subject);
    err = store_read_chain_items(p->read, &seq, &n, 1, &key, 0);
    if (err == ANJU_ERR_NOT_FOUND || (err == ANJU_OK && n == 0))
        return anju_fail(ANJU_ERR_NOT_FOUND, "procedure %u has no index %u", name->procedure,
                         name->index);
    if (err == ANJU_OK)
        err = store_read_item(p->read, &item, seq);
    if (err != ANJU_OK)
        return err;
    memcpy(out->entry, item.item.bytes, LEDGER_ENTRY_SIZE);
    err = put_effect(p, out, &item.item, &subject);
    if (err == ANJU_OK)
        err = ledger_declaration_decode(&p->declared[p->out->n_declarations], out,
                                        &p->registry->ledger_id, p->arena);
    if (err == ANJU_OK)
        p->out->n_declarations++;
    return err;
}

/* Keys ascend, so those of one index stand together. */
static enum anju_err put_declarations(struct prover *p)
{
    const uint32_t n = p->out->n_chains;
    const struct ledger_chain_name *before = NULL;
    enum anju_err err = ANJU_OK;

    p->out->declarations = arena_alloc(p->arena, (n + 1u) * sizeof p->out->declarations[0]);
    p->declared = arena_alloc(p->arena, (n + 1u) * sizeof p->declared[0]);
    for (uint32_t i = 0; err == ANJU_OK && i < n; i++) {
        const struct ledger_chain_name *name = &p->names[i];

        if (name->kind != LEDGER_CHAIN_INDEX ||
            (before != NULL && before->procedure == name->procedure &&
             before->index == name->index))
            continue;
        before = name;
        err = put_declaration(p, name);
    }
    return err;
}

static const struct ledger_declared *declared_of(const struct prover *p,
                                                 const struct ledger_chain_name *name)
{
    for (uint32_t i = 0; name->kind == LEDGER_CHAIN_INDEX && i < p->out->n_declarations; i++)
        if (p->declared[i].procedure == name->procedure &&
            p->declared[i].index.number == name->index)
            return &p->declared[i];
    return NULL;
}

/* ---- entries ---- */

static enum anju_err put_boundary(struct prover *p, struct ledger_boundary *out,
                                  const struct ledger_map_key *key, uint64_t begin, uint64_t end,
                                  uint64_t size)
{
    struct store_chain chain = {.read = p->read, .key = *key};
    struct crypto_hash hashes[MERKLE_BOUNDARY_MAX];
    unsigned n = 0;
    enum anju_err err = merkle_range(hashes, &n, begin, end, size, store_read_chain_node, &chain);

    if (err == ANJU_OK) {
        out->n = (uint8_t)n;
        out->hash = arena_alloc(p->arena, (n + 1) * sizeof hashes[0]);
        memcpy(out->hash, hashes, n * sizeof hashes[0]);
    }
    return err;
}

static enum anju_err put_entries(struct prover *p, struct ledger_list_chain *c,
                                 const struct ledger_map_key *key, uint64_t begin, uint64_t n)
{
    uint64_t *seqs;
    size_t got = 0;
    enum anju_err err;

    if (n > p->entries_left)
        return anju_fail(ANJU_ERR_TOO_LARGE,
                         "a proof has at most %d entries; ask for a page, the last n, or a "
                         "shorter time",
                         RPC_PROVE_ENTRIES_MAX);
    p->entries_left -= n;
    seqs = arena_alloc(p->arena, (n + 1) * sizeof *seqs);
    c->begin = begin;
    c->entries = arena_alloc(p->arena, (n + 1) * sizeof c->entries[0]);
    err = store_read_chain_items(p->read, seqs, &got, n, key, begin);
    if (err == ANJU_OK && got != n)
        err = anju_fail(ANJU_ERR_CORRUPT, "a chain lacks entries");
    for (; err == ANJU_OK && c->n_entries < n; c->n_entries++) {
        struct ledger_list_entry *e = &c->entries[c->n_entries];
        struct store_item item;

        if (p->out->question.parts == 0) {
            err = store_read_entry(p->read, e->bytes, seqs[c->n_entries]);
            continue;
        }
        err = store_read_item(p->read, &item, seqs[c->n_entries]);
        if (err != ANJU_OK)
            break;
        memcpy(e->bytes, item.item.bytes, LEDGER_ENTRY_SIZE);
        e->record = item.item.record;
        e->effects = item.item.effects;
        err = rpc_take_bytes(&p->left, e->record.size + e->effects.size);
        if (err != ANJU_OK)
            break;
    }
    return err;
}

enum anju_err rpc_seq_at_time(uint64_t *seq, struct store_read *read, uint64_t time_ms)
{
    const uint64_t top = store_read_tip(read)->height;
    uint64_t low = 0, high = top + 1;
    struct store_height h;
    enum anju_err err = ANJU_OK;

    while (low < high && err == ANJU_OK) { /* times rise with the height */
        uint64_t middle = low + (high - low) / 2;

        err = store_read_height(read, &h, middle);
        if (err == ANJU_OK && h.time_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    *seq = UINT64_MAX;
    if (err != ANJU_OK || low > top)
        return err;
    err = store_read_height(read, &h, low);
    *seq = h.first_seq;
    return err;
}

/* The entries of a span of time and one beyond each end. */
static enum anju_err find_span(struct prover *p, uint64_t *begin, uint64_t *end,
                               const struct ledger_map_key *key, uint64_t count)
{
    uint64_t from = 0, until = 0;
    enum anju_err err = rpc_seq_at_time(&from, p->read, p->out->question.a);

    if (err == ANJU_OK)
        err = store_read_chain_find(p->read, begin, key, from);
    if (err == ANJU_OK)
        err = rpc_seq_at_time(&until, p->read, p->out->question.b);
    if (err == ANJU_OK)
        err = store_read_chain_find(p->read, end, key, until);
    *begin -= *begin > 0;
    *end += *end < count;
    return err;
}

static enum anju_err put_range(struct prover *p, struct ledger_list_chain *c,
                               const struct ledger_map_key *key, uint64_t count)
{
    const struct ledger_question *q = &p->out->question;
    uint64_t begin = 0, end = 0;
    enum anju_err err = ANJU_OK;

    switch (q->ask) {
    case LEDGER_ASK_PAGE:
        begin = q->a < count ? q->a : count;
        end = count - begin < q->b ? count : begin + q->b;
        break;
    case LEDGER_ASK_LAST:
        end = count;
        begin = count < q->b ? 0 : count - q->b;
        break;
    case LEDGER_ASK_TIME:
        if (count > 0)
            err = find_span(p, &begin, &end, key, count);
        break;
    case LEDGER_ASK_NOW:
    case LEDGER_ASK_COUNT:
        break;
    }
    if (err != ANJU_OK || begin == end)
        return err;
    err = put_entries(p, c, key, begin, end - begin);
    return err == ANJU_OK ? put_boundary(p, &c->boundary, key, begin, end, count) : err;
}

/* ---- subjects ---- */

static enum anju_err put_last(struct prover *p, struct ledger_list_subject *out, uint16_t procedure)
{
    struct ledger_map_key key;
    struct ledger_chain chain;
    uint64_t seq;
    size_t n = 0;
    enum anju_err err;

    ledger_map_key_subject(&key, procedure, &out->id);
    err = store_read_chain(p->read, &chain, &key);
    if (err == ANJU_OK)
        err = store_read_chain_items(p->read, &seq, &n, 1, &key, chain.peaks.size - 1);
    if (err == ANJU_OK)
        err = store_read_entry(p->read, out->last, seq);
    if (err == ANJU_OK)
        err = put_boundary(p, &out->boundary, &key, chain.peaks.size - 1, chain.peaks.size,
                           chain.peaks.size);
    out->has_last = true;
    return err;
}

static enum anju_err put_state(struct prover *p, struct ledger_list_chain *c,
                               const struct ledger_chain_name *name)
{
    struct ledger_subject s;
    enum anju_err err = store_read_subject(p->read, &s, name->procedure, &name->subject, p->arena);

    if (err == ANJU_ERR_NOT_FOUND)
        return ANJU_OK; /* its absence is the answer */
    if (err == ANJU_OK)
        err = rpc_take_bytes(&p->left, s.attributes.size);
    if (err != ANJU_OK)
        return err;
    c->subjects = arena_alloc(p->arena, sizeof c->subjects[0]);
    c->n_subjects = 1;
    c->subjects[0] = (struct ledger_list_subject){
        .id = s.id, .version = s.version, .state = s.state, .attributes = s.attributes};
    return ANJU_OK;
}

static enum anju_err put_all_now(struct prover *p, struct ledger_list_chain *c,
                                 const struct ledger_chain_name *name, uint64_t live)
{
    const struct ledger_declared *d = declared_of(p, name);
    enum anju_err err;

    if (live > p->subjects_left)
        return anju_fail(ANJU_ERR_TOO_LARGE,
                         "%ju subjects have the value now, and a proof shows at most %d; how many "
                         "they are can be proved, and a finer index may hold fewer",
                         (uintmax_t)live, RPC_PROVE_SUBJECTS_MAX);
    p->subjects_left -= live;
    err =
        rpc_find_now(&c->subjects, p->read, p->registry, d, name, c->key, (uint32_t)live,
                     &p->left, p->arena);
    if (err == ANJU_OK)
        c->n_subjects = (uint32_t)live;
    for (uint32_t i = 0; err == ANJU_OK && d->late && i < live; i++)
        err = put_last(p, &c->subjects[i], name->procedure);
    return err;
}

/* ---- one key, and all ---- */

static enum anju_err put_chain(struct prover *p, uint32_t i)
{
    struct ledger_list_chain *c = &p->out->chains[i];
    const struct ledger_chain_name *name = &p->names[i];
    struct ledger_map_key key;
    struct ledger_chain chain = {0};
    enum anju_err err;

    ledger_chain_map_key(&key, name, c->key);
    err = store_read_chain(p->read, &chain, &key);
    if (err != ANJU_OK && err != ANJU_ERR_NOT_FOUND)
        return err;
    if (p->out->question.ask != LEDGER_ASK_NOW)
        return put_range(p, c, &key, chain.peaks.size);
    return name->kind == LEDGER_CHAIN_SUBJECT ? put_state(p, c, name)
                                              : put_all_now(p, c, name, chain.live);
}

static enum anju_err put_map(struct prover *p)
{
    struct ledger_map_key *keys;
    struct writer w = {0};
    size_t n;
    enum anju_err err;

    ledger_list_map_keys(&keys, &n, p->out, p->names, p->declared, p->arena);
    err = store_read_prove(p->read, &w, keys, n);
    if (err == ANJU_OK)
        p->out->map = arena_copy(p->arena, writer_view(&w));
    writer_free(&w);
    return err;
}

enum anju_err rpc_prove_list(struct ledger_list_proof *out, struct store_read *read,
                             const struct ledger_registry *registry,
                             const struct ledger_question *question, const struct bytes *keys,
                             size_t n_keys, struct arena *a)
{
    struct prover p = {.out = out,
                       .read = read,
                       .registry = registry,
                       .arena = a,
                       .entries_left = RPC_PROVE_ENTRIES_MAX,
                       .subjects_left = RPC_PROVE_SUBJECTS_MAX,
                       .left = {.entries = RPC_PROVE_SCAN_MAX, .bytes = RPC_PROVE_BYTES_MAX}};
    enum anju_err err = ledger_question_check(question);

    memset(out, 0, sizeof *out);
    out->question = *question;
    if (err == ANJU_OK)
        err = put_endorsement(&p);
    if (err == ANJU_OK)
        err = put_keys(&p, keys, n_keys);
    if (err == ANJU_OK)
        err = put_declarations(&p);
    for (uint32_t i = 0; err == ANJU_OK && i < out->n_chains; i++)
        err = put_chain(&p, i);
    return err == ANJU_OK ? put_map(&p) : err;
}
