# SPDX-License-Identifier: Apache-2.0
"""Messages: fields, presence, bytes, text."""
import copy
import math
import pickle
import threading
import time

import pytest

from thalweg import protos
from thalweg.protos import descriptor, message, text_format


def graph():
    made = protos.GraphDef()
    node = made.node.add(name="a", op="Const", input=["x", "^y"])
    node.attr["dtype"].type = protos.types_pb2.DT_FLOAT
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.float_val.extend([1.0, 0.1])
    node.attr["value"].tensor.tensor_shape.dim.add(size=2)
    node.attr["l"].list.s.extend([b"a\x00\xff\"", b"b"])
    made.versions.producer = 21
    return made


def test_text_is_what_protobuf_prints():
    node = protos.NodeDef(name="Const", op="Const")
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.tensor_shape.SetInParent()
    node.attr["value"].tensor.float_val.append(1)
    node.attr["dtype"].type = 1
    assert str(node) == (
        'name: "Const"\nop: "Const"\nattr {\n  key: "dtype"\n  value {\n    type: DT_FLOAT\n  }\n'
        '}\nattr {\n  key: "value"\n  value {\n    tensor {\n      dtype: DT_FLOAT\n'
        '      tensor_shape {\n      }\n      float_val: 1.0\n    }\n  }\n}\n')


def test_text_and_bytes_come_back():
    one = graph()
    assert text_format.Merge(str(one), protos.GraphDef()) == one
    assert protos.GraphDef.FromString(one.SerializeToString()) == one
    assert text_format.Parse(text_format.MessageToString(one, as_one_line=True),
                             protos.GraphDef()) == one
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one) == one and copy.deepcopy(one) is not one


def test_bytes_are_those_of_the_format():
    shape = protos.TensorShapeProto(dim=[protos.TensorShapeProto.Dim(size=-1)])
    assert shape.SerializeToString() == b"\x12\x0b\x08" + b"\xff" * 9 + b"\x01"
    packed = protos.TensorProto(dtype=3, int_val=[1, 300])
    assert packed.SerializeToString() == b"\x08\x03\x3a\x03\x01\xac\x02"
    assert protos.TensorProto.FromString(b"\x08\x03\x38\x01\x38\xac\x02") == packed  # not packed


def test_unknown_fields_are_kept():
    data = b"\xf2\x3f\x02hi" + protos.VersionDef(producer=3).SerializeToString()
    read = protos.VersionDef.FromString(data)
    assert read.producer == 3 and b"hi" in read.SerializeToString()


def test_presence_goes_up():
    event = protos.Event()
    assert event.summary.value == [] and not event.HasField("summary")
    event.summary.value.add(tag="t", simple_value=2.5)
    assert event.HasField("summary") and event.WhichOneof("what") == "summary"
    event.file_version = "v"
    assert event.WhichOneof("what") == "file_version" and not event.HasField("summary")
    options = protos.ConfigProto()
    options.gpu_options.allow_growth = True
    assert options.HasField("gpu_options")
    options.ClearField("gpu_options")
    assert not options.HasField("gpu_options") and options.SerializeToString() == b""


def test_a_oneof_shows_defaults():
    value = protos.AttrValue(i=0)
    assert value.WhichOneof("value") == "i" and str(value) == "i: 0\n"
    assert protos.AttrValue.FromString(value.SerializeToString()) == value


def test_wrong_values_are_refused():
    tensor = protos.TensorProto()
    with pytest.raises(TypeError):
        tensor.float_val.append("x")
    with pytest.raises(ValueError):
        tensor.int_val.append(2 ** 40)
    with pytest.raises(TypeError):
        tensor.tensor_content = "text"
    with pytest.raises(AttributeError):
        tensor.tensor_shape = protos.TensorShapeProto()
    with pytest.raises(AttributeError):
        tensor.nonsense = 1
    with pytest.raises(ValueError):
        protos.NodeDef(nonsense=1)
    with pytest.raises(TypeError):
        tensor.CopyFrom(protos.NodeDef())
    with pytest.raises(ValueError):
        tensor.HasField("dtype")
    with pytest.raises(ValueError):
        protos.NodeDef().attr["a"] = protos.AttrValue()


def test_damaged_bytes_are_refused():
    data = graph().SerializeToString()
    for cut in range(1, len(data)):
        try:
            protos.GraphDef.FromString(data[:cut])
        except message.DecodeError:
            pass
    with pytest.raises(message.DecodeError):
        protos.GraphDef.FromString(b"\x0a\xff")
    with pytest.raises(message.DecodeError):
        protos.NodeDef.FromString(b"\x0a\x01\xff")  # a string that is not UTF-8
    deep = b""
    for _ in range(150):  # a TensorProto in a VariantTensorDataProto in a TensorProto ...
        for tag in (b"\x1a", b"\x7a"):
            size = len(deep)
            deep = tag + bytes([size & 127 | 128, size >> 7]) + deep
    with pytest.raises(message.DecodeError):
        protos.TensorProto.FromString(deep)


@pytest.mark.parametrize("text", [
    "name: 'a' 'b'  # comment\nop: \"c\\n\\101\\x41\"", "name: \"ab\", op: \"c\\nAA\";"])
def test_text_has_many_forms(text):
    assert text_format.Merge(text, protos.NodeDef()) == protos.NodeDef(name="ab", op="c\nAA")


@pytest.mark.parametrize("text", [
    "nonsense: 1", "name: 1", "name \"a\"", "name: \"a", "attr { key: \"a\"",
    "input: [\"a\" \"b\""])
def test_wrong_text_is_refused(text):
    with pytest.raises(text_format.ParseError):
        text_format.Merge(text + " }" * text.startswith("attr {  "), protos.NodeDef())


def test_numbers_in_text():
    read = text_format.Merge("float_val: [1, -2.5e3, inf, -inf, nan, 3f] int_val: 0x10 int_val: "
                             "-010 bool_val: true bool_val: 0 dtype: 3", protos.TensorProto())
    assert list(read.float_val[:4]) == [1, -2500, math.inf, -math.inf]
    assert math.isnan(read.float_val[4]) and read.float_val[5] == 3
    assert list(read.int_val) == [16, -8] and list(read.bool_val) == [True, False]
    assert read.dtype == protos.types_pb2.DT_INT32
    with pytest.raises(text_format.ParseError):
        text_format.Merge("s: \"a\" i: 3", protos.AttrValue())


def test_enums_and_faces():
    assert protos.DataType.Name(1) == "DT_FLOAT" and protos.DataType.Value("DT_HALF") == 19
    assert protos.graph_pb2.GraphDef is protos.GraphDef
    assert protos.config_pb2.RunOptions.FULL_TRACE == 3
    assert protos.error_codes_pb2.Code.Name(5) == "NOT_FOUND"
    assert protos.error_codes_pb2.ABORTED == 10
    from thalweg.protos import summary_pb2
    assert summary_pb2.Summary.Value is protos.Summary.Value
    with pytest.raises(ValueError):
        protos.DataType.Value("DT_NONSENSE")


def test_any_packs():
    box = protos.any_pb2.Any()
    box.Pack(protos.SaverDef(max_to_keep=3))
    out = protos.SaverDef()
    assert box.Is(out.DESCRIPTOR) and box.Unpack(out) and out.max_to_keep == 3
    assert not box.Unpack(protos.NodeDef())
    assert text_format.Merge("[type.googleapis.com/tensorflow.SaverDef] { max_to_keep: 3 }",
                             protos.any_pb2.Any()) == box


def test_json_comes_back():
    from thalweg.protos import json_format
    one = graph()
    text = json_format.MessageToJson(one)
    assert '"type": "DT_FLOAT"' in text and json_format.Parse(text, protos.GraphDef()) == one
    assert json_format.MessageToDict(protos.ConfigProto(device_count={"CPU": 2})) == {
        "deviceCount": {"CPU": 2}}
    event = protos.Event(step=2**40, wall_time=math.inf)
    assert json_format.MessageToDict(event) == {"wallTime": "Infinity", "step": str(2**40)}
    assert json_format.ParseDict({"wall_time": "Infinity", "step": 5}, protos.Event()).step == 5
    for wrong in ('{"nonsense": 1}', '{"step": 1.5}', '[]', '{', '{"summary": 3}'):
        with pytest.raises(json_format.ParseError):
            json_format.Parse(wrong, protos.Event())


def test_the_protobuf_package_can_walk_our_messages():
    theirs = pytest.importorskip("google.protobuf.text_format")
    from google.protobuf import json_format
    from google.protobuf.any_pb2 import Any
    if theirs.Merge is text_format.Merge:
        pytest.skip("the stand-in")
    one = graph()
    assert theirs.MessageToString(one) == str(one)
    assert theirs.Merge(str(one), protos.GraphDef()) == one
    assert json_format.Parse(json_format.MessageToJson(one), protos.GraphDef()) == one
    info = protos.MetaGraphDef()
    info.meta_info_def.any_info.CopyFrom(Any(type_url="x/y", value=b"k"))
    assert info.meta_info_def.any_info.value == b"k"


def test_threads_that_ask_at_the_same_time_get_one_finished_class(monkeypatch):
    fill = descriptor.Descriptor.fill

    def slow(self, text):
        time.sleep(0.02)
        return fill(self, text)

    monkeypatch.setattr(descriptor.Descriptor, "fill", slow)
    monkeypatch.setattr(descriptor, "_messages", {})
    monkeypatch.setattr(message, "_classes", {})
    found = []

    def ask():
        made = message.message_class("AttrValue")
        found.append((made, sorted(made.DESCRIPTOR.fields_by_name)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(one == found[0] for one in found)
