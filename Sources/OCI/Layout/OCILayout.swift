package import Base
import Linux

/// An image layout, in a directory or a tar archive; OCI image-spec, image-layout.md.
package struct OCILayout: OCIBlobs {
    private let place: Place
    private let path: String

    private enum Place {
        case directory
        case archive(TarIndex)
    }

    package init(directory: String) throws(SkiffError) {
        (place, path) = (.directory, directory)
        guard (try? status(directory))?.isDirectory == true else {
            throw SkiffError("cannot read \(directory): it is no directory")
        }
    }

    init(_ archive: TarIndex, path: String) { (place, self.path) = (.archive(archive), path) }

    private func file(_ name: String) throws(SkiffError) -> Blob {
        switch place {
        case .directory: try Blob(path: path + "/" + name)
        case .archive(let index): try index.blob(name)
        }
    }

    package func blob(_ descriptor: OCIDescriptor) throws(SkiffError) -> Blob {
        do throws(SkiffError) {
            return try file("blobs/sha256/" + descriptor.digest.hex)
        } catch {
            throw SkiffError("cannot use \(path): the blob \(descriptor.digest) is missing", errno: error.errno)
        }
    }

    /// Returns the images that the layout names.
    package func entries() throws(SkiffError) -> [OCIDescriptor] {
        let version = try OCIDocument(file("oci-layout").bytes(limit: 4096), "oci-layout of \(path)")
        guard try version.text("imageLayoutVersion")?.hasPrefix("1.") == true else {
            throw SkiffError("cannot use \(path): it is an image layout of an unknown version")
        }
        let bytes = try file("index.json").bytes(limit: OCIDocument.largest)
        guard case .index(let entries) = try OCIManifestDocument(parsing: bytes) else {
            throw SkiffError("cannot use \(path): its index.json is no index")
        }
        return entries
    }

    /// Returns the image with a name.
    ///
    /// - Parameters:
    ///   - reference: a tag, a complete reference, or a digest; empty for the only image.
    ///   - source: as the user named it.
    package func image(_ reference: String, source: String, platform: OCIPlatform) throws(SkiffError) -> OCIImage {
        let entries = try entries()
        return try OCIImage(source: source, select(reference, entries, source, platform), in: self, platform: platform)
    }

    private func select(
        _ reference: String, _ entries: [OCIDescriptor], _ source: String, _ platform: OCIPlatform
    ) throws(SkiffError) -> OCIDescriptor {
        guard !reference.isEmpty else {
            if entries.count == 1, let only = entries.first { return only }
            // Several platforms of one image need no name.
            if Set(entries.filter { !$0.isAttestation }.map { $0.referenceName ?? "" }).count == 1 {
                return try OCIManifestDocument.select(entries, platform, source)
            }
            throw SkiffError(
                "cannot use \(source): it has \(entries.count) images",
                hint: entries.isEmpty ? nil : "Name one of them: " + names(entries).joined(separator: ", "))
        }
        let matching = entries.filter { entry in
            entry.digest.description == reference || entry.referenceName == reference
                || entry.referenceName.map { $0.hasSuffix(":" + reference) } == true
                || entry.annotations["io.containerd.image.name"].map { DockerName.same($0, reference) } == true
        }
        if matching.count == 1, let only = matching.first { return only }
        guard !matching.isEmpty else {
            // A manifest inside an index, or one that the index does not list.
            if let digest = try? OCIDigest(reference), let size = try? file("blobs/sha256/" + digest.hex).size {
                return OCIDescriptor(mediaType: "", digest: digest, size: size)
            }
            throw SkiffError(
                "cannot use \(source): it has no image named \(reference)",
                hint: entries.isEmpty ? nil : "It has " + names(entries).joined(separator: ", "))
        }
        return try OCIManifestDocument.select(matching, platform, source)
    }

    private func names(_ entries: [OCIDescriptor]) -> [String] {
        entries.filter { !$0.isAttestation }.map { $0.referenceName ?? $0.digest.description }
    }
}

/// Names of images as Docker writes them: `alpine` is `docker.io/library/alpine:latest`.
enum DockerName {
    static func same(_ one: String, _ other: String) -> Bool { full(one) == full(other) }

    static func full(_ name: String) -> String {
        var name = name
        let first = name.prefix { $0 != "/" }
        if !name.contains("/") {
            name = "docker.io/library/" + name
        } else if !first.contains("."), !first.contains(":"), first != "localhost" {
            name = "docker.io/" + name
        }
        let last = name.split(separator: "/").last ?? ""
        return last.contains(":") || last.contains("@") ? name : name + ":latest"
    }
}
