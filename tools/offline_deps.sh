#!/usr/bin/env bash
# Fetches what a build of GLEAM needs beside compilers, for a machine that cannot fetch packages itself.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tools/offline_deps.sh DIR [--without-cmake]

Fetches the packages that a build of GLEAM needs beside compilers (Debian, Ubuntu; no root needed), takes out of them what a build
and its programs need, and leaves in DIR

  packages.tar.gz   headers, libraries, cmake, ctest, ninja and pkg-config
  environment.sh    to be sourced there: unpacks that once, under $TMPDIR or /tmp, and sets PATH and so on so that it is found
  packages.txt      the packages, with their versions

DIR may be carried to a machine of the same architecture with a C++ compiler and a C library at least as new as here. There

  tools/gpu_check.sh --deps DIR                      or
  . DIR/environment.sh && cmake --preset release && cmake --build --preset release

  --without-cmake   leave out cmake, ctest and ninja, for a machine that has cmake 3.25 and ninja

A DIR that is complete and up to date stays as it is. `apt-get update`, as root, beforehand where no package is found.
TEXT
}

stop() { printf 'offline_deps: %s\n' "$@" >&2; exit 1; }

folder="" tools=(cmake ninja-build)
while (( $# > 0 )); do
    case $1 in
        --without-cmake) tools=(); shift ;;
        --help|-h) usage; exit 0 ;;
        -*) stop "unknown argument '$1' (tools/offline_deps.sh --help lists the options)" ;;
        *) [[ -z $folder ]] || stop "one folder, please, not '$folder' and '$1'"; folder=$1; shift ;;
    esac
done
[[ -n $folder ]] || { usage >&2; exit 1; }
for program in apt-get apt-cache dpkg readelf awk; do
    command -v "$program" >/dev/null || stop "$program is missing; this script needs Debian or Ubuntu, with binutils"
done
folder=$(realpath -m -- "$folder")
[[ ! -e $folder || -e $folder/packages.txt || -z $(ls -A -- "$folder") ]] ||
    stop "$folder is not empty and not made by this script; name another folder"

# What tools/install_deps.sh installs, pkg-config, and zlib1g beside its headers, though most machines have it.
installer=$(dirname "${BASH_SOURCE[0]}")/install_deps.sh
mapfile -t roots < <(sed -n '/^readonly libraries=(/,/^)/s/^ \+\([a-z0-9][a-z0-9.+-]*\).*/\1/p' "$installer")
(( ${#roots[@]} > 0 )) || stop "tools/install_deps.sh has no list of libraries"
roots+=(pkg-config zlib1g)

# What is not followed: other headers and languages, what a machine with compilers has, what only an installation needs.
readonly unwanted='-dev$|^hdf5-helpers$|^libhdf5-.*(cpp|fortran|hl)|gfortran|^procps$|^libfftw3-(bin|long3|quad3)$|-modules-db$
    |^libc6$|^libgcc-s1$|^libstdc\+\+6$|^libgomp1$|^gcc-.*-base$|^(debconf|dpkg|perl-base)|-common$|^libnss|^krb5-locales$'

fetch_list() { # prints the packages to fetch: those above and what they depend on; of alternatives the first
    local -a wanted=("${roots[@]}" "${tools[@]}")
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        "${wanted[@]}" |
        awk -v roots="${wanted[*]}" -v unwanted="${unwanted//[[:space:]]/}" '
            /^[a-z0-9]/ { package = $1; taken = 0; next }
            /Depends:/ {
                if (!taken && $NF !~ /^</) { needs[package] = needs[package] " " $NF; taken = 1 }
                if ($1 !~ /^\|/) taken = 0
            }
            function visit(name,   n, i, list) {
                if (name in seen) return
                seen[name] = 1
                print name
                n = split(needs[name], list, " ")
                for (i = 1; i <= n; i++) if (list[i] !~ unwanted) visit(list[i])
            }
            END { n = split(roots, root, " "); for (i = 1; i <= n; i++) visit(root[i]) }' | sort -u
}

download() { # download FOLDER PACKAGE...
    local into=$1 attempt
    shift
    for attempt in 1 2 3; do
        (cd "$into" && apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User="$(id -un)" download "$@") && return 0
        echo "offline_deps: attempt $attempt of 3 to fetch packages failed" >&2
    done
    stop "apt-get download failed: look at the messages above; is there a network?"
}

# ---- taking out what is not needed -------------------------------------------------------------------------------------------

links_within() { # absolute links become relative ones: the tree will lie elsewhere
    local link target
    while IFS= read -r -d '' link; do
        target=$(readlink "$link")
        [[ $target == /* ]] || continue
        target=$tree/usr${target#/usr}
        [[ ! -e $target ]] || ln -sfnr "$target" "$link"
    done < <(find "$tree/usr" -type l -print0)
}

drop_files() {
    local usr=$tree/usr libraries=$tree/usr/lib/$triple
    find "$usr" -mindepth 1 -maxdepth 1 ! -name bin ! -name include ! -name lib ! -name share -exec rm -r {} +
    find "$usr/bin" -mindepth 1 ! -name cmake ! -name ctest ! -name ninja ! -name 'pkg*conf*' -delete
    find "$usr/share" -mindepth 1 -maxdepth 1 ! -name cmake ! -name 'cmake-*' ! -name eigen3 ! -name pkgconfig -exec rm -r {} +
    rm -rf "$usr"/share/cmake-*/Help "$usr/include/eigen3/unsupported"
    find "$usr/lib" -name '*.a' ! -name '*Catch2*' -delete
    find "$usr" \( -name '*.mod' -o -name '*.la' -o -name '*.settings' \) -delete
    # Libraries by which nothing here is linked, so that what they need goes as well.
    find "$libraries" -maxdepth 1 \( -name 'libfftw3[lq]*' -o -name 'libfftw3*_omp.so*' -o -name 'libhdf5_*hl*' -o \
         -name 'libhdf5_*cpp*' -o -name 'libhdf5_*fortran*' \) -delete
    find "$usr" -xtype l -delete
}

needed_by() { readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

# Shared libraries that neither a program nor a library to link with needs, directly or not.
drop_libraries() {
    local -a queue
    local -A reached=()
    local file name
    mapfile -t queue < <(find "$tree/usr/bin" -type f; find "$tree/usr/lib" -name 'lib*.so' -exec realpath {} +)
    while (( ${#queue[@]} > 0 )); do
        file=${queue[0]} queue=("${queue[@]:1}")
        [[ -z ${reached[$file]:-} ]] || continue
        reached[$file]=1
        while read -r name; do
            [[ -e $tree/usr/lib/$triple/$name ]] && queue+=("$(realpath "$tree/usr/lib/$triple/$name")")
        done < <(needed_by "$file")
    done
    while IFS= read -r -d '' file; do
        [[ -n ${reached[$file]:-} ]] || rm "$file"
    done < <(find "$tree/usr/lib" -type f -name '*.so*' -print0)
    find "$tree/usr" -xtype l -delete
    find "$tree/usr" -type d -empty -delete
}

# pkg-config's files name folders from where they are themselves.
move_pkgconfig() {
    sed -i -e "s|=/usr/|=\${prefix}/|; s|^prefix=.*|prefix=\${pcfiledir}/../../..|" "$tree/usr/lib/$triple/pkgconfig/"*.pc
    if compgen -G "$tree/usr/share/pkgconfig/*.pc" >/dev/null; then
        sed -i -e "s|=/usr/|=\${prefix}/|; s|^prefix=.*|prefix=\${pcfiledir}/../..|" "$tree/usr/share/pkgconfig/"*.pc
    fi
}

environment() { # environment TRIPLE CHECKSUM
    cat <<TEXT
# To be sourced by bash: lets a build find the packages beside this file. Written by tools/offline_deps.sh.
gleam_triple=$1 gleam_sum=$2
TEXT
    cat <<'TEXT'
gleam_deps=${TMPDIR:-/tmp}/gleam-deps-$(id -u)-$gleam_sum
if [ ! -e "$gleam_deps/complete" ]; then
    rm -rf "$gleam_deps"
    mkdir -p -m 700 "$gleam_deps/run" &&
        tar -xzf "$(dirname "${BASH_SOURCE[0]}")/packages.tar.gz" -C "$gleam_deps" &&
        touch "$gleam_deps/complete" || return 1
fi
gleam_usr=$gleam_deps/usr gleam_lib=$gleam_deps/usr/lib/$gleam_triple
# Programs find libraries in "run": links to those this machine does not have, so that its own programs keep their own.
gleam_own=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | while read -r gleam_name gleam_rest; do
    [ ! -e "${gleam_rest##*=> }" ] || printf ' %s ' "$gleam_name"
done)
for gleam_file in "$gleam_lib"/lib*.so.*; do
    gleam_name=${gleam_file##*/}
    case $gleam_own in
        *" $gleam_name "*) rm -f "$gleam_deps/run/$gleam_name" ;;
        *) ln -sfn "$gleam_file" "$gleam_deps/run/$gleam_name" ;;
    esac
done
export LD_LIBRARY_PATH=$gleam_deps/run${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
# Programs of this machine come first, unless its cmake is older than 3.25.
gleam_name=$(cmake --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
if [ "$(printf '%s\n' 3.25 "${gleam_name:-0}" | sort -V | head -n 1)" = 3.25 ]; then
    export PATH=$PATH:$gleam_usr/bin
else
    export PATH=$gleam_usr/bin:$PATH
fi
export CMAKE_PREFIX_PATH=$gleam_usr${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
export CMAKE_INCLUDE_PATH=$gleam_usr/include/hdf5/serial${CMAKE_INCLUDE_PATH:+:$CMAKE_INCLUDE_PATH}
export CMAKE_LIBRARY_PATH=$gleam_lib/hdf5/serial${CMAKE_LIBRARY_PATH:+:$CMAKE_LIBRARY_PATH}
export PKG_CONFIG_PATH=$gleam_lib/pkgconfig:$gleam_usr/share/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export LIBRARY_PATH=$gleam_lib${LIBRARY_PATH:+:$LIBRARY_PATH}
export CPATH=$gleam_usr/include${CPATH:+:$CPATH}
unset gleam_triple gleam_sum gleam_deps gleam_usr gleam_lib gleam_own gleam_name gleam_rest gleam_file
TEXT
}

# ---- all of it -----------------------------------------------------------------------------------------------------------------

mapfile -t packages < <(fetch_list)
(( ${#packages[@]} >= ${#roots[@]} )) ||
    stop "the packages are not known to apt: run apt-get update as root, on Debian 12 or 13 or Ubuntu 24.04 (with universe)"
uris=$(cd / && apt-get -qq download --print-uris "${packages[@]}") || stop "apt-get does not know all of: ${packages[*]}"
versions=$(awk '{ print $2 }' <<<"$uris" | sort)
if [[ -s $folder/packages.tar.gz && -s $folder/environment.sh && $(cat "$folder/packages.txt") == "$versions" ]]; then
    size=$(du -sh --apparent-size "$folder" | cut -f 1)
    echo "offline_deps: $folder is complete: ${#packages[@]} packages, $size; nothing to do"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$work/archives" "$tree/usr/lib"
echo "offline_deps: fetching ${#packages[@]} packages, $(awk '{ n += $3 } END { printf "%.1f MiB", n / 2 ^ 20 }' <<<"$uris")"
download "$work/archives" "${packages[@]}"
for archive in "$work/archives"/*.deb; do dpkg -x "$archive" "$tree"; done
# Some packages have libraries in /lib, which is /usr/lib.
if [[ -d $tree/lib ]]; then cp -a "$tree/lib/." "$tree/usr/lib/"; fi
find "$tree" -mindepth 1 -maxdepth 1 ! -name usr -exec rm -r {} +
unpacked=$(du -sm "$tree" | cut -f 1)

triple=$(basename "$(dirname "$(find "$tree/usr/lib" -name libfftw3f.so -print -quit)")")
links_within
drop_files
drop_libraries
move_pkgconfig

mkdir -p "$work/done"
tar -C "$tree" --sort=name --owner=0 --group=0 --numeric-owner -cf - usr | gzip -9n > "$work/done/packages.tar.gz"
environment "$triple" "$(sha256sum < "$work/done/packages.tar.gz" | cut -c 1-12)" > "$work/done/environment.sh"
echo "$versions" > "$work/done/packages.txt"
mkdir -p "$folder"
rm -f "$folder/packages.txt"  # last to be there again: with it the folder is complete
cp "$work/done/packages.tar.gz" "$work/done/environment.sh" "$folder/"
cp "$work/done/packages.txt" "$folder/"
echo "offline_deps: of $unpacked MiB unpacked, $(du -sm "$tree" | cut -f 1) MiB are needed there;" \
     "$folder: $(du -sh --apparent-size "$folder" | cut -f 1)"
