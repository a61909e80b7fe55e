#!/usr/bin/env bash
# Builds a stand-in for the official nginx image, where that can't be pulled, and prints its name.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$DEV/rootfs.sh"

nginx=$CACHE/bin/nginx

build() {
  local context=$CACHE/work/nginx-image
  rm -rf "$context"
  install -D "$nginx" "$context/usr/sbin/nginx"
  copy_libraries '' "$context" "$nginx"
  mkdir -p "$context"/var/{log,lib}/nginx
  printf '%s\n' root:x:0:0:root:/root: nobody:x:65534:65534:nginx:/: >"$context/etc/passwd"
  printf '%s\n' root:x:0: nogroup:x:65534: >"$context/etc/group"
  ln -s /dev/stderr "$context/var/log/nginx/error.log"
  import_image "$NGINX_IMAGE" "$context" 'CMD ["/usr/sbin/nginx", "-g", "daemon off;"]' "$(label_made_from "$version")"
  rm -rf "$context"
}

use_docker
"$ROOT/dev/debian-programs.sh" nginx usr/sbin/nginx
version=$(fingerprint "$nginx" "${BASH_SOURCE[0]}" "$DEV/rootfs.sh")
[ "$(made_from "$NGINX_IMAGE")" = "$version" ] || step "image $NGINX_IMAGE (from this distribution's package)" build
say "$NGINX_IMAGE"
