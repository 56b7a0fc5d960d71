package import Base
import Core
import Linux

/// An image on this host, by one of the transports of Docs/spec/sif-use.md §1.
package struct LocalSource: Sendable, Equatable {
    package enum Transport: String, Sendable, CaseIterable {
        case layout = "oci"
        case layoutArchive = "oci-archive"
        case dockerArchive = "docker-archive"
        case dockerDaemon = "docker-daemon"
    }

    package let transport: Transport
    /// What follows the transport's colon.
    package let reference: String

    package init(_ transport: Transport, _ reference: String) {
        (self.transport, self.reference) = (transport, reference)
    }

    /// `oci-archive:path:tag`; nil for anything else.
    package init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), let transport = Transport(rawValue: String(text[..<colon])) else {
            return nil
        }
        let rest = text[text.index(after: colon)...]
        self.init(transport, String(rest.hasPrefix("//") ? rest.dropFirst(2) : rest))
    }

    /// The address as users write it.
    package var text: String { transport.rawValue + ":" + reference }

    /// Opens the image. Layers are not read yet.
    ///
    /// - Parameters:
    ///   - directory: where relative paths start.
    ///   - temporary: a private directory for what has to be decompressed or comes from the daemon.
    ///   - daemon: `--docker-host`; nil for DOCKER_HOST or Docker's own socket.
    package func open(
        platform: OCIPlatform, directory: String, temporary: String, daemon: String? = nil
    ) throws(SkiffError) -> OCIImage {
        if transport == .dockerDaemon {
            let archive = try DockerDaemon(host: daemon).export(reference, to: temporary)
            return try image(TarIndex(archive, path: text, temporary: temporary), "", text, platform)
        }
        let (path, name) = try split(in: directory)
        if transport == .layout {
            return try OCILayout(directory: path).image(name, source: text, platform: platform)
        }
        return try image(TarIndex(Blob(path: path), path: path, temporary: temporary), name, path, platform)
    }

    private func image(_ index: TarIndex, _ name: String, _ path: String, _ platform: OCIPlatform)
        throws(SkiffError) -> OCIImage
    {
        // Newer versions of docker save write both forms; the layout has more in it.
        if transport == .layoutArchive || index.has("oci-layout") && index.has("index.json") {
            return try OCILayout(index, path: path).image(name, source: text, platform: platform)
        }
        return try DockerArchive(index: index, path: path).image(name, source: text, platform: platform)
    }

    /// Returns the file or directory and the name of the image in it: `path`, `path:name`, `path@digest`, and for
    /// docker-archive `path:@N`. A colon may be part of the path where the longer path exists.
    private func split(in directory: String) throws(SkiffError) -> (path: String, name: String) {
        func absolute(_ path: some StringProtocol) -> String {
            path.hasPrefix("/") ? String(path) : directory + "/" + path
        }
        guard !reference.isEmpty else { throw SkiffError("cannot use \(text): it names no file") }
        if (try? status(absolute(reference))) != nil { return (absolute(reference), "") }
        let digest = reference.indices.last { reference[$0...].hasPrefix("@sha256:") }
        if let digest { return (absolute(reference[..<digest]), String(reference[digest...].dropFirst())) }
        var end = reference.startIndex
        while let colon = reference[end...].firstIndex(of: ":") {
            let path = reference[..<colon]
            end = reference.index(after: colon)
            if (try? status(absolute(path))) != nil { return (absolute(path), String(reference[end...])) }
        }
        throw SkiffError("cannot read \(reference.prefix { $0 != ":" })", errno: .noSuchFile)
    }
}
