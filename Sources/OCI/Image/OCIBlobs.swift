package import Base

/// A place that has the blobs of an image: a layout directory, an archive, a cache.
package protocol OCIBlobs {
    /// Returns the blob, unverified.
    func blob(_ descriptor: OCIDescriptor) throws(SkiffError) -> Blob
}

extension OCIImage {
    /// Follows a descriptor through indexes to the manifest of a platform, and opens its blobs. Index, manifest and
    /// config are verified here; layers when they are read.
    ///
    /// - Parameters:
    ///   - source: as the user named it.
    ///   - descriptor: of an index or manifest.
    package init(
        source: String, _ descriptor: OCIDescriptor, in blobs: some OCIBlobs, platform: OCIPlatform
    ) throws(SkiffError) {
        var current = descriptor
        // An index may name indexes. A loop would need a broken digest, and no image has this many levels.
        for _ in 0..<8 {
            let bytes = try Self.verified(current, "image manifest", blobs)
            switch try OCIManifestDocument(parsing: bytes) {
            case .index(let entries): current = try OCIManifestDocument.select(entries, platform, source)
            case .manifest(let manifest):
                try self.init(source: source, current.digest, manifest, in: blobs, platform: platform)
                return
            }
        }
        throw SkiffError("cannot use \(source): its indexes are nested too deep")
    }

    /// Makes the image of a manifest that is verified already.
    package init(
        source: String, _ digest: OCIDigest, _ manifest: OCIManifest, in blobs: some OCIBlobs, platform: OCIPlatform
    ) throws(SkiffError) {
        let described = try manifest.tarLayers(source)
        let config = try OCIConfig(parsing: Self.verified(manifest.config, "image config", blobs))
        guard config.platform.architecture.isEmpty || platform.accepts(config.platform) else {
            throw SkiffError("cannot use \(source): it is for \(config.platform), not for \(platform)")
        }
        guard config.diffIDs.isEmpty || config.diffIDs.count == described.count else {
            throw SkiffError(
                "cannot use \(source): its config names \(config.diffIDs.count) layers, its manifest \(described.count)"
            )
        }
        var layers: [OCILayer] = []
        for (index, layer) in described.enumerated() {
            let blob = try blobs.blob(layer)
            guard blob.size == layer.size else {
                throw SkiffError(
                    "cannot use layer \(layer.digest) of \(source): it has \(blob.size) bytes instead of \(layer.size)")
            }
            layers.append(
                OCILayer(
                    blob: blob, digest: layer.digest, diffID: config.diffIDs.isEmpty ? nil : config.diffIDs[index]))
        }
        self.init(source: source, manifestDigest: digest, config: config, layers: layers)
    }

    private static func verified(_ descriptor: OCIDescriptor, _ name: String, _ blobs: some OCIBlobs)
        throws(SkiffError) -> [UInt8]
    {
        let bytes = try blobs.blob(descriptor).bytes(limit: OCIDocument.largest)
        try descriptor.verify(bytes, name)
        return bytes
    }
}
