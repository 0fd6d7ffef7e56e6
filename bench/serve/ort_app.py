import json

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel


class Application(BaseModel):
    income: float
    amount: float
    term: int
    age: int
    years_employed: float
    years_at_address: float
    dependents: int
    open_accounts: int
    missed_payments: int
    credit_used: float
    credit_age: float
    inquiries: int
    savings: float
    rent: float
    debt: float
    collateral: float
    employment: str
    housing: str
    purpose: str
    marital: str
    education: str
    region: str
    channel: str
    customer: str


app = FastAPI()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession("model.onnx", options, providers=["CPUExecutionProvider"])

properties = session.get_modelmeta().custom_metadata_map
codes = {key[7:]: {name: code for code, name in enumerate(json.loads(names))} for key, names in properties.items() if key.startswith("values.")}


@app.post("/decisions")
async def decide(application: Application):
    row = [codes[name][value] if name in codes else value for name, value in application.model_dump().items()]
    score = float(session.run(["probabilities"], {"features": np.array([row], np.float32)})[0][0, 1])
    return {"label": "approve" if score >= 0.5 else "reject", "score": score}
