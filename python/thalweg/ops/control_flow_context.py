# SPDX-License-Identifier: Apache-2.0
"""Contexts: the branches and loops of a graph as TensorFlow's programs know them. The graph keeps
them, as regions, in C; a context only shows one, or enters it again."""
from thalweg import _core


class ControlFlowContext:
    """A branch or a loop of a graph; cond and while_loop make them."""

    def __init__(self, region):
        self._region = region
        self._open = []  # what Enter pushed

    def __eq__(self, other):
        return isinstance(other, ControlFlowContext) and self._region == other._region

    def __hash__(self):
        return hash(self._region)

    @property
    def name(self):
        """Its unique name."""
        return self._region.name

    @property
    def graph(self):
        """The graph that it is part of."""
        return self._region.graph

    @property
    def outer_context(self):
        """The context around it, or None."""
        return context_of(self._region.outer)

    @property
    def grad_state(self):
        """Derivatives of loops are built in C and keep no state here."""
        return None

    @property
    def back_prop(self):
        """Whether what is inside can be differentiated."""
        return True

    def Enter(self):
        """What is built until Exit is inside."""
        self._open.append(_core.push_region(self.graph, self._region))

    def Exit(self):
        """Ends the last Enter."""
        _core.pop(self._open.pop())

    def __enter__(self):
        self.Enter()
        return self

    def __exit__(self, *unused):
        self.Exit()

    def AddValue(self, val):
        """A tensor of the outside as it is seen inside."""
        return self._region.capture(val)

    def GetWhileContext(self):
        """The innermost loop that this is or is in, or None."""
        outer = self.outer_context
        return outer.GetWhileContext() if outer else None

    def GetControlPivot(self):
        """The operation that everything inside waits for."""
        return self._region.pivot.op

    def IsCondContext(self):
        """Whether it is a branch of a condition."""
        return False

    def IsWhileContext(self):
        """Whether it is a loop."""
        return False

    def IsXLAContext(self):
        """There is no compilation by XLA here."""
        return False


class CondContext(ControlFlowContext):
    """One branch of a condition."""

    @property
    def pred(self):
        """The predicate."""
        return self._region.pred

    @property
    def pivot(self):
        """The tensor that everything inside waits for."""
        return self._region.pivot

    @property
    def branch(self):
        """1 for the branch that is taken if the predicate holds, else 0."""
        return int(self._region.branch)

    @property
    def back_prop(self):
        loop = self.GetWhileContext()
        return loop.back_prop if loop else True

    def IsCondContext(self):
        return True


class WhileContext(ControlFlowContext):
    """A loop."""

    @property
    def parallel_iterations(self):
        """How many iterations may run at once."""
        return self._region.parallel_iterations

    @property
    def back_prop(self):
        return self._region.back_prop

    @property
    def swap_memory(self):
        """Tensors that derivatives need always stay where they are."""
        return False

    @property
    def maximum_iterations(self):
        """A limit is part of the condition here."""
        return None

    @property
    def pivot(self):
        """The LoopCond's output."""
        cond = self._region.cond
        return cond.outputs[0] if cond else None

    @property
    def loop_enters(self):
        """The variables as they enter."""
        return self._vars(0)

    @property
    def loop_exits(self):
        """The variables' last values."""
        return self._vars(4)

    def _vars(self, which):
        return [var[which].outputs[0] for var in self._region.vars if var[which]]

    def GetWhileContext(self):
        return self

    def IsWhileContext(self):
        return True


def context_of(region):
    """The one context of a region, or None of None."""
    if region is None:
        return None
    graph = region.graph
    known = graph.__dict__.setdefault("_control_flow_contexts", {})
    context = known.get(region)
    if context is None:
        context = known[region] = (WhileContext if region.is_loop else CondContext)(region)
    return context


def context_of_operation(op):
    """The innermost context that an operation was made in, or None."""
    return context_of(_core.operation_region(op))


def current_context(graph):
    """The context that operations made now would be in, or None."""
    return context_of(_core.graph_region(graph))
