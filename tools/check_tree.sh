#!/usr/bin/env bash
# Checks the shape of the source tree; run by CTest.
#   check_tree.sh includes ROOT   every include follows core <- kernels <- {data, modules} <- greedy <- tools <- test
#   check_tree.sh top-level ROOT  nothing lies at the top but the folders and files listed here
# Prints each offence as FILE:LINE: what is wrong, and exits with 1 when there was one.
set -euo pipefail

declare -rA may_include=(
    [core]="core"
    [kernels]="kernels core"
    [data]="data kernels core"
    [modules]="modules kernels core"
    [greedy]="greedy data modules kernels core"
    [tools]="tools greedy data modules kernels core"
    [test]="test tools greedy data modules kernels core"
)
readonly top_level="CMakeLists.txt CMakePresets.json LICENSE README.md
    core kernels modules data greedy tools test docs build runs compile_commands.json"

readonly include='^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]([^">]*)[">]'

contains() { [[ " $1 " == *[[:space:]]"$2"[[:space:]]* ]]; } # contains LIST WORD

check_includes() {
    local folder file line text target offences=0 seen=0
    for folder in "${!may_include[@]}"; do
        [[ -d $folder ]] || continue
        while IFS=: read -r file line text; do
            seen=$((seen + 1))
            [[ $text =~ $include ]]
            target=${BASH_REMATCH[1]}
            if [[ $text =~ include[[:space:]]*"<" ]]; then # the system's, unless it names one of our folders
                [[ $target == */* && -n ${may_include[${target%%/*}]:-} ]] || continue
                echo "$file:$line: <$target> is ours: write it in quotation marks"
            elif [[ $target != */* || -z ${may_include[${target%%/*}]:-} ]]; then
                echo "$file:$line: \"$target\" does not start with a folder of the top level: write the path from there"
            elif ! contains "${may_include[$folder]}" "${target%%/*}"; then
                echo "$file:$line: \"$target\" is not for $folder/, which may include only: ${may_include[$folder]}"
            else
                continue
            fi
            offences=$((offences + 1))
        done < <(grep -rnE "$include" "$folder" \
            --include='*.hpp' --include='*.cpp' --include='*.h' --include='*.c' --include='*.cuh' --include='*.cu')
    done
    (( seen > 0 )) || { echo "no include was found under $PWD: is this the root of the sources?"; return 1; }
    echo "$seen includes, $offences of them wrong"
    (( offences == 0 ))
}

check_top_level() {
    local entry offences=0
    for entry in *; do
        contains "$top_level" "$entry" && continue
        echo "$entry: not one of the entries of the top level; put it into a folder, or add it to tools/check_tree.sh"
        offences=$((offences + 1))
    done
    (( offences == 0 ))
}

case ${1:-} in
    includes|top-level) cd "${2:?check_tree.sh: the root folder is missing}" && "check_${1//-/_}" ;;
    *) echo "usage: check_tree.sh includes|top-level ROOT" >&2; exit 2 ;;
esac
