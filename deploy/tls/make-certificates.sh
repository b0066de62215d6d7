#!/usr/bin/env bash
# A small certificate authority for a city's servers and nodes, with nothing but openssl. Each command makes a folder that is copied
# whole to one machine. What is there already is left as it is: run again, a command makes only what is missing.
#
#   make-certificates.sh FOLDER authority             the authorities' keys and certificates (keep FOLDER offline)
#   make-certificates.sh FOLDER server NAME HOST...   FOLDER/servers/NAME, for a server under these names or addresses
#   make-certificates.sh FOLDER leaf AGENCY HOST...   FOLDER/leaves/AGENCY, for the server at an agency's site
#   make-certificates.sh FOLDER client AGENCY         FOLDER/clients/AGENCY, for the agency's nodes
#
# Two authorities: `ca` signs what servers and nodes show each other; `cluster-ca` signs only what the servers of a cluster show each
# other, because whoever may join a cluster is past every permission.
set -euo pipefail
umask 077

readonly AUTHORITY_DAYS=3650 CERTIFICATE_DAYS=825

fail() { printf 'make-certificates: %s\n' "$*" >&2; exit 1; }
usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# A new folder beside the one that it will become; what a failure leaves of it is removed at the end.
unfinished() { mktemp -d "$1.making.XXXXXX"; }
making=
trap '[[ -z $making ]] || rm -rf "$making"' EXIT

# make_authority NAME TITLE: NAME.key and NAME.crt in the current folder.
make_authority() {
    new_key "$1.key"
    openssl req -new -x509 -sha256 -days "$AUTHORITY_DAYS" -key "$1.key" -out "$1.crt" -subj "/O=fengsui/CN=$2" \
        -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign'
}

# sign AUTHORITY FILE NAME USES SANS: FILE.key and FILE.crt in the current folder.
sign() {
    local extensions="basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=$4
subjectAltName=$5"
    new_key "$2.key"
    openssl req -new -sha256 -key "$2.key" -subj "/O=fengsui/CN=$3" |
        openssl x509 -req -sha256 -days "$CERTIFICATE_DAYS" -CA "$root/$1.crt" -CAkey "$root/$1.key" -out "$2.crt" \
            -extfile <(printf '%s\n' "$extensions") 2>/dev/null
    openssl verify -CAfile "$root/$1.crt" "$2.crt" >/dev/null || fail "$2.crt does not verify against $1.crt"
}

# The names as openssl wants them: DNS:nats-a.example,IP:10.0.0.1
alternative_names() {
    local names=() host
    for host in "$@"; do
        if [[ $host =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ || $host == *:* ]]; then
            names+=("IP:$host")
        elif [[ $host =~ ^[A-Za-z0-9.-]+$ ]]; then
            names+=("DNS:$host")
        else
            fail "\`$host\` is neither a host name nor an address"
        fi
    done
    local IFS=,
    printf '%s' "${names[*]}"
}

# make_folder FOLDER NAMES FUNCTION ARGUMENT...: the folder, whole or not at all. `names` in it says for whom it was made.
make_folder() {
    local folder=$1 names=$2
    shift 2
    if [[ -e $folder ]]; then
        [[ $(cat "$folder/names" 2>/dev/null) == "$names" ]] ||
            fail "$folder is there already, for other names than \`$names\`: move it away first"
        printf '%s is there already: left as it is\n' "$folder" >&2
        return
    fi
    mkdir -p "$(dirname "$folder")"
    making=$(unfinished "$folder")
    (
        cd "$making"
        "$@"
        cp "$root/ca.crt" .
        printf '%s\n' "$names" >names
    )
    chmod 0600 "$making"/*
    mv -T "$making" "$folder"
    printf '%s\n' "$folder"
}

server_certificates() {
    sign ca server "$1" serverAuth "$2"
    sign cluster-ca cluster "$1" serverAuth,clientAuth "$2"
    cp "$root/cluster-ca.crt" .
}
leaf_certificates() {
    sign ca server "leaf-$1" serverAuth "$2"
    sign ca client "leaf-$1" clientAuth "DNS:leaf-$1"
}
client_certificates() { sign ca client "$1" clientAuth "DNS:$1"; }

authority() {
    if [[ ! -e $root/ca.key && ! -e $root/cluster-ca.key ]]; then
        making=$(unfinished "$root/authorities")
        (
            cd "$making"
            make_authority ca 'city authority'
            make_authority cluster-ca 'cluster authority'
        )
        # Keys last: a key that is there has its certificate.
        mv -n "$making"/*.crt "$making"/*.key "$root/"
        rmdir "$making"
        printf '%s\n' "$root"
    else
        [[ -s $root/ca.key && -s $root/ca.crt && -s $root/cluster-ca.key && -s $root/cluster-ca.crt ]] ||
            fail "$root holds only a part of the authorities' files: bring the others back, or start in an empty folder"
        printf '%s holds the authorities already: left as they are\n' "$root" >&2
    fi
}

(($# >= 2)) || usage
command -v openssl >/dev/null || fail "openssl is not installed (Debian: apt-get install openssl)"
mkdir -p "$1"
root=$(cd "$1" && pwd)
command=$2
shift 2
if [[ $command != authority ]]; then
    [[ -s $root/ca.key && -s $root/cluster-ca.key ]] || fail "no authority in $root: run \`$0 $root authority\` first"
    [[ ${1:-} =~ ^[a-z0-9][a-z0-9-]*$ ]] || usage
fi
case $command in
    authority) authority ;;
    server) (($# >= 2)) || usage; sans=$(alternative_names "${@:2}"); make_folder "$root/servers/$1" "$sans" server_certificates "$1" "$sans" ;;
    leaf) (($# >= 2)) || usage; sans=$(alternative_names "${@:2}"); make_folder "$root/leaves/$1" "$sans" leaf_certificates "$1" "$sans" ;;
    client) (($# == 1)) || usage; make_folder "$root/clients/$1" "DNS:$1" client_certificates "$1" ;;
    *) usage ;;
esac
