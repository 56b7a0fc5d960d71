import CLinux

/// Whether a name matches a pattern of the shell; fnmatch(3).
package func matches(_ name: String, _ pattern: String) -> Bool {
    name.withTerminatedBytes { name in pattern.withTerminatedBytes { fnmatch($0, name, 0) } } == 0
}
