package import Base
package import ImageCache
import Linux
import OCI
import Ownership
package import Packing

/// An agent whose base is an image of layers: it only has to open it. Layers go straight into a SIF where nothing has
/// to run in the image, and into a directory where something has to.
package protocol LayeredAgent: BootstrapAgent {
    func open(_ request: BootstrapRequest) throws(SkiffError) -> LayeredBase
}

extension LayeredAgent {
    /// The digest counts, and not only the name: a tag may come to mean another image.
    package func facts(_ request: BootstrapRequest) throws(SkiffError) -> [StepFact]? {
        let base = try open(request)
        return [
            StepFact("the base image", base.image.manifestDigest.description),
            StepFact("the name of the base image", request.value("from")),
        ]
    }

    package func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        let base = try open(request)
        Log.info("Extracting layers...")
        let target = try during("cannot open \(request.root)") { () throws(Errno) in
            try Linux.open(request.root, [.read, .directory])
        }
        let owners: TreeExtraction.Owners =
            switch request.options.identity.keeping {
            case .owners: .recorded
            case .devices: .ownButDevices
            case .nothing: request.ownsAllIDs ? .own : .none
            }
        let merged = try MergedImage(base.image)
        try TreeExtraction(merged, to: TreeRoot(adopting: target), path: request.root, owners: owners).run()
        return base.content
    }
}

/// `Bootstrap: oci`, `oci-archive`, `docker-archive`, `docker-daemon`: an image that is on this host
/// (Docs/spec/deffile.md §2).
struct LocalLayersAgent: LayeredAgent {
    let transport: LocalSource.Transport

    func open(_ request: BootstrapRequest) throws(SkiffError) -> LayeredBase {
        let source = LocalSource(transport, request.value("from"))
        do throws(SkiffError) {
            let platform = OCIPlatform(
                architecture: request.options.packing.architecture, variant: request.options.packing.architectureVariant
            )
            return LayeredBase(
                try source.open(
                    platform: platform, directory: request.directory, temporary: request.temporary,
                    daemon: request.options.dockerHost))
        } catch {
            throw SkiffError(
                "While performing build: conveyor failed to get: \(error.message)", errno: error.errno,
                hint: error.hint)
        }
    }
}
