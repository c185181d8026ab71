#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_print_cases.py > print_cases.h: what NumPy 2.2 prints, as a table for test_print.c.

The numbers of a case are doubles that convert exactly; complex ones stand as pairs."""
import numpy as np

NAN, INF = float("nan"), float("inf")
CASES = [
    # scalars
    ("float32", (), [27]), ("float32", (), [0.1]), ("float32", (), [1e-5]), ("float32", (), [1e16]),
    ("float32", (), [9.9e15]), ("float32", (), [-0.0]), ("float32", (), [NAN]),
    ("float32", (), [-INF]), ("float32", (), [16777216]), ("float32", (), [1e-4]),
    ("float64", (), [27]), ("float64", (), [0.1]), ("float64", (), [1e-5]), ("float64", (), [1e22]),
    ("float64", (), [1 / 3]), ("float64", (), [2.0**-44]), ("float64", (), [5e-324]),
    ("float64", (), [1.7976931348623157e308]), ("float64", (), [123456789012345680.0]),
    ("float16", (), [0.1]), ("float16", (), [65504]), ("float16", (), [6e-8]),
    ("int32", (), [0]), ("int64", (), [-7]), ("uint8", (), [255]), ("bool", (), [1]),
    ("bool", (), [0]), ("complex64", (), [1, 2]), ("complex64", (), [0, 1]),
    ("complex64", (), [-0.0, 1]), ("complex128", (), [NAN, INF]), ("complex128", (), [1, -INF]),
    ("complex128", (), [1.5, -0.0]), ("complex128", (), [1e20, 1e-7]), ("complex64", (), [0, 0]),
    # empty
    ("float32", (0,), []), ("int64", (2, 0), []), ("float32", (0, 3), []),
    # columns of numbers
    ("float32", (2,), [14, 21]), ("float32", (2, 2), [1, 2.5, -3, 4]),
    ("float32", (3,), [0.1, 0.2, 0.3]),
    ("float64", (3,), [0.1, 0.2, 0.3]), ("float64", (3,), [1 / 3, 2 / 3, 1]),
    ("float32", (3,), [1 / 3, 2 / 3, 1]), ("float32", (4,), [0, -0.0, 1, -1]),
    ("float64", (2,), [1e8, 1]), ("float64", (2,), [99999999, 100000]),
    ("float64", (2,), [1e-4, 0.05]), ("float64", (2,), [9e-5, 0.05]), ("float32", (1,), [1e-4]),
    ("float64", (2,), [1000, 1]), ("float64", (2,), [1001, 1]), ("float64", (2,), [1e100, 1e-100]),
    ("float64", (3,), [0, 1e-300, -1e-5]), ("float32", (4,), [0.3, 12345678848, 0.1, 16777216]),
    ("float64", (2,), [0.99999999999, 9.999999999]), ("float64", (3,), [123456.789, 1.5, 100000]),
    ("float64", (2,), [1.123456785, 1.000000005]), ("float32", (2,), [67108888, 33554436]),
    ("float16", (3,), [13024, -9472, -578.5]), ("float16", (3,), [0.015625, 4096, 6e-8]),
    ("float16", (2,), [1e-4, 0.05]), ("float64", (3,), [5.684341886080802e-14, 1, 2]),
    # not a number, infinity
    ("float32", (3,), [1.5, NAN, 2]), ("float32", (3,), [INF, -INF, NAN]),
    ("float64", (2,), [NAN, NAN]),
    ("float64", (3,), [INF, 1, 2]), ("float64", (3,), [-INF, 1, 2]),
    ("float64", (3,), [NAN, 1e10, 0]),
    ("float64", (3,), [-INF, 12345.678, -2]), ("float64", (2,), [INF, 0]),
    # integers, bool
    ("int32", (3,), [1, 20, 300]), ("int32", (2, 2), [-1, 10, 100, -1000]),
    ("uint8", (3,), [0, 255, 7]),
    ("int8", (2,), [-128, 127]), ("int64", (2,), [-9007199254740992, 9007199254740992]),
    ("uint64", (2,), [0, 9007199254740992]), ("int16", (1, 1), [5]), ("uint32", (1,), [4294967295]),
    ("bool", (3,), [1, 0, 1]), ("bool", (2, 2), [1, 1, 1, 1]),
    # complex
    ("complex64", (2,), [1, 2, -3.5, 0]), ("complex128", (2,), [0.1, 1e10, 2, -1]),
    ("complex64", (3,), [NAN, 1, INF, -INF, 0, -0.0]), ("complex128", (2,), [1, NAN, 100, INF]),
    # more axes
    ("int32", (2, 2, 2), range(8)), ("float32", (2, 1, 2, 2), range(8)),
    ("int32", (1, 1, 1, 1, 1), [7]),
    # lines that break, and long arrays
    ("int32", (30,), range(30)), ("float64", (2, 12), [i / 7 for i in range(24)]),
    ("int64", (1, 1, 40), range(1000, 1040)), ("bool", (20,), [i % 3 == 0 for i in range(20)]),
    ("int32", (1001,), range(1001)), ("float32", (40, 30), [i / 8 for i in range(1200)]),
    ("int32", (1200, 1), range(1200)), ("int32", (7, 2, 100), range(1400)),
    ("float32", (6, 170), range(1020)),
]
STRINGS = [
    ((), [b"ab"]), ((3,), [b"a", b"bcd", b""]),
    ((2, 2), [b"it's", b'say "x"', b"'\"", b"\\ \t\n\r"]),
    ((3,), [b"\x00\x7f\xff", b"a long string of bytes", "\u00e9".encode()]),
    ((14,), [b"abcd"] * 14),
]


def c_number(x):
    x = float(x)
    if x != x:
        return "NAN"
    if x in (INF, -INF):
        return "-INFINITY" if x < 0 else "INFINITY"
    return repr(x)


def c_text(text):
    lines = text.split("\n")
    quoted = ['"%s' % line.replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '\\n"\n     '.join(quoted) + '"'


def c_bytes(data):
    return '"%s"' % "".join("\\%03o" % b for b in data)


def array_of(dtype, shape, numbers):
    numbers = list(numbers)
    with np.errstate(all="ignore"):
        if dtype.startswith("complex"):
            a = np.empty(len(numbers) // 2, dtype)
            a.real, a.imag = numbers[::2], numbers[1::2]
        else:
            a = np.array(numbers, np.float64).astype(dtype)
    return a.reshape(shape)


def wrapped(items, indent):
    lines, line = [], indent
    for item in items:
        if len(line) + len(item) + 2 > 98:
            lines.append(line.rstrip())
            line = indent
        line += item + ", "
    return "\n".join(lines + [line.rstrip(", ")])


def main():
    print("/* SPDX-License-Identifier: Apache-2.0")
    print(" * Made by make_print_cases.py: what NumPy prints. Where `numbers` is NULL they are 0,"
          " 1, 2 ...,\n * divided by `divisor`. */")
    for i, (dtype, _, numbers) in enumerate(CASES):
        if numbers and 0 < len(numbers) <= 40:
            print("static const double numbers_%d[] = {" % i)
            print(wrapped(map(c_number, numbers), "    ") + "};")
    print("static const print_case cases[] = {")
    for i, (dtype, shape, numbers) in enumerate(CASES):
        numbers = list(numbers)
        short = 0 < len(numbers) <= 40
        divisor = 1 if short or len(numbers) < 2 else int(1 / numbers[1])
        with np.errstate(all="ignore"):
            text = str(array_of(dtype, shape, numbers))
        print("    {TW_%s, %d, {%s}, %s, %d,\n     %s}," % (
            dtype.upper(), len(shape), ", ".join(map(str, shape)) or "0",
            "numbers_%d" % i if short else "NULL", divisor, c_text(text)))
    print("};")
    for i, (shape, items) in enumerate(STRINGS):
        print("static const char *const strings_%d[] = {" % i)
        print(wrapped(map(c_bytes, items), "    ") + "};")
        print("static const size_t lengths_%d[] = {%s};" % (
            i, ", ".join(str(len(s)) for s in items)))
    print("static const string_case string_cases[] = {")
    for i, (shape, items) in enumerate(STRINGS):
        a = np.empty(len(items), object)
        a[:] = items
        print("    {%d, {%s}, strings_%d, lengths_%d,\n     %s}," % (
            len(shape), ", ".join(map(str, shape)) or "0", i, i, c_text(str(a.reshape(shape)))))
    print("};")


main()
