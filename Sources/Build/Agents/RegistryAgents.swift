import Base
import ImageCache
import Packing
import Registry

/// `Bootstrap: docker`: an image of layers in a registry (Docs/spec/deffile.md §2).
struct DockerAgent: LayeredAgent {
    func open(_ order: BootstrapOrder) throws(SkiffError) -> LayeredBase {
        let options = try order.network()
        var text = order.value("from")
        if !order.value("namespace").isEmpty { text = order.value("namespace") + "/" + text }
        if !order.value("registry").isEmpty { text = order.value("registry") + "/" + text }
        let fetch = try DockerFetch(
            options, cache: try CacheDirectory.ofUser(disabled: options.isCacheDisabled), progress: Progress(),
            try RegistryReference(text))
        let scratch = Scratch(in: order.temporary)
        var image = try fetch.fetch(try fetch.find(), scratch: scratch)
        // What was damaged since it was fetched is fetched again before anything is made of it.
        if try fetch.repair(image) { image = try fetch.fetch(try fetch.find(), scratch: scratch) }
        return LayeredBase(image, name: fetch.fullName)
    }
}

/// `Bootstrap: oras`, `library`, `shub`, and schemes of plugins: an image file from elsewhere, then as `localimage`.
struct FetchedImageAgent: BootstrapAgent {
    let transport: String
    var verifiesSignatures: Bool { true }

    func fill(_ order: BootstrapOrder) throws(SkiffError) -> BaseContent {
        var options = try order.network()
        if !order.value("library").isEmpty { options.library = order.value("library") }
        let uri = ImageURI(transport: transport, reference: order.value("from"))
        let image: FetchedImage
        do throws(SkiffError) {
            image = try ImageFetch(options, order.installation, order.options.settings).fetch(
                uri, scratch: Scratch(in: order.temporary))
        } catch {
            throw SkiffError(
                "While performing build: conveyor failed to get: \(error.message)", errno: error.errno,
                hint: error.hint)
        }
        try LocalImage(
            path: image.path, root: order.root, identity: order.options.identity, ownsAllIDs: order.ownsAllIDs,
            verification: order.verification
        ).unpack()
        var content = BaseContent()
        content.keepsMetadata = true
        return content
    }
}

extension BootstrapOrder {
    /// What the command line says about networks.
    func network() throws(SkiffError) -> NetworkOptions {
        guard let network = options.network else {
            throw SkiffError("cannot reach a network: this build may not")
        }
        return try network.networkOptions()
    }
}
