"""Writes small models of every objective that the installed XGBoost knows, with its own answers: python make_xgboost.py
in an environment with the xgboost to ask (see README.md). DMatrix predictions, one thread."""
import json
import os

import numpy as np
import xgboost as xgb

OUT = f"xgboost-{xgb.__version__}"
# JSON is kept beside UBJ where the formats of the versions differ most.
AS_JSON = {"binary_logistic", "categories", "dart", "quantiles", "multi_softmax", "two_targets"}

rng = np.random.default_rng(7)
N, F = 400, 4
X = np.round(rng.normal(size=(N, F)), 2).astype(np.float32)
X[:, 3] = rng.integers(0, 9, N)
signal = X[:, 0] * 1.5 - X[:, 1] + X[:, 3] % 3
X[rng.uniform(size=X.shape) < 0.15] = np.nan
probe = X[:12].copy()
probe[3] = np.nan
probe[4, :3] = [3e38, -3e38, -0.0]
probe[5, 3] = 77
y01 = (signal > 0.5).astype(np.float32)
positive = np.exp(signal / 3).astype(np.float32)
classes = np.digitize(signal, [-0.5, 1.0]).astype(np.float32)


def numbers(values):
    return [None if np.isnan(v) else str(v) if np.isinf(v) else float(v) for v in np.ravel(values)]


answers = {"rows": [numbers(row) for row in probe], "models": {}}


def save(name, label, types=None, rounds=3, group=None, bounds=None, **params):
    data = xgb.DMatrix(X, label=label, feature_types=types, enable_categorical=types is not None)
    if group is not None:
        data.set_group(group)
    if bounds is not None:
        data.set_float_info("label_lower_bound", bounds)
        data.set_float_info("label_upper_bound", bounds)
    settings = dict(nthread=1, max_depth=2, eta=0.4, seed=3, verbosity=0, tree_method="hist")
    settings.update(params)
    try:
        booster = xgb.train(settings, data, rounds)
    except xgb.core.XGBoostError as error:
        print("not in this version:", name, str(error).splitlines()[0][-60:])
        return
    booster.set_attr(best_iteration=None, best_ntree_limit=None)
    asked = xgb.DMatrix(probe, feature_types=types, enable_categorical=types is not None)
    for ending in ["ubj", "json"] if name in AS_JSON else ["ubj"]:
        booster.save_model(f"{OUT}/{name}.{ending}")
        answers["models"][f"{name}.{ending}"] = {
            "margins": numbers(booster.predict(asked, output_margin=True)),
            "predictions": numbers(booster.predict(asked)),
        }


os.makedirs(OUT, exist_ok=True)
for objective in ["binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic"]:
    save(objective.replace(":", "_"), y01, objective=objective)
    save(objective.split(":")[1] + "_base", y01, objective=objective, base_score=0.2)
for objective in ["reg:squarederror", "reg:pseudohubererror", "reg:absoluteerror", "reg:squaredlogerror", "reg:gamma",
                  "reg:tweedie", "count:poisson", "survival:cox"]:
    save(objective.replace(":", "_"), positive, objective=objective)
    save(objective.split(":")[1] + "_base", positive, objective=objective, base_score=2.5)
save("quantile", positive, objective="reg:quantileerror", quantile_alpha=0.7)
save("quantiles", positive, objective="reg:quantileerror", quantile_alpha=[0.2, 0.5, 0.9])
save("aft", positive, objective="survival:aft", bounds=positive)
save("aft_base", positive, objective="survival:aft", bounds=positive, base_score=2.0)
save("multi_softprob", classes, objective="multi:softprob", num_class=3)
save("multi_softmax", classes, objective="multi:softmax", num_class=3)
save("softprob_base", classes, objective="multi:softprob", num_class=3, base_score=0.2)
for objective in ["rank:pairwise", "rank:ndcg", "rank:map"]:
    save(objective.replace(":", "_"), y01, objective=objective, group=[20] * 20)
save("dart", y01, objective="binary:logistic", booster="dart", rate_drop=0.5, one_drop=1, rounds=6)
save("dart_classes", classes, objective="multi:softprob", num_class=3, booster="dart", rate_drop=0.5, one_drop=1,
     num_parallel_tree=2, rounds=3)
save("gblinear", y01, objective="binary:logistic", booster="gblinear", tree_method="auto")
save("categories", y01, objective="binary:logistic", max_cat_to_onehot=2, types=["q", "q", "q", "c"])
save("two_targets", np.stack([positive, signal], 1), objective="reg:squarederror")
save("two_labels", np.stack([y01, 1 - y01 * (positive > 1.5)], 1), objective="binary:logistic")
save("forest", positive, objective="reg:squarederror", num_parallel_tree=3, subsample=0.7, rounds=2)
if xgb.__version__ >= "2":
    save("vector_leaf", np.stack([positive, signal], 1), objective="reg:squarederror",
         multi_strategy="multi_output_tree")
with open(f"{OUT}/answers.json", "w") as out:
    json.dump(answers, out, separators=(",", ":"))
