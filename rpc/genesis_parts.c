#include "rpc/genesis_parts.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 255, ROLES_MAX = 32, LISTS_MAX = 1000, CODES_MAX = 4096 };

char *genesis_read_text(const struct json_in *at, struct arena *a)
{
    const char *text = json_read_text(at, TEXT_MAX);

    if (text[0] == '\0')
        json_wrong(at, "must not be empty");
    return arena_text(a, bytes_of_text(text));
}

void genesis_read_format(const struct json_in *root, const char *format)
{
    struct json_in at = json_member(root, "format");

    if (strcmp(json_read_text(&at, TEXT_MAX), format) != 0)
        json_wrong(&at, "must be \"%s\", the only form that this build knows", format);
}

void genesis_read_name(const struct json_in *at, char **zh, char **en, struct arena *a)
{
    static const char *const NAMES[] = {"zh", "en", NULL};

    json_only(at, NAMES);
    struct json_in zh_at = json_member(at, "zh"), en_at = json_member(at, "en");
    *zh = genesis_read_text(&zh_at, a);
    *en = genesis_read_text(&en_at, a);
}

char *genesis_read_kind(const struct json_in *at, struct arena *a)
{
    char *kind = genesis_read_text(at, a);

    if (!ledger_kind_is_known(bytes_of_text(kind)))
        json_wrong(at, "must be government, property, agency, auditor, integrator or authority");
    return kind;
}

char **genesis_read_roles(const struct json_in *at, uint32_t *count, struct arena *a)
{
    char **roles;

    *count = (uint32_t)json_count(at, ROLES_MAX);
    roles = arena_alloc(a, (*count + 1u) * sizeof roles[0]);
    for (uint32_t i = 0; i < *count; i++) {
        struct json_in item = json_item(at, i);

        roles[i] = genesis_read_text(&item, a);
        if (!ledger_role_is_known(bytes_of_text(roles[i])))
            json_wrong(&item, "\"%.60s\" is not a role (docs/formats.md, section 2, lists them)",
                       roles[i]);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(roles[i], roles[j]) == 0)
                json_wrong(&item, "\"%.60s\" stands twice", roles[i]);
    }
    return roles;
}

void genesis_read_key(const struct json_in *at, struct crypto_key *out)
{
    json_read_hex(at, out->b, CRYPTO_KEY_SIZE);
    if (!at->fault->found && crypto_key_check(out) != ANJU_OK)
        json_wrong(at, "is not a compressed public key of secp256k1");
}

static char *read_address(const struct json_in *at, struct arena *a)
{
    char *text = genesis_read_text(at, a);

    if (!ledger_address_is_valid(text))
        json_wrong(at, "must be host:port");
    return text;
}

void genesis_read_node(const struct json_in *object, struct ledger_node_info *out, struct arena *a)
{
    struct json_in node_key = json_member(object, "node_key"),
                   log_key = json_member(object, "log_key"),
                   cosign_key = json_member(object, "cosign_key"),
                   tls_spki = json_member(object, "tls_spki"), peer = json_member(object, "peer"),
                   rpc = json_member(object, "rpc");

    genesis_read_key(&node_key, &out->node.node_key);
    json_read_hex(&log_key, out->node.log_key, CRYPTO_ED25519_SIZE);
    json_read_hex(&cosign_key, out->node.cosign_key, CRYPTO_ED25519_SIZE);
    json_read_hex(&tls_spki, out->tls_spki.b, CRYPTO_HASH_SIZE);
    out->peer = read_address(&peer, a);
    out->rpc = read_address(&rpc, a);
    ledger_node_id(&out->node.id, &out->node.node_key);
}

/* ---- calendars ---- */

static uint32_t parse_day(const struct json_in *at, const char *text)
{
    char full[64];
    uint64_t ms = 0;

    snprintf(full, sizeof full, "%.10sT00:00:00.000Z", text);
    if (json_time_parse(&ms, full) != ANJU_OK)
        json_wrong(at, "must be a date such as \"2026-01-31\"");
    return (uint32_t)(ms / 86400000);
}

static uint32_t read_day(const struct json_in *at)
{
    const char *text = json_read_text(at, TEXT_MAX);

    if (strlen(text) != 10)
        json_wrong(at, "must be a date such as \"2026-01-31\"");
    return parse_day(at, text);
}

static bool parse_minutes(unsigned *out, const char *text)
{
    unsigned hours = 0, minutes = 0;
    char again[16];

    if (sscanf(text, "%2u:%2u", &hours, &minutes) != 2)
        return false;
    snprintf(again, sizeof again, "%02u:%02u", hours % 100, minutes % 100);
    *out = hours * 60 + minutes;
    return strcmp(again, text) == 0 && minutes < 60 && *out <= 1440;
}

static int32_t read_offset(const struct json_in *at)
{
    const char *text = json_read_text(at, TEXT_MAX);
    unsigned minutes = 0;

    if ((text[0] != '+' && text[0] != '-') || !parse_minutes(&minutes, text + 1)) {
        json_wrong(at, "must be an offset such as \"+08:00\"");
        return 0;
    }
    return (int32_t)minutes * (text[0] == '-' ? -60 : 60);
}

static uint16_t read_clock(const struct json_in *array, size_t index)
{
    struct json_in at = json_item(array, index);
    unsigned minutes = 0;

    if (!parse_minutes(&minutes, json_read_text(&at, TEXT_MAX)))
        json_wrong(&at, "must be a time of day such as \"09:00\"");
    return (uint16_t)minutes;
}

/* The days of the week that are worked, Monday 1 to Sunday 7, onto every day of the span. */
static void read_weekdays(const struct json_in *at, struct ledger_calendar *out)
{
    bool worked[8] = {false};
    int64_t last = 0;

    for (size_t i = 0, n = json_count(at, 7); i < n; i++) {
        struct json_in item = json_item(at, i);
        int64_t day = json_read_int(&item, 1, 7);

        if (day <= last)
            json_wrong(&item, "weekdays must ascend, Monday is 1");
        last = day;
        worked[day] = true;
    }
    for (uint32_t i = 0; i < out->n_days; i++) /* 1970-01-01 was a Thursday */
        out->worked[i] = worked[(out->first_day + i + 3) % 7 + 1];
}

/* A date, or "date..date"; as days from the calendar's first. */
static void read_span(const struct json_in *at, const struct ledger_calendar *c, uint32_t *begin,
                      uint32_t *end)
{
    const char *text = json_read_text(at, TEXT_MAX);
    uint32_t first, last;

    *begin = *end = 0;
    if (strlen(text) != 10 && (strlen(text) != 22 || strncmp(text + 10, "..", 2) != 0)) {
        json_wrong(at, "must be a date, or two as in \"2026-10-01..2026-10-07\"");
        return;
    }
    first = parse_day(at, text);
    last = strlen(text) == 22 ? parse_day(at, text + 12) : first;
    if (first < c->first_day || last < first || last - c->first_day >= c->n_days) {
        json_wrong(at, "lies outside the calendar, or ends before it begins");
        return;
    }
    *begin = first - c->first_day;
    *end = last - c->first_day + 1;
}

static void read_exceptions(const struct json_in *at, struct ledger_calendar *out, bool worked)
{
    uint32_t after = 0;

    for (size_t i = 0, n = json_count(at, out->n_days); i < n; i++) {
        struct json_in item = json_item(at, i);
        uint32_t begin, end;
        unsigned changed = 0;

        read_span(&item, out, &begin, &end);
        if (begin < after)
            json_wrong(&item, "dates must ascend and not overlap");
        after = end;
        for (uint32_t day = begin; day < end; day++) {
            changed += out->worked[day] != worked;
            out->worked[day] = worked;
        }
        if (changed == 0)
            json_wrong(&item, worked ? "is worked already" : "is off already");
    }
}

void genesis_read_calendar(const struct json_in *at, bool file, struct ledger_calendar *out,
                           struct arena *a)
{
    static const char *const NAMES[] = {"number",   "name", "utc_offset", "hours", "first", "last",
                                        "weekdays", "off",  "worked",     NULL,    NULL};
    const char *names[sizeof NAMES / sizeof NAMES[0]];

    memcpy(names, NAMES, sizeof names);
    names[9] = file ? "about" : NULL;
    json_only(at, names);
    struct json_in number = json_member(at, "number"), name = json_member(at, "name"),
                   offset = json_member(at, "utc_offset"), hours = json_member(at, "hours"),
                   first = json_member(at, "first"), last = json_member(at, "last"),
                   weekdays = json_member(at, "weekdays"), off = json_member(at, "off"),
                   worked = json_member(at, "worked");
    out->number = (uint32_t)json_read_int(&number, 1, UINT32_MAX);
    out->name = genesis_read_text(&name, a);
    out->utc_offset_s = read_offset(&offset);
    if (json_count(&hours, 2) != 2)
        json_wrong(&hours, "must be two times of day, begin and end");
    out->day_begin_min = read_clock(&hours, 0);
    out->day_end_min = read_clock(&hours, 1);
    out->first_day = read_day(&first);
    uint32_t last_day = read_day(&last);
    if (last_day < out->first_day || last_day - out->first_day >= 40000)
        json_wrong(&last, "must not be before first, nor more than 40000 days after it");
    if (at->fault->found)
        return;
    out->n_days = last_day - out->first_day + 1;
    out->worked = arena_alloc(a, out->n_days);
    read_weekdays(&weekdays, out);
    read_exceptions(&off, out, false);
    read_exceptions(&worked, out, true);
}

/* ---- code lists ---- */

static void read_code(const struct json_in *at, struct ledger_code *out, struct arena *a)
{
    static const char *const NAMES[] = {"code", "zh", "en", NULL};

    json_only(at, NAMES);
    struct json_in code = json_member(at, "code"), zh = json_member(at, "zh"),
                   en = json_member(at, "en");
    out->code = bytes_of_text(genesis_read_text(&code, a));
    out->zh = genesis_read_text(&zh, a);
    out->en = genesis_read_text(&en, a);
}

static void read_code_list(const struct json_in *at, struct ledger_code_list *out, struct arena *a)
{
    static const char *const NAMES[] = {"number", "name", "codes", NULL};

    json_only(at, NAMES);
    struct json_in number = json_member(at, "number"), name = json_member(at, "name"),
                   codes = json_member(at, "codes");
    out->number = (uint32_t)json_read_int(&number, 1, UINT32_MAX);
    out->name = genesis_read_text(&name, a);
    out->n_codes = (uint32_t)json_count(&codes, CODES_MAX);
    out->codes = arena_alloc(a, (out->n_codes + 1u) * sizeof out->codes[0]);
    for (uint32_t i = 0; i < out->n_codes; i++) {
        struct json_in item = json_item(&codes, i);

        read_code(&item, &out->codes[i], a);
        if (i > 0 && bytes_compare(out->codes[i - 1].code, out->codes[i].code) >= 0)
            json_wrong(&item, "codes must ascend in byte order, each once");
    }
}

struct ledger_code_list *genesis_read_code_lists(const struct json_in *at, uint32_t *count,
                                                 struct arena *a)
{
    struct ledger_code_list *out;

    *count = (uint32_t)json_count(at, LISTS_MAX);
    out = arena_alloc(a, (*count + 1u) * sizeof out[0]);
    for (uint32_t i = 0; i < *count; i++) {
        struct json_in item = json_item(at, i);

        read_code_list(&item, &out[i], a);
    }
    return out;
}

/* ---- limits and timeouts: objects of integers, each optional ---- */

struct number_row {
    const char *name;
    size_t at;
    bool wide; /* a u64, not a u32 */
};

#define LIMIT(n)                                                                                   \
    {                                                                                              \
#n, offsetof(struct ledger_limits, n), sizeof(((struct ledger_limits *)0)->n) == 8         \
    }
#define TIMEOUT(n)                                                                                 \
    {                                                                                              \
#n, offsetof(struct ledger_timeouts, n), false                                             \
    }
static const struct number_row LIMITS[] = {
    LIMIT(record_size), LIMIT(envelope_size),    LIMIT(envelope_records), LIMIT(batch_size),
    LIMIT(block_size),  LIMIT(block_records),    LIMIT(block_signatures), LIMIT(frame_size),
    LIMIT(touched),     LIMIT(timers_per_block), LIMIT(refusals_per_day), LIMIT(valid_ahead_ms),
    LIMIT(heartbeat_ms)};
static const struct number_row TIMEOUTS[] = {TIMEOUT(propose_ms),   TIMEOUT(propose_step_ms),
                                             TIMEOUT(vote_ms),      TIMEOUT(vote_step_ms),
                                             TIMEOUT(cap_ms),       TIMEOUT(flagged_propose_ms),
                                             TIMEOUT(precision_ms), TIMEOUT(message_delay_ms)};
enum {
    N_LIMITS = sizeof LIMITS / sizeof LIMITS[0],
    N_TIMEOUTS = sizeof TIMEOUTS / sizeof TIMEOUTS[0]
};

static void read_numbers(const struct json_in *at, void *out, const struct number_row *rows,
                         size_t count)
{
    const char *names[N_LIMITS + N_TIMEOUTS] = {NULL};

    for (size_t i = 0; i < count; i++)
        names[i] = rows[i].name;
    json_only(at, names);
    for (size_t i = 0; i < count; i++) {
        struct json_in in = json_optional(at, rows[i].name);
        uint64_t v = in.value != NULL ? (uint64_t)json_read_int(&in, 1, UINT32_MAX) : 0;
        uint32_t v32 = (uint32_t)v;

        if (in.value != NULL && rows[i].wide)
            memcpy((char *)out + rows[i].at, &v, sizeof v);
        else if (in.value != NULL)
            memcpy((char *)out + rows[i].at, &v32, sizeof v32);
    }
}

static json_t *json_of_numbers(const void *in, const struct number_row *rows, size_t count)
{
    json_t *out = json_object();

    for (size_t i = 0; i < count; i++) {
        uint64_t v = 0;
        uint32_t v32 = 0;

        if (rows[i].wide)
            memcpy(&v, (const char *)in + rows[i].at, sizeof v);
        else
            memcpy(&v32, (const char *)in + rows[i].at, sizeof v32);
        json_object_set_new(out, rows[i].name, json_integer((json_int_t)(rows[i].wide ? v : v32)));
    }
    return out;
}

void genesis_read_limits(const struct json_in *at, struct ledger_limits *out)
{
    ledger_limits_defaults(out);
    if (at->value != NULL)
        read_numbers(at, out, LIMITS, N_LIMITS);
}

void genesis_read_timeouts(const struct json_in *at, struct ledger_timeouts *out)
{
    ledger_timeouts_defaults(out);
    if (at->value != NULL)
        read_numbers(at, out, TIMEOUTS, N_TIMEOUTS);
}

json_t *genesis_json_of_limits(const struct ledger_limits *l)
{
    return json_of_numbers(l, LIMITS, N_LIMITS);
}

json_t *genesis_json_of_timeouts(const struct ledger_timeouts *t)
{
    return json_of_numbers(t, TIMEOUTS, N_TIMEOUTS);
}

/* ---- writing ---- */

json_t *genesis_json_of_name(const char *zh, const char *en)
{
    json_t *out = json_object();

    json_object_set_new(out, "zh", json_string(zh));
    json_object_set_new(out, "en", json_string(en));
    return out;
}

json_t *genesis_json_of_roles(char *const *roles, uint32_t count)
{
    json_t *out = json_array();

    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(out, json_string(roles[i]));
    return out;
}

void genesis_json_add_node(json_t *object, const struct ledger_node_info *n)
{
    json_object_set_new(object, "node_key", json_of_hex(n->node.node_key.b, CRYPTO_KEY_SIZE));
    json_object_set_new(object, "log_key", json_of_hex(n->node.log_key, CRYPTO_ED25519_SIZE));
    json_object_set_new(object, "cosign_key", json_of_hex(n->node.cosign_key, CRYPTO_ED25519_SIZE));
    json_object_set_new(object, "tls_spki", json_of_hash(&n->tls_spki));
    json_object_set_new(object, "peer", json_string(n->peer));
    json_object_set_new(object, "rpc", json_string(n->rpc));
}

void genesis_json_write(struct writer *w, json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2));

    if (text != NULL)
        writer_bytes(w, bytes_of_text(text));
    writer_u8(w, '\n');
    free(text);
    json_decref(value);
}
