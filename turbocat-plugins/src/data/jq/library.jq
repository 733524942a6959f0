# What jq defines by other filters, over our own values.
def tonumber: if isnumber then . else fromjson | if isnumber then . else error("cannot parse as number") end end;
def toboolean: if isboolean then . else fromjson | if isboolean then . else error("cannot parse as boolean") end end;
def transpose: [range([.[] | length] | max) as $i | [.[][$i]]];
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i) | .[0];
def rindex($i): indices($i) | .[-1];
def ascii: [.] | implode;
def @json: tojson;
def @csv: [.[] | if isstring then "\"" + (split("\"") | join("\"\"")) + "\"" elif . == null then "" else tostring end] | join(",");
def @tsv: [.[] | if isstring then (split("\\") | join("\\\\") | split("\t") | join("\\t") | split("\n") | join("\\n") | split("\r") | join("\\r")) elif . == null then "" else tostring end] | join("\t");
# Filters give the same wherever they are done: here is UTC.
def localtime: gmtime;
def strflocaltime($format): strftime($format);
