#!/usr/bin/env bash
# What the quic-interop-runner starts inside the image: routes through its simulator, then one endpoint.
set -euo pipefail
/setup.sh
if [ "${ROLE:-}" = client ]; then
    # The simulator opens this port once its network is up.
    /wait-for-it.sh sim:57832 -s -t 30
fi
exec /app/quic-endpoint "${ROLE:-}"
