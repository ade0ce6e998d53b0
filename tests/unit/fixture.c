#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "procedure_files.h"
#include "rpc/genesis_json.h"
#include "tests/unit/must.h"

enum { FIRST_DAY = 20454, N_DAYS = 1826 }; /* 2026-01-01, a Thursday; five years */

static struct crypto_secret make_secret(const char *what, unsigned number)
{
    struct crypto_hash h;
    struct crypto_secret out;
    uint8_t n = (uint8_t)number;
    const struct bytes parts[] = {bytes_of_text("anju test secret"), bytes_of_text(what),
                                  bytes_of(&n, 1)};

    crypto_sha256_parts(&h, parts, 3);
    memcpy(out.b, h.b, sizeof out.b);
    return out;
}

static char *text(struct fixture *f, const char *t)
{
    return arena_text(&f->genesis.arena, bytes_of_text(t));
}

static void add_member(struct fixture *f, const char *zh, const char *en, const char *kind,
                       uint32_t n_roles, const char *const *roles)
{
    struct ledger_member *m = &f->genesis.members[f->genesis.n_members++];

    m->number = f->genesis.n_members;
    m->name_zh = text(f, zh);
    m->name_en = text(f, en);
    m->kind = text(f, kind);
    m->n_roles = n_roles;
    m->roles = arena_alloc(&f->genesis.arena, n_roles * sizeof m->roles[0]);
    for (uint32_t i = 0; i < n_roles; i++)
        m->roles[i] = text(f, roles[i]);
}

static void add_key(struct fixture *f, uint32_t member, enum ledger_key_purpose purpose,
                    const struct crypto_secret *secret)
{
    struct ledger_member_key *k = &f->genesis.keys[f->genesis.n_keys++];

    *k = (struct ledger_member_key){.number = f->genesis.n_keys,
                                    .member = member,
                                    .purpose = purpose,
                                    .from = FIXTURE_CREATED,
                                    .until = UINT64_C(3786912000000)}; /* 2090 */
    must(crypto_key_of(&k->key, secret));
}

static void add_members(struct fixture *f, unsigned n_nodes)
{
    static const char *const government[] = {"center", "hotline", "committee", "import"};
    static const char *const firm[] = {"firm", "provider"};
    static const char *const agency[] = {"provider"};
    static const char *const auditor[] = {"audit"};
    static const char *const street[] = {"street"};
    static const char *const justice[] = {"dept:justice"};
    struct ledger_genesis *g = &f->genesis;

    g->members = arena_alloc(&g->arena, FIXTURE_MEMBERS * sizeof g->members[0]);
    g->keys = arena_alloc(&g->arena, (2 * FIXTURE_MEMBERS + n_nodes) * sizeof g->keys[0]);
    add_member(f, "区政府", "District Government", "government", 4, government);
    add_member(f, "安居物业", "Anju Property", "property", 2, firm);
    add_member(f, "颐养服务", "Elder Care Agency", "agency", 1, agency);
    add_member(f, "审计事务所", "Audit Office", "auditor", 1, auditor);
    add_member(f, "街道办事处", "Street Office", "government", 1, street);
    add_member(f, "区司法局", "Justice Department", "government", 1, justice);
    for (unsigned m = 1; m <= FIXTURE_MEMBERS; m++) {
        f->operator[m] = make_secret("operator", m);
        add_key(f, m, LEDGER_KEY_OPERATOR, &f->operator[m]);
    }
    for (unsigned m = 1; m <= FIXTURE_MEMBERS; m++) {
        f->approver[m] = make_secret("approver", m);
        add_key(f, m, LEDGER_KEY_APPROVER, &f->approver[m]);
    }
}

static void add_nodes(struct fixture *f, unsigned n)
{
    struct ledger_genesis *g = &f->genesis;

    g->n_nodes = n;
    g->nodes = arena_alloc(&g->arena, n * sizeof g->nodes[0]);
    for (unsigned i = 0; i < n; i++) {
        struct ledger_node_info *info = &g->nodes[i];
        struct crypto_secret secret = make_secret("node", i);

        info->node.member = 1 + i % FIXTURE_MEMBERS;
        add_key(f, info->node.member, LEDGER_KEY_NODE, &secret);
        info->node.node_key = g->keys[g->n_keys - 1].key;
        /* Nothing signs with these two yet, so any bytes do, and the same in every run. */
        secret = make_secret("log", i);
        memcpy(info->node.log_key, secret.b, CRYPTO_ED25519_SIZE);
        secret = make_secret("cosign", i);
        memcpy(info->node.cosign_key, secret.b, CRYPTO_ED25519_SIZE);
        info->tls_spki.b[0] = (uint8_t)(i + 1);
        info->peer = text(f, "127.0.0.1:7001");
        info->rpc = text(f, "127.0.0.1:7002");
    }
}

static void add_code_list(struct fixture *f, const char *name, uint32_t n, const char *const *codes)
{
    struct ledger_code_list *l = &f->genesis.code_lists[f->genesis.n_code_lists++];

    l->number = f->genesis.n_code_lists;
    l->name = text(f, name);
    l->n_codes = n;
    l->codes = arena_alloc(&f->genesis.arena, n * sizeof l->codes[0]);
    for (uint32_t i = 0; i < n; i++) {
        l->codes[i].code = bytes_of_text(text(f, codes[i]));
        l->codes[i].zh = text(f, codes[i]);
        l->codes[i].en = text(f, codes[i]);
    }
}

static void add_calendar(struct fixture *f)
{
    struct ledger_genesis *g = &f->genesis;
    struct ledger_calendar *c = g->calendars = arena_alloc(&g->arena, sizeof *c);

    g->n_calendars = 1;
    *c = (struct ledger_calendar){.number = 1,
                                  .name = text(f, "workdays"),
                                  .utc_offset_s = 8 * 3600,
                                  .day_begin_min = 9 * 60,
                                  .day_end_min = 17 * 60,
                                  .first_day = FIRST_DAY,
                                  .n_days = N_DAYS,
                                  .worked = arena_alloc(&g->arena, N_DAYS)};
    for (uint32_t day = 0; day < N_DAYS; day++)
        c->worked[day] = (day + 3) % 7 < 5; /* day 0 is a Thursday */
}

void fixture_begin(struct fixture *f, unsigned n_nodes)
{
    static const char *const urgency[] = {"1", "2", "3", "4"};
    static const char *const channel[] = {"hotline", "self", "visit"};
    struct ledger_genesis *g = &f->genesis;

    memset(f, 0, sizeof *f);
    crypto_sha256(&g->ledger_id, bytes_of_text("anju test ledger"));
    g->origin = text(f, "anju.test/ledger");
    g->created = FIXTURE_CREATED;
    g->development = true;
    add_members(f, n_nodes);
    add_nodes(f, n_nodes);
    g->code_lists = arena_alloc(&g->arena, 2 * sizeof g->code_lists[0]);
    add_code_list(f, "urgency", 4, urgency);
    add_code_list(f, "channel", 3, channel);
    add_calendar(f);
    ledger_limits_defaults(&g->limits);
    ledger_timeouts_defaults(&g->timeouts);
}

void fixture_seal(struct fixture *f)
{
    enum anju_err err = ledger_registry_new(&f->registry, &f->genesis);

    must(err);
    for (unsigned i = 0; i < f->genesis.n_nodes; i++) {
        struct crypto_hash id;
        int at;

        ledger_node_id(&id, &f->genesis.nodes[i].node.node_key);
        at = ledger_set_find(&f->registry->set, &id);
        must(at >= 0 ? ANJU_OK : ANJU_ERR_NOT_FOUND);
        f->node[at] = make_secret("node", i);
    }
}

void fixture_init(struct fixture *f, unsigned n_nodes, const struct bytes *procedures,
                  uint32_t n_procedures)
{
    struct ledger_genesis *g = &f->genesis;

    fixture_begin(f, n_nodes);
    g->n_procedures = n_procedures;
    g->procedures = arena_alloc(&g->arena, (n_procedures + 1) * sizeof g->procedures[0]);
    for (uint32_t i = 0; i < n_procedures; i++)
        g->procedures[i] = arena_copy(&g->arena, procedures[i]);
    fixture_seal(f);
}

static struct bytes take(struct fixture *f, struct bytes b)
{
    struct bytes out = arena_copy(&f->genesis.arena, b);

    free((void *)(uintptr_t)b.data);
    return out;
}

void fixture_init_shipped(struct fixture *f, unsigned n_nodes)
{
    static const char FOLDER[] = "ledger/procedures";
    struct ledger_genesis *g = &f->genesis;
    struct bytes file;

    fixture_begin(f, n_nodes);
    g->n_procedures = 2;
    g->procedures = arena_alloc(&g->arena, 2 * sizeof g->procedures[0]);
    g->procedures[0] = take(f, files_compile(FOLDER, "order.json"));
    g->procedures[1] = take(f, files_compile(FOLDER, "order-import.json"));
    file = take(f, files_read("ledger/procedures/codes.json"));
    must(code_list_file_decode(&g->code_lists, &g->n_code_lists, file, &g->arena));
    file = take(f, files_read("ledger/procedures/calendar.json"));
    must(calendar_file_decode(&g->calendars[0], file, &g->arena));
    fixture_seal(f);
}

void fixture_deinit(struct fixture *f)
{
    ledger_registry_free(f->registry);
    ledger_genesis_free(&f->genesis);
    arena_free(&f->arena);
    memset(f, 0, sizeof *f);
}

/* ---- signed things ---- */

static struct bytes keep(struct fixture *f, struct writer *w)
{
    struct bytes out = arena_copy(&f->arena, writer_view(w));

    writer_free(w);
    return out;
}

struct bytes fixture_record(struct fixture *f, const struct ledger_record *record)
{
    struct writer w = {0};

    ledger_record_encode(&w, record);
    return keep(f, &w);
}

struct bytes fixture_envelope(struct fixture *f, uint32_t member, uint64_t valid_until,
                              const struct bytes *records, uint16_t n_records)
{
    uint8_t nonce[LEDGER_NONCE_SIZE] = {0}, body[LEDGER_BODY_SIZE];
    struct crypto_hash id;
    struct crypto_sig sig;
    struct writer w = {0};

    put_u64(nonce + 8, ++f->nonces);
    ledger_envelope_body(body, member, member, nonce, valid_until, records, n_records);
    ledger_envelope_id(&id, bytes_of(body, sizeof body), &f->genesis.ledger_id);
    must(crypto_sign(&sig, &f->operator[member], &id));
    ledger_envelope_wire(&w, body, &sig, records, n_records);
    return keep(f, &w);
}

struct bytes fixture_envelope_of(struct fixture *f, uint32_t member, uint64_t valid_until,
                                 const struct ledger_record *record)
{
    struct bytes raw = fixture_record(f, record);

    return fixture_envelope(f, member, valid_until, &raw, 1);
}

struct bytes fixture_batch(struct fixture *f, const struct bytes *envelopes, uint16_t n)
{
    struct writer w = {0};

    ledger_batch_encode(&w, envelopes, n);
    return keep(f, &w);
}

void fixture_certify(struct fixture *f, struct ledger_certificate *out, uint64_t height,
                     const struct crypto_hash *vid, const struct crypto_hash *result)
{
    const struct ledger_set *set = &f->registry->set;
    struct ledger_vote vote = {.type = LEDGER_PRECOMMIT,
                               .height = height,
                               .valid_round = -1,
                               .vid = *vid,
                               .result = *result};

    *out = (struct ledger_certificate){
        .height = height, .vid = *vid, .result = *result, .q = (uint8_t)ledger_set_quorum(set)};
    for (unsigned i = 0; i < out->q; i++) {
        vote.signer = set->node[i].id;
        must(ledger_vote_sign(&vote, &f->node[i], &f->genesis.ledger_id));
        out->index[i] = (uint8_t)i;
        out->sig[i] = vote.sig;
    }
}

struct bytes fixture_block(struct fixture *f, const struct ledger_tip *previous, uint64_t time_ms,
                           const struct bytes *envelopes, uint16_t n)
{
    const struct ledger_set *set = &f->registry->set;
    const struct crypto_hash *ledger_id = &f->genesis.ledger_id;
    struct ledger_header h = {.version = 1,
                              .height = previous->height + 1,
                              .time_ms = time_ms,
                              .previous = previous->block,
                              .previous_result = previous->result};
    struct ledger_certificate certificate;
    struct writer certificate_bytes = {0}, w = {0};
    struct bytes batch = {NULL, 0};
    struct crypto_hash batch_id;

    h.proposer = set->node[ledger_set_proposer(set, h.height, 0)].id;
    if (h.height > 1) {
        fixture_certify(f, &certificate, previous->height, &previous->block, &previous->result);
        ledger_certificate_encode(&certificate_bytes, &certificate);
        ledger_certificate_digest(&h.previous_certificate, &certificate, ledger_id);
    }
    if (n > 0) {
        batch = fixture_batch(f, envelopes, n);
        ledger_batch_id(&batch_id, batch, ledger_id);
    }
    must(ledger_header_describe(&h, &batch, n > 0 ? 1 : 0, ledger_id, &f->arena));
    ledger_block_encode(&w, &h, &batch_id, writer_view(&certificate_bytes), &batch);
    writer_free(&certificate_bytes);
    return keep(f, &w);
}

/* ---- values ---- */

struct bytes fixture_uint(struct fixture *f, uint64_t v)
{
    struct writer w = {0};

    mp_put_uint(&w, v);
    return keep(f, &w);
}

struct bytes fixture_int(struct fixture *f, int64_t v)
{
    struct writer w = {0};

    mp_put_int(&w, v);
    return keep(f, &w);
}

struct bytes fixture_bool(struct fixture *f, bool v)
{
    struct writer w = {0};

    mp_put_bool(&w, v);
    return keep(f, &w);
}

struct bytes fixture_str(struct fixture *f, const char *t)
{
    struct writer w = {0};

    mp_put_str(&w, bytes_of_text(t));
    return keep(f, &w);
}

struct bytes fixture_bin(struct fixture *f, const void *data, size_t size)
{
    struct writer w = {0};

    mp_put_bin(&w, bytes_of(data, size));
    return keep(f, &w);
}

struct ledger_subject_id fixture_subject(uint16_t day, uint64_t number)
{
    struct ledger_subject_id id = {{0}};

    put_u16(id.b, day);
    put_u64(id.b + 8, number);
    return id;
}
