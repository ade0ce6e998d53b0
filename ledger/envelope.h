/*
 * envelope: from client to log: records, envelopes, batches (docs/formats.md, "From client to log").
 * Decoders borrow from their input; arrays are in the caller's arena. Bytes are hashed and signed as
 * received: what decodes encodes to the same bytes. Pure; any thread.
 */
#ifndef ANJU_LEDGER_ENVELOPE_H
#define ANJU_LEDGER_ENVELOPE_H

#include "base/arena.h"
#include "base/mp.h"
#include "crypto/merkle.h"
#include "ledger/limits.h"

enum {
    LEDGER_SUBJECT_SIZE = 16,
    LEDGER_NONCE_SIZE = 16,
    LEDGER_BODY_SIZE = 67,
    LEDGER_CODE_SIZE = 20, /* characters of a one-time code */
    /* Hard caps of counts that no limit governs: 8 times a procedure's 64 fields; and holders. */
    LEDGER_RECORD_FIELDS_MAX = 512,
    LEDGER_RECORD_HOLDERS_MAX = 512,
};

struct ledger_subject_id { uint8_t b[LEDGER_SUBJECT_SIZE]; };

/* Procedure 0, the built-in subjects: day 0, this type, 12 bytes. */
enum ledger_builtin {
    LEDGER_BUILTIN_MEMBER = 1, LEDGER_BUILTIN_KEY, LEDGER_BUILTIN_NODE, LEDGER_BUILTIN_PROCEDURE,
    LEDGER_BUILTIN_INDEX, LEDGER_BUILTIN_LIMITS, LEDGER_BUILTIN_CALENDAR, LEDGER_BUILTIN_CODE_LIST,
    LEDGER_BUILTIN_EVIDENCE,
};
void ledger_builtin_id(struct ledger_subject_id *out, enum ledger_builtin type, const uint8_t last12[12]);
void ledger_builtin_number_id(struct ledger_subject_id *out, enum ledger_builtin type, uint64_t number);
uint16_t ledger_subject_day(const struct ledger_subject_id *id);

/* A numbered value: a field of a record, an attribute of a subject. `value` is one canonical msgpack value. */
struct ledger_value {
    uint16_t number;
    struct bytes value; /* size 0: cleared (only among an effect's changed attributes) */
};

struct ledger_cosignature {
    struct crypto_key key;
    struct crypto_sig sig;
};

struct ledger_record {
    struct bytes raw; /* the whole record */
    uint16_t procedure;
    uint16_t procedure_version;
    uint16_t action;
    struct ledger_subject_id subject;
    uint64_t expected_version;
    uint32_t n_fields;
    struct ledger_value *fields; /* ascending */
    uint32_t n_holders;
    uint32_t *holders; /* ascending member numbers */
    uint32_t n_cosignatures;
    struct ledger_cosignature cosignature[LEDGER_COSIGNATURES_MAX]; /* ascending by key */
};

/* MALFORMED with words. TOO_LARGE: over 8 x the default record size. */
ANJU_MUST_CHECK enum anju_err ledger_record_decode(struct ledger_record *out, struct bytes raw, struct arena *a);
/* The canonical bytes of out's members (raw is ignored). */
void ledger_record_encode(struct writer *w, const struct ledger_record *r);
/* What a cosigner signs: digest("anju/cosign/1", the record with its last item empty). Taken from `raw`;
 * where that is empty (a record being built), from the members. */
void ledger_cosign_digest(struct crypto_hash *out, const struct ledger_record *r, const struct crypto_hash *ledger_id);
/* MISMATCH: a cosignature is wrong. */
ANJU_MUST_CHECK enum anju_err ledger_record_check_cosignatures(const struct ledger_record *r, const struct crypto_hash *ledger_id);
/* The field with this number, or NULL. */
const struct bytes *ledger_record_field(const struct ledger_record *r, uint16_t number);

struct ledger_envelope {
    struct bytes wire; /* body, signature, records */
    struct bytes body; /* 67 bytes */
    uint32_t member;
    uint32_t key;
    uint8_t nonce[LEDGER_NONCE_SIZE];
    uint64_t valid_until; /* ms */
    uint16_t n_records;
    struct crypto_hash records_root;
    struct crypto_sig sig;
    struct crypto_hash id; /* computed */
    struct ledger_record *records;   /* decoded, n_records */
    struct crypto_hash *leaf_hashes; /* of the records */
};

/* Decodes whole, with every record, and checks MTH(records). Not the signatures.
 * MALFORMED / TOO_LARGE / MISMATCH (root) with words that name the record and the field. */
ANJU_MUST_CHECK enum anju_err ledger_envelope_decode(struct ledger_envelope *out, struct bytes wire,
                                                     const struct crypto_hash *ledger_id, struct arena *a);
void ledger_envelope_id(struct crypto_hash *out, struct bytes body, const struct crypto_hash *ledger_id);
/* Builds the body (records are their raw bytes) and gives the id, which the key signs. */
void ledger_envelope_body(uint8_t out[LEDGER_BODY_SIZE], uint32_t member, uint32_t key,
                          const uint8_t nonce[LEDGER_NONCE_SIZE], uint64_t valid_until,
                          const struct bytes *records, uint16_t n_records);
void ledger_envelope_wire(struct writer *w, const uint8_t body[LEDGER_BODY_SIZE], const struct crypto_sig *sig,
                          const struct bytes *records, uint16_t n_records);

/* batch: n_envelopes u16, n x (len u32, envelope). */
struct ledger_batch {
    struct bytes raw;
    struct crypto_hash id; /* computed: digest("anju/batch/1", raw) */
    uint16_t n_envelopes;
    struct bytes *envelopes; /* views of the wires, not yet decoded */
};
ANJU_MUST_CHECK enum anju_err ledger_batch_decode(struct ledger_batch *out, struct bytes raw,
                                                  const struct crypto_hash *ledger_id, struct arena *a);
void ledger_batch_encode(struct writer *w, const struct bytes *envelopes, uint16_t n);
void ledger_batch_id(struct crypto_hash *out, struct bytes raw, const struct crypto_hash *ledger_id);

/* Private fields and one-time codes (docs/formats.md, "Private fields"): ledger/private.c. */
void ledger_field_salt(struct crypto_hash *out, const uint8_t record_salt[32], uint16_t field, uint16_t item);
void ledger_commitment(struct crypto_hash *out, const struct crypto_hash *ledger_id, uint32_t member, uint32_t key,
                       const uint8_t nonce[LEDGER_NONCE_SIZE], uint16_t record_index, uint16_t field, uint16_t item,
                       const struct crypto_hash *field_salt, struct bytes value);
enum ledger_code_purpose { LEDGER_CODE_CONFIRM = 1, LEDGER_CODE_RATE = 2 };
/* The secret key that a code stands for. Letters of either case; I and L are read as 1, O as 0, as
 * Crockford says. MALFORMED: not 20 Crockford base32 characters, or its key is not usable (draw again). */
ANJU_MUST_CHECK enum anju_err ledger_code_secret(struct crypto_secret *out, const struct crypto_hash *ledger_id,
                                                 const struct ledger_subject_id *subject,
                                                 enum ledger_code_purpose purpose, const char *code);

#endif
