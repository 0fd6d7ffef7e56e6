"""Synthetic loan applications: 16 numbers and 8 categories, and whether the loan was paid back.

The true rule is a logistic one with two interactions, so that trees have something to find; seeds are fixed.
"""
import numpy as np
import pandas as pd

NUMERIC = [
    "income", "amount", "term", "age", "years_employed", "years_at_address", "dependents", "open_accounts",
    "missed_payments", "credit_used", "credit_age", "inquiries", "savings", "rent", "debt", "collateral",
]
CATEGORIES = {
    "employment": ["salaried", "self-employed", "student", "retired", "unemployed"],
    "housing": ["own", "rent", "mortgage", "family"],
    "purpose": ["car", "home", "education", "business", "medical", "other"],
    "marital": ["single", "married", "divorced", "widowed"],
    "education": ["school", "vocational", "bachelor", "master"],
    "region": ["north", "south", "east", "west"],
    "channel": ["web", "branch", "phone", "partner"],
    "customer": ["new", "returning"],
}
CATEGORICAL = list(CATEGORIES)
LABELS = ["reject", "approve"]


def applications(count, seed):
    """`count` applications as a DataFrame, and 1 where the loan was good."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "income": random.gamma(4, 15, count).round(1),
        "amount": random.gamma(2, 12, count).round(1),
        "term": random.integers(6, 121, count),
        "age": random.integers(18, 81, count),
        "years_employed": random.gamma(2, 4, count).round(1),
        "years_at_address": random.gamma(2, 3, count).round(1),
        "dependents": random.poisson(0.9, count),
        "open_accounts": random.poisson(3, count),
        "missed_payments": random.poisson(0.6, count),
        "credit_used": random.beta(2, 4, count).round(3),
        "credit_age": random.gamma(3, 3, count).round(1),
        "inquiries": random.poisson(1.2, count),
        "savings": random.gamma(1, 12, count).round(1),
        "rent": random.gamma(3, 0.4, count).round(2),
        "debt": random.gamma(1.5, 10, count).round(1),
        "collateral": np.where(random.random(count) < 0.4, random.gamma(2, 20, count), 0).round(1),
    })
    for name, values in CATEGORIES.items():
        frame[name] = random.choice(values, count)
    score = (
        0.03 * frame["income"] - 0.05 * frame["amount"] + 0.04 * frame["years_employed"] - 0.9 * frame["missed_payments"]
        - 1.5 * frame["credit_used"] + 0.02 * frame["savings"] - 0.03 * frame["debt"] + 0.015 * frame["collateral"]
        - 0.25 * frame["inquiries"] + 0.6 * (frame["customer"] == "returning")
        - 1.0 * (frame["employment"] == "unemployed") * (frame["amount"] > 20) + 0.4 * (frame["housing"] == "own")
    )
    good = random.random(count) < 1 / (1 + np.exp(-score))
    return frame[NUMERIC + CATEGORICAL], good.astype(int)
