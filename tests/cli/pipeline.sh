#!/bin/sh
# What a CI job does with nn_scratch: every command with --json, what jq reads from it, and every exit code.
# usage: pipeline.sh COMMAND...  (how nn-scratch is typed); runs in an empty working directory
set -eu

fails_with() { # CODE COMMAND...: the command leaves with this exit code; what it prints stands in failed.json
  wanted=$1 && shift
  code=0
  "$@" > failed.json 2> failed.err || code=$?
  [ "$code" = "$wanted" ] || { echo "exit code $code instead of $wanted: $*" && cat failed.json failed.err; exit 1; } >&2
}
holds() { # FILE FILTER: the file is one JSON object, of which the filter is true
  [ "$(jq -s length "$1")" = 1 ] || { echo "$1 is not one object" >&2 && exit 1; }
  jq -e "$2" "$1" > /dev/null || { echo "$1: not true: $2" && cat "$1"; exit 1; } >&2
}

printf 'a,b,kind\n' > rows.csv
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
  echo "$i,$((i * 7 % 10)),$([ $i -gt 15 ] && echo high || echo low)" >> rows.csv
done

# a config for the table, and for none
"$@" init rows.csv --json > init.json
holds init.json '.config == "config/rows.yaml" and .schema == "config/param.schema.json" and (.notes[0] | contains("numbers the rows"))'
fails_with 2 "$@" init rows.csv --json
holds failed.json '.exit_code == 2 and (.error | contains("--force replaces it"))'

# check, find a rate, train, fail on a verdict, diverge
iris="data.source=iris optimizer.lr=0.01 train.epochs=40"
"$@" train $iris --check --json > check.json
holds check.json '.problems == [] and (.layers | length) == 4 and .log_bytes > 0'
fails_with 2 "$@" train $iris optimizer.lr=1e-9 --check --json
holds failed.json '.exit_code == 2 and (.problems | length) > 0'
"$@" train $iris --find-lr --json > rate.json
holds rate.json '.suggestion > 0 and (.rates | length) == (.losses | length) and (.curve | endswith(".png"))'
"$@" train $iris --json --log-file train.log --fail-on sick > run.json 2> progress.txt
holds run.json '.status == "finished" and .verdict == "healthy" and .val.accuracy > 0.8'
grep -q 'epoch 40/40' progress.txt
grep -q 'exit code 0' train.log
fails_with 4 "$@" train $iris optimizer.lr=1e-6 --name slow --json --fail-on sick
holds failed.json '.exit_code == 4 and .verdict == "sick" and .name == "slow-001"'
fails_with 3 "$@" train data.source=diabetes optimizer.type=sgd optimizer.lr=1e30 --name wild --json
holds failed.json '.exit_code == 3 and .status == "diverged"'
fails_with 2 "$@" train data.source=irs --json
holds failed.json '.exit_code == 2 and (.error | contains("did you mean"))'
touch file
fails_with 1 "$@" train $iris --outputs file/below --json
holds failed.json '.exit_code == 1'

run=$(jq -r .path run.json)
# diagnose, draw, predict, export
"$@" diagnose "$run" --json > diagnosis.json
holds diagnosis.json '.verdict == "healthy" and (.findings | type) == "array"'
fails_with 4 "$@" diagnose slow-001 --json --fail-on warning
holds failed.json '.exit_code == 4 and .findings[0].rule == "lr_too_low"'
"$@" visualize "$run" --only curves,confusion --json > drawn.json
holds drawn.json '(.plots | keys) == ["confusion", "curves"] and .films == []'
[ -f "$(jq -r .plots.curves drawn.json)" ]
"$@" visualize "$run" slow-001 --page-only --json > compared.json
holds compared.json '(.runs | length) == 2 and (.pages | length) >= 1'
"$@" visualize --list --json > plots.json
holds plots.json '(.plots | length) > 8 and (.plots[0] | has("how_to_read"))'
cut -d, -f1,2 rows.csv > new.csv
"$@" train --config config/rows.yaml train.epochs=5 --name rows --json > rows.json
"$@" predict "$(jq -r .path rows.json)" new.csv --json > predicted.json
holds predicted.json '.rows == 30 and (.predictions | length) == 30 and (.predictions[0].prediction | type) == "string"'
"$@" export "$run" --to sklearn --json > exported.json
holds exported.json '.to == "sklearn" and (.written | length) > 0'
[ -f "$(jq -r '.written[0]' exported.json)" ]

# many: a sweep, the zoo, the list of runs
"$@" sweep $iris train.epochs=3 'sweep={method: grid, space: {optimizer.lr: [0.001, 0.01]}}' --json > sweep.json
holds sweep.json '(.trials | length) == 2 and (.best | length) == 2 and .metric == "val_accuracy"'
"$@" zoo leakage --seeds 1 --json > zoo.json
holds zoo.json '.broken_runs == 1 and .healthy_runs == 1 and (.configs | length) == 2'
"$@" runs --json > runs.json
holds runs.json '[.runs[].name] | index("slow-001") != null'
"$@" runs compare "$run" slow-001 --json > table.json
holds table.json '.config["optimizer.lr"] == [0.01, 1e-06]'
"$@" runs tag slow-001 too-slow --json > tags.json
holds tags.json '.tags["slow-001"] == ["too-slow"]'
"$@" runs note slow-001 'the rate' --json > notes.json
holds notes.json '.notes["slow-001"] == "the rate"'
"$@" runs rm slow-001 --yes --json > removed.json
holds removed.json '.removed == ["slow-001"]'
"$@" benchmark startup --repeats 1 --json > benchmark.json
holds benchmark.json '.startup | length > 0'

# --quiet prints errors alone
[ -z "$("$@" diagnose "$run" --quiet 2>&1)" ]
echo "every command: one object, and the exit codes as documented"
