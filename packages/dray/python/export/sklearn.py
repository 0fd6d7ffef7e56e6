"""Makes ONNX_FILE of MODEL_FILE, and compares the answers of both.

Opening a pickle runs the code that is in it: only do this with a file whose makers you trust.
It needs: pip install scikit-learn pandas joblib skl2onnx onnxruntime. An ONNX file is served without Python, and many
times as fast: dray init --model ONNX_FILE --force
"""

import json
from pathlib import Path

import joblib
import numpy
import onnxruntime
import pandas
from skl2onnx import to_onnx

model = joblib.load("MODEL_FILE")
golden = Path("golden.json")
names = getattr(model, "feature_names_in_", None)
if golden.exists():
    row = json.loads(golden.read_text())[0]["request"]["body"]
    rows = pandas.DataFrame([row] * 500)
    rows = rows if names is None else rows[list(names)]
else:
    rows = pandas.DataFrame(numpy.zeros((500, model.n_features_in_)), columns=names)
chance = numpy.random.default_rng(1)
for name in rows.select_dtypes("number").columns:
    # Texts stay those of the example: others the model may not know.
    rows[name] = (rows[name] * chance.uniform(0.2, 2, len(rows)) + chance.normal(size=len(rows))).astype(numpy.float32)

numbers = rows.select_dtypes("number").shape == rows.shape
given = rows.to_numpy() if numbers else rows.astype({name: object for name in rows.select_dtypes(exclude="number")})
options = {"zipmap": False} if hasattr(model, "predict_proba") else None
made = to_onnx(model, given[:1], options=options)
Path("ONNX_FILE").write_bytes(made.SerializeToString())

session = onnxruntime.InferenceSession("ONNX_FILE")
if numbers:
    feeds = {session.get_inputs()[0].name: given}
else:
    feeds = {each.name: given[each.name].to_numpy().reshape(-1, 1) for each in session.get_inputs()}
found = session.run(None, feeds)[-1]
own = given if not numbers else rows if names is not None else given
wanted = model.predict_proba(own) if hasattr(model, "predict_proba") else model.predict(own)
difference = float(numpy.abs(found.reshape(wanted.shape) - wanted).max())
print(f"ONNX_FILE: {len(rows)} made-up rows, and the largest difference is {difference:.2g}")
if difference > 1e-3 * max(1.0, float(numpy.abs(wanted).max())):
    raise SystemExit("that is too much: serve the model with predict.py")
