#include "rpc/cose.h"

#include <string.h>

enum { UINT = 0, NEGATIVE = 1, BSTR = 2, TSTR = 3, ARRAY = 4, MAP = 5, TAG = 6 };
enum {
    ALG = 1,
    KID = 4,
    CWT_CLAIMS = 15,
    ISS = 1,
    VDS = 395,
    VDP = 396,
    ES256K = -47,
    SIGN1_TAG = 18,
    CBOR_NULL = 0xf6
};

/* ---- Writing ---- */

static void put_head(struct writer *w, unsigned major, uint64_t v)
{
    uint8_t top = (uint8_t)(major << 5);

    if (v < 24)
        writer_u8(w, (uint8_t)(top | v));
    else if (v <= UINT8_MAX) {
        writer_u8(w, top | 24);
        writer_u8(w, (uint8_t)v);
    } else if (v <= UINT16_MAX) {
        writer_u8(w, top | 25);
        writer_u16(w, (uint16_t)v);
    } else if (v <= UINT32_MAX) {
        writer_u8(w, top | 26);
        writer_u32(w, (uint32_t)v);
    } else {
        writer_u8(w, top | 27);
        writer_u64(w, v);
    }
}

static void put_int(struct writer *w, int v)
{
    put_head(w, v < 0 ? (unsigned)NEGATIVE : (unsigned)UINT, (uint64_t)(v < 0 ? -1 - v : v));
}

static void put_bstr(struct writer *w, struct bytes b)
{
    put_head(w, BSTR, b.size);
    writer_bytes(w, b);
}

static void put_tstr(struct writer *w, const char *text)
{
    put_head(w, TSTR, strlen(text));
    writer_bytes(w, bytes_of_text(text));
}

static void put_protected(struct writer *w, const struct crypto_hash *node, const char *origin,
                          uint64_t size)
{
    put_head(w, MAP, 5);
    put_int(w, ALG);
    put_int(w, ES256K);
    put_int(w, KID);
    put_bstr(w, crypto_hash_bytes(node));
    put_int(w, CWT_CLAIMS);
    put_head(w, MAP, 1);
    put_int(w, ISS);
    put_tstr(w, origin);
    put_int(w, VDS);
    put_int(w, 1);
    put_tstr(w, "size");
    put_head(w, UINT, size);
}

void cose_root_digest(struct crypto_hash *out, const struct crypto_hash *node, const char *origin,
                      uint64_t size, const struct crypto_hash *root)
{
    struct writer head = {0}, w = {0};

    put_protected(&head, node, origin, size);
    put_head(&w, ARRAY, 4);
    put_tstr(&w, "Signature1");
    put_bstr(&w, writer_view(&head));
    put_bstr(&w, bytes_of(NULL, 0)); /* no external data */
    put_bstr(&w, crypto_hash_bytes(root));
    crypto_sha256(out, writer_view(&w));
    writer_free(&head);
    writer_free(&w);
}

static void put_receipt(struct writer *w, const struct cose_receipt *r, struct bytes proof,
                        const char *origin, uint64_t size)
{
    struct writer head = {0};

    put_protected(&head, &r->node, origin, size);
    put_head(w, TAG, SIGN1_TAG);
    put_head(w, ARRAY, 4);
    put_bstr(w, writer_view(&head));
    put_head(w, MAP, 1);
    put_int(w, VDP);
    put_head(w, MAP, 1);
    put_int(w, -1); /* inclusion proofs */
    put_head(w, ARRAY, 1);
    put_bstr(w, proof);
    writer_u8(w, CBOR_NULL);
    put_bstr(w, bytes_of(r->sig.b, sizeof(r->sig.b)));
    writer_free(&head);
}

void cose_file_encode(struct writer *w, const struct cose_file *f, const char *origin)
{
    struct writer proof = {0}, one = {0};

    put_head(&proof, ARRAY, 3);
    put_head(&proof, UINT, f->size);
    put_head(&proof, UINT, f->index);
    put_head(&proof, ARRAY, f->path.n);
    for (unsigned i = 0; i < f->path.n; i++)
        put_bstr(&proof, crypto_hash_bytes(&f->path.hash[i]));
    put_head(w, ARRAY, 2);
    put_bstr(w, bytes_of(f->entry, sizeof(f->entry)));
    put_head(w, ARRAY, f->n);
    for (unsigned i = 0; i < f->n; i++) {
        writer_clear(&one);
        put_receipt(&one, &f->receipt[i], writer_view(&proof), origin, f->size);
        put_bstr(w, writer_view(&one));
    }
    writer_free(&one);
    writer_free(&proof);
}

/* ---- Reading. Loose, since what was read is encoded again and compared. ---- */

static uint64_t take_head(struct reader *r, unsigned major)
{
    uint8_t first = reader_u8(r);

    if (first >> 5 != major)
        reader_fail(r);
    switch (first & 31) {
    case 24:
        return reader_u8(r);
    case 25:
        return reader_u16(r);
    case 26:
        return reader_u32(r);
    case 27:
        return reader_u64(r);
    }
    if ((first & 31) > 27)
        reader_fail(r);
    return first & 31;
}

static struct bytes take_bstr(struct reader *r, size_t max)
{
    uint64_t size = take_head(r, BSTR);

    if (size > max)
        reader_fail(r);
    return reader_take(r, r->failed ? 0 : (size_t)size);
}

static void take_hash(struct reader *r, uint8_t *out, size_t size)
{
    struct bytes b = take_bstr(r, size);

    if (b.size == size)
        memcpy(out, b.data, size);
    else
        reader_fail(r);
}

/* The node id in a protected header; the rest of it is compared later. */
static void take_kid(struct reader *r, struct crypto_hash *node)
{
    struct reader in = reader_over(take_bstr(r, 1024));

    take_head(&in, MAP);
    take_head(&in, UINT);
    take_head(&in, NEGATIVE);
    take_head(&in, UINT);
    take_hash(&in, node->b, sizeof(node->b));
    if (in.failed)
        reader_fail(r);
}

static void take_proof(struct reader *r, struct cose_file *f)
{
    struct reader in = reader_over(take_bstr(r, 64 + 34 * MERKLE_PATH_MAX));

    take_head(&in, ARRAY);
    f->size = take_head(&in, UINT);
    f->index = take_head(&in, UINT);
    uint64_t n = take_head(&in, ARRAY);
    if (n > MERKLE_PATH_MAX)
        reader_fail(&in);
    f->path.n = (uint8_t)(in.failed ? 0 : n);
    for (unsigned i = 0; i < f->path.n; i++)
        take_hash(&in, f->path.hash[i].b, CRYPTO_HASH_SIZE);
    if (in.failed)
        reader_fail(r);
}

static void take_receipt(struct reader *r, struct cose_file *f, struct cose_receipt *out)
{
    struct reader in = reader_over(take_bstr(r, 8192));

    take_head(&in, TAG);
    take_head(&in, ARRAY);
    take_kid(&in, &out->node);
    take_head(&in, MAP);
    take_head(&in, UINT);
    take_head(&in, MAP);
    take_head(&in, NEGATIVE);
    take_head(&in, ARRAY);
    take_proof(&in, f);
    reader_u8(&in);
    take_hash(&in, out->sig.b, sizeof(out->sig.b));
    if (in.failed)
        reader_fail(r);
}

enum anju_err cose_file_decode(struct cose_file *out, struct bytes in, const char *origin)
{
    struct reader r = reader_over(in);
    struct writer again = {0};

    memset(out, 0, sizeof(*out));
    take_head(&r, ARRAY);
    take_hash(&r, out->entry, sizeof(out->entry));
    uint64_t n = take_head(&r, ARRAY);
    if (n == 0 || n > LEDGER_SET_MAX)
        reader_fail(&r);
    out->n = (uint8_t)(r.failed ? 0 : n);
    for (unsigned i = 0; i < out->n; i++)
        take_receipt(&r, out, &out->receipt[i]);
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "not a file of COSE receipts");
    cose_file_encode(&again, out, origin);
    bool same = bytes_equal(writer_view(&again), in);
    writer_free(&again);
    return same ? ANJU_OK
                : anju_fail(ANJU_ERR_MALFORMED,
                            "COSE receipts, but not of issuer %s in the form of docs/formats.md",
                            origin);
}
