#!/bin/sh
# overview.sh PROFILE.json PAGE.md: a table of the training rows' columns, with what is missing and the range.
# A step of one's own: it gets paths, writes its output, and ends with 0.
set -eu
profile=$1
page=$2
awk '
  # The profile has one member a line; a column begins with its name.
  function text(line) { sub(/^[^:]*: */, "", line); sub(/,$/, "", line); gsub(/"/, "", line); sub(/\.0$/, "", line); return line }
  function row() {
    if (name == "") return
    printf "| %s | %s | %.1f %% | %s | %s |\n", name, type, rows ? 100 * missing / rows : 0, distinct, range
  }
  BEGIN { print "| column | type | missing | distinct | range |"; print "|---|---|---|---|---|" }
  /^      "name":/     { row(); name = text($0); range = "" }
  /^      "type":/     { type = text($0) }
  /^      "rows":/     { rows = text($0) }
  /^      "missing":/  { missing = text($0) }
  /^      "distinct":/ { distinct = text($0) }
  /^      "min":/      { range = text($0) }
  /^      "max":/      { range = range " to " text($0) }
  /^      "first":/    { range = text($0) }
  /^      "last":/     { range = range " to " text($0) }
  END { row() }
' "$profile" > "$page"
