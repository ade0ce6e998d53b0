/*
 * evidence: two signed messages that no honest validator makes, as a proof for anybody who has the
 * genesis document (docs/formats.md, "Evidence"). It is about signatures alone: no order of events,
 * no defence to be heard. What follows from it is for people to decide; the usual cause is a node
 * whose identity runs twice, not an attack. Pure; any thread.
 */
#ifndef ANJU_LEDGER_EVIDENCE_H
#define ANJU_LEDGER_EVIDENCE_H

#include "ledger/agreement.h"

enum ledger_evidence_kind {
    LEDGER_EVIDENCE_VOTE = 1, /* two different prevotes, or precommits, of one (height, round) */
    LEDGER_EVIDENCE_PROPOSAL = 2, /* two different proposals of one (height, round) */
    LEDGER_EVIDENCE_AMNESIA = 3,  /* precommit(r, v), then prevote(r', v', vr') with vr' < r < r' */
    LEDGER_EVIDENCE_FORK = 4,     /* two commit certificates of one height that differ */
};

enum { LEDGER_EVIDENCE_SIZE_MAX = 34 + 2 * (4 + LEDGER_CERTIFICATE_SIZE_MAX) };

struct ledger_evidence {
    enum ledger_evidence_kind kind;
    struct ledger_vote first, second;                      /* all kinds but FORK */
    struct ledger_certificate first_commit, second_commit; /* FORK */
};

/* In the one order that the encoding has; MISMATCH: they do not contradict each other, or are of
 * two signers. Signatures are not looked at. */
ANJU_MUST_CHECK enum anju_err ledger_evidence_of_votes(struct ledger_evidence *out,
                                                       const struct ledger_vote *a,
                                                       const struct ledger_vote *b);
ANJU_MUST_CHECK enum anju_err ledger_evidence_of_commits(struct ledger_evidence *out,
                                                         const struct ledger_certificate *a,
                                                         const struct ledger_certificate *b);

void ledger_evidence_encode(struct writer *w, const struct ledger_evidence *e,
                            const struct crypto_hash *ledger_id);
/* MALFORMED: not the bytes of an evidence, or not in the one order. MISMATCH: of another ledger. */
ANJU_MUST_CHECK enum anju_err ledger_evidence_decode(struct ledger_evidence *out, struct bytes in,
                                                     const struct crypto_hash *ledger_id);
/* Whom it convicts: bit i for validator i of the set. A fork over two rounds names nobody by itself
 * (the polkas of both rounds do), and proves that more than f validators lied. MISMATCH: it proves
 * nothing, with one sentence why. NOT_FOUND: the signer is not of this set. */
ANJU_MUST_CHECK enum anju_err ledger_evidence_verify(uint32_t *convicts,
                                                     const struct ledger_evidence *e,
                                                     const struct ledger_set *set,
                                                     const struct crypto_hash *ledger_id);
uint64_t ledger_evidence_height(const struct ledger_evidence *e);
const char *ledger_evidence_name(enum ledger_evidence_kind kind); /* "vote", ... */

#endif
