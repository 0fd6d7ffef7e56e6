"""Answers rows with MODEL_FILE."""

import catboost
import pandas

model = catboost.CatBoost()


def load():
    model.load_model("MODEL_FILE")


def predict(rows: list) -> list:
    frame = pandas.DataFrame(rows)
    # Files of models that were made without names of columns count them: "0", "1".
    if set(model.feature_names_) <= set(frame.columns):
        frame = frame[model.feature_names_]
    if len(model.classes_) == 0:
        return [{"score": value} for value in model.predict(frame).tolist()]
    return [decision(chances) for chances in model.predict(frame, prediction_type="Probability").tolist()]


def decision(chances: list) -> dict:
    classes = model.classes_.tolist()
    best = max(range(len(chances)), key=chances.__getitem__)
    score = chances[-1] if len(chances) == 2 else chances[best]
    named = {str(name): chance for name, chance in zip(classes, chances)}
    return {"label": classes[best], "probabilities": named, "score": score}
