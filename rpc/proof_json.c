#include "rpc/proof_json.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/receipt_json.h"

/* ---- writing ---- */

json_t *proof_json_hashes(const struct crypto_hash *hash, unsigned n)
{
    json_t *out = json_array();

    for (unsigned i = 0; i < n; i++)
        json_array_append_new(out, json_of_hash(&hash[i]));
    return out;
}

json_t *proof_json_path(const struct ledger_path *p)
{
    return proof_json_hashes(p->hash, p->n);
}

json_t *proof_json_certificate(const struct ledger_certificate *c)
{
    struct writer w = {0};
    json_t *out;

    ledger_certificate_encode(&w, c);
    out = json_of_base64(writer_view(&w));
    writer_free(&w);
    return out;
}

void receipt_json_text(struct writer *w, const json_t *receipt)
{
    char *text = json_dumps(receipt, JSON_COMPACT);

    if (text != NULL)
        writer_bytes(w, bytes_of_text(text));
    writer_u8(w, '\n');
    free(text);
}

/* ---- reading ---- */

unsigned proof_read_hashes(const struct json_in *at, struct crypto_hash *out, unsigned max)
{
    unsigned n = (unsigned)json_count(at, max);

    for (unsigned i = 0; i < n; i++) {
        struct json_in item = json_item(at, i);

        json_read_hex(&item, out[i].b, CRYPTO_HASH_SIZE);
    }
    return n;
}

void proof_read_path(const struct json_in *at, struct ledger_path *out)
{
    out->n = (uint8_t)proof_read_hashes(at, out->hash, MERKLE_PATH_MAX);
}

void proof_read_certificate(const struct json_in *at, struct ledger_certificate *out,
                            struct arena *a)
{
    struct bytes raw = json_read_base64(at, LEDGER_CERTIFICATE_SIZE_MAX, a);

    if (!at->fault->found && ledger_certificate_decode(out, raw) != ANJU_OK)
        json_wrong(at, "%s", anju_err_text());
}

void proof_read_format(const struct json_in *root, const char *format)
{
    struct json_in at = json_member(root, "format");

    if (strcmp(json_read_text(&at, 64), format) != 0)
        json_wrong(&at, "must be \"%s\", the only form that this build knows", format);
}

/* Another version of the same form is not wrong, only unknown here. */
static bool is_other_version(const json_t *root, const char *format)
{
    const char *text = json_string_value(json_object_get(root, "format"));
    size_t name = (size_t)(strchr(format, '/') - format) + 1;

    return text != NULL && strncmp(text, format, name) == 0 && strcmp(text, format) != 0;
}

enum anju_err proof_parse(json_t **out, struct bytes text, const char *what, const char *format)
{
    enum anju_err err = json_parse(out, text, what);

    if (err != ANJU_OK || !is_other_version(*out, format))
        return err;
    json_decref(*out);
    *out = NULL;
    return anju_fail(ANJU_ERR_UNSUPPORTED,
                     "%s: not %s, the only form that this build knows; use a newer anju", what,
                     format);
}

/* The one form of a value: what was read must write the same bytes. */
enum anju_err proof_check_canonical(const char *what, json_t *again, struct bytes text)
{
    struct writer w = {0};
    size_t at = 0;
    bool same;

    receipt_json_text(&w, again);
    same = bytes_equal(writer_view(&w), text);
    while (at < w.size && at < text.size && w.data[at] == text.data[at])
        at++;
    writer_free(&w);
    json_decref(again);
    return same ? ANJU_OK
                : anju_fail(
                      ANJU_ERR_MALFORMED,
                      "%s: not the canonical text: it differs at byte %zu (no white space, the "
                      "documented order, one final LF)",
                      what, at);
}

bool proof_text_is(struct bytes text, const char *name)
{
    static const char HEAD[] = "{\"format\":\"";
    size_t head = sizeof HEAD - 1, size = strlen(name);

    return text.size > head + size && memcmp(text.data, HEAD, head) == 0 &&
           memcmp(text.data + head, name, size) == 0;
}
