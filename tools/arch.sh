#!/bin/sh
# arch.sh: the rules that a compiler does not know. Prints FILE:LINE: what is wrong, exits 1 if any.
#
#   - includes follow the arrows lib <- proto <- broker, node, client, and name their folder
#   - no call that is banned (docs/developer.md says what to use instead)
cd "$(dirname "$0")/.." || exit 2

find lib proto broker node client tests -name '*.[ch]' -o -name '*.[ch]pp' | sort | xargs awk '
# The folders that a file may include from, by the longest folder that it is in.
function allowed (file) {
    if (file ~ /^lib\/core\//) return "lib/core/"
    if (file ~ /^lib\/film\//) return "lib/core/ lib/film/"
    if (file ~ /^lib\/media\//) return "lib/core/ lib/media/"
    if (file ~ /^proto\//) return "lib/ proto/"
    if (file ~ /^broker\/core\//) return "lib/core/ broker/core/"
    if (file ~ /^broker\//) return "lib/ proto/ broker/"
    if (file == "node/engine/tools/generate.c") return "lib/core/ lib/film/ lib/media/ node/engine/"
    if (file ~ /^node\/engine\//) return "lib/core/ node/engine/"
    if (file ~ /^node\//) return "lib/ proto/ node/"
    if (file == "client/local.c") return "lib/ proto/ client/ broker/broker.h node/node.h"
    if (file ~ /^client\//) return "lib/ proto/ client/"
    return "lib/ proto/ broker/ node/ client/ tests/"
}

function complain (text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    faults++
}

function check_include (name,    n, i, folders) {
    n = split (allowed (FILENAME), folders, " ")
    for (i = 1; i <= n; i++)
        if (index (name, folders[i]) == 1)
            return
    if (name !~ /\//)
        complain ("include \"" name "\" must name its folder, from the root of the repository")
    else
        complain ("must not include \"" name "\" (allowed from here: " allowed (FILENAME) ")")
}

# The line without strings and comments; in_comment goes on to the next line.
function code_of (line,    out, at) {
    gsub (/\\./, "", line)
    gsub (/"[^"]*"/, "\"\"", line)
    out = ""
    while (line != "") {
        if (in_comment) {
            at = index (line, "*/")
            if (!at) return out
            line = substr (line, at + 2)
            in_comment = 0
        } else {
            at = index (line, "/*")
            if (!at) { out = out line; break }
            out = out substr (line, 1, at - 1)
            line = substr (line, at + 2)
            in_comment = 1
        }
    }
    sub (/\/\/.*/, "", out)
    return out
}

function calls (code, names) {
    return match (code, "(^|[^A-Za-z0-9_>.])(" names ")[ \t]*\\(")
}

FNR == 1 { in_comment = 0 }

match ($0, /^[ \t]*#[ \t]*include[ \t]*"[^"]+"/) {
    name = $0
    sub (/^[^"]*"/, "", name)
    sub (/".*/, "", name)
    check_include (name)
    next
}

{
    code = code_of ($0)
    if (calls (code, "strcpy|strcat|stpcpy|sprintf|vsprintf|strtok|gets|system|alloca|mktemp|tmpnam"))
        complain ("a banned call: " substr (code, RSTART, RLENGTH))
    if (FILENAME !~ /^(tests\/|lib\/core\/mem\.c)/ &&
        calls (code, "malloc|calloc|realloc|strdup|strndup|asprintf"))
        complain ("unchecked memory: use lib/core/mem.h: " substr (code, RSTART, RLENGTH))
    if (FILENAME !~ /^tests\// && calls (code, "popen|atoi|atol|atoll|atof"))
        complain ("a banned call: " substr (code, RSTART, RLENGTH))
    if (FILENAME ~ /^(lib|proto|broker|node|client)\// && FILENAME !~ /main\.c$/ &&
        calls (code, "exit|assert"))
        complain ("libraries neither exit nor assert: " substr (code, RSTART, RLENGTH))
}

END { exit faults ? 1 : 0 }
' || exit 1
echo "arch: includes and calls are as they should be"
