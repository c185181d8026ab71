# SPDX-License-Identifier: Apache-2.0
"""A graph as a picture in SVG, laid out here: what a notebook shows of a Graph.

Operations stand in rows, each below those that it reads; scopes of a graph that is too large for
one picture are drawn as single boxes. Rows, their order by the middle of the neighbours, and bent
lines over several rows are the method of Sugiyama, Tagawa and Toda (1981)."""
import collections
from html import escape

MOST = 32          # boxes of one picture; larger graphs are shown with closed scopes
LETTER = 6.3       # width of a letter in px
HEIGHT = 24        # of a box
ROW = 58           # from row to row
GAP = 16           # between neighbours of a row
MARGIN = 12
SWEEPS = 6
STYLE = """<style>
.tw text{font:11px ui-monospace,Menlo,Consolas,monospace;fill:#1f2933;text-anchor:middle}
.tw .d{font-size:9px;fill:#66707c;text-anchor:start}.tw rect{stroke:#7b8794;fill:#f4f6f8}
.tw .scope rect{fill:#e3ecf7;stroke:#3d6fa5;stroke-width:1.5}
.tw .placeholder rect{fill:#fdf1d6;stroke:#b7801b}.tw .variable rect{fill:#e2f3e4;stroke:#3c8a48}
.tw .constant rect{fill:#fff;stroke:#b8c0c9}.tw path{fill:none;stroke:#8994a0}
.tw .control{stroke-dasharray:3 3;stroke:#c4ccd4}.tw .back{stroke:#c0562f}
</style>"""


class Box:
    """What is drawn as one: an operation, or a scope with all that is in it."""

    def __init__(self, name, operations, is_scope):
        self.name, self.operations, self.is_scope = name, operations, is_scope
        self.row, self.x = 0, 0.0
        label = name.rpartition("/")[2]
        self.label = label + (" (%d)" % len(operations) if is_scope else "")
        if len(self.label) > 30:
            self.label = self.label[:29] + "\u2026"
        self.width = max(44, len(self.label) * LETTER + 16)

    @property
    def kind(self):
        """The class of its style."""
        kind = self.operations[0].type
        if self.is_scope:
            return "scope"
        if kind.startswith("Placeholder"):
            return "placeholder"
        if kind.startswith(("Variable", "VarHandle")):
            return "variable"
        return "constant" if kind == "Const" else "operation"

    def title(self):
        """What is said where the mouse stands."""
        if self.is_scope:
            types = collections.Counter(op.type for op in self.operations)
            return "%s: %d operations\n%s" % (self.name, len(self.operations), "\n".join(
                "%s x %d" % entry for entry in types.most_common(8)))
        op = self.operations[0]
        lines = ["%s = %s" % (op.name, op.type)]
        lines += ["%s %s" % (t.dtype.name, t.get_shape()) for t in op.outputs]
        return "\n".join(lines + ([op.device] if op.device else []))


class Bend:
    """Where a line passes a row."""
    width = 6
    label = None

    def __init__(self, row):
        self.row, self.x = row, 0.0


# ---- what is shown -------------------------------------------------------------------------------

def boxes_of(operations, most=MOST):
    """The boxes: scopes are opened from the outside, smaller ones first, as long as there is
    room."""
    def split(members, depth):
        parts = collections.OrderedDict()
        for op in members:
            words = op.name.split("/")
            parts.setdefault("/".join(words[:depth + 1]), []).append(op)
        return parts

    # (number of name parts that all share, operations) of scopes that may still be opened
    done, waiting = [], [(0, operations)]
    first = True
    while waiting:
        waiting.sort(key=lambda entry: len(entry[1]))
        depth, members = waiting.pop(0)
        parts = split(members, depth)
        if not first and len(done) + len(waiting) + len(parts) > most:
            done.append(Box("/".join(members[0].name.split("/")[:depth]), members, True))
            continue
        first = False
        for name, inside in parts.items():
            if len(inside) == 1:
                done.append(Box(inside[0].name, inside, False))
            else:
                waiting.append((depth + 1, inside))
    return done


def lines_of(boxes):
    """{(from, to): whether it is only a control edge} of the boxes' edges."""
    home = {op: box for box in boxes for op in box.operations}
    lines = {}
    for box in boxes:
        for op in box.operations:
            edges = [(t.op, False) for t in op.inputs] + [(c, True) for c in op.control_inputs]
            for before, is_control in edges:
                source = home.get(before)
                if source not in (None, box):
                    lines[source, box] = lines.get((source, box), True) and is_control
    return lines


def shape_text(tensor):
    dims = tensor.get_shape().dims
    if dims is None:
        return "?"
    return "\u00d7".join("?" if d.value is None else str(d.value) for d in dims)


# ---- where it stands -----------------------------------------------------------------------------

def set_rows(boxes, lines):
    """Gives each box its row; returns the lines that run back (of loops)."""
    # A walk in depth, by hand: chains may be longer than Python's stack. An edge to what is still
    # open closes a circle.
    after = collections.defaultdict(list)
    for source, target in lines:
        after[source].append(target)
    back, state, order = set(), {}, []
    for start in boxes:
        stack = [] if start in state else [(start, iter(after[start]))]
        state.setdefault(start, "open")
        while stack:
            box, following = stack[-1]
            for target in following:
                if state.get(target) == "open":
                    back.add((box, target))
                elif target not in state:
                    state[target] = "open"
                    stack.append((target, iter(after[target])))
                    break
            else:
                state[box] = "closed"
                order.append(box)
                stack.pop()
    # Readers come after what they read in this order, so that one pass finds the longest ways.
    for box in reversed(order):
        for target in after[box]:
            if (box, target) not in back:
                target.row = max(target.row, box.row + 1)
    for box in order:  # what nothing feeds stands right above its first reader
        if not any((source, box) in lines for source in boxes if source is not box):
            rows = [t.row for t in after[box] if (box, t) not in back]
            box.row = max(box.row, min(rows, default=1) - 1)
    return back


def bend(lines, back):
    """{line: [from, bends, to]}: long lines pass each row between."""
    chains = {}
    for (source, target) in lines:
        if (source, target) in back or source.row >= target.row:
            chains[source, target] = [source, target]
        else:
            middle = [Bend(row) for row in range(source.row + 1, target.row)]
            chains[source, target] = [source, *middle, target]
    return chains


def arrange(boxes, chains):
    """Orders the rows and sets every x; gives the picture's width."""
    rows = collections.defaultdict(list)
    for item in [*boxes, *(b for chain in chains.values() for b in chain[1:-1])]:
        rows[item.row].append(item)
    above, below = collections.defaultdict(list), collections.defaultdict(list)
    for chain in chains.values():
        for upper, lower in zip(chain, chain[1:]):
            if lower.row == upper.row + 1:
                above[lower].append(upper)
                below[upper].append(lower)
    for items in rows.values():
        place(items, None)
    # Down and up in turns: each row goes to the middle of what it hangs on.
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in sorted(rows, reverse=not down):
            neighbours = above if down else below
            place(rows[row], lambda item, near=neighbours: sum(n.x for n in near[item])
                  / len(near[item]) if near[item] else item.x)
    left = min(item.x - item.width / 2 for items in rows.values() for item in items)
    for items in rows.values():
        for item in items:
            item.x += MARGIN - left
    return max(item.x + item.width / 2 for items in rows.values() for item in items) + MARGIN


def place(items, wanted):
    """Sets a row side by side, each as near to where it wants to be as its neighbours leave it."""
    aims = [wanted(item) if wanted else 0.0 for item in items]
    order = sorted(range(len(items)), key=lambda i: aims[i])
    items[:], aims = [items[i] for i in order], [aims[i] for i in order]
    at = 0.0
    for item in items:
        item.x = at + item.width / 2
        at += item.width + GAP
    shift = sum(aim - item.x for aim, item in zip(aims, items)) / len(items) if wanted else -at / 2
    for item in items:
        item.x += shift
    if wanted:
        for i, item in enumerate(items):  # gaps open to the right where there is room
            least = items[i - 1].x + (items[i - 1].width + item.width) / 2 + GAP if i else -1e9
            item.x = max(least, aims[i] if aims[i] > item.x else item.x)


# ---- the picture ---------------------------------------------------------------------------------

def top(item):
    return MARGIN + item.row * ROW


def curve(chain):
    """The path of a line from the lower side of the first to the upper side of the last."""
    source, target = chain[0], chain[-1]
    if target.row <= source.row:  # back, around the right side
        side = max(source.x + source.width / 2, target.x + target.width / 2) + 26
        return "M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f" % (
            source.x + source.width / 2, top(source) + HEIGHT / 2, side, top(source) + HEIGHT / 2,
            side, top(target) + HEIGHT / 2, target.x + target.width / 2, top(target) + HEIGHT / 2)
    points = [(source.x, top(source) + HEIGHT)]
    for item in chain[1:-1]:
        points += [(item.x, top(item)), (item.x, top(item) + HEIGHT)]
    points.append((target.x, top(target)))
    path = "M%.0f %.0f" % points[0]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        middle = (y0 + y1) / 2
        path += "C%.0f %.0f %.0f %.0f %.0f %.0f" % (x0, middle, x1, middle, x1, y1)
    return path


def draw_box(box, is_read):
    """A box, and below it the shape of what it gives."""
    text = ""
    if is_read and not box.is_scope and box.kind != "constant" and box.operations[0].outputs:
        text = '<text class="d" x="%.0f" y="%.0f">%s</text>' % (
            box.x + 5, top(box) + HEIGHT + 11, escape(shape_text(box.operations[0].outputs[0])))
    corner = 10 if box.is_scope else 3
    return ('<g class="%s"><title>%s</title><rect x="%.0f" y="%.0f" width="%.0f" height="%d" '
            'rx="%d"/><text x="%.0f" y="%.0f">%s</text>%s</g>') % (
                box.kind, escape(box.title()), box.x - box.width / 2, top(box), box.width, HEIGHT,
                corner, box.x, top(box) + 16, escape(box.label), text)


def draw_line(chain, is_control, is_back):
    kind = "back" if is_back else "control" if is_control else "data"
    return '<path class="%s" marker-end="url(#tw-arrow)" d="%s"/>' % (kind, curve(chain))


def svg(graph):
    """The picture of a graph as the text of an SVG element."""
    boxes = boxes_of(graph.get_operations())
    if not boxes:
        return '<svg class="tw" xmlns="http://www.w3.org/2000/svg" width="160" height="40">' \
            '%s<text x="80" y="24">an empty graph</text></svg>' % STYLE
    lines = lines_of(boxes)
    back = set_rows(boxes, lines)
    chains = bend(lines, back)
    width = arrange(boxes, chains)
    height = max(top(box) for box in boxes) + HEIGHT + MARGIN
    head = ('<svg class="tw" xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" '
            'viewBox="0 0 %.0f %.0f">%s<defs><marker id="tw-arrow" viewBox="0 0 8 8" refX="7" '
            'refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 1L7 4L0 7" '
            'style="fill:none;stroke:#8994a0"/></marker></defs>') % (
                width + 30, height, width + 30, height, STYLE)
    drawn = [draw_line(chains[line], lines[line], line in back) for line in lines]
    read = {source for source, _ in lines}
    return head + "".join(drawn + [draw_box(box, box in read) for box in boxes]) + "</svg>"


def html(graph):
    """What a notebook shows: the picture, with a line that says what it is of."""
    count = len(graph.get_operations())
    return '<div style="overflow:auto;max-height:640px">%s</div><div>%d operation%s</div>' % (
        svg(graph), count, "" if count == 1 else "s")
