#include "rpc/procedure_compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for a name in the arena's array, grown by doubling: old arrays stay until the arena goes. */
static struct name *names_append(struct compile *c, struct names *n, const char *text)
{
    if (n->count == n->room) {
        uint32_t room = n->room == 0 ? 32 : 2 * n->room;
        struct name *items = arena_alloc(&c->arena, room * sizeof *items);
        if (n->count > 0)
            memcpy(items, n->items, n->count * sizeof *items);
        n->items = items;
        n->room = room;
    }
    struct name *item = &n->items[n->count++];
    *item = (struct name){.text = arena_text(&c->arena, bytes_of_text(text))};
    return item;
}

static struct name *find_any(const struct names *n, const char *text)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (strcmp(n->items[i].text, text) == 0)
            return &n->items[i];
    return NULL;
}

static const struct name *find_number(const struct names *n, uint16_t number)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (n->items[i].number == number)
            return &n->items[i];
    return NULL;
}

void names_load(struct compile *c, struct names *n, json_t *root)
{
    json_t *numbers = json_object_get(root, "numbers");
    json_t *section, *value;
    const char *text;
    size_t outer = compile_go(c, "numbers"), inner;

    section = numbers != NULL ? compile_member(c, numbers, n->section, JSON_OBJECT, false) : NULL;
    inner = compile_go(c, n->section);
    if (section != NULL)
        json_object_foreach(section, text, value)
        {
            size_t mark = compile_go(c, text);
            uint16_t number = (uint16_t)compile_integer(c, value, n->first, 65000, 0);
            const struct name *other = number != 0 ? find_number(n, number) : NULL;
            if (strpbrk(text, "\"\\\n") != NULL)
                compile_fault(c, NULL, "`%.40s` can't be a name", text);
            else if (other != NULL)
                compile_fault(c, "a number of its own, never one that was used before",
                              "the number %u is also that of the %s `%s`", number, n->kind,
                              other->text);
            names_append(c, n, text)->number = number;
            compile_back(c, mark);
        }
    compile_back(c, inner);
    compile_back(c, outer);
}

struct name *names_share(struct compile *c, struct names *n, const char *text)
{
    struct name *item = find_any(n, text);

    if (item == NULL) {
        uint32_t next = n->first;
        for (uint32_t i = 0; i < n->count; i++)
            if (n->items[i].number >= next)
                next = n->items[i].number + 1u;
        item = names_append(c, n, text);
        item->number = (uint16_t)next;
        item->fresh = true;
    }
    item->used = true;
    return item;
}

struct name *names_declare(struct compile *c, struct names *n, const char *text)
{
    const struct name *before = find_any(n, text);

    if (before != NULL && before->used)
        compile_fault(c, NULL, "the %s `%s` is there twice", n->kind, text);
    return names_share(c, n, text);
}

const struct name *names_find(const struct names *n, const char *text)
{
    const struct name *item = find_any(n, text);

    return item != NULL && item->used ? item : NULL;
}

uint16_t names_number(struct compile *c, const struct names *n, const char *text)
{
    const struct name *item = names_find(n, text);

    if (item != NULL)
        return item->number;
    compile_fault_unknown(c, n->kind, text, n);
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const struct name *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static void put_text(struct writer *out, const char *text)
{
    writer_put(out, text, strlen(text));
}

/* One section, wrapped at 100 columns. Names are plain, they need no escapes. */
static void put_section(struct writer *out, const struct names *n)
{
    char item[160];
    size_t column;

    (void)snprintf(item, sizeof item, "    \"%s\": {", n->section);
    column = strlen(item);
    put_text(out, item);
    for (uint32_t i = 0; i < n->count; i++) {
        int size = snprintf(item, sizeof item, "%s\"%.100s\": %u", i > 0 ? " " : "",
                            n->items[i].text, n->items[i].number);
        if (i > 0) {
            put_text(out, ",");
            column++;
        }
        if (column + (size_t)size > 98) {
            put_text(out, "\n     ");
            column = 5;
        }
        put_text(out, item);
        column += (size_t)size;
    }
    put_text(out, "}");
}

bool names_write(struct writer *out, struct bytes source, struct names *const *all, size_t count)
{
    struct writer section = {0};
    struct json_place place = json_place_find(source, "/numbers");
    struct json_place whole = json_place_find(source, "");
    const char *text = (const char *)source.data;
    size_t cut = place.begin, resume = place.end;
    bool fresh = false;

    put_text(&section, "{");
    for (size_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < all[i]->count; k++)
            fresh = fresh || all[i]->items[k].fresh;
        if (all[i]->count == 0)
            continue;
        qsort(all[i]->items, all[i]->count, sizeof *all[i]->items, by_number);
        put_text(&section, section.size > 1 ? ",\n" : "\n");
        put_section(&section, all[i]);
    }
    put_text(&section, "\n  }");
    if (!place.exact) { /* the last member: after what stands before the closing brace */
        resume = whole.end - 1;
        for (cut = resume; cut > 0 && strchr(" \t\r\n", text[cut - 1]) != NULL;)
            cut--;
    }
    writer_put(out, text, cut);
    if (!place.exact)
        put_text(out, ",\n  \"numbers\": ");
    writer_bytes(out, writer_view(&section));
    if (!place.exact)
        put_text(out, "\n");
    writer_put(out, text + resume, source.size - resume);
    writer_free(&section);
    return fresh;
}
