import pickle

import pandas as pd
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


# pydantic 2 has another name for it than 1.
fields = getattr(BaseModel, "model_dump", None) or BaseModel.dict
app = FastAPI()
with open("model.pkl", "rb") as file:
    model = pickle.load(file)


@app.post("/decisions")
async def decide(application: Application):
    score = float(model.predict_proba(pd.DataFrame([fields(application)]))[0, 1])
    return {"label": "approve" if score >= 0.5 else "reject", "score": score}
