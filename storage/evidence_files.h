/*
 * evidence_files: proofs that a validator contradicted itself (ledger/evidence.h), one small file
 * each in `dir`/evidence, named by height and hash. They are kept for people: nothing depends on
 * them, a lost one does no harm. At most EVIDENCE_FILES_MAX are kept; those that come later are
 * dropped. Any thread.
 */
#ifndef ANJU_STORAGE_EVIDENCE_FILES_H
#define ANJU_STORAGE_EVIDENCE_FILES_H

#include "base/bytes.h"

enum { EVIDENCE_FILES_MAX = 1000, EVIDENCE_FILE_SIZE_MAX = 16384 };

/* The same proof again changes nothing. TOO_LARGE: as many are kept as may be. IO, FULL: with
 * words. */
ANJU_MUST_CHECK enum anju_err evidence_keep(const char *dir, uint64_t height, struct bytes proof);
/* Calls `found` for each, lowest height first, until it says false; `proof` is borrowed for the
 * call and unchecked. No folder: there are none. IO: with words. */
ANJU_MUST_CHECK enum anju_err evidence_each(const char *dir,
                                            bool (*found)(void *ctx, struct bytes proof),
                                            void *ctx);

#endif
