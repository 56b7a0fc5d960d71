/// An image of one platform, ready to be unpacked: the result of every transport, and the source of every root file
/// system that is made from layers.
package struct OCIImage: Sendable {
    /// The name that the user gave, with the transport, for messages.
    package var source: String
    /// The digest of the manifest for this platform; for an archive without a manifest, of one made from it.
    package var manifestDigest: OCIDigest
    package var config: OCIConfig
    /// The layers, the lowest first.
    package var layers: [OCILayer]

    package init(source: String, manifestDigest: OCIDigest, config: OCIConfig, layers: [OCILayer]) {
        (self.source, self.manifestDigest, self.config, self.layers) = (source, manifestDigest, config, layers)
    }
}

/// A change set: a tar archive, compressed or not, as its first bytes tell.
package struct OCILayer: Sendable {
    package var blob: Blob
    /// The digest of the bytes as they are; nil where nothing names it (docker-archive).
    package var digest: OCIDigest?
    /// The digest of the uncompressed tar archive, from the config.
    package var diffID: OCIDigest?

    package init(blob: Blob, digest: OCIDigest?, diffID: OCIDigest?) {
        (self.blob, self.digest, self.diffID) = (blob, digest, diffID)
    }
}
