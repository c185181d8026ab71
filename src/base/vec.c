/* SPDX-License-Identifier: Apache-2.0
 * The one function behind TW_VEC: growth by half again. The pointer is read and written by memcpy,
 * since `items` has another pointer type than void *. */
#include "base/vec.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

/* Growth by half again makes appending cheap on average; a failure leaves the items as they
 * were. */
bool tw_vec_reserve_(void **items, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity)
        return true;
    size_t grown;
    if (!tw_size_add(*capacity, *capacity / 2, &grown) || grown < need)
        grown = need;
    if (grown < FIRST_CAPACITY)
        grown = FIRST_CAPACITY;
    void *memory;
    memcpy(&memory, items, sizeof memory);
    memory = tw_realloc_array(memory, grown, size);
    if (!memory)
        return false;
    memcpy(items, &memory, sizeof memory);
    *capacity = grown;
    return true;
}

/* What cannot be moved stays as large as it is. */
void tw_vec_fit_(void **items, size_t *capacity, size_t count, size_t size)
{
    void *memory;
    memcpy(&memory, items, sizeof memory);
    memory = count && count < *capacity ? tw_realloc_array(memory, count, size) : NULL;
    if (!memory)
        return;
    memcpy(items, &memory, sizeof memory);
    *capacity = count;
}
