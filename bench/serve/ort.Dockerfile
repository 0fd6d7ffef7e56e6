# FastAPI and onnxruntime, from Debian.
FROM debian:forky-slim
RUN apt-get -o Acquire::Check-Valid-Until=false update && apt-get install -y --no-install-recommends python3-fastapi python3-uvicorn python3-uvloop python3-httptools python3-onnxruntime && apt-get clean && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY model.onnx ort_app.py ./
CMD ["taskset", "-c", "0", "python3", "-m", "uvicorn", "ort_app:app", "--port", "9102", "--log-level", "warning", "--no-access-log"]
