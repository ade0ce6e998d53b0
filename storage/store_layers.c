#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_body.h"

/* So many layers a reader looks through at most, about: they are merged sooner where readers keep
 * layers from growing together. */
enum { LAYERS_UNFROZEN_MAX = 24 };

/* ---- One layer ---- */

static struct layer *layer_new(struct ledger_overlay *o)
{
    struct layer *l = anju_alloc(sizeof *l);

    l->overlay = o;
    table_init(&l->envelopes, CRYPTO_HASH_SIZE, sizeof(struct derived_envelope));
    return l;
}

static void layer_free(struct layer *l)
{
    ledger_overlay_free(l->overlay);
    table_free(&l->envelopes);
    free(l);
}

static void add_envelopes(struct table *t, const struct ledger_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct ledger_entry *e = &items[i].entry;
        bool is_new;
        struct derived_envelope *v;
        if (e->kind != LEDGER_ENTRY_RECORD && e->kind != LEDGER_ENTRY_REFUSAL)
            continue;
        v = table_put(t, e->envelope.b, &is_new);
        if (is_new)
            v->first_seq = e->seq;
        v->n++;
    }
}

/* The upper of two layers goes into the lower one. Nobody holds either. */
static void layer_absorb(struct layer *into, struct layer *from)
{
    size_t index = 0;
    const void *id;
    void *value;

    ledger_overlay_absorb(into->overlay, from->overlay); /* frees it */
    from->overlay = NULL;
    while ((id = table_next(&from->envelopes, &index, &value)) != NULL) {
        bool is_new;
        memcpy(table_put(&into->envelopes, id, &is_new), value, sizeof(struct derived_envelope));
    }
    into->weight = ledger_overlay_weight(into->overlay);
    layer_free(from);
}

void layer_hold(struct layer *l)
{
    l->holders++;
}

void layers_release(struct store *s, struct layer **layers, size_t count)
{
    size_t n = 0;

    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < count; i++) {
        struct layer *l = layers[i];
        if (--l->holders == 0 && l->dropped)
            layers[n++] = l; /* ours to free, outside of the mutex */
    }
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < n; i++)
        layer_free(layers[i]);
}

/* ---- The list ---- */

static struct layer *newest(const struct store *s)
{
    return s->n_layers > 0 ? s->layers[s->n_layers - 1] : NULL;
}

const struct ledger_view *layers_head(struct store *s)
{
    struct layer *top = newest(s);
    return top != NULL ? ledger_overlay_view(top->overlay) : &s->base.view;
}

size_t layers_tail_weight(const struct store *s)
{
    size_t sum = 0;

    for (size_t i = 0; i < s->n_layers; i++)
        if (!s->layers[i]->merged)
            sum += s->layers[i]->weight;
    return sum;
}

static void push(struct store *s, struct layer *l)
{
    if (s->n_layers == s->room) {
        s->room = 2 * s->room + 16;
        s->layers = anju_realloc(s->layers, s->room * sizeof(struct layer *));
    }
    s->layers[s->n_layers++] = l;
}

static bool can_change(const struct layer *l)
{
    return !l->frozen && l->holders == 0;
}

/* Lets the newest layers grow together where no reader looks at them. */
static void grow_together(struct store *s)
{
    while (s->n_layers >= 2 && can_change(s->layers[s->n_layers - 1]) &&
           can_change(s->layers[s->n_layers - 2])) {
        layer_absorb(s->layers[s->n_layers - 2], s->layers[s->n_layers - 1]);
        s->n_layers--;
    }
}

static void freeze_all(struct store *s)
{
    for (size_t i = 0; i < s->n_layers; i++) {
        if (s->layers[i]->frozen)
            continue;
        s->layers[i]->frozen = true;
        s->layers[i]->trims = s->trims;
    }
    pthread_cond_broadcast(&s->changed);
}

static void freeze_heavy(struct store *s)
{
    size_t weight = 0, count = 0;

    for (size_t i = 0; i < s->n_layers; i++) {
        if (s->layers[i]->frozen)
            continue;
        weight += s->layers[i]->weight;
        count++;
    }
    if (weight >= s->options.merge_weight || count > LAYERS_UNFROZEN_MAX)
        freeze_all(s);
}

void layers_freeze(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    freeze_all(s);
    pthread_mutex_unlock(&s->mutex);
}

void layers_publish(struct store *s, struct ledger_overlay *o, const struct ledger_item *items,
                    size_t count)
{
    struct layer *l = layer_new(o);

    if (s->trim_next) {
        ledger_overlay_trim(o); /* the newest version of the map: the next ones come from it */
        s->trims++;
        s->trim_next = false;
    }
    add_envelopes(&l->envelopes, items, count);
    l->weight = ledger_overlay_weight(o);
    pthread_mutex_lock(&s->mutex);
    s->tip = *ledger_overlay_tip(o);
    push(s, l);
    grow_together(s);
    freeze_heavy(s);
    pthread_mutex_unlock(&s->mutex);
}

/* The base takes over the state of the newest merged layer. Mutex held. */
static void move_base(struct store *s, size_t n_merged)
{
    struct layer *last = s->layers[n_merged - 1];
    struct ledger_map *map = ledger_map_hold(ledger_overlay_map(last->overlay));

    ledger_map_release(s->base_map);
    s->base_map = map;
    s->base_tip = *ledger_overlay_tip(last->overlay);
    s->has_base = true;
    s->n_layers -= n_merged;
    memmove(s->layers, s->layers + n_merged, s->n_layers * sizeof(struct layer *));
    if (s->n_layers > 0)
        ledger_overlay_rebase(s->layers[0]->overlay, &s->base.view);
    /* The map may let go of what nothing has touched since it was trimmed the last time. All that
     * was touched before then must be merged by now, else the loader would not find it: true where
     * the newest merged layer was frozen after that. */
    s->trim_next = last->trims == s->trims;
}

enum anju_err layers_drop_merged(struct store *s)
{
    struct layer **gone;
    size_t n = 0, n_free = 0;
    enum anju_err err;

    pthread_mutex_lock(&s->mutex);
    while (n < s->n_layers && s->layers[n]->merged)
        n++;
    pthread_mutex_unlock(&s->mutex);
    if (n == 0)
        return ANJU_OK;
    err = base_renew(s); /* a snapshot that has them */
    if (err != ANJU_OK)
        return err;
    gone = anju_alloc(n * sizeof(struct layer *));
    pthread_mutex_lock(&s->mutex);
    memcpy(gone, s->layers, n * sizeof(struct layer *));
    move_base(s, n);
    for (size_t i = 0; i < n; i++) {
        gone[i]->dropped = true;
        if (gone[i]->holders == 0)
            gone[n_free++] = gone[i];
    }
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < n_free; i++)
        layer_free(gone[i]);
    free(gone);
    return ANJU_OK;
}

void layers_free(struct store *s)
{
    for (size_t i = s->n_layers; i-- > 0;) {
        assert(s->layers[i]->holders == 0);
        layer_free(s->layers[i]);
    }
    free(s->layers);
    s->layers = NULL;
    s->n_layers = s->room = 0;
}
