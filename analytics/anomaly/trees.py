"""Boosted trees as plain arrays: learned with scikit-learn, kept in an .npz file, evaluated with numpy alone.

No pickle: a file of numbers can be read by any version of anything, and can do nothing but be wrong numbers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from metering.samples import Int64s

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Singles = NDArray[np.float32]
_BLOCK = 512  # rows at once, so that what is worked on stays in the cache


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees grow: so many ``rounds`` to a ``depth``, at least ``leaf`` rows in each leaf, at each split a share of
    the ``features``.
    """

    rounds: int
    depth: int
    leaf: int
    features: float


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Complete binary trees of one depth; node i has children 2 i + 1 and 2 i + 2.

    feature    shape (trees, 2^depth - 1), int32: 2 f where a missing value of feature f goes left, else 2 f + 1
    threshold  the same shape, float32: greater values go right
    leaf       shape (trees, 2^depth), float32: what a leaf adds to the sum
    base       shape (outputs,), float32: where the sums begin; tree t adds to output t modulo outputs
    """

    feature: NDArray[np.int32]
    threshold: Singles
    leaf: Singles
    base: Singles

    @classmethod
    def grown(
        cls, rows: NDArray[np.floating], is_fault: NDArray[np.bool_], growth: Growth, columns: Int64s | None = None
    ) -> Self:
        """Gradient-boosted trees that tell faults; ``columns`` as in `of`. The same rows give the same trees."""
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - seconds, and only training needs it

        model = HistGradientBoostingClassifier(
            max_iter=growth.rounds,
            learning_rate=0.08,
            max_bins=63,
            max_depth=growth.depth,
            max_leaf_nodes=None,
            min_samples_leaf=growth.leaf,
            l2_regularization=10.0,
            max_features=growth.features,
            early_stopping=False,
            random_state=0,
        )
        return cls.of(model.fit(rows, is_fault), growth.depth, columns)

    @classmethod
    def of(cls, model: "HistGradientBoostingClassifier", depth: int, columns: Int64s | None = None) -> Self:
        """The trees of a fitted classifier, whose ``max_depth`` is at most ``depth``.

        ``columns``: positions of the features it was fitted to among those that the trees will be given; None: as is.
        """
        trees = [tree.nodes for round_ in model._predictors for tree in round_]  # noqa: SLF001 - nothing public has them
        inner, leaves = 2**depth - 1, 2**depth
        feature = np.zeros((len(trees), inner), np.int32)
        threshold = np.full((len(trees), inner), np.inf, np.float32)
        leaf = np.zeros((len(trees), leaves), np.float32)
        for number, nodes in enumerate(trees):
            waiting = [(0, 0, 0)]  # place in the complete tree, its depth, node of the model
            while waiting:
                place, level, index = waiting.pop()
                node = nodes[index]
                if node["is_leaf"]:
                    first = (place + 1) * 2 ** (depth - level) - leaves
                    leaf[number, first : first + 2 ** (depth - level)] = node["value"]
                    continue
                feature[number, place] = 2 * _column(int(node["feature_idx"]), columns) + (
                    not node["missing_go_to_left"]
                )
                threshold[number, place] = _at_most(float(node["num_threshold"]))
                waiting += [(2 * place + 1, level + 1, node["left"]), (2 * place + 2, level + 1, node["right"])]
        return cls(feature, threshold, leaf, np.ravel(model._baseline_prediction).astype(np.float32))  # noqa: SLF001

    def sums(self, rows: Singles) -> Singles:
        """The sums of the leaves (log-odds), shape (n, outputs), for ``rows`` of shape (n, features)."""
        used, column = np.unique(self.feature, return_inverse=True)
        column = column.reshape(self.feature.shape)
        found = np.empty((len(rows), len(self.base)), np.float32)
        for begin in range(0, len(rows), _BLOCK):
            part = rows[begin : begin + _BLOCK].T[used // 2]
            missing = np.where(used % 2, np.float32(np.inf), np.float32(-np.inf))[:, None]
            found[begin : begin + _BLOCK] = self._block(np.where(np.isnan(part), missing, part), column)
        return found

    def _block(self, table: Singles, column: Int64s) -> Singles:
        """For ``table`` of shape (columns, rows) without missing values; ``column``: which of them each node looks at.

        All nodes of a level are asked for all rows, and the answers at the end of each row's path taken: that is
        quicker than following every path, since nothing jumps about in memory.
        """
        trees, leaves = self.leaf.shape
        count, outputs = table.shape[1], len(self.base)
        values = np.empty((trees, count), np.float32)
        turns: list[NDArray[np.bool_]] = []  # to the right or not, at each level
        place = np.zeros((trees, count), np.uint16)
        for level in range(leaves.bit_length() - 1):
            answers = np.empty((2**level, trees, count), np.bool_)
            for answer, node in zip(answers, range(2**level - 1, 2 ** (level + 1) - 1), strict=True):
                table.take(column[:, node], axis=0, out=values, mode="clip")
                np.greater(values, self.threshold[:, node, None], out=answer)
            for turn in reversed(turns):
                left, right = answers[0::2], answers[1::2]
                answers = left ^ (turn & (left ^ right))
            turns.append(answers[0])
            place = 2 * place + answers[0]
        self.leaf.take(place + np.arange(trees)[:, None] * leaves, out=values, mode="clip")
        sums: Singles = self.base + values.reshape(-1, outputs, count).sum(axis=0, dtype=np.float32).T
        return sums

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """For `numpy.savez`."""
        return {f"{prefix}_{name}": getattr(self, name) for name in ("feature", "threshold", "leaf", "base")}

    @classmethod
    def from_arrays(cls, arrays: "np.lib.npyio.NpzFile", prefix: str, width: int) -> Self:
        """Read back, for rows of so many features. Raises ValueError if something is missing or does not fit."""
        try:
            feature, threshold, leaf, base = (
                arrays[f"{prefix}_{name}"] for name in ("feature", "threshold", "leaf", "base")
            )
        except (KeyError, ValueError) as error:
            raise ValueError(f"not a model of this program: {error}") from error
        fits = feature.shape == threshold.shape and leaf.shape == (len(feature), feature.shape[1] + 1)
        if not fits or np.any((feature < 0) | (feature >= 2 * width)):
            raise ValueError("the trees do not fit together; make the model anew")
        return cls(feature, threshold, leaf, base)


def _column(index: int, columns: Int64s | None) -> int:
    return index if columns is None else int(columns[index])


def _at_most(threshold: float) -> np.float32:
    """The greatest finite float32 that is not above: comparisons of float32 values then fall out the same.

    Finite, because missing values stand above it where they go right.
    """
    near = np.float32(min(threshold, float(np.finfo(np.float32).max)))
    return near if near <= threshold else np.nextafter(near, np.float32(-np.inf))
