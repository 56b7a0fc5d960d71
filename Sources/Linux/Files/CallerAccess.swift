import CLinux

/// Returns whether the caller may create names in an open directory, O_PATH included: access(2), which checks the real
/// ids and ignores capabilities for all but root. Those of a user namespace would let an ordinary user write to their
/// own read-only directory.
package func mayMakeNames(in directory: CInt) -> Bool {
    access("/proc/self/fd/\(directory)", W_OK | X_OK) == 0
}
