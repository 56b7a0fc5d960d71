#include "../../../Plugins/Overlay/Server/rename.c"
