/*
 * anju submit: records by names, signed and submitted; what became of them.
 * Safe to run again: with --receipt FILE the signed envelope is kept in FILE.envelope until its fate is
 * known, and an interrupted run that is repeated sends that one again instead of signing another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/receipt_json.h"
#include "tools/submit.h"

enum { INPUT_MAX = 64 * 1024 * 1024, WAIT_MS = 20000, RECEIPTS_IN_ANSWER = 64 };

struct submit {
    struct submission s;
    struct nodes nodes;
    struct signer signer;
    struct arena arena;
    const char *receipt;          /* file, or NULL */
    char pending[4096];           /* file, or "" */
    char private_file[4096];      /* "" until there is one */
    struct crypto_hash input;     /* of the records' text */
    uint64_t until_ms;            /* when to stop trying */
};

/* The signed envelope on disk, before it is sent. */
static enum anju_err keep_pending(const struct submit *c)
{
    json_t *file = json_object();

    if (c->pending[0] == '\0') {
        json_decref(file);
        return ANJU_OK;
    }
    json_object_set_new(file, "format", json_string("anju-pending-envelope/1"));
    json_object_set_new(file, "ledger", json_of_hash(&c->signer.registry->ledger_id));
    json_object_set_new(file, "envelope", json_of_hash(&c->s.id));
    json_object_set_new(file, "input", json_of_hash(&c->input));
    json_object_set(file, "subjects", c->s.subjects);
    json_object_set_new(file, "private", json_string(c->private_file));
    json_object_set_new(file, "wire", json_of_base64(writer_view(&c->s.wire)));
    char *text = json_dumps(file, JSON_INDENT(1));
    json_decref(file);
    enum anju_err err = tool_write_file(c->pending, bytes_of_text(text), 0600, true);
    free(text);
    return err;
}

/* The envelope of an interrupted run. NOT_FOUND: there is none. */
static enum anju_err read_pending(struct submit *c)
{
    static const char *const NAMES[] = {"format", "ledger", "envelope", "input", "subjects", "private", "wire", NULL};
    struct json_fault fault = {0};
    struct crypto_hash input, ledger;
    struct bytes text;
    json_t *file = NULL;

    if (c->pending[0] == '\0' || access(c->pending, F_OK) != 0)
        return ANJU_ERR_NOT_FOUND;
    enum anju_err err = tool_read_file(&text, c->pending, INPUT_MAX, &c->arena);
    if (err == ANJU_OK)
        err = json_parse(&file, text, c->pending);
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(file, &fault), wire = json_member(&root, "wire"), at_input = json_member(&root, "input"),
                   at_ledger = json_member(&root, "ledger"), id = json_member(&root, "envelope"), private = json_member(&root, "private");
    json_only(&root, NAMES);
    json_read_hex(&at_input, input.b, sizeof(input.b));
    json_read_hex(&at_ledger, ledger.b, sizeof(ledger.b));
    json_read_hex(&id, c->s.id.b, sizeof(c->s.id.b));
    snprintf(c->private_file, sizeof(c->private_file), "%s", json_read_text(&private, sizeof(c->private_file) - 1));
    writer_bytes(&c->s.wire, json_read_base64(&wire, INPUT_MAX, &c->arena));
    c->s.subjects = json_incref(json_object_get(file, "subjects"));
    json_decref(file);
    err = json_finish(&fault, c->pending);
    if (err == ANJU_OK && !crypto_hash_equal(&ledger, &c->signer.registry->ledger_id))
        err = anju_fail(ANJU_ERR_MISMATCH, "%s: is of another ledger", c->pending);
    if (err == ANJU_OK && !crypto_hash_equal(&input, &c->input))
        err = anju_fail(ANJU_ERR_MISMATCH,
                        "%s: an interrupted run sent other records and its fate is not known; repeat that one, or name another --receipt",
                        c->pending);
    if (err == ANJU_OK)
        fprintf(stderr, "anju submit: %s is from an interrupted run: its envelope is sent again\n", c->pending);
    return err;
}

/* Private values and their salts, for those who may open the commitments. */
static enum anju_err write_private(struct submit *c)
{
    char hex[65];
    json_t *file;
    /* Beside a receipt that is not there yet, an old one is of a run that was refused or never sent. */
    bool replace = c->private_file[0] == '\0' && c->receipt != NULL;

    if (json_array_size(c->s.openings) == 0) {
        c->private_file[0] = '\0';
        return ANJU_OK;
    }
    hex_encode(hex, c->s.id.b, sizeof(c->s.id.b));
    if (c->private_file[0] == '\0' && c->receipt != NULL)
        snprintf(c->private_file, sizeof(c->private_file), "%s.private", c->receipt);
    else if (c->private_file[0] == '\0')
        snprintf(c->private_file, sizeof(c->private_file), "%.16s.private", hex);
    file = json_pack("{s:s, s:s, s:i, s:i}", "format", "anju-private/1", "envelope", hex, "member", (int)c->signer.member, "key",
                     (int)c->signer.key);
    json_object_set_new(file, "ledger", json_of_hash(&c->signer.registry->ledger_id));
    json_object_set_new(file, "nonce", json_of_hex(c->s.nonce, sizeof(c->s.nonce)));
    json_object_set(file, "records", c->s.openings);
    char *text = json_dumps(file, JSON_INDENT(1));
    json_decref(file);
    enum anju_err err = tool_write_file(c->private_file, bytes_of_text(text), 0600, replace);
    bytes_wipe(text, strlen(text));
    free(text);
    return err;
}

static bool is_busy(const json_t *error)
{
    return json_integer_value(json_object_get(error, "code")) == -32005;
}

/* Sends until the fate of the envelope is known or the time is over: *result or *error. An error with neither: the network. */
static enum anju_err send(struct submit *c, json_t **result, json_t **error)
{
    enum anju_err err;

    for (;;) {
        json_t *params = json_object();
        json_object_set_new(params, "envelope", json_of_base64(writer_view(&c->s.wire)));
        json_object_set_new(params, "wait_ms", json_integer(WAIT_MS));
        err = nodes_call(&c->nodes, result, error, "record.submit", params);
        const char *state = json_string_value(json_object_get(*result, "state"));
        bool known = err == ANJU_OK ? state == NULL || strcmp(state, "pending") != 0 : *error != NULL && !is_busy(*error);
        if (known || tool_now_ms() >= c->until_ms)
            return err;
        json_decref(*result);
        json_decref(*error);
        if (err != ANJU_OK)
            usleep(300000);
    }
}

/* The i-th receipt: in the answer, or from the node. */
static enum anju_err write_receipt(struct submit *c, const json_t *result, size_t i, size_t count)
{
    json_t *receipt = json_incref(json_array_get(json_object_get(result, "receipts"), i)), *error = NULL;
    char path[4200], hex[65];
    struct writer text = {0};
    enum anju_err err = ANJU_OK;

    hex_encode(hex, c->s.id.b, sizeof(c->s.id.b));
    if (receipt == NULL)
        err = nodes_call(&c->nodes, &receipt, &error, "proof.receipt", json_pack("{s:s, s:i}", "envelope", hex, "index", (int)i));
    json_decref(error);
    if (err != ANJU_OK)
        return err;
    if (count == 1)
        snprintf(path, sizeof(path), "%s", c->receipt);
    else
        snprintf(path, sizeof(path), "%s.%zu", c->receipt, i);
    receipt_json_text(&text, receipt);
    err = tool_write_file(path, writer_view(&text), 0644, true);
    writer_free(&text);
    json_decref(receipt);
    return err;
}

static int print_committed(struct submit *c, json_t *result)
{
    size_t count = (size_t)json_integer_value(json_object_get(result, "n"));
    uint64_t first = 0;
    const char *seq = json_string_value(json_object_get(result, "first_seq"));

    for (size_t i = 0; c->receipt != NULL && i < count; i++)
        if (write_receipt(c, result, i, count) != ANJU_OK)
            return tool_fail_err();
    if (c->pending[0] != '\0')
        unlink(c->pending);
    if (c->receipt != NULL)
        json_object_del(result, "receipts");
    json_object_set(result, "subjects", c->s.subjects);
    if (c->receipt != NULL)
        json_object_set_new(result, "receipt", json_string(c->receipt));
    if (c->private_file[0] != '\0')
        json_object_set_new(result, "private", json_string(c->private_file));
    if (tool_json) {
        tool_print_json(json_incref(result));
        return TOOL_OK;
    }
    if (json_u64_parse(&first, seq != NULL ? seq : "") != ANJU_OK)
        return tool_fail(TOOL_FAILED, "the node's answer has no first_seq");
    printf("committed in block %s\n", json_string_value(json_object_get(result, "height")));
    for (size_t i = 0; i < count; i++)
        printf("  entry %llu  subject %s\n", (unsigned long long)first + i, json_string_value(json_array_get(c->s.subjects, i)));
    if (c->receipt != NULL)
        printf("receipt %s%s\n", c->receipt, count > 1 ? ".0 and so on" : "");
    if (c->private_file[0] != '\0')
        printf("private values and salts are in %s: keep it\n", c->private_file);
    return TOOL_OK;
}

static int report(struct submit *c, enum anju_err err, json_t *result, json_t *error)
{
    const char *state = json_string_value(json_object_get(result, "state"));
    char hex[65];

    hex_encode(hex, c->s.id.b, sizeof(c->s.id.b));
    if (err == ANJU_OK && state != NULL && strcmp(state, "committed") == 0)
        return print_committed(c, result);
    if (error != NULL && !is_busy(error)) {
        if (c->pending[0] != '\0')
            unlink(c->pending);
        return tool_print_error(error);
    }
    if (tool_json && err == ANJU_OK)
        tool_print_json(json_incref(result));
    return tool_fail(TOOL_FAILED, "not known yet what became of envelope %s%s%s; %s", hex, err != ANJU_OK ? ": " : " (pending)",
                     err != ANJU_OK ? anju_err_text() : "",
                     c->pending[0] != '\0' ? "run the same command again: the same envelope is sent" : "'anju get' with this id shows it");
}

static enum anju_err prepare(struct submit *c, const char *input, uint64_t valid_s)
{
    struct bytes text;
    json_t *records = NULL;

    enum anju_err err = tool_read_file(&text, input, INPUT_MAX, &c->arena);
    if (err == ANJU_OK)
        err = json_parse(&records, text, input);
    if (err != ANJU_OK)
        return err;
    crypto_sha256(&c->input, text);
    err = read_pending(c);
    if (err == ANJU_ERR_NOT_FOUND) {
        err = submission_build(&c->s, records, tool_now_ms() + 1000 * valid_s);
        if (err == ANJU_OK)
            err = write_private(c);
        if (err == ANJU_OK)
            err = keep_pending(c);
    }
    json_decref(records);
    return err;
}

static int run(struct submit *c, const char *input, uint64_t valid_s, uint64_t wait_s)
{
    json_t *result = NULL, *error = NULL;

    if (c->receipt != NULL && access(c->receipt, F_OK) == 0)
        return tool_fail(TOOL_FAILED, "%s is there already; it is left as it is, and nothing was sent", c->receipt);
    enum anju_err err = prepare(c, input, valid_s);
    if (err != ANJU_OK)
        return tool_fail(err == ANJU_ERR_MALFORMED || err == ANJU_ERR_MISMATCH || err == ANJU_ERR_TOO_LARGE ? TOOL_REFUSED : TOOL_FAILED, "%s",
                         anju_err_text());
    c->until_ms = tool_now_ms() + 1000 * wait_s;
    err = send(c, &result, &error);
    int code = report(c, err, result, error);
    json_decref(result);
    json_decref(error);
    return code;
}

/* Seconds of an option, from 1 to max; 0 with words on the screen. */
static uint64_t seconds_of(const struct tool_option *o, uint64_t max)
{
    uint64_t value = 0;

    if (json_u64_parse(&value, o->given) == ANJU_OK && value >= 1 && value <= max)
        return value;
    tool_fail(TOOL_USAGE, "%s %s: must be from 1 to %llu seconds", o->name, o->given, (unsigned long long)max);
    return 0;
}

int cmd_submit(int argc, char **argv)
{
    struct tool_option options[] = {
        {"--genesis", "FILE", "the genesis document", "genesis.json", NULL},
        {"--key", "FILE", "the key that signs", "operator.key", NULL},
        {"--member", "N", "the member's number (the key's, where not given)", NULL, NULL},
        {"--url", "URL", "the node to ask; may be given several times (all of genesis)", NULL, NULL},
        {"--code", "CODE", "a resident's one-time code cosigns each record", NULL, NULL},
        {"--receipt", "FILE", "write the receipt here (of several records: FILE.0, FILE.1 ...)", NULL, NULL},
        {"--private", "FILE", "private values and salts (RECEIPT.private)", NULL, NULL},
        {"--valid", "SECONDS", "how long the envelope may wait to take effect", "3600", NULL},
        {"--wait", "SECONDS", "how long to try", "60", NULL},
        {0}};
    const struct tool_usage usage = {
        "submit", "[options] RECORD.json|-",
        "Signs a record, or an array of records that take effect together, and submits them. Values of private\n"
        "fields stay here, in a file of their own; the ledger gets salted commitments. Exit code 1: refused.",
        "echo '{\"procedure\":\"order\",\"action\":\"supervise\",\"subject\":\"4fe6...\",\"fields\":{\"reason\":\"overdue\",\"note\":\"...\",\n"
        "      \"due\":\"2026-02-01T10:00:00.000Z\"}}' | anju submit --key gov/operator.key --receipt supervise.json -",
        options};
    struct submit c = {0};
    const struct ledger_registry *r;
    int n, code = tool_args(&usage, argc, argv, &n, 1, 1);

    if (code >= 0)
        return code;
    uint64_t valid_s = seconds_of(&options[7], 86400), wait_s = valid_s > 0 ? seconds_of(&options[8], 86400) : 0;
    if (wait_s == 0)
        return TOOL_USAGE;
    if (tool_open_genesis(&r, options[0].given) != ANJU_OK || signer_open(&c.signer, r, options[1].given, options[2].given) != ANJU_OK)
        return tool_fail_err();
    nodes_init(&c.nodes, &options[3], r);
    c.receipt = options[5].given;
    if (c.receipt != NULL)
        snprintf(c.pending, sizeof(c.pending), "%s.envelope", c.receipt);
    if (options[6].given != NULL)
        snprintf(c.private_file, sizeof(c.private_file), "%s", options[6].given);
    c.s = (struct submission){.nodes = &c.nodes, .signer = &c.signer, .code = options[4].given, .arena = &c.arena};
    code = run(&c, argv[1], valid_s, wait_s);
    submission_free(&c.s);
    signer_close(&c.signer);
    nodes_deinit(&c.nodes);
    arena_free(&c.arena);
    return code;
}
