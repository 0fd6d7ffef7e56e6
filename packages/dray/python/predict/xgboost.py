"""Answers rows with MODEL_FILE."""

import pandas
import xgboost

model = xgboost.Booster()


def load():
    model.load_model("MODEL_FILE")


def predict(rows: list) -> list:
    frame = pandas.DataFrame(rows)
    if model.feature_names is not None:
        frame = frame[model.feature_names]
    else:
        # The columns' names mean nothing to a model that was made without any: they stand as in schema.yaml.
        frame = frame.to_numpy()
    # One number a row, or the chances of the classes: which one is the objective's business.
    return [answer(each) for each in model.predict(xgboost.DMatrix(frame)).tolist()]


def answer(value) -> dict:
    if not isinstance(value, list):
        return {"score": value}
    best = max(range(len(value)), key=value.__getitem__)
    return {"label": best, "probabilities": {str(at): each for at, each in enumerate(value)}, "score": value[best]}
