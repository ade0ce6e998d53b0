/*
 * witness: keeps the proofs of what the core found contradicting, in the data directory. A worker
 * writes them: the main thread waits for no disk.
 */
#include "node/node_state.h"

#include <stdlib.h>

#include "ledger/evidence.h"
#include "storage/evidence_files.h"

struct witness_job {
    struct job job;
    const char *dir;
    uint64_t height;
    struct writer proof;
};

static void keep_on_worker(struct job *job)
{
    struct witness_job *j = (struct witness_job *)job;

    if (evidence_keep(j->dir, j->height, writer_view(&j->proof)) != ANJU_OK)
        log_warn("node", "evidence is not kept: %s", anju_err_text());
    writer_free(&j->proof);
    free(j);
}

void witness_keep(struct node *n, const struct ledger_vote *a, const struct ledger_vote *b)
{
    struct witness_job *j;
    struct ledger_evidence e;

    if (ledger_evidence_of_votes(&e, a, b) != ANJU_OK) {
        log_warn("node", "evidence is not kept: %s", anju_err_text());
        return;
    }
    j = anju_alloc(sizeof(*j));
    *j = (struct witness_job){.dir = n->config->data, .height = ledger_evidence_height(&e)};
    ledger_evidence_encode(&j->proof, &e, &n->registry->ledger_id);
    queue_push(&n->verify_queue, &j->job, keep_on_worker);
}
