#!/bin/bash
# LEADS_TO: the address of every name. VALIDITY_S: life of a certificate, in seconds.
set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=acme \
  -addext "subjectAltName=IP:$(hostname -i)" -keyout /key.pem -out /ca.pem 2>/dev/null
cat > /pebble.json <<END
{"pebble": {"listenAddress": "0.0.0.0:14000", "managementListenAddress": "0.0.0.0:15000",
  "certificate": "/ca.pem", "privateKey": "/key.pem", "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "",
  "externalAccountBindingRequired": false, "domainBlocklist": ["blocked.example.net"],
  "retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
  "profiles": {
    "tlsserver": {"description": "as long as the test wants", "validityPeriod": ${VALIDITY_S:-7776000}},
    "shortlived": {"description": "six days", "validityPeriod": 518400}}}}
END
challtestsrv=$(command -v pebble-challtestsrv)
"$challtestsrv" -defaultIPv4 "$LEADS_TO" -defaultIPv6 "" -dnsserver ":53" -http01 "" -https01 "" -tlsalpn01 "" -doh "" -management ":8055" &
export PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
exec pebble -config /pebble.json -dnsserver 127.0.0.1:53
