# The other hosts of the fault rig: a client, a router with a firewall and a name server, and a host that always answers.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends dnsmasq-base faketime libstdc++6 && apt-get clean && rm -rf /var/lib/apt/lists/*
CMD ["sleep", "infinity"]
