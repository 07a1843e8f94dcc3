#!/usr/bin/env bash
# Stores what a notebook needs to reach an SFTP server as secrets of a Databricks workspace.
set -euo pipefail
scripts=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$scripts/lib/common.sh"

usage() {
    cat <<'END'
Puts the options of an SFTP server into a Databricks secret scope, each under its own name:
host, port, username, password, private_key_content, private_key_passphrase, host_key_fingerprint.

    scripts/databricks-secrets.sh up   [--update] [--dry-run] [--profile NAME] [--env FILE]
    scripts/databricks-secrets.sh show [--profile NAME] [--env FILE]
    scripts/databricks-secrets.sh down [--dry-run] [--yes] [--profile NAME] [--env FILE]

up      makes the scope and the secrets that are missing; those that are there stay.
show    prints the names of the secrets; their values are never printed.
down    removes these secrets, and the scope if nothing else is in it. Asks first.

--update        also replaces secrets that are there
--dry-run       prints what would be changed, and changes nothing
--yes           does not ask
--profile NAME  profile of ~/.databrickscfg; otherwise the Databricks CLI's own choice
--env FILE      settings; config/.env otherwise (see config/.env.example)

Needs the Databricks CLI 0.205 or newer, logged in (`databricks auth login`), and python3.
END
}

all_keys="host port username password private_key_content private_key_passphrase"
all_keys="$all_keys host_key_fingerprint"

command=
update=0
while (($#)); do
    case $1 in
    up | show | down) command=$1 ;;
    --update) update=1 ;;
    --dry-run) dry_run=1 ;;
    --yes) assume_yes=1 ;;
    --profile)
        # The CLI's own variable, and its own rule: a profile that was asked for must exist.
        export DATABRICKS_CONFIG_PROFILE=${2:?--profile wants a name}
        shift
        ;;
    --env)
        settings_file=${2-}
        [[ -f $settings_file ]] || die "--env: there is no file '$settings_file'."
        shift
        ;;
    --help | -h)
        usage
        exit
        ;;
    *) die "'$1' is not known here. See --help." ;;
    esac
    shift
done
[[ -n $command ]] || die "say what to do: up, show or down. See --help."

# Reads a JSON list and prints one field of each element.
field() { python3 -c 'import json, sys
for element in json.load(sys.stdin) or []: print(element[sys.argv[1]])' "$1"; }

look_at_scope() { # sets `there` and, if it is, `have`: the names in it
    local answer scopes
    answer=$(ask "list the secret scopes" databricks secrets list-scopes --output json)
    scopes=$(field name <<<"$answer")
    there=0
    have=
    if ! contains "$scope" "$scopes"; then return; fi
    there=1
    answer=$(ask "list the secrets of '$scope'" \
        databricks secrets list-secrets "$scope" --output json)
    have=$(field key <<<"$answer")
}

# The secret goes through a pipe: the arguments of a process can be read by others.
store() { # key, value
    if contains "$1" "$have" && ((!update)); then
        say "$scope/$1 is there, and stays (--update replaces it)"
    elif ((dry_run)); then
        say "would store $scope/$1"
    else
        say "store $scope/$1"
        printf '%s' "$2" | databricks secrets put-secret "$scope" "$1" >/dev/null ||
            fail "store $scope/$1" databricks $?
    fi
}

check_fingerprints() {
    local one
    while IFS= read -r one; do
        [[ $one =~ ^[[:space:]]*(SHA256:[A-Za-z0-9+/]{43}=?|(ssh|ecdsa|sk)-[^ ]+\ AAAA.*)$ ]] ||
            die "SFTP_HOST_KEY_FINGERPRINT: '$one' is neither SHA256:… as ssh-keygen -l prints it" \
                "nor a public key line. More than one are separated by commas."
    done <<<"${SFTP_HOST_KEY_FINGERPRINT//,/$'\n'}"
}

up() {
    local file password='' key=''
    need_setting SFTP_HOST SFTP_USERNAME
    [[ -n ${SFTP_HOST_KEY_FINGERPRINT-} ]] ||
        die "SFTP_HOST_KEY_FINGERPRINT is not set in $settings_file: ask the server's operator" \
            "and compare with 'sftp-async keyscan $SFTP_HOST'. No key is taken on trust."
    check_fingerprints
    if [[ -n ${SFTP_PASSWORD_FILE-} ]]; then
        file=$(local_path "$SFTP_PASSWORD_FILE")
        [[ -r $file ]] || die "SFTP_PASSWORD_FILE: '$file' cannot be read."
        password=$(<"$file")
    fi
    password=${SFTP_PASSWORD:-$password}
    if [[ -n ${SFTP_PRIVATE_KEY_FILE-} ]]; then
        file=$(local_path "$SFTP_PRIVATE_KEY_FILE")
        [[ -r $file ]] || die "SFTP_PRIVATE_KEY_FILE: '$file' cannot be read."
        key=$(<"$file")$'\n'
        [[ $key == -----BEGIN*"PRIVATE KEY-----"* ]] ||
            die "SFTP_PRIVATE_KEY_FILE: '$file' is no private key in OpenSSH or PEM format."
    fi
    [[ -n $password || -n $key ]] ||
        die "no credentials: set SFTP_PASSWORD_FILE or SFTP_PRIVATE_KEY_FILE in $settings_file."

    look_at_scope
    if ((there)); then
        say "secret scope $scope is there"
    else
        change "create secret scope $scope" databricks secrets create-scope "$scope"
    fi
    store host "$SFTP_HOST"
    store port "${SFTP_PORT:-22}"
    store username "$SFTP_USERNAME"
    store host_key_fingerprint "$SFTP_HOST_KEY_FINGERPRINT"
    if [[ -n $password ]]; then store password "$password"; fi
    if [[ -n $key ]]; then store private_key_content "$key"; fi
    if [[ -n ${SFTP_PRIVATE_KEY_PASSPHRASE-} ]]; then
        store private_key_passphrase "$SFTP_PRIVATE_KEY_PASSPHRASE"
    fi
}

show() {
    local key
    look_at_scope
    if ((!there)); then
        say "secret scope $scope is not there: scripts/databricks-secrets.sh up makes it"
        return
    fi
    for key in $have; do say "$scope/$key"; done
}

down() {
    local key others='' ours=''
    look_at_scope
    if ((!there)); then
        say "secret scope $scope is not there: nothing to remove"
        return
    fi
    for key in $have; do
        if contains "$key" "$all_keys"; then ours="$ours $key"; else others="$others $key"; fi
    done
    if [[ -z $others ]]; then
        confirm "Remove the secret scope $scope with${ours:- nothing in it}?"
        change "delete secret scope $scope" databricks secrets delete-scope "$scope"
        return
    fi
    confirm "Remove${ours:- nothing} from the secret scope $scope?"
    for key in $ours; do
        change "delete $scope/$key" databricks secrets delete-secret "$scope" "$key"
    done
    say "secret scope $scope stays: it also holds$others"
}

load_settings
scope=${DATABRICKS_SECRET_SCOPE:-sftp}
[[ $scope =~ ^[A-Za-z0-9_.@-]{1,128}$ ]] ||
    die "DATABRICKS_SECRET_SCOPE: '$scope' may hold letters, digits, and - _ . @ only."
need databricks "https://docs.databricks.com/dev-tools/cli/install.html"
need python3 "https://www.python.org"
hint="Log in first: databricks auth login"
ask "reach the workspace" databricks current-user me --output json >/dev/null
hint=
case $command in
up) up ;;
show) show ;;
down) down ;;
esac
