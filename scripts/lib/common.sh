# shellcheck shell=bash
# What the scripts share: settings, sentences, and changes that can be rehearsed.

# A trace (bash -x) shows every value, secrets too.
set +x
# Keys and passwords that are written are their owner's alone.
umask 077

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
settings_file=$root/config/.env
dry_run=0
assume_yes=0
hint= # what helps if the next command fails

say() { printf '%s\n' "$*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
fail() { # what, command, status
    die "could not $1: '$2' ended with status $3; its own words are above.${hint:+ $hint}"
}
need() { # command, where to get it
    command -v "$1" >/dev/null || die "the command '$1' is not here. Get it from $2"
}

# Settings are NAME=value lines. Nothing in the file is run; what the environment sets goes first.
load_settings() {
    local line name value number=0
    if [[ ! -e $settings_file ]]; then return; fi
    if [[ -n $(find "$settings_file" -perm -040 -o -perm -004) ]]; then
        say "note: others on this machine can read the settings: chmod 600 $settings_file"
    fi
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        line=${line%$'\r'}
        if [[ $line =~ ^[[:space:]]*(#|$) ]]; then continue; fi
        if ! [[ $line =~ ^[[:space:]]*((AZURE|DATABRICKS|SFTP)_[A-Z0-9_]+)=(.*)$ ]]; then
            # Never the line itself: it may hold a secret.
            die "$settings_file, line $number: wanted NAME=value, as in config/.env.example."
        fi
        name=${BASH_REMATCH[1]}
        value=${BASH_REMATCH[3]}
        if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
        if [[ -z ${!name+set} ]]; then printf -v "$name" '%s' "$value"; fi
    done <"$settings_file"
}

need_setting() { # names
    local name
    for name in "$@"; do
        if [[ -z ${!name-} ]]; then
            die "$name is not set. Put it into $settings_file (cp config/.env.example config/.env)."
        fi
    done
}

# A path as the settings give it: ~ is the home directory, a relative path starts at the repository.
local_path() {
    case $1 in
    [~]/*) printf '%s' "$HOME/${1#??}" ;;
    /*) printf '%s' "$1" ;;
    *) printf '%s' "$root/$1" ;;
    esac
}

# Does what changes something; a rehearsal (--dry-run) only tells it. No secret passes through here.
change() { # what, command…
    local what=$1
    shift
    if ((dry_run)); then
        say "would $what:"
        printf '   '
        printf ' %q' "$@"
        printf '\n'
        return
    fi
    say "$what"
    "$@" >/dev/null || fail "$what" "$1" $?
}

# Prints what a command answers, or ends the script with a sentence: `answer=$(ask "…" az …)`.
ask() { # what, command…
    local what=$1
    shift
    "$@" || fail "$what" "$1" $?
}

confirm() { # question
    local answer
    if ((assume_yes || dry_run)); then return; fi
    if [[ ! -t 0 ]]; then die "$1 There is no terminal to ask on: run it again with --yes."; fi
    read -r -p "$1 Type yes: " answer
    if [[ $answer != yes ]]; then die "nothing was removed."; fi
}

contains() { # word, words separated by blanks or line breaks
    local word
    for word in $2; do
        if [[ $word == "$1" ]]; then return 0; fi
    done
    return 1
}
