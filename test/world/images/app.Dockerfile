FROM debian:bookworm-slim AS unexposed
RUN apt-get update && apt-get install -y --no-install-recommends python3 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY app.py /
ARG VERSION=1
ARG MODE=
ENV MODE=${MODE}
RUN echo "${VERSION}" > /version
CMD ["python3", "-u", "/app.py"]
FROM unexposed AS app
EXPOSE 8080
