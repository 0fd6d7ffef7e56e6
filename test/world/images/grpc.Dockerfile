# A server of gRPC alone, by gRPC's own library: it knows no HTTP/1.1.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends python3-grpcio && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY grpc-api.py /
EXPOSE 8080
CMD ["python3", "-u", "/grpc-api.py"]
