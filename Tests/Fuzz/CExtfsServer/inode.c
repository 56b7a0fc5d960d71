#include "../../../Plugins/Overlay/Server/inode.c"
