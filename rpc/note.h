/*
 * note: signed notes, log checkpoints and cosignatures as C2SP writes them (c2sp.org/signed-note,
 * tlog-checkpoint, tlog-cosignature), so that programs which know nothing of anju can check a log.
 * A note is text, an empty line, and signature lines `— NAME BASE64(key id 4, signature)`. A
 * checkpoint is a note with origin, size and root. Signature types: 1 Ed25519 over the text, 4
 * Ed25519 over `cosignature/v1`, a time and the text. Parsed notes borrow from their input,
 * signatures lie in the arena. Any thread.
 */
#ifndef ANJU_RPC_NOTE_H
#define ANJU_RPC_NOTE_H

#include "base/arena.h"
#include "base/codec.h"
#include "crypto/crypto.h"

enum {
    NOTE_SIGNATURES_MAX = 100,
    NOTE_NAME_SIZE_MAX = 255,
    NOTE_SIZE_MAX = 256 * 1024,
    NOTE_COSIGNATURE_SIZE = 8 + 64, /* time in seconds u64, Ed25519 */
};

enum note_type { NOTE_ED25519 = 1, NOTE_COSIGNATURE = 4 };

/* A key that a reader of notes knows: `NAME+ID+BASE64(type, key)`. */
struct note_key {
    char name[NOTE_NAME_SIZE_MAX + 1];
    enum note_type type;
    uint32_t id; /* first 4 bytes of SHA-256(name, LF, type, key) */
    uint8_t key[CRYPTO_ED25519_SIZE];
};

/* Whether a name may stand in a signature line: UTF-8, not empty, no space, no control, no '+'. */
bool note_name_is_good(struct bytes name);
/* `name` is good and at most NOTE_NAME_SIZE_MAX bytes: that is asserted. */
void note_key_make(struct note_key *out, const char *name, enum note_type type,
                   const uint8_t key[CRYPTO_ED25519_SIZE]);
/* MALFORMED with words: not such a text, or the id is another key's. UNSUPPORTED: another type. */
ANJU_MUST_CHECK enum anju_err note_key_decode(struct note_key *out, struct bytes text);
void note_key_encode(struct writer *w, const struct note_key *key);
/* `PRIVATE+KEY+NAME+ID+BASE64(type, seed)`, as other tools keep them. */
ANJU_MUST_CHECK enum anju_err note_secret_decode(struct note_key *out,
                                                 uint8_t secret[CRYPTO_ED25519_SIZE],
                                                 struct bytes text);

enum note_state {
    NOTE_UNKNOWN,  /* nobody knows the key: to be ignored */
    NOTE_VERIFIED, /* by `key` */
    NOTE_AGAIN,    /* that key has a signature above */
};

struct note_signature {
    struct bytes name;
    uint32_t id;
    struct bytes raw; /* without the id */
    /* After note_verify. */
    enum note_state state;
    size_t key;      /* VERIFIED, AGAIN: index in the keys */
    uint64_t time_s; /* VERIFIED by a cosignature key */
};

struct note {
    struct bytes text; /* with its final LF */
    unsigned n;
    struct note_signature signature[NOTE_SIGNATURES_MAX];
};

/* MALFORMED: no note. */
ANJU_MUST_CHECK enum anju_err note_parse(struct note *out, struct bytes in, struct arena *a);
/* Fills the states. MISMATCH: a known key's signature is wrong. EXISTS: two of the keys have the
 * name and id of a signature. NOT_FOUND: no signature is by a known key. */
ANJU_MUST_CHECK enum anju_err note_verify(struct note *n, const struct note_key *keys,
                                          size_t count);
/* Appends a signature line. `raw` is at most NOTE_COSIGNATURE_SIZE bytes. */
void note_line(struct writer *w, const struct note_key *key, struct bytes raw);
/* Signs a text and appends the line; the text and the empty line are already there. MALFORMED: the
 * text is not one that a note can have. */
ANJU_MUST_CHECK enum anju_err note_sign(struct writer *w, const struct note_key *key,
                                        const uint8_t secret[CRYPTO_ED25519_SIZE],
                                        struct bytes text);

/* The signature of a cosignature line without its time: over `cosignature/v1`, the time, the text.
 */
ANJU_MUST_CHECK enum anju_err note_cosign(uint8_t sig[64],
                                          const uint8_t secret[CRYPTO_ED25519_SIZE],
                                          uint64_t time_s, struct bytes text);
ANJU_MUST_CHECK enum anju_err note_cosign_check(const uint8_t sig[64],
                                                const uint8_t key[CRYPTO_ED25519_SIZE],
                                                uint64_t time_s, struct bytes text);
/* The message of it, appended. */
void note_cosign_message(struct writer *w, uint64_t time_s, struct bytes text);

struct checkpoint {
    struct bytes origin;
    uint64_t size;
    struct crypto_hash root;
    struct bytes extensions; /* lines after the third, each with LF; ours have none */
};

/* MALFORMED: the text of a note that is no checkpoint. */
ANJU_MUST_CHECK enum anju_err checkpoint_parse(struct checkpoint *out, struct bytes text);
void checkpoint_text(struct writer *w, const char *origin, uint64_t size,
                     const struct crypto_hash *root);
/* Decimal digits, no leading zero, at most UINT64_MAX. */
bool note_number(uint64_t *out, struct bytes digits);

#endif
