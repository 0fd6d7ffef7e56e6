FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY app.py /
ARG VERSION=1
ARG MODE=
ENV MODE=${MODE}
RUN echo "${VERSION}" > /version
EXPOSE 8080
CMD ["python3", "-u", "/app.py"]
