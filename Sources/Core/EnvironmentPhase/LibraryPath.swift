import Linux
import Shell

/// LD_LIBRARY_PATH when the scripts are done (Docs/spec/runtime.md §5.2): libraries that the host lends must be found
/// last, after the image's own, and what the user asked for comes around it all.
struct LibraryPath {
    let plan: EnvironmentPlan
    let files: any RootFiles

    /// The new value, or nil for no change.
    func adjusted(_ current: [UInt8]?) -> [UInt8]? {
        let lent = Array(EnvironmentPlan.libraryDirectory.utf8)
        let before = current.flatMap { $0.isEmpty ? nil : $0 }
        var path = before ?? []
        if path == lent, isWanted { path = EnvironmentPlan.joined(ownDirectories(), lent) }
        if hasEntries("/.singularity.d/libs32") {
            path = EnvironmentPlan.joined(path, Array("/.singularity.d/libs32".utf8))
        }
        path = EnvironmentPlan.joined(EnvironmentPlan.joined(plan.libraryPrefix, path), plan.librarySuffix)
        return path == (before ?? []) ? nil : path
    }

    /// An image without scripts of the usual builders, such as a bare directory, has no line that names the lent
    /// libraries.
    ///
    /// - Returns: their directory if there are any and nothing else is set, else `current`.
    func completed(_ current: [UInt8]?) -> [UInt8]? {
        let isOpen = current?.isEmpty ?? true
        return isOpen && hasEntries(EnvironmentPlan.libraryDirectory)
            ? Array(EnvironmentPlan.libraryDirectory.utf8) : current
    }

    private var isWanted: Bool {
        !plan.libraryPrefix.isEmpty || !plan.librarySuffix.isEmpty || hasEntries(EnvironmentPlan.libraryDirectory)
    }

    private func hasEntries(_ directory: String) -> Bool { !(files.list(directory.bytes) ?? []).isEmpty }

    /// Directories of the image's own dynamic linker, in the order of its cache; empty for an image without one (musl).
    func ownDirectories() -> [UInt8] {
        guard let cache = try? files.read(Array("/etc/ld.so.cache".utf8), limit: 16 << 20) else { return [] }
        return Array(LinkerCache.directories(cache).joined(separator: [ASCII.colon]))
    }
}
