/* What the program takes from the C library, and nothing else: little enough to do without an NDK. */
#ifndef RAPSAM_PLATFORM_H
#define RAPSAM_PLATFORM_H

#ifdef RAPSAM_NO_NDK
#include "bionic.h"
#else
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif

#endif
