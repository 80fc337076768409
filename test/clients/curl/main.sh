#!/bin/sh
# The main job by curl, over REST. Where there is jq, use it instead of grep and sed.
#
# Takes CONNECTOR_URL, CONNECTOR_TOKEN, CONNECTOR_SOURCE (a CreateConnectorRequest as JSON) and
# CONNECTOR_RESOURCE (a table with the fields id, name, amount and region).
set -eu

# The token goes by a file descriptor: every user of a machine sees arguments.
call() {
  method=$1
  path=$2
  shift 2
  printf 'header = "Authorization: Bearer %s"\n' "$CONNECTOR_TOKEN" |
    curl -sS -K - -X "$method" -H 'Content-Type: application/json' "$@" "$CONNECTOR_URL/api$path"
}

# The values of a member of a JSON document, one a line.
member() {
  grep -o "\"$1\":\"\{0,1\}[^\",}]*" | sed "s/^\"$1\":\"\{0,1\}//"
}

created=$(call POST /connectors -d "$CONNECTOR_SOURCE")
id=$(echo "$created" | member id | head -n 1)
connector=/connectors/$id
echo "created $(echo "$created" | member name | head -n 1)"

test "$(call POST "$connector/test" -d '{}' | member ok)" = true && echo 'test ok'

schema=$(call GET "$connector/schema?namePrefix=$CONNECTOR_RESOURCE")
echo schema $(echo "$schema" | sed 's/.*"fields":\[\(.*\)\],"primaryKey".*/\1/' | member name)

token=
for _ in 1 2; do
  page=$(call POST "$connector/query" -d '{ "pageSize": 2, "pageToken": "'"$token"'", "query": {
    "resource": "'"$CONNECTOR_RESOURCE"'", "fields": ["id", "amount"], "where": { "region": "eu" },
    "orderBy": [{ "field": "id", "descending": true }] } }')
  token=$(echo "$page" | member nextPageToken)
  echo page $(echo "$page" | sed 's/"int64":"\([0-9]*\)"},{"text":"\([0-9.]*\)"/"row":"\1=\2"/g' | member row)
done

# A line for each row, and one that says that these are all. Curl's end ends the statement at the source.
stream=$(mktemp)
trap 'rm -f "$stream"' EXIT
call POST "$connector/query:stream" -d '{ "query": { "resource": "'"$CONNECTOR_RESOURCE"'" } }' >"$stream"
rows=$(tail -n 1 "$stream" | grep '^{"trailer":' | member rows)
echo "stream $rows rows, complete"

# The same call may be sent again: it has one effect.
key=$(date +%s)-$$
for _ in 1 2; do
  done=$(call POST "$connector/execute" -H "Idempotency-Key: $key" -d '{ "create": {
    "resource": "'"$CONNECTOR_RESOURCE"'", "fields": ["id", "name", "amount", "region"],
    "rows": [{ "values": [{ "int64": "20001" }, { "string": "by curl" }, { "text": "1.50" }, { "string": "ch" }] }] } }')
  how=done
  if test "$(echo "$done" | member replayed)" = true; then how=replayed; fi
  echo "execute $(echo "$done" | member affectedRows) row, $how"
done

problem=$(call POST "$connector/query" -d '{ "query": { "resource": "'"$CONNECTOR_RESOURCE"'", "fields": ["amuont"] } }')
echo "refused $(echo "$problem" | member reason) at $(echo "$problem" | member where)"

call DELETE "$connector" >/dev/null
echo deleted
