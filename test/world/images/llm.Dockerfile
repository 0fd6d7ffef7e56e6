# A real llama-server with a model of half a megabyte: only the program and its libraries go into the image.
ARG BASE
FROM debian:forky-slim AS made
RUN apt-get -o Acquire::Check-Valid-Until=false update && apt-get install -y --no-install-recommends llama.cpp-tools python3-gguf python3-numpy && apt-get clean
COPY llm-model.py /
RUN python3 /llm-model.py /tiny.gguf
RUN set -e; server=$(readlink -f "$(command -v llama-server)"); backends=$(dirname "$(find /usr/lib -name 'libggml-cpu-*.so' | head -n 1)"); \
  mkdir -p /out/opt/llm/lib "/out$backends"; cp "$server" /out/opt/llm/llama-server; cp "$backends"/libggml-cpu-*.so "/out$backends/"; \
  for file in "$server" "$backends"/*.so; do ldd "$file" | grep -o '/[^ ]*'; done | sort -u | xargs -I{} cp -L {} /out/opt/llm/lib/; \
  cp /tiny.gguf /out/opt/llm/; ls -la /out/opt/llm /out/opt/llm/lib
FROM ${BASE}
COPY --from=made /out/ /
COPY llm-pace.py /
EXPOSE 8080
CMD ["/opt/llm/lib/ld-linux-x86-64.so.2", "--library-path", "/opt/llm/lib", "/opt/llm/llama-server", "-m", "/opt/llm/tiny.gguf", "--alias", "tiny", "--host", "0.0.0.0", "--port", "8080"]
