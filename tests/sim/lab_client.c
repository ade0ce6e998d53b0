/*
 * Those who submit: each has one envelope in hand, asks again where no answer comes, at another
 * host, and goes on when it knows what became of it.
 */
#include "tests/sim/lab.h"

#include <check.h>
#include <string.h>

#include "base/mp.h"

/* Numbers of tests/procedures/timed.json. */
enum {
    TIMED = 33,
    MAKE = 1,
    BEGIN = 2,
    LAP = 3,
    WAIT = 4,
    RESUME = 5,
    HALT = 7,
    FINISH = 11,
    FIELD_DUE = 2,
    SUBJECTS = 16,
    PATIENCE_US = 3000000
};

static struct bytes keep(struct lab *l, struct writer *w)
{
    struct bytes out = arena_copy(&l->arena, writer_view(w));

    writer_free(w);
    return out;
}

static struct bytes make_record(struct lab *l, struct client *c)
{
    static const uint16_t actions[] = {BEGIN, LAP, LAP, WAIT, RESUME, HALT, FINISH};
    struct ledger_record r = {.procedure = TIMED, .procedure_version = 1};
    unsigned at = (unsigned)lab_below(l, SUBJECTS);
    struct ledger_value due = {.number = FIELD_DUE};
    struct writer w = {0}, value = {0};

    if (at >= c->subjects) {
        at = c->subjects++;
        c->subject[at] = fixture_subject((uint16_t)((FIXTURE_CREATED / 86400000) + 60),
                                         (uint64_t)c->member << 32 | ++l->nonces);
        r.action = MAKE;
    } else {
        r.action = actions[lab_below(l, sizeof actions / sizeof actions[0])];
        r.expected_version = 1 + lab_below(l, 4); /* often wrong: refusals are entries, too */
        if (lab_chance(l, 150))
            c->subjects = at; /* new ones take their places */
    }
    r.subject = c->subject[at];
    if (r.action == BEGIN) {
        mp_put_uint(&value, host_wall_ms(&l->host[0]) + 1000 + lab_below(l, 8000));
        due.value = keep(l, &value);
        r.fields = &due;
        r.n_fields = 1;
    }
    ledger_record_encode(&w, &r);
    return keep(l, &w);
}

static void make_envelope(struct lab *l, struct client *c)
{
    struct bytes records[4];
    uint16_t n = (uint16_t)(1 + lab_below(l, lab_chance(l, 200) ? 4 : 1));
    uint8_t nonce[LEDGER_NONCE_SIZE] = {0}, body[LEDGER_BODY_SIZE];
    struct crypto_sig sig;
    struct writer w = {0};

    for (uint16_t i = 0; i < n; i++)
        records[i] = make_record(l, c);
    put_u64(nonce + 8, ++l->nonces);
    c->valid_until =
        host_wall_ms(&l->host[0]) + (lab_chance(l, 100) ? 2000 + lab_below(l, 10000) : 3600000);
    ledger_envelope_body(body, c->member, c->member, nonce, c->valid_until, records, n);
    ledger_envelope_id(&c->id, bytes_of(body, sizeof body), &l->fixture->registry->ledger_id);
    ck_assert_int_eq(crypto_sign(&sig, &l->fixture->operator[c->member], &c->id), ANJU_OK);
    ledger_envelope_wire(&w, body, &sig, records, n);
    c->wire = blob_new(writer_view(&w));
    c->made_us = l->now_us;
    writer_free(&w);
    l->totals.envelopes++;
}

static bool may_ask(const struct lab *l, unsigned host)
{
    const struct host *h = &l->host[host];

    return h->engine != NULL && h->paused_until_us <= l->now_us &&
           (!l->healed || (l->core >> host & 1) != 0);
}

static void submit(struct lab *l, struct client *c, unsigned host)
{
    struct rpc_submit_result refusal;
    struct submission *s = submission_new(blob_bytes(c->wire), l->fixture->registry, &refusal);

    ck_assert_msg(s != NULL, "%s", refusal.hint);
    c->ticket = ++l->tickets;
    c->host = host;
    c->asked_us = l->now_us;
    lab_note(l, c->ticket << 8 | host);
    engine_submit(l->host[host].engine, c->ticket, s);
    host_called(&l->host[host]);
}

static void done(struct lab *l, struct client *c)
{
    blob_release(c->wire);
    c->wire = NULL;
    c->ticket = 0;
    c->next_us = l->now_us + lab_below(l, (uint64_t)l->client_mean_ms * 2000);
}

static void acts(struct lab *l, struct event *ev)
{
    struct client *c = &l->client[ev->number];
    unsigned host = (unsigned)lab_below(l, l->n_hosts);
    bool waits = c->ticket != 0 && l->now_us < c->asked_us + PATIENCE_US;

    lab_post(l, NULL, l->now_us + 20000 + lab_below(l, 60000), acts)->number = ev->number;
    if (l->stopping && c->wire == NULL)
        return;
    if (waits || l->now_us < c->next_us || !may_ask(l, host))
        return;
    if (c->wire == NULL)
        make_envelope(l, c);
    submit(l, c, host);
    if (lab_chance(l, 100)) { /* the same to two nodes at once */
        unsigned other = (unsigned)lab_below(l, l->n_hosts);
        if (may_ask(l, other))
            submit(l, c, other);
    }
}

void client_begin(struct lab *l)
{
    for (unsigned i = 0; i < l->n_clients; i++) {
        l->client[i] = (struct client){.member = 1 + i};
        lab_post(l, NULL, lab_below(l, 1000000), acts)->number = i;
    }
}

void client_answer(struct host *h, uint64_t ticket, const struct rpc_submit_result *result)
{
    struct lab *l = h->lab;

    lab_note(l, ticket << 4 | (uint64_t)result->state);
    if (h->honest && result->state == RPC_SUBMIT_COMMITTED)
        oracle_acknowledged(h, result);
    if (h->honest && result->state == RPC_SUBMIT_INVALID)
        lab_fail(l, "host %u calls a sound envelope invalid: %s", h->index, result->hint);
    for (unsigned i = 0; i < l->n_clients; i++) {
        struct client *c = &l->client[i];
        if (c->ticket != ticket)
            continue;
        c->ticket = 0;
        if (c->wire == NULL || !crypto_hash_equal(&c->id, &result->id))
            return;
        if (!h->honest || result->state == RPC_SUBMIT_BUSY) {
            c->next_us = l->now_us + 200000;
            return; /* nobody takes a liar's word */
        }
        done(l, c);
    }
}

/* Everything that was ever asked of the core is settled. */
bool client_idle(const struct lab *l)
{
    for (unsigned i = 0; i < l->n_clients; i++) {
        if (l->client[i].wire != NULL)
            return false;
    }
    return true;
}

void client_end(struct lab *l)
{
    for (unsigned i = 0; i < l->n_clients; i++)
        blob_release(l->client[i].wire);
}
