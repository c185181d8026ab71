/* SPDX-License-Identifier: Apache-2.0
 * The exceptions as a list in the order of the file. */
#include "support/golden_exceptions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/golden_files.h"

enum { MANY = 400, LONGEST = 64 };

static struct {
    struct {
        char one[LONGEST], name[LONGEST];
        bool used, sometimes; /* sometimes: NAME?, which some C libraries need */
    } lines[MANY];
    size_t count;
    bool read;
} list;

static void add_line(const char *one, const char *name)
{
    if (list.count == MANY || strlen(one) >= LONGEST || strlen(name) >= LONGEST) {
        fprintf(stderr, "exceptions.txt: no room for %s %s\n", one, name);
        exit(2);
    }
    size_t length = strlen(name), sure = length - (length && name[length - 1] == '?');
    strcpy(list.lines[list.count].one, one);
    memcpy(list.lines[list.count].name, name, sure);
    list.lines[list.count++].sometimes = sure != length;
}

/* CASE NAME,NAME? "why", one a line. */
static void read_list(void)
{
    size_t size;
    char *text = golden_read("exceptions.txt", &size), *next = NULL;
    for (char *line = text; line && *line; line = next) {
        char one[LONGEST], names[4 * LONGEST], *rest = names;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (*line == '#')
            continue;
        if (sscanf(line, "%63s %255s \"", one, names) != 2) {
            fprintf(stderr, "exceptions.txt: no sense in: %s\n", line);
            exit(2);
        }
        for (char *comma; (comma = strchr(rest, ',')); rest = comma + 1) {
            *comma = '\0';
            add_line(one, rest);
        }
        add_line(one, rest);
    }
    free(text);
    list.read = true;
}

bool golden_excused(const char *one, const char *name)
{
    bool found = false;
    if (!list.read)
        read_list();
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(list.lines[i].one, one) == 0 && strcmp(list.lines[i].name, name) == 0)
            found = list.lines[i].used = true;
    }
    return found;
}

size_t golden_excused_cases(void)
{
    size_t cases = 0;
    if (!list.read)
        read_list();
    for (size_t i = 0; i < list.count; i++) {
        bool new = true;
        for (size_t k = 0; k < i; k++)
            new &= strcmp(list.lines[i].one, list.lines[k].one) != 0;
        cases += new;
    }
    return cases;
}

size_t golden_unused_exceptions(bool (*skip)(const char *one, const char *name))
{
    size_t unused = 0;
    if (!list.read)
        read_list();
    for (size_t i = 0; i < list.count; i++) {
        if (list.lines[i].used || list.lines[i].sometimes ||
            (skip && skip(list.lines[i].one, list.lines[i].name)))
            continue;
        printf("    exceptions.txt: %s %s excuses nothing\n", list.lines[i].one,
               list.lines[i].name);
        unused++;
    }
    return unused;
}

void golden_exceptions_clear(void)
{
    memset(&list, 0, sizeof list);
}
