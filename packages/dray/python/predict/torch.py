"""Answers rows with MODEL_FILE, a pickled torch module.

Opening a pickle runs the code that is in it: only serve files whose makers you trust.
"""

import torch

model = None


def load():
    global model
    model = torch.load("MODEL_FILE", map_location="cpu", weights_only=False).eval()


def predict(rows: list) -> list:
    # The columns go in as they stand in schema.yaml; this is the line to change for anything else.
    numbers = torch.tensor([list(row.values()) for row in rows], dtype=torch.float32)
    with torch.inference_mode():
        return [{"outputs": each} for each in model(numbers).tolist()]
