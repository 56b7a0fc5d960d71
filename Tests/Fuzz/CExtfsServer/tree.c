#include "../../../Plugins/Overlay/Server/tree.c"
