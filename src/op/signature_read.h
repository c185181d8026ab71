/* SPDX-License-Identifier: Apache-2.0
 * Reading the signature language word by word, for src/op/signature.c. */
#ifndef TW_OP_SIGNATURE_READ_H
#define TW_OP_SIGNATURE_READ_H

#include "op/op.h"

/* Where the reading stands. `at` only moves forward; `status` is the first error, and nothing is
 * looked at once it is set. Names and lists are made in the arena, so that a failed parse leaves
 * nothing to free but the tensors of defaults. */
typedef struct tw_reader {
    const char *text, *at;
    tw_arena *arena;
    struct tw_op *op;
    tw_status *status;
} tw_reader;

bool tw_reader_fail(tw_reader *p, const char *format, ...) TW_PRINTF(2, 3) TW_COLD;
bool tw_reader_fail_memory(tw_reader *p);
void tw_reader_skip(tw_reader *p); /* blanks */
bool tw_reader_accept(tw_reader *p, const char *mark);
bool tw_reader_expect(tw_reader *p, const char *mark);
size_t tw_reader_peek(tw_reader *p); /* the length of the word that comes next; 0: there is none */
bool tw_reader_accept_word(tw_reader *p, const char *word);
bool tw_reader_word(tw_reader *p, const char **out);
bool tw_reader_dtype(tw_reader *p, tw_dtype *out);
bool tw_reader_int(tw_reader *p, int64_t *out);
bool tw_reader_string(tw_reader *p, tw_bytes *out);
/* How many elements a list that starts here can have at most. */
size_t tw_reader_list_bound(const tw_reader *p);
/* One value of `kind`, written to `out` as that kind's C type. */
bool tw_reader_value(tw_reader *p, tw_attr_kind kind, void *out);
bool tw_reader_list(tw_reader *p, tw_attr *out); /* out->kind says of what */

#endif
