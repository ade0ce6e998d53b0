#include "ledger/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/procedure_check.h"

/* A registry and what its look-ups need; the public part comes first. */
struct whole {
    struct ledger_registry public;
    const struct ledger_code_list **by_name; /* code lists, ascending by name */
};

static int compare_procedures(const void *a, const void *b)
{
    const struct ledger_procedure *p = *(struct ledger_procedure *const *)a;
    const struct ledger_procedure *q = *(struct ledger_procedure *const *)b;
    unsigned pn = ledger_procedure_number(p), qn = ledger_procedure_number(q);
    unsigned pv = ledger_procedure_version(p), qv = ledger_procedure_version(q);

    if (pn != qn)
        return pn < qn ? -1 : 1;
    return pv < qv ? -1 : pv > qv;
}

static int compare_code_lists(const void *a, const void *b)
{
    const struct ledger_code_list *p = *(const struct ledger_code_list *const *)a;
    const struct ledger_code_list *q = *(const struct ledger_code_list *const *)b;

    return strcmp(p->name, q->name);
}

static enum anju_err decode_procedures(struct ledger_registry *r)
{
    const struct ledger_genesis *g = r->genesis;

    r->procedures = anju_alloc((g->n_procedures + 1u) * sizeof r->procedures[0]);
    for (uint32_t i = 0; i < g->n_procedures; i++) {
        enum anju_err err =
            ledger_procedure_decode(&r->procedures[i], g->procedures[i], &r->ledger_id);
        char words[256];

        if (err != ANJU_OK) {
            snprintf(words, sizeof words, "%s", anju_err_text());
            return anju_fail(ANJU_ERR_MALFORMED, "genesis: procedure %u: %s", i + 1, words);
        }
        r->n_procedures++;
    }
    qsort(r->procedures, r->n_procedures, sizeof r->procedures[0], compare_procedures);
    return ANJU_OK;
}

static bool same_index(const struct ledger_index *a, const struct ledger_index *b)
{
    bool same = a->kind == b->kind && a->n_parts == b->n_parts;

    for (unsigned i = 0; same && i < a->n_parts; i++)
        same = a->part[i].attribute == b->part[i].attribute && a->part[i].type == b->part[i].type;
    return same;
}

/* Two versions of one procedure: the later one keeps the name and every index of the earlier. */
static enum anju_err check_versions(const struct ledger_procedure *before,
                                    const struct ledger_procedure *after)
{
    unsigned number = ledger_procedure_number(before);
    uint32_t n_before, n_after;
    const struct ledger_index *old = ledger_procedure_indexes(before, &n_before);
    const struct ledger_index *new = ledger_procedure_indexes(after, &n_after);

    if (ledger_procedure_version(before) == ledger_procedure_version(after))
        return anju_fail(ANJU_ERR_MALFORMED, "genesis: procedure %u stands twice in version %u",
                         number, ledger_procedure_version(before));
    if (strcmp(ledger_procedure_name(before), ledger_procedure_name(after)) != 0)
        return anju_fail(ANJU_ERR_MALFORMED, "genesis: procedure %u is both \"%s\" and \"%s\"",
                         number, ledger_procedure_name(before), ledger_procedure_name(after));
    for (uint32_t i = 0; i < n_before; i++) {
        uint32_t j = 0;

        while (j < n_after && new[j].number != old[i].number)
            j++;
        if (j == n_after || !same_index(&old[i], &new[j]))
            return anju_fail(
                ANJU_ERR_MALFORMED,
                "genesis: index %u of procedure %u is another one, or none, in a later version",
                old[i].number, number);
    }
    /* A unique that came later could not speak for the subjects that were there before it. */
    for (uint32_t j = 0; j < n_after; j++) {
        uint32_t i = 0;

        while (i < n_before && old[i].number != new[j].number)
            i++;
        if (i == n_before && new[j].kind == LEDGER_INDEX_UNIQUE)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "genesis: index %u of procedure %u is unique and comes with a later "
                             "version; unique indexes come with the first",
                             new[j].number, number);
    }
    return ANJU_OK;
}

static enum anju_err check_procedures(const struct ledger_registry *r)
{
    for (uint32_t i = 0; i < r->n_procedures; i++) {
        for (uint32_t j = i + 1; j < r->n_procedures; j++) {
            const struct ledger_procedure *p = r->procedures[i], *q = r->procedures[j];
            bool same = ledger_procedure_number(p) == ledger_procedure_number(q);
            enum anju_err err = same ? check_versions(p, q) : ANJU_OK;

            if (err != ANJU_OK)
                return err;
            if (!same && strcmp(ledger_procedure_name(p), ledger_procedure_name(q)) == 0)
                return anju_fail(ANJU_ERR_MALFORMED,
                                 "genesis: procedures %u and %u are both named \"%s\"",
                                 ledger_procedure_number(p), ledger_procedure_number(q),
                                 ledger_procedure_name(p));
        }
    }
    return ANJU_OK;
}

/* What genesis writes keeps to the limit that later records must keep to. */
static enum anju_err check_records(const struct ledger_registry *r)
{
    struct arena arena = {0};
    struct ledger_genesis_entry *entries;
    uint32_t count;
    enum anju_err err = ANJU_OK;

    ledger_genesis_entries(r, &entries, &count, &arena);
    for (uint32_t i = 0; err == ANJU_OK && i < count; i++)
        if (entries[i].record.size > r->limits.record_size)
            err = anju_fail(ANJU_ERR_MALFORMED,
                            "genesis: entry %u (built-in subject of type %u) makes a record of %zu "
                            "bytes, the limit is %u; divide the procedure, calendar or code list",
                            i, get_u16(entries[i].effect.subject.b + 2), entries[i].record.size,
                            r->limits.record_size);
    arena_free(&arena);
    return err;
}

static enum anju_err make_set(struct ledger_registry *r)
{
    const struct ledger_genesis *g = r->genesis;

    r->set.since = 1;
    r->set.n = (uint8_t)g->n_nodes;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        r->set.node[i] = g->nodes[i].node;
    return ledger_set_seal(&r->set, &r->ledger_id);
}

enum anju_err ledger_registry_new(struct ledger_registry **out,
                                  const struct ledger_genesis *genesis)
{
    struct whole *whole = anju_alloc(sizeof *whole);
    struct ledger_registry *r = &whole->public;
    enum anju_err err;

    r->genesis = genesis;
    r->ledger_id = genesis->ledger_id;
    r->limits = genesis->limits;
    err = ledger_genesis_check(genesis);
    if (err == ANJU_OK)
        err = make_set(r);
    if (err == ANJU_OK)
        err = decode_procedures(r);
    if (err == ANJU_OK)
        err = check_procedures(r);
    if (err == ANJU_OK)
        err = check_records(r);
    if (err != ANJU_OK) {
        ledger_registry_free(r);
        return err;
    }
    whole->by_name = anju_alloc((genesis->n_code_lists + 1u) * sizeof whole->by_name[0]);
    for (uint32_t i = 0; i < genesis->n_code_lists; i++)
        whole->by_name[i] = &genesis->code_lists[i];
    qsort(whole->by_name, genesis->n_code_lists, sizeof whole->by_name[0], compare_code_lists);
    for (uint32_t i = 0; err == ANJU_OK && i < r->n_procedures; i++)
        err = ledger_procedure_check_links(r, r->procedures[i]);
    if (err != ANJU_OK) {
        ledger_registry_free(r);
        return err;
    }
    *out = r;
    return ANJU_OK;
}

void ledger_registry_free(struct ledger_registry *r)
{
    struct whole *whole = (struct whole *)r; /* its first member */

    if (r == NULL)
        return;
    for (uint32_t i = 0; i < r->n_procedures; i++)
        ledger_procedure_free(r->procedures[i]);
    free(r->procedures);
    free(whole->by_name);
    free(whole);
}

const struct ledger_member *ledger_registry_member(const struct ledger_registry *r, uint32_t number)
{
    return number >= 1 && number <= r->genesis->n_members ? &r->genesis->members[number - 1] : NULL;
}

const struct ledger_member_key *ledger_registry_key(const struct ledger_registry *r,
                                                    uint32_t number)
{
    return number >= 1 && number <= r->genesis->n_keys ? &r->genesis->keys[number - 1] : NULL;
}

const struct ledger_procedure *ledger_registry_procedure(const struct ledger_registry *r,
                                                         uint16_t number, uint16_t version)
{
    uint32_t low = 0, high = r->n_procedures;

    /* The first that lies above (number, version); version 0 asks for the last of the number. */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        unsigned n = ledger_procedure_number(r->procedures[middle]);
        unsigned v = ledger_procedure_version(r->procedures[middle]);

        if (n < number || (n == number && (version == 0 || v <= version)))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || ledger_procedure_number(r->procedures[low - 1]) != number)
        return NULL;
    if (version != 0 && ledger_procedure_version(r->procedures[low - 1]) != version)
        return NULL;
    return r->procedures[low - 1];
}

const struct ledger_procedure *ledger_registry_procedure_named(const struct ledger_registry *r,
                                                               const char *name)
{
    for (uint32_t i = r->n_procedures; i-- > 0;)
        if (strcmp(ledger_procedure_name(r->procedures[i]), name) == 0)
            return r->procedures[i];
    return NULL;
}

const struct ledger_code_list *ledger_registry_code_list(const struct ledger_registry *r,
                                                         struct bytes name)
{
    const struct whole *whole = (const struct whole *)r;
    uint32_t low = 0, high = r->genesis->n_code_lists;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = bytes_compare(bytes_of_text(whole->by_name[middle]->name), name);

        if (order == 0)
            return whole->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool ledger_code_list_has(const struct ledger_code_list *l, struct bytes code)
{
    uint32_t low = 0, high = l->n_codes;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = bytes_compare(l->codes[middle].code, code);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

const struct ledger_calendar *ledger_registry_calendar(const struct ledger_registry *r,
                                                       uint32_t number)
{
    return number >= 1 && number <= r->genesis->n_calendars ? &r->genesis->calendars[number - 1]
                                                            : NULL;
}
