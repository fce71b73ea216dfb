#!/bin/bash
# Make both bases of the Dockerfile from Debian's packages, where no registry of images is to be had: build.tar and runtime.tar
# in DIRECTORY, to be imported. Needs mmdebstrap, and root. The tests build with these.
#
#     bases.sh DIRECTORY [ARCHITECTURE]
#
# runtime.tar has the packages of the distroless images for Python, without what has Debian installed: no shell, no dpkg.
set -euo pipefail

directory=${1:?}
architecture=${2:-$(dpkg --print-architecture)}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
sources="deb $mirror trixie main"
# Files get no later time than this.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}

runtime=base-files,ca-certificates,libgcc-s1,libgomp1,libpython3.13-stdlib,libssl3t64,libstdc++6,media-types,netbase,python3-minimal,tzdata
# What those ask for only in order to be installed.
installing='cdebconf|debconf|dpkg|libacl1|libbz2-1.0-dev|libmd0|libpcre2-8-0|libselinux1|mawk|openssl|openssl-provider-legacy|perl-base|tar'

# What an installation would do by scripts of the packages, for which there is no shell.
finish() {
  local root=$1 archive name
  mkdir -p "$root/var/lib/dpkg/status.d"
  for archive in "$root"/var/cache/apt/archives/*.deb; do
    name=$(dpkg-deb --field "$archive" Package)
    if [[ $name =~ ^($installing)$ ]]; then
      dpkg-deb --fsys-tarfile "$archive" | tar --list | grep -v '/$' | while read -r file; do rm -f "$root/$file"; done
    else
      dpkg-deb --field "$archive" >"$root/var/lib/dpkg/status.d/$name"
    fi
  done
  find "$root/usr/share/ca-certificates" -name '*.crt' | sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"
  printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin' \
    'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'tty:x:5:' 'staff:x:50:' 'nobody:x:65534:' 'nonroot:x:65532:' >"$root/etc/group"
  rm -rf "$root"/usr/share/{doc,info,locale,man,perl5,lintian,bug} "$root"/var/{cache,log,lib/apt}/*
  find "$root/usr" -depth -type d -empty -delete
}

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
mmdebstrap --quiet --architectures="$architecture" --variant=extract --skip=cleanup/apt --include="$runtime" \
  trixie "$made/runtime" "$sources"
finish "$made/runtime"
tar --create --file="$directory/runtime.tar" --directory="$made/runtime" --sort=name --numeric-owner \
  --mtime="@$SOURCE_DATE_EPOCH" --clamp-mtime .
mmdebstrap --quiet --architectures="$architecture" --variant=minbase --include=ca-certificates \
  trixie "$directory/build.tar" "$sources"
