# shellcheck shell=bash
# Copying programs with what they load, for images without a distribution in them. Source it after lib.sh.

# libraries_of ROOTFS FILE: paths inside the rootfs ('' is this machine) of the libraries that the file loads.
# Asks the rootfs's own loader, so that nothing has to run inside it.
libraries_of() {
  local rootfs=$1 file=$2
  "$(loader_of "$rootfs")" --library-path "$rootfs/usr/lib/x86_64-linux-gnu" --list "$rootfs$file" |
    sed -n "s#.*=> $rootfs\(/[^ ]*\) .*#\1#p"
}

loader_of() { echo "$1/usr/lib64/ld-linux-x86-64.so.2"; }

# copy_programs ROOTFS FOLDER FILE...: the files, and what they load.
copy_programs() {
  local rootfs=$1 folder=$2 file
  shift 2
  merged_folders "$folder"
  for file; do install -D "$rootfs$file" "$folder$file"; done
  copy_libraries "$rootfs" "$folder" "$@"
}

# copy_libraries ROOTFS FOLDER FILE...: the libraries that the files load, and the loader.
copy_libraries() {
  local rootfs=$1 folder=$2 file
  shift 2
  merged_folders "$folder"
  for file; do libraries_of "$rootfs" "$file"; done | sort -u | while read -r file; do
    install -D "$rootfs$file" "$folder/usr/lib/x86_64-linux-gnu/${file##*/}"
  done
  install -D "$(realpath "$(loader_of "$rootfs")")" "$folder/usr/lib64/ld-linux-x86-64.so.2"
}

# The folders of a root file system, with /bin, /lib and so on in /usr as Debian has them.
merged_folders() {
  local name
  mkdir -p "$1"/usr/{bin,sbin,lib,lib64} "$1"/{etc,run,tmp,var}
  for name in bin sbin lib lib64; do ln -sfn "usr/$name" "$1/$name"; done
  chmod 1777 "$1/tmp"
}

# import_image IMAGE FOLDER [DOCKERFILE_INSTRUCTION...]: a folder becomes an image of one layer.
import_image() {
  local image=$1 folder=$2 instruction changes=(--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
  shift 2
  for instruction; do changes+=(--change "$instruction"); done
  tar -C "$folder" --owner=0 --group=0 --numeric-owner --sort=name -c . | docker import "${changes[@]}" - "$image"
}

# The label on a stand-in for a public image: what it was made from.
made_from() { docker image inspect -f '{{index .Config.Labels "eventpipeline.dev/made-from"}}' "$1" 2>/dev/null; }
label_made_from() { echo "LABEL eventpipeline.dev/made-from=$1"; }
