# SPDX-License-Identifier: Apache-2.0
"""Flags, files, messages."""
import logging

import pytest

from thalweg.framework import errors
from thalweg.platform import app, flags, gfile, googletest, resource_loader, tf_logging


def values():
    made = flags.FlagValues()
    flags.DEFINE_integer("n", 3, "a number", flag_values=made)
    flags.DEFINE_boolean("b", True, "yes or no", flag_values=made)
    flags.DEFINE_string("s", None, "a word", flag_values=made)
    flags.DEFINE_float("f", 1, "a number", lower_bound=0.0, flag_values=made)
    flags.DEFINE_multi_string("m", ["x"], "words", flag_values=made)
    flags.DEFINE_enum("e", "one", ["one", "two"], "a choice", flag_values=made)
    flags.DEFINE_list("l", "a,b", "words", flag_values=made)
    return made


def test_flags_of_a_command_line():
    made = values()
    rest = made(["p", "--n", "4", "rest", "--nob", "-s=w", "--f=2.5", "--m=a", "--m", "b",
                 "--e=two", "--unknown=1", "--", "--n=9"], known_only=True)
    assert rest == ["p", "rest", "--unknown=1", "--n=9"]
    assert (made.n, made.b, made.s, made.f) == (4, False, "w", 2.5)
    assert (made.m, made.e) == (["a", "b"], "two")
    made.n = 7
    assert made.n == 7 and made.flag_values_dict()["n"] == 7
    assert values()(["p"]) == ["p"]


@pytest.mark.parametrize("word", ["--n=x", "--e=three", "--f=-1", "--b=maybe"])
def test_wrong_values_of_flags(word):
    with pytest.raises(flags.IllegalFlagValueError):
        values()(["p", word])


def test_flags_that_are_not_there():
    made = values()
    with pytest.raises(AttributeError):
        made.nothing
    with pytest.raises(flags.UnrecognizedFlagError):
        made(["p", "--nothing"])
    with pytest.raises(flags.Error):
        made(["p", "--s"])
    flags.mark_flag_as_required("s", made)
    with pytest.raises(flags.IllegalFlagValueError):
        made(["p"])


def test_old_names_of_arguments():
    made = flags.FlagValues()
    flags.DEFINE_string(flag_name="a", default_value="x", docstring="d", flag_values=made)
    made(["p"])
    assert made.a == "x"


def test_app_run_gives_main_what_is_left():
    with pytest.raises(SystemExit) as end:
        app.run(main=lambda argv: argv[1:], argv=["p", "rest"])
    assert end.value.code == ["rest"]


def test_files(tmp_path):
    folder = str(tmp_path / "a" / "b")
    gfile.MakeDirs(folder)
    gfile.MakeDirs(folder)
    path = folder + "/f.txt"
    with gfile.GFile(path, "w") as file:
        file.write("one\nh\u00e9\n")
        file.write(b"three")
    with gfile.Open(path) as file:
        assert file.read(4) == "one\n" and file.tell() == 4 and file.readline() == "h\u00e9\n"
        file.seek(0)
        assert file.readlines() == ["one\n", "h\u00e9\n", "three"] and file.size() == 13
    assert gfile.FastGFile(path, "rb").read()[:3] == b"one"
    assert list(gfile.GFile(path)) == ["one\n", "h\u00e9\n", "three"]
    gfile.Copy(path, folder + "/g.txt")
    gfile.Rename(folder + "/g.txt", folder + "/h.txt")
    assert gfile.Glob(folder + "/*.txt") == [path, folder + "/h.txt"]
    assert sorted(gfile.ListDirectory(folder)) == ["f.txt", "h.txt"]
    assert gfile.Stat(path).length == 13 and gfile.IsDirectory(folder)
    assert [w[0] for w in gfile.Walk(str(tmp_path))][-1] == folder
    gfile.Remove(path)
    gfile.DeleteRecursively(str(tmp_path / "a"))
    assert not gfile.Exists(folder)


def test_files_that_are_not_there(tmp_path):
    missing = str(tmp_path / "none")
    for call in (lambda: gfile.Open(missing).read(), lambda: gfile.Remove(missing),
                 lambda: gfile.ListDirectory(missing), lambda: gfile.MkDir(missing + "/a"),
                 lambda: gfile.Stat(missing), lambda: gfile.DeleteRecursively(missing)):
        with pytest.raises(errors.NotFoundError, match="none"):
            call()
    gfile.GFile(missing, "w").close()
    with pytest.raises(errors.AlreadyExistsError):
        gfile.Copy(missing, missing)
    with pytest.raises(errors.PermissionDeniedError):
        gfile.GFile(missing, "w").read()
    with pytest.raises(errors.InvalidArgumentError):
        gfile.GFile(missing, "q")


def test_messages(caplog):
    old = tf_logging.get_verbosity()
    try:
        tf_logging.set_verbosity(tf_logging.INFO)
        with caplog.at_level(logging.INFO, logger="tensorflow"):
            tf_logging.info("a %d", 1)
            for _ in range(4):
                tf_logging.log_every_n(tf_logging.INFO, "every", 2)
                tf_logging.log_first_n(tf_logging.INFO, "first", 1)
        assert [r.getMessage() for r in caplog.records] == ["a 1", "every", "first", "every"]
    finally:
        tf_logging.set_verbosity(old)


def test_errors_have_their_codes():
    error = errors.NotFoundError(None, None, "m")
    assert (error.error_code, error.message, str(error), error.op) == (5, "m", "m", None)
    assert errors.exception_type_from_error_code(11) is errors.OutOfRangeError
    assert errors.error_code_from_exception_type(errors.AbortedError) == errors.ABORTED
    assert isinstance(errors._make_specific_exception(None, None, "m", 77), errors.OpError)


def test_files_beside_a_program():
    assert b"files beside" in resource_loader.load_resource("test_platform.py")
    assert resource_loader.get_path_to_datafile("x").endswith("python/tests/x")


def test_stand_ins_go():
    class Thing:
        value = 1
    with googletest.StubOutForTesting() as stubs:
        stubs.Set(Thing, "value", 2)
        assert Thing.value == 2
    assert Thing.value == 1
