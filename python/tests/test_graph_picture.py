# SPDX-License-Identifier: Apache-2.0
"""Graphs as pictures in notebooks."""
import xml.etree.ElementTree as xml

import pytest

import thalweg as tf
from thalweg.util import graph_picture

SVG = "{http://www.w3.org/2000/svg}"


def drawn(graph):
    """(labels of boxes, rectangles as (x, y, width, height)) of a graph's picture."""
    root = xml.fromstring(graph_picture.svg(graph))
    groups = root.findall(SVG + "g")
    boxes = [tuple(float(g.find(SVG + "rect").get(k)) for k in ("x", "y", "width", "height"))
             for g in groups]
    for x, y, width, height in boxes:
        assert 0 <= x and x + width <= float(root.get("width"))
        assert 0 <= y and y + height <= float(root.get("height"))
    return [g.find(SVG + "text").text for g in groups], boxes, root


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def test_small(graph):
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    with tf.control_dependencies([tf.no_op("before")]):
        tf.nn.relu(tf.matmul(x, tf.ones([3, 2]), name="product"), name="relu")
    labels, boxes, root = drawn(graph)
    assert set(labels) >= {"x", "before", "product", "relu"}
    rows = {label: y for label, (_, y, _, _) in zip(labels, boxes)}
    assert rows["x"] < rows["product"] < rows["relu"]
    assert len([p for p in root.findall(SVG + "path") if p.get("class") == "control"]) >= 1
    assert "<svg" in graph._repr_html_() and "%d operations" % len(labels) in graph._repr_html_()


def test_boxes_do_not_overlap(graph):
    x = tf.placeholder(tf.float32, [4])
    tf.add_n([tf.tanh(x * float(i)) for i in range(8)])
    _, boxes, _ = drawn(graph)
    for i, (x0, y0, w0, _) in enumerate(boxes):
        for x1, y1, w1, _ in boxes[:i]:
            assert y0 != y1 or x0 + w0 <= x1 or x1 + w1 <= x0


def test_large_graphs_have_closed_scopes(graph):
    x = tf.placeholder(tf.float32, [4])
    for layer in range(12):
        with tf.name_scope("layer%d" % layer):
            for _ in range(20):
                x = tf.tanh(x)
    labels, _, root = drawn(graph)
    assert len(labels) <= graph_picture.MOST and "layer3 (20)" in labels
    assert any("Tanh x 20" in t.text for t in root.iter(SVG + "title"))


def test_loops(graph):
    tf.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)])
    _, _, root = drawn(graph)
    assert [p for p in root.findall(SVG + "path") if p.get("class") == "back"]


def test_empty(graph):
    assert "an empty graph" in graph._repr_html_()
