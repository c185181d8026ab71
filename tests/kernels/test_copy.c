/* SPDX-License-Identifier: Apache-2.0
 * Strided copies and what is made of them, against one element at a time. */
#include "kernel_test.h"

#include "kernels/copy.h"
#include "kernels/copy_lines.h"

static const tw_dtype dtypes[] = {TW_UINT8, TW_FLOAT16, TW_FLOAT32, TW_INT64, TW_COMPLEX128};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };
static const tw_par three = {.threads = 3};

static size_t count_of(tw_shape shape)
{
    return (size_t)tw_shape_elements(shape);
}

/* The indices of element `index` in row-major order. */
static void unravel(tw_shape shape, size_t index, int64_t *out)
{
    for (size_t i = shape.rank; i-- > 0; index /= (size_t)shape.dims[i])
        out[i] = (int64_t)(index % (size_t)shape.dims[i]);
}

static size_t ravel(tw_shape shape, const int64_t *at)
{
    size_t index = 0;
    for (size_t i = 0; i < shape.rank; i++)
        index = index * (size_t)shape.dims[i] + (size_t)at[i];
    return index;
}

static void assert_same(tw_dtype dtype, const void *a, size_t i, const void *b, size_t j)
{
    size_t size = tw_dtype_size(dtype);
    if (memcmp((const char *)a + i * size, (const char *)b + j * size, size) != 0)
        fail_msg("element %zu is not element %zu of the source", i, j);
}

/* in, one and many (outputs of one and of three threads) of the sizes given. */
typedef struct buffers {
    void *in;
    char *one, *many;
    size_t bytes;
} buffers;

static buffers buffers_new(tw_dtype dtype, tw_shape in, tw_shape out)
{
    buffers b = {.in = random_numbers(dtype, count_of(in), 9),
                 .bytes = count_of(out) * tw_dtype_size(dtype)};
    b.one = malloc(b.bytes + 1);
    b.many = malloc(b.bytes + 1);
    return b;
}

static void buffers_done(buffers *b)
{
    assert_memory_equal(b->one, b->many, b->bytes);
    free(b->in);
    free(b->one);
    free(b->many);
}

static void check_transpose(tw_dtype dtype, tw_shape shape, const size_t *perm)
{
    int64_t dims[5] = {0}, at[5], from[5] = {0};
    for (size_t i = 0; i < shape.rank; i++)
        dims[i] = shape.dims[perm[i]];
    tw_shape out = {dims, shape.rank};
    buffers b = buffers_new(dtype, shape, out);
    assert_ok(tw_transpose(dtype, shape, perm, b.in, b.one, NULL));
    assert_ok(tw_transpose(dtype, shape, perm, b.in, b.many, &three));
    for (size_t i = 0; i < count_of(out); i++) {
        unravel(out, i, at);
        for (size_t d = 0; d < shape.rank; d++)
            from[perm[d]] = at[d];
        assert_same(dtype, b.one, i, b.in, ravel(shape, from));
    }
    buffers_done(&b);
}

static void any_permutation_of_axes_is_right(void **state)
{
    (void)state;
    static const size_t swaps[] = {1, 0}, perms[][4] = {{3, 2, 1, 0}, {0, 2, 1, 3}, {1, 3, 0, 2},
                                                        {0, 3, 1, 2}, {0, 2, 3, 1}, {3, 0, 2, 1}};
    for (size_t d = 0; d < DTYPES; d++) {
        check_transpose(dtypes[d], TW_SHAPE(), swaps);
        check_transpose(dtypes[d], TW_SHAPE(37, 50), swaps);
        check_transpose(dtypes[d], TW_SHAPE(0, 5), swaps);
        check_transpose(dtypes[d], TW_SHAPE(1, 70), swaps);
        check_transpose(dtypes[d], TW_SHAPE(300, 401), swaps);
        for (size_t p = 0; p < sizeof perms / sizeof *perms; p++) {
            check_transpose(dtypes[d], TW_SHAPE(3, 20, 1, 17), perms[p]);
            check_transpose(dtypes[d], TW_SHAPE(4, 18, 19, 33), perms[p]);
        }
    }
    size_t twice[] = {1, 1};
    assert_refused(tw_transpose(TW_FLOAT32, TW_SHAPE(2, 3), twice, "", NULL, NULL),
                   TW_INVALID_ARGUMENT, "permutation");
}

static void broadcasting_repeats_axes_of_one(void **state)
{
    (void)state;
    static const int64_t in_dims[][3] = {{1, 1, 1}, {5, 1, 7}, {1, 6, 1},
                                         {5, 6, 1}, {1, 1, 7}, {1, 300, 400}};
    for (size_t d = 0; d < DTYPES; d++) {
        for (size_t s = 0; s < sizeof in_dims / sizeof *in_dims; s++) {
            tw_shape in = {in_dims[s], 3}, small = TW_SHAPE(5, 6, 7), large = TW_SHAPE(3, 300, 400);
            tw_shape out = s == 5 ? large : small;
            buffers b = buffers_new(dtypes[d], in, out);
            assert_ok(tw_broadcast_to(dtypes[d], in, b.in, out, b.one, NULL));
            assert_ok(tw_broadcast_to(dtypes[d], in, b.in, out, b.many, &three));
            for (size_t i = 0; i < count_of(out); i++) {
                int64_t at[3];
                unravel(out, i, at);
                for (size_t k = 0; k < 3; k++)
                    at[k] = in.dims[k] == 1 ? 0 : at[k];
                assert_same(dtypes[d], b.one, i, b.in, ravel(in, at));
            }
            buffers_done(&b);
        }
    }
    float x[6] = {1, 2, 3}, y[6];
    assert_ok(tw_broadcast_to(TW_FLOAT32, TW_SHAPE(3), x, TW_SHAPE(2, 3), y, NULL));
    assert_near(y[4], 2, 0, "a row");
    assert_refused(tw_broadcast_to(TW_FLOAT32, TW_SHAPE(2), x, TW_SHAPE(3), y, NULL),
                   TW_INVALID_ARGUMENT, "(2,) cannot be broadcast to (3,)");
    assert_refused(tw_broadcast_to(TW_FLOAT32, TW_SHAPE(1, 2), x, TW_SHAPE(2), y, NULL),
                   TW_INVALID_ARGUMENT, "cannot be broadcast");
}

static void boxes_are_cut_out_and_put_into_a_padded_array(void **state)
{
    (void)state;
    tw_shape whole = TW_SHAPE(7, 5, 33), box = TW_SHAPE(3, 4, 20);
    const int64_t begin[3] = {2, 1, 10}, after[3] = {2, 0, 3};
    for (size_t d = 0; d < DTYPES; d++) {
        buffers b = buffers_new(dtypes[d], whole, box), p = buffers_new(dtypes[d], box, whole);
        assert_ok(tw_slice_box(dtypes[d], whole, begin, box, b.in, b.one, NULL));
        assert_ok(tw_slice_box(dtypes[d], whole, begin, box, b.in, b.many, &three));
        char value[16];
        memcpy(value, b.in, tw_dtype_size(dtypes[d]));
        assert_ok(tw_pad(dtypes[d], box, begin, after, value, b.one, p.one, NULL));
        assert_ok(tw_pad(dtypes[d], box, begin, after, value, b.one, p.many, &three));
        for (size_t i = 0; i < count_of(whole); i++) {
            int64_t at[3];
            bool inside = true;
            unravel(whole, i, at);
            for (size_t k = 0; k < 3; k++) {
                at[k] -= begin[k];
                inside = inside && at[k] >= 0 && at[k] < box.dims[k];
            }
            assert_same(dtypes[d], p.one, i, inside ? (void *)b.in : (void *)value, inside ? i : 0);
            if (inside)
                assert_same(dtypes[d], b.one, ravel(box, at), b.in, i);
        }
        buffers_done(&b);
        buffers_done(&p);
    }
    float x[4] = {1, 2, 3, 4}, y[9] = {NAN};
    assert_ok(tw_pad(TW_FLOAT32, TW_SHAPE(1), (int64_t[]){1}, (int64_t[]){1}, NULL, x, y, NULL));
    assert_near(y[0] + y[2], 0, 0, "zeros");
    assert_refused(tw_slice_box(TW_FLOAT32, TW_SHAPE(4), (int64_t[]){2}, TW_SHAPE(3), x, y, NULL),
                   TW_INVALID_ARGUMENT, "does not lie inside (4,)");
    assert_refused(
        tw_pad(TW_FLOAT32, TW_SHAPE(4), (int64_t[]){-1}, (int64_t[]){0}, NULL, x, y, NULL),
        TW_INVALID_ARGUMENT, "non-negative");
}

static void mirrored_borders_reflect(void **state)
{
    (void)state;
    const float x[6] = {1, 2, 3, 4, 5, 6};
    float y[35];
    const float reflected[28] = {6, 5, 4, 5, 6, 5, 4, 3, 2, 1, 2, 3, 2, 1,
                                 6, 5, 4, 5, 6, 5, 4, 3, 2, 1, 2, 3, 2, 1};
    assert_ok(tw_mirror_pad(TW_FLOAT32, TW_SHAPE(2, 3), (int64_t[]){1, 2}, (int64_t[]){1, 2}, false,
                            x, y, NULL));
    assert_memory_equal(y, reflected, sizeof reflected);
    const float symmetric[10] = {3, 2, 1, 1, 2, 3, 3, 2, 1};
    assert_ok(
        tw_mirror_pad(TW_FLOAT32, TW_SHAPE(3), (int64_t[]){3}, (int64_t[]){3}, true, x, y, NULL));
    assert_memory_equal(y, symmetric, 9 * sizeof *y);
    assert_refused(
        tw_mirror_pad(TW_FLOAT32, TW_SHAPE(3), (int64_t[]){3}, (int64_t[]){0}, false, x, y, NULL),
        TW_INVALID_ARGUMENT, "paddings must be no greater than");
}

static void tiles_repeat_the_whole(void **state)
{
    (void)state;
    tw_shape in = TW_SHAPE(3, 1, 5), out = TW_SHAPE(6, 4, 15);
    const int64_t multiples[3] = {2, 4, 3};
    for (size_t d = 0; d < DTYPES; d++) {
        buffers b = buffers_new(dtypes[d], in, out);
        assert_ok(tw_tile(dtypes[d], in, multiples, b.in, b.one, NULL));
        assert_ok(tw_tile(dtypes[d], in, multiples, b.in, b.many, &three));
        for (size_t i = 0; i < count_of(out); i++) {
            int64_t at[3];
            unravel(out, i, at);
            for (size_t k = 0; k < 3; k++)
                at[k] %= in.dims[k];
            assert_same(dtypes[d], b.one, i, b.in, ravel(in, at));
        }
        buffers_done(&b);
    }
    assert_ok(tw_tile(TW_FLOAT32, in, (int64_t[]){2, 0, 1}, "", NULL, NULL));
    assert_refused(tw_tile(TW_FLOAT32, in, (int64_t[]){INT64_MAX, 1, 1}, "", NULL, NULL),
                   TW_INVALID_ARGUMENT, "out of range");
}

static void any_axes_are_reversed(void **state)
{
    (void)state;
    tw_shape shape = TW_SHAPE(4, 5, 66);
    for (unsigned axes = 0; axes < 8; axes++) {
        bool reversed[3] = {axes & 1, axes >> 1 & 1, axes >> 2 & 1};
        for (size_t d = 0; d < DTYPES; d++) {
            buffers b = buffers_new(dtypes[d], shape, shape);
            assert_ok(tw_reverse(dtypes[d], shape, reversed, b.in, b.one, NULL));
            assert_ok(tw_reverse(dtypes[d], shape, reversed, b.in, b.many, &three));
            for (size_t i = 0; i < count_of(shape); i++) {
                int64_t at[3];
                unravel(shape, i, at);
                for (size_t k = 0; k < 3; k++)
                    at[k] = reversed[k] ? shape.dims[k] - 1 - at[k] : at[k];
                assert_same(dtypes[d], b.one, i, b.in, ravel(shape, at));
            }
            buffers_done(&b);
        }
    }
}

static void parts_are_joined_and_taken_apart_again(void **state)
{
    (void)state;
    const size_t lengths[3] = {3, 0, 4};
    const float a[6] = {1, 2, 3, 4, 5, 6}, c[8] = {11, 12, 13, 14, 15, 16, 17, 18};
    const float joined[14] = {1, 2, 3, 11, 12, 13, 14, 4, 5, 6, 15, 16, 17, 18};
    float out[14], a_again[6], c_again[8];
    assert_ok(tw_concat(TW_FLOAT32, 2, 3, lengths, (const void *const[]){a, NULL, c}, out, NULL));
    assert_memory_equal(out, joined, sizeof out);
    assert_ok(
        tw_split(TW_FLOAT32, 2, 3, lengths, out, (void *const[]){a_again, NULL, c_again}, NULL));
    assert_memory_equal(a, a_again, sizeof a);
    assert_memory_equal(c, c_again, sizeof c);
    assert_refused(tw_concat(TW_FLOAT32, SIZE_MAX / 2, 3, lengths, NULL, out, NULL),
                   TW_INVALID_ARGUMENT, "too large");
}

/* Elements that alternate, and rows that are long enough to go one after the other. */
static void rows_of_every_length_are_joined(void **state)
{
    (void)state;
    const size_t lengths[][2] = {{1, 1}, {2, 1}, {300, 101}, {1, 400}}, rows = 333;
    for (size_t d = 0; d < DTYPES; d++) {
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            size_t size = tw_dtype_size(dtypes[d]), a = lengths[k][0], b = lengths[k][1];
            void *parts[] = {random_numbers(dtypes[d], rows * a, 1),
                             random_numbers(dtypes[d], rows * b, 2)};
            char *out = malloc(rows * (a + b) * size);
            assert_ok(tw_concat(dtypes[d], rows, 2, lengths[k], (const void *const *)parts, out,
                                k % 2 ? NULL : &three));
            for (size_t r = 0; r < rows; r++) {
                const char *row = out + r * (a + b) * size;
                assert_memory_equal(row, (char *)parts[0] + r * a * size, a * size);
                assert_memory_equal(row + a * size, (char *)parts[1] + r * b * size, b * size);
            }
            free(parts[0]), free(parts[1]), free(out);
        }
    }
}

/* Enough for several threads, with parts that end anywhere. */
static void one_row_of_many_parts_is_joined_by_threads(void **state)
{
    (void)state;
    enum { PARTS = 60 };
    for (size_t d = 0; d < DTYPES; d++) {
        size_t size = tw_dtype_size(dtypes[d]), lengths[PARTS], total = 0, start = 0;
        void *parts[PARTS];
        for (size_t i = 0; i < PARTS; i++) {
            lengths[i] = i % 7 == 3 ? 0 : 4801 + 173 * i;
            parts[i] = lengths[i] ? random_numbers(dtypes[d], lengths[i], i) : NULL;
            total += lengths[i];
        }
        char *out = malloc(total * size);
        memset(out, 0xa5, total * size);
        assert_ok(tw_concat(dtypes[d], 1, PARTS, lengths, (const void *const *)parts, out,
                            &(tw_par){.threads = 3}));
        for (size_t i = 0; i < PARTS; i++) {
            if (lengths[i])
                assert_memory_equal(out + start * size, parts[i], lengths[i] * size);
            start += lengths[i];
            free(parts[i]);
        }
        free(out);
    }
}

static void rows_are_gathered_by_index(void **state)
{
    (void)state;
    const int64_t wide[4] = {2, 0, 2, 1};
    int32_t narrow[3000];
    for (size_t d = 0; d < DTYPES; d++) {
        size_t size = tw_dtype_size(dtypes[d]), rows = sizeof narrow / sizeof *narrow;
        char *in = random_numbers(dtypes[d], 2 * 3 * 5, 1), out[2 * 4 * 5 * 16];
        assert_ok(tw_gather_rows(dtypes[d], 2, 3, 5, in, TW_INT64, wide, 4, out, NULL));
        for (size_t o = 0; o < 2; o++) {
            for (size_t i = 0; i < 20; i++)
                assert_same(dtypes[d], out, o * 20 + i, in,
                            o * 15 + (size_t)wide[i / 5] * 5 + i % 5);
        }
        const int32_t single[4] = {1, 4, 0, 4};
        assert_ok(tw_gather_rows(dtypes[d], 6, 5, 1, in, TW_INT64, wide, 4, out, NULL));
        for (size_t i = 0; i < 24; i++)
            assert_same(dtypes[d], out, i, in, i / 4 * 5 + (size_t)wide[i % 4]);
        assert_ok(tw_gather_rows(dtypes[d], 6, 5, 1, in, TW_INT32, single, 4, out, NULL));
        for (size_t i = 0; i < 24; i++)
            assert_same(dtypes[d], out, i, in, i / 4 * 5 + (size_t)single[i % 4]);
        char *many = malloc(rows * 15 * size);
        for (size_t i = 0; i < rows; i++)
            narrow[i] = (int32_t)(i * 7 % 2);
        assert_ok(tw_gather_rows(dtypes[d], 1, 2, 15, in, TW_INT32, narrow, rows, many, &three));
        for (size_t i = 0; i < rows * 15; i++)
            assert_same(dtypes[d], many, i, in, (size_t)narrow[i / 15] * 15 + i % 15);
        free(many);
        free(in);
    }
    float x[2] = {0}, y[2];
    assert_refused(tw_gather_rows(TW_FLOAT32, 1, 2, 1, x, TW_INT64, wide, 2, y, NULL),
                   TW_INVALID_ARGUMENT, "indices[0] = 2 is not in [0, 2)");
    assert_refused(tw_gather_rows(TW_FLOAT32, 1, 2, 1, x, TW_INT32, (int32_t[]){0, -1}, 2, y, NULL),
                   TW_INVALID_ARGUMENT, "indices[1] = -1");
    assert_refused(tw_gather_rows(TW_FLOAT32, 1, 2, 1, x, TW_FLOAT32, wide, 2, y, NULL),
                   TW_UNIMPLEMENTED, "float32");
}

static void regions_are_added(void **state)
{
    (void)state;
    static const tw_dtype summed[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16,   TW_BFLOAT16,
                                      TW_INT8,    TW_INT16,   TW_INT32,     TW_INT64,
                                      TW_UINT8,   TW_UINT16,  TW_COMPLEX64, TW_COMPLEX128};
    const size_t dims[2] = {3, 4};
    const ptrdiff_t to[2] = {8, 2}, from[2] = {1, 3}, dense[2] = {4, 1}, same[2] = {0, 1};
    for (size_t d = 0; d < sizeof summed / sizeof *summed; d++) {
        tw_dtype real = real_of(summed[d]);
        size_t step = real == summed[d] ? 1 : 2;
        void *x = random_numbers(summed[d], 12, 1), *y = random_numbers(summed[d], 24, 2);
        void *old = random_numbers(summed[d], 24, 2);
        assert_ok(tw_add_region(summed[d], &(tw_region){2, dims, to, from}, y, x, NULL));
        for (size_t i = 0; i < 12; i++) {
            size_t t = i / 4 * 8 + i % 4 * 2, f = i / 4 + i % 4 * 3;
            for (size_t q = 0; q < step; q++)
                assert_near(number_at(real, y, t * step + q),
                            number_at(real, old, t * step + q) + number_at(real, x, f * step + q),
                            summed[d] == TW_BFLOAT16  ? 0.02
                            : summed[d] == TW_FLOAT16 ? 0.002
                                                      : 0,
                            tw_dtype_name(summed[d]));
        }
        memset(y, 0, 4 * tw_dtype_size(summed[d]));
        assert_ok(tw_add_region(summed[d], &(tw_region){2, dims, same, dense}, y, x, &three));
        double sum = number_at(real, x, 0) + number_at(real, x, 4 * step) +
                     number_at(real, x, 8 * step);
        assert_near(number_at(real, y, 0), sum, fabs(sum) * 0.01 + 0.02, "a repeated place");
        free(x);
        free(y);
        free(old);
    }
    assert_refused(tw_add_region(TW_STRING, &(tw_region){2, dims, to, from}, NULL, NULL, NULL),
                   TW_UNIMPLEMENTED, "string");
}

static void strings_are_copied_not_shared(void **state)
{
    (void)state;
    const char *const texts[6] = {"a", "", "a text longer than twelve bytes", "d", "e", "f"};
    tw_array *in = tw_array_strings(TW_SHAPE(2, 3), texts, NULL);
    tw_array *out = tw_array_new(TW_STRING, TW_SHAPE(3, 2));
    assert_ok(tw_transpose(TW_STRING, TW_SHAPE(2, 3), (size_t[]){1, 0}, tw_array_const_data(in),
                           tw_array_data(out), &three));
    tw_array *two = tw_array_new(TW_STRING, TW_SHAPE(2, 3));
    assert_ok(tw_gather_rows(TW_STRING, 1, 2, 3, tw_array_const_data(in), TW_INT32,
                             (int32_t[]){1, 0}, 2, tw_array_data(two), NULL));
    tw_array_unref(in);
    size_t length;
    const char *text = tw_array_string(out, 4, &length);
    assert_int_equal(length, strlen(texts[2]));
    assert_memory_equal(text, texts[2], length);
    text = tw_array_string(two, 5, &length);
    assert_memory_equal(text, texts[2], length);
    tw_array_unref(out);
    tw_array_unref(two);
}

static void filling_writes_every_element(void **state)
{
    (void)state;
    for (size_t d = 0; d < DTYPES; d++) {
        size_t n = 100001, size = tw_dtype_size(dtypes[d]);
        char *value = random_numbers(dtypes[d], 1, 4), *out = calloc(n, size);
        assert_ok(tw_fill(dtypes[d], value, n, out, &three));
        for (size_t i = 0; i < n; i++)
            assert_same(dtypes[d], out, i, value, 0);
        free(value);
        free(out);
    }
    assert_ok(tw_fill(TW_FLOAT32, "", 0, NULL, NULL));
}

/* ---- the levels' loops ---- */

enum { LINE = 150, PAST = 8 }; /* bytes after the last element must stay */

static void check_lines(const tw_copy_lines *lines, size_t k, size_t n)
{
    size_t size = (size_t)1 << k;
    tw_dtype dtype = k == 0 ? TW_UINT8 : k == 1 ? TW_UINT16 : k == 2 ? TW_UINT32 : TW_UINT64;
    unsigned char *in = random_numbers(TW_UINT8, 3 * LINE * 8, n), out[2 * LINE * 8 + PAST];
    memset(out, 77, sizeof out);
    lines->reversed[k](n, out, in + (LINE - 1) * size);
    for (size_t i = 0; i < n; i++)
        assert_same(dtype, out, i, in, LINE - 1 - i);
    assert_int_equal(out[n * size], 77);
    lines->evens[k](n, out, in + size);
    for (size_t i = 0; i < n; i++)
        assert_same(dtype, out, i, in, 1 + 2 * i);
    assert_int_equal(out[n * size], 77);
    lines->filled[k](n, out, in + size);
    for (size_t i = 0; i < n; i++)
        assert_same(dtype, out, i, in, 1);
    assert_int_equal(out[n * size], 77);
    lines->woven[k](n, out, in, in + LINE * size);
    for (size_t i = 0; i < n; i++) {
        assert_same(dtype, out, 2 * i, in, i);
        assert_same(dtype, out, 2 * i + 1, in, LINE + i);
    }
    assert_int_equal(out[2 * n * size], 77);
    free(in);
}

static void check_squares(const tw_copy_lines *lines, size_t k)
{
    enum { SIDE = TW_COPY_SIDE, TO = SIDE + 3, FROM = SIDE + 5 };
    size_t size = (size_t)1 << k;
    tw_dtype dtype = k == 0 ? TW_UINT8 : k == 1 ? TW_UINT16 : k == 2 ? TW_UINT32 : TW_UINT64;
    unsigned char *in = random_numbers(TW_UINT8, FROM * SIDE * 8, k), out[TO * SIDE * 8];
    memset(out, 77, sizeof out);
    lines->turned[k](out, TO, in, FROM);
    for (size_t r = 0; r < SIDE; r++) {
        for (size_t c = 0; c < SIDE; c++)
            assert_same(dtype, out, r * TO + c, in, c * FROM + r);
        assert_int_equal(out[(r * TO + SIDE) * size], 77);
    }
    free(in);
}

static void every_level_moves_lines_and_squares(void **state)
{
    (void)state;
    int level = tw_isa_level();
    for (int forced = 0; forced <= level; forced++) {
        if (!tw_isa_force(forced))
            continue;
        for (size_t k = 0; k < TW_COPY_SIZES; k++) {
            for (size_t n = 0; n <= LINE; n += n < 40 ? 1 : 37)
                check_lines(TW_ISA_TABLE_OF_NARROW(tw_copy_lines), k, n);
            check_squares(TW_ISA_TABLE_OF_NARROW(tw_copy_lines), k);
        }
    }
    assert_true(tw_isa_force(level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_permutation_of_axes_is_right),
        cmocka_unit_test(broadcasting_repeats_axes_of_one),
        cmocka_unit_test(boxes_are_cut_out_and_put_into_a_padded_array),
        cmocka_unit_test(mirrored_borders_reflect),
        cmocka_unit_test(tiles_repeat_the_whole),
        cmocka_unit_test(any_axes_are_reversed),
        cmocka_unit_test(parts_are_joined_and_taken_apart_again),
        cmocka_unit_test(rows_of_every_length_are_joined),
        cmocka_unit_test(one_row_of_many_parts_is_joined_by_threads),
        cmocka_unit_test(rows_are_gathered_by_index),
        cmocka_unit_test(regions_are_added),
        cmocka_unit_test(strings_are_copied_not_shared),
        cmocka_unit_test(filling_writes_every_element),
        cmocka_unit_test(every_level_moves_lines_and_squares),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
