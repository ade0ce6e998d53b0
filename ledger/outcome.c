#include "ledger/outcome.h"

static const char *refusal_name(enum ledger_outcome outcome)
{
    switch (outcome) {
    case LEDGER_APPLIED:
        return "applied";
    case LEDGER_REFUSED_RECORD_TOO_LARGE:
        return "record_too_large";
    case LEDGER_REFUSED_ENVELOPE_TOO_LARGE:
        return "envelope_too_large";
    case LEDGER_REFUSED_PROCEDURE_UNKNOWN:
        return "procedure_unknown";
    case LEDGER_REFUSED_PROCEDURE_VERSION:
        return "procedure_version";
    case LEDGER_REFUSED_ACTION_UNKNOWN:
        return "action_unknown";
    case LEDGER_REFUSED_VERSION_STALE:
        return "version_stale";
    case LEDGER_REFUSED_STATE:
        return "state";
    case LEDGER_REFUSED_ACTOR:
        return "actor";
    case LEDGER_REFUSED_FIELD_UNKNOWN:
        return "field_unknown";
    case LEDGER_REFUSED_FIELD_MISSING:
        return "field_missing";
    case LEDGER_REFUSED_FIELD_TYPE:
        return "field_type";
    case LEDGER_REFUSED_FIELD_LIMIT:
        return "field_limit";
    case LEDGER_REFUSED_CODE:
        return "code";
    case LEDGER_REFUSED_REFERENCE:
        return "reference";
    case LEDGER_REFUSED_COSIGNATURE:
        return "cosignature";
    case LEDGER_REFUSED_CHECK:
        return "check";
    case LEDGER_REFUSED_ARITHMETIC:
        return "arithmetic";
    case LEDGER_REFUSED_UNIQUE:
        return "unique";
    case LEDGER_REFUSED_APPROVAL:
        return "approval";
    case LEDGER_REFUSED_TOUCHED:
        return "touched";
    case LEDGER_REFUSED_NOT_OFFERED:
        return "not_offered";
    case LEDGER_REFUSED_UNBALANCED:
        return "unbalanced";
    case LEDGER_REFUSED_PERIOD:
        return "period";
    case LEDGER_REFUSED_SHARE:
        return "share";
    case LEDGER_REFUSED_PAUSE:
        return "pause";
    case LEDGER_REFUSED_CALENDAR:
        return "calendar";
    case LEDGER_REFUSED_HOLDERS:
        return "holders";
    case LEDGER_REFUSED_SUBJECT:
        return "subject";
    case LEDGER_REFUSED_BUILTIN:
        return "builtin";
    case LEDGER_REFUSED_CASE:
        return "case";
    case LEDGER_REFUSED_CLAUSES_FROM:
        return "clause";
    case LEDGER_SKIP_KEY:
        return "key_not_valid";
    case LEDGER_SKIP_EXPIRED:
        return "expired";
    case LEDGER_SKIP_TOO_FAR:
        return "valid_until_too_far";
    case LEDGER_SKIP_DUPLICATE:
        return "duplicate";
    case LEDGER_SKIP_NONCE:
        return "nonce_reused";
    case LEDGER_SKIP_REFUSALS:
        return "too_many_refusals";
    }
    return "unknown";
}

const char *ledger_outcome_name(int outcome)
{
    if (outcome >= LEDGER_REFUSED_CLAUSES_FROM)
        return "clause";
    return refusal_name((enum ledger_outcome)outcome);
}
