/* What stays off the ledger: salts, commitments, one-time codes. */
#include "ledger/envelope.h"

#include <string.h>

static const char CROCKFORD[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void ledger_field_salt(struct crypto_hash *out, const uint8_t record_salt[32], uint16_t field,
                       uint16_t item)
{
    static const char tag[] = "anju/salt/1"; /* with its NUL, the 0x00 of the format */
    uint8_t message[sizeof tag + 4];

    memcpy(message, tag, sizeof tag);
    put_u16(message + sizeof tag, field);
    put_u16(message + sizeof tag + 2, item);
    crypto_hmac_sha256(out, bytes_of(record_salt, 32), bytes_of(message, sizeof message));
}

void ledger_commitment(struct crypto_hash *out, const struct crypto_hash *ledger_id,
                       uint32_t member, uint32_t key, const uint8_t nonce[LEDGER_NONCE_SIZE],
                       uint16_t record_index, uint16_t field, uint16_t item,
                       const struct crypto_hash *field_salt, struct bytes value)
{
    uint8_t head[4 + 4 + LEDGER_NONCE_SIZE + 2 + 2 + 2];
    uint8_t size[4];

    put_u32(head, member);
    put_u32(head + 4, key);
    memcpy(head + 8, nonce, LEDGER_NONCE_SIZE);
    put_u16(head + 24, record_index);
    put_u16(head + 26, field);
    put_u16(head + 28, item);
    put_u32(size, (uint32_t)value.size);
    const struct bytes parts[] = {bytes_of(head, sizeof head), crypto_hash_bytes(field_salt),
                                  bytes_of(size, sizeof size), value};
    crypto_digest_parts(out, "anju/commit/1", ledger_id, parts, sizeof parts / sizeof parts[0]);
}

/* One character as it is hashed, or 0 where it is not Crockford base32. */
static char crockford(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'I' || c == 'L')
        c = '1';
    if (c == 'O')
        c = '0';
    return c != 0 && strchr(CROCKFORD, c) != NULL ? c : 0;
}

enum anju_err ledger_code_secret(struct crypto_secret *out, const struct crypto_hash *ledger_id,
                                 const struct ledger_subject_id *subject,
                                 enum ledger_code_purpose purpose, const char *code)
{
    char text[LEDGER_CODE_SIZE];
    uint8_t kind = (uint8_t)purpose;
    struct crypto_hash hash;
    struct crypto_key key;

    if (strlen(code) != LEDGER_CODE_SIZE)
        return anju_fail(ANJU_ERR_MALFORMED, "one-time code: it has %zu characters, a code has %d",
                         strlen(code), LEDGER_CODE_SIZE);
    for (size_t i = 0; i < LEDGER_CODE_SIZE; i++) {
        text[i] = crockford(code[i]);
        if (text[i] == 0)
            return anju_fail(
                ANJU_ERR_MALFORMED,
                "one-time code: character %zu is not a digit or a letter of a code (no U)", i + 1);
    }
    const struct bytes parts[] = {bytes_of(subject->b, sizeof subject->b), bytes_of(&kind, 1),
                                  bytes_of(text, sizeof text)};
    crypto_digest_parts(&hash, "anju/code/1", ledger_id, parts, sizeof parts / sizeof parts[0]);
    memcpy(out->b, hash.b, sizeof out->b);
    bytes_wipe(text, sizeof text);
    bytes_wipe(&hash, sizeof hash);
    if (crypto_key_of(&key, out) != ANJU_OK) {
        bytes_wipe(out, sizeof *out);
        return anju_fail(ANJU_ERR_MALFORMED,
                         "one-time code: it makes no usable key; draw another code");
    }
    return ANJU_OK;
}
