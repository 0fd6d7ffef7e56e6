"""Trains the loan decision model on synthetic applications and writes model.pkl.

An applicant has an income (thousand a year), an amount asked for (thousand), years in the job and missed payments.
The true rule is a logistic one: more income and years help, a large amount and missed payments hurt; the seed is fixed.
"""
import pickle

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

random = np.random.default_rng(7)
count = 5000
income = random.gamma(4, 15, count)
amount = random.gamma(2, 20, count)
years = random.integers(0, 30, count)
missed = random.poisson(0.7, count)
chance = 1 / (1 + np.exp(-(0.05 * income - 0.04 * amount + 0.08 * years - 1.2 * missed)))
approved = random.random(count) < chance

model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(np.column_stack([income, amount, years, missed]), approved)
with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
