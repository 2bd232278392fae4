# Completion of mipcheck for fish, by `mipcheck completion fish`.
function __mipcheck_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l before (string replace -r '[^=]*$' '' -- $word)
    set -l rest (string replace -r '.*=' '' -- $word)
    for line in ($words[1] completion fish -- $words[2..] "$word" 2>/dev/null)
        switch $line
            case :files
                for path in (__fish_complete_path $rest)
                    echo $before$path
                end
            case :folders
                for path in (__fish_complete_path $rest | string match -r '.*/(?=\t|$)')
                    echo $before$path
                end
            case '*'
                echo $line
        end
    end
end
complete -c mipcheck -f -a '(__mipcheck_complete)'
