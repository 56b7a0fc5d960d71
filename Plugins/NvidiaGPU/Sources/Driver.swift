package import PluginKit

/// The files of the driver on this host.
package struct Driver: Sendable, Equatable {
    /// A file that the container gets.
    package struct File: Sendable, Equatable {
        package let source: String
        package let destination: String
        package init(source: String, destination: String) { (self.source, self.destination) = (source, destination) }
    }

    package var libraries: [File] = []
    package var libraries32: [File] = []
    package var programs: [File] = []
    package var files: [File] = []
    package var sockets: [File] = []

    package static let libraryFolder = "/.singularity.d/libs"
    package static let libraryFolder32 = "/.singularity.d/libs32"

    /// Where to look; tests use other places.
    package struct Places: Sendable {
        /// The libraries of the linker's cache, in its order.
        package var cache: [HostLibrary] = []
        /// The directories of PATH.
        package var path: [String] = []
        package var persistenceSocket = "/var/run/nvidia-persistenced/socket"
        /// Libraries that an outer container already got, when this run is inside one.
        package var inherited = Driver.libraryFolder
        package init() {}
    }

    package init() {}

    /// - Parameter kind: the kind of the running program; libraries for another processor are skipped.
    package init(_ list: LibraryList, in places: Places, kind: ELFHeader, compat32: Bool = false) {
        libraries = Self.inherited(places.inherited, kind)
        Self.collect(list, places, kind, below: Self.libraryFolder, into: &libraries)
        if compat32 { Self.collect(list, places, .i386, below: Self.libraryFolder32, into: &libraries32) }
        for name in list.programs {
            let found = places.path.lazy.map { "\($0)/\(name)" }.first { isProgram($0) }
            if let found { programs.append(File(source: found, destination: "/usr/bin/\(name)")) }
        }
        files = list.files.filter { exists($0) }.map { File(source: $0, destination: $0) }
        if exists(places.persistenceSocket) {
            sockets = [File(source: places.persistenceSocket, destination: places.persistenceSocket)]
        }
    }

    package var isEmpty: Bool {
        libraries.isEmpty && libraries32.isEmpty && programs.isEmpty && files.isEmpty && sockets.isEmpty
    }

    /// Adds one file of the host for each name; the first wins.
    private static func collect(
        _ list: LibraryList, _ places: Places, _ kind: ELFHeader, below folder: String, into found: inout [File]
    ) {
        var names = Set(found.map(\.destination))
        func add(_ name: String, _ source: String) {
            let destination = "\(folder)/\(name)"
            guard !names.contains(destination), ELFHeader(ofFile: source) == kind else { return }
            names.insert(destination)
            found.append(File(source: source, destination: destination))
        }
        for wanted in list.libraries {
            for entry in places.cache where entry.name.utf8.starts(with: wanted.utf8) && isSafe(entry) {
                add(entry.name, entry.path)
            }
        }
        for path in list.libraryPaths {
            add(split(path).name, path)
            for alias in aliases(of: path) { add(alias, path) }
        }
    }

    /// Returns whether a name is a single component, since it becomes part of a destination.
    private static func isSafe(_ entry: HostLibrary) -> Bool {
        !entry.name.utf8.contains(UInt8(ascii: "/")) && entry.path.utf8.first == UInt8(ascii: "/")
    }

    private static func inherited(_ folder: String, _ kind: ELFHeader) -> [File] {
        names(in: folder).compactMap { name in
            let path = "\(folder)/\(name)"
            guard name.utf8.containsLibrarySuffix, ELFHeader(ofFile: path) == kind else { return nil }
            return File(source: path, destination: "\(libraryFolder)/\(name)")
        }
    }

    /// Returns symlinks next to a library that lead to it: `libfoo.so.1` for `libfoo.so.1.2.3`.
    private static func aliases(of path: String) -> [String] {
        guard let target = try? Host.realPath(path) else { return [] }
        let folder = split(path).folder
        return names(in: folder).filter { name in
            guard (try? Host.kind(of: "\(folder)/\(name)", followingLinks: false)) == .symlink else { return false }
            return (try? Host.realPath("\(folder)/\(name)")) == target
        }
    }
}

/// Returns the device nodes of the driver below a directory (not `/dev` in tests): `nvidia0`, `nvidiactl`,
/// `nvidia-uvm`, `nvidia-caps`.
package func deviceNodes(in directory: String = "/dev") -> [String] {
    names(in: directory).filter { $0.utf8.starts(with: "nvidia".utf8) }.map { "\(directory)/\($0)" }
}

private func names(in directory: String) -> [String] { (try? Host.names(in: directory)) ?? [] }

private func exists(_ path: String) -> Bool { (try? Host.kind(of: path)) != nil }

private func isProgram(_ path: String) -> Bool {
    (try? Host.kind(of: path)) == .file && Host.permits(.execute, path)
}

/// Returns the parts before and after the last slash of an absolute path.
private func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("/", path) }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (folder, String(path[path.utf8.index(after: slash)...]))
}
