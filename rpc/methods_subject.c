#include <stdio.h>
#include <string.h>

#include "rpc/chain_key.h"
#include "rpc/list_prove.h"
#include "rpc/methods.h"
#include "rpc/prove_params.h"
#include "rpc/record_json.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 500, PAGE_BYTES_MAX = 2 << 20 /* of records and effects */ };

/* The subject that the params name: procedure by name or number, id in hex. False, and answered: no such procedure. */
static bool named_subject(struct call_in *in, uint16_t *procedure, struct ledger_subject_id *id)
{
    const char *name = call_text(in, "procedure", 64);
    const struct ledger_procedure *p = procedure_by_name(in->backend->registry, name);

    call_hex(in, "subject", id->b, sizeof(id->b));
    if (!in->fault.found && p == NULL && strcmp(name, "0") != 0)
        call_wrong(in, "procedure", "there is no such procedure; procedure.list shows all");
    *procedure = p != NULL ? p->number : 0;
    return call_params_good(in);
}

void rpc_subject_get(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"procedure", "subject", "prove", NULL};
    struct call_in in;
    struct ledger_subject_id id;
    struct ledger_subject subject;
    uint16_t procedure;

    call_begin(&in, ctx, call, params, NAMES);
    bool prove = call_bool_or(&in, "prove", false);
    if (!named_subject(&in, &procedure, &id) || !call_read(&in))
        return;
    if (prove) {
        prove_subject(&in, procedure, &id);
        return;
    }
    enum anju_err err = store_read_subject(in.read, &subject, procedure, &id, &in.arena);
    if (err == ANJU_ERR_NOT_FOUND) {
        call_not_found(&in, "subject", "as of the last committed block");
        return;
    }
    if (err != ANJU_OK) {
        call_failed(&in, err);
        return;
    }
    json_t *out = subject_json(&subject, in.backend->registry);
    json_object_set_new(out, "as_of_height", json_of_u64(store_read_tip(in.read)->height));
    json_object_set_new(out, "as_of_time", json_of_time(store_read_tip(in.read)->time_ms));
    call_result(&in, out);
}

/* An entry with its record by names and its effects. */
static enum anju_err full_entry(struct call_in *in, json_t **out, size_t *bytes, uint64_t seq, bool effects)
{
    struct store_item item;
    struct ledger_record record;
    json_t *list;
    const struct ledger_registry *r = in->backend->registry;
    enum anju_err err = store_read_item(in->read, &item, seq);

    if (err == ANJU_OK)
        err = ledger_record_decode(&record, item.item.record, &in->arena);
    if (err != ANJU_OK)
        return err;
    *bytes += item.item.record.size + (effects ? item.item.effects.size : 0);
    *out = form_entry(&item.item.entry, &item.item.leaf, r);
    json_object_set_new(*out, "record", record_json(&record, r));
    if (!effects)
        return ANJU_OK;
    err = form_effects(&list, item.item.effects, item.item.entry.n_effects, r);
    if (err == ANJU_OK)
        json_object_set_new(*out, "effects", list);
    else
        json_decref(*out);
    return err;
}

/* A page of a chain. `begin` .. `end` is the part of the chain that is asked for; the cursor is the index of the
 * next entry in it, so pages stay where they are while the chain grows. */
struct page {
    struct ledger_map_key key;
    uint64_t begin, end; /* indexes in the chain */
    bool newest_first;
    uint64_t limit;
    uint64_t cursor; /* UINT64_MAX: none */
    bool effects;
};

static void read_page_params(struct call_in *in, struct page *p)
{
    p->limit = (uint64_t)call_int_or(in, "limit", 1, PAGE_MAX, PAGE_DEFAULT);
    p->newest_first = call_bool_or(in, "newest_first", false);
    p->effects = call_bool_or(in, "effects", false);
    p->cursor = call_u64_or(in, "cursor", UINT64_MAX);
}

static void answer_page(struct call_in *in, const struct page *p, const struct ledger_chain *chain)
{
    uint64_t seqs[PAGE_MAX], from = p->newest_first ? p->end : p->begin;
    json_t *entries = json_array(), *out;
    size_t count = 0, shown = 0, bytes = 0;
    enum anju_err err;

    if (p->cursor != UINT64_MAX)
        from = p->cursor < p->begin ? p->begin : p->cursor > p->end ? p->end : p->cursor;
    uint64_t first = p->newest_first ? (from - p->begin > p->limit ? from - p->limit : p->begin) : from;
    uint64_t want = p->newest_first ? from - first : (p->end - from < p->limit ? p->end - from : p->limit);
    err = want > 0 ? store_read_chain_items(in->read, seqs, &count, (size_t)want, &p->key, first) : ANJU_OK;
    for (; err == ANJU_OK && shown < count && bytes < PAGE_BYTES_MAX; shown++) {
        json_t *entry;
        err = full_entry(in, &entry, &bytes, seqs[p->newest_first ? count - 1 - shown : shown], p->effects);
        if (err == ANJU_OK)
            json_array_append_new(entries, entry);
    }
    if (err != ANJU_OK) {
        json_decref(entries);
        call_failed(in, err);
        return;
    }
    out = json_object();
    json_object_set_new(out, "entries", entries);
    json_object_set_new(out, "total", json_of_u64(p->end - p->begin));
    json_object_set_new(out, "live", json_of_u64(chain->live));
    uint64_t next = p->newest_first ? from - shown : first + shown;
    if (p->newest_first ? next > p->begin : next < p->end)
        json_object_set_new(out, "cursor", json_of_u64(next));
    json_object_set_new(out, "as_of_height", json_of_u64(store_read_tip(in->read)->height));
    call_result(in, out);
}

static const char *const HISTORY_NAMES[] = {"procedure", "subject", "limit", "newest_first", "effects", "records", "cursor", "prove", NULL};

void rpc_subject_history(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    struct call_in in;
    struct ledger_subject_id id;
    struct ledger_chain chain;
    struct page page = {0};
    uint16_t procedure;

    call_begin(&in, ctx, call, params, HISTORY_NAMES);
    struct prove_params how;
    prove_params_read(&in, &how);
    if (!how.whole)
        read_page_params(&in, &page);
    if (!named_subject(&in, &procedure, &id) || !call_read(&in))
        return;
    if (how.whole) {
        prove_history(&in, &how, procedure, &id);
        return;
    }
    ledger_map_key_subject(&page.key, procedure, &id);
    enum anju_err err = store_read_chain(in.read, &chain, &page.key);
    if (err == ANJU_ERR_NOT_FOUND) {
        call_not_found(&in, "subject", "as of the last committed block");
        return;
    }
    if (err != ANJU_OK) {
        call_failed(&in, err);
        return;
    }
    page.end = chain.peaks.size;
    answer_page(&in, &page, &chain);
}

/* records.query: one of subject, member, list; within a span of block time. */

static enum anju_err bound_by_time(struct call_in *in, struct page *p, uint64_t from, uint64_t until)
{
    uint64_t seq;
    enum anju_err err = ANJU_OK;

    if (from > 0) {
        err = rpc_seq_at_time(&seq, in->read, from);
        if (err == ANJU_OK)
            err = store_read_chain_find(in->read, &p->begin, &p->key, seq);
    }
    if (err == ANJU_OK && until != UINT64_MAX) {
        err = rpc_seq_at_time(&seq, in->read, until);
        if (err == ANJU_OK)
            err = store_read_chain_find(in->read, &p->end, &p->key, seq);
    }
    if (p->begin > p->end)
        p->begin = p->end;
    return err;
}

/* The keys that are asked for: the params themselves name one, or `keys` several. */
static size_t read_keys(struct call_in *in, struct bytes *keys, bool counts)
{
    struct json_in list = json_optional(&in->params, "keys");
    size_t n = list.value != NULL ? json_count(&list, LEDGER_LIST_CHAINS_MAX) : 1;

    for (size_t i = 0; i < n; i++) {
        struct json_in item = list.value != NULL ? json_item(&list, i) : in->params;
        struct writer w = {0};

        if (list.value != NULL)
            json_only(&item, CHAIN_KEY_NAMES);
        chain_key_read(&w, &item, in->backend->registry, counts);
        keys[i] = arena_copy(&in->arena, writer_view(&w));
        writer_free(&w);
    }
    if (list.value != NULL && n == 0)
        json_wrong(&list, "must name at least one key");
    return n;
}

/* A page of one chain, not proved. */
static void query_page(struct call_in *in, struct page *page, struct bytes key, uint64_t from,
                       uint64_t until)
{
    struct ledger_chain_name name;
    struct ledger_chain chain = {0};
    enum anju_err err = ledger_chain_name_decode(&name, key);

    if (err == ANJU_OK) {
        ledger_chain_map_key(&page->key, &name, key);
        err = store_read_chain(in->read, &chain, &page->key);
    }
    if (err == ANJU_ERR_NOT_FOUND)
        err = ANJU_OK; /* nothing has this value: an empty answer */
    page->end = chain.peaks.size;
    if (err == ANJU_OK && page->end > 0)
        err = bound_by_time(in, page, from, until);
    if (err != ANJU_OK)
        call_failed(in, err);
    else
        answer_page(in, page, &chain);
}

void rpc_records_query(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"procedure", "subject", "member",  "list",    "values",
                                        "keys",      "from",    "until",   "limit",   "newest_first",
                                        "effects",   "records", "cursor",  "prove",   "now",
                                        "count",     NULL};
    struct call_in in;
    struct page page = {0};
    struct prove_params how;
    struct bytes *keys;
    size_t n;

    call_begin(&in, ctx, call, params, NAMES);
    prove_params_read(&in, &how);
    if (!how.whole)
        read_page_params(&in, &page);
    keys = arena_alloc(&in.arena, LEDGER_LIST_CHAINS_MAX * sizeof *keys);
    n = read_keys(&in, keys, how.whole && how.question.ask != LEDGER_ASK_PAGE);
    if (!how.whole && call_has(&in, "keys"))
        call_wrong(&in, "keys", "several keys at once are for prove, now and count");
    if (!call_params_good(&in) || !call_read(&in))
        return;
    if (how.whole)
        prove_answer(&in, &how, keys, n);
    else
        query_page(&in, &page, keys[0], how.from, how.until);
}

void rpc_record_get(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"seq", "envelope", "index", NULL};
    struct call_in in;
    struct crypto_hash id;
    struct store_envelope e;
    json_t *out;
    size_t bytes = 0;
    enum anju_err err = ANJU_OK;

    call_begin(&in, ctx, call, params, NAMES);
    uint64_t index = (uint64_t)call_int_or(&in, "index", 0, UINT32_MAX, 0), seq = 0;
    bool by_seq = call_has(&in, "seq");
    if (by_seq == call_has(&in, "envelope"))
        call_wrong(&in, "seq", "give one of seq and envelope");
    else if (by_seq)
        seq = call_u64(&in, "seq");
    else
        call_hex(&in, "envelope", id.b, sizeof(id.b));
    if (!call_params_good(&in) || !call_read(&in))
        return;
    if (!by_seq) {
        err = store_read_envelope(in.read, &e, &id);
        if (err == ANJU_OK && index >= e.n)
            err = ANJU_ERR_NOT_FOUND;
        seq = err == ANJU_OK ? e.first_seq + index : 0;
    }
    if (err == ANJU_OK)
        err = full_entry(&in, &out, &bytes, seq, true);
    if (err == ANJU_ERR_NOT_FOUND)
        call_not_found(&in, "entry", "it is not committed (yet)");
    else if (err != ANJU_OK)
        call_failed(&in, err);
    else
        call_result(&in, out);
}
