/* What a genesis document must hold, and letting go of one. */
#include "ledger/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

enum {
    TEXT_MAX = 255,
    ROLES_MAX = 32,
    CODES_MAX = 4096,
    CODE_SIZE_MAX = 64,
    DAYS_MAX = 40000,
    MEMBERS_MAX = 100000,
    UTC_OFFSET_MAX_S = 14 * 3600,
    TIMEOUT_MAX_MS = 600 * 1000,
};

static const char *const ROLES[] = {
    "center",         "data",     "street",       "party",       "committee",  "owners",
    "firm",           "provider", "mediator",     "bank",        "audit",      "hotline",
    "video",          "parent",   "child",        "import",      "dept:civil", "dept:health",
    "dept:edu",       "dept:hr",  "dept:housing", "dept:police", "dept:urban", "dept:justice",
    "dept:emergency", "dept:dpf",
};
static const char *const KINDS[] = {"government", "property",   "agency",
                                    "auditor",    "integrator", "authority"};

static bool is_listed(const char *const *list, size_t count, struct bytes text)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(bytes_of_text(list[i]), text))
            return true;
    return false;
}

bool ledger_role_is_known(struct bytes role)
{
    return is_listed(ROLES, sizeof ROLES / sizeof ROLES[0], role);
}

const char *const *ledger_roles(size_t *count)
{
    *count = sizeof ROLES / sizeof ROLES[0];
    return ROLES;
}

bool ledger_kind_is_known(struct bytes kind)
{
    return is_listed(KINDS, sizeof KINDS / sizeof KINDS[0], kind);
}

void ledger_timeouts_defaults(struct ledger_timeouts *out)
{
    *out = (struct ledger_timeouts){.propose_ms = 600,
                                    .propose_step_ms = 300,
                                    .vote_ms = 200,
                                    .vote_step_ms = 100,
                                    .cap_ms = 10000,
                                    .flagged_propose_ms = 50,
                                    .precision_ms = 500,
                                    .message_delay_ms = 2000};
}

void ledger_genesis_free(struct ledger_genesis *g)
{
    if (g == NULL)
        return;
    arena_free(&g->arena);
    memset(g, 0, sizeof *g);
}

bool ledger_member_has_role(const struct ledger_member *m, struct bytes role)
{
    for (uint32_t i = 0; i < m->n_roles; i++)
        if (bytes_equal(bytes_of_text(m->roles[i]), role))
            return true;
    return false;
}

#define BAD(...) anju_fail(ANJU_ERR_MALFORMED, "genesis: " __VA_ARGS__)

static bool is_text(const char *text)
{
    return text != NULL && text[0] != '\0' && strlen(text) <= TEXT_MAX &&
           bytes_are_utf8(bytes_of_text(text));
}

/* A URL without scheme: no space and no plus, which signed notes use otherwise. */
static bool is_origin(const char *text)
{
    if (!is_text(text) || strstr(text, "://") != NULL)
        return false;
    for (const char *p = text; *p != '\0'; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr("-._~/:", *p) != NULL))
            return false;
    return true;
}

bool ledger_address_is_valid(const char *text)
{
    const char *colon = is_text(text) ? strrchr(text, ':') : NULL;
    unsigned long port = 0;

    if (colon == NULL || colon == text || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    for (const char *p = colon + 1; *p != '\0' && port <= 65535; p++)
        port = port * 10 + (unsigned long)(*p - '0');
    if (text[0] == '[')
        return colon[-1] == ']' && port >= 1 && port <= 65535;
    return memchr(text, ':', (size_t)(colon - text)) == NULL && port >= 1 && port <= 65535;
}

static enum anju_err check_member(const struct ledger_genesis *g, uint32_t i)
{
    const struct ledger_member *m = &g->members[i];

    if (m->number != i + 1)
        return BAD("member %u: its number is %u; members are numbered from 1 in order", i + 1,
                   m->number);
    if (!is_text(m->name_zh) || !is_text(m->name_en))
        return BAD("member %u: a name is missing or over %d bytes", m->number, TEXT_MAX);
    if (!ledger_kind_is_known(bytes_of_text(m->kind)))
        return BAD("member %u: kind \"%.40s\" is none of government, property, agency, auditor, "
                   "integrator, authority",
                   m->number, m->kind);
    if (m->n_roles > ROLES_MAX)
        return BAD("member %u: more than %d roles", m->number, ROLES_MAX);
    for (uint32_t j = 0; j < m->n_roles; j++) {
        if (!ledger_role_is_known(bytes_of_text(m->roles[j])))
            return BAD("member %u: role \"%.40s\" is not known", m->number, m->roles[j]);
        for (uint32_t k = 0; k < j; k++)
            if (strcmp(m->roles[j], m->roles[k]) == 0)
                return BAD("member %u: role \"%s\" stands twice", m->number, m->roles[j]);
    }
    return ANJU_OK;
}

static enum anju_err check_members(const struct ledger_genesis *g)
{
    unsigned centers = 0;

    if (g->n_members == 0 || g->n_members > MEMBERS_MAX)
        return BAD("it has %u members", g->n_members);
    for (uint32_t i = 0; i < g->n_members; i++) {
        enum anju_err err = check_member(g, i);

        if (err != ANJU_OK)
            return err;
        centers += ledger_member_has_role(&g->members[i], bytes_of_text("center"));
    }
    return centers == 1 ? ANJU_OK
                        : BAD("%u members have the role center; exactly one has it", centers);
}

static enum anju_err check_key(const struct ledger_genesis *g, uint32_t i)
{
    const struct ledger_member_key *k = &g->keys[i];

    if (k->number != i + 1)
        return BAD("key %u: its number is %u; keys are numbered from 1 in order, ledger-wide",
                   i + 1, k->number);
    if (k->member == 0 || k->member > g->n_members)
        return BAD("key %u: member %u is not there", k->number, k->member);
    if (k->purpose < LEDGER_KEY_OPERATOR || k->purpose > LEDGER_KEY_NODE)
        return BAD("key %u: its purpose is none of operator, approver, node", k->number);
    if (crypto_key_check(&k->key) != ANJU_OK)
        return BAD("key %u: not a compressed point of secp256k1", k->number);
    if (k->from >= k->until || k->until > LEDGER_TIME_MAX)
        return BAD("key %u: it is valid from before until, and until 2100 at most", k->number);
    return ANJU_OK;
}

/* A public key stands once, and each member has a key to sign with. */
static enum anju_err check_keys(const struct ledger_genesis *g)
{
    uint8_t *can_sign = anju_alloc(g->n_members + 1u);
    struct table seen;
    enum anju_err err = ANJU_OK;

    table_init(&seen, CRYPTO_KEY_SIZE, sizeof(uint32_t));
    for (uint32_t i = 0; err == ANJU_OK && i < g->n_keys; i++) {
        bool is_new;
        uint32_t *first;

        err = check_key(g, i);
        if (err != ANJU_OK)
            break;
        first = table_put(&seen, g->keys[i].key.b, &is_new);
        if (!is_new)
            err = BAD("key %u: the same public key as key %u", g->keys[i].number, *first);
        *first = g->keys[i].number;
        if (g->keys[i].purpose == LEDGER_KEY_OPERATOR)
            can_sign[g->keys[i].member] = 1;
    }
    for (uint32_t i = 1; err == ANJU_OK && i <= g->n_members; i++)
        if (!can_sign[i])
            err = BAD("member %u: it has no operator key", i);
    table_free(&seen);
    free(can_sign);
    return err;
}

static bool is_node_key(const struct ledger_genesis *g, const struct ledger_node *node)
{
    for (uint32_t i = 0; i < g->n_keys; i++)
        if (g->keys[i].member == node->member && g->keys[i].purpose == LEDGER_KEY_NODE &&
            memcmp(g->keys[i].key.b, node->node_key.b, CRYPTO_KEY_SIZE) == 0)
            return true;
    return false;
}

static enum anju_err check_node(const struct ledger_genesis *g, uint32_t i)
{
    const struct ledger_node_info *n = &g->nodes[i];

    if (n->node.member == 0 || n->node.member > g->n_members)
        return BAD("node %u: member %u is not there", i + 1, n->node.member);
    if (!is_node_key(g, &n->node))
        return BAD("node %u: its key does not stand among member %u's keys with purpose node",
                   i + 1, n->node.member);
    if (!ledger_address_is_valid(n->peer) || !ledger_address_is_valid(n->rpc))
        return BAD("node %u: peer and rpc are host:port", i + 1);
    if (memcmp(n->node.log_key, n->node.cosign_key, CRYPTO_ED25519_SIZE) == 0)
        return BAD("node %u: its log key and cosign key are the same", i + 1);
    for (uint32_t j = 0; j < i; j++) {
        const struct ledger_node_info *other = &g->nodes[j];

        if (memcmp(n->node.node_key.b, other->node.node_key.b, CRYPTO_KEY_SIZE) == 0 ||
            memcmp(n->node.log_key, other->node.log_key, CRYPTO_ED25519_SIZE) == 0 ||
            memcmp(n->node.cosign_key, other->node.cosign_key, CRYPTO_ED25519_SIZE) == 0 ||
            crypto_hash_equal(&n->tls_spki, &other->tls_spki))
            return BAD("node %u: it has a key of node %u", i + 1, j + 1);
    }
    return ANJU_OK;
}

static enum anju_err check_nodes(const struct ledger_genesis *g)
{
    if (g->n_nodes == 0 || g->n_nodes > LEDGER_SET_MAX)
        return BAD("%u nodes; a ledger has 4 to %d", g->n_nodes, LEDGER_SET_MAX);
    if (g->n_nodes < 4 && !g->development)
        return BAD("%u nodes tolerate no faulty one; 4 are the least where development is false",
                   g->n_nodes);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        enum anju_err err = check_node(g, i);

        if (err != ANJU_OK)
            return err;
    }
    return ANJU_OK;
}

static enum anju_err check_calendar(const struct ledger_genesis *g, uint32_t i)
{
    const struct ledger_calendar *c = &g->calendars[i];

    if (c->number != i + 1)
        return BAD("calendar %u: its number is %u; calendars are numbered from 1 in order", i + 1,
                   c->number);
    if (!is_text(c->name))
        return BAD("calendar %u: its name is missing or over %d bytes", c->number, TEXT_MAX);
    if (c->utc_offset_s < -UTC_OFFSET_MAX_S || c->utc_offset_s > UTC_OFFSET_MAX_S)
        return BAD("calendar %u: its offset from UTC is over 14 hours", c->number);
    if (c->day_begin_min >= c->day_end_min || c->day_end_min > 1440)
        return BAD("calendar %u: its hours do not begin before they end", c->number);
    if (c->n_days == 0 || c->n_days > DAYS_MAX ||
        c->first_day + (uint64_t)c->n_days > LEDGER_TIME_MAX / 86400000)
        return BAD("calendar %u: it spans no day, more than %d, or days after 2099", c->number,
                   DAYS_MAX);
    for (uint32_t day = 0; day < c->n_days; day++)
        if (c->worked[day] > 1)
            return BAD("calendar %u: day %u is neither worked nor off", c->number, day);
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(c->name, g->calendars[j].name) == 0)
            return BAD("calendar %u: the name of calendar %u", c->number, j + 1);
    return ANJU_OK;
}

static enum anju_err check_code_list(const struct ledger_genesis *g, uint32_t i)
{
    const struct ledger_code_list *l = &g->code_lists[i];

    if (l->number != i + 1)
        return BAD("code list %u: its number is %u; code lists are numbered from 1 in order", i + 1,
                   l->number);
    if (!is_text(l->name))
        return BAD("code list %u: its name is missing or over %d bytes", l->number, TEXT_MAX);
    if (l->n_codes == 0 || l->n_codes > CODES_MAX)
        return BAD("code list %s: %u codes, it has 1 to %d", l->name, l->n_codes, CODES_MAX);
    for (uint32_t j = 0; j < l->n_codes; j++) {
        const struct ledger_code *c = &l->codes[j];

        if (c->code.size == 0 || c->code.size > CODE_SIZE_MAX || !bytes_are_utf8(c->code) ||
            !is_text(c->zh) || !is_text(c->en))
            return BAD("code list %s: code %u is empty, too long, or lacks a name", l->name, j + 1);
        if (j > 0 && bytes_compare(l->codes[j - 1].code, c->code) >= 0)
            return BAD(
                "code list %s: code %u does not ascend; codes stand in byte order, each once",
                l->name, j + 1);
    }
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(l->name, g->code_lists[j].name) == 0)
            return BAD("code list %s: the name stands twice", l->name);
    return ANJU_OK;
}

static enum anju_err check_timeouts(const struct ledger_timeouts *t)
{
    const uint32_t all[] = {t->propose_ms,      t->propose_step_ms,    t->vote_ms,
                            t->vote_step_ms,    t->flagged_propose_ms, t->precision_ms,
                            t->message_delay_ms};

    if (t->cap_ms == 0 || t->cap_ms > TIMEOUT_MAX_MS)
        return BAD("timeouts: cap is 1 to %d ms", TIMEOUT_MAX_MS);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i] == 0 || all[i] > t->cap_ms)
            return BAD("timeouts: one is 0 or over cap (%u ms)", t->cap_ms);
    return ANJU_OK;
}

enum anju_err ledger_genesis_check(const struct ledger_genesis *g)
{
    enum anju_err err = ANJU_OK;

    if (!is_origin(g->origin))
        return BAD("origin is a URL without scheme: letters, digits and -._~/: only");
    if (g->created < LEDGER_TIME_MIN || g->created >= LEDGER_TIME_MAX)
        return BAD("created lies outside 2020 to 2099");
    err = check_members(g);
    if (err == ANJU_OK)
        err = check_keys(g);
    if (err == ANJU_OK)
        err = check_nodes(g);
    for (uint32_t i = 0; err == ANJU_OK && i < g->n_calendars; i++)
        err = check_calendar(g, i);
    for (uint32_t i = 0; err == ANJU_OK && i < g->n_code_lists; i++)
        err = check_code_list(g, i);
    if (err == ANJU_OK)
        err = ledger_limits_check(&g->limits);
    return err == ANJU_OK ? check_timeouts(&g->timeouts) : err;
}
