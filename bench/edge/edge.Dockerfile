# The peers of the edge, as Debian has them.
FROM debian:forky-slim
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get -o Acquire::Check-Valid-Until=false update \
 && apt-get install -y --no-install-recommends haproxy nginx-light caddy util-linux \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY *.cfg *.conf Caddyfile /
