# Let's Encrypt's own test server, and a name server in which every name leads where it is told.
FROM debian:forky-slim
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get -o Acquire::Check-Valid-Until=false update \
 && apt-get install -y --no-install-recommends pebble openssl \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY acme-init.sh /acme-init.sh
CMD ["bash", "/acme-init.sh"]
