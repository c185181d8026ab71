/* SPDX-License-Identifier: Apache-2.0
 * Bytes and text from strangers: broken messages get a status with the offset, TensorFlow's verdict
 * on damaged files is ours, no mutant of a golden file does harm, and short memory is told and
 * leaks nothing. The number of mutants of each file is TW_TEST_MUTANTS or 500. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/failing_allocator.h"
#include "support/golden_files.h"
#include "wire/binary.h"
#include "wire/text_format.h"

/* Bytes of a string literal with escapes, NULs included. */
#define BYTES(literal) (literal), (sizeof(literal) - 1)

static void assert_refuses(const tw_pb_type *type, const char *bytes, size_t size,
                           const char *message)
{
    tw_arena arena = {0};
    tw_message *m;
    /* A copy of just this size, so that a sanitizer sees a byte read too far. */
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    tw_status *status = tw_binary_read(&arena, type, copy, size, NULL, &m);
    assert_int_equal(tw_status_code(status), TW_DATA_LOSS);
    assert_string_equal(tw_status_message(status), message);
    assert_null(m);
    tw_status_free(status);
    tw_arena_clear(&arena);
    free(copy);
}

static void broken_bytes_are_refused_with_their_offset(void **state)
{
    (void)state;
    const tw_pb_type *node = &tw_pb_NodeDef, *tensor = &tw_pb_TensorProto;
    assert_refuses(node, BYTES("\x0a"), "tensorflow.NodeDef: a number is cut off at byte 1");
    assert_refuses(node, BYTES("\x0a\x02x"),
                   "tensorflow.NodeDef: a length of 2 where 1 bytes are left at byte 1");
    assert_refuses(
        node, BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        "tensorflow.NodeDef: a length of 18446744073709551615 where 0 bytes are left at byte 1");
    assert_refuses(node, BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
                   "tensorflow.NodeDef: a number of more than ten bytes at byte 0");
    assert_refuses(node, BYTES("\xff\xff\xff\xff\x1f\x00"),
                   "tensorflow.NodeDef: a field number out of range at byte 0");
    assert_refuses(node, BYTES("\x01\x00"),
                   "tensorflow.NodeDef: a field number out of range at byte 0");
    assert_refuses(node, BYTES("\x0a\x00\x00"), "tensorflow.NodeDef: field number 0 at byte 2");
    assert_refuses(node, BYTES("\x0e"), "tensorflow.NodeDef: an unknown wire type at byte 0");
    assert_refuses(node, BYTES("\x0f"), "tensorflow.NodeDef: an unknown wire type at byte 0");
    assert_refuses(node, BYTES("\x0c"),
                   "tensorflow.NodeDef: the end of a group that did not begin at byte 0");
    assert_refuses(node, BYTES("\xab\x06\x08\x01"),
                   "tensorflow.NodeDef: a group without an end at byte 4");
    assert_refuses(node, BYTES("\xab\x06\x0c"),
                   "tensorflow.NodeDef: the end of another group at byte 2");
    assert_refuses(node, BYTES("\xab\x06\x00"), "tensorflow.NodeDef: field number 0 at byte 2");
    assert_refuses(node, BYTES("\xab\x06\x0e"),
                   "tensorflow.NodeDef: an unknown wire type at byte 2");
    assert_refuses(node, BYTES("\xa1\x06\x00\x00"),
                   "tensorflow.NodeDef: a number is cut off at byte 2");
    assert_refuses(node, BYTES("\x0a\x02x\xff"),
                   "tensorflow.NodeDef: the text of field \"name\" at byte 1 is not UTF-8");
    assert_refuses(tensor, BYTES("\x2a\x03\x00\x00\x00"),
                   "tensorflow.TensorProto: a number is cut off at byte 2");
    assert_refuses(tensor, BYTES("\x3a\x02\x01\x80\x01"),
                   "tensorflow.TensorProto: a number is cut off at byte 3");
    assert_refuses(tensor, BYTES("\x2d\x00\x00"),
                   "tensorflow.TensorProto: a number is cut off at byte 1");
    assert_refuses(&tw_pb_GraphDef, BYTES("\x0a\x03\x0a\x02x"),
                   "tensorflow.NodeDef: a length of 2 where 1 bytes are left at byte 3");
}

static void utf8_is_checked_to_the_letter(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe1\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xc3\x28",
                                      "a\xff"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(tw_span_is_utf8((tw_span){good[i], strlen(good[i])}));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(tw_span_is_utf8((tw_span){bad[i], strlen(bad[i])}));
}

static void more_than_2_gib_is_refused_before_it_is_looked_at(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *m;
    tw_status *status = tw_binary_read(&arena, &tw_pb_GraphDef, "", (size_t)INT32_MAX + 1, NULL,
                                       &m);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
    status = tw_text_read(&arena, &tw_pb_GraphDef, "", (size_t)INT32_MAX + 1, &m);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
    /* Writing: the spans are only borrowed, so that their sum can be large without memory for it.
     */
    char *bytes;
    size_t size;
    m = tw_message_new(&arena, &tw_pb_TensorProto);
    for (int i = 0; i < 2; i++)
        assert_true(
            tw_message_add_borrowed(m, TW_PB_TensorProto_string_val, "", (size_t)INT32_MAX / 2));
    status = tw_binary_write(m, &bytes, &size);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    assert_null(bytes);
    tw_status_free(status);
    tw_arena_clear(&arena);
}

/* AttrValue and ListValue cannot nest without a NameAttrList, so: attr, value, func in turn, from
 * the inside out. Gives the offset in `out` at which the message begins; it ends with `room`. */
static size_t nested(unsigned char *out, size_t room, int levels)
{
    static const unsigned char tags[] = {
        0x12, 0x12, 0x52}; /* NameAttrList.attr, AttrEntry.value, AttrValue.func */
    size_t at = room;
    for (int i = levels - 1; i >= 0; i--) {
        size_t length = room - at;
        if (length >= 0x80)
            out[--at] = (unsigned char)(length >> 7);
        out[--at] = (unsigned char)(length >= 0x80 ? length | 0x80 : length);
        out[--at] = tags[i % 3];
    }
    return at;
}

static void nesting_is_bounded_at_100_levels(void **state)
{
    (void)state;
    unsigned char bytes[1024];
    for (int levels = 90; levels <= 110; levels++) {
        tw_arena arena = {0};
        tw_message *m;
        /* Groups nest without a descriptor. */
        size_t size = 0;
        for (int i = 0; i < levels; i++)
            bytes[size++] = 0x7b;
        for (int i = 0; i < levels; i++)
            bytes[size++] = 0x7c;
        tw_status *status = tw_binary_read(&arena, &tw_pb_GraphDef, bytes, size, NULL, &m);
        assert_int_equal(tw_status_code(status), levels <= 100 ? TW_CODE_OK : TW_DATA_LOSS);
        tw_status_free(status);
        size_t at = nested(bytes, sizeof(bytes), levels);
        status = tw_binary_read(&arena, &tw_pb_NameAttrList, bytes + at, sizeof(bytes) - at, NULL,
                                &m);
        assert_int_equal(tw_status_code(status), levels <= 100 ? TW_CODE_OK : TW_DATA_LOSS);
        tw_status_free(status);
        tw_arena_clear(&arena);
    }
}

/* What the file beside a damaged one says: a failure to parse is a DecodeError; other errors come
 * after parsing. */
static void damaged_bytes_get_tensorflows_verdict(const char *path, void *arg)
{
    (void)arg;
    char verdict_path[256];
    tw_arena arena = {0};
    size_t size, unused, consumed = 0;
    tw_message *m;
    snprintf(verdict_path, sizeof(verdict_path), "%s.txt", path);
    char *bytes = golden_read(path, &size), *verdict = golden_read(verdict_path, &unused);
    bool refused = strstr(verdict, "DecodeError") != NULL,
         empty = strstr(verdict, "answer \"nodes 0\"") != NULL;
    assert_true(refused || empty || strstr(verdict, "\nerror ") != NULL);
    tw_status *status = tw_binary_read(&arena, &tw_pb_GraphDef, bytes, size, &consumed, &m);
    if (refused != (status != NULL))
        fail_msg("%s: %s", path, tw_status_message(status));
    if (refused) {
        assert_int_equal(tw_status_code(status), TW_DATA_LOSS);
        assert_non_null(strstr(tw_status_message(status), " at byte "));
    } else {
        assert_int_equal(tw_message_count(m, TW_PB_GraphDef_node) == 0, empty);
    }
    tw_status_free(status);
    tw_arena_clear(&arena);
    free(bytes);
    free(verdict);
}

static void damaged_files_get_tensorflows_verdict(void **state)
{
    (void)state;
    assert_int_equal(
        golden_each("files/tf-0.12.1/damaged", ".pb", damaged_bytes_get_tensorflows_verdict, NULL),
        9);
    assert_int_equal(
        golden_each("files/tf-1.15.5/damaged", ".pb", damaged_bytes_get_tensorflows_verdict, NULL),
        9);
}

static void a_tag_0_ends_a_message_only_for_who_asks_how_far_it_went(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *m;
    size_t size, consumed = 99;
    char *bytes = golden_read("files/tf-1.15.5/damaged/tag_zero.pb", &size);
    assert_refuses(&tw_pb_GraphDef, bytes, size, "tensorflow.GraphDef: field number 0 at byte 0");
    assert_null(tw_binary_read(&arena, &tw_pb_GraphDef, bytes, size, &consumed, &m));
    assert_int_equal(consumed, 1);
    assert_int_equal(tw_message_count(m, TW_PB_GraphDef_node), 0);
    assert_null(tw_binary_read(&arena, &tw_pb_NodeDef, BYTES("\x0a\x01x\x0c\x0a"), &consumed, &m));
    assert_int_equal(consumed, 4);
    assert_null(tw_binary_read(&arena, &tw_pb_NodeDef, BYTES("\x0a\x01x"), &consumed, &m));
    assert_int_equal(consumed, 3);
    /* Inside, it is damage for everybody. */
    tw_status *status = tw_binary_read(&arena, &tw_pb_GraphDef, BYTES("\x0a\x01\x00"), &consumed,
                                       &m);
    assert_int_equal(tw_status_code(status), TW_DATA_LOSS);
    tw_status_free(status);
    tw_arena_clear(&arena);
    free(bytes);
}

/* SplitMix64. */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static size_t below(uint64_t *seed, size_t n)
{
    return n ? (size_t)(next_random(seed) % n) : 0;
}

/* One to four changes to bytes[0 .. size): flips, new bytes, cuts, insertions, moved pieces. */
static size_t mutate(char *bytes, size_t size, size_t room, uint64_t *seed)
{
    for (size_t changes = 1 + below(seed, 4); changes > 0; changes--) {
        size_t at = below(seed, size), n = 1 + below(seed, 8);
        if (!size)
            return 0;
        switch (below(seed, 6)) {
        case 0: bytes[at] = (char)(bytes[at] ^ (1 << below(seed, 8))); break;
        case 1: bytes[at] = (char)next_random(seed); break;
        case 2: size = at; break;
        case 3:
            n = n < size - at ? n : size - at;
            memmove(bytes + at, bytes + at + n, size - at - n);
            size -= n;
            break;
        case 4:
            if (size + n > room)
                break;
            memmove(bytes + at + n, bytes + at, size - at);
            for (size_t i = 0; i < n; i++)
                bytes[at + i] = (char)(below(seed, 2) ? 0xff : next_random(seed));
            size += n;
            break;
        default:
            n = n * 8 < size - at ? n * 8 : size - at;
            memmove(bytes + below(seed, size - n + 1), bytes + at, n);
        }
    }
    return size;
}

/* What was read must be written, and what was written read again as the same. */
static void assert_round_trip(tw_arena *arena, const tw_message *m, bool text)
{
    char *bytes;
    size_t size;
    tw_message *again;
    if (text) {
        assert_null(tw_text_write(m, &bytes, &size));
        assert_null(tw_text_read(arena, m->type, bytes, size, &again));
    } else {
        assert_null(tw_binary_write(m, &bytes, &size));
        assert_null(tw_binary_read(arena, m->type, bytes, size, NULL, &again));
    }
    assert_true(tw_message_equal(m, again));
    tw_free(bytes);
}

typedef struct mutation {
    bool text;
    size_t mutants, taken, refused;
} mutation;

static void read_mutant(const char *bytes, size_t size, mutation *run)
{
    tw_arena arena = {0};
    tw_message *m;
    char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    tw_status *status = run->text ? tw_text_read(&arena, &tw_pb_GraphDef, exact, size, &m)
                                  : tw_binary_read(&arena, &tw_pb_GraphDef, exact, size, NULL, &m);
    if (status) {
        assert_int_equal(tw_status_code(status), run->text ? TW_INVALID_ARGUMENT : TW_DATA_LOSS);
        run->refused++;
    } else {
        assert_round_trip(&arena, m, run->text);
        run->taken++;
    }
    tw_status_free(status);
    tw_arena_clear(&arena);
    free(exact);
}

static void read_mutants(const char *path, void *arg)
{
    mutation *run = arg;
    size_t size, room;
    char *bytes = golden_read(path, &size), *mutant = malloc(room = size + 64);
    assert_non_null(mutant);
    uint64_t seed = size;
    for (size_t i = 0; i < run->mutants; i++) {
        memcpy(mutant, bytes, size);
        read_mutant(mutant, mutate(mutant, size, room, &seed), run);
    }
    free(mutant);
    free(bytes);
}

static size_t mutants_of_each(void)
{
    const char *count = getenv("TW_TEST_MUTANTS");
    return count ? (size_t)strtoul(count, NULL, 10) : 500;
}

static void mutants_of_golden_graphs_do_no_harm(void **state)
{
    (void)state;
    mutation run = {.text = false, .mutants = mutants_of_each()};
    golden_each("files/tf-0.12.1/graphs", ".pb", read_mutants, &run);
    golden_each("files/tf-1.15.5/graphs", ".pb", read_mutants, &run);
    /* Both ways are taken by many, or the mutants are no test. */
    assert_true(run.taken > run.mutants / 4 && run.refused > run.mutants / 4);
}

static void mutants_of_golden_text_do_no_harm(void **state)
{
    (void)state;
    mutation run = {.text = true, .mutants = mutants_of_each()};
    golden_each("files/tf-0.12.1/graphs", ".pbtxt", read_mutants, &run);
    golden_each("files/tf-1.15.5/graphs", ".pbtxt", read_mutants, &run);
    golden_each("files/tf-1.15.5/damaged", ".pbtxt", read_mutants, &run);
    assert_true(run.taken > run.mutants / 4 && run.refused > run.mutants / 4);
}

/* Reads, copies and writes in every way; the first failure ends it. */
static tw_status *work_through(const char *bytes, size_t size, const char *text, size_t length)
{
    tw_arena arena = {0};
    tw_message *a = NULL, *b = NULL, *copy;
    char *out = NULL;
    size_t n;
    tw_status *status = tw_binary_read(&arena, &tw_pb_GraphDef, bytes, size, NULL, &a);
    if (!status)
        status = tw_text_read(&arena, &tw_pb_GraphDef, text, length, &b);
    if (!status)
        status = tw_binary_write(b, &out, &n);
    tw_free(out);
    out = NULL;
    if (!status)
        status = tw_text_write(a, &out, &n);
    tw_free(out);
    if (!status) {
        copy = tw_message_new(&arena, &tw_pb_GraphDef);
        if (!copy || !tw_message_merge(copy, a))
            status = tw_status_new(TW_RESOURCE_EXHAUSTED, "no memory");
        else
            assert_true(tw_message_equal(copy, b));
    }
    tw_arena_clear(&arena);
    return status;
}

static void failing_allocations_give_a_status_and_leak_nothing(void **state)
{
    (void)state;
    size_t size, length;
    char *bytes = golden_read("files/tf-1.15.5/graphs/functional.pb", &size);
    char *text = golden_read("files/tf-1.15.5/graphs/functional.pbtxt", &length);
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_status *status = work_through(bytes, size, text, length);
        assert_int_equal(tw_status_code(status),
                         failing_allocator_failed() ? TW_RESOURCE_EXHAUSTED : TW_CODE_OK);
        tw_status_free(status);
        assert_int_equal(failing_allocator_live(), live);
    }
    free(bytes);
    free(text);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_bytes_are_refused_with_their_offset),
        cmocka_unit_test(utf8_is_checked_to_the_letter),
        cmocka_unit_test(more_than_2_gib_is_refused_before_it_is_looked_at),
        cmocka_unit_test(nesting_is_bounded_at_100_levels),
        cmocka_unit_test(damaged_files_get_tensorflows_verdict),
        cmocka_unit_test(a_tag_0_ends_a_message_only_for_who_asks_how_far_it_went),
        cmocka_unit_test(mutants_of_golden_graphs_do_no_harm),
        cmocka_unit_test(mutants_of_golden_text_do_no_harm),
        cmocka_unit_test(failing_allocations_give_a_status_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
