# FastAPI and scikit-learn as most tutorials put them together, from Debian.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3-fastapi python3-uvicorn python3-uvloop python3-httptools python3-sklearn python3-pandas && apt-get clean && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY loans.py train.py ./
RUN python3 train.py
COPY sklearn_app.py .
ENV PORT=9101
CMD ["sh", "-c", "exec taskset -c 0 python3 -m uvicorn sklearn_app:app --port $PORT --log-level warning --no-access-log"]
