import Base
import ImageCache
import Packing
import Registry

/// `Bootstrap: docker`: an image of layers in a registry (Docs/spec/deffile.md §2).
struct DockerAgent: LayeredAgent {
    func open(_ request: BootstrapRequest) throws(SkiffError) -> LayeredBase {
        let options = try request.network()
        var text = request.value("from")
        if !request.value("namespace").isEmpty { text = request.value("namespace") + "/" + text }
        if !request.value("registry").isEmpty { text = request.value("registry") + "/" + text }
        let fetch = try DockerFetch(
            options, cache: try CacheDirectory.ofUser(disabled: options.isCacheDisabled), progress: Progress(),
            try RegistryReference(text))
        let scratch = Scratch(in: request.temporary)
        var image = try fetch.fetch(try fetch.find(), scratch: scratch)
        // What was damaged since it was fetched is fetched again, before an image is made of it.
        if try fetch.repair(image) { image = try fetch.fetch(try fetch.find(), scratch: scratch) }
        return LayeredBase(image, name: fetch.fullName)
    }
}

/// `Bootstrap: oras`, `library`, `shub`, and schemes of plugins: an image file from elsewhere, then as `localimage`.
struct FetchedImageAgent: BootstrapAgent {
    let transport: String
    var verifiesSignatures: Bool { true }

    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        var options = try request.network()
        if !request.value("library").isEmpty { options.library = request.value("library") }
        let uri = ImageURI(transport: transport, reference: request.value("from"))
        let image: FetchedImage
        do throws(SkiffError) {
            image = try ImageFetch(options, request.installation, request.options.settings).fetch(
                uri, scratch: Scratch(in: request.temporary))
        } catch {
            throw SkiffError(
                "While performing build: conveyor failed to get: \(error.message)", errno: error.errno,
                hint: error.hint)
        }
        try LocalImage(
            path: image.path, root: request.root, identity: request.options.identity, ownsAllIDs: request.ownsAllIDs,
            verification: request.verification
        ).unpack()
        var content = BaseContent()
        content.keepsMetadata = true
        return content
    }
}

extension BootstrapRequest {
    /// Returns what the command line says about networks.
    func network() throws(SkiffError) -> NetworkOptions {
        guard let network = options.network else {
            throw SkiffError("cannot reach a network: this build may not")
        }
        return try network.networkOptions()
    }
}
