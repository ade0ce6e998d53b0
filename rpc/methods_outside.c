/* Proofs and checkpoints in the forms of other systems, and consistency of the log. */
#include <string.h>

#include "rpc/methods.h"
#include "rpc/outside.h"

static const char *origin_of(const struct rpc_backend *b)
{
    return b->registry->genesis->origin;
}

static unsigned quorum_of(const struct rpc_backend *b)
{
    return ledger_set_quorum(&b->registry->set);
}

static enum anju_err newest(struct kept_checkpoint *out, const struct rpc_backend *b)
{
    enum anju_err err = checkpoints_newest(b->checkpoints, out, quorum_of(b));

    return err == ANJU_ERR_NOT_FOUND ? checkpoints_newest(b->checkpoints, out, 0) : err;
}

enum anju_err rpc_newest_note(struct writer *out, const struct rpc_backend *b)
{
    struct kept_checkpoint k;

    if (b->checkpoints == NULL || b->log_node == NULL || newest(&k, b) != ANJU_OK || !k.has_log_sig)
        return ANJU_ERR_NOT_FOUND;
    outside_note(out, &k, origin_of(b), &b->registry->set, b->log_node, LEDGER_SET_MAX);
    return ANJU_OK;
}

json_t *rpc_checkpoint_note(const struct rpc_backend *b, uint64_t height)
{
    struct kept_checkpoint k;
    struct writer note = {0};

    if (b->checkpoints == NULL ||
        (height == UINT64_MAX ? newest(&k, b) : checkpoints_at(b->checkpoints, &k, height)) !=
            ANJU_OK ||
        (k.n == 0 && !k.has_log_sig))
        return NULL;
    outside_note(&note, &k, origin_of(b), &b->registry->set, b->log_node, LEDGER_SET_MAX);
    json_t *out = json_object();
    json_object_set_new(out, "height", json_of_u64(k.height));
    json_object_set_new(out, "cosignatures", json_integer(k.n));
    json_object_set_new(out, "note", json_of_text(writer_view(&note)));
    writer_free(&note);
    return out;
}

static enum anju_err path_of(struct ledger_path *out, struct call_in *in, uint64_t seq,
                             uint64_t size)
{
    unsigned n = 0;
    enum anju_err err = merkle_path(out->hash, &n, seq, size, store_read_log_node, in->read);

    out->n = (uint8_t)n;
    return err;
}

static void put_c2sp(struct writer *w, const struct rpc_backend *b, const struct kept_checkpoint *k,
                     const struct cose_file *f)
{
    struct writer note = {0};
    struct tlog_proof p = {
        .extra = bytes_of(f->entry, sizeof(f->entry)), .index = f->index, .path = f->path};

    /* A quorum and no more: then no byte of the file is without effect. */
    outside_note(&note, k, origin_of(b), &b->registry->set, b->log_node, quorum_of(b));
    p.note = writer_view(&note);
    tlog_proof_encode(w, &p);
    writer_free(&note);
}

static void put_cose(struct writer *w, const struct rpc_backend *b, const struct kept_checkpoint *k,
                     struct cose_file *f)
{
    const struct ledger_set *set = &b->registry->set;

    for (unsigned i = 0; i < set->n && f->n < quorum_of(b); i++)
        for (unsigned j = 0; j < k->n; j++)
            if (crypto_hash_equal(&k->by[j].node, &set->node[i].id) && f->n < quorum_of(b))
                f->receipt[f->n++] =
                    (struct cose_receipt){.node = k->by[j].node, .sig = k->by[j].cose};
    cose_file_encode(w, f, origin_of(b));
}

enum anju_err rpc_make_outside(json_t **out, struct call_in *in, uint64_t seq, const char *form)
{
    const struct rpc_backend *b = in->backend;
    struct cose_file *f = arena_alloc(&in->arena, sizeof(*f));
    struct kept_checkpoint *k = arena_alloc(&in->arena, sizeof(*k));
    struct writer file = {0};
    bool c2sp = strcmp(form, "c2sp") == 0;
    enum anju_err err = store_read_entry(in->read, f->entry, seq);

    if (err != ANJU_OK)
        return err;
    if (c2sp && b->log_node == NULL)
        return anju_fail(ANJU_ERR_UNSUPPORTED,
                         "this node has no log key, so it signs no checkpoints: ask a validator");
    err = b->checkpoints == NULL ? ANJU_ERR_NOT_FOUND
                                 : checkpoints_covering(b->checkpoints, k, seq + 1, quorum_of(b));
    if (err == ANJU_ERR_NOT_FOUND ||
        (err == ANJU_OK && k->size > store_read_tip(in->read)->result_body.log_size))
        return anju_fail(ANJU_ERR_BUSY,
                         "no checkpoint with %u cosignatures covers entry %llu yet: there is one "
                         "with the first block of the next "
                         "second or minute; validators need cosign.key",
                         quorum_of(b), (unsigned long long)seq);
    if (err == ANJU_OK && c2sp && !k->has_log_sig)
        return anju_fail(ANJU_ERR_UNSUPPORTED,
                         "this node has no log.key in its configuration: ask another");
    f->index = seq;
    f->size = k->size;
    if (err == ANJU_OK)
        err = path_of(&f->path, in, seq, k->size);
    if (err != ANJU_OK)
        return err;
    if (c2sp)
        put_c2sp(&file, b, k, f);
    else
        put_cose(&file, b, k, f);
    *out = json_object();
    json_object_set_new(*out, "form", json_string(form));
    json_object_set_new(*out, "height", json_of_u64(k->height));
    json_object_set_new(*out, "file", json_of_base64(writer_view(&file)));
    writer_free(&file);
    return ANJU_OK;
}
