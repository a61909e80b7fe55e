// Preloaded into mysqld: each flush takes FLUSH_DELAY_MICROSECONDS longer, as on a slower disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct timespec delay;
static __typeof__(fsync) *real_fsync;
static __typeof__(fdatasync) *real_fdatasync;

__attribute__((constructor)) static void start(void) {
  real_fsync = (__typeof__(fsync) *)dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = (__typeof__(fdatasync) *)dlsym(RTLD_NEXT, "fdatasync");
  const char *text = getenv("FLUSH_DELAY_MICROSECONDS");
  long microseconds = text ? atol(text) : 0;
  delay.tv_sec = microseconds / 1000000;
  delay.tv_nsec = microseconds % 1000000 * 1000;
}

int fsync(int file) {
  nanosleep(&delay, NULL);
  return real_fsync(file);
}

int fdatasync(int file) {
  nanosleep(&delay, NULL);
  return real_fdatasync(file);
}
