// Preloaded into mysqld: steps its clock and fills its disk as the file CHAOS_CONTROL says.
// The file holds two 64-bit integers: the clock's offset in seconds, and whether the disk is full.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t none[2];
static const volatile int64_t *control = none;

#define REAL(name) ((__typeof__(name) *)real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static __typeof__(clock_gettime) *real_clock_gettime;
static __typeof__(write) *real_write;
static __typeof__(pwrite64) *real_pwrite;
static __typeof__(pthread_cond_timedwait) *real_timedwait;

__attribute__((constructor)) static void start(void) {
  real_clock_gettime = REAL(clock_gettime);
  real_write = REAL(write);
  real_pwrite = REAL(pwrite64);
  real_timedwait = REAL(pthread_cond_timedwait);
  const char *path = getenv("CHAOS_CONTROL");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) control = mapped;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  // Other constructors may ask before ours has run.
  if (!real_clock_gettime) real_clock_gettime = REAL(clock_gettime);
  int result = real_clock_gettime(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += control[0];
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *time) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (time) *time = now.tv_sec;
  return now.tv_sec;
}

// The kernel's clock did not step. Deadlines of the monotonic clock are small numbers.
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline) {
  struct timespec moved = *deadline;
  if (moved.tv_sec > 1000000000) moved.tv_sec -= control[0];
  return real_timedwait(condition, mutex, &moved);
}

// On a full disk a file can change, and cannot grow.
static int refused(int file, off64_t end) {
  struct stat64 status;
  if (!control[1] || file <= 2 || fstat64(file, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  if (end <= status.st_size) return 0;
  errno = ENOSPC;
  return 1;
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset) {
  return refused(file, offset + length) ? -1 : real_pwrite(file, data, length, offset);
}

ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
  return pwrite64(file, data, length, offset);
}

ssize_t write(int file, const void *data, size_t length) {
  if (control[1] && refused(file, lseek64(file, 0, SEEK_CUR) + length)) return -1;
  return real_write(file, data, length);
}

int fallocate64(int file, int mode, off64_t offset, off64_t length) {
  if (mode == 0 && refused(file, offset + length)) return -1;
  return REAL(fallocate64)(file, mode, offset, length);
}

int fallocate(int file, int mode, off_t offset, off_t length) { return fallocate64(file, mode, offset, length); }

int posix_fallocate64(int file, off64_t offset, off64_t length) {
  return refused(file, offset + length) ? ENOSPC : REAL(posix_fallocate64)(file, offset, length);
}

int posix_fallocate(int file, off_t offset, off_t length) { return posix_fallocate64(file, offset, length); }
