"""Makes the three models of python-models.test.ts in the folder it runs in, and what they answer to row.json: answers.json."""

import json

import joblib
import numpy
import pandas
import torch
from net import Net
from ratios import Ratios
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

chance = numpy.random.default_rng(27)
columns = {"income": chance.uniform(20, 90, 500), "amount": chance.uniform(1, 60, 500), "age": chance.uniform(18, 80, 500)}
rows = pandas.DataFrame(columns)
share = rows.amount / rows.income
row = pandas.DataFrame([json.load(open("row.json"))])

pipeline = make_pipeline(Ratios(), StandardScaler(), LogisticRegression()).fit(rows, numpy.where(share < 0.6, "approve", "decline"))
joblib.dump(pipeline, "model.joblib")

chances = RandomForestClassifier(10, random_state=1).fit(rows, share < 0.6)
limits = LinearRegression().fit(rows, rows.income * 0.4)
joblib.dump(chances, "chances.joblib")
joblib.dump(limits, "limits.joblib")

torch.manual_seed(27)
net = Net()
torch.save(net, "net.pt")

answers = {
    "pipeline": float(pipeline.predict_proba(row)[0, 1]),
    "chance": float(chances.predict_proba(row)[0, 1]),
    "limit": float(limits.predict(row)[0]),
    "net": net(torch.tensor(row.to_numpy(), dtype=torch.float32))[0].tolist(),
}
json.dump(answers, open("answers.json", "w"))
