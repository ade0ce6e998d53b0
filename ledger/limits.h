/*
 * limits: the sizes of docs/formats.md, "Limits". Defaults are data in genesis; the hard caps in code
 * are 8 times these and bound every decoder.
 */
#ifndef ANJU_LEDGER_LIMITS_H
#define ANJU_LEDGER_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum {
    LEDGER_CAP_FACTOR = 8,
    LEDGER_RECORD_SIZE_DEFAULT = 64 * 1024,
    LEDGER_ENVELOPE_SIZE_DEFAULT = 480 * 1024,
    LEDGER_ENVELOPE_RECORDS_DEFAULT = 1000,
    LEDGER_BATCH_SIZE_DEFAULT = 512 * 1024,
    LEDGER_BLOCK_SIZE_DEFAULT = 4 * 1024 * 1024,
    LEDGER_BLOCK_RECORDS_DEFAULT = 10000,
    LEDGER_BLOCK_SIGNATURES_DEFAULT = 20000,
    LEDGER_FRAME_SIZE_DEFAULT = 1024 * 1024,
    LEDGER_TOUCHED_DEFAULT = 4096,
    LEDGER_TIMERS_PER_BLOCK_DEFAULT = 256,
    LEDGER_REFUSALS_PER_DAY_DEFAULT = 1000,
    LEDGER_COSIGNATURES_MAX = 8,
    LEDGER_BLOCK_BATCHES_MAX = 1024,
    LEDGER_SET_MAX = 31,
    LEDGER_QUORUM_MAX = 21,
};

#define LEDGER_VALID_AHEAD_MS_DEFAULT UINT64_C(86400000)
#define LEDGER_HEARTBEAT_MS_DEFAULT UINT64_C(60000)
/* Block times outside 2020-01-01 .. 2100-01-01 are refused before any arithmetic. */
#define LEDGER_TIME_MIN UINT64_C(1577836800000)
#define LEDGER_TIME_MAX UINT64_C(4102444800000)

/* The limits in force: from genesis, later by governance. Sizes in bytes. */
struct ledger_limits {
    uint32_t record_size;
    uint32_t envelope_size;
    uint32_t envelope_records;
    uint32_t batch_size;
    uint32_t block_size;
    uint32_t block_records;
    uint32_t block_signatures;
    uint32_t frame_size;
    uint32_t touched;
    uint32_t timers_per_block;
    uint32_t refusals_per_day;
    uint64_t valid_ahead_ms;
    uint64_t heartbeat_ms;
};

void ledger_limits_defaults(struct ledger_limits *out);
/* Whatever one surface accepts, the next one can carry: a record fits an envelope, an envelope a batch, a
 * batch a frame and a block. MALFORMED with words: one does not, or one is 0 or over its hard cap. */
ANJU_MUST_CHECK enum anju_err ledger_limits_check(const struct ledger_limits *l);

#endif
