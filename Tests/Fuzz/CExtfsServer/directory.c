#include "../../../Plugins/Overlay/Server/directory.c"
