#!/bin/sh
# Asks the admin API of a real gateway whatever its OpenAPI document allows, and what it does not: no answer may be a 5xx,
# nor be outside the document. Bounded: it ends in five minutes, with the seed that it was given.
#
#   tests/api/fuzz.sh target/debug/tollgate VENV [SEED]
set -eu
tollgate=$(realpath "$1")
venv=$(realpath "$2")
seed=${3:-1}
site=$(mktemp -d)
gateway=
finish() {
    [ -z "$gateway" ] || { kill -TERM "$gateway" 2>/dev/null || true; wait "$gateway" || true; }
    rm -rf "$site"
}
trap finish EXIT

free() {
    "$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
admin=127.0.0.1:$(free)
status=127.0.0.1:$(free)
cp -r "$(dirname "$0")/../../conf" "$site/conf"
export TOLLGATE_GATEWAY_HTTP="127.0.0.1:$(free)" TOLLGATE_GATEWAY_HTTPS= TOLLGATE_LOG_FILTER=error
export TOLLGATE_ADMIN_HTTP="$admin" TOLLGATE_STATUS_HTTP="$status" TOLLGATE_DATA_DIR="$site/data"
"$tollgate" run --conf "$site/conf" >/dev/null &
gateway=$!
for _ in $(seq 300); do
    curl -fsS -o /dev/null "http://$status/readyz" 2>/dev/null && break
    kill -0 "$gateway"
    sleep 0.1
done

# The administrator is the last one of everything, so nothing that is tried can take its role away or delete it.
"$tollgate" user add fuzzer --role admin --conf "$site/conf" >/dev/null
token=$("$tollgate" token --app NewsApp --user fuzzer --scope tollgate:admin --conf "$site/conf" 2>/dev/null)
curl -fsS -H "Authorization: Bearer $token" "http://$admin/admin/v1/openapi.json" >"$site/openapi.json"
cd "$site"
fuzz() {
    timeout "$1" "$venv/bin/schemathesis" run openapi.json --url "http://$admin" \
        --header "Authorization: Bearer $token" --seed "$seed" --request-timeout 10 --no-color --output-truncate false \
        --phases examples,coverage,fuzzing,stateful --max-examples "$2" --max-failures 40 --continue-on-failure \
        --checks not_a_server_error,status_code_conformance,content_type_conformance \
        --checks response_headers_conformance,response_schema_conformance "$3" deleteApplication "$3" deleteKey
}
# The token ends with the application that it was given to: what may delete that one comes last.
fuzz 240 15 --exclude-operation-id
curl -fsS -o /dev/null -H "Authorization: Bearer $token" "http://$admin/admin/v1/me"
fuzz 40 15 --include-operation-id
kill -0 "$gateway"
curl -fsS -o /dev/null "http://$status/livez"
