# The commands of tools/dev. Sourced by it, after setup.sh.
data_sets=${THROUGHLINE_DATA:-$root/../shared/data}

dev_build() {
  local preset=dev
  if [ "${1:-}" = --release ]; then
    preset=release
    shift
  fi
  build_cpp "$preset" "$@"
}

dev_run() {
  local demo=(--demo) arguments=()
  for argument in "$@"; do
    if [ "$argument" = --empty ]; then demo=(); else arguments+=("$argument"); fi
  done
  build_cpp release throughlined throughline
  build_web
  mkdir -p .data
  say "Starting; the app will be at http://127.0.0.1:7480 (stop with Ctrl-C)"
  exec build/release/services/main/throughlined --data-dir "$root/.data" --web-root "$root/build/web" "${demo[@]}" \
    "${arguments[@]}"
}

dev_test() {
  if [ "${1:-}" = --tsan ]; then
    shift
    setup_agreement
    build_cpp tsan
    run_tests tsan "$@"
    return
  fi
  setup_cpp
  setup_test_tools
  setup_agreement
  build_web
  install_npm tests/integration/web
  # The presence of tools is decided when the build is configured.
  [ -f build/dev/build.ninja ] && [ build/dev/build.ninja -nt "$tools_bin" ] || cmake --preset dev >/dev/null
  build_cpp dev
  # Asked for by name, the models are held against others on as many inputs as they claim; otherwise on fewer.
  [ "${1:-}" = reference ] && export THROUGHLINE_AGREEMENT_COUNT=${THROUGHLINE_AGREEMENT_COUNT:-1000}
  run_tests dev "$@"
}

# run_tests PRESET [FILTER]
run_tests() {
  if [ ! -d "$data_sets" ]; then
    say "No data sets in $data_sets: the tests on real data are skipped. Set THROUGHLINE_DATA to their folder."
  fi
  say "Testing${2:+ what matches '$2'}"
  THROUGHLINE_DATA="$data_sets" TSAN_OPTIONS="suppressions=$root/tests/support/tsan.supp" \
    ctest --test-dir "build/$1" --output-on-failure -j "$(nproc)" ${2:+-R "$2"}
}

dev_bench() {
  [[ bench_stream_clients == *"${1:-}"* ]] && setup_postgres
  local names name
  names=$(grep -oh 'bench_[a-z_]*' tests/bench/*/CMakeLists.txt | sort -u | grep -F -- "${1:-}") ||
    { echo "tools/dev: no benchmark matches '$1'" >&2; return 1; }
  # shellcheck disable=SC2086
  build_cpp release $names
  for name in $names; do
    [ "$name" = bench_journeys ] && setup_peers
    [ "$name" = bench_conformance ] && setup_agreement
    say "$name"
    "$(find build/release/tests/bench -name "$name" -type f)"
  done
}

cpp_files() { git ls-files '*.cc' '*.h'; }

dev_format() {
  install_packages "formatting" clang-format
  cpp_files | xargs clang-format -i
}

dev_lint() {
  install_packages "formatting and static analysis" clang-format clang-tidy
  say "Formatting"
  cpp_files | xargs clang-format --dry-run --Werror
  setup_test_tools
  build_cpp dev
  if command -v buf >/dev/null; then
    say "API rules"
    buf lint build/dev/proto/throughline.binpb --config proto/buf.yaml
    buf breaking build/dev/proto/throughline.binpb --against proto/baseline.binpb --config proto/buf.yaml
  fi
  say "Web app types"
  install_npm services/gateway/web
  (cd services/gateway/web && npm run --silent lint)
  say "clang-tidy; some minutes"
  # As the release preset compiles: the sanitizers' headers of clang are no part of Debian's clang-tidy.
  build_cpp release throughline_grpc_proto
  git ls-files 'services/*.cc' | xargs -P "$(nproc)" -n 4 clang-tidy -p build/release --quiet --warnings-as-errors='*' \
    --extra-arg=-Wno-unknown-warning-option
}

dev_api_baseline() {
  build_cpp dev throughline_descriptor_set
  protoc --descriptor_set_in=build/dev/proto/throughline.binpb --include_imports \
    --descriptor_set_out=proto/baseline.binpb $(cd proto && ls throughline/v1/*.proto)
  say "proto/baseline.binpb is the API as it is now"
}

dev_clean() {
  rm -rf build services/gateway/web/node_modules tests/integration/web/node_modules
}
