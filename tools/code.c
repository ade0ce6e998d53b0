/* anju code: one-time codes for residents (docs/formats.md, "Private fields and one-time codes"). */
#include <stdio.h>
#include <string.h>

#include "rpc/json.h"
#include "tools/tools.h"

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base32 */

static void draw(char out[LEDGER_CODE_SIZE + 1])
{
    uint8_t random[LEDGER_CODE_SIZE];

    crypto_random(random, sizeof(random));
    for (size_t i = 0; i < LEDGER_CODE_SIZE; i++)
        out[i] = ALPHABET[random[i] & 31];
    out[LEDGER_CODE_SIZE] = '\0';
    bytes_wipe(random, sizeof(random));
}

static enum anju_err subject_of(struct ledger_subject_id *out, const char *hex)
{
    if (hex == NULL) {
        put_u16(out->b, (uint16_t)(tool_now_ms() / 86400000));
        crypto_random(out->b + 2, sizeof(out->b) - 2);
        return ANJU_OK;
    }
    if (hex_decode(out->b, sizeof(out->b), hex) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "--subject %s: must be 32 lower-case hexadecimal digits", hex);
    return ANJU_OK;
}

static int new_code(const struct ledger_registry *r, const struct ledger_subject_id *subject, enum ledger_code_purpose purpose)
{
    struct crypto_secret secret;
    struct crypto_key key;
    char code[LEDGER_CODE_SIZE + 1], key_hex[2 * CRYPTO_KEY_SIZE + 1], subject_hex[2 * LEDGER_SUBJECT_SIZE + 1];
    const char *words = purpose == LEDGER_CODE_CONFIRM ? "confirm" : "rate";

    do
        draw(code);
    while (ledger_code_secret(&secret, &r->ledger_id, subject, purpose, code) != ANJU_OK);
    enum anju_err err = crypto_key_of(&key, &secret);
    bytes_wipe(&secret, sizeof(secret));
    if (err != ANJU_OK)
        return tool_fail_err();
    hex_encode(key_hex, key.b, sizeof(key.b));
    hex_encode(subject_hex, subject->b, sizeof(subject->b));
    if (tool_json) {
        tool_print_json(json_pack("{s:s, s:s, s:s, s:s}", "subject", subject_hex, "purpose", words, "code", code, "key", key_hex));
        return TOOL_OK;
    }
    printf("code     %.5s-%.5s-%.5s-%.5s\npurpose  %s\nsubject  %s\nkey      %s\n", code, code + 5, code + 10, code + 15, words,
           subject_hex, key_hex);
    fprintf(stderr, "The code is for the resident alone. Its key goes into the field '%s' of the record that places the order.\n", words);
    return TOOL_OK;
}

int cmd_code(int argc, char **argv)
{
    struct tool_option options[] = {
        {"--genesis", "FILE", "the genesis document", "genesis.json", NULL},
        {"--subject", "HEX", "the order that the code is for (none: a new one, to be placed under this id)", NULL, NULL},
        {"--purpose", "WORD", "confirm, or rate", "confirm", NULL},
        {0}};
    const struct tool_usage usage = {"code", "new [options]",
                                     "Makes a one-time code for a resident, and the public key that stands for it on the order.",
                                     "anju code new --genesis genesis.json --subject 4fe60102030405060708090a0b0c0d0e --purpose rate", options};
    const struct ledger_registry *r;
    struct ledger_subject_id subject;
    int n, code = tool_args(&usage, argc, argv, &n, 1, 1);

    if (code >= 0)
        return code;
    bool rate = strcmp(options[2].given, "rate") == 0;
    if (strcmp(argv[1], "new") != 0)
        return tool_fail(TOOL_USAGE, "'%s': the only action is new", argv[1]);
    if (!rate && strcmp(options[2].given, "confirm") != 0)
        return tool_fail(TOOL_USAGE, "--purpose %s: must be confirm or rate", options[2].given);
    if (subject_of(&subject, options[1].given) != ANJU_OK)
        return tool_fail(TOOL_USAGE, "%s", anju_err_text());
    if (tool_open_genesis(&r, options[0].given) != ANJU_OK)
        return tool_fail_err();
    return new_code(r, &subject, rate ? LEDGER_CODE_RATE : LEDGER_CODE_CONFIRM);
}
