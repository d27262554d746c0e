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
_BLOCK = 1024  # rows at once, so that what is worked on stays in the cache


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
        found = np.empty((len(rows), len(self.base)), np.float32)
        for begin in range(0, len(rows), _BLOCK):
            found[begin : begin + _BLOCK] = self._block(rows[begin : begin + _BLOCK])
        return found

    def _block(self, rows: Singles) -> Singles:
        count, width = rows.shape
        both = np.empty((width, 2, count), np.float32)
        missing = np.isnan(rows.T)
        both[:, 0] = np.where(missing, -np.inf, rows.T)
        both[:, 1] = np.where(missing, np.inf, rows.T)
        trees, inner = self.feature.shape
        flat, begin, threshold = both.ravel(), (self.feature * np.int32(count)).ravel(), self.threshold.ravel()
        row = np.arange(count, dtype=np.int32)
        tree = np.arange(trees, dtype=np.int32)[:, None]
        place = np.zeros((trees, count), np.int32)
        for _ in range(inner.bit_length()):
            node = place + tree * inner
            place = 2 * place + 1 + (flat.take(begin.take(node) + row) > threshold.take(node))
        values = self.leaf.ravel().take(place - inner + tree * (inner + 1))
        outputs = len(self.base)
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
