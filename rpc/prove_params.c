#include "rpc/prove_params.h"

#include "rpc/chain_key.h"
#include "rpc/list_proof_json.h"
#include "rpc/list_prove.h"
#include "rpc/record_json.h"

/* ---- params ---- */

static uint64_t time_or(struct call_in *in, const char *name, uint64_t otherwise)
{
    struct json_in at = json_optional(&in->params, name);

    return at.value != NULL ? json_read_time(&at) : otherwise;
}

/* Pages by position, as without proof; all of it where no limit is given. */
static void read_page(struct call_in *in, struct ledger_question *q)
{
    const bool newest_first = call_bool_or(in, "newest_first", false),
               limited = call_has(in, "limit");
    const uint64_t limit = (uint64_t)call_int_or(in, "limit", 1, RPC_PROVE_ENTRIES_MAX, 1),
                   cursor = call_u64_or(in, "cursor", newest_first ? UINT64_MAX : 0);

    *q = (struct ledger_question){.ask = LEDGER_ASK_PAGE, .parts = q->parts, .b = UINT64_MAX};
    if (!newest_first) {
        q->a = cursor;
        q->b = limited ? limit : UINT64_MAX;
    } else if (cursor == 0) {
        call_wrong(in, "cursor", "nothing lies before the first entry");
    } else if (cursor != UINT64_MAX) { /* the next entry to show is the one before it */
        q->a = limited && cursor > limit ? cursor - limit : 0;
        q->b = cursor - q->a;
    } else if (limited) {
        q->ask = LEDGER_ASK_LAST;
        q->b = limit;
    }
}

static void read_span(struct call_in *in, const struct prove_params *p, struct ledger_question *q)
{
    static const char *const OTHERS[] = {"limit", "cursor", "newest_first"};

    *q = (struct ledger_question){
        .ask = LEDGER_ASK_TIME, .a = p->from, .b = p->until, .parts = q->parts};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++)
        if (call_has(in, OTHERS[i]))
            call_wrong(in, OTHERS[i], "a span of time is proved whole: leave it out");
    if (p->from >= p->until)
        call_wrong(in, "until", "must be after from");
}

void prove_params_read(struct call_in *in, struct prove_params *out)
{
    const bool now = call_bool_or(in, "now", false), count = call_bool_or(in, "count", false),
               records = call_bool_or(in, "records", false),
               effects = call_bool_or(in, "effects", false);
    struct ledger_question *q = &out->question;

    *out = (struct prove_params){.prove = call_bool_or(in, "prove", false),
                                 .from = time_or(in, "from", 0),
                                 .until = time_or(in, "until", UINT64_MAX)};
    out->whole = out->prove || now || count;
    if (now && count)
        call_wrong(in, "count", "give one of now and count");
    if (now || count) {
        q->ask = now ? LEDGER_ASK_NOW : LEDGER_ASK_COUNT;
        if (call_has(in, "from") || call_has(in, "until") || records || effects)
            call_wrong(in, now ? "now" : "count",
                       "is about no entries: leave out from, until, "
                       "records and effects");
        return;
    }
    q->parts = (uint8_t)((records ? LEDGER_LIST_RECORDS : 0) | (effects ? LEDGER_LIST_EFFECTS : 0));
    if (out->prove && (call_has(in, "from") || call_has(in, "until")))
        read_span(in, out, q);
    else if (out->prove)
        read_page(in, q);
}

void prove_params_of(struct prove_params *out, const json_t *params, struct json_fault *fault)
{
    struct call_in in = {0};

    in.params = json_root(params, &in.fault);
    prove_params_read(&in, out);
    *fault = in.fault;
}

/* ---- answers ---- */

static json_t *shown_json(struct call_in *in, uint16_t procedure,
                          const struct ledger_list_subject *s)
{
    const struct ledger_subject subject = {.procedure = procedure,
                                           .id = s->id,
                                           .version = s->version,
                                           .state = s->state,
                                           .attributes = s->attributes};

    json_t *out = subject_json(&subject, in->backend->registry);

    json_object_del(out, "last_seq"); /* not looked up here */
    json_object_del(out, "state_digest");
    return out;
}

/* The same by names, for who trusts this node. */
static enum anju_err words_json(struct call_in *in, json_t **out, const struct ledger_list_proof *p)
{
    json_t *keys = json_array();
    enum anju_err err = ANJU_OK;

    for (uint32_t i = 0; err == ANJU_OK && i < p->n_chains; i++) {
        json_t *key = json_object(), *subjects = json_array();
        struct ledger_chain_name name;
        struct ledger_map_key at;
        struct ledger_chain chain = {0};

        err = ledger_chain_name_decode(&name, p->chains[i].key);
        ledger_chain_map_key(&at, &name, p->chains[i].key);
        if (err == ANJU_OK)
            err = store_read_chain(in->read, &chain, &at);
        err = err == ANJU_ERR_NOT_FOUND ? ANJU_OK : err;
        for (uint32_t k = 0; k < p->chains[i].n_subjects; k++)
            json_array_append_new(subjects,
                                  shown_json(in, name.procedure, &p->chains[i].subjects[k]));
        json_object_set_new(key, "count", json_of_u64(chain.peaks.size));
        json_object_set_new(key, "live", json_of_u64(chain.live));
        json_object_set_new(key, "subjects", subjects);
        json_array_append_new(keys, key);
    }
    *out = json_object();
    json_object_set_new(*out, "keys", keys);
    json_object_set_new(*out, "as_of_height", json_of_u64(store_read_tip(in->read)->height));
    json_object_set_new(*out, "as_of_time", json_of_time(store_read_tip(in->read)->time_ms));
    return err;
}

static void cannot(struct call_in *in, enum anju_err err)
{
    if (err == ANJU_ERR_TOO_LARGE || err == ANJU_ERR_UNSUPPORTED || err == ANJU_ERR_NOT_FOUND)
        call_error(in, JSONRPC_INVALID_PARAMS, "Invalid params", anju_err_name(err), "/params",
                   anju_err_text(), NULL);
    else
        call_failed(in, err);
}

void prove_answer(struct call_in *in, const struct prove_params *how, const struct bytes *keys,
                  size_t n)
{
    struct ledger_list_proof *proof = arena_alloc(&in->arena, sizeof *proof);
    json_t *out = NULL;
    enum anju_err err =
        rpc_prove_list(proof, in->read, in->backend->registry, &how->question, keys, n, &in->arena);

    if (err == ANJU_OK && how->prove)
        out = list_proof_json(proof);
    else if (err == ANJU_OK)
        err = words_json(in, &out, proof);
    if (err == ANJU_OK) {
        call_result(in, out);
        return;
    }
    json_decref(out);
    cannot(in, err);
}

void prove_history(struct call_in *in, const struct prove_params *how, uint16_t procedure,
                   const struct ledger_subject_id *id)
{
    struct writer w = {0};
    struct bytes key;

    writer_u8(&w, 1);
    writer_u16(&w, procedure);
    writer_put(&w, id->b, sizeof id->b);
    key = arena_copy(&in->arena, writer_view(&w));
    writer_free(&w);
    prove_answer(in, how, &key, 1);
}

void prove_subject(struct call_in *in, uint16_t procedure, const struct ledger_subject_id *id)
{
    const struct prove_params how = {.prove = true, .question = {.ask = LEDGER_ASK_NOW}};

    prove_history(in, &how, procedure, id);
}
