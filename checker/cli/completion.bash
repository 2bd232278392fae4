# Completion of mipcheck for bash, by `mipcheck completion bash`.
_mipcheck_paths() {
    local path
    compopt -o filenames
    while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$2")
}

_mipcheck() {
    local line word="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    [ "$word" = "=" ] && word=""
    while IFS= read -r line; do
        case "$line" in
            :files) _mipcheck_paths -f "$word" ;;
            :folders) _mipcheck_paths -d "$word" ;;
            *=) compopt -o nospace; COMPREPLY+=("$line") ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done < <("${COMP_WORDS[0]}" completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _mipcheck mipcheck
