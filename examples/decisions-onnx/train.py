"""Trains the loan decision model with scikit-learn and writes model.pkl.

Debian: apt-get install python3-sklearn python3-pandas
"""
import pickle

from loans import CATEGORICAL, NUMERIC, applications
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

if __name__ == "__main__":
    rows, good = applications(20_000, seed=7)
    columns = ColumnTransformer([
        ("numeric", "passthrough", NUMERIC),
        ("categorical", OneHotEncoder(handle_unknown="ignore"), CATEGORICAL),
    ])
    model = make_pipeline(columns, GradientBoostingClassifier(n_estimators=100, max_depth=4, random_state=7))
    model.fit(rows, good)
    with open("model.pkl", "wb") as file:
        pickle.dump(model, file)
    test, truth = applications(5_000, seed=8)
    print(f"accuracy on new applications: {(model.predict(test) == truth).mean():.3f}")
