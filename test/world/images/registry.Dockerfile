# A registry with a login, as the lecture's Artifact Registry asks for one: what `docker login` sends is checked.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends docker-registry apache2-utils ca-certificates && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN htpasswd -Bbn oauth2accesstoken token-of-the-hour > /htpasswd
ENV REGISTRY_STORAGE=filesystem REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/data REGISTRY_AUTH=htpasswd \
    REGISTRY_AUTH_HTPASSWD_REALM=world REGISTRY_AUTH_HTPASSWD_PATH=/htpasswd REGISTRY_HTTP_ADDR=:5000
RUN printf 'version: 0.1\n' > /config.yml
CMD ["docker-registry", "serve", "/config.yml"]
