# A real llama-server, as its makers' image has it, with a model of half a megabyte: its program and libraries are one layer.
ARG BASE
FROM debian:forky-slim AS made
RUN apt-get -o Acquire::Check-Valid-Until=false update && apt-get install -y --no-install-recommends llama.cpp-tools python3-gguf python3-numpy && apt-get clean
COPY llm-model.py /
RUN mkdir -p /out/app/lib && python3 /llm-model.py /out/app/tiny.gguf
RUN set -e; server=$(readlink -f "$(command -v llama-server)"); \
  backends=$(dirname "$(find /usr/lib -name 'libggml-cpu*.so' | head -n 1)"); \
  mkdir -p "/out$backends"; cp "$backends"/libggml-cpu*.so "/out$backends/"; cp "$server" /out/app/program; \
  for file in "$server" "$backends"/*.so; do ldd "$file" | grep -o '/[^ ]*'; done | sort -u | xargs -I{} cp -L {} /out/app/lib/; \
  printf '#!/bin/sh\nexec /app/lib/ld-linux-* --library-path /app/lib /app/program "$@"\n' > /out/app/llama-server; \
  chmod +x /out/app/llama-server
FROM ${BASE}
COPY --from=made /out/ /
COPY llm-pace.py /
# Debian's own port is another than that of everybody else.
ENV LLAMA_ARG_HOST=0.0.0.0 LLAMA_ARG_PORT=8080
EXPOSE 8080
ENTRYPOINT ["/app/llama-server"]
