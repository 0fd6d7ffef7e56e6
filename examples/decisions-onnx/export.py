"""Writes model.pkl as model.onnx, and checks it against scikit-learn's own answers where onnxruntime is installed.

Debian has no exporter for scikit-learn; this one knows the one pipeline that train.py makes.
Debian: apt-get install python3-onnx python3-sklearn python3-pandas
"""
import json
import pickle

import numpy as np
from loans import CATEGORICAL, LABELS, NUMERIC, applications
from onnx import TensorProto, checker, helper, numpy_helper, save


def trees(boosted, hot):
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
            column = int(tree.feature[node])
            mode, value = "BRANCH_LEQ", float(threshold)
            if not leaf and column >= len(NUMERIC):
                # "This column of the one-hot encoder is 0" says "another category than this".
                column, value = hot[column - len(NUMERIC)]
                mode = "BRANCH_NEQ"
            nodes["treeids"].append(number)
            nodes["nodeids"].append(node)
            nodes["featureids"].append(0 if leaf else column)
            nodes["values"].append(0.0 if leaf else float(value))
            nodes["modes"].append("LEAF" if leaf else mode)
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
    known = columns.named_transformers_["categorical"].categories_
    # Where a column of the one-hot encoder is: which category of which feature.
    hot = [(len(NUMERIC) + index, code) for index, values in enumerate(known) for code in range(len(values))]
    constants = [numpy_helper.from_array(np.array(0.5, np.float32), "half"), numpy_helper.from_array(np.array(1, np.float32), "one")]
    start = float(boosted.init_.class_prior_[1])
    nodes = [
        helper.make_node("TreeEnsembleRegressor", ["features"], ["raw"], n_targets=1, base_values=[float(np.log(start / (1 - start)))],
                         domain="ai.onnx.ml", **trees(boosted, hot)),
        helper.make_node("Sigmoid", ["raw"], ["good"]),
        helper.make_node("Sub", ["one", "good"], ["bad"]),
        helper.make_node("Concat", ["bad", "good"], ["probabilities"], axis=1),
        helper.make_node("GreaterOrEqual", ["good", "half"], ["is_good"]),
        helper.make_node("Cast", ["is_good"], ["label"], to=TensorProto.INT64),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", len(NUMERIC) + len(CATEGORICAL)])]
    outputs = [helper.make_tensor_value_info("label", TensorProto.INT64, ["rows", 1]),
               helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(LABELS)])]
    return helper.make_graph(nodes, "loans", inputs, outputs, constants)


def export(pipeline):
    model = helper.make_model(graph(pipeline), producer_name="examples/decisions-onnx", ir_version=8,
                              opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)])
    encoder = pipeline.steps[0][1].named_transformers_["categorical"]
    helper.set_model_props(model, {
        "feature_names": json.dumps(NUMERIC + CATEGORICAL),
        # Categories travel as their numbers: the server takes the names and looks the numbers up.
        **{f"values.{name}": json.dumps([str(each) for each in known]) for name, known in zip(CATEGORICAL, encoder.categories_)},
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
