/* SPDX-License-Identifier: Apache-2.0
 * Products of many matrices of one shape. */
#include "kernel_test.h"
#include "kernels/gemm.h"

/* Of sizes for which there may be a loop over all of them, and of such as it does not have. */
static void products_of_a_batch_are_those_of_its_matrices(void **state)
{
    (void)state;
    enum { COUNT = 5 };
    static const size_t sizes[][3] = {{16, 16, 16}, {8, 32, 1},  {24, 16, 31}, {8, 32, 400},
                                      {12, 16, 16}, {16, 48, 9}, {16, 8, 3},   {1, 16, 20}};
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
            float *a = random_numbers(TW_FLOAT32, COUNT * m * k, 1);
            float *b = random_numbers(TW_FLOAT32, COUNT * k * n, 2);
            float *c = malloc(COUNT * m * n * sizeof *c), *one = malloc(m * n * sizeof *one);
            tw_gemm_shape s = {.m = m, .n = n, .k = k, .alpha = 1};
            for (size_t same = 0; same < 2; same++) {
                const size_t dim = COUNT, a_stride = m * k, b_stride = same ? 0 : k * n;
                const tw_gemm_batches batches = {1, &dim, &a_stride, &b_stride};
                assert_ok(
                    tw_gemm_batch(TW_FLOAT32, &s, &batches, a, b, c, &(tw_par){.threads = 2}));
                for (size_t j = 0; j < COUNT; j++) {
                    assert_ok(tw_gemm(TW_FLOAT32, &s, a + j * a_stride, b + j * b_stride, one, NULL,
                                      NULL));
                    assert_memory_equal(one, c + j * m * n, m * n * sizeof *one);
                }
            }
            assert_ok(tw_gemm_batch(TW_FLOAT32, &s,
                                    &(tw_gemm_batches){1, &(size_t){0}, &(size_t){0}, &(size_t){0}},
                                    NULL, NULL, NULL, NULL));
            free(a);
            free(b);
            free(c);
            free(one);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_a_batch_are_those_of_its_matrices),
    };
    return cmocka_run_group_tests(tests, enter_float_mode, NULL);
}
