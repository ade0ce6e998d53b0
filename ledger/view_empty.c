#include "ledger/execute.h"

#include "ledger/map_node.h"

/* A view with nothing in it. Every call finds nothing; the map is empty and the tip is all zeros.
 */

static enum anju_err no_subject(const struct ledger_view *v, struct ledger_subject *out,
                                uint16_t procedure, const struct ledger_subject_id *id,
                                struct arena *a)
{
    (void)v, (void)out, (void)procedure, (void)id, (void)a;
    return ANJU_ERR_NOT_FOUND;
}

static enum anju_err no_chain(const struct ledger_view *v, struct ledger_chain *out,
                              const struct ledger_map_key *key)
{
    (void)v, (void)out, (void)key;
    return ANJU_ERR_NOT_FOUND;
}

static enum anju_err no_used(const struct ledger_view *v, struct ledger_used *out, uint32_t key,
                             const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    (void)v, (void)out, (void)key, (void)nonce;
    return ANJU_ERR_NOT_FOUND;
}

static enum anju_err no_refusals(const struct ledger_view *v, uint32_t *out, uint32_t member,
                                 uint32_t day)
{
    (void)v, (void)member, (void)day;
    *out = 0;
    return ANJU_OK;
}

static enum anju_err no_timers(const struct ledger_view *v, struct ledger_timer *out, size_t *count,
                               size_t max, uint64_t until)
{
    (void)v, (void)out, (void)max, (void)until;
    *count = 0;
    return ANJU_OK;
}

static struct ledger_map *empty_map(const struct ledger_view *v)
{
    (void)v;
    return ledger_map_nothing();
}

static const struct ledger_tip *empty_tip(const struct ledger_view *v)
{
    static const struct ledger_tip tip;

    (void)v;
    return &tip;
}

struct ledger_view ledger_view_empty(const struct ledger_registry *registry)
{
    return (struct ledger_view){
        .registry = registry,
        .subject = no_subject,
        .chain = no_chain,
        .used = no_used,
        .refusals = no_refusals,
        .timers = no_timers,
        .map = empty_map,
        .tip = empty_tip,
    };
}
