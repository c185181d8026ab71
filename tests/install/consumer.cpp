/* SPDX-License-Identifier: Apache-2.0
 * The same in C++17, which sees the plain functions and none of the macros. */
#include <cstdio>
#include <cstring>
#include <thalweg/thalweg.h>

int main()
{
    const int64_t dims[] = {2, 2};
    const float numbers[] = {1, 2, 3, 4};
    tw_shape shape = {dims, 2};
    tw_array *array = tw_array_copy_of(TW_FLOAT32, shape, numbers);
    double sum = 0;
    for (size_t i = 0; i < tw_array_count(array); i++)
        sum += tw_array_get(array, i);
    tw_array_unref(array);
    std::printf("%s %g\n", tw_version(), sum);
    return std::strcmp(tw_version(), CONSUMER_VERSION) != 0 || sum != 10;
}
