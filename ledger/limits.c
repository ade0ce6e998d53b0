#include "ledger/limits.h"

#include <stddef.h>

void ledger_limits_defaults(struct ledger_limits *out)
{
    *out = (struct ledger_limits){
        .record_size = LEDGER_RECORD_SIZE_DEFAULT,
        .envelope_size = LEDGER_ENVELOPE_SIZE_DEFAULT,
        .envelope_records = LEDGER_ENVELOPE_RECORDS_DEFAULT,
        .batch_size = LEDGER_BATCH_SIZE_DEFAULT,
        .block_size = LEDGER_BLOCK_SIZE_DEFAULT,
        .block_records = LEDGER_BLOCK_RECORDS_DEFAULT,
        .block_signatures = LEDGER_BLOCK_SIGNATURES_DEFAULT,
        .frame_size = LEDGER_FRAME_SIZE_DEFAULT,
        .touched = LEDGER_TOUCHED_DEFAULT,
        .timers_per_block = LEDGER_TIMERS_PER_BLOCK_DEFAULT,
        .refusals_per_day = LEDGER_REFUSALS_PER_DAY_DEFAULT,
        .valid_ahead_ms = LEDGER_VALID_AHEAD_MS_DEFAULT,
        .heartbeat_ms = LEDGER_HEARTBEAT_MS_DEFAULT,
    };
}

enum {
    RECORD_SIZE_LEAST = 1024,
    ENVELOPE_AROUND = 67 + 64 + 4, /* body, signature, the record's length */
    BATCH_AROUND = 2 + 4,          /* number of envelopes, the envelope's length */
    FRAME_AROUND = 1024,           /* what a peer message may carry beside a batch */
    FRAME_SIZE_LEAST = 128 * 1024, /* a proposal with 1,024 batch ids and its certificates */
};

static enum anju_err check_caps(const struct ledger_limits *l)
{
    const struct {
        const char *name;
        uint64_t value, standard;
    } rows[] = {
        {"record_size", l->record_size, LEDGER_RECORD_SIZE_DEFAULT},
        {"envelope_size", l->envelope_size, LEDGER_ENVELOPE_SIZE_DEFAULT},
        {"envelope_records", l->envelope_records, LEDGER_ENVELOPE_RECORDS_DEFAULT},
        {"batch_size", l->batch_size, LEDGER_BATCH_SIZE_DEFAULT},
        {"block_size", l->block_size, LEDGER_BLOCK_SIZE_DEFAULT},
        {"block_records", l->block_records, LEDGER_BLOCK_RECORDS_DEFAULT},
        {"block_signatures", l->block_signatures, LEDGER_BLOCK_SIGNATURES_DEFAULT},
        {"frame_size", l->frame_size, LEDGER_FRAME_SIZE_DEFAULT},
        {"touched", l->touched, LEDGER_TOUCHED_DEFAULT},
        {"timers_per_block", l->timers_per_block, LEDGER_TIMERS_PER_BLOCK_DEFAULT},
        {"refusals_per_day", l->refusals_per_day, LEDGER_REFUSALS_PER_DAY_DEFAULT},
        {"valid_ahead_ms", l->valid_ahead_ms, LEDGER_VALID_AHEAD_MS_DEFAULT},
        {"heartbeat_ms", l->heartbeat_ms, LEDGER_HEARTBEAT_MS_DEFAULT},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].value == 0 || rows[i].value > LEDGER_CAP_FACTOR * rows[i].standard)
            return anju_fail(ANJU_ERR_MALFORMED, "limits: %s is %llu, it may be 1 to %llu",
                             rows[i].name, (unsigned long long)rows[i].value,
                             (unsigned long long)(LEDGER_CAP_FACTOR * rows[i].standard));
    return ANJU_OK;
}

enum anju_err ledger_limits_check(const struct ledger_limits *l)
{
    enum anju_err err = check_caps(l);

    if (err != ANJU_OK)
        return err;
    if (l->record_size < RECORD_SIZE_LEAST)
        return anju_fail(ANJU_ERR_MALFORMED, "limits: record_size is under %d", RECORD_SIZE_LEAST);
    if (l->envelope_size < l->record_size + ENVELOPE_AROUND)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "limits: envelope_size does not hold one record and %d bytes",
                         ENVELOPE_AROUND);
    if (l->batch_size < l->envelope_size + BATCH_AROUND)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "limits: batch_size does not hold one envelope and %d bytes",
                         BATCH_AROUND);
    if (l->frame_size < l->batch_size + FRAME_AROUND || l->frame_size < FRAME_SIZE_LEAST)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "limits: frame_size is under %d, or under a batch and %d bytes",
                         FRAME_SIZE_LEAST, FRAME_AROUND);
    if (l->block_size < l->batch_size)
        return anju_fail(ANJU_ERR_MALFORMED, "limits: block_size does not hold one batch");
    if (l->block_records < l->envelope_records)
        return anju_fail(ANJU_ERR_MALFORMED, "limits: block_records is under envelope_records");
    /* An envelope's own signature and eight cosignatures on each of its records must fit a block.
     */
    if (l->block_signatures < 1 + (uint64_t)LEDGER_COSIGNATURES_MAX * l->envelope_records)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "limits: block_signatures is under 1 + %d x envelope_records",
                         LEDGER_COSIGNATURES_MAX);
    return ANJU_OK;
}
