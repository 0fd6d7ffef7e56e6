"""Makes ONNX_FILE of MODEL_FILE, and compares the answers of both.

It needs: pip install xgboost onnxmltools skl2onnx onnx numpy onnxruntime. An ONNX file is served without Python, and
many times as fast: dray init --model ONNX_FILE --force
"""

import numpy
import onnxruntime
import xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

model = xgboost.Booster()
model.load_model("MODEL_FILE")
columns = model.num_features()
# The converter knows columns by their numbers alone; their names go into schema.yaml.
names, model.feature_names = model.feature_names, None
model.feature_types = None
made = convert_xgboost(model, initial_types=[("input", FloatTensorType([None, columns]))])
with open("ONNX_FILE", "wb") as file:
    file.write(made.SerializeToString())

rows = numpy.random.default_rng(1).normal(size=(500, columns)).astype(numpy.float32)
session = onnxruntime.InferenceSession("ONNX_FILE")
found = numpy.asarray(session.run(None, {"input": rows})[-1])
wanted = model.predict(xgboost.DMatrix(rows))
if wanted.ndim == 1 and found.ndim == 2:
    # Of two classes the model itself says only the chance of the second.
    found = found[:, -1]
difference = float(numpy.abs(found.reshape(wanted.shape) - wanted).max())
print(f"ONNX_FILE: {len(rows)} made-up rows, and the largest difference is {difference:.2g}")
if names:
    print(f"its columns, for schema.yaml: {', '.join(names)}")
if difference > 1e-3 * max(1.0, float(numpy.abs(wanted).max())):
    raise SystemExit("that is too much: serve the model with predict.py")
