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

# copy_programs ROOTFS FOLDER FILE...: the files, their libraries and the loader, under merged /usr.
copy_programs() {
  local rootfs=$1 folder=$2 file
  shift 2
  mkdir -p "$folder"/usr/{bin,sbin,lib,lib64} "$folder"/usr/lib/x86_64-linux-gnu "$folder"/{etc,run,tmp,var}
  for file in bin sbin lib lib64; do ln -sfn "usr/$file" "$folder/$file"; done
  chmod 1777 "$folder/tmp"
  for file; do install -D "$rootfs$file" "$folder$file"; done
  for file; do libraries_of "$rootfs" "$file"; done | sort -u | while read -r file; do
    install -D "$rootfs$file" "$folder/usr/lib/x86_64-linux-gnu/${file##*/}"
  done
  install -D "$(realpath "$(loader_of "$rootfs")")" "$folder/usr/lib64/ld-linux-x86-64.so.2"
}

# import_image IMAGE FOLDER [DOCKERFILE_INSTRUCTION...]: a folder becomes an image of one layer.
import_image() {
  local image=$1 folder=$2 instruction changes=(--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
  shift 2
  for instruction; do changes+=(--change "$instruction"); done
  tar -C "$folder" --owner=0 --group=0 --numeric-owner --sort=name -c . | docker import "${changes[@]}" - "$image"
}
