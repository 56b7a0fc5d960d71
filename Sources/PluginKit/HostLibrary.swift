@_exported public import ELF

/// A shared library that the host's dynamic linker knows: an entry of /etc/ld.so.cache, which `ldconfig -p` prints.
public struct HostLibrary: Sendable, Equatable {
    /// `libcuda.so.1`.
    public let name: String
    /// Absolute.
    public let path: String

    public init(name: String, path: String) { (self.name, self.path) = (name, path) }

    /// Returns the libraries of a cache in its order.
    public static func list(in cache: [UInt8]) throws(LinkerCache.Malformed) -> [HostLibrary] {
        var libraries: [HostLibrary] = []
        try LinkerCache.read(cache) { name, path in
            libraries.append(HostLibrary(name: String(bytes: name), path: String(bytes: path)))
        }
        return libraries
    }
}

extension ELFHeader {
    /// Nil for a file that cannot be read, or is not ELF.
    public init?(ofFile path: String) {
        guard let bytes = try? Host.head(path, count: Self.size) else { return nil }
        self.init(bytes)
    }

    /// The header of the running program.
    public static var ofThisProcess: ELFHeader? { ELFHeader(ofFile: "/proc/self/exe") }
}
