/*
 * builtin: the subjects of procedure 0 (members, keys, nodes, procedures, indexes, limits,
 * calendars, code lists), whose rules are in C: the numbers of their states, actions and
 * attributes. docs/formats.md, "Built-in subjects", is the same list in words. Numbers are never
 * reused. A record's fields have the attributes' numbers. Pure; any thread.
 */
#ifndef ANJU_LEDGER_BUILTIN_H
#define ANJU_LEDGER_BUILTIN_H

#include "ledger/registry.h"

enum { LEDGER_BUILTIN_ACTION_SET = 1, LEDGER_BUILTIN_STATE_IN_FORCE = 1 };

enum ledger_member_attribute {
    LEDGER_MEMBER_NAME_ZH = 16, /* str */
    LEDGER_MEMBER_NAME_EN = 17, /* str */
    LEDGER_MEMBER_KIND = 18,    /* str */
    LEDGER_MEMBER_ROLES = 19,   /* [str...], in the order of genesis */
};
enum ledger_key_attribute {
    LEDGER_KEY_MEMBER = 16,     /* uint */
    LEDGER_KEY_PURPOSE = 17,    /* uint: enum ledger_key_purpose */
    LEDGER_KEY_PUBLIC = 18,     /* bin 33 */
    LEDGER_KEY_VALID_FROM = 19, /* uint, ms */
    LEDGER_KEY_VALID_UNTIL = 20,
};
enum ledger_node_attribute {
    LEDGER_NODE_MEMBER = 16,     /* uint */
    LEDGER_NODE_PUBLIC = 17,     /* bin 33 */
    LEDGER_NODE_LOG_KEY = 18,    /* bin 32 */
    LEDGER_NODE_COSIGN_KEY = 19, /* bin 32 */
    LEDGER_NODE_TLS_SPKI = 20,   /* bin 32 */
    LEDGER_NODE_PEER = 21,       /* str */
    LEDGER_NODE_RPC = 22,        /* str */
};
enum ledger_procedure_attribute {
    LEDGER_PROCEDURE_NAME = 16,     /* str */
    LEDGER_PROCEDURE_VERSION = 17,  /* uint */
    LEDGER_PROCEDURE_DIGEST = 18,   /* bin 32 */
    LEDGER_PROCEDURE_COMPILED = 19, /* bin: a field of the record only, bound by the digest */
};
enum ledger_index_attribute {
    LEDGER_INDEX_PROCEDURE = 16,  /* uint */
    LEDGER_INDEX_NUMBER = 17,     /* uint */
    LEDGER_INDEX_KIND = 18,       /* uint: enum ledger_index_kind */
    LEDGER_INDEX_LATE = 19,       /* bool */
    LEDGER_INDEX_COMPONENTS = 20, /* [[attribute, type]...]; attribute 0 is the state */
};
enum ledger_limits_attribute { /* uint each: the members of struct ledger_limits in their order, */
                               LEDGER_LIMITS_FIRST = 16,
                               LEDGER_LIMITS_TIMEOUTS_FIRST =
                                   32, /* and those of struct ledger_timeouts */
};
enum ledger_calendar_attribute {
    LEDGER_CALENDAR_NAME = 16,       /* str */
    LEDGER_CALENDAR_UTC_OFFSET = 17, /* int, seconds */
    LEDGER_CALENDAR_DAY_BEGIN = 18,  /* uint, minutes after local midnight */
    LEDGER_CALENDAR_DAY_END = 19,    /* uint */
    LEDGER_CALENDAR_FIRST_DAY = 20,  /* uint, days since 1970 */
    LEDGER_CALENDAR_N_DAYS = 21,     /* uint */
    LEDGER_CALENDAR_WORKED =
        22, /* bin: a bit a day, the first day the highest bit of the first byte */
};
enum ledger_code_list_attribute {
    LEDGER_CODE_LIST_NAME = 16,  /* str */
    LEDGER_CODE_LIST_CODES = 17, /* [[code str, zh str, en str]...], ascending by code */
};

/* Subject ids. */
void ledger_builtin_node_id(struct ledger_subject_id *out, const struct crypto_hash *node_id);
void ledger_builtin_index_id(struct ledger_subject_id *out, uint16_t procedure, uint16_t index);

#endif
