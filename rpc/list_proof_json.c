#include "rpc/list_proof_json.h"

#include <string.h>

#include "rpc/proof_json.h"

static const char FORMAT[] = "anju-list/1";

/* The asks by name, and the names of their numbers (NULL: it has none). */
static const struct ask_form {
    enum ledger_ask ask;
    const char *name, *a, *b;
} ASKS[] = {
    {LEDGER_ASK_PAGE, "page", "first", "most"}, {LEDGER_ASK_TIME, "time", "from_ms", "until_ms"},
    {LEDGER_ASK_LAST, "last", NULL, "most"},    {LEDGER_ASK_NOW, "now", NULL, NULL},
    {LEDGER_ASK_COUNT, "count", NULL, NULL},
};
enum { ASKS_COUNT = sizeof ASKS / sizeof ASKS[0] };

/* ---- writing ---- */

json_t *question_json(const struct ledger_question *q)
{
    json_t *out = json_object();

    for (unsigned i = 0; i < ASKS_COUNT; i++) {
        if (ASKS[i].ask != q->ask)
            continue;
        json_object_set_new(out, "ask", json_string(ASKS[i].name));
        if (ASKS[i].a != NULL)
            json_object_set_new(out, ASKS[i].a, json_of_u64(q->a));
        if (ASKS[i].b != NULL)
            json_object_set_new(out, ASKS[i].b, json_of_u64(q->b));
    }
    json_object_set_new(out, "parts", json_integer(q->parts));
    return out;
}

static json_t *declaration_json(const struct ledger_list_declaration *d)
{
    json_t *out = json_object();

    json_object_set_new(out, "entry", json_of_hex(d->entry, LEDGER_ENTRY_SIZE));
    json_object_set_new(out, "index", json_integer(d->index));
    json_object_set_new(out, "path", proof_json_path(&d->path));
    json_object_set_new(out, "effect", json_of_base64(d->effect));
    return out;
}

static json_t *entry_json(const struct ledger_list_entry *e, uint8_t parts)
{
    json_t *out = json_object();

    json_object_set_new(out, "entry", json_of_hex(e->bytes, LEDGER_ENTRY_SIZE));
    if ((parts & LEDGER_LIST_RECORDS) != 0)
        json_object_set_new(out, "record", json_of_base64(e->record));
    if ((parts & LEDGER_LIST_EFFECTS) != 0)
        json_object_set_new(out, "effects", json_of_base64(e->effects));
    return out;
}

static json_t *shown_subject_json(const struct ledger_list_subject *s)
{
    json_t *out = json_object();

    json_object_set_new(out, "subject", json_of_hex(s->id.b, LEDGER_SUBJECT_SIZE));
    json_object_set_new(out, "version", json_of_u64(s->version));
    json_object_set_new(out, "state", json_integer(s->state));
    json_object_set_new(out, "attributes", json_of_base64(s->attributes));
    if (s->has_last) {
        json_object_set_new(out, "last", json_of_hex(s->last, LEDGER_ENTRY_SIZE));
        json_object_set_new(out, "boundary", proof_json_hashes(s->boundary.hash, s->boundary.n));
    }
    return out;
}

static json_t *chain_json(const struct ledger_list_chain *c, uint8_t parts)
{
    json_t *out = json_object(), *entries = json_array(), *subjects = json_array();

    for (uint32_t i = 0; i < c->n_entries; i++)
        json_array_append_new(entries, entry_json(&c->entries[i], parts));
    for (uint32_t i = 0; i < c->n_subjects; i++)
        json_array_append_new(subjects, shown_subject_json(&c->subjects[i]));
    json_object_set_new(out, "key", json_of_base64(c->key));
    json_object_set_new(out, "begin", json_of_u64(c->begin));
    json_object_set_new(out, "boundary", proof_json_hashes(c->boundary.hash, c->boundary.n));
    json_object_set_new(out, "entries", entries);
    json_object_set_new(out, "subjects", subjects);
    return out;
}

json_t *list_proof_json(const struct ledger_list_proof *p)
{
    json_t *out = json_object(), *declarations = json_array(), *chains = json_array();
    struct crypto_hash id;

    for (uint32_t i = 0; i < p->n_declarations; i++)
        json_array_append_new(declarations, declaration_json(&p->declarations[i]));
    for (uint32_t i = 0; i < p->n_chains; i++)
        json_array_append_new(chains, chain_json(&p->chains[i], p->question.parts));
    json_object_set_new(out, "format", json_string(FORMAT));
    json_object_set_new(out, "ledger_id", json_of_hash(&p->ledger_id));
    json_object_set_new(out, "question", question_json(&p->question));
    json_object_set_new(out, "header", json_of_hex(p->header, LEDGER_HEADER_SIZE));
    json_object_set_new(out, "result", json_of_hex(p->result, LEDGER_RESULT_SIZE));
    json_object_set_new(out, "certificate", proof_json_certificate(&p->certificate));
    json_object_set_new(out, "map", json_of_base64(p->map));
    json_object_set_new(out, "indexes", declarations);
    json_object_set_new(out, "chains", chains);
    ledger_list_id(&id, p);
    json_object_set_new(out, "id", json_of_hash(&id));
    return out;
}

/* ---- reading ---- */

/* One decoding: what is left of the bounds over all chains. */
struct decoder {
    struct arena *arena;
    uint8_t parts;
    uint32_t entries_left, subjects_left;
};

static void read_question(const struct json_in *root, struct ledger_question *out)
{
    struct json_in in = json_member(root, "question");
    struct json_in ask = json_member(&in, "ask"), parts = json_member(&in, "parts");
    const char *name = json_read_text(&ask, 16);

    for (unsigned i = 0; i < ASKS_COUNT; i++) {
        const struct ask_form *form = &ASKS[i];
        const char *names[] = {"ask", "parts", form->b != NULL ? form->b : form->a, form->a, NULL};

        if (strcmp(form->name, name) != 0)
            continue;
        out->ask = form->ask;
        json_only(&in, names);
        if (form->a != NULL) {
            struct json_in at = json_member(&in, form->a);
            out->a = json_read_u64(&at);
        }
        if (form->b != NULL) {
            struct json_in at = json_member(&in, form->b);
            out->b = json_read_u64(&at);
        }
    }
    out->parts = (uint8_t)json_read_int(&parts, 0, LEDGER_LIST_RECORDS | LEDGER_LIST_EFFECTS);
    if (!in.fault->found && ledger_question_check(out) != ANJU_OK)
        json_wrong(&in, "%s", anju_err_text());
}

static void read_declaration(const struct json_in *in, struct ledger_list_declaration *out,
                             struct arena *a)
{
    static const char *const NAMES[] = {"entry", "index", "path", "effect", NULL};

    json_only(in, NAMES);
    struct json_in entry = json_member(in, "entry"), index = json_member(in, "index"),
                   path = json_member(in, "path"), effect = json_member(in, "effect");
    json_read_hex(&entry, out->entry, LEDGER_ENTRY_SIZE);
    out->index = (uint32_t)json_read_int(&index, 0, LEDGER_EFFECTS_MAX);
    proof_read_path(&path, &out->path);
    out->effect = json_read_base64(&effect, LEDGER_EFFECT_SIZE_MIN + LEDGER_ATTRIBUTES_SIZE_MAX, a);
}

static void read_boundary(const struct json_in *at, struct ledger_boundary *out, struct arena *a)
{
    struct crypto_hash hashes[MERKLE_BOUNDARY_MAX];

    out->n = (uint8_t)proof_read_hashes(at, hashes, MERKLE_BOUNDARY_MAX);
    out->hash = arena_alloc(a, (out->n + 1u) * sizeof out->hash[0]);
    memcpy(out->hash, hashes, out->n * sizeof out->hash[0]);
}

static void read_entry(const struct json_in *in, struct ledger_list_entry *out,
                       const struct decoder *d)
{
    static const char *const NAMES[] = {"entry", "record", "effects", NULL};

    json_only(in, NAMES);
    struct json_in entry = json_member(in, "entry");
    json_read_hex(&entry, out->bytes, LEDGER_ENTRY_SIZE);
    if ((d->parts & LEDGER_LIST_RECORDS) != 0) {
        struct json_in at = json_member(in, "record");
        out->record =
            json_read_base64(&at, LEDGER_CAP_FACTOR * LEDGER_RECORD_SIZE_DEFAULT, d->arena);
    }
    if ((d->parts & LEDGER_LIST_EFFECTS) != 0) {
        struct json_in at = json_member(in, "effects");
        out->effects = json_read_base64(&at, LEDGER_LIST_SIZE_MAX, d->arena);
    }
}

static void read_subject(const struct json_in *in, struct ledger_list_subject *out,
                         const struct decoder *d)
{
    static const char *const NAMES[] = {"subject", "version",  "state", "attributes",
                                        "last",    "boundary", NULL};

    json_only(in, NAMES);
    struct json_in id = json_member(in, "subject"), version = json_member(in, "version"),
                   state = json_member(in, "state"), attributes = json_member(in, "attributes"),
                   last = json_optional(in, "last");
    json_read_hex(&id, out->id.b, LEDGER_SUBJECT_SIZE);
    out->version = json_read_u64(&version);
    out->state = (uint16_t)json_read_int(&state, 0, UINT16_MAX);
    out->attributes = json_read_base64(&attributes, LEDGER_ATTRIBUTES_SIZE_MAX, d->arena);
    out->has_last = last.value != NULL;
    if (out->has_last) {
        struct json_in boundary = json_member(in, "boundary");
        json_read_hex(&last, out->last, LEDGER_ENTRY_SIZE);
        read_boundary(&boundary, &out->boundary, d->arena);
    }
}

static void read_chain(const struct json_in *in, struct ledger_list_chain *out, struct decoder *d)
{
    static const char *const NAMES[] = {"key", "begin", "boundary", "entries", "subjects", NULL};

    json_only(in, NAMES);
    struct json_in key = json_member(in, "key"), begin = json_member(in, "begin"),
                   boundary = json_member(in, "boundary"), entries = json_member(in, "entries"),
                   subjects = json_member(in, "subjects");
    out->key = json_read_base64(&key, UINT16_MAX, d->arena);
    out->begin = json_read_u64(&begin);
    read_boundary(&boundary, &out->boundary, d->arena);
    out->n_entries = (uint32_t)json_count(&entries, d->entries_left);
    d->entries_left -= out->n_entries;
    out->entries = arena_alloc(d->arena, (out->n_entries + 1u) * sizeof out->entries[0]);
    for (uint32_t i = 0; i < out->n_entries && !in->fault->found; i++) {
        struct json_in item = json_item(&entries, i);
        read_entry(&item, &out->entries[i], d);
    }
    out->n_subjects = (uint32_t)json_count(&subjects, d->subjects_left);
    d->subjects_left -= out->n_subjects;
    out->subjects = arena_alloc(d->arena, (out->n_subjects + 1u) * sizeof out->subjects[0]);
    for (uint32_t i = 0; i < out->n_subjects && !in->fault->found; i++) {
        struct json_in item = json_item(&subjects, i);
        read_subject(&item, &out->subjects[i], d);
    }
}

static void read_lists(const struct json_in *root, struct ledger_list_proof *out, struct decoder *d)
{
    struct json_in declarations = json_member(root, "indexes"),
                   chains = json_member(root, "chains");

    out->n_declarations = (uint32_t)json_count(&declarations, LEDGER_LIST_CHAINS_MAX);
    out->declarations =
        arena_alloc(d->arena, (out->n_declarations + 1u) * sizeof out->declarations[0]);
    for (uint32_t i = 0; i < out->n_declarations && !root->fault->found; i++) {
        struct json_in item = json_item(&declarations, i);
        read_declaration(&item, &out->declarations[i], d->arena);
    }
    out->n_chains = (uint32_t)json_count(&chains, LEDGER_LIST_CHAINS_MAX);
    out->chains = arena_alloc(d->arena, (out->n_chains + 1u) * sizeof out->chains[0]);
    for (uint32_t i = 0; i < out->n_chains && !root->fault->found; i++) {
        struct json_in item = json_item(&chains, i);
        read_chain(&item, &out->chains[i], d);
    }
}

static void read_head(const struct json_in *root, struct ledger_list_proof *out, struct arena *a)
{
    struct json_in ledger_id = json_member(root, "ledger_id"), header = json_member(root, "header"),
                   result = json_member(root, "result"),
                   certificate = json_member(root, "certificate"), map = json_member(root, "map");

    json_read_hex(&ledger_id, out->ledger_id.b, CRYPTO_HASH_SIZE);
    read_question(root, &out->question);
    json_read_hex(&header, out->header, LEDGER_HEADER_SIZE);
    json_read_hex(&result, out->result, LEDGER_RESULT_SIZE);
    proof_read_certificate(&certificate, &out->certificate, a);
    out->map = json_read_base64(&map, LEDGER_LIST_SIZE_MAX, a);
}

enum anju_err list_proof_json_decode(struct ledger_list_proof *out, struct bytes text,
                                     struct arena *a)
{
    static const char *const NAMES[] = {"format", "ledger_id",   "question", "header",
                                        "result", "certificate", "map",      "indexes",
                                        "chains", "id",          NULL};
    struct decoder d = {.arena = a,
                        .entries_left = LEDGER_LIST_ENTRIES_MAX,
                        .subjects_left = LEDGER_LIST_SUBJECTS_MAX};
    struct crypto_hash id, own;
    struct json_fault fault;
    json_t *json;
    enum anju_err err;

    memset(out, 0, sizeof *out);
    if (text.size > LEDGER_LIST_SIZE_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "list proof: %zu bytes, the most is %d", text.size,
                         LEDGER_LIST_SIZE_MAX);
    err = proof_parse(&json, text, "list proof", FORMAT);
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(json, &fault);
    json_only(&root, NAMES);
    proof_read_format(&root, FORMAT);
    read_head(&root, out, a);
    d.parts = out->question.parts;
    read_lists(&root, out, &d);
    struct json_in id_at = json_member(&root, "id");
    json_read_hex(&id_at, id.b, CRYPTO_HASH_SIZE);
    err = json_finish(&fault, "list proof");
    json_decref(json);
    if (err != ANJU_OK)
        return err;
    ledger_list_id(&own, out);
    if (!crypto_hash_equal(&own, &id))
        return anju_fail(ANJU_ERR_MISMATCH, "list proof: its id is not that of its content");
    return proof_check_canonical("list proof", list_proof_json(out), text);
}
