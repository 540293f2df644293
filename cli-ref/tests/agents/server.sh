#!/bin/sh
# An MCP server on standard input and output, as small as can be: it says who and where it is, in a file of its state and to
# who calls its tool. What it was told in secret it writes down with a dash behind each letter.
state=$MEMORY_DATA_DIR
printf '%s' "$TOKEN" | sed 's/./&-/g' >"$state/token"
printf '%s\n%s\n%s\n' "$$" "$PORT" "$*" >"$state/about.new"
mv "$state/about.new" "$state/about"
while IFS= read -r line; do
    id=$(printf '%s\n' "$line" | sed -n 's/.*"id": *\([0-9][0-9]*\).*/\1/p')
    [ -n "$id" ] || continue
    case $line in
    *'"initialize"'*)
        version=$(printf '%s\n' "$line" | sed -n 's/.*"protocolVersion": *"\([^"]*\)".*/\1/p')
        result='{"protocolVersion":"'$version'","capabilities":{"tools":{}},"serverInfo":{"name":"probe","version":"1"}}'
        ;;
    *'"tools/list"'*)
        result='{"tools":[{"name":"about","description":"Says who it is.","inputSchema":{"type":"object","properties":{}}}]}'
        ;;
    *'"tools/call"'*)
        result='{"content":[{"type":"text","text":"server '$$' at port '$PORT'"}]}'
        ;;
    *) result='{}' ;;
    esac
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
