/* libfuse's low-level interface. The version is the one of Debian 12; libfuse keeps it for programs that ask for it. */
#ifndef SKIFF_CFUSE_H
#define SKIFF_CFUSE_H

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <malloc.h>
#include <sys/statvfs.h>

#endif
