/* SPDX-License-Identifier: Apache-2.0
 * A program of somebody who has nothing but the installed library: pkg-config and CMake build it,
 * shared and static. It prints the sum of an array that it made. */
#include <stdio.h>
#include <string.h>
#include <thalweg/thalweg.h>

int main(void)
{
    float numbers[] = {1, 2, 3, 4};
    tw_array *array = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2, 2), numbers);
    double sum = 0;
    for (size_t i = 0; i < tw_array_count(array); i++)
        sum += tw_array_get(array, i);
    tw_array_unref(array);
    printf("%s %g\n", tw_version(), sum);
    return strcmp(tw_version(), CONSUMER_VERSION) != 0 || sum != 10;
}
