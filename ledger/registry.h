/*
 * registry: what governance decides: members, keys, nodes, procedures, calendars, code lists, limits.
 * Until governance comes all of it is in genesis, so one registry serves every height and is immutable
 * after ledger_registry_new. Any thread.
 */
#ifndef ANJU_LEDGER_REGISTRY_H
#define ANJU_LEDGER_REGISTRY_H

#include "ledger/agreement.h"
#include "ledger/entry.h"
#include "ledger/procedure.h"

enum ledger_key_purpose { LEDGER_KEY_OPERATOR = 1, LEDGER_KEY_APPROVER = 2, LEDGER_KEY_NODE = 3 };

struct ledger_member_key {
    uint32_t number; /* ledger-wide, from 1 */
    uint32_t member;
    enum ledger_key_purpose purpose;
    struct crypto_key key;
    uint64_t from, until; /* ms; valid where from <= t < until */
};

struct ledger_member {
    uint32_t number; /* from 1 */
    char *name_zh, *name_en;
    char *kind; /* government property agency auditor integrator authority */
    uint32_t n_roles;
    char **roles;
};

struct ledger_node_info {
    struct ledger_node node;
    struct crypto_hash tls_spki; /* SHA-256 of the SPKI of the node's TLS key */
    char *peer, *rpc;            /* host:port */
};

/* Working time: the days that are worked and the hours of such a day. */
struct ledger_calendar {
    uint32_t number;
    char *name;
    int32_t utc_offset_s;
    uint16_t day_begin_min, day_end_min; /* minutes after local midnight */
    uint32_t first_day;                  /* days since 1970, local */
    uint32_t n_days;
    uint8_t *worked; /* n_days bytes: 1 = a working day */
};

struct ledger_code {
    struct bytes code; /* UTF-8 */
    char *zh, *en;
};
struct ledger_code_list {
    uint32_t number;
    char *name;
    uint32_t n_codes;
    struct ledger_code *codes; /* ascending by code */
};

/* The document, decoded (rpc/genesis_json.c reads the JSON). */
struct ledger_genesis {
    struct crypto_hash ledger_id; /* SHA-256 of the file's bytes */
    char *origin;
    uint64_t created; /* ms */
    bool development;
    bool log_public;
    uint32_t n_members;
    struct ledger_member *members; /* members[i].number == i + 1 */
    uint32_t n_keys;
    struct ledger_member_key *keys; /* keys[i].number == i + 1 */
    uint32_t n_nodes;
    struct ledger_node_info *nodes;
    uint32_t n_procedures;
    struct bytes *procedures; /* compiled bytes */
    uint32_t n_calendars;
    struct ledger_calendar *calendars;
    uint32_t n_code_lists;
    struct ledger_code_list *code_lists;
    struct ledger_limits limits;
    struct ledger_timeouts {
        uint32_t propose_ms, propose_step_ms; /* 600, 300 */
        uint32_t vote_ms, vote_step_ms;       /* 200, 100: prevote and precommit */
        uint32_t cap_ms;                      /* 10,000 */
        uint32_t flagged_propose_ms;          /* 50 */
        uint32_t precision_ms;                /* 500 */
        uint32_t message_delay_ms;            /* 2,000 */
    } timeouts;
    struct arena arena; /* owns everything above */
};
void ledger_genesis_free(struct ledger_genesis *g);
void ledger_timeouts_defaults(struct ledger_timeouts *out);
/* The roles that a member may have: docs/formats.md, "Genesis and member files". */
bool ledger_role_is_known(struct bytes role);
const char *const *ledger_roles(size_t *count);
/* government, property, agency, auditor, integrator, authority. */
bool ledger_kind_is_known(struct bytes kind);
/* host:port, the host a name, an IPv4 address, or an IPv6 address in brackets. */
bool ledger_address_is_valid(const char *text);

struct ledger_registry {
    const struct ledger_genesis *genesis; /* borrowed */
    struct crypto_hash ledger_id;
    struct ledger_set set; /* V_1 = V_2 */
    struct ledger_limits limits;
    uint32_t n_procedures;
    struct ledger_procedure **procedures; /* decoded, ascending by (number, version) */
};

/* The checks that need no decoding of procedures; ledger_registry_new makes them first. */
ANJU_MUST_CHECK enum anju_err ledger_genesis_check(const struct ledger_genesis *genesis);
/* Checks what a genesis must hold (numbers in order, one center, 4 nodes unless development, keys on
 * the curve, procedures that decode, limits in which each size fits the next) and decodes it.
 * MALFORMED with words that name the thing. `*out` borrows from genesis until ledger_registry_free. */
ANJU_MUST_CHECK enum anju_err ledger_registry_new(struct ledger_registry **out, const struct ledger_genesis *genesis);
void ledger_registry_free(struct ledger_registry *r);

const struct ledger_member *ledger_registry_member(const struct ledger_registry *r, uint32_t number); /* or NULL */
const struct ledger_member_key *ledger_registry_key(const struct ledger_registry *r, uint32_t number);
bool ledger_member_has_role(const struct ledger_member *m, struct bytes role);
/* The procedure (number, version); version 0: the newest. NULL where there is none. */
const struct ledger_procedure *ledger_registry_procedure(const struct ledger_registry *r, uint16_t number, uint16_t version);
const struct ledger_procedure *ledger_registry_procedure_named(const struct ledger_registry *r, const char *name);
const struct ledger_code_list *ledger_registry_code_list(const struct ledger_registry *r, struct bytes name);
bool ledger_code_list_has(const struct ledger_code_list *l, struct bytes code);
const struct ledger_calendar *ledger_registry_calendar(const struct ledger_registry *r, uint32_t number);

/* The records and effects of the built-in subjects that genesis writes, in the order of their entries
 * (members, keys, nodes, procedures, indexes, limits, calendars, code lists). For execution at height 0.
 * Attribute numbers: ledger/builtin.h. */
struct ledger_genesis_entry {
    struct bytes record; /* made by the node: no holders, no cosignatures */
    struct ledger_effect effect;
};
void ledger_genesis_entries(const struct ledger_registry *r, struct ledger_genesis_entry **out, uint32_t *count, struct arena *a);

#endif
