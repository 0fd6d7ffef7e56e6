# A machine as a cloud would hand it over: Debian, OpenSSH, Docker Engine, and nothing else.
ARG SUITE
FROM debian:${SUITE}-slim
ARG PACKAGES
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get -o Acquire::Check-Valid-Until=false update \
 && apt-get install -y --no-install-recommends openssh-server iptables sudo iproute2 procps ca-certificates kmod openssl ${PACKAGES} \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_*
# The three kinds of user a team meets: in the docker group, sudo only, and neither.
RUN useradd -m -s /bin/bash ops && (getent group docker || groupadd docker) && usermod -aG docker ops \
 && useradd -m -s /bin/bash sue && echo 'sue ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/sue \
 && useradd -m -s /bin/bash bob \
 && printf 'PasswordAuthentication no\nMaxStartups 100\nMaxSessions 100\nUsePAM no\nPrintMotd no\n' > /etc/ssh/sshd_config.d/world.conf \
 && sed -i 's/^\(ops\|sue\|bob\):!:/\1:*:/' /etc/shadow
COPY vm-init.sh /vm-init.sh
CMD ["bash", "/vm-init.sh"]
