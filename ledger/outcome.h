/*
 * outcome: the verdicts of the rules. An answer, the same at every node and part of the entry:
 * numbers are never reused. 1 to 999 are these, from 1000 a procedure's own clauses. SKIP_* leave no
 * entry. docs/rpc.md lists them with what to do.
 */
#ifndef ANJU_LEDGER_OUTCOME_H
#define ANJU_LEDGER_OUTCOME_H

enum ledger_outcome {
    LEDGER_APPLIED = 0,
    LEDGER_REFUSED_RECORD_TOO_LARGE = 1,
    LEDGER_REFUSED_ENVELOPE_TOO_LARGE = 2,
    LEDGER_REFUSED_PROCEDURE_UNKNOWN = 3,
    LEDGER_REFUSED_PROCEDURE_VERSION = 4, /* not the version that the subject lives under */
    LEDGER_REFUSED_ACTION_UNKNOWN = 5,
    LEDGER_REFUSED_VERSION_STALE = 6, /* expected_version is not the subject's */
    LEDGER_REFUSED_STATE = 7,         /* the action does not start from the subject's state */
    LEDGER_REFUSED_ACTOR = 8,         /* this member may not do this action */
    LEDGER_REFUSED_FIELD_UNKNOWN = 9,
    LEDGER_REFUSED_FIELD_MISSING = 10,
    LEDGER_REFUSED_FIELD_TYPE = 11,
    LEDGER_REFUSED_FIELD_LIMIT = 12,
    LEDGER_REFUSED_CODE = 13,       /* not in the code list */
    LEDGER_REFUSED_REFERENCE = 14,  /* a reference names what is not there, or not of that kind */
    LEDGER_REFUSED_COSIGNATURE = 15, /* a needed cosignature is missing */
    LEDGER_REFUSED_CHECK = 16,      /* a check without a clause of its own failed */
    LEDGER_REFUSED_ARITHMETIC = 17, /* a 64-bit overflow */
    LEDGER_REFUSED_UNIQUE = 18,     /* another subject has this tuple */
    LEDGER_REFUSED_APPROVAL = 19,   /* approves twice, or is a party, or other fields than the pending ones */
    LEDGER_REFUSED_TOUCHED = 20,    /* over the limit of touched subjects */
    LEDGER_REFUSED_NOT_OFFERED = 21, /* an effect that the other procedure does not offer */
    LEDGER_REFUSED_UNBALANCED = 22, /* a post whose lines do not sum to 0, or an account's bound */
    LEDGER_REFUSED_PERIOD = 23,     /* a closed period */
    LEDGER_REFUSED_SHARE = 24,      /* an allocation that is not floor and largest remainder */
    LEDGER_REFUSED_PAUSE = 25,      /* not in use: a pause over its longest is none */
    LEDGER_REFUSED_CALENDAR = 26,   /* a working-time clock outside the calendar's years */
    LEDGER_REFUSED_HOLDERS = 27,    /* holders before the private store exists */
    LEDGER_REFUSED_SUBJECT = 28,    /* not an id of 16 bytes for what is created */
    LEDGER_REFUSED_BUILTIN = 29,    /* procedure 0 takes no records yet */
    LEDGER_REFUSED_CASE = 30,       /* no case of the action holds */
    LEDGER_REFUSED_CLAUSES_FROM = 1000,

    LEDGER_SKIP_KEY = -1,       /* the key is revoked or expired at the block's time */
    LEDGER_SKIP_EXPIRED = -2,   /* valid_until passed */
    LEDGER_SKIP_TOO_FAR = -3,   /* valid_until too far ahead */
    LEDGER_SKIP_DUPLICATE = -4, /* the same envelope took effect before: the same claim */
    LEDGER_SKIP_NONCE = -5,     /* another envelope used the nonce */
    LEDGER_SKIP_REFUSALS = -6,  /* over the member's refusals of the day */
};

/* snake_case name such as "version_stale"; "clause" from 1000. */
const char *ledger_outcome_name(int outcome);

#endif
