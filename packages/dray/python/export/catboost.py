"""Makes ONNX_FILE of MODEL_FILE, and compares the answers of both.

It needs: pip install catboost numpy onnxruntime. An ONNX file is served without Python, and many times as fast:
dray init --model ONNX_FILE --force
"""

import catboost
import numpy
import onnxruntime

model = catboost.CatBoost()
model.load_model("MODEL_FILE")
if model.get_cat_feature_indices() or model.get_text_feature_indices():
    raise SystemExit("CatBoost exports models of numbers alone; this one has categories or texts: serve it with predict.py")
model.save_model("ONNX_FILE", format="onnx")

rows = numpy.random.default_rng(1).normal(size=(500, len(model.feature_names_))).astype(numpy.float32)
session = onnxruntime.InferenceSession("ONNX_FILE")
label, *others = session.run(None, {session.get_inputs()[0].name: rows})
if others:
    # A classifier: the chances of each row by class.
    found = numpy.array([list(row.values()) for row in others[0]])
    wanted = model.predict(rows, prediction_type="Probability")
else:
    found, wanted = label.reshape(-1), model.predict(rows)
difference = float(numpy.abs(found - wanted).max())
print(f"ONNX_FILE: {len(rows)} made-up rows, and the largest difference is {difference:.2g}")
if difference > 1e-3 * max(1.0, float(numpy.abs(wanted).max())):
    raise SystemExit("that is too much: serve the model with predict.py")
