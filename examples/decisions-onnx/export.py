"""Writes model.pkl as model.onnx, and checks it against scikit-learn's own answers where onnxruntime is installed.

Debian has no exporter for scikit-learn; this one knows the one pipeline that train.py makes.
Debian: apt-get install python3-onnx python3-sklearn python3-pandas
"""
import json
import pickle

import numpy as np
from loans import CATEGORICAL, LABELS, NUMERIC, applications
from onnx import TensorProto, checker, helper, numpy_helper, save


def trees(boosted):
    """The ensemble as TreeEnsembleRegressor's attributes (ONNX operators of ai.onnx.ml, version 1)."""
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}
    targets = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}
    for number, (estimator,) in enumerate(boosted.estimators_):
        tree = estimator.tree_
        for node in range(tree.node_count):
            leaf = tree.children_left[node] < 0
            # scikit-learn compares 32-bit features with 64-bit thresholds: round down, and x <= t stays the same.
            threshold = np.float32(tree.threshold[node])
            if threshold > tree.threshold[node]:
                threshold = np.nextafter(threshold, np.float32(-np.inf), dtype=np.float32)
            nodes["treeids"].append(number)
            nodes["nodeids"].append(node)
            nodes["featureids"].append(0 if leaf else int(tree.feature[node]))
            nodes["values"].append(0.0 if leaf else float(threshold))
            nodes["modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            nodes["truenodeids"].append(0 if leaf else int(tree.children_left[node]))
            nodes["falsenodeids"].append(0 if leaf else int(tree.children_right[node]))
            if leaf:
                targets["treeids"].append(number)
                targets["nodeids"].append(node)
                targets["ids"].append(0)
                targets["weights"].append(float(boosted.learning_rate * tree.value[node, 0, 0]))
    return {**{f"nodes_{key}": value for key, value in nodes.items()}, **{f"target_{key}": value for key, value in targets.items()}}


def graph(pipeline):
    columns, boosted = (step for _, step in pipeline.steps)
    encoder = columns.named_transformers_["categorical"]
    ml = {"domain": "ai.onnx.ml"}
    constants = [numpy_helper.from_array(np.array([1], np.int64), "axis"), numpy_helper.from_array(np.array(0.5, np.float32), "half"),
                 numpy_helper.from_array(np.array(1, np.float32), "one")]
    nodes, parts = [], ["numeric"]
    for index, (name, known) in enumerate(zip(CATEGORICAL, encoder.categories_)):
        constants.append(numpy_helper.from_array(np.array([index], np.int64), f"column_{name}"))
        nodes += [
            helper.make_node("Gather", ["categorical", f"column_{name}"], [f"of_{name}"], axis=1),
            helper.make_node("OneHotEncoder", [f"of_{name}"], [f"hot_{name}"], cats_strings=[str(each) for each in known], zeros=1, **ml),
            helper.make_node("Squeeze", [f"hot_{name}", "axis"], [f"flat_{name}"]),
        ]
        parts.append(f"flat_{name}")
    start = float(boosted.init_.class_prior_[1])
    nodes += [
        helper.make_node("Concat", parts, ["columns"], axis=1),
        helper.make_node("TreeEnsembleRegressor", ["columns"], ["raw"], n_targets=1, base_values=[float(np.log(start / (1 - start)))], **trees(boosted), **ml),
        helper.make_node("Sigmoid", ["raw"], ["good"]),
        helper.make_node("Sub", ["one", "good"], ["bad"]),
        helper.make_node("Concat", ["bad", "good"], ["probabilities"], axis=1),
        helper.make_node("GreaterOrEqual", ["good", "half"], ["is_good"]),
        helper.make_node("Cast", ["is_good"], ["label"], to=TensorProto.INT64),
    ]
    inputs = [helper.make_tensor_value_info("numeric", TensorProto.FLOAT, ["rows", len(NUMERIC)]),
              helper.make_tensor_value_info("categorical", TensorProto.STRING, ["rows", len(CATEGORICAL)])]
    outputs = [helper.make_tensor_value_info("label", TensorProto.INT64, ["rows", 1]),
               helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(LABELS)])]
    return helper.make_graph(nodes, "loans", inputs, outputs, constants)


def export(pipeline):
    model = helper.make_model(graph(pipeline), producer_name="examples/decisions-onnx", ir_version=8,
                              opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)])
    helper.set_model_props(model, {
        "feature_names.numeric": json.dumps(NUMERIC),
        "feature_names.categorical": json.dumps(CATEGORICAL),
        "labels": json.dumps(LABELS),
    })
    checker.check_model(model)
    return model


if __name__ == "__main__":
    with open("model.pkl", "rb") as file:
        pipeline = pickle.load(file)
    save(export(pipeline), "model.onnx")
    # scikit-learn's answers to applications it never saw: the tests compare ours with them.
    rows, _ = applications(500, seed=9)
    answers = pipeline.predict_proba(rows)[:, 1]
    with open("expected.json", "w") as file:
        json.dump({"rows": rows.to_dict("records"), "approve": [round(float(each), 9) for each in answers]}, file)
