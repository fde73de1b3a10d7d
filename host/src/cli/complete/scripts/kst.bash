# Completion of kst for bash 4 or later. The words come from kst itself at each time, so that this file
# need not be renewed with it.

_kst() {
    local line what= current=$2
    local -a before=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            $'\t'*) what=${line#$'\t'} ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(command kst complete "$current" "${before[@]}" 2>/dev/null </dev/null)
    case $what in
        files) _kst_files -f ;;
        folders) _kst_files -d ;;
        components) _kst_files -f -X '!*.wasm' ;;
        command\ *) _kst_command "${what#command }" ;;
    esac
}

# Paths that begin as the current word does.
_kst_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$@" -- "$current")
    [[ $1 == -d || $# == 1 ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current")
}

# Another program's words, the first of which is word $1.
_kst_command() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif [[ $COMP_CWORD == "$1" ]]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
    else
        _kst_files -f
    fi
}

complete -F _kst kst
