# A machine of Compute Engine: the same, with Google's own guest agent, which makes logins and runs the startup script.
ARG BASE
FROM ${BASE}
RUN apt-get -o Acquire::Check-Valid-Until=false update \
 && apt-get install -y --no-install-recommends google-guest-agent curl \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY google-init.sh /google-init.sh
CMD ["bash", "/google-init.sh"]
