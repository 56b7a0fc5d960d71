import CLinux

/// What foreign code in this process could leave changed: directories, signals, limits, identity, what it left running. Most
/// of it would reach the program that this process becomes.
package final class ProcessState {
    private let copy: OpaquePointer
    private let ownsChildren: Bool

    package struct Changes {
        /// Each as `it changed the umask`.
        package var undone: [String] = []
        package var left: [String] = []
        package var isEmpty: Bool { undone.isEmpty && left.isEmpty }
    }

    /// Reads the state of this process.
    /// - Parameters:
    ///   - ownsChildren: whether it has no children but those that the foreign code makes.
    ///   - kept: descriptors that must stay what they are, eight at most.
    package init(ownsChildren: Bool, keeping kept: [CInt] = []) throws(Errno) {
        guard let copy = skl_process_copy(ownsChildren ? 1 : 0, kept, kept.count) else { throw .noMemory }
        (self.copy, self.ownsChildren) = (copy, ownsChildren)
    }

    deinit { skl_process_copy_free(copy) }

    /// Lets what is printed to standard output go to standard error, until `endDiversion`.
    package func divert() { skl_process_divert(copy) }

    package func endDiversion() { skl_process_undivert(copy) }

    /// Whether this process was forked from the one that made the value.
    package var isOfOtherProcess: Bool { skl_process_is_other(copy) != 0 }

    /// Puts back what has changed since the value was made.
    /// - Parameters:
    ///   - everything: also what takes tens of microseconds to find out.
    ///   - withChildren: also children of the process, if it owns them.
    package func restore(everything: Bool, withChildren: Bool) -> Changes {
        var deeds = [UnsafePointer<CChar>?](repeating: nil, count: 64)
        var undone = 0
        let count = skl_process_restore(
            copy, everything ? 1 : 0, ownsChildren && withChildren ? 1 : 0, &deeds, deeds.count, &undone)
        if count == 0 { return Changes() }
        let texts = deeds.prefix(count).compactMap { $0.map { String(bytes: $0) } }
        return Changes(undone: Array(texts.prefix(undone)), left: Array(texts.dropFirst(undone)))
    }
}
