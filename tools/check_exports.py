#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_exports.py BUILD: the shared library in the build directory exports exactly what the public
headers declare with TW_API, needs nothing but libc, libm, threads and zlib, and is under 3 MB."""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = re.compile(r"^(libc|libm|libpthread|libdl|libz|ld-linux-[\w-]+)\.so(\.\d+)?$")
STRIPPED_BYTES = 3000000


def without_noise(text):
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"//[^\n]*", " ", text)
    return re.sub(r"^[ \t]*#[^\n]*", " ", text, flags=re.M)


def declared(headers):
    """Names after TW_API: of a function the first tw_ name before a parenthesis, else the last."""
    for header in headers:
        for declaration in re.findall(r"\bTW_API\b([^;{]*)", without_noise(header.read_text())):
            function = re.search(r"\b(tw_\w+)\s*\(", declaration)
            data = re.findall(r"\b(tw_\w+)\s*(?:\[[^]]*\]\s*)*$", declaration)
            yield function.group(1) if function else data[0] if data else declaration.strip()


def exported(library):
    out = subprocess.check_output(["nm", "-D", "--defined-only", str(library)], text=True)
    names = {line.split()[-1].split("@")[0] for line in out.splitlines()}
    return names - {"_init", "_fini", "_edata", "_end", "__bss_start"}


def needed(library):
    out = subprocess.check_output(["objdump", "-p", str(library)], text=True)
    return re.findall(r"NEEDED\s+(\S+)", out)


def stripped_size(library):
    with tempfile.TemporaryDirectory() as work:
        small = pathlib.Path(work) / "library"
        subprocess.check_call(["strip", "-o", str(small), str(library)])
        return small.stat().st_size


def main():
    build = pathlib.Path(sys.argv[1])
    library = build / "src/libthalweg.so"
    headers = sorted((ROOT / "include/thalweg").glob("*.h"))
    headers += sorted((build / "include/thalweg").glob("*.h"))
    promised, given = set(declared(headers)), exported(library)
    faults = ["declared, not exported: " + n for n in sorted(promised - given)]
    faults += ["exported, not declared: " + n for n in sorted(given - promised)]
    faults += ["does not begin with tw_: " + n for n in sorted(given) if not n.startswith("tw_")]
    faults += ["links " + n for n in needed(library) if not ALLOWED.match(n)]
    size = stripped_size(library)
    if size > STRIPPED_BYTES:
        faults.append("stripped it has %d bytes, at most %d" % (size, STRIPPED_BYTES))
    print("exports: %d functions, needs %s, %d bytes stripped"
          % (len(given), " ".join(needed(library)), size))
    print("\n".join(faults), end="\n" if faults else "")
    return bool(faults)


sys.exit(main())
