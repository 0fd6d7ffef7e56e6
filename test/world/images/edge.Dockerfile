# HAProxy with bash and a handful of coreutils, and nothing else.
FROM debian:forky-slim AS whole
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get -o Acquire::Check-Valid-Until=false update && apt-get install -y --no-install-recommends haproxy
COPY edge-slim.sh /
RUN bash /edge-slim.sh
FROM scratch
COPY --from=whole /out/ /
ENV PATH=/bin
CMD ["haproxy", "-v"]
