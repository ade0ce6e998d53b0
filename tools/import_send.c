#include "tools/import.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUEUE_MAX = 256, REQUEST_BYTES_MAX = 2 * 1024 * 1024, CALL_TIMEOUT_S = 30, PAUSE_US_MIN = 50000, PAUSE_US_MAX = 2000000 };

struct item {
    uint32_t envelope;
    struct bytes wire; /* heap */
};

/* A sender: its connection, and the envelopes of its request. */
struct sender {
    struct import_sender *all;
    struct nodes nodes;
    struct item item[QUEUE_MAX];
    size_t count;
    pthread_t thread;
};

struct import_sender {
    struct import_sending config;
    pthread_mutex_t lock;
    pthread_cond_t work, answered;
    struct item queue[QUEUE_MAX];
    size_t queue_count;
    size_t queue_max;
    struct import_answer answers[2 * QUEUE_MAX];
    size_t answer_count;
    size_t open; /* envelopes handed over and not taken back as answers */
    bool stopping, failed;
    char words[400];
    uint64_t answered_ms; /* when a node last answered */
    struct sender sender[IMPORT_SENDERS_MAX];
    unsigned threads;
};

/* Takes a request's envelopes; false: it is over. */
static bool take_request(struct sender *s)
{
    struct import_sender *all = s->all;
    size_t bytes = 0;

    pthread_mutex_lock(&all->lock);
    while (all->queue_count == 0 && !all->stopping)
        pthread_cond_wait(&all->work, &all->lock);
    while (!all->stopping && s->count < all->queue_count && s->count < all->config.per_request
           && (s->count == 0 || bytes + all->queue[s->count].wire.size < REQUEST_BYTES_MAX)) {
        s->item[s->count] = all->queue[s->count];
        bytes += s->item[s->count++].wire.size;
    }
    all->queue_count -= s->count;
    memmove(all->queue, all->queue + s->count, all->queue_count * sizeof(all->queue[0]));
    bool more = !all->stopping;
    pthread_mutex_unlock(&all->lock);
    return more;
}

static void copy_text(char *out, size_t size, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    strncpy(out, text != NULL ? text : "", size - 1);
    out[size - 1] = '\0';
}

/* False: it has no fate yet and is to be sent again. */
static bool fate_of(struct import_answer *a, const json_t *result)
{
    static const struct {
        const char *state;
        enum import_fate fate;
    } FATES[] = {{"committed", FATE_COMMITTED}, {"refused", FATE_REFUSED}, {"skipped", FATE_SKIPPED}, {"invalid", FATE_INVALID}};
    const char *state = json_string_value(json_object_get(result, "state"));

    for (size_t i = 0; i < sizeof(FATES) / sizeof(FATES[0]); i++) {
        if (state == NULL || strcmp(state, FATES[i].state) != 0)
            continue;
        a->fate = FATES[i].fate;
        a->record = (uint32_t)json_integer_value(json_object_get(result, "record"));
        copy_text(a->outcome, sizeof(a->outcome), result, json_object_get(result, "clause") != NULL ? "clause" : "outcome_name");
        copy_text(a->hint, sizeof(a->hint), result, "hint");
        return true;
    }
    return false;
}

/* Hands answers over and keeps what has to be sent again. */
static void settle(struct sender *s, const json_t *answer, uint32_t ms)
{
    struct import_sender *all = s->all;
    const json_t *results = json_object_get(answer, "results");
    size_t left = 0;

    pthread_mutex_lock(&all->lock);
    all->answered_ms = tool_now_ms();
    for (size_t i = 0; i < s->count; i++) {
        struct import_answer a = {.envelope = s->item[i].envelope, .ms = ms};
        if (!fate_of(&a, json_array_get(results, i))) {
            s->item[left++] = s->item[i];
            continue;
        }
        all->answers[all->answer_count++] = a;
        free((void *)(uintptr_t)s->item[i].wire.data);
    }
    s->count = left;
    pthread_cond_signal(&all->answered);
    pthread_mutex_unlock(&all->lock);
}

static enum anju_err send_once(struct sender *s, json_t **answer)
{
    struct nodes *n = &s->nodes;
    struct bytes wires[QUEUE_MAX] = {{0}};
    struct writer batch = {0};
    enum anju_err err = ANJU_OK;

    if (n->client == NULL) {
        err = tool_client_open(&n->client, n->url[n->now], n->registry);
        if (err == ANJU_OK)
            tool_client_timeout(n->client, CALL_TIMEOUT_S);
    }
    for (size_t i = 0; i < s->count; i++)
        wires[i] = s->item[i].wire;
    ledger_batch_encode(&batch, wires, (uint16_t)s->count);
    if (err == ANJU_OK)
        err = tool_send_batch(n->client, answer, writer_view(&batch));
    writer_free(&batch);
    if (err != ANJU_OK) { /* the next node */
        tool_client_close(n->client);
        n->client = NULL;
        n->now = (n->now + 1) % n->count;
    }
    return err;
}

/* No node has answered anybody for too long. */
static bool give_up(struct import_sender *all)
{
    pthread_mutex_lock(&all->lock);
    if (!all->failed && tool_now_ms() - all->answered_ms > all->config.patience_ms) {
        all->failed = true;
        strncpy(all->words, anju_err_text(), sizeof(all->words) - 1);
    }
    bool stop = all->failed || all->stopping;
    pthread_cond_signal(&all->answered);
    pthread_mutex_unlock(&all->lock);
    return stop;
}

static void *run(void *arg)
{
    struct sender *s = arg;

    while (take_request(s)) {
        unsigned pause_us = PAUSE_US_MIN;
        while (s->count > 0) {
            json_t *answer = NULL;
            size_t before = s->count;
            uint64_t began = tool_now_ms();
            enum anju_err err = send_once(s, &answer);
            if (err == ANJU_OK)
                settle(s, answer, (uint32_t)(tool_now_ms() - began));
            json_decref(answer);
            if (err != ANJU_OK && give_up(s->all))
                break;
            if (s->count == 0)
                break;
            /* Busy or not there: the node, or the next one, gets time. */
            pause_us = s->count < before ? PAUSE_US_MIN : pause_us;
            usleep(pause_us);
            pause_us = 2 * pause_us < PAUSE_US_MAX ? 2 * pause_us : PAUSE_US_MAX;
            if (give_up(s->all))
                break;
        }
        for (size_t i = 0; i < s->count; i++)
            free((void *)(uintptr_t)s->item[i].wire.data);
        s->count = 0;
    }
    return NULL;
}

enum anju_err import_sender_open(struct import_sender **out, const struct import_sending *config)
{
    struct import_sender *all = anju_alloc(sizeof(*all));

    all->config = *config;
    all->answered_ms = tool_now_ms();
    all->queue_max = 2u * config->senders * config->per_request < QUEUE_MAX ? 2u * config->senders * config->per_request : QUEUE_MAX;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->work, NULL);
    pthread_cond_init(&all->answered, NULL);
    *out = all;
    for (unsigned i = 0; i < config->senders; i++) {
        struct sender *s = &all->sender[i];
        s->all = all;
        nodes_init(&s->nodes, config->url, config->registry);
        if (s->nodes.count == 0)
            return anju_fail(ANJU_ERR_NOT_FOUND, "the genesis document names no nodes: give one with --url");
        s->nodes.now = i % s->nodes.count;
        /* Here, while there is one thread: curl's own start is for one only. */
        enum anju_err err = tool_client_open(&s->nodes.client, s->nodes.url[s->nodes.now], config->registry);
        if (err != ANJU_OK)
            return err;
        tool_client_timeout(s->nodes.client, CALL_TIMEOUT_S);
        if (pthread_create(&s->thread, NULL, run, s) != 0)
            return anju_fail(ANJU_ERR_IO, "cannot start a thread");
        all->threads++;
    }
    return ANJU_OK;
}

bool import_sender_put(struct import_sender *s, uint32_t envelope, struct bytes wire)
{
    pthread_mutex_lock(&s->lock);
    bool room = s->queue_count < s->queue_max && s->open < QUEUE_MAX;
    if (room) {
        s->queue[s->queue_count++] = (struct item){.envelope = envelope, .wire = bytes_of(anju_dup(wire.data, wire.size), wire.size)};
        s->open++;
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

enum anju_err import_sender_take(struct import_sender *s, struct import_answer *out)
{
    enum anju_err err = ANJU_OK;

    pthread_mutex_lock(&s->lock);
    while (s->answer_count == 0 && s->open > 0 && !s->failed)
        pthread_cond_wait(&s->answered, &s->lock);
    if (s->answer_count > 0) {
        *out = s->answers[0];
        memmove(s->answers, s->answers + 1, --s->answer_count * sizeof(s->answers[0]));
        s->open--;
    } else if (s->failed)
        err = anju_fail(ANJU_ERR_IO, "no node answers: %s", s->words);
    else
        err = ANJU_ERR_CLOSED;
    pthread_mutex_unlock(&s->lock);
    return err;
}

void import_sender_close(struct import_sender *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->threads; i++)
        pthread_join(s->sender[i].thread, NULL);
    for (unsigned i = 0; i < s->config.senders; i++)
        nodes_deinit(&s->sender[i].nodes);
    for (size_t i = 0; i < s->queue_count; i++)
        free((void *)(uintptr_t)s->queue[i].wire.data);
    free(s);
}
