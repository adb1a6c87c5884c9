"""Writes small ONNX tree ensembles as converters write them, and some by hand, with ONNX Runtime's answers (one
thread): python make_onnx.py in an environment with onnxruntime, skl2onnx, onnxmltools, scikit-learn, lightgbm, xgboost.
"""
import json
import os
import warnings

import lightgbm
import numpy as np
import onnxruntime
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.ensemble import (ExtraTreesClassifier, GradientBoostingClassifier, GradientBoostingRegressor,
                              HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

warnings.filterwarnings("ignore")
OUT = f"onnxruntime-{onnxruntime.__version__}"
OPSETS = {"": 15, "ai.onnx.ml": 3}
rng = np.random.default_rng(5)
N, F = 300, 4
X = np.round(rng.normal(size=(N, F)), 2).astype(np.float32)
X[:, 3] = rng.integers(0, 6, N)
signal = X[:, 0] * 1.5 - X[:, 1] + X[:, 3] % 3
y01 = (signal > 1).astype(int)
classes = np.digitize(signal, [0.0, 1.5])
words = np.array(["low", "mid", "top"])[classes]
amounts = np.exp(signal / 3)
probe = X[:12].copy()
probe[3] = np.nan
probe[4] = [np.inf, -np.inf, -0.0, 2.5]
probe[5] = [3e38, -3e38, 1e-45, 77]
with_missing = X.copy()
with_missing[rng.uniform(size=X.shape) < 0.15] = np.nan


def numbers(values):
    return [None if np.isnan(v) else str(v) if np.isinf(v) else float(v) for v in np.ravel(values)]


answers = {"rows": [numbers(row) for row in probe], "models": {}}


def save(name, model):
    with open(f"{OUT}/{name}.onnx", "wb") as out:
        out.write(model.SerializeToString())
    if name in ("doubles", "scaled_forest"):  # to be refused
        answers["models"][f"{name}.onnx"] = {"predictions": []}
        return
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    scores = session.run(None, {session.get_inputs()[0].name: probe})[-1]
    if isinstance(scores, list):
        scores = np.array([list(row.values()) for row in scores])
    answers["models"][f"{name}.onnx"] = {"predictions": numbers(scores)}


os.makedirs(OUT, exist_ok=True)
for name, model, label, options in [
    ("forest_binary", RandomForestClassifier(3, max_depth=3, random_state=1), y01, None),
    ("forest_classes", RandomForestClassifier(3, max_depth=3, random_state=1), words, {"zipmap": False}),
    ("extra_trees", ExtraTreesClassifier(3, max_depth=3, random_state=1), classes, {"zipmap": False}),
    ("decision_tree", DecisionTreeClassifier(max_depth=4), classes, {"zipmap": False}),
    ("boosting_binary", GradientBoostingClassifier(n_estimators=4, max_depth=2), y01, None),
    ("boosting_classes", GradientBoostingClassifier(n_estimators=3, max_depth=2), classes, {"zipmap": False}),
    ("hist_binary", HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=5), y01, {"zipmap": False}),
    ("hist_classes", HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=5), classes, {"zipmap": False}),
    ("forest_regression", RandomForestRegressor(3, max_depth=3, random_state=1), amounts, None),
    ("forest_targets", RandomForestRegressor(3, max_depth=3, random_state=1), np.stack([amounts, signal], 1), None),
    ("boosting_regression", GradientBoostingRegressor(n_estimators=4, max_depth=2), amounts, None),
    ("hist_regression", HistGradientBoostingRegressor(max_iter=4, max_leaf_nodes=5), amounts, None),
    ("scaled_forest", make_pipeline(StandardScaler(), RandomForestRegressor(3, max_depth=3)), amounts, None),
]:
    try:
        model.fit(with_missing if name.startswith("hist") else X, label)
        last = model[-1] if name.startswith("scaled") else model
        save(name, to_onnx(model, X[:1], options={id(last): options} if options else None, target_opset=OPSETS))
    except Exception as error:
        print("not converted:", name, str(error)[:100])
save("doubles", to_onnx(RandomForestRegressor(3, max_depth=3).fit(X, amounts), X[:1],
                        initial_types=[("X", DoubleTensorType([None, F]))], target_opset=OPSETS))

types = [("X", FloatTensorType([None, F]))]
light = dict(n_estimators=4, num_leaves=5, verbose=-1, min_child_samples=5)
save("lightgbm_binary", convert_lightgbm(lightgbm.LGBMClassifier(**light).fit(with_missing, y01), initial_types=types))
save("lightgbm_binary_matrix",
     convert_lightgbm(lightgbm.LGBMClassifier(**light).fit(with_missing, y01), initial_types=types, zipmap=False))
save("lightgbm_classes",
     convert_lightgbm(lightgbm.LGBMClassifier(**light).fit(with_missing, classes), initial_types=types, zipmap=False))
save("lightgbm_regression",
     convert_lightgbm(lightgbm.LGBMRegressor(**light).fit(with_missing, amounts), initial_types=types))
save("lightgbm_categories",
     convert_lightgbm(lightgbm.LGBMRegressor(**light, max_cat_to_onehot=100).fit(X, amounts, categorical_feature=[3]),
                      initial_types=types))
for name, model, label in [("xgboost_binary", xgboost.XGBClassifier(n_estimators=4, max_depth=3), y01),
                           ("xgboost_classes", xgboost.XGBClassifier(n_estimators=3, max_depth=3), classes),
                           ("xgboost_regression", xgboost.XGBRegressor(n_estimators=4, max_depth=3), amounts)]:
    try:
        save(name, convert_xgboost(model.fit(with_missing, label), initial_types=types))
    except Exception as error:
        print("not converted:", name, str(error)[:100])


def graph(node, outputs, version):
    matrix = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, F])
    scores = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, outputs])
    return helper.make_model(helper.make_graph([node], "g", [matrix], [scores]), ir_version=9,
                             opset_imports=[helper.make_opsetid("ai.onnx.ml", version), helper.make_opsetid("", 15)])


def by_hand(name, modes, missing=None, outputs=1, votes=None, **more):
    """One tree that is a chain of splits, each with a leaf for true, twice over (the second tree's leaves differ)."""
    n = 2 * len(modes) + 1
    nodes = dict(treeids=[], nodeids=[], featureids=[], values=[], modes=[], truenodeids=[], falsenodeids=[],
                 missing_value_tracks_true=[])
    target = dict(treeids=[], nodeids=[], ids=[], weights=[])
    for tree in range(2):
        for at in range(n):
            is_split = at % 2 == 0 and at < n - 1
            mode, feature, value = modes[at // 2] if is_split else ("LEAF", 0, 0.0)
            for key, item in dict(treeids=tree, nodeids=at, featureids=feature, values=value, modes=mode,
                                  truenodeids=at + 1 if is_split else 0, falsenodeids=at + 2 if is_split else 0,
                                  missing_value_tracks_true=missing[at // 2] if is_split and missing else 0).items():
                nodes[key].append(item)
            if not is_split:
                for output in range(outputs):
                    target["treeids"].append(tree)
                    target["nodeids"].append(at)
                    target["ids"].append(output)
                    target["weights"].append(float(np.float32(0.1 * (at + 1) * (tree + 1) - 0.7 * output)))
    attributes = {f"nodes_{key}": item for key, item in nodes.items()}
    attributes |= {f"target_{key}": item for key, item in target.items()}
    save(name, graph(helper.make_node("TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", n_targets=outputs,
                                      **attributes, **more), outputs, 3))


SPLITS = [(-0.4, 0), (0.31, 1), (-0.0, 2), (0.5, 0)]
for mode in ["LEQ", "LT", "GTE", "GT"]:
    numeric = [("BRANCH_" + mode, feature, value) for value, feature in SPLITS]
    by_hand(f"mode_{mode.lower()}", numeric)
    by_hand(f"mode_{mode.lower()}_missing", numeric, [1, 0, 1, 1])
for mode in ["EQ", "NEQ"]:
    equal = [("BRANCH_" + mode, 3, value) for value in ([2.0, 5.0, 0.0] if mode == "EQ" else [4.0])]
    by_hand(f"mode_{mode.lower()}", equal)
    by_hand(f"mode_{mode.lower()}_missing", equal, [1] * len(equal))
chain = [("BRANCH_LEQ", feature, value) for value, feature in SPLITS]
by_hand("average", chain, aggregate_function="AVERAGE", base_values=[0.3])
for post in ["LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]:
    by_hand(f"post_{post.lower()}", chain, outputs=3, post_transform=post, base_values=[0.3, -0.1, 0.2])

f32 = lambda values: numpy_helper.from_array(np.array(values, np.float32))
ensemble = dict(n_targets=2, aggregate_function=1, post_transform=0, tree_roots=[0, 3],
                nodes_featureids=[0, 3, 2, 1], nodes_splits=f32([0.2, 0, -0.1, 0.4]),
                nodes_modes=numpy_helper.from_array(np.array([0, 6, 3, 1], np.uint8)),
                membership_values=f32([1, 2, 5, np.nan]),
                nodes_truenodeids=[1, 0, 2, 4], nodes_trueleafs=[0, 1, 1, 1],
                nodes_falsenodeids=[2, 1, 3, 5], nodes_falseleafs=[0, 1, 1, 1],
                nodes_missing_value_tracks_true=[0, 0, 1, 0],
                leaf_targetids=[0, 1, 0, 1, 0, 1], leaf_weights=f32([0.1, -0.2, 0.3, 0.7, 1.5, -2.25]))
try:
    save("tree_ensemble", graph(helper.make_node("TreeEnsemble", ["X"], ["Y"], domain="ai.onnx.ml", **ensemble), 2, 5))
except Exception as error:
    print("not run:", str(error)[:200])
with open(f"{OUT}/answers.json", "w") as out:
    json.dump(answers, out, separators=(",", ":"))
