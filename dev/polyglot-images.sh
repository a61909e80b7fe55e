#!/usr/bin/env bash
# polyglot-images.sh [MANIFEST...]: builds the images of examples that the manifests name (by default those that the tests on
# the cluster run), and prints their names. They are built from their Dockerfiles, or from this machine's Node.js and Python
# if the base images cannot be pulled.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=offline/rootfs.sh
. "$OFFLINE/rootfs.sh"

examples=$ROOT/examples
programs=$CACHE/polyglot
user='USER 65532:65532'
manifests=("$@")
if [ $# -eq 0 ]; then
  manifests=("$examples"/{polyglot/eventpipeline,handlers-on-cluster/python/handler,word-service/words}.yaml)
fi

# images: their names in the manifests.
images() { sed -n 's/^ *image: \(eventpipeline-.*\)$/\1/p' "${manifests[@]}"; }

# source_of PROGRAM: its folder.
source_of() { if [ -d "$examples/polyglot/$1" ]; then echo "$examples/polyglot/$1"; else echo "$examples/$1"; fi; }

# language_of FOLDER: the language of a program's source.
language_of() {
  if [ -f "$1/go.mod" ]; then echo go; elif [ -f "$1/package.json" ]; then echo nodejs; else echo python; fi
}

nodejs_image() {
  local image=$1 program=$2 folder=$3 node
  node=$(realpath "$(command -v node)")
  copy_programs '' "$folder" "$node"
  [ "$node" = /usr/bin/node ] || mv "$folder$node" "$folder/usr/bin/node"
  # Debian's package keeps a part of Node.js's library here.
  if [ -d /usr/share/nodejs ]; then cp -a --parents /usr/share/nodejs "$folder"; fi
  cp -a "$programs/$program" "$folder/app"
  import_image "$image" "$folder" "$user" 'WORKDIR /app' 'CMD ["node", "main.js"]' "$(label_made_from "$version")"
}

# The distribution's Python: the location of its library is known.
python_image() {
  local image=$1 program=$2 folder=$3 python=/usr/bin/python3 library
  library=$($python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
  copy_programs '' "$folder" "$python"
  copy_libraries '' "$folder" "$library"/lib-dynload/*.so
  (cd / && tar -c --exclude=__pycache__ --exclude='*/test' "${library#/}") | tar -x -C "$folder"
  cp -a "$programs/$program" "$folder/app"
  if [ -f "$(source_of "$program")/requirements.txt" ]; then
    cp -a "$programs"/venv/lib/python*/site-packages/pymysql "$folder/app/"
  fi
  import_image "$image" "$folder" "$user" 'ENV PYTHONDONTWRITEBYTECODE=1' 'ENV PYTHONUNBUFFERED=1' 'WORKDIR /app' \
    'CMD ["python3", "main.py"]' "$(label_made_from "$version")"
}

go_image() {
  local image=$1 program=$2 folder=$3
  install -D "$programs/$program/${program%-go}" "$folder/${program%-go}"
  import_image "$image" "$folder" "$user" "CMD [\"/${program%-go}\"]" "$(label_made_from "$version")"
}

stand_in() {
  local image=$1 program=$2 folder=$CACHE/work/polyglot-image
  rm -rf "$folder"
  mkdir -p "$folder"
  "$(language_of "$(source_of "$program")")_image" "$image" "$program" "$folder"
  rm -rf "$folder"
}

from_dockerfile() { docker build -q --label "eventpipeline.dev/made-from=$version" -t "$1" "$(source_of "$2")"; }

use_docker
pulls_images || "$DEV/polyglot.sh"
version=$(fingerprint "$examples"/{polyglot,word-service} "$DEV"/{polyglot,polyglot-images}.sh "$OFFLINE/rootfs.sh")
for image in $(images); do
  # eventpipeline-PROGRAM:TAG
  program=${image#eventpipeline-}
  program=${program%:*}
  if [ "$(made_from "$image")" != "$version" ]; then
    if pulls_images; then
      step "image $image" from_dockerfile "$image" "$program"
    else
      step "image $image (from this machine's programs)" stand_in "$image" "$program"
    fi
  fi
  say "$image"
done
