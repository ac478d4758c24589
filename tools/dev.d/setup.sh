# Sets up a machine: what is installed, and why. Sourced by tools/dev; every function is quick when nothing is missing.
tools_bin="$root/build/tools/bin"
grpcurl_version=v1.9.4
buf_version=v1.75.0
export PATH="$tools_bin:$PATH:/usr/local/go/bin"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

# install_packages WHY PACKAGE...: installs the Debian packages that are missing.
install_packages() {
  local why=$1 missing=() package
  shift
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "tools/dev needs these Debian packages ($why), and there is no apt-get here: ${missing[*]}" >&2
    exit 1
  fi
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "tools/dev needs root or sudo to install: ${missing[*]}" >&2; exit 1; }
    sudo=(sudo)
  fi
  say "Installing Debian packages ($why): ${missing[*]}"
  if [ -z "${packages_updated:-}" ]; then
    "${sudo[@]}" apt-get update -qq
    packages_updated=yes
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

setup_cpp() {
  install_packages "compiler and build tools" g++ cmake ninja-build ccache mold pkg-config git ca-certificates
  install_packages "gRPC and Protobuf: the API" libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc \
    libgoogle-common-protos-java grpc-proto libabsl-dev
  install_packages "RocksDB and SQLite, bitmaps and hashes: the stores" librocksdb-dev libsqlite3-dev libroaring-dev libxxhash-dev
  install_packages "HTTP server, command line and file formats" libboost1.81-dev libcli11-dev zlib1g-dev libexpat1-dev
  install_packages "linear algebra and optimisers: the models" libeigen3-dev libnlopt-dev
  install_packages "GoogleTest and JSON: the tests" libgtest-dev libgmock-dev nlohmann-json3-dev
}

# The web app is kept on packages that build with Debian 12's own Node.js, 18.
setup_node() {
  local version
  version=$(node --version 2>/dev/null || echo v0.0.0)
  if command -v npm >/dev/null && printf 'v18.19.0\n%s\n' "$version" | sort -V -C; then return; fi
  install_packages "Node.js: the web app's build" nodejs npm
}

# go_tool NAME VERSION PACKAGE WHY
go_tool() {
  local name=$1 version=$2 package=$3 why=$4
  [ -f "$tools_bin/.$name-$version" ] && return
  say "Building $name $version with Go ($why); about a minute, once"
  mkdir -p "$tools_bin"
  GOBIN="$tools_bin" go install "$package@$version"
  touch "$tools_bin/.$name-$version"
}

setup_test_tools() {
  install_packages "a browser: the app's tests" chromium
  if command -v go >/dev/null; then
    go_tool grpcurl "$grpcurl_version" github.com/fullstorydev/grpcurl/cmd/grpcurl "scripts' way in is tested with it"
    go_tool buf "$buf_version" github.com/bufbuild/buf/cmd/buf "checks the API's rules and compatibility"
  else
    say "Go is not installed: the tests that use grpcurl and buf are skipped"
  fi
}

# What the models are held against, in a Python environment of its own.
setup_agreement() {
  local environment=build/tools/agreement wanted=tests/reference/metrics/agreement/requirements.txt
  cmp -s "$wanted" "$environment/.installed" && return
  install_packages "Python: what the models are held against" python3-venv
  say "Installing from PyPI what the models are held against; about a minute, once"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$environment/.installed"
}

# The databases that the journey benchmark is held against, in a Python environment of their own; without them it
# measures the rest.
setup_peers() {
  local environment=build/tools/peers packages=(duckdb==2.0.0 chdb==4.4.0 polars==2.1.0)
  if [ ! -f "$environment/.installed" ]; then
    install_packages "Python: the benchmark's peers" python3-venv
    say "Installing ${packages[*]} from PyPI (what the journey benchmark is compared with)"
    python3 -m venv "$environment"
    if ! "$environment/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"; then
      say "They cannot be installed here: the benchmark goes on without them"
      return
    fi
    touch "$environment/.installed"
  fi
  export THROUGHLINE_PEERS_PYTHON="$root/$environment/bin/python"
}

# The database that recording is held against; without it that benchmark measures the rest. Whether its client library is
# there is decided when the build is configured.
setup_postgres() {
  if ! (install_packages "PostgreSQL: what recording is compared with" postgresql-15 libpq-dev); then
    say "It cannot be installed here: the benchmark goes on without it"
  elif grep -qs '^LIBPQ_.*NOTFOUND' build/release/CMakeCache.txt; then
    cmake --preset release >/dev/null
  fi
}

# build_web: the web app into build/web, when its sources changed.
build_web() {
  local source=services/gateway/web stamp=build/web/.built
  if [ -f "$stamp" ] && [ -z "$(find "$source" -path "$source/node_modules" -prune -o -newer "$stamp" -type f -print -quit)" ]; then
    return
  fi
  install_npm "$source"
  say "Building the web app"
  (cd "$source" && npm run --silent build)
  touch "$stamp"
}

# install_npm FOLDER: the packages of its package-lock.json, when that changed.
install_npm() {
  local folder=$1
  setup_node
  if [ ! -f "$folder/node_modules/.installed" ] || [ "$folder/package-lock.json" -nt "$folder/node_modules/.installed" ]; then
    say "Installing npm packages of $folder"
    # Not `npm ci`: npm 11 leaves other platforms' optional packages out of a lock file, and then refuses it for that.
    (cd "$folder" && npm install --no-save --no-audit --no-fund --loglevel=error)
    touch "$folder/node_modules/.installed"
  fi
}

# build_cpp PRESET TARGET...
build_cpp() {
  local preset=$1
  shift
  setup_cpp
  [ -f "build/$preset/build.ninja" ] || { say "Configuring (preset $preset)"; cmake --preset "$preset" >/dev/null; }
  say "Building (preset $preset)"
  if [ -t 1 ] || [ -n "${THROUGHLINE_VERBOSE_BUILD:-}" ]; then
    cmake --build --preset "$preset" ${1:+--target "$@"}
  else
    build_quietly "$preset" "$@"
  fi
}

# One line every ten seconds instead of one per file, where nobody watches a terminal; everything when it fails.
build_quietly() {
  local preset=$1 log="build/$1/build.log" pid
  shift
  cmake --build --preset "$preset" ${1:+--target "$@"} >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 1
    done
    grep -oE '^\[[0-9]+/[0-9]+\]' "$log" | tail -n 1 || true
  done
  if ! wait "$pid"; then
    grep -vE '^\[[0-9]+/[0-9]+\] ' "$log" | tail -n 200 >&2
    return 1
  fi
}
