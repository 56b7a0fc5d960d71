/// An image of one platform, ready to be unpacked: every transport ends here, and everything that makes root file systems
/// begins here.
package struct OCIImage: Sendable {
    /// As the user named it, with the transport: for messages.
    package var source: String
    /// Of the manifest for this platform; for archives that have none, of the one that stands for them.
    package var manifestDigest: OCIDigest
    package var config: OCIConfig
    /// From the lowest to the uppermost.
    package var layers: [OCILayer]

    package init(source: String, manifestDigest: OCIDigest, config: OCIConfig, layers: [OCILayer]) {
        (self.source, self.manifestDigest, self.config, self.layers) = (source, manifestDigest, config, layers)
    }
}

/// A change set: a tar archive, as it is or compressed; which, its first bytes tell.
package struct OCILayer: Sendable {
    package var blob: Blob
    /// Of the bytes as they are; nil where nothing names them (docker-archive).
    package var digest: OCIDigest?
    /// Of the tar archive without compression, from the config.
    package var diffID: OCIDigest?

    package init(blob: Blob, digest: OCIDigest?, diffID: OCIDigest?) {
        (self.blob, self.digest, self.diffID) = (blob, digest, diffID)
    }
}
