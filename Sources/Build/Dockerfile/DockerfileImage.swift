import Base
import Core
import Dockerfile
import ImageCache
import Linux
import Packing

/// The image of a FROM or `--from`, which the agent fetches that a definition would name.
///
/// A name is `docker`'s unless it has a transport (`oci-archive:x.tar`, `docker://x`), or is a path (`./x.sif`), which must lie in the
/// context.
struct DockerfileImage {
    let name: String
    let platform: Platform
    let place: DockerfilePlace
    let recipe: DockerfileRecipe
    let request: BootstrapRequest
    /// The signatures of this image, which is not the one that the definition names.
    private let verification: BaseVerification

    init(name: String, platform: Platform, place: DockerfilePlace, recipe: DockerfileRecipe, request: BootstrapRequest)
    {
        (self.name, self.platform, self.place) = (name, platform, place)
        (self.recipe, self.request) = (recipe, request)
        verification = BaseVerification([], request.installation)
    }

    /// Returns what the image is, without fetching its files, or nil when its agent cannot tell.
    func facts() throws(SkiffError) -> [StepFact]? {
        let (agent, request) = try agentAndRequest("")
        return try placed { () throws(SkiffError) in try agent.facts(request) }
    }

    /// Puts its files into an empty directory.
    func fill(_ path: String) throws(SkiffError) -> BaseContent {
        let (agent, request) = try agentAndRequest(path)
        return try placed { () throws(SkiffError) in try agent.fill(request) }
    }

    private func placed<Result>(_ body: () throws(SkiffError) -> Result) throws(SkiffError) -> Result {
        do throws(SkiffError) {
            return try body()
        } catch {
            let reason = error.errno.map { ": " + $0.description.prefix(1).lowercased() + $0.description.dropFirst() }
            throw SkiffError(
                error.message + (reason ?? ""), hint: error.hint,
                details: error.details + [place.shown(in: recipe.name)])
        }
    }

    private func agentAndRequest(_ path: String) throws(SkiffError) -> (any BootstrapAgent, BootstrapRequest) {
        var (word, from) = agentAndName
        if Self.local.contains(word) { from = try inContext(from) }
        let agent: any BootstrapAgent
        do throws(SkiffError) {
            agent = try BootstrapAgents.find(word, request.installation)
            if agent is DockerfileAgent { throw SkiffError("invalid build source \(word)") }
        } catch {
            throw .step(
                "cannot start from \(name): \(error.message)", at: place, in: recipe.name, hint: error.hint)
        }
        var options = request.options
        (options.packing.architecture, options.packing.architectureVariant) = (platform.architecture, platform.variant)
        let stage = Stage(header: [
            .init(key: "bootstrap", value: word, line: 0), .init(key: "from", value: from, line: 0),
        ])
        let request = BootstrapRequest(
            stage: stage, root: path, temporary: request.temporary, directory: request.directory,
            ownsAllIDs: request.ownsAllIDs, options: options, installation: request.installation,
            verification: verification)
        return (agent, request)
    }

    private static let transports: Set<String> = [
        "docker", "docker-daemon", "docker-archive", "oci", "oci-archive", "library", "oras", "shub", "localimage",
    ]

    /// The transports whose names are paths of this host.
    private static let local: Set<String> = ["localimage", "oci", "oci-archive", "docker-archive"]

    /// Returns the path of an image from the root; a relative one lies in the context. As with Docker a Dockerfile, whose author
    /// may be a stranger, sees nothing outside of it.
    ///
    /// - Parameter reference: a path, which may be followed by a colon and a tag; both may have colons.
    private func inContext(_ reference: String) throws(SkiffError) -> String {
        let absolute = reference.utf8.first == 0x2F ? reference : recipe.context + "/" + reference
        let ends = absolute.utf8.indices.filter { absolute.utf8[$0] == 0x3A } + [absolute.endIndex]
        for end in ends {
            let path = String(absolute[..<end])
            guard (try? status(path, follow: false)) != nil else { continue }
            guard let real = try? realPath(path), let context = try? realPath(recipe.context),
                isPath(real, within: context)
            else {
                throw .step(
                    "cannot start from \(name): it lies outside of the build context \(recipe.context)", at: place,
                    in: recipe.name, hint: "Put the image into the context, or into a registry")
            }
        }
        let exists = ends.contains { (try? status(String(absolute[..<$0]))) != nil }
        return exists ? absolute : reference
    }

    private var agentAndName: (word: String, from: String) {
        if ["/", "./", "../"].contains(where: { name.hasPrefix($0) }) { return ("localimage", name) }
        guard let colon = name.firstIndex(of: ":"), Self.transports.contains(String(name[..<colon])) else {
            return splitPluginURI(name).map { ($0.scheme, $0.rest) } ?? ("docker", name)
        }
        let rest = name[name.index(after: colon)...]
        return (String(name[..<colon]), String(rest.hasPrefix("//") ? rest.dropFirst(2) : rest))
    }

    /// Returns how a container of the image is run, from what `fill` found.
    func config(_ content: BaseContent) throws(SkiffError) -> ContainerConfig {
        guard let object = content.objects.first(where: { $0.path == "oci-config.json" }) else {
            // An image of ours has its variables in scripts, which stay.
            return content.keepsMetadata ? ContainerConfig() : .scratch
        }
        guard let config = (try? JSONReader.read(object.bytes)).flatMap({ ContainerConfig(json: $0) }) else {
            throw .step("cannot read the configuration of \(name)", at: place, in: recipe.name)
        }
        return config
    }
}
