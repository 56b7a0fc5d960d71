#include "../../../Plugins/Overlay/Server/xattrs.c"
