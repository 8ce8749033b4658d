"""Trees of XGBoost and LightGBM as the serving room's flat arrays, and those arrays as ONNX.

One form serves both libraries: `value <= threshold` goes left. XGBoost asks `value < t` in float32, which is
`value <= the float32 before t`; LightGBM asks `value <= t` in float64, which for float32 values is
`value <= the largest float32 not above t`.
"""

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from scoring.domain import forests, isolation

IR_VERSION = 10  # what onnxruntime 1.32 and three years of older ones read
ML_OPSET = 3  # TreeEnsembleRegressor with branches per node and missing-value routing
OPSET = 17
INPUT, OUTPUT = "features", "margins"


class _Node(NamedTuple):
    """One node before flattening; indices are within its tree."""

    feature: int
    threshold: float
    left: int
    right: int
    missing_left: bool
    value: float
    cover: float


def from_xgboost(raw: bytes) -> forests.Forest:
    """Return the forest of `Booster.save_raw("json")`."""
    learner = json.loads(raw)["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    labels = learner["gradient_booster"]["model"]["tree_info"]
    scores = learner["learner_model_param"]["base_score"]
    base = np.array(json.loads(scores if scores.startswith("[") else f"[{scores}]"), dtype=np.float64)
    if learner["objective"]["name"] == "binary:logistic":
        base = np.log(base / (1 - base))
    return _forest([_xgboost_nodes(tree) for tree in trees], labels, base)


def from_lightgbm(dump: dict[str, Any]) -> forests.Forest:
    """Return the forest of `Booster.dump_model()`."""
    outputs = int(dump["num_tree_per_iteration"])
    trees = [_lightgbm_nodes(tree["tree_structure"]) for tree in dump["tree_info"]]
    return _forest(trees, [number % outputs for number in range(len(trees))], np.zeros(outputs))


def from_sklearn(model: Any) -> forests.Forest:
    """Return the forest of a fitted scikit-learn forest classifier of two classes.

    Its margin is the share of the second class, averaged over the trees.
    """
    trees = [_sklearn_nodes(one.tree_, len(model.estimators_)) for one in model.estimators_]
    return _forest(trees, [0] * len(trees), np.zeros(1))


def from_isolation(model: Any) -> forests.Forest:
    """Return the forest of a fitted scikit-learn IsolationForest; its margin is the mean path length.

    A leaf that still holds several rows counts as the path that would set them apart.
    """
    count = len(model.estimators_)
    trees = [_isolation_nodes(one.tree_, count) for one in model.estimators_]
    return _forest(trees, [0] * count, np.zeros(1))


def to_onnx(forest: forests.Forest, features: int) -> bytes:
    """Return an ONNX model: float32 (rows, features) → float32 margins (rows, outputs)."""
    attributes: dict[str, Any] = _tree_attributes(forest)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [OUTPUT],
        domain="ai.onnx.ml",
        n_targets=len(forest.base),
        base_values=forest.base.astype(np.float32).tolist(),
        post_transform="NONE",
        **attributes,
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, [None, len(forest.base)])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="ultrathink")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _tree_attributes(forest: forests.Forest) -> dict[str, list[Any]]:
    """Return the node and leaf attributes; node ids count from each tree's root."""
    sizes = np.diff(np.append(forest.roots, len(forest.feature)))
    tree = np.repeat(np.arange(len(forest.roots)), sizes)
    local = np.arange(len(forest.feature)) - forest.roots[tree]
    leaf = forest.feature == forests.LEAF
    return {
        "nodes_treeids": tree.tolist(),
        "nodes_nodeids": local.tolist(),
        "nodes_featureids": np.where(leaf, 0, forest.feature).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values": forest.threshold.tolist(),
        "nodes_truenodeids": np.where(leaf, 0, forest.left - forest.roots[tree]).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, forest.right - forest.roots[tree]).tolist(),
        "nodes_missing_value_tracks_true": forest.missing_left.astype(int).tolist(),
        "target_treeids": tree[leaf].tolist(),
        "target_nodeids": local[leaf].tolist(),
        "target_ids": forest.classes[tree][leaf].tolist(),
        "target_weights": forest.value[leaf].astype(np.float32).tolist(),
    }


def _forest(trees: list[list[_Node]], labels: list[int], base: npt.NDArray[np.float64]) -> forests.Forest:
    """Return the trees one after another, child indices made absolute."""
    sizes = np.array([len(tree) for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    shift = np.repeat(roots, sizes)
    columns = list(zip(*(node for tree in trees for node in tree), strict=True))
    return forests.Forest(
        feature=np.array(columns[0], dtype=np.int32),
        threshold=np.array(columns[1], dtype=np.float32),
        left=(np.array(columns[2]) + shift).astype(np.int32),
        right=(np.array(columns[3]) + shift).astype(np.int32),
        missing_left=np.array(columns[4], dtype=np.bool_),
        value=np.array(columns[5], dtype=np.float64),
        cover=np.array(columns[6], dtype=np.float64),
        roots=roots.astype(np.int32),
        classes=np.array(labels, dtype=np.int32),
        base=base,
    )


def _xgboost_nodes(tree: dict[str, Any]) -> list[_Node]:
    """Return one tree's nodes; a leaf keeps its value where a split keeps its threshold."""
    nodes = []
    for number, left in enumerate(tree["left_children"]):
        leaf = left < 0
        condition = np.float32(tree["split_conditions"][number])
        nodes.append(
            _Node(
                feature=forests.LEAF if leaf else tree["split_indices"][number],
                threshold=0.0 if leaf else float(np.nextafter(condition, np.float32(-np.inf))),
                left=0 if leaf else left,
                right=0 if leaf else tree["right_children"][number],
                missing_left=bool(tree["default_left"][number]) and not leaf,
                value=float(condition) if leaf else 0.0,
                cover=float(tree["sum_hessian"][number]),
            )
        )
    return nodes


def _lightgbm_nodes(structure: dict[str, Any]) -> list[_Node]:
    """Return one tree's nodes in preorder; a feature that had no missing values treats NaN as zero."""
    nodes: list[_Node] = []
    _visit(structure, nodes)
    return nodes


def _visit(node: dict[str, Any], nodes: list[_Node]) -> int:
    """Append a LightGBM node and all below it; return its index."""
    index = len(nodes)
    if "split_index" not in node:
        count = node.get("leaf_count", 1.0)  # absent when the whole tree is one leaf
        nodes.append(_Node(forests.LEAF, 0.0, 0, 0, False, node["leaf_value"], count))
        return index
    threshold = _float32_not_above(node["threshold"])
    missing_left = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
    nodes.append(_Node(forests.LEAF, 0.0, 0, 0, False, 0.0, 0.0))
    left, right = _visit(node["left_child"], nodes), _visit(node["right_child"], nodes)
    nodes[index] = _Node(
        node["split_feature"], threshold, left, right, missing_left, 0.0, node["internal_count"]
    )
    return index


def _sklearn_nodes(tree: Any, count: int) -> list[_Node]:
    """Return one tree's nodes; `value <= threshold` in float64 goes left, leaves hold shares."""
    shares = tree.value[:, 0, 1] / tree.value[:, 0, :].sum(axis=1) / count
    return [
        _Node(
            feature=forests.LEAF if left < 0 else int(tree.feature[n]),
            threshold=0.0 if left < 0 else _float32_not_above(float(tree.threshold[n])),
            left=max(int(left), 0),
            right=max(int(tree.children_right[n]), 0),
            missing_left=bool(tree.missing_go_to_left[n]) and left >= 0,
            value=float(shares[n]) if left < 0 else 0.0,
            cover=float(tree.weighted_n_node_samples[n]),
        )
        for n, left in enumerate(tree.children_left)
    ]


def _isolation_nodes(tree: Any, count: int) -> list[_Node]:
    """Return one tree's nodes; leaves hold their depth and the path still ahead, by the number of trees."""
    depth = np.zeros(tree.node_count)
    for n in range(tree.node_count):
        for child in (tree.children_left[n], tree.children_right[n]):
            if child >= 0:
                depth[child] = depth[n] + 1
    return [
        _Node(
            feature=forests.LEAF if left < 0 else int(tree.feature[n]),
            threshold=0.0 if left < 0 else _float32_not_above(float(tree.threshold[n])),
            left=max(int(left), 0),
            right=max(int(tree.children_right[n]), 0),
            missing_left=False,
            value=(depth[n] + isolation.usual_path(int(tree.n_node_samples[n]))) / count if left < 0 else 0.0,
            cover=float(tree.n_node_samples[n]),
        )
        for n, left in enumerate(tree.children_left)
    ]


def _float32_not_above(value: float) -> float:
    """Return the largest float32 that is not above a float64."""
    with np.errstate(over="ignore"):  # LightGBM writes 1e300 for "anything that is not missing"
        near = np.float32(value)
    return float(near if float(near) <= value else np.nextafter(near, np.float32(-np.inf)))
