#include "../../../Plugins/Overlay/Server/room.c"
