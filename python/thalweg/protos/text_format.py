# SPDX-License-Identifier: Apache-2.0
"""Messages as text and back, with the names of google.protobuf.text_format."""
import io
import re

from thalweg.protos.checks import CHECKS
from thalweg.protos.message import Error as _Error
from thalweg.protos.message import message_class


class Error(_Error):
    """The text cannot be written or read."""


class ParseError(Error):
    """The text is no message of this type."""

    def __init__(self, message=None, line=None, column=None):
        where = "" if line is None else "%d:%d : " % (line, column)
        Error.__init__(self, where + (message or ""))
        self._line, self._column = line, column

    def GetLine(self):
        return self._line

    def GetColumn(self):
        return self._column


# ---- writing ----

_ESCAPES = {ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t", ord('"'): r'\"',
            ord("'"): r"\'", ord("\\"): r"\\"}


def escape(data, as_utf8=False):
    """The inside of a quoted string: bytes or str to printable text."""
    if isinstance(data, str):
        if as_utf8:
            return "".join(_ESCAPES.get(ord(c)) or (c if ord(c) >= 32 and ord(c) != 127
                                                    else "\\%03o" % ord(c)) for c in data)
        data = data.encode("utf-8")
    return "".join(_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else "\\%03o" % b) for b in data)


def _short_float(value):
    """The shortest text that gives the same float32."""
    for digits in range(6, 10):
        short = float("%.*g" % (digits, value))
        if CHECKS["float"](short) == value:
            return str(short)
    return str(value)


def _scalar(field, value, as_utf8):
    kind = field.kind
    if kind == "enum":
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    if kind in ("string", "bytes"):
        return '"%s"' % escape(value, as_utf8 and kind == "string")
    if kind == "bool":
        return "true" if value else "false"
    if kind == "float":
        return _short_float(value)
    return repr(value) if kind == "double" else str(value)


class _Printer:
    def __init__(self, out, as_utf8, one_line):
        self.out, self.as_utf8, self.one_line = out, as_utf8, one_line

    def message(self, message, indent):
        for field, value in message.ListFields():
            if field.is_map:
                for key in sorted(value):
                    self.entry(field, key, value[key], indent)
            elif field.repeated:
                for item in value:
                    self.field(field, item, indent)
            else:
                self.field(field, value, indent)

    def entry(self, field, key, value, indent):
        inner = lambda: [self.field(f, v, indent + 2)
                         for f, v in zip(field.entry.fields, (key, value))]
        self.block(field.name, inner, indent)

    def block(self, name, inside, indent):
        if self.one_line:
            self.out.write(name + " { ")
            inside()
            self.out.write("} ")
        else:
            self.out.write(" " * indent + name + " {\n")
            inside()
            self.out.write(" " * indent + "}\n")

    def field(self, field, value, indent):
        if field.kind == "message":
            self.block(field.name, lambda: self.message(value, indent + 2), indent)
        elif self.one_line:
            self.out.write("%s: %s " % (field.name, _scalar(field, value, self.as_utf8)))
        else:
            self.out.write("%s%s: %s\n" % (" " * indent, field.name,
                                           _scalar(field, value, self.as_utf8)))


def MessageToString(message, as_utf8=False, as_one_line=False, **unused):
    """A message as text; an empty one gives an empty string."""
    out = io.StringIO()
    PrintMessage(message, out, as_utf8=as_utf8, as_one_line=as_one_line)
    return out.getvalue().rstrip(" ") if as_one_line else out.getvalue()


def PrintMessage(message, out, indent=0, as_utf8=False, as_one_line=False, **unused):
    """Writes a message as text to a file."""
    _Printer(out, as_utf8, as_one_line).message(message, indent)


def PrintField(field, value, out, indent=0, as_utf8=False, as_one_line=False, **unused):
    """Writes one field as text to a file."""
    _Printer(out, as_utf8, as_one_line).field(field, value, indent)


# ---- reading ----

_TOKEN = re.compile(r"""
    (?P<blank>(?:\s|\#[^\n]*)+)
  | (?P<word>[A-Za-z_][\w+-]*)
  | (?P<number>[+-]?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?))
  | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<mark>[{}<>\[\]:;,/.+-])
""", re.X | re.S)
_UNESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})"
                       rb"|U([0-9a-fA-F]{8})|(.))", re.S)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def _unescaped(found):
    octal, hexadecimal, short, long, plain = found.groups()
    if octal:
        return bytes([int(octal, 8) & 255])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if short or long:
        return chr(int(short or long, 16)).encode("utf-8")
    return _PLAIN.get(plain, plain)


class _Tokens:
    """The text, token by token; `token` is the current one, "" at the end."""

    def __init__(self, text):
        self.text, self.at, self.start = text, 0, 0
        self.next()

    def next(self):
        """Goes on to the next token; the one that was current."""
        old = getattr(self, "token", "")
        while True:
            self.start = self.at
            if self.at >= len(self.text):
                self.kind, self.token = "end", ""
                return old
            found = _TOKEN.match(self.text, self.at)
            if not found:
                self.kind, self.token = "mark", self.text[self.at]
                raise self.error("unexpected character %r" % self.token)
            self.at = found.end()
            self.kind, self.token = found.lastgroup, found.group()
            if self.kind != "blank":
                return old

    def error(self, why):
        line = self.text.count("\n", 0, self.start) + 1
        return ParseError(why, line, self.start - self.text.rfind("\n", 0, self.start))

    def take(self, mark):
        if self.token == mark and self.kind != "text":
            self.next()
            return True
        return False

    def expect(self, mark):
        if not self.take(mark):
            raise self.error("expected \"%s\", found %r" % (mark, self.token))

    def name(self):
        if self.kind != "word":
            raise self.error("expected a name, found %r" % self.token)
        return self.next()

    def string(self):
        """One or several quoted strings, as bytes."""
        if self.kind != "text":
            raise self.error("expected a string, found %r" % self.token)
        out = b""
        while self.kind == "text":
            out += _UNESCAPE.sub(_unescaped, self.next()[1:-1].encode("utf-8"))
        return out


def _integer(tokens):
    text = tokens.token.replace(" ", "")
    try:
        digits = text.lstrip("+-")
        octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
        value = int(text, 8) if octal else int(text, 0)
    except ValueError:
        raise tokens.error("expected a whole number, found %r" % tokens.token) from None
    tokens.next()
    return value


def _real(tokens):
    sign = ""
    if tokens.kind == "mark" and tokens.token in "+-":
        sign = tokens.next()
    text = sign + tokens.token.replace(" ", "")
    try:
        bare = text if text.lower().lstrip("+-") in ("inf", "infinity") else text.rstrip("fF")
        value = float(bare)
    except ValueError:
        raise tokens.error("expected a number, found %r" % tokens.token) from None
    tokens.next()
    return value


def _boolean(tokens):
    word = tokens.token
    if word not in ("true", "True", "t", "1", "false", "False", "f", "0"):
        raise tokens.error("expected true or false, found %r" % word)
    tokens.next()
    return word in ("true", "True", "t", "1")


def _enum(field, tokens):
    if tokens.kind == "number":
        return _integer(tokens)
    known = field.enum_type.values_by_name.get(tokens.token)
    if known is None:
        raise tokens.error("enum %s has no value %r" % (field.enum_type.full_name, tokens.token))
    tokens.next()
    return known.number


def _value(field, tokens):
    """The value of a field that is no message."""
    kind = field.kind
    if kind == "string":
        try:
            return tokens.string().decode("utf-8")
        except UnicodeDecodeError:
            raise tokens.error("the string of %s is not UTF-8" % field.name) from None
    if kind == "bytes":
        return tokens.string()
    if kind == "enum":
        return _enum(field, tokens)
    if kind == "bool":
        return _boolean(tokens)
    return _real(tokens) if kind in ("float", "double") else _integer(tokens)


def _block(message, tokens):
    """The fields between braces."""
    end = "}" if tokens.take("{") else ">"
    if end == ">":
        tokens.expect("<")
    while not tokens.take(end):
        if tokens.kind == "end":
            raise tokens.error("expected \"%s\"" % end)
        _field(message, tokens)


def _any(message, tokens):
    """[type.googleapis.com/NAME] { ... }: an Any with its content written out."""
    tokens.expect("[")
    url = ""
    while not tokens.take("]"):
        if tokens.kind == "end":
            raise tokens.error("expected \"]\"")
        url += tokens.next()
    tokens.take(":")
    name = url.rpartition("/")[2]
    try:
        ours = name[len("tensorflow."):] if name.startswith("tensorflow.") else name
        inner = message_class(ours)()
    except KeyError:
        raise tokens.error("type %s is not known" % name) from None
    _block(inner, tokens)
    message.type_url, message.value = url, inner.SerializeToString()


def _one(message, field, tokens):
    """One value of a field, after its name and colon."""
    if field.is_map:
        from thalweg.protos.message import class_of
        entry = class_of(field.entry)()
        _block(entry, tokens)
        target = getattr(message, field.name)
        if field.entry.fields[1].kind == "message":
            target[entry.key].CopyFrom(entry.value)
        else:
            target[entry.key] = entry.value
    elif field.kind == "message":
        target = getattr(message, field.name)
        target = target.add() if field.repeated else target
        target.SetInParent()
        _block(target, tokens)
    else:
        _assign(message, field, _value(field, tokens), tokens)


def _assign(message, field, value, tokens):
    try:
        if field.repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    except (TypeError, ValueError) as error:
        raise tokens.error(str(error)) from None


def _field(message, tokens):
    if tokens.token == "[" and message.DESCRIPTOR.full_name == "google.protobuf.Any":
        return _any(message, tokens)
    name = tokens.token
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        raise tokens.error("Message type \"%s\" has no field named \"%s\"."
                           % (message.DESCRIPTOR.full_name, name))
    if field.containing_oneof is not None:
        rival = message.WhichOneof(field.containing_oneof.name)
        if rival not in (None, name):
            raise tokens.error("Field \"%s\" is specified along with field \"%s\", another member "
                               "of oneof \"%s\"." % (name, rival, field.containing_oneof.name))
    tokens.name()
    colon = tokens.take(":")
    if not colon and field.kind != "message":
        raise tokens.error("expected \":\" after %s" % name)
    if field.repeated and tokens.take("["):
        while not tokens.take("]"):
            _one(message, field, tokens)
            if not tokens.take(",") and tokens.token != "]":
                raise tokens.error("expected \",\" or \"]\", found %r" % tokens.token)
    else:
        _one(message, field, tokens)
    tokens.take(",") or tokens.take(";")


def Merge(text, message, *unused, **options):
    """Reads text into a message, added to what it holds; gives the message."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    tokens = _Tokens(text)
    while tokens.kind != "end":
        _field(message, tokens)
    return message


def Parse(text, message, *unused, **options):
    """Reads text into a message; gives the message."""
    return Merge(text, message)


def MergeLines(lines, message, *unused, **options):
    """Reads lines of text into a message."""
    return Merge("\n".join(line if isinstance(line, str) else line.decode("utf-8")
                           for line in lines), message)


ParseLines = MergeLines
