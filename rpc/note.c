#include "rpc/note.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char DASH[] = "\xe2\x80\x94 "; /* U+2014 and a space */
enum { DASH_SIZE = sizeof(DASH) - 1, ID_SIZE = 4, KEY_BLOB_SIZE = 1 + CRYPTO_ED25519_SIZE };

/* ---- Text ---- */

/* One code point of valid UTF-8; *at moves on. */
static uint32_t next_point(struct bytes text, size_t *at)
{
    uint8_t first = text.data[(*at)++];
    unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t point = more == 0 ? first : first & (0x3fu >> more);

    for (; more > 0; more--)
        point = point << 6 | (text.data[(*at)++] & 0x3fu);
    return point;
}

/* The property White_Space of Unicode. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

bool note_name_is_good(struct bytes name)
{
    if (name.size == 0 || name.size > NOTE_NAME_SIZE_MAX || !bytes_are_utf8(name))
        return false;
    for (size_t at = 0; at < name.size;) {
        uint32_t c = next_point(name, &at);
        if (c < 0x20 || c == '+' || is_space(c))
            return false;
    }
    return true;
}

static bool is_note_text(struct bytes text)
{
    if (!bytes_are_utf8(text))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 && text.data[i] != '\n')
            return false;
    return true;
}

/* What stands before the first `end` of *rest, which then begins after it; false where there is
 * none. */
static bool cut(struct bytes *out, struct bytes *rest, char end)
{
    const uint8_t *at = rest->size > 0 ? memchr(rest->data, end, rest->size) : NULL;

    if (at == NULL)
        return false;
    *out = bytes_of(rest->data, (size_t)(at - rest->data));
    *rest = bytes_of(at + 1, rest->size - out->size - 1);
    return true;
}

bool note_number(uint64_t *out, struct bytes digits)
{
    *out = 0;
    if (digits.size == 0 || digits.size > 20 || (digits.size > 1 && digits.data[0] == '0'))
        return false;
    for (size_t i = 0; i < digits.size; i++) {
        unsigned digit = digits.data[i] - (unsigned)'0';
        if (digit > 9 || *out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

static void put_base64(struct writer *w, const uint8_t *data, size_t size)
{
    char text[4 * ((ID_SIZE + NOTE_COSIGNATURE_SIZE + 2) / 3) + 1];

    assert(base64_size(size) < sizeof(text));
    base64_encode(text, data, size);
    writer_put(w, text, base64_size(size));
}

/* ---- Keys ---- */

void note_key_make(struct note_key *out, const char *name, enum note_type type,
                   const uint8_t key[CRYPTO_ED25519_SIZE])
{
    uint8_t head[2] = {'\n', (uint8_t)type};
    struct bytes parts[3] = {bytes_of_text(name), bytes_of(head, 2),
                             bytes_of(key, CRYPTO_ED25519_SIZE)};
    struct crypto_hash hash;

    assert(note_name_is_good(parts[0]));
    memset(out, 0, sizeof(*out));
    memcpy(out->name, name, parts[0].size);
    out->type = type;
    memcpy(out->key, key, CRYPTO_ED25519_SIZE);
    crypto_sha256_parts(&hash, parts, 3);
    out->id = get_u32(hash.b);
}

/* `NAME+ID+BASE64(type, 32 bytes)`. */
static enum anju_err read_key(char name[NOTE_NAME_SIZE_MAX + 1], uint32_t *id,
                              uint8_t blob[KEY_BLOB_SIZE], struct bytes text)
{
    struct bytes part, hex;
    uint8_t raw[(KEY_BLOB_SIZE + 2) / 3 * 3], id_bytes[ID_SIZE];
    char id_text[2 * ID_SIZE + 1] = "";
    size_t size = 0;

    if (!cut(&part, &text, '+') || !note_name_is_good(part) || !cut(&hex, &text, '+') ||
        hex.size != 2 * ID_SIZE || text.size != base64_size(KEY_BLOB_SIZE))
        return anju_fail(ANJU_ERR_MALFORMED, "not a key of the form NAME+ID+BASE64");
    memcpy(id_text, hex.data, hex.size);
    if (hex_decode(id_bytes, ID_SIZE, id_text) != ANJU_OK ||
        base64_decode(raw, &size, (const char *)text.data, text.size) != ANJU_OK ||
        size != KEY_BLOB_SIZE)
        return anju_fail(ANJU_ERR_MALFORMED, "not a key of the form NAME+ID+BASE64");
    memset(name, 0, NOTE_NAME_SIZE_MAX + 1);
    memcpy(name, part.data, part.size);
    *id = get_u32(id_bytes);
    memcpy(blob, raw, KEY_BLOB_SIZE);
    if (blob[0] != NOTE_ED25519 && blob[0] != NOTE_COSIGNATURE)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "key %s: signature type %u is not known here", name,
                         blob[0]);
    return ANJU_OK;
}

enum anju_err note_key_decode(struct note_key *out, struct bytes text)
{
    char name[NOTE_NAME_SIZE_MAX + 1];
    uint8_t blob[KEY_BLOB_SIZE];
    uint32_t id;
    enum anju_err err = read_key(name, &id, blob, text);

    if (err != ANJU_OK)
        return err;
    note_key_make(out, name, (enum note_type)blob[0], blob + 1);
    return out->id == id
               ? ANJU_OK
               : anju_fail(ANJU_ERR_MALFORMED, "key %s: its id is not that of the key", name);
}

void note_key_encode(struct writer *w, const struct note_key *key)
{
    uint8_t blob[KEY_BLOB_SIZE] = {(uint8_t)key->type};
    char id[16];
    int size = snprintf(id, sizeof(id), "+%08" PRIx32 "+", key->id);

    memcpy(blob + 1, key->key, CRYPTO_ED25519_SIZE);
    writer_bytes(w, bytes_of_text(key->name));
    writer_put(w, id, (size_t)size);
    put_base64(w, blob, sizeof(blob));
}

enum anju_err note_secret_decode(struct note_key *out, uint8_t secret[CRYPTO_ED25519_SIZE],
                                 struct bytes text)
{
    struct bytes prefix = bytes_of_text("PRIVATE+KEY+");
    char name[NOTE_NAME_SIZE_MAX + 1];
    uint8_t blob[KEY_BLOB_SIZE], key[CRYPTO_ED25519_SIZE];
    uint32_t id;

    if (text.size < prefix.size || memcmp(text.data, prefix.data, prefix.size) != 0)
        return anju_fail(ANJU_ERR_MALFORMED, "not a key of the form PRIVATE+KEY+NAME+ID+BASE64");
    enum anju_err err =
        read_key(name, &id, blob, bytes_of(text.data + prefix.size, text.size - prefix.size));
    if (err == ANJU_OK) {
        memcpy(secret, blob + 1, CRYPTO_ED25519_SIZE);
        err = crypto_ed25519_key_of(key, secret);
    }
    if (err == ANJU_OK) {
        note_key_make(out, name, (enum note_type)blob[0], key);
        if (out->id != id)
            err = anju_fail(ANJU_ERR_MALFORMED, "key %s: its id is not that of the key", name);
    }
    bytes_wipe(blob, sizeof(blob));
    if (err != ANJU_OK)
        bytes_wipe(secret, CRYPTO_ED25519_SIZE);
    return err;
}

/* ---- Notes ---- */

static bool read_signature(struct note_signature *out, struct bytes line, struct arena *a)
{
    uint8_t *raw;
    size_t size = 0;

    *out = (struct note_signature){.state = NOTE_UNKNOWN};
    if (line.size < DASH_SIZE || memcmp(line.data, DASH, DASH_SIZE) != 0)
        return false;
    line = bytes_of(line.data + DASH_SIZE, line.size - DASH_SIZE);
    if (!cut(&out->name, &line, ' ') || !note_name_is_good(out->name))
        return false;
    raw = arena_alloc(a, line.size / 4 * 3 + 1);
    if (base64_decode(raw, &size, (const char *)line.data, line.size) != ANJU_OK || size <= ID_SIZE)
        return false;
    out->id = get_u32(raw);
    out->raw = bytes_of(raw + ID_SIZE, size - ID_SIZE);
    return true;
}

enum anju_err note_parse(struct note *out, struct bytes in, struct arena *a)
{
    struct bytes lines, line;
    size_t split = 0;

    *out = (struct note){.n = 0};
    if (in.size > NOTE_SIZE_MAX)
        return anju_fail(ANJU_ERR_MALFORMED, "a signed note of more than %d bytes", NOTE_SIZE_MAX);
    if (!is_note_text(in))
        return anju_fail(ANJU_ERR_MALFORMED,
                         "not a signed note: not UTF-8, or control characters in it");
    for (size_t i = 1; i < in.size; i++)
        if (in.data[i - 1] == '\n' && in.data[i] == '\n')
            split = i; /* the last one ends the text */
    if (split == 0 || in.data[in.size - 1] != '\n' || split + 1 == in.size)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "not a signed note: no signatures after an empty line");
    out->text = bytes_of(in.data, split);
    lines = bytes_of(in.data + split + 1, in.size - split - 1);
    while (cut(&line, &lines, '\n')) {
        if (out->n == NOTE_SIGNATURES_MAX)
            return anju_fail(ANJU_ERR_MALFORMED, "a signed note with more than %d signatures",
                             NOTE_SIGNATURES_MAX);
        if (!read_signature(&out->signature[out->n++], line, a))
            return anju_fail(ANJU_ERR_MALFORMED,
                             "not a signed note: signature line %u is malformed", out->n);
    }
    return ANJU_OK;
}

static enum anju_err find_key(size_t *out, const struct note_signature *s,
                              const struct note_key *keys, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        if (keys[i].id == s->id && bytes_equal(bytes_of_text(keys[i].name), s->name)) {
            *out = i;
            found++;
        }
    if (found > 1)
        return anju_fail(ANJU_ERR_EXISTS, "two keys are %s+%08" PRIx32, keys[*out].name, s->id);
    return found == 1 ? ANJU_OK : ANJU_ERR_NOT_FOUND;
}

static bool is_right(struct note_signature *s, const struct note_key *key, struct bytes text)
{
    switch (key->type) {
    case NOTE_ED25519:
        return s->raw.size == 64 && crypto_ed25519_verify(s->raw.data, key->key, text) == ANJU_OK;
    case NOTE_COSIGNATURE:
        if (s->raw.size != NOTE_COSIGNATURE_SIZE)
            return false;
        s->time_s = get_u64(s->raw.data);
        return note_cosign_check(s->raw.data + 8, key->key, s->time_s, text) == ANJU_OK;
    }
    return false;
}

enum anju_err note_verify(struct note *n, const struct note_key *keys, size_t count)
{
    unsigned verified = 0;

    for (unsigned i = 0; i < n->n; i++) {
        struct note_signature *s = &n->signature[i];
        enum anju_err err = find_key(&s->key, s, keys, count);
        s->state = NOTE_UNKNOWN;
        if (err == ANJU_ERR_NOT_FOUND)
            continue;
        if (err != ANJU_OK)
            return err;
        s->state = NOTE_VERIFIED;
        for (unsigned j = 0; j < i; j++)
            if (n->signature[j].state == NOTE_VERIFIED && n->signature[j].key == s->key)
                s->state = NOTE_AGAIN;
        if (s->state == NOTE_AGAIN)
            continue;
        if (!is_right(s, &keys[s->key], n->text))
            return anju_fail(ANJU_ERR_MISMATCH, "the signature of %s+%08" PRIx32 " is wrong",
                             keys[s->key].name, s->id);
        verified++;
    }
    return verified > 0 ? ANJU_OK
                        : anju_fail(ANJU_ERR_NOT_FOUND,
                                    "no signature of the note is by a key that is known here");
}

void note_line(struct writer *w, const struct note_key *key, struct bytes raw)
{
    uint8_t all[ID_SIZE + NOTE_COSIGNATURE_SIZE];

    assert(raw.size <= NOTE_COSIGNATURE_SIZE);
    put_u32(all, key->id);
    memcpy(all + ID_SIZE, raw.data, raw.size);
    writer_put(w, DASH, DASH_SIZE);
    writer_bytes(w, bytes_of_text(key->name));
    writer_u8(w, ' ');
    put_base64(w, all, ID_SIZE + raw.size);
    writer_u8(w, '\n');
}

enum anju_err note_sign(struct writer *w, const struct note_key *key,
                        const uint8_t secret[CRYPTO_ED25519_SIZE], struct bytes text)
{
    uint8_t sig[64];

    assert(key->type == NOTE_ED25519);
    if (text.size == 0 || text.data[text.size - 1] != '\n' || !is_note_text(text))
        return anju_fail(
            ANJU_ERR_MALFORMED,
            "not the text of a note: UTF-8 without control characters that ends in LF");
    enum anju_err err = crypto_ed25519_sign(sig, secret, text);
    if (err == ANJU_OK)
        note_line(w, key, bytes_of(sig, sizeof(sig)));
    return err;
}

/* ---- Cosignatures ---- */

void note_cosign_message(struct writer *w, uint64_t time_s, struct bytes text)
{
    char head[64];
    int size = snprintf(head, sizeof(head), "cosignature/v1\ntime %" PRIu64 "\n", time_s);

    writer_put(w, head, (size_t)size);
    writer_bytes(w, text);
}

enum anju_err note_cosign(uint8_t sig[64], const uint8_t secret[CRYPTO_ED25519_SIZE],
                          uint64_t time_s, struct bytes text)
{
    struct writer message = {0};

    note_cosign_message(&message, time_s, text);
    enum anju_err err = crypto_ed25519_sign(sig, secret, writer_view(&message));
    writer_free(&message);
    return err;
}

enum anju_err note_cosign_check(const uint8_t sig[64], const uint8_t key[CRYPTO_ED25519_SIZE],
                                uint64_t time_s, struct bytes text)
{
    struct writer message = {0};
    enum anju_err err = ANJU_ERR_MISMATCH;

    if (time_s > INT64_MAX)
        return err;
    note_cosign_message(&message, time_s, text);
    err = crypto_ed25519_verify(sig, key, writer_view(&message));
    writer_free(&message);
    return err;
}

/* ---- Checkpoints ---- */

enum anju_err checkpoint_parse(struct checkpoint *out, struct bytes text)
{
    struct bytes size, root;
    uint8_t raw[CRYPTO_HASH_SIZE + 1];
    size_t raw_size = 0;

    *out = (struct checkpoint){.size = 0};
    if (!cut(&out->origin, &text, '\n') || out->origin.size == 0 || !cut(&size, &text, '\n') ||
        !note_number(&out->size, size) || !cut(&root, &text, '\n') ||
        root.size != base64_size(CRYPTO_HASH_SIZE) ||
        base64_decode(raw, &raw_size, (const char *)root.data, root.size) != ANJU_OK ||
        raw_size != CRYPTO_HASH_SIZE)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "not a checkpoint: origin, size and root hash, a line each");
    memcpy(out->root.b, raw, CRYPTO_HASH_SIZE);
    out->extensions = text;
    for (struct bytes line; text.size > 0;)
        if (!cut(&line, &text, '\n') || line.size == 0)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "not a checkpoint: an empty line after its root hash");
    return ANJU_OK;
}

void checkpoint_text(struct writer *w, const char *origin, uint64_t size,
                     const struct crypto_hash *root)
{
    char line[32], base64[64];
    int n = snprintf(line, sizeof(line), "\n%" PRIu64 "\n", size);

    writer_bytes(w, bytes_of_text(origin));
    writer_put(w, line, (size_t)n);
    base64_encode(base64, root->b, CRYPTO_HASH_SIZE);
    writer_bytes(w, bytes_of_text(base64));
    writer_u8(w, '\n');
}
