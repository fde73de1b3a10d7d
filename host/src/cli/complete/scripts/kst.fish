# Completion of kst for fish 3 or later. The words come from kst itself at each time, so that this file
# need not be renewed with it.

function __kst_complete
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    for line in (command kst complete "$current" $before[2..] 2>/dev/null </dev/null)
        switch $line
            case \tfiles
                __fish_complete_path "$current"
            case \tfolders
                __fish_complete_directories "$current"
            case \tcomponents
                string match --regex '.*(?:/|[.]wasm)(?:\t.*)?$' -- (__fish_complete_path "$current")
            case \tcommand\ \*
                # fish counts from 1.
                set -l first (math (string replace \tcommand\  '' -- $line) + 1)
                complete --do-complete (string join ' ' -- (string escape -- $before[$first..]) "$current")
            case '*'
                printf '%s\n' $line
        end
    end
end

complete --command kst --no-files --keep-order --arguments '(__kst_complete)'
