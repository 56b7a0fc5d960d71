import ELF
import Linux
import Shell

/// LD_LIBRARY_PATH once the scripts are done (Docs/spec/runtime.md §5.2): libraries lent by the host must be found
/// last, after the image's own, and what the user asked for goes around it all.
struct LibraryPath {
    let plan: EnvironmentPlan
    let files: any RootFiles

    /// Returns the new value, or nil for no change.
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

    /// An image without the scripts of the usual builders, such as a bare directory, has no line that names the lent
    /// libraries.
    ///
    /// - Returns: their directory if there are any and nothing else is set, otherwise `current`.
    func completed(_ current: [UInt8]?) -> [UInt8]? {
        let isOpen = current?.isEmpty ?? true
        return isOpen && hasEntries(EnvironmentPlan.libraryDirectory)
            ? Array(EnvironmentPlan.libraryDirectory.utf8) : current
    }

    private var isWanted: Bool {
        !plan.libraryPrefix.isEmpty || !plan.librarySuffix.isEmpty || hasEntries(EnvironmentPlan.libraryDirectory)
    }

    private func hasEntries(_ directory: String) -> Bool { !(files.list(directory.bytes) ?? []).isEmpty }

    /// Returns the directories of the image's own dynamic linker, in the order of its cache; none for an image without
    /// one (musl).
    func ownDirectories() -> [UInt8] {
        guard let cache = try? files.read(Array("/etc/ld.so.cache".utf8), limit: 16 << 20) else { return [] }
        return Array(Self.directories(cache).joined(separator: [ASCII.colon]))
    }

    /// Returns directories in the order of first mention; none if the bytes are not such a cache.
    static func directories(_ cache: [UInt8]) -> [[UInt8]] {
        var result: [ArraySlice<UInt8>] = []
        do throws(LinkerCache.Malformed) {
            try LinkerCache.read(cache) { _, path in
                guard path.first == ASCII.slash, let slash = path.lastIndex(of: ASCII.slash), slash > path.startIndex
                else { return }
                let directory = path[..<slash]
                if result.contains(directory) || directory.contains(ASCII.colon) || isOfLinker(directory) { return }
                result.append(directory)
            }
        } catch {
            return []
        }
        return result.map { Array($0) }
    }

    /// Directories for particular processors are chosen by the linker itself.
    private static func isOfLinker(_ directory: ArraySlice<UInt8>) -> Bool {
        directory.split(separator: ASCII.slash).dropLast().contains { $0.elementsEqual("glibc-hwcaps".utf8) }
    }
}
