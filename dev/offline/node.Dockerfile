# The base of the node image: node-rootfs.sh's file system with the settings of kind's own base image.
FROM scratch
ADD rootfs.tar /
# systemd looks here to see where it runs.
ENV container=docker PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# On SIGTERM systemd would start itself again.
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
