import CLinux
import Linux

// Which process speaks to which during a start. Arrows are messages, `*` a point where a debug build can stop
// (SKIFF_STOP_AT).
//
//   monitor (skiff)                child                                   image server (skiff-mount)
//   ───────────────                ─────                                   ──────────────────────────
//   * planned
//   spawn ──────────────────────────────────────────────────────────────▶  fd 3 image, fd 4 control
//   * server-started                                                       read superblock, wait on 4
//   clone ───────────────────▶    * cloned
//                                 death signal, id maps      * mapped
//   plugins: created ◀───────     namespaces, where a plugin holds the start
//   plugins: networks attached
//   files, release ──────────▶
//                                 plugins: entered
//                                 clone bind sources         * sources
//                                 session tmpfs              * session
//                                 open /dev/fuse, mount(2)   * fuse-mounted
//                                 mounted + descriptor ─────────────────▶  serve: answers INIT
//                                 close /dev/fuse            * image
//                                 missing targets, overlay   * root
//                                 mounts in order            * mounts
//                                 all descriptors closed but those of the program
//                                 pivot_root                 * pivoted
//                                 environment                * environment
//                                 capabilities, exec         * exec
//   status pipe: end ◀────────    (close-on-exec)                           as SIGIO: the monitor waits for signals only
//   plugins: messages of the child, running, started
//   * running
//   wait
//   question ────────────────────────────────────────────────────────────▶
//   gone, or busy ◀──────────────────────────────────────────────────────  gone: exit
//   plugins: networks detached, undo, stopped
//   exit as the program did
//
// In place (nothing to wait for), `skiff` runs the child's column itself, after unshare(2) instead of clone(2).
// TERM, INT, HUP or QUIT before `running` ends the child, then the launch.
// kill -9 of the monitor ends the child (PDEATHSIG); of the child, the mounts of its namespace; of the server, its
// connection: a process that reads the image then gets ENOTCONN. Only the server keeps /dev/fuse open; otherwise that
// abort would not happen and a stat(2) would hang.

/// The named points of a start; a debug build stops the process that reaches the one in SKIFF_STOP_AT.
package enum LaunchStep: String, CaseIterable, Sendable {
    case planned, serverStarted = "server-started", cloned, mapped, sources, session
    case fuseMounted = "fuse-mounted", image, root, mounts, pivoted, environment, exec, running

    /// In a debug build, stops this process with SIGSTOP if the test asked for this step.
    func reached() {
        #if DEBUG
        guard let wanted = environmentValue("SKIFF_STOP_AT"), wanted == rawValue else { return }
        try? sendSignal(SIGSTOP, to: processID())
        #endif
    }
}
