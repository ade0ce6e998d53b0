/* anju query: entries by subject, member or list, within a span of block time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask.h"

/* "provider=3,state=placed": names and values of a list. A number is given as one, so that members are found. */
static bool list_params(json_t *params, const char *text)
{
    json_t *names = json_array(), *values = json_array();
    char *copy = anju_strdup(text);
    bool good = true;

    for (char *part = strtok(copy, ","); part != NULL && good; part = strtok(NULL, ",")) {
        char *equals = strchr(part, '=');
        good = equals != NULL;
        if (!good)
            break;
        *equals = '\0';
        json_array_append_new(names, json_string(part));
        json_array_append_new(values, equals[1] != '\0' ? json_string(equals + 1) : json_null());
    }
    json_object_set_new(params, "list", names);
    json_object_set_new(params, "values", values);
    free(copy);
    return good;
}

static int fail(json_t *params, const char *words)
{
    json_decref(params);
    return tool_fail(TOOL_USAGE, "%s", words);
}

/* The subjects that have a value now, and how many. */
static int print_now(json_t *answer, int code)
{
    const json_t *keys = json_object_get(answer, "keys"), *key = json_array_get(keys, 0);
    size_t index;
    json_t *subject;

    if (answer == NULL)
        return code;
    if (tool_json) {
        tool_print_json(answer);
        return TOOL_OK;
    }
    json_array_foreach(json_object_get(key, "subjects"), index, subject) {
        char *text = json_dumps(subject, JSON_COMPACT);
        puts(text != NULL ? text : "");
        free(text);
    }
    fprintf(stderr, "%s have the value now; %s entries in all\n", json_string_value(json_object_get(key, "live")),
            json_string_value(json_object_get(key, "count")));
    json_decref(answer);
    return TOOL_OK;
}

int cmd_query(int argc, char **argv)
{
    enum { PAGE = 2, PROCEDURE = 6, SUBJECT, MEMBER, LIST, FROM, UNTIL, NOW, COUNT, RECORDS, PROVE };
    struct tool_option options[] = {
        ASK_OPTIONS,
        ASK_PAGE_OPTIONS,
        {"--procedure", "NAME", "for --subject and --list", NULL, NULL},
        {"--subject", "HEX", "entries that touched this subject", NULL, NULL},
        {"--member", "N", "entries of this member", NULL, NULL},
        {"--list", "NAME=VALUE,...", "entries of this list of the procedure; no value: where it is absent", NULL, NULL},
        {"--from", "TIME", "not before this block time, such as 2026-01-02T03:04:05.678Z", NULL, NULL},
        {"--until", "TIME", "before this block time", NULL, NULL},
        {"--now", NULL, "the subjects that have the value now, instead of entries (--list)", NULL, NULL},
        {"--count", NULL, "only how many entries there are, and how many have the value now", NULL, NULL},
        {"--records", NULL, "with --prove: the records too", NULL, NULL},
        ASK_PROVE_OPTION,
        {0}};
    const struct tool_usage usage = {"query", "[options] --member N | --procedure NAME --subject HEX | --procedure NAME --list NAME=VALUE",
                                     "Shows entries by member, subject, or one of the lists that a procedure keeps ('anju procedure' shows them).",
                                     "anju query --procedure order --list provider=3 --newest-first", options};
    int n, code = tool_args(&usage, argc, argv, &n, 0, 0);
    char *end = NULL;

    if (code >= 0)
        return code;
    json_t *params = json_object();
    if (!ask_page_params(params, &options[PAGE]))
        return fail(params, "nothing was asked");
    if ((options[SUBJECT].given != NULL) + (options[MEMBER].given != NULL) + (options[LIST].given != NULL) != 1)
        return fail(params, "give one of --member, --subject and --list");
    if (options[MEMBER].given == NULL && options[PROCEDURE].given == NULL)
        return fail(params, "--subject and --list need --procedure");
    if (options[MEMBER].given != NULL)
        json_object_set_new(params, "member", json_integer(strtol(options[MEMBER].given, &end, 10)));
    if (end != NULL && (*end != '\0' || end == options[MEMBER].given))
        return fail(params, "--member: must be a number; 'anju members' shows them");
    if (options[LIST].given != NULL && !list_params(params, options[LIST].given))
        return fail(params, "--list: must be NAME=VALUE, several with commas between");
    static const struct {
        int option;
        const char *name;
    } TEXTS[] = {{PROCEDURE, "procedure"}, {SUBJECT, "subject"}, {FROM, "from"}, {UNTIL, "until"}};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        if (options[TEXTS[i].option].given != NULL)
            json_object_set_new(params, TEXTS[i].name, json_string(options[TEXTS[i].option].given));
    if (options[NOW].given != NULL || options[COUNT].given != NULL) {
        ask_whole(params);
        json_object_del(params, "effects");
        json_object_set_new(params, options[NOW].given != NULL ? "now" : "count", json_true());
    }
    if (options[PROVE].given != NULL) {
        if (options[FROM].given != NULL || options[UNTIL].given != NULL)
            ask_whole(params);
        if (options[RECORDS].given != NULL)
            json_object_set_new(params, "records", json_true());
        return ask_proof(options, "records.query", params, options[PROVE].given);
    }
    if (options[NOW].given != NULL || options[COUNT].given != NULL)
        return print_now(ask(&code, options, "records.query", params), code);
    json_t *page = ask(&code, options, "records.query", params);
    return page != NULL ? ask_print_page(page) : code;
}
