import Base
import Core
import Grammar
import Linux
import Registry
import Signing

/// `pull [output] URI` (Docs/spec/cli.md §5, Docs/spec/sif-use.md §2).
struct PullCommand {
    private let invocation: Invocation
    private let installation: Installation
    private let settings: Settings

    init(_ invocation: Invocation, _ installation: Installation, _ settings: Settings) {
        (self.invocation, self.installation, self.settings) = (invocation, installation, settings)
    }

    func run() throws(SkiffError) {
        let words = invocation.positionals
        guard let address = words.last else { throw SkiffError("accepts between 1 and 2 arg(s)", code: .usage) }
        guard let uri = ImageURI(address) else {
            throw SkiffError("No transport type URI supplied: \(address)", hint: "docker://\(address) is such a URI")
        }
        try ImageFetch.check(uri, installation)
        let target = try target(words.count > 1 ? words[0] : nil, uri)
        let options = try NetworkOptions(invocation, settings)
        if invocation[.allowUnsigned] {
            Log.warning("--allow-unsigned is deprecated: unsigned images are pulled anyway")
        }
        Cleanup.watch()
        let scratch = Scratch(
            in: options.isCacheDisabled ? parentPath(target) ?? "/" : options.temporary, ".skiff-pull-",
            isKept: options.keepsTemporary)
        do throws(SkiffError) {
            let fetch = try ImageFetch(options, installation, settings)
            fetch.tidy()
            let image = try fetch.fetch(uri, scratch: scratch)
            if uri.transport == "library" { verify(image) }
            if invocation[.sandbox] {
                try unpack(image.path, to: target)
            } else {
                try publish(image.path, at: target, moves: !image.isCached)
            }
            scratch.remove()
            tell(image, uri, target)
        } catch {
            if options.keepsTemporary, let kept = scratch.release() {
                Log.info("Temporary files of the pull are kept in \(kept)")
            }
            scratch.remove()
            throw error
        }
    }

    private func target(_ given: String?, _ uri: ImageURI) throws(SkiffError) -> String {
        var name = given ?? invocation[.name] ?? uri.outputName
        if let folder = invocation[.dir], !folder.isEmpty { name = folder + "/" + name }
        let target = try absolutePath(name)
        if (try? status(target, follow: false)) != nil, !invocation[.force] {
            throw SkiffError("Image file already exists: \"\(name)\" - will not overwrite")
        }
        let parent = parentPath(target) ?? "/"
        guard (try? status(parent).isDirectory) == true else {
            throw SkiffError("cannot write \(name): there is no directory \(parent)")
        }
        guard isAccessible(parent, [.write, .execute]) else {
            throw SkiffError("cannot write \(name): no permission to make files in \(parent)")
        }
        return target
    }

    /// Warns about an image without a known signature, which is used anyway.
    private func verify(_ image: FetchedImage) {
        do throws(VerificationError) {
            try SignatureCheck(installation).verify(image.path)
        } catch {
            Log.warning(error.description)
            Log.warning("Skipping container verification")
        }
    }

    /// Unpacks an image by building a sandbox from it.
    private func unpack(_ image: String, to target: String) throws(SkiffError) {
        let ended = try during("cannot start \(installation.imageTool)") { () throws(Errno) in
            let pid = try spawn(
                installation.imageTool, ["skiff-image", "build", "--force", "--sandbox", target, image],
                environment: environmentStrings())
            return try waitFor(pid)?.status
        }
        guard ended == .exited(0) else {
            throw SkiffError("cannot unpack \(image) to \(target): see the message above")
        }
    }

    private func tell(_ image: FetchedImage, _ uri: ImageURI, _ target: String) {
        if uri.transport == "oras", let digest = image.digest { Log.info("Digest: \(digest)") }
        guard invocation[.json] else { return }
        let answer = JSONText.members([
            "image": .string(target), "uri": .string(uri.description), "digest": image.digest.map { .string($0) },
            "size": (try? status(target)).map { .integer($0.size) }, "cached": .bool(image.wasCached),
        ])
        try? writeAnswer(answer.text(indent: "  ") + "\n")
    }
}
