/* anju receipt: fetches a receipt and writes its one text form, which 'anju verify' takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/receipt_json.h"
#include "tools/ask.h"

/* The bytes of an outside form. */
static bool take_file(struct writer *out, const json_t *answer)
{
    const char *text = json_string_value(json_object_get(answer, "file"));
    size_t size = 0;

    if (text == NULL)
        return false;
    uint8_t *raw = writer_reserve(out, strlen(text) / 4 * 3 + 3);
    if (base64_decode(raw, &size, text, strlen(text)) != ANJU_OK)
        return false;
    out->size = size;
    return true;
}

int cmd_receipt(int argc, char **argv)
{
    struct tool_option options[] = {ASK_OPTIONS,
                                    {"--index", "N", "which entry of an envelope", "0", NULL},
                                    {"--parts", NULL, "with record, signature and effects, so that it proves what was done", NULL, NULL},
                                    {"--out", "FILE", "where it goes (standard output)", NULL, NULL},
                                    {"--form", "json|c2sp|cose", "anju's own, C2SP's .tlog-proof, or COSE receipts", "json", NULL},
                                    {0}};
    const struct tool_usage usage = {"receipt", "[options] SEQ | ENVELOPE", "Fetches the receipt of an entry, by its number in the log or by the id of its envelope.",
                                     "anju receipt 42 --parts --out r.json && anju verify r.json", options};
    struct writer text = {0};
    int n, code = tool_args(&usage, argc, argv, &n, 1, 1);

    if (code >= 0)
        return code;
    json_t *params = json_pack("{s:b}", "parts", options[3].given != NULL);
    if (strlen(argv[1]) == 64) {
        json_object_set_new(params, "envelope", json_string(argv[1]));
        json_object_set_new(params, "index", json_integer(atoi(options[2].given)));
    } else
        json_object_set_new(params, "seq", json_string(argv[1]));
    bool outside = strcmp(options[5].given, "json") != 0;
    if (outside)
        json_object_set_new(params, "form", json_string(options[5].given));
    json_t *receipt = ask(&code, options, "proof.receipt", params);
    if (receipt == NULL)
        return code;
    bool good = true;
    if (outside)
        good = take_file(&text, receipt);
    else
        receipt_json_text(&text, receipt);
    json_decref(receipt);
    if (!good)
        return tool_fail(TOOL_FAILED, "the node's answer has no file in base64");
    code = TOOL_OK;
    if (options[4].given == NULL)
        fwrite(text.data, 1, text.size, stdout);
    else if (tool_write_file(options[4].given, writer_view(&text), 0644, true) != ANJU_OK)
        code = tool_fail_err();
    writer_free(&text);
    return code;
}
