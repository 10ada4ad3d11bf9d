#!/usr/bin/env bash
# Installs what GLEAM needs to build and test: Debian 12 and 13, Ubuntu 24.04. Only what is missing is installed; when
# nothing is, the script changes nothing and needs no rights. Exit codes: 0 ready, 1 failed, 2 not a known distribution.
set -euo pipefail

readonly min_cmake=3.25 min_gxx=12

# Programs count as present when they are on the PATH, from wherever; libraries when their package is installed.
readonly programs=(g++:g++ cmake:cmake ninja:ninja-build pkg-config:pkg-config clang++:clang)  # clang: one test only
readonly libraries=(
    libfftw3-dev         # FFTW 3, float and double: Fourier transforms
    libdnnl-dev          # oneDNN 2.6 or 3: convolutions
    libhdf5-dev          # HDF5 1.10 or newer, C interface: data and checkpoints
    libyaml-cpp-dev      # yaml-cpp: configuration files
    libcli11-dev         # CLI11: command line
    nlohmann-json3-dev   # nlohmann-json: logs and summaries
    libfmt-dev           # {fmt}: text
    libeigen3-dev        # Eigen 3: small dense algebra
    libpng-dev           # libpng: pictures
    zlib1g-dev           # zlib: compressed input
    catch2               # Catch2 2.13 or 3: tests
)
readonly parallel=(
    libopenmpi-dev openmpi-bin  # Open MPI: ranks as processes; without it GLEAM builds without
)

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    sed -n '2,3s/^# //p' "$0"
    exit 0
elif (( $# > 0 )); then
    echo "install_deps: unknown argument '$1'; it takes none but --help" >&2
    exit 1
fi

fail() { # fail CODE LINE...
    local code=$1
    shift
    printf 'install_deps: %s\n' "$1" >&2
    shift
    (( $# == 0 )) || printf '  %s\n' "$@" >&2
    exit "$code"
}

refuse_distribution() { # refuse_distribution NAME
    fail 2 "$1 is not one of the systems this script knows (Debian 12 and 13, Ubuntu 24.04)." \
        "Install these by the means of your system (Debian's package names), then run the script you wanted with --skip-deps:" \
        "  g++ >= $min_gxx, cmake >= $min_cmake, ninja-build, pkg-config," \
        "  ${libraries[*]}"
}

check_distribution() {
    [[ -r /etc/os-release ]] || refuse_distribution "A system without /etc/os-release"
    local id version name
    id=$(. /etc/os-release && echo "${ID:-}")
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
    name=$(. /etc/os-release && echo "${PRETTY_NAME:-${ID:-unknown}}")
    case $id in
        debian) at_least "${version:-13}" 12 || refuse_distribution "$name" ;;   # testing and sid carry no number
        ubuntu) at_least "${version:-0}" 24.04 || refuse_distribution "$name" ;;
        *) refuse_distribution "$name" ;;
    esac
}

at_least() { # at_least VERSION MINIMUM
    [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

find_missing() { # fills the arrays missing and present
    missing=() present=()
    local entry package
    for entry in "${programs[@]}"; do
        if command -v "${entry%%:*}" >/dev/null; then present+=("${entry##*:}"); else missing+=("${entry##*:}"); fi
    done
    for package in "${libraries[@]}" "${parallel[@]}"; do
        if is_installed "$package"; then present+=("$package"); else missing+=("$package"); fi
    done
}

apt() { # apt ARGUMENT...: apt-get without questions, as root
    local -a as_root=()
    if (( EUID != 0 )); then as_root=(sudo); fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@"
}

retry() { # retry COMMAND...: mirrors fail now and then
    local attempt
    for attempt in 1 2 3; do
        if "$@"; then return 0; fi
        echo "install_deps: attempt $attempt of 3 failed: $*" >&2
        if (( attempt < 3 )); then sleep $(( attempt * 5 )); fi
    done
    return 1
}

install_missing() {
    if (( EUID != 0 )) && ! command -v sudo >/dev/null; then
        fail 1 "root is needed to install packages, and there is no sudo. Run as root:" \
            "apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    retry apt update -qq ||
        fail 1 "apt-get update failed: look at the messages above; is there a network, and are the sources right?"
    retry apt install -y -qq --no-install-recommends "${missing[@]}" ||
        fail 1 "apt-get could not install: ${missing[*]}" \
            "Look at the messages above. On Ubuntu the 'universe' component must be enabled (add-apt-repository universe)."
}

check_versions() {
    local cmake_version gxx_version compiler=${CXX:-g++}
    cmake_version=$(cmake --version | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
    at_least "$cmake_version" "$min_cmake" ||
        fail 1 "CMake $cmake_version ($(command -v cmake)) is too old: $min_cmake or newer is needed."
    command -v "$compiler" >/dev/null || fail 1 "there is no compiler '$compiler' (from the variable CXX)."
    if [[ ${compiler##*/} =~ (^|-)g\+\+ ]]; then
        gxx_version=$("$compiler" -dumpfullversion)
        at_least "$gxx_version" "$min_gxx" ||
            fail 1 "$compiler $gxx_version is too old: g++ $min_gxx or newer is needed (set CXX to choose another)."
    fi
    echo "install_deps: ready (CMake $cmake_version, $compiler ${gxx_version:-})"
}

check_distribution
find_missing
if (( ${#missing[@]} == 0 )); then
    echo "install_deps: all ${#present[@]} packages are there, nothing to install"
else
    echo "install_deps: already there: ${present[*]:-none}"
    echo "install_deps: installing:    ${missing[*]}"
    install_missing
    find_missing
    (( ${#missing[@]} == 0 )) || fail 1 "still missing after the installation: ${missing[*]}"
fi
check_versions
