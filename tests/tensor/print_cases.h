/* SPDX-License-Identifier: Apache-2.0
 * Made by make_print_cases.py: what NumPy prints. Where `numbers` is NULL they are 0, 1, 2 ...,
 * divided by `divisor`. */
static const double numbers_0[] = {27.0};
static const double numbers_1[] = {0.1};
static const double numbers_2[] = {1e-05};
static const double numbers_3[] = {1e+16};
static const double numbers_4[] = {9900000000000000.0};
static const double numbers_5[] = {-0.0};
static const double numbers_6[] = {NAN};
static const double numbers_7[] = {-INFINITY};
static const double numbers_8[] = {16777216.0};
static const double numbers_9[] = {0.0001};
static const double numbers_10[] = {27.0};
static const double numbers_11[] = {0.1};
static const double numbers_12[] = {1e-05};
static const double numbers_13[] = {1e+22};
static const double numbers_14[] = {0.3333333333333333};
static const double numbers_15[] = {5.684341886080802e-14};
static const double numbers_16[] = {5e-324};
static const double numbers_17[] = {1.7976931348623157e+308};
static const double numbers_18[] = {1.2345678901234568e+17};
static const double numbers_19[] = {0.1};
static const double numbers_20[] = {65504.0};
static const double numbers_21[] = {6e-08};
static const double numbers_22[] = {0.0};
static const double numbers_23[] = {-7.0};
static const double numbers_24[] = {255.0};
static const double numbers_25[] = {1.0};
static const double numbers_26[] = {0.0};
static const double numbers_27[] = {1.0, 2.0};
static const double numbers_28[] = {0.0, 1.0};
static const double numbers_29[] = {-0.0, 1.0};
static const double numbers_30[] = {NAN, INFINITY};
static const double numbers_31[] = {1.0, -INFINITY};
static const double numbers_32[] = {1.5, -0.0};
static const double numbers_33[] = {1e+20, 1e-07};
static const double numbers_34[] = {0.0, 0.0};
static const double numbers_38[] = {14.0, 21.0};
static const double numbers_39[] = {1.0, 2.5, -3.0, 4.0};
static const double numbers_40[] = {0.1, 0.2, 0.3};
static const double numbers_41[] = {0.1, 0.2, 0.3};
static const double numbers_42[] = {0.3333333333333333, 0.6666666666666666, 1.0};
static const double numbers_43[] = {0.3333333333333333, 0.6666666666666666, 1.0};
static const double numbers_44[] = {0.0, -0.0, 1.0, -1.0};
static const double numbers_45[] = {100000000.0, 1.0};
static const double numbers_46[] = {99999999.0, 100000.0};
static const double numbers_47[] = {0.0001, 0.05};
static const double numbers_48[] = {9e-05, 0.05};
static const double numbers_49[] = {0.0001};
static const double numbers_50[] = {1000.0, 1.0};
static const double numbers_51[] = {1001.0, 1.0};
static const double numbers_52[] = {1e+100, 1e-100};
static const double numbers_53[] = {0.0, 1e-300, -1e-05};
static const double numbers_54[] = {0.3, 12345678848.0, 0.1, 16777216.0};
static const double numbers_55[] = {0.99999999999, 9.999999999};
static const double numbers_56[] = {123456.789, 1.5, 100000.0};
static const double numbers_57[] = {1.123456785, 1.000000005};
static const double numbers_58[] = {67108888.0, 33554436.0};
static const double numbers_59[] = {13024.0, -9472.0, -578.5};
static const double numbers_60[] = {0.015625, 4096.0, 6e-08};
static const double numbers_61[] = {0.0001, 0.05};
static const double numbers_62[] = {5.684341886080802e-14, 1.0, 2.0};
static const double numbers_63[] = {1.5, NAN, 2.0};
static const double numbers_64[] = {INFINITY, -INFINITY, NAN};
static const double numbers_65[] = {NAN, NAN};
static const double numbers_66[] = {INFINITY, 1.0, 2.0};
static const double numbers_67[] = {-INFINITY, 1.0, 2.0};
static const double numbers_68[] = {NAN, 10000000000.0, 0.0};
static const double numbers_69[] = {-INFINITY, 12345.678, -2.0};
static const double numbers_70[] = {INFINITY, 0.0};
static const double numbers_71[] = {1.0, 20.0, 300.0};
static const double numbers_72[] = {-1.0, 10.0, 100.0, -1000.0};
static const double numbers_73[] = {0.0, 255.0, 7.0};
static const double numbers_74[] = {-128.0, 127.0};
static const double numbers_75[] = {-9007199254740992.0, 9007199254740992.0};
static const double numbers_76[] = {0.0, 9007199254740992.0};
static const double numbers_77[] = {5.0};
static const double numbers_78[] = {4294967295.0};
static const double numbers_79[] = {1.0, 0.0, 1.0};
static const double numbers_80[] = {1.0, 1.0, 1.0, 1.0};
static const double numbers_81[] = {1.0, 2.0, -3.5, 0.0};
static const double numbers_82[] = {0.1, 10000000000.0, 2.0, -1.0};
static const double numbers_83[] = {NAN, 1.0, INFINITY, -INFINITY, 0.0, -0.0};
static const double numbers_84[] = {1.0, NAN, 100.0, INFINITY};
static const double numbers_85[] = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
static const double numbers_86[] = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
static const double numbers_87[] = {7.0};
static const double numbers_88[] = {0.0,  1.0,  2.0,  3.0,  4.0,  5.0,  6.0,  7.0,  8.0,  9.0,
                                    10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0,
                                    20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0};
static const double numbers_89[] = {0.0,
                                    0.14285714285714285,
                                    0.2857142857142857,
                                    0.42857142857142855,
                                    0.5714285714285714,
                                    0.7142857142857143,
                                    0.8571428571428571,
                                    1.0,
                                    1.1428571428571428,
                                    1.2857142857142858,
                                    1.4285714285714286,
                                    1.5714285714285714,
                                    1.7142857142857142,
                                    1.8571428571428572,
                                    2.0,
                                    2.142857142857143,
                                    2.2857142857142856,
                                    2.4285714285714284,
                                    2.5714285714285716,
                                    2.7142857142857144,
                                    2.857142857142857,
                                    3.0,
                                    3.142857142857143,
                                    3.2857142857142856};
static const double numbers_90[] = {1000.0, 1001.0, 1002.0, 1003.0, 1004.0, 1005.0, 1006.0, 1007.0,
                                    1008.0, 1009.0, 1010.0, 1011.0, 1012.0, 1013.0, 1014.0, 1015.0,
                                    1016.0, 1017.0, 1018.0, 1019.0, 1020.0, 1021.0, 1022.0, 1023.0,
                                    1024.0, 1025.0, 1026.0, 1027.0, 1028.0, 1029.0, 1030.0, 1031.0,
                                    1032.0, 1033.0, 1034.0, 1035.0, 1036.0, 1037.0, 1038.0, 1039.0};
static const double numbers_91[] = {1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0,
                                    0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0};
static const print_case cases[] = {
    {TW_FLOAT32, 0, {0}, numbers_0, 1, "27.0"},
    {TW_FLOAT32, 0, {0}, numbers_1, 1, "0.1"},
    {TW_FLOAT32, 0, {0}, numbers_2, 1, "1e-05"},
    {TW_FLOAT32, 0, {0}, numbers_3, 1, "1e+16"},
    {TW_FLOAT32, 0, {0}, numbers_4, 1, "9900000000000000.0"},
    {TW_FLOAT32, 0, {0}, numbers_5, 1, "-0.0"},
    {TW_FLOAT32, 0, {0}, numbers_6, 1, "nan"},
    {TW_FLOAT32, 0, {0}, numbers_7, 1, "-inf"},
    {TW_FLOAT32, 0, {0}, numbers_8, 1, "16777216.0"},
    {TW_FLOAT32, 0, {0}, numbers_9, 1, "1e-04"},
    {TW_FLOAT64, 0, {0}, numbers_10, 1, "27.0"},
    {TW_FLOAT64, 0, {0}, numbers_11, 1, "0.1"},
    {TW_FLOAT64, 0, {0}, numbers_12, 1, "1e-05"},
    {TW_FLOAT64, 0, {0}, numbers_13, 1, "1e+22"},
    {TW_FLOAT64, 0, {0}, numbers_14, 1, "0.3333333333333333"},
    {TW_FLOAT64, 0, {0}, numbers_15, 1, "5.684341886080802e-14"},
    {TW_FLOAT64, 0, {0}, numbers_16, 1, "5e-324"},
    {TW_FLOAT64, 0, {0}, numbers_17, 1, "1.7976931348623157e+308"},
    {TW_FLOAT64, 0, {0}, numbers_18, 1, "1.2345678901234568e+17"},
    {TW_FLOAT16, 0, {0}, numbers_19, 1, "0.1"},
    {TW_FLOAT16, 0, {0}, numbers_20, 1, "65500.0"},
    {TW_FLOAT16, 0, {0}, numbers_21, 1, "6e-08"},
    {TW_INT32, 0, {0}, numbers_22, 1, "0"},
    {TW_INT64, 0, {0}, numbers_23, 1, "-7"},
    {TW_UINT8, 0, {0}, numbers_24, 1, "255"},
    {TW_BOOL, 0, {0}, numbers_25, 1, "True"},
    {TW_BOOL, 0, {0}, numbers_26, 1, "False"},
    {TW_COMPLEX64, 0, {0}, numbers_27, 1, "(1+2j)"},
    {TW_COMPLEX64, 0, {0}, numbers_28, 1, "1j"},
    {TW_COMPLEX64, 0, {0}, numbers_29, 1, "(-0+1j)"},
    {TW_COMPLEX128, 0, {0}, numbers_30, 1, "(nan+infj)"},
    {TW_COMPLEX128, 0, {0}, numbers_31, 1, "(1-infj)"},
    {TW_COMPLEX128, 0, {0}, numbers_32, 1, "(1.5-0j)"},
    {TW_COMPLEX128, 0, {0}, numbers_33, 1, "(1e+20+1e-07j)"},
    {TW_COMPLEX64, 0, {0}, numbers_34, 1, "0j"},
    {TW_FLOAT32, 1, {0}, NULL, 1, "[]"},
    {TW_INT64, 2, {2, 0}, NULL, 1, "[]"},
    {TW_FLOAT32, 2, {0, 3}, NULL, 1, "[]"},
    {TW_FLOAT32, 1, {2}, numbers_38, 1, "[14. 21.]"},
    {TW_FLOAT32,
     2,
     {2, 2},
     numbers_39,
     1,
     "[[ 1.   2.5]\n"
     " [-3.   4. ]]"},
    {TW_FLOAT32, 1, {3}, numbers_40, 1, "[0.1 0.2 0.3]"},
    {TW_FLOAT64, 1, {3}, numbers_41, 1, "[0.1 0.2 0.3]"},
    {TW_FLOAT64, 1, {3}, numbers_42, 1, "[0.33333333 0.66666667 1.        ]"},
    {TW_FLOAT32, 1, {3}, numbers_43, 1, "[0.33333334 0.6666667  1.        ]"},
    {TW_FLOAT32, 1, {4}, numbers_44, 1, "[ 0. -0.  1. -1.]"},
    {TW_FLOAT64, 1, {2}, numbers_45, 1, "[1.e+08 1.e+00]"},
    {TW_FLOAT64, 1, {2}, numbers_46, 1, "[99999999.   100000.]"},
    {TW_FLOAT64, 1, {2}, numbers_47, 1, "[0.0001 0.05  ]"},
    {TW_FLOAT64, 1, {2}, numbers_48, 1, "[9.e-05 5.e-02]"},
    {TW_FLOAT32, 1, {1}, numbers_49, 1, "[0.0001]"},
    {TW_FLOAT64, 1, {2}, numbers_50, 1, "[1000.    1.]"},
    {TW_FLOAT64, 1, {2}, numbers_51, 1, "[1.001e+03 1.000e+00]"},
    {TW_FLOAT64, 1, {2}, numbers_52, 1, "[1.e+100 1.e-100]"},
    {TW_FLOAT64, 1, {3}, numbers_53, 1, "[ 0.e+000  1.e-300 -1.e-005]"},
    {TW_FLOAT32,
     1,
     {4},
     numbers_54,
     1,
     "[3.0000001e-01 1.2345679e+10 1.0000000e-01 1.6777216e+07]"},
    {TW_FLOAT64, 1, {2}, numbers_55, 1, "[ 1. 10.]"},
    {TW_FLOAT64, 1, {3}, numbers_56, 1, "[1.23456789e+05 1.50000000e+00 1.00000000e+05]"},
    {TW_FLOAT64, 1, {2}, numbers_57, 1, "[1.12345678 1.        ]"},
    {TW_FLOAT32, 1, {2}, numbers_58, 1, "[67108888. 33554436.]"},
    {TW_FLOAT16, 1, {3}, numbers_59, 1, "[13024.  -9472.   -578.5]"},
    {TW_FLOAT16, 1, {3}, numbers_60, 1, "[1.563e-02 4.096e+03 5.960e-08]"},
    {TW_FLOAT16, 1, {2}, numbers_61, 1, "[0.0001 0.05  ]"},
    {TW_FLOAT64, 1, {3}, numbers_62, 1, "[5.68434189e-14 1.00000000e+00 2.00000000e+00]"},
    {TW_FLOAT32, 1, {3}, numbers_63, 1, "[1.5 nan 2. ]"},
    {TW_FLOAT32, 1, {3}, numbers_64, 1, "[ inf -inf  nan]"},
    {TW_FLOAT64, 1, {2}, numbers_65, 1, "[nan nan]"},
    {TW_FLOAT64, 1, {3}, numbers_66, 1, "[inf  1.  2.]"},
    {TW_FLOAT64, 1, {3}, numbers_67, 1, "[-inf   1.   2.]"},
    {TW_FLOAT64, 1, {3}, numbers_68, 1, "[   nan 1.e+10 0.e+00]"},
    {TW_FLOAT64, 1, {3}, numbers_69, 1, "[          -inf  1.2345678e+04 -2.0000000e+00]"},
    {TW_FLOAT64, 1, {2}, numbers_70, 1, "[inf  0.]"},
    {TW_INT32, 1, {3}, numbers_71, 1, "[  1  20 300]"},
    {TW_INT32,
     2,
     {2, 2},
     numbers_72,
     1,
     "[[   -1    10]\n"
     " [  100 -1000]]"},
    {TW_UINT8, 1, {3}, numbers_73, 1, "[  0 255   7]"},
    {TW_INT8, 1, {2}, numbers_74, 1, "[-128  127]"},
    {TW_INT64, 1, {2}, numbers_75, 1, "[-9007199254740992  9007199254740992]"},
    {TW_UINT64, 1, {2}, numbers_76, 1, "[               0 9007199254740992]"},
    {TW_INT16, 2, {1, 1}, numbers_77, 1, "[[5]]"},
    {TW_UINT32, 1, {1}, numbers_78, 1, "[4294967295]"},
    {TW_BOOL, 1, {3}, numbers_79, 1, "[ True False  True]"},
    {TW_BOOL,
     2,
     {2, 2},
     numbers_80,
     1,
     "[[ True  True]\n"
     " [ True  True]]"},
    {TW_COMPLEX64, 1, {2}, numbers_81, 1, "[ 1. +2.j -3.5+0.j]"},
    {TW_COMPLEX128, 1, {2}, numbers_82, 1, "[0.1+1.e+10j 2. -1.e+00j]"},
    {TW_COMPLEX64, 1, {3}, numbers_83, 1, "[nan +1.j inf-infj  0. -0.j]"},
    {TW_COMPLEX128, 1, {2}, numbers_84, 1, "[  1.+nanj 100.+infj]"},
    {TW_INT32,
     3,
     {2, 2, 2},
     numbers_85,
     1,
     "[[[0 1]\n"
     "  [2 3]]\n"
     "\n"
     " [[4 5]\n"
     "  [6 7]]]"},
    {TW_FLOAT32,
     4,
     {2, 1, 2, 2},
     numbers_86,
     1,
     "[[[[0. 1.]\n"
     "   [2. 3.]]]\n"
     "\n"
     "\n"
     " [[[4. 5.]\n"
     "   [6. 7.]]]]"},
    {TW_INT32, 5, {1, 1, 1, 1, 1}, numbers_87, 1, "[[[[[7]]]]]"},
    {TW_INT32,
     1,
     {30},
     numbers_88,
     1,
     "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n"
     " 24 25 26 27 28 29]"},
    {TW_FLOAT64,
     2,
     {2, 12},
     numbers_89,
     1,
     "[[0.         0.14285714 0.28571429 0.42857143 0.57142857 0.71428571\n"
     "  0.85714286 1.         1.14285714 1.28571429 1.42857143 1.57142857]\n"
     " [1.71428571 1.85714286 2.         2.14285714 2.28571429 2.42857143\n"
     "  2.57142857 2.71428571 2.85714286 3.         3.14285714 3.28571429]]"},
    {TW_INT64,
     3,
     {1, 1, 40},
     numbers_90,
     1,
     "[[[1000 1001 1002 1003 1004 1005 1006 1007 1008 1009 1010 1011 1012 1013\n"
     "   1014 1015 1016 1017 1018 1019 1020 1021 1022 1023 1024 1025 1026 1027\n"
     "   1028 1029 1030 1031 1032 1033 1034 1035 1036 1037 1038 1039]]]"},
    {TW_BOOL,
     1,
     {20},
     numbers_91,
     1,
     "[ True False False  True False False  True False False  True False False\n"
     "  True False False  True False False  True False]"},
    {TW_INT32, 1, {1001}, NULL, 1, "[   0    1    2 ...  998  999 1000]"},
    {TW_FLOAT32,
     2,
     {40, 30},
     NULL,
     8,
     "[[0.00000e+00 1.25000e-01 2.50000e-01 ... 3.37500e+00 3.50000e+00\n"
     "  3.62500e+00]\n"
     " [3.75000e+00 3.87500e+00 4.00000e+00 ... 7.12500e+00 7.25000e+00\n"
     "  7.37500e+00]\n"
     " [7.50000e+00 7.62500e+00 7.75000e+00 ... 1.08750e+01 1.10000e+01\n"
     "  1.11250e+01]\n"
     " ...\n"
     " [1.38750e+02 1.38875e+02 1.39000e+02 ... 1.42125e+02 1.42250e+02\n"
     "  1.42375e+02]\n"
     " [1.42500e+02 1.42625e+02 1.42750e+02 ... 1.45875e+02 1.46000e+02\n"
     "  1.46125e+02]\n"
     " [1.46250e+02 1.46375e+02 1.46500e+02 ... 1.49625e+02 1.49750e+02\n"
     "  1.49875e+02]]"},
    {TW_INT32,
     2,
     {1200, 1},
     NULL,
     1,
     "[[   0]\n"
     " [   1]\n"
     " [   2]\n"
     " ...\n"
     " [1197]\n"
     " [1198]\n"
     " [1199]]"},
    {TW_INT32,
     3,
     {7, 2, 100},
     NULL,
     1,
     "[[[   0    1    2 ...   97   98   99]\n"
     "  [ 100  101  102 ...  197  198  199]]\n"
     "\n"
     " [[ 200  201  202 ...  297  298  299]\n"
     "  [ 300  301  302 ...  397  398  399]]\n"
     "\n"
     " [[ 400  401  402 ...  497  498  499]\n"
     "  [ 500  501  502 ...  597  598  599]]\n"
     "\n"
     " ...\n"
     "\n"
     " [[ 800  801  802 ...  897  898  899]\n"
     "  [ 900  901  902 ...  997  998  999]]\n"
     "\n"
     " [[1000 1001 1002 ... 1097 1098 1099]\n"
     "  [1100 1101 1102 ... 1197 1198 1199]]\n"
     "\n"
     " [[1200 1201 1202 ... 1297 1298 1299]\n"
     "  [1300 1301 1302 ... 1397 1398 1399]]]"},
    {TW_FLOAT32,
     2,
     {6, 170},
     NULL,
     1,
     "[[0.000e+00 1.000e+00 2.000e+00 ... 1.670e+02 1.680e+02 1.690e+02]\n"
     " [1.700e+02 1.710e+02 1.720e+02 ... 3.370e+02 3.380e+02 3.390e+02]\n"
     " [3.400e+02 3.410e+02 3.420e+02 ... 5.070e+02 5.080e+02 5.090e+02]\n"
     " [5.100e+02 5.110e+02 5.120e+02 ... 6.770e+02 6.780e+02 6.790e+02]\n"
     " [6.800e+02 6.810e+02 6.820e+02 ... 8.470e+02 8.480e+02 8.490e+02]\n"
     " [8.500e+02 8.510e+02 8.520e+02 ... 1.017e+03 1.018e+03 1.019e+03]]"},
};
static const char *const strings_0[] = {"\141\142"};
static const size_t lengths_0[] = {2};
static const char *const strings_1[] = {"\141", "\142\143\144", ""};
static const size_t lengths_1[] = {1, 3, 0};
static const char *const strings_2[] = {"\151\164\047\163", "\163\141\171\040\042\170\042",
                                        "\047\042", "\134\040\011\012\015"};
static const size_t lengths_2[] = {4, 7, 2, 5};
static const char *const strings_3[] = {
    "\000\177\377",
    "\141\040\154\157\156\147\040\163\164\162\151\156\147\040\157\146\040\142\171\164\145\163",
    "\303\251"};
static const size_t lengths_3[] = {3, 22, 2};
static const char *const strings_4[] = {"\141\142\143\144", "\141\142\143\144", "\141\142\143\144",
                                        "\141\142\143\144", "\141\142\143\144", "\141\142\143\144",
                                        "\141\142\143\144", "\141\142\143\144", "\141\142\143\144",
                                        "\141\142\143\144", "\141\142\143\144", "\141\142\143\144",
                                        "\141\142\143\144", "\141\142\143\144"};
static const size_t lengths_4[] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};
static const string_case string_cases[] = {
    {0, {0}, strings_0, lengths_0, "b'ab'"},
    {1, {3}, strings_1, lengths_1, "[b'a' b'bcd' b'']"},
    {2,
     {2, 2},
     strings_2,
     lengths_2,
     "[[b\"it's\" b'say \"x\"']\n"
     " [b'\\'\"' b'\\\\ \\t\\n\\r']]"},
    {1, {3}, strings_3, lengths_3, "[b'\\x00\\x7f\\xff' b'a long string of bytes' b'\\xc3\\xa9']"},
    {1,
     {14},
     strings_4,
     lengths_4,
     "[b'abcd' b'abcd' b'abcd' b'abcd' b'abcd' b'abcd' b'abcd' b'abcd' b'abcd'\n"
     " b'abcd' b'abcd' b'abcd' b'abcd' b'abcd']"},
};
