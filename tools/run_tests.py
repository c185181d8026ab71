#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_tests.py [check | all | STAGE ...]: everything that must hold, stage by stage.

Without arguments all stages run but those for other targets (windows, m32, other Pythons), which
`all` adds, and the emulated arm, which must be named; `check` means build and unit; other words
pick stages by the beginning of their name. A stage prints one line with what passed and its time, a
failure also the end of its output. What cannot run here says so. C tests count one by one (cmocka's
lines), each other check as one. The last line is "N passed, N failed". Standard output of a C test
or script that begins with "note: " is shown."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
WORK = BUILD / "test"
PREFIX = WORK / "prefix"
JOBS = max(2, os.cpu_count() or 2)
TAIL = 25  # lines shown of a failure
TEST_PROGRAMS = ["all", "meson-test-prereq"]
SANITIZED = ["-Dprograms=false", "-Ddefault_library=static", "-Doptimization=1", "-Ddebug=false",
             "-Dtests=enabled"]
# For a target that has no libraries but its compiler's own.
FOREIGN = ["-Dprograms=false", "-Ddefault_library=static", "-Doptimization=1", "-Dzlib=disabled",
           "-Dtests=enabled", "-Down_cmocka=true"]
# Every plan that a test makes is checked (src/plan/verify.c).
os.environ.setdefault("THALWEG_VERIFY_PLANS", "1")
# Suites whose tests run under the thread sanitizer: those that start threads.
THREADED = re.compile(r"^(base_(pool|os).*|runtime_.*|op_registry.*|graph_threads.*)$")


class Stage:
    """Counts what one stage found; `failures` are (name, output) and stand for `failed` checks."""

    def __init__(self):
        self.passed = self.failed = 0
        self.failures = []
        self.notes = []

    def check(self, name, ok, output=""):
        if ok:
            self.passed += 1
        else:
            self.fail(name, output)
        return ok

    def fail(self, name, output, count=1):
        self.failed += count
        self.failures.append((name, output))

    def skip(self, why):
        self.notes.append("skipped: " + why)

    def run(self, name, command, **options):
        """Runs a command as one check; True if it passed."""
        code, output = execute(command, **options)
        self.notes += noted(output)
        return self.check(name, code == 0, output)

    def script(self, name, command, **options):
        """Runs a script: as many checks as it says at its end, else one."""
        code, output = execute(command, **options)
        self.notes += noted(output)
        counts = re.search(r"^(\d+) passed, (\d+) failed\s*\Z", output, re.M)
        if not counts:
            return self.check(name, code == 0, output)
        passed, failed = map(int, counts.groups())
        self.passed += passed
        if failed or code:
            self.fail(name, output, max(failed, 1))


def noted(output):
    return re.findall(r"^note: (.*)$", output, re.M)


def execute(command, timeout=300, cwd=ROOT, env=None, text=""):
    """(exit status, output) of a command that reads `text`; what hangs is ended and fails."""
    try:
        done = subprocess.run([str(word) for word in command], cwd=cwd, timeout=timeout,
                              env={**os.environ, **(env or {})}, input=text.encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return 124, (late.stdout or b"").decode(errors="replace") + "\nno end after %g s" % timeout
    except OSError as error:
        return 127, str(error)


def build(stage, directory, options=(), targets=(), env=None):
    """Configures and builds; True if both passed. Counts as one check."""
    code, output = execute([ROOT / "tools/configure.sh", directory, *options], env=env)
    if code == 0:
        code, output = execute(["ninja", "-C", directory, "-j", JOBS, *targets], timeout=1800)
    return stage.check("build", code == 0, errors_first(output))


def errors_first(output):
    """A compiler's output from the first thing that went wrong."""
    at = re.search(r"^(FAILED:|.*\b(error|warning):)", output, re.M)
    return "\n".join(output[at.start():].splitlines()[:TAIL]) if at else output


def c_tests(directory, wanted=None):
    """(name, program, workdir) of the C tests of a build directory."""
    listed = json.loads((directory / "meson-info/intro-tests.json").read_text())
    return [(t["name"], t["cmd"], t["workdir"]) for t in listed
            if wanted is None or wanted.match(t["name"])]


def count_cmocka(name, code, output):
    """(passed, names of the failed) of one test program."""
    passed = len(re.findall(r"^\[       OK \]", output, re.M))
    failed = dict.fromkeys(re.findall(r"^\[  FAILED  \] (?!\d+ test)(\S+)", output, re.M))
    if not failed and code:
        failed = {"%s ended with %d" % (name, code): None}
    elif not passed and not failed and "[==========]" not in output:
        passed = 1  # no cmocka program: its exit status is its verdict
    elif not passed and not failed:
        failed = {name + " ran no test": None}
    return passed, list(failed)


def run_c_tests(stage, directory, wanted=None, env=None, before=(), timeout=120):
    tests = c_tests(directory, wanted)
    absent = [name for name, command, _ in tests if not pathlib.Path(command[0]).exists()]
    if absent:
        stage.check("%d test programs were not built" % len(absent), False, " ".join(absent))
    if not tests:
        stage.check("there are no C tests (is cmocka here?)", False)
    tests = [test for test in tests if test[0] not in absent]

    def run(test):
        name, command, workdir = test
        own = pathlib.Path(command[0]).is_relative_to(directory)  # not a script
        code, output = execute([*(before if own else ()), *command], timeout,
                               workdir or directory, env)
        return name, output, *count_cmocka(name, code, output)

    with ThreadPoolExecutor(2) as pool:
        for name, output, passed, failed in pool.map(run, tests):
            stage.passed += passed
            stage.notes += noted(output)
            if failed:
                stage.fail("%s: %s" % (name, ", ".join(failed)), output, len(failed))


def build_gcc(stage):
    """The library, the programs and the tests with gcc"""
    build(stage, BUILD, targets=[*TEST_PROGRAMS, "benchmarks"])


def unit(stage):
    """The C tests"""
    run_c_tests(stage, BUILD)


def sanitizer_compiler():
    return {"CC": "clang"} if shutil.which("clang") else {}


def asan(stage):
    """The C tests with clang, its warnings errors, under the address and UB sanitizers"""
    directory = WORK / "asan"
    options = [*SANITIZED, "-Db_sanitize=address,undefined",
               "-Dc_args=-fno-sanitize-recover=all -fno-sanitize=null,object-size,alignment "
               "-fno-omit-frame-pointer -g1"]
    if build(stage, directory, options, env=sanitizer_compiler()):
        env = {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:"
                               "allocator_may_return_null=1",
               "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", "THALWEG_SANITIZED": "1"}
        run_c_tests(stage, directory, env=env, timeout=400)


def tsan(stage):
    """Tests with threads under the thread sanitizer"""
    directory = WORK / "tsan"
    options = [*SANITIZED, "-Db_sanitize=thread"]
    code, output = execute([ROOT / "tools/configure.sh", directory, *options],
                           env=sanitizer_compiler())
    if code:
        return stage.check("configure", False, output)
    tests = c_tests(directory, THREADED)
    if not tests:
        return stage.skip("no test with threads")
    programs = [os.path.relpath(command[0], directory) for _, command, _ in tests]
    if build(stage, directory, options, programs, sanitizer_compiler()):
        # The sanitizer's shadow memory and a widely randomised address space do not go together.
        still = ["setarch", "-R"] if execute(["setarch", "-R", "true"])[0] == 0 else []
        env = {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:die_after_fork=0",
               "THALWEG_SANITIZED": "1"}
        run_c_tests(stage, directory, THREADED, env, still, 400)
    return None


def installed():
    """The environment in which the scratch installation is found, as a user's shell would."""
    return {"PKG_CONFIG_PATH": str(PREFIX / "lib/pkgconfig"),
            "LD_LIBRARY_PATH": str(PREFIX / "lib"), "CMAKE_PREFIX_PATH": str(PREFIX),
            "THALWEG_PREFIX": str(PREFIX), "THALWEG_BUILD": str(BUILD),
            "PATH": "%s:%s" % (PREFIX / "bin", os.environ["PATH"])}


def install(stage):
    """Installation into a scratch prefix, and the library as built there"""
    directory = WORK / "install"
    shutil.rmtree(PREFIX, ignore_errors=True)
    if build(stage, directory, ["--prefix=%s" % PREFIX, "-Dtests=disabled"]):
        stage.run("meson install", ["meson", "install", "-C", directory, "--no-rebuild"])
        stage.run("exports", [ROOT / "tools/check_exports.py", directory])


def is_installed(stage):
    there = (PREFIX / "lib/pkgconfig/thalweg.pc").exists()
    return there or stage.check("installed library", False, "nothing is in %s" % PREFIX)


def consumers(stage):
    """Programs built through pkg-config and CMake"""
    if is_installed(stage):
        stage.script("consumers", [ROOT / "tests/install/run.py", WORK / "consumers"],
                     env=installed())


def tutorial(stage):
    """The tutorial's programs against the installed library"""
    if not is_installed(stage):
        return
    given = ROOT.parent / "shared/tutorial/c/check.py"
    if given.exists():
        stage.script("the given programs", [sys.executable, given], env=installed())
    else:
        stage.skip("no ../shared/tutorial/c: the copy in tests/tutorial alone")
    stage.script("tests/tutorial", [sys.executable, ROOT / "tests/tutorial/check.py"],
                 env=installed())


def scripts(stage):
    """tests/*/test_*.py and .sh: what a C test cannot ask"""
    found = sorted(p for p in (ROOT / "tests").glob("*/test_*") if p.suffix in (".py", ".sh"))
    for path in found:
        runner = [sys.executable] if path.suffix == ".py" else ["bash"]
        stage.script(path.relative_to(ROOT).as_posix(), [*runner, path], env=installed())
    if not found:
        stage.skip("there is none")


def python(stage):
    """The Python package, from its wheel"""
    work = WORK / "python"
    stage.script("python", [sys.executable, ROOT / "tools/test_python.py", work], timeout=1500)


# What may differ from one Python or NumPy to another: the extension and what talks to both.
PYTHON_TESTS = ["test_%s.py" % name for name in (
    "arrays", "compat", "constants", "core_control", "core_graph", "core_hostile", "docs",
    "golden_python", "ops", "session", "variables")]


def versions(stage):
    """The Python package with every other Python here"""
    others = other_pythons()
    if not others:
        return stage.skip("there is no other Python from 3.8 on")
    for version, path in others:
        before = len(stage.failures)
        stage.script("Python " + version, [sys.executable, ROOT / "tools/test_python.py",
                                           WORK / ("python" + version), path, *PYTHON_TESTS],
                     timeout=1500)
        stage.notes.append("Python %s: %s" % (version, "failed" if len(stage.failures) > before
                                              else "passed"))
    return None


def other_pythons():
    """(version, path) of the Pythons from 3.8 on, one of a version, without this one."""
    folders = [*map(pathlib.Path, os.get_exec_path()),
               *pathlib.Path.home().glob(".pyenv/versions/*/bin")]
    found = {}
    for path in (folder / ("python3.%d" % n) for folder in folders for n in range(8, 30)):
        code, version = execute([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if code == 0:
            found.setdefault(version.strip(), path)
    found.pop("%d.%d" % sys.version_info[:2], None)
    return sorted(found.items(), key=lambda entry: int(entry[0].split(".")[1]))


def unformatted(path):
    """True if clang-format would change a file; it is told that headers are C."""
    with path.open("rb") as file:
        done = subprocess.run(["clang-format", "--dry-run", "-Werror",
                               "--assume-filename=%s.c" % path.with_suffix("")],
                              stdin=file, capture_output=True, check=False)
    return done.returncode != 0


def format_check(stage):
    if not shutil.which("clang-format"):
        return stage.skip("no clang-format")
    folders = ("src", "include", "tests", "examples", "bench", "tools", "python")
    listed = [p for folder in folders
              for p in sorted((ROOT / folder).rglob("*")) if p.suffix in (".c", ".h")]
    with ThreadPoolExecutor(JOBS) as pool:
        wrong = [str(p) for p, bad in zip(listed, pool.map(unformatted, listed)) if bad]
    return stage.check("format", not wrong,
                       "\n".join(wrong + ["%d files; make format mends them" % len(wrong)]))


def source(stage):
    """Layers, style, headers, format"""
    stage.run("layers", [ROOT / "tools/check_layers.py"])
    if shutil.which("ctags"):
        stage.run("style", [ROOT / "tools/check_style.py"])
    else:
        stage.skip("no ctags: style not checked")
    stage.run("headers", [ROOT / "tools/check_headers.sh", BUILD])
    format_check(stage)


def windows(stage):
    """The library and its tests with mingw-w64"""
    if not shutil.which("x86_64-w64-mingw32-gcc"):
        return stage.skip("no x86_64-w64-mingw32-gcc")
    return build(stage, WORK / "windows", ["--cross-file", "packaging/mingw64.ini", *FOREIGN],
                 TEST_PROGRAMS)


def m32(stage):
    """The C tests with 32-bit addresses"""
    code, output = execute(["gcc", "-m32", "-x", "c", "-include", "errno.h", "-o", "/dev/null",
                            "-"], text="int main(void) { return 0; }")
    if code:
        return stage.skip("gcc -m32 links nothing here: %s" % output.strip().splitlines()[-1])
    directory = WORK / "m32"
    if build(stage, directory, FOREIGN, TEST_PROGRAMS, {"CC": "gcc -m32"}):
        run_c_tests(stage, directory, timeout=400)
    return None


def arm(stage):
    """The C tests for 64-bit Arm, under qemu"""
    # It runs only when it was asked for: what it lacks is a failure.
    missing = [tool for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64") if not shutil.which(tool)]
    if missing:
        return stage.check("no " + " and no ".join(missing), False, "on Debian: apt-get install "
                           "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user")
    directory = WORK / "arm"
    # Optimised as users have it: vectors are what is asked here.
    options = [o for o in FOREIGN if not o.startswith("-Doptimization")] + ["-Doptimization=2"]
    if build(stage, directory, ["--cross-file", "packaging/aarch64.ini", *options],
             TEST_PROGRAMS):
        run_c_tests(stage, directory, env={"THALWEG_EMULATED": "1"},
                    before=["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"], timeout=900)
    return None


STAGES = {"build": build_gcc, "unit": unit, "asan": asan, "tsan": tsan,
          "install": install, "consumers": consumers, "tutorial": tutorial, "scripts": scripts,
          "source": source, "python": python, "windows": windows, "m32": m32, "arm": arm,
          "versions": versions}
# What `all` adds, and what only runs when it is named: an emulated machine takes many minutes.
FOREIGN_STAGES = ("windows", "m32", "versions")
NAMED_STAGES = ("arm",)


def show(name, stage, seconds):
    counts = "%d passed, %d failed" % (stage.passed, stage.failed)
    if not stage.passed and not stage.failed and stage.notes:
        counts = stage.notes.pop(0)
    print("%-10s %-28s %7.1f s   %s" % (name, counts, seconds, STAGES[name].__doc__ or ""))
    for note in stage.notes:
        print("           " + note)
    for what, output in stage.failures:
        print("  FAILED %s: %s" % (name, what))
        for line in output.rstrip().splitlines()[-TAIL:]:
            print("    | " + line)
    sys.stdout.flush()


def wanted_stages(words):
    if words in ([], ["all"]):
        return [name for name in STAGES if name not in NAMED_STAGES and (
            words or name not in FOREIGN_STAGES)]
    if "-h" in words or "--help" in words:
        print(__doc__, "\nStages: " + ", ".join(STAGES), sep="\n")
        sys.exit(0)
    words = [w for word in words for w in (["build", "unit"] if word == "check" else [word])]
    for word in words:
        if not any(name.startswith(word) for name in STAGES):
            sys.exit("no stage begins with '%s': %s" % (word, ", ".join(STAGES)))
    return [name for name in STAGES if any(name.startswith(w) for w in words)]


def main():
    passed = failed = 0
    WORK.mkdir(parents=True, exist_ok=True)
    for name in wanted_stages(sys.argv[1:]):
        stage, start = Stage(), time.monotonic()
        try:
            STAGES[name](stage)
        except Exception as error:  # a broken stage must not hide what the others found
            stage.check("stage", False, "%s: %s" % (type(error).__name__, error))
        show(name, stage, time.monotonic() - start)
        passed, failed = passed + stage.passed, failed + stage.failed
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0 or not passed


with contextlib.suppress(KeyboardInterrupt):
    sys.exit(main())
sys.exit(130)
