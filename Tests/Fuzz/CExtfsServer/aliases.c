#include "../../../Plugins/Overlay/Server/aliases.c"
