#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py WORK: builds and runs the programs here against the installed library that pkg-config and
CMake find, in the folder WORK, which is made anew. Last line: N passed, N failed."""
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
WARNINGS = ["-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
counts = {True: 0, False: 0}


def run(command):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except OSError as error:
        print(error)
        return False
    if done.returncode:
        print(" ".join(map(str, command)), done.stdout[-1500:], done.stderr[-1500:], sep="\n")
    return done.returncode == 0


def pkg_config(*options):
    return subprocess.check_output(["pkg-config", *options, "thalweg"], text=True).split()


def check(name, *commands):
    ok = all(run(command) for command in commands)
    counts[ok] += 1
    print("%-32s %s" % (name, "pass" if ok else "fail"))


def compiled(work, compiler, standard, program, libraries):
    version = pkg_config("--modversion")[0]
    out = work / ("%s_%s_%d" % (compiler, standard, len(libraries)))
    define = '-DCONSUMER_VERSION="%s"' % version
    return ([compiler, "-std=" + standard, *WARNINGS, define, *pkg_config("--cflags"),
             HERE / program, "-o", out, *libraries], [out])


def static_libraries():
    """The static archive by its path, then what it needs: the linker would take the shared one."""
    libdir = pkg_config("--variable=libdir")[0]
    needed = [word for word in pkg_config("--static", "--libs") if word != "-lthalweg"]
    return [libdir + "/libthalweg.a", *needed]


def main():
    work = pathlib.Path(sys.argv[1])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for compiler in filter(shutil.which, ("gcc", "clang")):
        for kind, libraries in (("shared", pkg_config("--libs")), ("static", static_libraries())):
            check("pkg-config, %s, %s" % (compiler, kind),
                  *compiled(work, compiler, "c11", "consumer.c", libraries))
    for compiler in filter(shutil.which, ("g++", "clang++")):
        check("pkg-config, %s" % compiler,
              *compiled(work, compiler, "c++17", "consumer.cpp", pkg_config("--libs")))
    if shutil.which("cmake"):
        build = work / "cmake"
        check("CMake", ["cmake", "-S", HERE, "-B", build], ["cmake", "--build", build])
        for kind in ("thalweg", "static"):
            check("CMake, thalweg::" + kind, [build / ("consumer_" + kind)])
    else:
        print("CMake: skipped, it is not here")
    print("%d passed, %d failed" % (counts[True], counts[False]))
    return counts[False] > 0


sys.exit(main())
