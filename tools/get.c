/* anju get: a subject as it is now, or one entry of the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask.h"

/* Names and values, one a line; objects inside one step further in. */
static void print_object(const json_t *object, int depth)
{
    const char *name;
    json_t *value;
    char text[400];

    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        if (json_is_object(value) && json_object_size(value) > 0 && depth < 3) {
            printf("%*s%s\n", 2 * depth, "", name);
            print_object(value, depth + 1);
            continue;
        }
        ask_value_text(text, sizeof(text), value);
        printf("%*s%-*s  %s\n", 2 * depth, "", 22 - 2 * depth, name, text);
    }
}

int cmd_get(int argc, char **argv)
{
    struct tool_option options[] = {ASK_OPTIONS, {"--index", "N", "which entry of an envelope", "0", NULL}, ASK_PROVE_OPTION, {0}};
    const struct tool_usage usage = {"get", "[options] PROCEDURE SUBJECT | SEQ | ENVELOPE",
                                     "Shows a subject as it is now, or one entry by its number in the log or by the id of its envelope.",
                                     "anju get order 4fe60102030405060708090a0b0c0d0e", options};
    int n, code = tool_args(&usage, argc, argv, &n, 1, 2);
    json_t *result;

    if (code >= 0)
        return code;
    if (options[3].given != NULL)
        return n == 2 ? ask_proof(options, "subject.get", json_pack("{s:s, s:s}", "procedure", argv[1], "subject", argv[2]), options[3].given)
                      : tool_fail(TOOL_USAGE, "--prove: of a subject (PROCEDURE SUBJECT); 'anju receipt' proves an entry");
    if (n == 2)
        result = ask(&code, options, "subject.get", json_pack("{s:s, s:s}", "procedure", argv[1], "subject", argv[2]));
    else if (strlen(argv[1]) == 64)
        result = ask(&code, options, "record.get", json_pack("{s:s, s:i}", "envelope", argv[1], "index", atoi(options[2].given)));
    else
        result = ask(&code, options, "record.get", json_pack("{s:s}", "seq", argv[1]));
    if (result == NULL)
        return code;
    if (tool_json) {
        tool_print_json(result);
        return TOOL_OK;
    }
    print_object(result, 0);
    json_decref(result);
    return TOOL_OK;
}
