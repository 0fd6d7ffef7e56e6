"""Answers rows with MODEL_FILE.

Opening a pickle runs the code that is in it: only serve files whose makers you trust.
"""

import joblib
import pandas

model = None


def load():
    global model
    model = joblib.load("MODEL_FILE")


def predict(rows: list) -> list:
    frame = pandas.DataFrame(rows)
    names = getattr(model, "feature_names_in_", None)
    # A model that was made from columns with names wants them in that order; any other one as schema.yaml has them.
    given = frame if names is None else frame.reindex(columns=names)
    if not hasattr(model, "predict_proba"):
        return [{"score": value} for value in model.predict(given).tolist()]
    classes = [str(name) for name in model.classes_.tolist()]
    return [decision(classes, chances) for chances in model.predict_proba(given).tolist()]


def decision(classes: list, chances: list) -> dict:
    best = max(range(len(chances)), key=chances.__getitem__)
    score = chances[-1] if len(chances) == 2 else chances[best]
    return {"label": model.classes_[best].item(), "probabilities": dict(zip(classes, chances)), "score": score}
