# shellcheck shell=bash
# Functions that create what `azure-sftp.sh up` needs, if it is missing: key, group, account, containers, users, files.

make_key() {
    local type data
    if [[ -z $AZURE_KEY_USERS ]]; then return; fi
    if [[ ! -e $key_file ]]; then
        if ((!dry_run)); then mkdir -p "$(dirname "$key_file")"; fi
        change "make the SSH key $key_file" \
            ssh-keygen -q -t rsa -b 3072 -N '' -C sftp_async -f "$key_file"
    elif [[ ! -e $key_file.pub ]]; then
        die "$key_file.pub is missing. Make it: ssh-keygen -y -f '$key_file' >'$key_file.pub'"
    fi
    public_key="(the public key of $key_file)" # in a dry run, there may be none yet
    if [[ -e $key_file.pub ]]; then
        # Azure wants the type and the key, without a comment.
        read -r type data _ <"$key_file.pub"
        public_key="$type $data"
    fi
}

make_group() {
    local exists
    exists=$(ask "look for resource group '$AZURE_RESOURCE_GROUP'" \
        az group exists --name "$AZURE_RESOURCE_GROUP" --output tsv)
    if on "$exists"; then
        say "resource group $AZURE_RESOURCE_GROUP is there"
        return
    fi
    change "create resource group $AZURE_RESOURCE_GROUP" \
        az group create --name "$AZURE_RESOURCE_GROUP" --location "$AZURE_LOCATION" \
        --tags "$created_by" --output none
}

make_account() { # account
    local free
    look_at_account "$1"
    if ((!there)); then
        free=$(ask "check the name '$1'" \
            az storage account check-name --name "$1" --query nameAvailable --output tsv)
        on "$free" || die "the name '$1' is taken: account names are unique in all of Azure." \
            "Put another one into AZURE_STORAGE_ACCOUNTS."
        change "create storage account $1" \
            az storage account create --name "$1" --resource-group "$AZURE_RESOURCE_GROUP" \
            --location "$AZURE_LOCATION" --kind StorageV2 --sku Standard_LRS \
            --enable-hierarchical-namespace true --enable-sftp true --enable-local-user true \
            --https-only true --min-tls-version TLS1_2 --allow-blob-public-access false \
            --tags "$created_by" --output none
        return
    fi
    on "$hns" || die "storage account '$1' has no hierarchical namespace, which SFTP needs and" \
        "which cannot simply be switched on. Put another name into AZURE_STORAGE_ACCOUNTS."
    if on "$sftp" && on "$users"; then
        say "storage account $1 is there"
        return
    fi
    change "switch SFTP on in storage account $1" \
        az storage account update --name "$1" --resource-group "$AZURE_RESOURCE_GROUP" \
        --enable-sftp true --enable-local-user true --output none
}

make_containers() { # account
    local have='' name
    new_source=0
    if ((there)); then
        have=$(ask "list the containers of '$1'" \
            az storage container-rm list --storage-account "$1" \
            --resource-group "$AZURE_RESOURCE_GROUP" --query '[].name' --output tsv)
    fi
    for name in "$AZURE_SOURCE_CONTAINER" "$AZURE_TARGET_CONTAINER"; do
        if contains "$name" "$have"; then
            say "container $1/$name is there"
        else
            if [[ $name == "$AZURE_SOURCE_CONTAINER" ]]; then new_source=1; fi
            change "create container $1/$name" \
                az storage container-rm create --storage-account "$1" --name "$name" \
                --resource-group "$AZURE_RESOURCE_GROUP" --output none
        fi
    done
}

make_users() { # account
    local have='' name
    if ((there)); then
        have=$(ask "list the local users of '$1'" \
            az storage account local-user list --account-name "$1" \
            --resource-group "$AZURE_RESOURCE_GROUP" --query '[].name' --output tsv)
    fi
    for name in $AZURE_KEY_USERS; do
        if contains "$name" "$have"; then
            say "local user $1.$name is there"
        else
            make_user "$1" "$name" --has-ssh-key true --has-ssh-password false \
                --ssh-authorized-key "key=$public_key" description=sftp_async
        fi
    done
    for name in $AZURE_PASSWORD_USERS; do
        if contains "$name" "$have"; then
            say "local user $1.$name is there"
            if ((new_passwords)); then make_password "$1" "$name"; fi
        else
            make_user "$1" "$name" --has-ssh-key false --has-ssh-password true
            make_password "$1" "$name"
        fi
    done
}

make_user() { # account, user, how it logs in…
    local account=$1 name=$2
    shift 2
    # read, create, write, delete, list: a write stages, renames and cleans up.
    change "create local user $account.$name" \
        az storage account local-user create --account-name "$account" --name "$name" \
        --resource-group "$AZURE_RESOURCE_GROUP" --home-directory "$AZURE_TARGET_CONTAINER" \
        --permission-scope permissions=rcwdl service=blob resource-name="$AZURE_SOURCE_CONTAINER" \
        --permission-scope permissions=rcwdl service=blob resource-name="$AZURE_TARGET_CONTAINER" \
        "$@" --output none
}

# Azure creates the password and returns it once: it goes from the answer straight into a file.
make_password() { # account, user
    local file=$secrets/$1.$2.password password
    if ((dry_run)); then
        say "would have Azure make a password for $1.$2, and write it to $file"
        return
    fi
    say "have Azure make a password for $1.$2, and write it to $file"
    # Whether it can be kept is known before it is made. A file that is there may be open to others.
    if ! mkdir -p "$secrets" || ! : >>"$file" || ! chmod 600 "$file"; then
        die "'$file' cannot be written: see SFTP_SECRETS_DIR. No password was made; once that is" \
            "mended: scripts/azure-sftp.sh up --new-passwords"
    fi
    password=$(ask "make a password for '$1.$2'" \
        az storage account local-user regenerate-password --account-name "$1" --name "$2" \
        --resource-group "$AZURE_RESOURCE_GROUP" --query sshPassword --output tsv)
    printf '%s\n' "$password" >"$file"
}

upload_samples() { # account
    local file name exists
    hint="You need the role Storage Blob Data Contributor on it; a new role takes minutes to count."
    for file in "$root"/config/sample/*.csv; do
        name=${file##*/}
        exists=false
        if ((!new_source)); then
            exists=$(ask "look for $name in '$1'" \
                az storage blob exists --account-name "$1" --auth-mode login \
                --container-name "$AZURE_SOURCE_CONTAINER" --name "$name" \
                --query exists --output tsv)
        fi
        if on "$exists"; then
            say "$1/$AZURE_SOURCE_CONTAINER/$name is there"
        else
            change "upload $1/$AZURE_SOURCE_CONTAINER/$name" \
                az storage blob upload --account-name "$1" --auth-mode login \
                --container-name "$AZURE_SOURCE_CONTAINER" --name "$name" --file "$file" \
                --no-progress --output none
        fi
    done
    hint=
}
