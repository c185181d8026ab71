#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls every public function with NULL for its pointers and nothing in its structs, and again with
valid handles beside the NULLs: none may crash, exit or hang. Left out are functions of what the
library or a block of the caller lends them (CONTEXTS), which is never NULL. Uses the installed
library (THALWEG_PREFIX)."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONTEXTS = {"tw_infer", "tw_compute", "tw_gradient", "tw_build_context", "tw_composite_scope",
            "tw_scope_guard"}
HANDLES = {"tw_graph": "graph", "tw_session": "session", "tw_operation": "tensor.op",
           "tw_array": "array", "tw_callable": "callable", "char": '"x"'}
VALUES = {"tw_tensor": "tensor", "tw_operand": "tw_of_tensor(tensor)",
          "tw_tensors": "((tw_tensors){&tensor, 1})"}
MAIN = """
static void prepare(void)
{
    tensor = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2));
    graph = tw_default_graph();
    session = tw_session_new(NULL);
    array = tw_array_scalar(TW_FLOAT32, 1);
    TW_CHECK(tw_make_callable(session, TW_FETCH(tw_neg(tensor)), .feed = TW_FETCH(tensor),
                              .callable = &callable));
}

int main(void)
{
    int failed = 0, count = (int)(sizeof calls / sizeof *calls);
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (!child) {
            alarm(10);
            if (!freopen("/dev/null", "w", stdout))
                _exit(1);
            prepare();
            calls[i].call();
            _exit(0);
        }
        int result = -1;
        waitpid(child, &result, 0);
        failed += result != 0;
        if (result)
            printf("FAIL %s: %s %d\\n", calls[i].name, WIFSIGNALED(result) ? "signal" : "exit",
                   WIFSIGNALED(result) ? WTERMSIG(result) : WEXITSTATUS(result));
    }
    printf("%d passed, %d failed\\n", count - failed, failed);
    return failed > 0;
}
"""


def split(text):
    """What stands between commas up to the closing bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            break
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [" ".join(part.split()) for part in parts]


def declarations():
    """(name, parameters) of the public functions with a fixed number of parameters."""
    for header in sorted((ROOT / "include/thalweg").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        text = re.sub(r"^[ \t]*#(.*\\\n)*.*$", "", text, flags=re.M)
        for match in re.finditer(r"TW_API\b[^;(]*?\b(tw_\w+)\s*\(", text):
            parameters = split(text[match.end():])
            if "..." in parameters or parameters in (["void"], [""]):
                continue
            if parameters[0].replace("const ", "").split(" ")[0] not in CONTEXTS:
                yield match.group(1), parameters


def argument(parameter, handles):
    words = parameter.replace("const ", "")
    if "(*" in words or "[" in words or "_fn " in words:
        return "NULL"
    if "*" in words:
        handle = HANDLES.get(words.split("*")[0].strip()) if words.count("*") == 1 else None
        return "(void *)(uintptr_t)%s" % handle if handle and handles else "NULL"
    kind = words.rsplit(" ", 1)[0]
    return VALUES[kind] if handles and kind in VALUES else "(%s){0}" % kind


def program():
    lines = ["#include <stdint.h>", "#include <stdio.h>", "#include <unistd.h>",
             "#include <sys/wait.h>", "#include <thalweg/thalweg.h>", "#include <thalweg/op.h>",
             "static tw_tensor tensor;", "static tw_graph *graph;", "static tw_session *session;",
             "static tw_array *array;", "static tw_callable *callable;"]
    calls = []
    for name, parameters in declarations():
        for handles in (False, True):
            lines.append("static void call%d(void) { (void)%s(%s); }" % (
                len(calls), name, ", ".join(argument(p, handles) for p in parameters)))
            calls.append('{"%s%s", call%d}' % (name, " with handles" if handles else "",
                                               len(calls)))
    lines.append("static const struct { const char *name; void (*call)(void); } calls[] = {%s};" %
                 ",\n".join(calls))
    return "\n".join(lines) + MAIN


def main():
    prefix = os.environ.get("THALWEG_PREFIX")
    options = subprocess.check_output(["pkg-config", "--cflags", "--libs", "thalweg"],
                                      text=True).split()
    if prefix:
        options.append("-Wl,-rpath," + os.path.join(prefix, "lib"))
    with tempfile.TemporaryDirectory() as work:
        source, built = os.path.join(work, "null.c"), os.path.join(work, "null")
        pathlib.Path(source).write_text(program())
        subprocess.run(["gcc", "-std=gnu11", source, "-o", built, *options, "-lm"], check=True)
        return subprocess.run([built], check=False, cwd=work).returncode


if __name__ == "__main__":
    sys.exit(main())
