#compdef mipcheck
# Completion of mipcheck for zsh, by `mipcheck completion zsh`.
_mipcheck() {
    local -a found names pairs
    found=("${(@f)$("${words[1]}" completion zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    names=("${(@)found:#(:*|*=|)}")
    pairs=("${(@M)found:#*=}")
    [[ "$PREFIX" == *=* ]] && compset -P '*='
    (( $#names )) && compadd -- "${(@)names}"
    (( $#pairs )) && compadd -S '' -- "${(@)pairs}"
    (( ${found[(Ie):files]} )) && _files
    (( ${found[(Ie):folders]} )) && _files -/
    return 0
}
if [ "$funcstack[1]" = "_mipcheck" ]; then _mipcheck "$@"; else compdef _mipcheck mipcheck; fi
