#include "../../../Plugins/Overlay/Server/marks.c"
