package import Base
package import ImageCache
import Inspect
import Linux
package import OCI
import Ownership

/// An agent whose base is an image of layers: it only has to open it. Layers go straight into a SIF where nothing has
/// to run in the image, and into a directory where something has to.
package protocol LayeredAgent: BootstrapAgent {
    func open(_ order: BootstrapOrder) throws(SkiffError) -> LayeredBase
}

/// An image of layers, and what its config leaves to the build.
package struct LayeredBase: Sendable {
    package let image: OCIImage
    package let content: BaseContent

    /// - Parameters:
    ///   - name: of an image in a registry, whole; for the labels that tell where it came from.
    package init(_ image: OCIImage, name: String? = nil) {
        self.image = image
        let scripts = OCIScripts(image.config)
        var content = BaseContent()
        content.fixesPermissions = true
        content.files = [
            .init(path: OCIScripts.environmentPath, bytes: Array(scripts.environment.utf8), mode: 0o755),
            .init(path: OCIScripts.runscriptPath, bytes: Array(scripts.runscript.utf8), mode: 0o755),
            .init(path: "/.singularity.d/labels.json", bytes: scripts.labels, mode: 0o644),
        ]
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

extension LayeredAgent {
    /// Bytes count, not names: a tag may come to mean another image.
    package func facts(_ order: BootstrapOrder) throws(SkiffError) -> [StepFact]? {
        let base = try open(order)
        return [
            StepFact("the base image", base.image.manifestDigest.description),
            StepFact("the name of the base image", order.value("from")),
        ]
    }

    package func fill(_ order: BootstrapOrder) throws(SkiffError) -> BaseContent {
        let base = try open(order)
        Log.info("Extracting layers...")
        let target = try during("cannot open \(order.root)") { () throws(Errno) in
            try Linux.open(order.root, [.read, .directory])
        }
        let owners: TreeExtraction.Owners =
            switch order.options.identity.keeping {
            case .owners: .recorded
            case .devices: .ownButDevices
            case .nothing: order.ownsAllIDs ? .own : .none
            }
        let merged = try MergedImage(base.image)
        try TreeExtraction(merged, to: TreeRoot(adopting: target), path: order.root, owners: owners).run()
        return base.content
    }
}

/// `Bootstrap: oci`, `oci-archive`, `docker-archive`, `docker-daemon`: an image that is on this host
/// (Docs/spec/deffile.md §2).
struct LocalLayersAgent: LayeredAgent {
    let transport: LocalSource.Transport

    func open(_ order: BootstrapOrder) throws(SkiffError) -> LayeredBase {
        let source = LocalSource(transport, order.value("from"))
        do throws(SkiffError) {
            let platform = OCIPlatform(
                architecture: order.options.architecture, variant: order.options.architectureVariant)
            return LayeredBase(
                try source.open(
                    platform: platform, directory: order.directory, temporary: order.temporary,
                    daemon: order.options.dockerHost))
        } catch {
            throw SkiffError(
                "While performing build: conveyor failed to get: \(error.message)", errno: error.errno,
                hint: error.hint)
        }
    }
}
