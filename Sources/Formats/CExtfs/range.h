#ifndef SKIFF_CEXTFS_RANGE_H
#define SKIFF_CEXTFS_RANGE_H

#include <stdint.h>
#include <ext2fs/ext2fs.h>

extern io_manager const skl_extfs_range_manager;

#endif
