"""A function that asks two models."""

import joblib
import pandas

models = {}


def load():
    for name in ("chances", "limits"):
        models[name] = joblib.load(f"{name}.joblib")


def decide(rows: list) -> list:
    frame = pandas.DataFrame(rows)
    chances = models["chances"].predict_proba(frame)[:, 1]
    return [{"chance": chance, "limit": limit} for chance, limit in zip(chances, models["limits"].predict(frame))]
