/* Who may act, and approvals by several. */
#include "ledger/judge_state.h"

#include <stdio.h>
#include <string.h>

static bool has_role(const struct judge *j, const struct ledger_actor_rule *rule, uint32_t member)
{
    const struct ledger_member *m = ledger_registry_member(j->registry, member);

    for (uint8_t i = 0; m != NULL && i < rule->n_roles; i++)
        if (ledger_member_has_role(m, rule->roles[i]))
            return true;
    return false;
}

/* Role and relation of a rule; what a cosignature adds is asked apart. */
static bool fits(struct judge *j, const struct ledger_actor_rule *rule, uint32_t member)
{
    if (rule->timer != 0 || member == 0)
        return false;
    if (rule->n_roles > 0 && !has_role(j, rule, member))
        return false;
    if (rule->is.n > 0) {
        struct judge_value v = judge_eval(j, &rule->is);
        if (v.kind != JUDGE_INT || v.i != (int64_t)member)
            return false;
    }
    return true;
}

/* "center or street, or with the resident's cosignature": what would be accepted, for people. */
static void describe(char *out, size_t room, const struct ledger_actor_rule *rules, uint8_t n)
{
    size_t size = 0;

    out[0] = '\0';
    for (uint8_t i = 0; i < n && size + 1 < room; i++) {
        const struct ledger_actor_rule *r = &rules[i];
        size += (size_t)snprintf(out + size, room - size, "%s", i > 0 ? "; or " : "");
        if (r->anyone && size < room)
            size += (size_t)snprintf(out + size, room - size, "any member");
        for (uint8_t k = 0; k < r->n_roles && size < room; k++)
            size += (size_t)snprintf(out + size, room - size, "%s%.*s", k > 0 ? "/" : "role ",
                                     (int)r->roles[k].size, (const char *)r->roles[k].data);
        if (r->is.n > 0 && size < room)
            size += (size_t)snprintf(out + size, room - size,
                                     "%sthe member that the subject or record names",
                                     r->n_roles > 0 ? " and " : "");
        if (r->cosign.n > 0 && size < room)
            size += (size_t)snprintf(out + size, room - size, "%sa cosignature of the named key",
                                     r->n_roles > 0 || r->is.n > 0 ? " with " : "");
        if (r->timer != 0 && size < room)
            size += (size_t)snprintf(out + size, room - size, "time alone");
    }
}

bool judge_actor(struct judge *j)
{
    const struct ledger_action *a = j->action;
    bool only_cosign = false;
    char who[400];

    for (uint8_t i = 0; i < a->n_by; i++) {
        if (!fits(j, &a->by[i], j->actor->member))
            continue;
        if (a->by[i].cosign.n == 0)
            return judge_going(j);
        struct judge_value key = judge_eval(j, &a->by[i].cosign);
        if (judge_cosigned(j, &key))
            return judge_going(j);
        only_cosign = true;
    }
    describe(who, sizeof(who), a->by, a->n_by);
    return judge_refuse(j, only_cosign ? LEDGER_REFUSED_COSIGNATURE : LEDGER_REFUSED_ACTOR, "",
                        "who may do %s: %s", a->name, who);
}

/* Approvals: attribute [[action, digest of the fields, expires, [member...]]...], ascending by
 * action. */

struct approval {
    uint16_t action;
    struct bytes digest;
    uint64_t expires;
    uint32_t n;
    uint32_t member[LEDGER_ACTORS_MAX];
};

static uint32_t read_approvals(struct approval *out, uint32_t max, struct bytes value)
{
    struct mp_reader m = mp_reader_over(value);
    uint32_t n = value.size > 0 ? mp_array(&m, max) : 0;

    for (uint32_t i = 0; i < n; i++) {
        mp_array(&m, 4);
        out[i].action = (uint16_t)mp_uint(&m, UINT16_MAX);
        out[i].digest = mp_bin(&m, CRYPTO_HASH_SIZE);
        out[i].expires = mp_uint(&m, UINT64_MAX);
        out[i].n = mp_array(&m, LEDGER_ACTORS_MAX);
        for (uint32_t k = 0; k < out[i].n; k++)
            out[i].member[k] = (uint32_t)mp_uint(&m, UINT32_MAX);
    }
    return m.r.failed ? 0 : n;
}

static void write_approvals(struct judge *j, const struct approval *list, uint32_t n)
{
    struct writer w = {0};

    mp_put_array(&w, n);
    for (uint32_t i = 0; i < n; i++) {
        mp_put_array(&w, 4);
        mp_put_uint(&w, list[i].action);
        mp_put_bin(&w, list[i].digest);
        mp_put_uint(&w, list[i].expires);
        mp_put_array(&w, list[i].n);
        for (uint32_t k = 0; k < list[i].n; k++)
            mp_put_uint(&w, list[i].member[k]);
    }
    judge_set(j, j->self, LEDGER_ATTR_APPROVALS,
              n > 0 ? arena_copy(j->arena, writer_view(&w)) : bytes_of(NULL, 0));
    writer_free(&w);
}

/* Equal fields give equal digests. */
static struct bytes digest_of_fields(struct judge *j)
{
    struct crypto_hash *hash = arena_alloc(j->arena, sizeof(*hash));
    struct writer w = {0};

    for (uint32_t i = 0; i < j->record->n_fields; i++) {
        writer_u16(&w, j->record->fields[i].number);
        writer_bytes_u32(&w, j->record->fields[i].value);
    }
    crypto_sha256(hash, writer_view(&w));
    writer_free(&w);
    return crypto_hash_bytes(hash);
}

/* Whether every member can have a slot of its own: bipartite matching by augmenting paths, at most
 * 16 deep. */
struct matching {
    struct judge *j;
    const uint32_t *member;
    int slot_of[LEDGER_ACTORS_MAX]; /* index of the member in a slot, -1 free */
    bool seen[LEDGER_ACTORS_MAX];
};

static bool place(struct matching *m, uint32_t who)
{
    const struct ledger_need *need = &m->j->action->need;

    for (uint8_t s = 0; s < need->n_slots; s++) {
        if (m->seen[s] || !fits(m->j, &need->slot[s], m->member[who]))
            continue;
        m->seen[s] = true;
        if (m->slot_of[s] < 0 || place(m, (uint32_t)m->slot_of[s])) {
            m->slot_of[s] = (int)who;
            return true;
        }
    }
    return false;
}

static bool all_placed(struct judge *j, const uint32_t *members, uint32_t n)
{
    struct matching m = {.j = j, .member = members};

    for (size_t i = 0; i < LEDGER_ACTORS_MAX; i++)
        m.slot_of[i] = -1;
    for (uint32_t i = 0; i < n; i++) {
        memset(m.seen, 0, sizeof(m.seen));
        if (!place(&m, i))
            return false;
    }
    return true;
}

static bool may_approve(struct judge *j)
{
    const struct ledger_need *need = &j->action->need;
    uint32_t member = j->actor->member;
    char who[400];

    for (uint8_t i = 0; i < need->n_not; i++) {
        struct judge_value v = judge_eval(j, &need->not [i]);
        if (v.kind == JUDGE_INT && !v.absent && v.i == (int64_t)member)
            return judge_refuse(j, LEDGER_REFUSED_APPROVAL, "",
                                "a party to the matter can't approve %s", j->action->name);
    }
    if (all_placed(j, &member, 1))
        return judge_going(j);
    describe(who, sizeof(who), need->slot, need->n_slots);
    return judge_refuse(j, LEDGER_REFUSED_ACTOR, "", "%s needs %u of: %s", j->action->name, need->m,
                        who);
}

/* Joins an open approval; refuses where it can't. */
static bool join(struct judge *j, struct approval *a, struct bytes digest)
{
    if (!bytes_equal(a->digest, digest))
        return judge_refuse(j, LEDGER_REFUSED_APPROVAL, "",
                            "%s is open with other fields; approve those, or wait until it expires",
                            j->action->name);
    for (uint32_t i = 0; i < a->n; i++)
        if (a->member[i] == j->actor->member)
            return judge_refuse(j, LEDGER_REFUSED_APPROVAL, "",
                                "this member approved %s already; another one must",
                                j->action->name);
    a->member[a->n++] = j->actor->member;
    if (all_placed(j, a->member, a->n))
        return judge_going(j);
    return judge_refuse(j, LEDGER_REFUSED_APPROVAL, "",
                        "who this member could stand for in %s has approved already",
                        j->action->name);
}

bool judge_approve(struct judge *j, bool *carried_out)
{
    struct approval list[LEDGER_ACTORS_MAX + 1];
    uint32_t n = read_approvals(list, LEDGER_ACTORS_MAX,
                                judge_after(j->self, LEDGER_ATTR_APPROVALS)),
             kept = 0, at;
    uint64_t now = j->actor->time_ms;
    struct bytes digest = digest_of_fields(j);

    *carried_out = false;
    if (!may_approve(j))
        return false;
    for (uint32_t i = 0; i < n; i++) /* expired ones go */
        if (list[i].expires > now)
            list[kept++] = list[i];
    n = kept;
    for (at = 0; at < n && list[at].action < j->action->number; at++)
        continue;
    if (at < n && list[at].action == j->action->number) {
        if (!join(j, &list[at], digest))
            return false;
    } else if (n == LEDGER_ACTORS_MAX) {
        return judge_refuse(j, LEDGER_REFUSED_APPROVAL, "",
                            "too many approvals are open on this subject; wait until one expires");
    } else {
        memmove(&list[at + 1], &list[at], (n - at) * sizeof(list[0]));
        list[at] =
            (struct approval){.action = j->action->number,
                              .digest = digest,
                              .n = 1,
                              .member = {j->actor->member},
                              .expires = judge_add_span(j, j->p, now, j->action->need.within)};
        n++;
    }
    *carried_out = list[at].n >= j->action->need.m;
    if (*carried_out)
        memmove(&list[at], &list[at + 1], (--n - at) * sizeof(list[0]));
    write_approvals(j, list, n);
    return judge_going(j);
}

void judge_lapse_approvals(struct judge *j)
{
    struct approval list[LEDGER_ACTORS_MAX];
    uint32_t n = read_approvals(list, LEDGER_ACTORS_MAX,
                                judge_after(j->self, LEDGER_ATTR_APPROVALS)),
             kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct ledger_action *a = ledger_procedure_action(j->p, list[i].action);
        bool starts = false;
        for (uint8_t k = 0; a != NULL && k < a->n_from; k++)
            starts = starts || a->from[k] == j->self->state_after;
        if (starts)
            list[kept++] = list[i];
    }
    if (kept < n)
        write_approvals(j, list, kept);
}
