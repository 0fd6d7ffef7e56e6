ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends python3-fastapi python3-uvicorn python3-flask && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY apis.py /
EXPOSE 8080
CMD ["python3", "-u", "/apis.py"]
