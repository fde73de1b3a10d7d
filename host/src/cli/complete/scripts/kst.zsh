#compdef kst
# Completion of kst for zsh. The words come from kst itself at each time, so that this file need not be
# renewed with it.

_kst() {
    local line what word
    local -a candidates
    while IFS= read -r line; do
        if [[ $line == $'\t'* ]]; then
            what=${line#$'\t'}
            continue
        fi
        word=${${line%%$'\t'*}//:/\\:}
        [[ $line == *$'\t'* ]] && word+=":${line#*$'\t'}"
        candidates+=("$word")
    done < <(command kst complete "$PREFIX" "${(@)words[2,CURRENT-1]}" 2>/dev/null </dev/null)
    case $what in
        files) _files ;;
        folders) _files -/ ;;
        components) _files -g '*.wasm' ;;
        command\ *)
            local first=$((${what#command } + 1))
            words=("${(@)words[first,-1]}")
            ((CURRENT -= first - 1))
            _normal
            ;;
        *) ((${#candidates})) && _describe -V kst candidates ;;
    esac
}

# As a file in fpath it is called; read by `source` it says what it is for.
if [[ ${funcstack[1]} == _kst ]]; then
    _kst "$@"
else
    compdef _kst kst
fi
