import CLinux

/// Returns whether the caller may make names in an open directory, O_PATH included: access(2), which asks for the real
/// ids and leaves capabilities aside for all but root. Those of a user namespace would let an ordinary user write to a
/// directory of his own that is read-only.
package func mayMakeNames(in directory: CInt) -> Bool {
    access("/proc/self/fd/\(directory)", W_OK | X_OK) == 0
}
