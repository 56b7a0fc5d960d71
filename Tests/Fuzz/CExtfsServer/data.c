#include "../../../Plugins/Overlay/Server/data.c"
