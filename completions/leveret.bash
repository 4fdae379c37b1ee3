# bash completion for leveret: source it, or put it into /usr/share/bash-completion/completions/leveret

_leveret()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="run check topology type template plan publish job dlq queue schedule worker top serve relay health mail"
    local common="-c --set -o --yes --wide --help"
    local which="--type --reason --subject --search --since"
    local command="" verb="" word i skip=""

    # The command and its verb are the first two words that are neither an option nor its value.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $skip ]]; then
            skip=""
        elif [[ $word == -* ]]; then
            case $word in -c | --config | --set | -o | --output | --data | --id | --subject | --key | --queue | --traceparent | --tracestate | --at | --in | --wait | --state | --type | --limit | \
                --reason | --search | --since | --filter | --rate | --to | --backup | --template | --partials | --locale) skip=1 ;; esac
        elif [[ -z $command ]]; then
            command=$word
        elif [[ -z $verb ]]; then
            verb=$word
        fi
    done

    case $previous in
    -o | --output) COMPREPLY=($(compgen -W "table json" -- "$current")); return ;;
    -c | --config | --backup | --template | --partials) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --state) COMPREPLY=($(compgen -W "running scheduled retrying dead completed cancelled stuck" -- "$current")); return ;;
    --reason)
        COMPREPLY=($(compgen -W "missing_id bad_id missing_type unknown_type bad_payload bad_plan too_large unsupported_encoding \
            id_conflict expired rejected permanent_failure attempts_exhausted crash_loop ambiguous_send delivery_limit \
            broker_expired max_length" -- "$current"))
        return ;;
    --type) COMPREPLY=($(compgen -W "$(_leveret_types)" -- "$current")); return ;;
    --queue) COMPREPLY=($(compgen -W "$(_leveret_queues)" -- "$current")); return ;;
    --to) [[ $command == dlq ]] && COMPREPLY=($(compgen -W "$(_leveret_queues)" -- "$current")); return ;;
    esac

    local words=""
    case $command in
    "") words="$commands --version --help" ;;
    run) words="--drain --queue" ;;
    check) words="--offline" ;;
    topology) [[ -z $verb ]] && words="show apply verify" ;;
    type)
        case $verb in
        "") words="list show schema asyncapi check preview" ;;
        check) COMPREPLY=($(compgen -d -- "$current")); return ;;
        preview) words="$(_leveret_types) --to --locale --data" ;;
        *) words=$(_leveret_types) ;;
        esac ;;
    template) if [[ -z $verb ]]; then words="render"; else words="--template --partials --data --lenient"; fi ;;
    relay) [[ -z $verb ]] && words="init" ;;
    schedule) [[ -z $verb ]] && words="list run" ;;
    plan) if [[ -z $verb ]]; then words=$(_leveret_types); else words="--data"; fi ;;
    publish) if [[ -z $verb ]]; then words=$(_leveret_types); else words="--data --id --subject --key --traceparent --tracestate --at --in --wait"; fi ;;
    job) if [[ -z $verb ]]; then words="show list forget cancel"; else words="--state --type --subject --limit"; fi ;;
    dlq)
        case $verb in
        "") words="groups list show redrive drop purge export sync restore" ;;
        list) words="$(_leveret_queues) $which --all --limit --newest" ;;
        groups) words="$(_leveret_queues) $which --all" ;;
        show) words="$(_leveret_queues) $which --full" ;;
        redrive) words="$(_leveret_queues) $which --all --limit --expired --dry-run --rate --wait --edit --set --filter --to" ;;
        drop) words="$(_leveret_queues) $which --all --limit --dry-run --backup" ;;
        purge) words="$(_leveret_queues) --dry-run --backup" ;;
        export) words="$(_leveret_queues) $which --all --limit" ;;
        sync) words=$(_leveret_queues) ;;
        restore) if [[ $current == --* ]]; then words="--to"; else COMPREPLY=($(compgen -f -- "$current")); return; fi ;;
        esac ;;
    queue) if [[ -z $verb ]]; then words="list pause resume"; elif [[ $verb != list ]]; then words=$(_leveret_queues); fi ;;
    worker) [[ -z $verb ]] && words="list" ;;
    health) [[ -z $verb ]] && words="live ready serve" ;;
    mail) if [[ -z $verb ]]; then words="test"; else words="--to"; fi ;;
    esac
    [[ -n $command ]] && words+=" $common"
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}

_leveret_types()
{
    "${COMP_WORDS[0]}" type list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

# Work queues as the topology knows them; asks no service.
_leveret_queues()
{
    local i configuration=()
    for ((i = 1; i + 1 < ${#COMP_WORDS[@]}; i++)); do
        [[ ${COMP_WORDS[i]} == -c ]] && configuration=(-c "${COMP_WORDS[i + 1]}")
    done
    "${COMP_WORDS[0]}" topology show "${configuration[@]}" 2>/dev/null |
        awk '$1 == "queue" && $2 !~ /\.retry\.|\.dlq$/ { print $2 }'
}

complete -F _leveret leveret
