"""Writes small models of LightGBM's objectives and kinds of splits, with its own answers: python make_lightgbm.py in an
environment with the lightgbm to ask (see README.md). Rows are float32, asked as doubles, as LightGBM does."""
import json
import os
import re

import lightgbm as lgb
import numpy as np

OUT = f"lightgbm-{lgb.__version__}"
rng = np.random.default_rng(11)
N, F = 500, 5
X = np.round(rng.normal(size=(N, F)), 2).astype(np.float32)
X[:, 3] = rng.integers(0, 40, N)
X[:, 4] = np.where(rng.uniform(size=N) < 0.5, 0, X[:, 4])
signal = X[:, 0] * 1.5 - X[:, 1] + X[:, 3] % 3 + (X[:, 4] == 0)
X[rng.uniform(size=X.shape) < 0.15] = np.nan
probe = X[:16].copy()
probe[3] = np.nan
probe[4] = [np.inf, -np.inf, -0.0, -0.5, 1e-36]
probe[5] = [3e38, -3e38, 0.0, 41.7, -1e-35]
probe[6] = [1e-45, -1e-45, 1e-20, 3.99, 2e-35]
probe[7] = [0, 0, 0, -1, 0]
y01 = (signal > 1).astype(int)
positive = np.exp(signal / 3)
classes = np.digitize(signal, [0.0, 1.5])


def numbers(values):
    return [None if np.isnan(v) else str(v) if np.isinf(v) else float(v) for v in np.ravel(values)]


answers = {"rows": [numbers(row) for row in probe], "models": {}}


def save(name, label, categorical=(), rounds=3, weights=None, **params):
    settings = dict(num_leaves=6, min_data_in_leaf=5, verbose=-1, num_threads=1, seed=3, deterministic=True)
    settings.update(params)
    data = lgb.Dataset(X, label, categorical_feature=list(categorical), params={"verbose": -1, **settings})
    booster = lgb.train(settings, data, rounds)
    asked = probe.astype(np.float64)
    text = booster.model_to_string()
    # What trained the model does not matter to its reader.
    text = re.sub(r"\nparameters:.*end of parameters\n", "\n", text, flags=re.S)
    with open(f"{OUT}/{name}.txt", "w") as out:
        out.write(text)
    answers["models"][f"{name}.txt"] = {
        "margins": numbers(booster.predict(asked, raw_score=True)),
        "predictions": numbers(booster.predict(asked)),
    }


os.makedirs(OUT, exist_ok=True)
save("binary", y01, objective="binary")
save("binary_steep", y01, objective="binary", sigmoid=1.7)
save("binary_zeros", y01, objective="binary", zero_as_missing=True)
save("binary_no_missing", y01, objective="binary", use_missing=False)
save("categories", y01, objective="binary", categorical=[3], min_data_per_group=5, cat_smooth=1, max_cat_to_onehot=1)
save("categories_one_hot", y01, objective="binary", categorical=[3], max_cat_to_onehot=100)
save("dart", y01, objective="binary", boosting="dart", drop_rate=0.9, rounds=6)
save("rf", y01, objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6)
save("rf_regression", positive, objective="regression", boosting="rf", bagging_freq=1, bagging_fraction=0.6)
for objective in ["regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie",
                  "cross_entropy", "cross_entropy_lambda"]:
    save(objective, y01 if objective.startswith("cross") else positive, objective=objective)
save("regression_sqrt", positive - 1, objective="regression", reg_sqrt=True)
save("multiclass", classes, objective="multiclass", num_class=3)
save("multiclassova", classes, objective="multiclassova", num_class=3, sigmoid=0.8)
save("leaf_wise", positive, objective="regression", num_leaves=40, min_data_in_leaf=1, rounds=2)
save("stump", np.zeros(N), objective="regression")
save("linear", positive, objective="regression", linear_tree=True)
with open(f"{OUT}/answers.json", "w") as out:
    json.dump(answers, out, separators=(",", ":"))
