#!/usr/bin/env bash
# Creates, shows and removes Azure storage accounts with SFTP and sample data.
set -euo pipefail
scripts=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$scripts/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/azure-up.sh
. "$scripts/lib/azure-up.sh"

usage() {
    cat <<'END'
Makes Azure storage accounts that speak SFTP, for trying sftp_async against Azure Blob Storage.

    scripts/azure-sftp.sh up   [--dry-run] [--new-passwords] [--no-sample-data] [--env FILE]
    scripts/azure-sftp.sh show [--env FILE]
    scripts/azure-sftp.sh down [--dry-run] [--yes] [--env FILE]

up      makes what is missing of: the resource group, each storage account (with hierarchical
        namespace, SFTP and local users on), a source and a target container, local users with an
        SSH key or a password, and config/sample/*.csv in the source container; then `show`.
        What is there already stays as it is, so it can be run again.
show    prints hosts, users and where their keys and passwords are, as config/.env takes them,
        and the host keys.
down    removes the accounts that `up` made, and their resource group if `up` made it and nothing
        else is in it. Asks first.

--dry-run         prints what would be changed, and changes nothing
--new-passwords   gives users with a password a new one, even if they had one
--no-sample-data  uploads no files
--yes             does not ask
--env FILE        settings; config/.env otherwise (see config/.env.example)

Needs the Azure CLI, logged in (`az login`). Azure bills SFTP by the hour for as long as it is on:
run `down` when you are done.
END
}

published_keys=https://learn.microsoft.com/azure/storage/blobs/secure-file-transfer-protocol-host-keys
created_by=created_by=sftp_async

command=
sample_data=1
new_passwords=0
while (($#)); do
    case $1 in
    up | show | down) command=$1 ;;
    --dry-run) dry_run=1 ;;
    --yes) assume_yes=1 ;;
    --new-passwords) new_passwords=1 ;;
    --no-sample-data) sample_data=0 ;;
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

check_settings() {
    local name
    load_settings
    AZURE_RESOURCE_GROUP=${AZURE_RESOURCE_GROUP:-sftp-async-demo}
    AZURE_LOCATION=${AZURE_LOCATION:-westeurope}
    AZURE_SOURCE_CONTAINER=${AZURE_SOURCE_CONTAINER:-source}
    AZURE_TARGET_CONTAINER=${AZURE_TARGET_CONTAINER:-target}
    AZURE_KEY_USERS=${AZURE_KEY_USERS-loader}
    AZURE_PASSWORD_USERS=${AZURE_PASSWORD_USERS-partner}
    key_file=$(local_path "${SFTP_PRIVATE_KEY_FILE:-config/secrets/id_rsa}")
    secrets=$(local_path "${SFTP_SECRETS_DIR:-config/secrets}")
    need_setting AZURE_STORAGE_ACCOUNTS
    for name in $AZURE_STORAGE_ACCOUNTS; do
        [[ $name =~ ^[a-z0-9]{3,24}$ ]] ||
            die "AZURE_STORAGE_ACCOUNTS: '$name' must be 3 to 24 lower-case letters and digits."
    done
    for name in "$AZURE_SOURCE_CONTAINER" "$AZURE_TARGET_CONTAINER"; do
        [[ $name =~ ^[a-z0-9](-?[a-z0-9]){2,62}$ ]] ||
            die "'$name' is no container: 3 to 63 lower-case letters, digits and single dashes."
    done
    for name in $AZURE_KEY_USERS $AZURE_PASSWORD_USERS; do
        [[ $name =~ ^[a-z0-9]{3,64}$ ]] ||
            die "'$name' is no local user: 3 to 64 lower-case letters and digits."
    done
    for name in $AZURE_KEY_USERS; do
        if contains "$name" "$AZURE_PASSWORD_USERS"; then
            die "'$name' is in AZURE_KEY_USERS and in AZURE_PASSWORD_USERS: keep it in one."
        fi
    done
}

# Sets what is known of an account: `there`, and then `hns`, `sftp`, `users`, `made_by`, `host`.
look_at_account() { # account
    local query line group endpoint
    query="[?name=='$1'].[resourceGroup, isHnsEnabled || 'false', isSftpEnabled || 'false',
        isLocalUserEnabled || 'false', tags.created_by || '-', primaryEndpoints.blob]"
    line=$(ask "list the storage accounts" az storage account list --query "$query" --output tsv)
    there=0
    if [[ -z $line ]]; then return; fi
    IFS=$'\t' read -r group hns sftp users made_by endpoint <<<"$line"
    # Azure ignores the case of resource groups' names.
    shopt -s nocasematch
    [[ $group == "$AZURE_RESOURCE_GROUP" ]] ||
        die "storage account '$1' is in resource group '$group', not in '$AZURE_RESOURCE_GROUP'."
    shopt -u nocasematch
    there=1
    host=${endpoint#https://}
    host=${host%/}
}
on() { [[ $1 == [Tt]rue ]]; }

up() {
    local account
    make_key
    make_group
    for account in $AZURE_STORAGE_ACCOUNTS; do
        make_account "$account"
        make_containers "$account"
        make_users "$account"
        if ((sample_data)); then upload_samples "$account"; fi
    done
    if ((!dry_run)); then show; fi
}

show() {
    local account name file
    for account in $AZURE_STORAGE_ACCOUNTS; do
        look_at_account "$account"
        say ''
        if ((!there)); then
            say "$account is not there: scripts/azure-sftp.sh up makes it"
            continue
        fi
        say "$account"
        say "    SFTP_HOST=$host"
        for name in $AZURE_KEY_USERS; do
            say "    SFTP_USERNAME=$account.$name  SFTP_PRIVATE_KEY_FILE=$key_file"
        done
        for name in $AZURE_PASSWORD_USERS; do
            file=$secrets/$account.$name.password
            if [[ ! -e $file ]]; then file="(not here; up --new-passwords makes one)"; fi
            say "    SFTP_USERNAME=$account.$name  SFTP_PASSWORD_FILE=$file"
        done
        say "    containers $AZURE_SOURCE_CONTAINER and $AZURE_TARGET_CONTAINER, where users start"
        show_host_keys
    done
}

host_key_lines() { # as known_hosts has them
    if command -v sftp-async >/dev/null; then
        sftp-async keyscan "$host"
    elif command -v ssh-keyscan >/dev/null; then
        ssh-keyscan -T 10 "$host"
    fi
}

# An attacker on the network could show other keys: compare them before you trust one.
show_host_keys() {
    local seen=''
    say "    host keys as they look from here. Compare before you trust one: Microsoft lists them"
    say "    for each region at $published_keys"
    seen=$(host_key_lines 2>/dev/null | ssh-keygen -l -f - 2>/dev/null) || seen=''
    if [[ -n $seen ]]; then
        printf '%s\n' "$seen" | sed 's/^/        /'
    else
        say "        none seen. A new account needs minutes for its name, and Azure may not answer"
        say "        ssh-keyscan; later, or with sftp-async installed: sftp-async keyscan $host"
    fi
}

# Removes what `up` created, which has its tag, and nothing else.
down() {
    local account exists ours='' others='' kind name inside group_made_by
    exists=$(ask "look for resource group '$AZURE_RESOURCE_GROUP'" \
        az group exists --name "$AZURE_RESOURCE_GROUP" --output tsv)
    if ! on "$exists"; then
        say "resource group $AZURE_RESOURCE_GROUP is not there: nothing to remove"
        return
    fi
    for account in $AZURE_STORAGE_ACCOUNTS; do
        look_at_account "$account"
        if ((!there)); then
            say "storage account $account is not there"
        elif [[ $made_by == "${created_by#*=}" ]]; then
            ours="$ours $account"
        else
            say "storage account $account stays: this script did not make it (no tag $created_by)"
        fi
    done
    group_made_by=$(ask "look at resource group '$AZURE_RESOURCE_GROUP'" \
        az group show --name "$AZURE_RESOURCE_GROUP" --query "tags.created_by || '-'" --output tsv)
    inside=$(ask "list what is in resource group '$AZURE_RESOURCE_GROUP'" \
        az resource list --resource-group "$AZURE_RESOURCE_GROUP" --query '[].[type, name]' \
        --output tsv)
    # A key vault may have an account's name, and other resources a name with blanks.
    while IFS=$'\t' read -r kind name; do
        if [[ -z $kind ]]; then continue; fi
        if [[ $kind == */storageAccounts ]] && contains "$name" "$ours"; then continue; fi
        others="$others $name"
    done <<<"$inside"
    if [[ $group_made_by == "${created_by#*=}" && -z $others ]]; then
        confirm "Remove resource group $AZURE_RESOURCE_GROUP with${ours:- nothing}, data and all?"
        change "delete resource group $AZURE_RESOURCE_GROUP" \
            az group delete --name "$AZURE_RESOURCE_GROUP" --yes --output none
        return
    fi
    if [[ -z $ours ]]; then
        say "nothing to remove: resource group $AZURE_RESOURCE_GROUP stays"
        return
    fi
    confirm "Remove$ours, data and all?"
    for account in $ours; do
        change "delete storage account $account" \
            az storage account delete --name "$account" \
            --resource-group "$AZURE_RESOURCE_GROUP" --yes --output none
    done
    if [[ -n $others ]]; then
        say "resource group $AZURE_RESOURCE_GROUP stays: it also holds$others"
    else
        say "resource group $AZURE_RESOURCE_GROUP stays: this script did not make it"
    fi
}

check_settings
need az "https://learn.microsoft.com/cli/azure/install-azure-cli"
need ssh-keygen "OpenSSH (openssh-client)"
hint="Log in first: az login"
subscription=$(ask "find the subscription" az account show --query name --output tsv)
say "subscription $subscription"
hint=
case $command in
up) up ;;
show) show ;;
down) down ;;
esac
