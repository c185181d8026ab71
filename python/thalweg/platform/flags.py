# SPDX-License-Identifier: Apache-2.0
"""Command line flags: defined at the top of a program, read as attributes of FLAGS.

The command line is read when the first flag is asked for. `--name=value`, `--name value` and, for
booleans, `--name` and `--noname`; one dash does as well. What is no flag of ours is left alone."""
import sys


class Error(Exception):
    """Something is wrong with a flag."""


class IllegalFlagValueError(Error):
    """A value that the flag cannot take."""


class UnrecognizedFlagError(Error, AttributeError):
    """No such flag."""


class DuplicateFlagError(Error):
    """The flag was defined before."""


class UnparsedFlagAccessError(Error, AttributeError):
    """The flag was read before the command line was."""


class ValidationError(Error):
    """The values of the flags do not fit."""


class Flag:
    """One flag; `value` is the present one."""

    def __init__(self, name, default, help_text, parse, kind, multiple=False):
        self.name, self.help, self._parse, self.kind = name, help_text, parse, kind
        self.multiple, self.present, self.required = multiple, 0, False
        self.default = self.value = self._converted(default)

    boolean = property(lambda self: self.kind == "boolean")

    def _converted(self, value):
        if value is None:
            return None
        if self.multiple:
            return [self._one(v) for v in (value if isinstance(value, (list, tuple)) else [value])]
        return self._one(value)

    def _one(self, value):
        try:
            return self._parse(value)
        except (TypeError, ValueError) as error:
            raise IllegalFlagValueError("flag --%s=%s: %s" % (self.name, value, error)) from None

    def parse(self, text):
        """Takes a value from the command line."""
        if self.multiple and self.present:
            self.value = self.value + [self._one(text)]
        else:
            self.value = [self._one(text)] if self.multiple else self._one(text)
        self.present += 1

    def unparse(self):
        self.value, self.present = self.default, 0

    def __repr__(self):
        return repr(self.value)

    def __str__(self):
        return str(self.value)


class FlagValues:
    """All flags, as attributes."""

    def __init__(self):
        self.__dict__["_flags"] = {}
        self.__dict__["_validators"] = []
        self.__dict__["_parsed"] = False

    def __getattr__(self, name):
        if name == "__flags":  # how programs got at all of them before 1.5
            from thalweg import compat
            self._parse_flags()
            if compat.below("1.5"):
                return {n: f.value for n, f in self._flags.items()}
            return self._flags
        if name.startswith("__"):
            raise AttributeError(name)
        flags = self.__dict__["_flags"]
        if name not in flags:
            raise AttributeError("Unknown command line flag %r" % name)
        if not self.__dict__["_parsed"]:
            self._parse_flags()
        return flags[name].value

    def __setattr__(self, name, value):
        flag = self._flags.get(name)
        if flag is None:
            flag = self._flags[name] = Flag(name, None, "", lambda v: v, "string")
        flag.value = value

    def __delattr__(self, name):
        self._flags.pop(name, None)

    def __getitem__(self, name):
        return self._flags[name]

    def __contains__(self, name):
        return name in self._flags

    def __iter__(self):
        return iter(self._flags)

    def __len__(self):
        return len(self._flags)

    def __dir__(self):
        return sorted(set(self._flags) | set(object.__dir__(self)))

    def flag_values_dict(self):
        """{name: value}"""
        self._parse_flags()
        return {name: flag.value for name, flag in self._flags.items()}

    def is_parsed(self):
        return self._parsed

    def mark_as_parsed(self):
        self.__dict__["_parsed"] = True

    def unparse_flags(self):
        """Forgets the command line."""
        for flag in self._flags.values():
            flag.unparse()
        self.__dict__["_parsed"] = False

    def _parse_flags(self, args=None):
        """Reads the command line if nobody did; what is left of it, without the program."""
        if self._parsed and args is None:
            return []
        return self([sys.argv[0] if sys.argv else ""] + list(args) if args is not None
                    else sys.argv, known_only=True)[1:]

    def __call__(self, argv, known_only=False):
        """Reads a command line, argv[0] being the program; what is left of it."""
        self.__dict__["_parsed"] = True
        rest, at = [argv[0]] if argv else [], 1
        while at < len(argv):
            word = argv[at]
            at += 1
            if word == "--":
                rest += argv[at:]
                break
            flag, value = self._known(word)
            if flag is None:
                self._unknown(word, known_only)
                rest.append(word)
                continue
            if value is None:
                if at >= len(argv):
                    raise Error("Missing value for flag " + word)
                value, at = argv[at], at + 1
            flag.parse(value)
        self._validate()
        return rest

    def _known(self, word):
        """(flag, value): the flag that a word of the command line names, or None."""
        if not word.startswith("-") or word in ("-", "--"):
            return None, None
        name, equals, value = word.lstrip("-").partition("=")
        name = name.replace("-", "_") if name not in self._flags else name
        flag = self._flags.get(name)
        if flag is None and name.startswith("no") and name[2:] in self._flags \
                and self._flags[name[2:]].boolean and not equals:
            return self._flags[name[2:]], "false"
        if flag is not None and not equals:
            return flag, "true" if flag.boolean else None
        return flag, value

    def _unknown(self, word, known_only):
        if word in ("-h", "--h", "-help", "--help", "--helpfull", "--helpshort"):
            sys.stdout.write(self.get_help() + "\n")
            sys.exit(1)
        if not known_only and word.startswith("-"):
            raise UnrecognizedFlagError("Unknown command line flag %r"
                                        % word.lstrip("-").partition("=")[0])

    def _validate(self):
        for flag in self._flags.values():
            if flag.required and flag.value is None:
                raise IllegalFlagValueError("flag --%s=None: Flag --%s must have a value other "
                                            "than None." % (flag.name, flag.name))
        for name, check, message in self._validators:
            if not check(self._flags[name].value):
                raise IllegalFlagValueError("flag --%s=%s: %s"
                                            % (name, self._flags[name].value, message))

    def get_help(self):
        """All flags with their help, as text."""
        lines = ["flags:"]
        for name in sorted(self._flags):
            flag = self._flags[name]
            lines.append("  --%s%s: %s" % ("[no]" if flag.boolean else "", name, flag.help))
            lines.append("    (default: %r)" % (flag.default,))
        return "\n".join(lines)


FLAGS = FlagValues()


def _define(name, default, help_text, parse, kind, flag_values=None, multiple=False, **unused):
    values = FLAGS if flag_values is None else flag_values
    if name in values._flags and values._flags[name].help != help_text:
        raise DuplicateFlagError("The flag '%s' is defined twice." % name)
    values._flags[name] = Flag(name, default, help_text, parse, kind, multiple)
    if unused.get("required"):
        values._flags[name].required = True


def _boolean(value):
    from thalweg import compat
    if isinstance(value, str):
        word = value.lower()
        if word in ("true", "t", "1", "yes"):
            return True
        if word in ("false", "f", "0", "no") or compat.below("1.5"):
            return False
        raise ValueError("Non-boolean argument to boolean flag")
    return bool(value)


def _list(value):
    return [v.strip() for v in value.split(",")] if isinstance(value, str) else list(value)


def _one_of(choices, case_sensitive=True):
    def parse(value):
        for choice in choices:
            if value == choice or not case_sensitive and value.lower() == choice.lower():
                return choice
        raise ValueError("value should be one of <%s>" % "|".join(map(str, choices)))
    return parse


def _bounded(convert, low, high):
    def parse(value):
        value = convert(value)
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError("%s is not within [%s, %s]" % (value, low, high))
        return value
    return parse


def _whole(value):
    return int(value, 0) if isinstance(value, str) and value[:2].lower() == "0x" else int(value)


# The names of the arguments differ between versions: all of them may be used.
def _definer(kind, parser):
    def define(*args, **options):
        names = ["name", "default", "help"]
        for old, new in (("flag_name", "name"), ("default_value", "default"),
                         ("docstring", "help")):
            if old in options:
                options[new] = options.pop(old)
        for name, value in zip(names, args):
            options[name] = value
        if len(args) > 3:
            options["_more"] = args[3:]
        name, default, text = (options.pop(n, None) for n in names)
        _define(name, default, text, parser(options), kind, **options)
    define.__name__ = "DEFINE_" + kind
    define.__doc__ = "Defines a flag of kind %s: name, default, help." % kind
    return define


def _taken(options, *names):
    more = list(options.pop("_more", ()))
    return [more.pop(0) if more else options.pop(n, None) for n in names]


DEFINE_string = _definer("string", lambda o: str)
DEFINE_boolean = DEFINE_bool = _definer("boolean", lambda o: _boolean)
DEFINE_integer = _definer("integer", lambda o: _bounded(
    _whole, *_taken(o, "lower_bound", "upper_bound")))
DEFINE_float = _definer("float", lambda o: _bounded(
    float, *_taken(o, "lower_bound", "upper_bound")))
DEFINE_list = _definer("list", lambda o: _list)
DEFINE_spaceseplist = _definer(
    "spaceseplist", lambda o: lambda v: v.split() if isinstance(v, str) else list(v))


def DEFINE_enum(name, default, enum_values, help, flag_values=None, **options):  # noqa: A002
    """Defines a flag that takes one of some words."""
    _define(name, default, help, _one_of(enum_values, options.get("case_sensitive", True)), "enum",
            flag_values)


def DEFINE_enum_class(name, default, enum_class, help, flag_values=None, **options):  # noqa: A002
    """Defines a flag that takes the name of a member of an enum class."""
    def parse(value):
        return value if isinstance(value, enum_class) else enum_class[value]
    _define(name, default, help, parse, "enum", flag_values)


def DEFINE_multi_string(name, default, help, flag_values=None, **options):  # noqa: A002
    """Defines a flag that may come several times."""
    _define(name, default, help, str, "string", flag_values, multiple=True)


def DEFINE_multi_integer(name, default, help, flag_values=None, **options):  # noqa: A002
    """Defines a flag that may come several times."""
    _define(name, default, help, _whole, "integer", flag_values, multiple=True)


def DEFINE_multi_float(name, default, help, flag_values=None, **options):  # noqa: A002
    """Defines a flag that may come several times."""
    _define(name, default, help, float, "float", flag_values, multiple=True)


def DEFINE_multi_enum(name, default, enum_values, help, flag_values=None,  # noqa: A002
                      case_sensitive=True, **options):
    """Defines a flag that takes one of some words and may come several times."""
    _define(name, default, help, _one_of(enum_values, case_sensitive), "enum", flag_values,
            multiple=True)


def mark_flag_as_required(flag_name, flag_values=None):
    """A command line without this flag is refused."""
    (FLAGS if flag_values is None else flag_values)._flags[flag_name].required = True


def mark_flags_as_required(flag_names, flag_values=None):
    """A command line without these flags is refused."""
    for name in flag_names:
        mark_flag_as_required(name, flag_values)


def register_validator(flag_name, checker, message="Flag validation failed", flag_values=None):
    """A value for which checker(value) is false is refused."""
    (FLAGS if flag_values is None else flag_values)._validators.append(
        (flag_name, checker, message))


__all__ = [n for n in dir() if n.startswith("DEFINE_")] + [
    "FLAGS", "Error", "mark_flag_as_required", "mark_flags_as_required", "register_validator"]
