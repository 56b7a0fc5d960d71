/* Names the plugin when its code crashes the process. */
#ifndef SKL_CRASH_MARKER_H
#define SKL_CRASH_MARKER_H

/* From now on a fatal signal prints "plugin <what> crashed" before the process dies by it. NULL: no plugin is running.
 * what is copied, and cut at 200 bytes. The first call installs the signal handlers; an exec takes them away. */
void skl_crash_marker_set(const char *what);

#endif
