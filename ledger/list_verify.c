/* Verifies proofs of lists: from the certificate down to the leaves of the map. What hangs under
 * these leaves: ledger/list_answer.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/builtin.h"
#include "ledger/consistency.h"
#include "ledger/list_work.h"

const char *ledger_list_check_words(enum ledger_list_check check)
{
    switch (check) {
    case LEDGER_LIST_CHECK_LEDGER:
        return "it is of the ledger that the genesis document names";
    case LEDGER_LIST_CHECK_RESULT:
        return "header, result and certificate are of one block";
    case LEDGER_LIST_CHECK_QUESTION:
        return "the question is whole, and each key stands in it once";
    case LEDGER_LIST_CHECK_INDEXES:
        return "the indexes are declared, and the keys have the declared components";
    case LEDGER_LIST_CHECK_MAP:
        return "the map of this height has these keys with these counts, and no others of them";
    case LEDGER_LIST_CHECK_ENTRIES:
        return "the entries stand in their chains at these places, one after the other";
    case LEDGER_LIST_CHECK_COMPLETE:
        return "nothing that the question asks for is left out";
    case LEDGER_LIST_CHECK_CONTENTS:
        return "the records and effects shown are those that the entries bind";
    case LEDGER_LIST_CHECK_STATES:
        return "the subjects are shown as they are at this height";
    case LEDGER_LIST_CHECK_NOW:
        return "as many different subjects are shown to have the value now as have it";
    case LEDGER_LIST_CHECK_SIGNATURES:
        return "a quorum of the validators that rule this height signed it";
    }
    return "";
}

bool list_stop(struct list_work *w, enum ledger_verdict verdict, enum ledger_list_check check,
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

static bool held(struct list_work *w, enum ledger_list_check check)
{
    w->out->checked |= (unsigned)check;
    return true;
}

static bool check_ledger(struct list_work *w)
{
    if (!crypto_hash_equal(&w->p->ledger_id, &w->registry->ledger_id))
        return LIST_INVALID(w, LEDGER_LIST_CHECK_LEDGER,
                            "it is of another ledger; give the genesis file of its own ledger");
    return held(w, LEDGER_LIST_CHECK_LEDGER);
}

static bool check_result(struct list_work *w)
{
    enum anju_err err = ledger_checkpoint_check(&w->out->header, &w->out->result, w->p->header,
                                                w->p->result, &w->p->certificate, &w->p->ledger_id);

    if (err == ANJU_ERR_UNSUPPORTED)
        return list_stop(w, LEDGER_CANNOT_TELL, LEDGER_LIST_CHECK_RESULT, "%s; use a newer anju",
                         anju_err_text());
    if (err != ANJU_OK)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_RESULT, "%s", anju_err_text());
    return held(w, LEDGER_LIST_CHECK_RESULT);
}

static bool check_question(struct list_work *w)
{
    const struct ledger_list_proof *p = w->p;

    if (ledger_question_check(&p->question) != ANJU_OK)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_QUESTION, "%s", anju_err_text());
    if (p->n_chains == 0)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_QUESTION, "it asks for nothing");
    w->names = arena_alloc(w->arena, (p->n_chains + 1u) * sizeof w->names[0]);
    for (uint32_t i = 0; i < p->n_chains; i++) {
        if (ledger_chain_name_decode(&w->names[i], p->chains[i].key) != ANJU_OK)
            return LIST_INVALID(w, LEDGER_LIST_CHECK_QUESTION, "%s", anju_err_text());
        if (i > 0 && bytes_compare(p->chains[i - 1].key, p->chains[i].key) >= 0)
            return LIST_INVALID(w, LEDGER_LIST_CHECK_QUESTION,
                                "its keys do not ascend: key %u stands twice or out of place", i);
        if (w->names[i].kind == LEDGER_CHAIN_ACTOR && p->question.ask == LEDGER_ASK_NOW)
            return LIST_INVALID(w, LEDGER_LIST_CHECK_QUESTION,
                                "what a member did is a list; nothing has it as its value now");
    }
    return held(w, LEDGER_LIST_CHECK_QUESTION);
}

/* ---- indexes ---- */

static int by_index(const void *a, const void *b)
{
    const struct ledger_declared *x = a, *y = b;
    uint32_t i = (uint32_t)x->procedure << 16 | x->index.number;
    uint32_t k = (uint32_t)y->procedure << 16 | y->index.number;

    return i < k ? -1 : i > k;
}

static bool read_declarations(struct list_work *w)
{
    const struct ledger_list_proof *p = w->p;

    w->declared = arena_alloc(w->arena, (p->n_declarations + 1u) * sizeof w->declared[0]);
    for (uint32_t i = 0; i < p->n_declarations; i++) {
        if (ledger_declaration_decode(&w->declared[i], &p->declarations[i], &p->ledger_id,
                                      w->arena) != ANJU_OK)
            return LIST_INVALID(w, LEDGER_LIST_CHECK_INDEXES, "%s", anju_err_text());
        if (i > 0 && by_index(&w->declared[i - 1], &w->declared[i]) >= 0)
            return LIST_INVALID(w, LEDGER_LIST_CHECK_INDEXES,
                                "the declarations of the indexes do not ascend");
    }
    return true;
}

/* The key has the components that were declared: a prover can't choose their types. */
static bool check_components(struct list_work *w, const struct ledger_chain_name *name,
                             const struct ledger_declared *d)
{
    bool same = name->n_parts == d->index.n_parts;

    for (unsigned i = 0; same && i < name->n_parts; i++)
        same = name->part[i].type == d->index.part[i].type ||
               (name->part[i].type == LEDGER_PART_ABSENT && d->index.part[i].attribute != 0);
    if (!same)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_INDEXES,
                            "a key does not have the components that index %u of procedure %u is "
                            "declared with",
                            name->index, name->procedure);
    if (d->index.kind != LEDGER_INDEX_LIST && w->p->question.ask != LEDGER_ASK_NOW &&
        w->p->question.ask != LEDGER_ASK_COUNT)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_INDEXES,
                            "index %u of procedure %u counts and keeps no list: that it has no "
                            "entries says nothing",
                            name->index, name->procedure);
    return true;
}

static bool check_indexes(struct list_work *w)
{
    const struct ledger_list_proof *p = w->p;
    uint32_t used = 0; /* declarations and keys ascend the same way */

    if (!read_declarations(w))
        return false;
    for (uint32_t i = 0; i < p->n_chains; i++) {
        struct ledger_declared wanted = {.procedure = w->names[i].procedure,
                                         .index.number = w->names[i].index};
        const struct ledger_declared *d;

        w->out->answers[i].name = w->names[i];
        if (w->names[i].kind != LEDGER_CHAIN_INDEX)
            continue;
        d = bsearch(&wanted, w->declared, p->n_declarations, sizeof wanted, by_index);
        if (d == NULL)
            return LIST_INVALID(w, LEDGER_LIST_CHECK_INDEXES,
                                "index %u of procedure %u is not shown to be declared",
                                wanted.index.number, wanted.procedure);
        if (d == &w->declared[used])
            used++;
        w->out->answers[i].declared = d;
        if (!check_components(w, &w->names[i], d))
            return false;
    }
    if (used != p->n_declarations)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_INDEXES,
                            "it declares an index that the question does not name");
    return true;
}

/* ---- the map ---- */

const struct ledger_map_leaf *list_leaf(const struct list_work *w, const struct ledger_map_key *key)
{
    size_t low = 0, high = w->n_keys;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(w->keys[middle].b, key->b, sizeof key->b) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->n_keys && memcmp(w->keys[low].b, key->b, sizeof key->b) == 0 && w->found[low]
               ? &w->leaves[low]
               : NULL;
}

/* The declarations hang in the same map: one entry each, never changed since. */
static bool check_declared(struct list_work *w)
{
    for (uint32_t i = 0; i < w->p->n_declarations; i++) {
        const struct ledger_declared *d = &w->declared[i];
        const struct ledger_map_leaf *leaf;
        struct ledger_map_key key;

        ledger_map_key_subject(&key, 0, &d->subject);
        leaf = list_leaf(w, &key);
        if (leaf == NULL || leaf->count != 1 || !crypto_hash_equal(&leaf->root, &d->leaf) ||
            !crypto_hash_equal(&leaf->state, &d->state))
            return LIST_INVALID(w, LEDGER_LIST_CHECK_INDEXES,
                                "index %u of procedure %u is not declared like this in the ledger",
                                d->index.number, d->procedure);
    }
    return held(w, LEDGER_LIST_CHECK_INDEXES);
}

static bool check_map(struct list_work *w)
{
    struct ledger_list_report *out = w->out;

    ledger_list_map_keys(&w->keys, &w->n_keys, w->p, w->names, w->declared, w->arena);
    w->found = arena_alloc(w->arena, (w->n_keys + 1) * sizeof w->found[0]);
    w->leaves = arena_alloc(w->arena, (w->n_keys + 1) * sizeof w->leaves[0]);
    out->n_map_keys = w->n_keys;
    if (ledger_map_check(&out->result.map_root, w->p->map, w->keys, w->n_keys, w->found,
                         w->leaves) != ANJU_OK)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_MAP, "%s", anju_err_text());
    for (uint32_t i = 0; i < w->p->n_chains; i++) {
        struct ledger_list_answer *answer = &out->answers[i];
        const struct ledger_map_leaf *leaf;
        struct ledger_map_key key;

        ledger_chain_map_key(&key, &w->names[i], w->p->chains[i].key);
        leaf = list_leaf(w, &key);
        answer->present = leaf != NULL;
        answer->count = leaf != NULL ? leaf->count : 0;
        answer->live = leaf != NULL ? leaf->live : 0;
    }
    held(w, LEDGER_LIST_CHECK_MAP);
    return check_declared(w);
}

/* ---- the rest ---- */

static bool check_chains(struct list_work *w, bool (*check)(struct list_work *w, uint32_t chain),
                         unsigned checks)
{
    for (uint32_t i = 0; i < w->p->n_chains; i++)
        if (!check(w, i))
            return false;
    w->out->checked |= checks;
    return true;
}

static bool check_answers(struct list_work *w)
{
    const struct ledger_question *q = &w->p->question;
    bool now = q->ask == LEDGER_ASK_NOW, counts = q->ask == LEDGER_ASK_COUNT;

    return check_chains(w, list_check_entries,
                        now || counts ? 0
                                      : LEDGER_LIST_CHECK_ENTRIES | LEDGER_LIST_CHECK_COMPLETE) &&
           check_chains(w, list_check_contents, q->parts != 0 ? LEDGER_LIST_CHECK_CONTENTS : 0) &&
           check_chains(w, list_check_states, now ? LEDGER_LIST_CHECK_STATES : 0) &&
           check_chains(w, list_check_now, now ? LEDGER_LIST_CHECK_NOW : 0);
}

static bool check_signatures(struct list_work *w)
{
    enum ledger_verdict verdict = ledger_signers_check(&w->out->signers, &w->p->certificate,
                                                       &w->out->result, w->registry, w->path);

    if (verdict != LEDGER_VALID)
        return list_stop(w, verdict, LEDGER_LIST_CHECK_SIGNATURES, "%s", anju_err_text());
    return held(w, LEDGER_LIST_CHECK_SIGNATURES);
}

void ledger_list_verify(struct ledger_list_report *out, const struct ledger_list_proof *p,
                        const struct ledger_registry *registry, const struct ledger_set_path *path,
                        struct arena *a)
{
    struct list_work w = {.out = out, .p = p, .registry = registry, .path = path, .arena = a};

    memset(out, 0, sizeof *out);
    out->verdict = LEDGER_VALID;
    ledger_list_id(&out->id, p);
    out->n_answers = p->n_chains;
    out->answers = arena_alloc(a, (p->n_chains + 1u) * sizeof out->answers[0]);
    (void)(check_ledger(&w) && check_result(&w) && check_question(&w) && check_indexes(&w) &&
           check_map(&w) && check_answers(&w) && check_signatures(&w));
}
