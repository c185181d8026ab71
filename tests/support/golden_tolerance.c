/* SPDX-License-Identifier: Apache-2.0
 * How exact an op must be: most are right in nearly all digits of each number; what sums is exact
 * to the magnitudes that went in, linear algebra to what its conditioning allows. */
#include <string.h>

#include "support/golden_cases.h"
#include "tensor/array.h"

/* Ops whose results are sums: relative to the magnitudes that went in. */
static const char *const sums[] = {"Sum",
                                   "Mean",
                                   "MatMul",
                                   "BatchMatMul",
                                   "Conv",
                                   "Depthwise",
                                   "BiasAddGrad",
                                   "L2Loss",
                                   "SparseMat",
                                   "SparseTensorDenseMat",
                                   "Segment",
                                   "UnsortedSegment",
                                   "SparseSegment",
                                   "AvgPool",
                                   "LRN",
                                   "Resize",
                                   "BatchNorm",
                                   "FusedBatchNorm",
                                   "AddN",
                                   "Cumsum",
                                   "Cross",
                                   "FFT",
                                   "IFFT",
                                   "RFFT",
                                   "IRFFT",
                                   "Softmax",
                                   "LogSoftmax",
                                   "SparseSoftmax",
                                   "AdjustContrast",
                                   "Dilation",
                                   "CTC",
                                   "LSTM",
                                   "SparseReduce",
                                   "Accumulate",
                                   "RGBToHSV",
                                   "HSVToRGB",
                                   "AdjustHue",
                                   "AdjustSaturation",
                                   "CropAndResize",
                                   "ExtractGlimpse",
                                   "DrawBoundingBoxes",
                                   "Apply",
                                   "SparseApply",
                                   NULL};
/* Linear algebra. */
static const char *const solvers[] = {"Matrix",    "BatchMatrix", "Cholesky",    "BatchCholesky",
                                      "Svd",       "Qr",          "SelfAdjoint", "BatchSelfAdjoint",
                                      "LogMatrix", NULL};
static const char *const moves[] = {
    "MatrixBandPart",     "MatrixDiag", "MatrixSetDiag", "BatchMatrixBandPart", "BatchMatrixDiag",
    "BatchMatrixSetDiag", NULL};
static const char *const vectors[] = {"Svd", "Qr", "SelfAdjoint", "BatchSelfAdjoint", NULL};

static bool starts_with_one_of(const char *name, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(name, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

golden_tolerance golden_tolerance_for(const golden_case *one, const tw_array *want)
{
    golden_tolerance t = {.relative = golden_relative(want->dtype)};
    bool solver = starts_with_one_of(one->op, solvers) && !starts_with_one_of(one->op, moves);
    if (solver)
        t.relative = want->dtype == TW_FLOAT64 || want->dtype == TW_COMPLEX128 ? 1e-9 : 1e-4;
    if (solver || starts_with_one_of(one->op, sums)) {
        t.scale = golden_largest(want);
        for (size_t i = 0; i < one->input_count; i++) {
            double largest = golden_largest(one->inputs[i].array);
            t.scale = largest > t.scale ? largest : t.scale;
        }
    }
    t.up_to_sign = starts_with_one_of(one->op, vectors);
    return t;
}
