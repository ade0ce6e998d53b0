/*
 * load: puts orders of the procedure order-import on a running network and says how it went. For
 * the scripts of tests/net: it knows nothing that a client could not know.
 *
 *   load GENESIS SECRET KEY URL ENVELOPES RECORDS PER_REQUEST [FILE]
 *
 * SECRET is an operator.key file, KEY the key's number in genesis. Each envelope places RECORDS
 * orders. Prints one JSON line: committed, other, seconds, p50_ms and p99_ms of the requests. FILE
 * gets the id of each acknowledged envelope, one a line. Exit code 0: every envelope was committed
 * and applied.
 */
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/procedure_body.h"
#include "rpc/genesis_json.h"

static struct ledger_genesis genesis;
static struct ledger_registry *registry;
static const struct ledger_procedure *procedure;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, anju_err_text());
    exit(2);
}

static uint64_t now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct bytes read_file(const char *name)
{
    static uint8_t data[2][4 << 20];
    static int used;
    FILE *in = fopen(name, "r");
    size_t size;

    if (in == NULL) {
        perror(name);
        exit(2);
    }
    size = fread(data[used], 1, sizeof(data[0]), in);
    fclose(in);
    return bytes_of(data[used++], size);
}

static const struct ledger_action *action_named(const char *name)
{
    for (unsigned i = 0; i < procedure->n_actions; i++) {
        if (strcmp(procedure->action[i].name, name) == 0)
            return &procedure->action[i];
    }
    fprintf(stderr, "load: order-import has no action %s\n", name);
    exit(2);
}

/* One `place` record: occurred, no, type. */
static struct bytes place(struct arena *a, uint64_t number)
{
    const struct ledger_action *action = action_named("place");
    struct ledger_value values[3];
    struct ledger_record r = {.procedure = procedure->number,
                              .procedure_version = procedure->version,
                              .action = action->number,
                              .fields = values};
    struct writer w = {0}, out = {0};
    struct bytes raw;
    char text[64];

    crypto_random(r.subject.b, sizeof(r.subject.b));
    put_u16(r.subject.b, (uint16_t)(now_us(CLOCK_REALTIME) / 1000000 / 86400));
    for (unsigned i = 0; i < action->n_fields; i++) {
        const char *name = action->field[i].name;
        writer_clear(&w);
        if (strcmp(name, "occurred") == 0) {
            mp_put_uint(&w, now_us(CLOCK_REALTIME) / 1000 - 1000000);
        } else if (strcmp(name, "no") == 0) {
            snprintf(text, sizeof(text), "N%llu", (unsigned long long)number);
            mp_put_str(&w, bytes_of_text(text));
        } else if (strcmp(name, "type") == 0) {
            mp_put_str(&w, bytes_of_text("street light"));
        } else {
            continue;
        }
        values[r.n_fields++] = (struct ledger_value){.number = action->field[i].number,
                                                     .value = arena_copy(a, writer_view(&w))};
    }
    ledger_record_encode(&out, &r);
    raw = arena_copy(a, writer_view(&out));
    writer_free(&w);
    writer_free(&out);
    return raw;
}

static struct bytes envelope(struct arena *a, const struct crypto_secret *secret, uint32_t key,
                             uint16_t records, uint64_t *number)
{
    struct bytes *raws = arena_alloc(a, records * sizeof(*raws)), wire;
    uint8_t body[LEDGER_BODY_SIZE], nonce[LEDGER_NONCE_SIZE];
    const struct ledger_member_key *k = ledger_registry_key(registry, key);
    struct crypto_hash id;
    struct crypto_sig sig;
    struct writer w = {0};

    if (k == NULL)
        die("no such key in genesis");
    for (unsigned i = 0; i < records; i++)
        raws[i] = place(a, (*number)++);
    crypto_random(nonce, sizeof(nonce));
    ledger_envelope_body(body, k->member, key, nonce, now_us(CLOCK_REALTIME) / 1000 + 3600000, raws,
                         records);
    ledger_envelope_id(&id, bytes_of(body, sizeof(body)), &registry->ledger_id);
    if (crypto_sign(&sig, secret, &id) != ANJU_OK)
        die("sign");
    ledger_envelope_wire(&w, body, &sig, raws, records);
    wire = arena_copy(a, writer_view(&w));
    writer_free(&w);
    return wire;
}

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
    writer_put(ctx, data, size * count);
    return size * count;
}

static unsigned committed, other;

static void count_results(struct bytes answer, FILE *acks)
{
    json_error_t error;
    json_t *all = json_loadb((const char *)answer.data, answer.size, 0, &error), *one;
    size_t i;

    json_array_foreach(json_object_get(all, "results"), i, one)
    {
        const char *state = json_string_value(json_object_get(one, "state"));
        if (state != NULL && strcmp(state, "committed") == 0) {
            committed++;
            if (acks != NULL) {
                fprintf(acks, "%s\n", json_string_value(json_object_get(one, "envelope")));
                fflush(acks);
            }
        } else {
            char *text = json_dumps(one, JSON_COMPACT);
            if (other++ < 5)
                fprintf(stderr, "load: %s\n", text);
            free(text);
        }
    }
    if (all == NULL)
        fprintf(stderr, "load: no JSON: %.*s\n", (int)answer.size, (const char *)answer.data);
    json_decref(all);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    struct crypto_secret secret;
    unsigned envelopes, records, per_request, requests = 0;
    uint64_t number = now_us(CLOCK_REALTIME), *times, began;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
    FILE *acks = argc > 8 ? fopen(argv[8], "a") : NULL;
    char hex[65] = "", url[300];
    CURL *curl;

    if (argc < 8) {
        fprintf(stderr,
                "usage: load GENESIS SECRET KEY URL ENVELOPES RECORDS PER_REQUEST [FILE]\n");
        return 2;
    }
    if (genesis_json_decode(&genesis, read_file(argv[1])) != ANJU_OK ||
        ledger_registry_new(&registry, &genesis) != ANJU_OK)
        die(argv[1]);
    procedure = ledger_registry_procedure_named(registry, "order-import");
    if (procedure == NULL)
        die("genesis has no order-import");
    memcpy(hex, read_file(argv[2]).data, 64);
    if (hex_decode(secret.b, sizeof(secret.b), hex) != ANJU_OK)
        die(argv[2]);
    envelopes = (unsigned)atoi(argv[5]);
    records = (unsigned)atoi(argv[6]);
    per_request = (unsigned)atoi(argv[7]);
    times = anju_alloc((envelopes / per_request + 2) * sizeof(*times));
    curl_global_init(CURL_GLOBAL_ALL);
    headers = curl_slist_append(headers, "Expect:"); /* the server knows no such header */
    curl = curl_easy_init();
    snprintf(url, sizeof(url), "%s/rpc", argv[4]);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER,
                     0L); /* `anju` pins the key; this is about load */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    began = now_us(CLOCK_MONOTONIC);
    for (unsigned done = 0; done < envelopes;) {
        struct arena a = {0};
        struct writer batch = {0}, answer = {0};
        unsigned n = envelopes - done < per_request ? envelopes - done : per_request;
        struct bytes *wires = arena_alloc(&a, n * sizeof(*wires));
        uint64_t sent;
        for (unsigned i = 0; i < n; i++)
            wires[i] = envelope(&a, &secret, (uint32_t)atoi(argv[3]), (uint16_t)records, &number);
        ledger_batch_encode(&batch, wires, (uint16_t)n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)batch.data);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)batch.size);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
        sent = now_us(CLOCK_MONOTONIC);
        CURLcode rc = curl_easy_perform(curl);
        times[requests++] = now_us(CLOCK_MONOTONIC) - sent;
        if (rc != CURLE_OK) {
            fprintf(stderr, "load: %s: %s\n", url, curl_easy_strerror(rc));
            other += n;
        } else {
            count_results(writer_view(&answer), acks);
        }
        done += n;
        writer_free(&batch);
        writer_free(&answer);
        arena_free(&a);
    }
    double seconds = (double)(now_us(CLOCK_MONOTONIC) - began) / 1e6;
    qsort(times, requests, sizeof(*times), compare);
    printf("{\"committed\":%u,\"other\":%u,\"records\":%u,\"seconds\":%.3f,\"p50_ms\":%.1f,\"p99_"
           "ms\":%.1f}\n",
           committed, other, committed * records, seconds, (double)times[requests / 2] / 1000,
           (double)times[requests * 99 / 100] / 1000);
    curl_easy_cleanup(curl);
    return committed == envelopes && other == 0 ? 0 : 1;
}
