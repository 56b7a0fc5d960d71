#include "../../../Plugins/Overlay/Server/names.c"
