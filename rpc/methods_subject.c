#include <stdio.h>
#include <string.h>

#include "rpc/methods.h"
#include "rpc/record_json.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 500 };

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
    static const char *const NAMES[] = {"procedure", "subject", NULL};
    struct call_in in;
    struct ledger_subject_id id;
    struct ledger_subject subject;
    uint16_t procedure;

    call_begin(&in, ctx, call, params, NAMES);
    if (!named_subject(&in, &procedure, &id) || !call_read(&in))
        return;
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
static enum anju_err full_entry(struct call_in *in, json_t **out, uint64_t seq, bool effects)
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
    size_t count = 0;
    enum anju_err err;

    if (p->cursor != UINT64_MAX)
        from = p->cursor < p->begin ? p->begin : p->cursor > p->end ? p->end : p->cursor;
    uint64_t first = p->newest_first ? (from - p->begin > p->limit ? from - p->limit : p->begin) : from;
    uint64_t want = p->newest_first ? from - first : (p->end - from < p->limit ? p->end - from : p->limit);
    err = want > 0 ? store_read_chain_items(in->read, seqs, &count, (size_t)want, &p->key, first) : ANJU_OK;
    for (size_t i = 0; err == ANJU_OK && i < count; i++) {
        json_t *entry;
        err = full_entry(in, &entry, seqs[p->newest_first ? count - 1 - i : i], p->effects);
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
    uint64_t next = p->newest_first ? first : first + count;
    if (p->newest_first ? next > p->begin : next < p->end)
        json_object_set_new(out, "cursor", json_of_u64(next));
    json_object_set_new(out, "as_of_height", json_of_u64(store_read_tip(in->read)->height));
    call_result(in, out);
}

static const char *const HISTORY_NAMES[] = {"procedure", "subject", "limit", "newest_first", "effects", "cursor", NULL};

void rpc_subject_history(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    struct call_in in;
    struct ledger_subject_id id;
    struct ledger_chain chain;
    struct page page = {0};
    uint16_t procedure;

    call_begin(&in, ctx, call, params, HISTORY_NAMES);
    read_page_params(&in, &page);
    if (!named_subject(&in, &procedure, &id) || !call_read(&in))
        return;
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

static bool same_parts(const struct ledger_procedure *p, const struct ledger_index *index, const struct json_in *names, size_t count)
{
    if (index->n_parts != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct json_in at = json_item(names, i);
        const char *name = json_read_text(&at, 64);
        const struct ledger_attribute_decl *decl = ledger_procedure_attribute(p, index->part[i].attribute);
        uint16_t number = index->part[i].attribute;
        const char *own = decl != NULL ? decl->name : number == 0 ? "state" : number == LEDGER_ATTR_OPEN ? "open" : number == LEDGER_ATTR_PARENT ? "parent" : number == LEDGER_ATTR_DUE_DAY ? "due_day" : "";
        if (strcmp(own, name) != 0)
            return false;
    }
    return true;
}

static void put_text_or_hex(struct call_in *in, struct writer *w, const struct json_in *at, enum ledger_part_type type)
{
    const char *text = json_read_text(at, LEDGER_TEXT_SIZE_MAX);
    uint8_t data[LEDGER_TEXT_SIZE_MAX / 2];
    size_t size = strlen(text) / 2;

    (void)in;
    if (type == LEDGER_PART_STR) {
        writer_u16(w, (uint16_t)strlen(text));
        writer_put(w, text, strlen(text));
    } else if (hex_decode(data, size, text) == ANJU_OK) {
        writer_u16(w, (uint16_t)size);
        writer_put(w, data, size);
    } else
        json_wrong(at, "must be hexadecimal");
}

static uint64_t state_number(const struct json_in *at, const struct ledger_procedure *p)
{
    const char *text = json_read_text(at, 64);

    for (uint8_t i = 0; i < p->n_states; i++)
        if (strcmp(p->state[i].name, text) == 0)
            return p->state[i].number;
    json_wrong(at, "%s has no such state", p->name);
    return 0;
}

static uint64_t read_number(const struct json_in *at)
{
    uint64_t ms = 0;

    if (json_is_integer(at->value))
        return (uint64_t)json_integer_value(at->value);
    if (json_is_string(at->value) && json_time_parse(&ms, json_string_value(at->value)) == ANJU_OK)
        return ms;
    const char *text = json_is_string(at->value) ? json_string_value(at->value) : "";
    if (text[0] == '-' && json_u64_parse(&ms, text + 1) == ANJU_OK)
        return (uint64_t)(-(int64_t)ms);
    return json_read_u64(at);
}

/* One component of a chain key from its JSON value; null is an absent one. */
static void put_component(struct call_in *in, struct writer *w, const struct ledger_procedure *p, const struct ledger_index_part *part, const struct json_in *at)
{
    char day[JSON_TIME_SIZE];
    uint64_t v;

    if (at->value == NULL || json_is_null(at->value)) {
        writer_u8(w, LEDGER_PART_ABSENT);
        writer_u16(w, 0);
        return;
    }
    writer_u8(w, (uint8_t)part->type);
    switch (part->type) {
    case LEDGER_PART_UINT:
    case LEDGER_PART_INT:
        v = part->attribute == 0 ? state_number(at, p) : read_number(at);
        writer_u16(w, 8);
        writer_u64(w, v);
        break;
    case LEDGER_PART_BOOL:
        writer_u16(w, 1);
        writer_u8(w, json_read_bool(at));
        break;
    case LEDGER_PART_DAY:
        snprintf(day, sizeof(day), "%.10sT00:00:00.000Z", json_read_text(at, 10));
        if (json_time_parse(&v, day) != ANJU_OK)
            json_wrong(at, "must be a date such as \"2026-01-02\"");
        writer_u16(w, 4);
        writer_u32(w, (uint32_t)(v / 86400000));
        break;
    case LEDGER_PART_STR:
    case LEDGER_PART_BIN:
        put_text_or_hex(in, w, at, part->type);
        break;
    case LEDGER_PART_ABSENT:
        writer_u16(w, 0);
        break;
    }
}

/* The chain of a list index: {"procedure", "list": ["provider"], "values": ["3"]}. */
static void list_key(struct call_in *in, struct ledger_map_key *key)
{
    struct json_in names = json_optional(&in->params, "list"), values = json_optional(&in->params, "values");
    const struct ledger_procedure *p = procedure_by_name(in->backend->registry, call_text(in, "procedure", 64));
    size_t count = json_count(&names, LEDGER_INDEX_PARTS_MAX);
    struct writer w = {0};

    if (p == NULL) {
        call_wrong(in, "procedure", "there is no such procedure; procedure.list shows all");
        return;
    }
    if (json_count(&values, LEDGER_INDEX_PARTS_MAX) != count)
        call_wrong(in, "values", "must have one value for each name in list");
    for (uint8_t i = 0; i < p->n_indexes; i++) {
        const struct ledger_index *index = &p->index[i];
        if (index->kind != LEDGER_INDEX_LIST || !same_parts(p, index, &names, count))
            continue;
        writer_u8(&w, 2);
        writer_u16(&w, p->number);
        writer_u16(&w, index->number);
        writer_u8(&w, index->n_parts);
        for (size_t k = 0; k < count; k++) {
            struct json_in at = json_item(&values, k);
            put_component(in, &w, p, &index->part[k], &at);
        }
        ledger_map_key_chain(key, writer_view(&w));
        writer_free(&w);
        return;
    }
    call_wrong(in, "list", "is no list index of this procedure; procedure.get shows them");
}

/* The first entry of the log at or after a time, by its height. */
static enum anju_err seq_at_time(struct call_in *in, uint64_t *seq, uint64_t time_ms)
{
    uint64_t low = 0, high = store_read_tip(in->read)->height + 1;
    struct store_height h;
    enum anju_err err = ANJU_OK;

    while (low < high && err == ANJU_OK) { /* times rise with the height */
        uint64_t mid = low + (high - low) / 2;
        err = store_read_height(in->read, &h, mid);
        if (h.time_ms < time_ms)
            low = mid + 1;
        else
            high = mid;
    }
    if (err != ANJU_OK)
        return err;
    *seq = UINT64_MAX;
    if (low > store_read_tip(in->read)->height)
        return ANJU_OK;
    err = store_read_height(in->read, &h, low);
    *seq = h.first_seq;
    return err;
}

static enum anju_err bound_by_time(struct call_in *in, struct page *p, uint64_t from, uint64_t until)
{
    uint64_t seq;
    enum anju_err err = ANJU_OK;

    if (from > 0) {
        err = seq_at_time(in, &seq, from);
        if (err == ANJU_OK)
            err = store_read_chain_find(in->read, &p->begin, &p->key, seq);
    }
    if (err == ANJU_OK && until != UINT64_MAX) {
        err = seq_at_time(in, &seq, until);
        if (err == ANJU_OK)
            err = store_read_chain_find(in->read, &p->end, &p->key, seq);
    }
    if (p->begin > p->end)
        p->begin = p->end;
    return err;
}

static uint64_t time_or(struct call_in *in, const char *name, uint64_t otherwise)
{
    struct json_in at = json_optional(&in->params, name);

    return at.value != NULL ? json_read_time(&at) : otherwise;
}

void rpc_records_query(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"procedure", "subject", "member", "list", "values", "from", "until", "limit", "newest_first", "effects", "cursor", NULL};
    struct call_in in;
    struct ledger_chain chain = {0};
    struct ledger_subject_id id;
    struct page page = {0};
    uint16_t procedure;

    call_begin(&in, ctx, call, params, NAMES);
    read_page_params(&in, &page);
    uint64_t from = time_or(&in, "from", 0), until = time_or(&in, "until", UINT64_MAX);
    if (call_has(&in, "subject") + call_has(&in, "member") + call_has(&in, "list") != 1)
        call_wrong(&in, "list", "give one of subject (with procedure), member, and list (with procedure and values)");
    else if (call_has(&in, "list"))
        list_key(&in, &page.key);
    else if (call_has(&in, "member"))
        ledger_map_key_actor(&page.key, (uint32_t)call_int_or(&in, "member", 1, UINT32_MAX, 0));
    else if (named_subject(&in, &procedure, &id))
        ledger_map_key_subject(&page.key, procedure, &id);
    else
        return;
    if (!call_params_good(&in) || !call_read(&in))
        return;
    enum anju_err err = store_read_chain(in.read, &chain, &page.key);
    if (err == ANJU_ERR_NOT_FOUND)
        err = ANJU_OK; /* nothing has this value: an empty answer */
    page.end = chain.peaks.size;
    if (err == ANJU_OK && page.end > 0)
        err = bound_by_time(&in, &page, from, until);
    if (err != ANJU_OK)
        call_failed(&in, err);
    else
        answer_page(&in, &page, &chain);
}

void rpc_record_get(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"seq", "envelope", "index", NULL};
    struct call_in in;
    struct crypto_hash id;
    struct store_envelope e;
    json_t *out;
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
        err = full_entry(&in, &out, seq, true);
    if (err == ANJU_ERR_NOT_FOUND)
        call_not_found(&in, "entry", "it is not committed (yet)");
    else if (err != ANJU_OK)
        call_failed(&in, err);
    else
        call_result(&in, out);
}
