"""State trees: which states phones have, by their neighbours within the word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from speechalign.errors import InputError

LEFT, RIGHT = 0, 1
_NAMES = ("tree_questions", "tree_roots", "tree_nodes")


class StateTree:
    """A decision tree for each state of each phone, whose leaves are the states of a model.

    Parameters
    ----------
    questions : ndarray, shape (Q, P + 1), bool
        Sets of phones; the last column is for no neighbour: the edge of the word.
    roots : ndarray, shape (P, 3), int64
        Node at which the tree of each state begins.
    nodes : ndarray, shape (N, 4), int64
        For each node side, question, and the nodes for yes and for no, which come later. Of a leaf,
        question and both nodes are -1, and side is its number; the numbers are 0 to V - 1.

    Raises
    ------
    InputError
        The arrays do not make a tree.
    """

    def __init__(self, questions: np.ndarray, roots: np.ndarray, nodes: np.ndarray) -> None:
        leaves = nodes[:, 1] < 0
        inner = np.flatnonzero(~leaves)
        after = nodes[inner, 2:]
        sound = (
            (after > inner[:, None]).all()
            and (after < len(nodes)).all()
            and (nodes[inner, 1] < len(questions)).all()
            and np.array_equal(np.sort(nodes[leaves, 0]), np.arange(leaves.sum()))
            and ((roots >= 0) & (roots < len(nodes))).all()
            and questions.shape[1] == len(roots) + 1
        )
        if not sound:
            raise InputError("tree of states: its arrays do not make a tree; train again")
        self.questions = questions
        self.roots = roots
        self.nodes = nodes
        self.home = np.full(int(leaves.sum()), -1)
        for position, root in enumerate(roots.reshape(-1)):
            waiting = [int(root)]
            while waiting:
                side, question, yes, no = nodes[waiting.pop()].tolist()
                if question < 0:
                    self.home[side] = position
                else:
                    waiting += [yes, no]

    @property
    def num_leaves(self) -> int:
        """Number of states, V. ``home`` says of each that it is state h of phone p: 3p + h."""
        return len(self.home)

    def leaf(self, phone: int, state: int, left: int, right: int) -> int:
        """Return the number of a state of a phone between two others; P stands for none."""
        around = (left, right)
        node = int(self.roots[phone, state])
        while True:
            side, question, yes, no = self.nodes[node].tolist()
            if question < 0:
                return int(side)
            node = yes if self.questions[question, around[side]] else no

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `of_arrays` takes."""
        return dict(zip(_NAMES, (self.questions, self.roots, self.nodes)))

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> StateTree | None:
        """Return the tree of the arrays that `arrays` gave; None where there are none."""
        return cls(*(arrays[name] for name in _NAMES)) if _NAMES[0] in arrays else None
