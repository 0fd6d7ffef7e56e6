FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends wrk && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY post.lua /
ENTRYPOINT ["taskset", "-c", "1", "wrk", "-t1", "--latency", "-s", "/post.lua"]
