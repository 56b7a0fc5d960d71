import Base
package import OCI

/// An image of layers, and what its config contributes to the image made from it.
package struct LayeredBase: Sendable {
    package let image: OCIImage
    package let content: BaseContent

    /// - Parameter name: the full name of an image in a registry, for the labels that tell where it came from.
    package init(_ image: OCIImage, name: String? = nil) {
        self.image = image
        let scripts = OCIScripts(image.config)
        var content = BaseContent()
        content.fixesPermissions = true
        content.files = [
            .init(path: OCIScripts.environmentPath, bytes: Array(scripts.environment.utf8), mode: 0o755)
        ]
        content.keepsMetadata = scripts.keepsRunscript
        if !content.keepsMetadata {
            content.files += [
                .init(path: OCIScripts.runscriptPath, bytes: Array(scripts.runscript.utf8), mode: 0o755),
                .init(path: "/.singularity.d/labels.json", bytes: scripts.labels, mode: 0o644),
            ]
        }
        content.objects = [
            .init(path: "oci-config.json", bytes: Array(image.config.runtime.text().utf8), mode: 0)
        ]
        if let name {
            content.labels = [
                .init(key: "org.opencontainers.image.base.name", value: name),
                .init(key: "org.opencontainers.image.base.digest", value: image.manifestDigest.description),
            ]
        }
        content.created = image.config.createdSeconds
        self.content = content
    }
}
