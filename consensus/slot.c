#include "consensus/state.h"

#include <string.h>

/*
 * The slot: version u8 | height u64 | round u32 | step u8 | flags u8 | the signed messages that the
 * flags name, body and signature | locked: round i32, vid 32, result 32 | valid: round i32, vid 32
 * | polka of the lock, polka of the valid value, ticket: u32 length and bytes each, where flagged.
 */
enum {
    SLOT_VERSION = 1,
    HAS_PROPOSAL = 1,
    HAS_PREVOTE = 2,
    HAS_PRECOMMIT = 4,
    HAS_LOCKED_POLKA = 8,
    HAS_VALID_POLKA = 16,
    HAS_TICKET = 32,
    HAS_ALL = 63,
};

bool consensus_slot_changed(const struct consensus *c)
{
    return c->slot_changed;
}

static size_t vote_size(unsigned type)
{
    return type == LEDGER_PRECOMMIT ? LEDGER_PRECOMMIT_SIZE : LEDGER_PREVOTE_SIZE;
}

static void put_vote(struct writer *w, const struct ledger_vote *v)
{
    uint8_t body[LEDGER_PRECOMMIT_SIZE];
    size_t size = ledger_vote_encode(body, v);

    writer_put(w, body, size);
    writer_put(w, v->sig.b, sizeof v->sig.b);
}

/* Writes the length of what was written since `at`, where 4 bytes were kept for it. */
static void close_length(struct writer *w, size_t at)
{
    put_u32(w->data + at, (uint32_t)(w->size - at - 4));
}

static void put_polka(struct writer *w, const struct ledger_polka *p)
{
    size_t at = w->size;

    writer_u32(w, 0);
    ledger_polka_encode(w, p);
    close_length(w, at);
}

void consensus_slot_encode(struct writer *w, struct consensus *c)
{
    unsigned flags = 0;

    for (unsigned type = 0; type < TYPES; type++)
        flags |= c->has_mine[type] ? 1u << type : 0;
    flags |= c->locked_round >= 0 ? HAS_LOCKED_POLKA : 0;
    flags |= c->valid_round >= 0 ? HAS_VALID_POLKA : 0;
    flags |= c->has_ticket ? HAS_TICKET : 0;
    writer_u8(w, SLOT_VERSION);
    writer_u64(w, c->height);
    writer_u32(w, c->round);
    writer_u8(w, (uint8_t)c->step);
    writer_u8(w, (uint8_t)flags);
    for (unsigned type = 0; type < TYPES; type++)
        if (c->has_mine[type])
            put_vote(w, &c->mine[type]);
    writer_i32(w, c->locked_round);
    writer_put(w, c->locked_vid.b, sizeof c->locked_vid.b);
    writer_put(w, c->locked_result.b, sizeof c->locked_result.b);
    writer_i32(w, c->valid_round);
    writer_put(w, c->valid_vid.b, sizeof c->valid_vid.b);
    if ((flags & HAS_LOCKED_POLKA) != 0)
        put_polka(w, &c->locked_polka);
    if ((flags & HAS_VALID_POLKA) != 0)
        put_polka(w, &c->valid_polka);
    if ((flags & HAS_TICKET) != 0) {
        size_t at = w->size;

        writer_u32(w, 0);
        ledger_ticket_encode(w, &c->ticket);
        close_length(w, at);
    }
    c->slot_changed = false;
}

static void take_mine(struct reader *r, struct ledger_vote *out, unsigned type,
                      const struct consensus_slot *slot)
{
    struct bytes in = reader_take(r, vote_size(type) + CRYPTO_SIG_SIZE);

    if (r->failed || ledger_vote_decode(out, (enum ledger_vote_type)type, in) != ANJU_OK ||
        out->height != slot->height || out->round != slot->round)
        reader_fail(r);
}

static void take_polka(struct reader *r, struct ledger_polka *out, uint64_t height, int32_t round,
                       const struct crypto_hash *vid)
{
    struct bytes in = reader_take_u32(r, LEDGER_POLKA_SIZE_MAX);

    if (r->failed || ledger_polka_decode(out, in) != ANJU_OK || out->height != height ||
        round < 0 || out->round != (uint32_t)round || !crypto_hash_equal(&out->vid, vid))
        reader_fail(r);
}

static void take_ticket(struct reader *r, struct consensus_slot *out)
{
    struct bytes in = reader_take_u32(r, LEDGER_TICKET_SIZE_MAX);

    if (r->failed || ledger_ticket_decode(&out->ticket, in) != ANJU_OK ||
        out->ticket.height != out->height || out->ticket.round != out->round)
        reader_fail(r);
}

/* What the rules can have left: anything else was written by something else. */
static bool is_possible(const struct consensus_slot *s)
{
    bool wait_ok = s->step != CONSENSUS_WAIT || s->round == 0;
    bool votes_ok = (!s->has_prevote || s->step >= CONSENSUS_PREVOTE) &&
                    (!s->has_precommit || s->step >= CONSENSUS_PRECOMMIT) &&
                    (!s->has_proposal || s->step >= CONSENSUS_PROPOSE);
    bool rounds_ok = s->locked_round >= -1 && s->valid_round >= -1 &&
                     s->locked_round <= s->valid_round && (int64_t)s->valid_round <= s->round;

    return s->height > 0 && s->round <= LEDGER_ROUND_MAX && wait_ok && votes_ok && rounds_ok &&
           s->has_ticket == (s->round > 0) && s->has_locked_polka == (s->locked_round >= 0) &&
           s->has_valid_polka == (s->valid_round >= 0);
}

enum anju_err consensus_slot_decode(struct consensus_slot *out, struct bytes in)
{
    struct reader r = reader_over(in);
    uint8_t flags;

    memset(out, 0, sizeof *out);
    if (reader_u8(&r) != SLOT_VERSION)
        reader_fail(&r);
    out->height = reader_u64(&r);
    out->round = reader_u32(&r);
    out->step = (enum consensus_step_name)reader_u8_max(&r, CONSENSUS_PRECOMMIT);
    flags = reader_u8_max(&r, HAS_ALL);
    out->has_proposal = (flags & HAS_PROPOSAL) != 0;
    out->has_prevote = (flags & HAS_PREVOTE) != 0;
    out->has_precommit = (flags & HAS_PRECOMMIT) != 0;
    out->has_locked_polka = (flags & HAS_LOCKED_POLKA) != 0;
    out->has_valid_polka = (flags & HAS_VALID_POLKA) != 0;
    out->has_ticket = (flags & HAS_TICKET) != 0;
    if (out->has_proposal)
        take_mine(&r, &out->proposal, LEDGER_PROPOSAL, out);
    if (out->has_prevote)
        take_mine(&r, &out->prevote, LEDGER_PREVOTE, out);
    if (out->has_precommit)
        take_mine(&r, &out->precommit, LEDGER_PRECOMMIT, out);
    out->locked_round = reader_i32(&r);
    reader_copy(&r, out->locked_vid.b, sizeof out->locked_vid.b);
    reader_copy(&r, out->locked_result.b, sizeof out->locked_result.b);
    out->valid_round = reader_i32(&r);
    reader_copy(&r, out->valid_vid.b, sizeof out->valid_vid.b);
    if (out->has_locked_polka)
        take_polka(&r, &out->locked_polka, out->height, out->locked_round, &out->locked_vid);
    if (out->has_valid_polka)
        take_polka(&r, &out->valid_polka, out->height, out->valid_round, &out->valid_vid);
    if (out->has_ticket)
        take_ticket(&r, out);
    if (reader_finish(&r) != ANJU_OK || !is_possible(out))
        return anju_fail(
            ANJU_ERR_MALFORMED,
            "slot: %zu bytes are not what the consensus of this version writes; the guard is "
            "damaged or of another version",
            in.size);
    return ANJU_OK;
}

bool slot_fits(const struct consensus *c, const struct consensus_slot *s)
{
    const struct ledger_vote *vote[TYPES] = {&s->proposal, &s->prevote, &s->precommit};
    const bool has[TYPES] = {s->has_proposal, s->has_prevote, s->has_precommit};
    struct ledger_ticket trimmed;

    for (unsigned i = 0; i < TYPES; i++)
        if (has[i] && !crypto_hash_equal(&vote[i]->signer, &c->self))
            return false;
    return is_possible(s) && (!s->has_locked_polka || polka_in_range(c, &s->locked_polka)) &&
           (!s->has_valid_polka || polka_in_range(c, &s->valid_polka)) &&
           (!s->has_ticket || ticket_trim(&trimmed, c, &s->ticket));
}
