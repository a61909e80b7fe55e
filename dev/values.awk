# Prints the reference of the chart's values as Markdown, from the comments `# path: meaning` above each value of values.yaml.
# A value without such a comment, or a comment above another value, is an error. The indentation is two spaces.

BEGIN {
  print "# Values of the chart\n"
  print "Written by `dev/generate.sh` from [values.yaml](../../charts/eventpipeline/values.yaml). `values.schema.json` rejects values that are not listed here.\n"
  print "| value | default | |"
  print "|---|---|---|"
}

/^ *#/ {
  text = $0
  sub(/^ *# ?/, "", text)
  if (match(text, /^[a-zA-Z.]+: /)) {
    about = substr(text, 1, RLENGTH - 2)
    meaning = substr(text, RLENGTH + 1)
  } else {
    meaning = meaning " " text
  }
  next
}

/^ *[^ #]/ {
  depth = match($0, /[^ ]/) - 1
  line = substr($0, depth + 1)
  # A line without a comment is part of the default of the value above.
  if (about == "" && value != "" && depth > value_depth) {
    part()
    next
  }
  finish()
  keys[depth] = substr(line, 1, index(line, ":") - 1)
  path = keys[0]
  for (level = 2; level <= depth; level += 2) path = path "." keys[level]
  if (about != "" && about != path) fail("the comment above " path " describes " about)
  if (about == "" && line !~ /:$/) fail(path " is not documented")
  if (about != "") {
    value = path
    value_depth = last_depth = depth
    value_meaning = meaning
    standard = substr(line, length(keys[depth]) + 3)
  }
  about = ""
}

END { if (!failed) finish() }

# Adds a line to the default, in YAML's flow style.
function part() {
  if (depth > last_depth) {
    standard = standard (standard == "" ? "{" : " {") line
  } else {
    close_to(depth)
    standard = standard ", " line
  }
  last_depth = depth
}

function close_to(depth) {
  for (; last_depth > depth; last_depth -= 2) standard = standard "}"
}

function finish() {
  if (value == "") return
  close_to(value_depth)
  # A group of values, each with its own row, has only a description.
  printf "| `%s` | %s | %s |\n", value, standard == "" ? "" : "`" standard "`", toupper(substr(value_meaning, 1, 1)) substr(value_meaning, 2)
  value = standard = ""
}

function fail(why) {
  print "values.yaml, line " NR ": " why >"/dev/stderr"
  failed = 1
  exit 1
}
