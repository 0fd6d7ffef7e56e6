"""The lecture's API: a greeting on /, docs on /docs, POST /decisions."""
import os
import pickle

from fastapi import FastAPI
from pydantic import BaseModel, Field

with open("model.pkl", "rb") as file:
    model = pickle.load(file)

app = FastAPI(title="Loan decisions")


class Application(BaseModel):
    income: float = Field(ge=0, description="thousand a year")
    amount: float = Field(gt=0, description="thousand")
    years: int = Field(ge=0, description="in the present job")
    missed: int = Field(ge=0, description="payments missed so far")


@app.get("/")
def greeting():
    return {"message": "Send a loan application to POST /decisions; /docs shows how.", "version": os.environ["VERSION"]}


@app.post("/decisions")
def decide(application: Application):
    row = [[application.income, application.amount, application.years, application.missed]]
    score = float(model.predict_proba(row)[0][1])
    return {"decision": "approve" if score >= 0.5 else "decline", "score": score}
