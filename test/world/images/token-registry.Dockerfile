# A registry that takes tokens of a server of their own, as Artifact Registry does; the test's own is that server.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends docker-registry ca-certificates && apt-get clean && rm -rf /var/lib/apt/lists/*
ENV REGISTRY_STORAGE=filesystem REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/data REGISTRY_AUTH=token \
    REGISTRY_AUTH_TOKEN_ISSUER=world REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=/token.pem REGISTRY_HTTP_ADDR=:5000
RUN printf 'version: 0.1\n' > /config.yml
# The certificate of the token server comes with the container.
CMD ["sh", "-c", "printf '%s\n' \"$TOKEN_CERTIFICATE\" > /token.pem && exec docker-registry serve /config.yml"]
