import Base
import Core
import Grammar
import Linux
import Registry

/// Fetches the image of an address for `exec` and the other commands that start a container, and tells skiff where it is (`FetchAnswer`).
struct LaunchFetch {
    private let invocation: Invocation
    private let installation: Installation
    private let settings: Settings

    init(_ invocation: Invocation, _ installation: Installation, _ settings: Settings) {
        (self.invocation, self.installation, self.settings) = (invocation, installation, settings)
    }

    func run() throws(SkiffError) {
        guard let address = invocation.positionals.first, let uri = ImageURI(address) else {
            throw SkiffError("cannot fetch an image: no address is given")
        }
        let options = try NetworkOptions(invocation, settings)
        let names = try NameTable(options)
        if options.pull != .newer, let path = names?.find(uri) { return answer(.cached(path: path)) }
        if options.pull == .never {
            throw SkiffError(
                "cannot run \(uri): it is not in the cache, and --pull=never forbids to fetch it",
                hint: "Fetch it with --pull=missing")
        }
        Cleanup.watch()
        let scratch = Scratch(in: options.temporary)
        let image: FetchedImage
        do throws(SkiffError) {
            image = try ImageFetch(options, installation, settings).fetch(uri, scratch: scratch)
        } catch {
            scratch.remove()
            guard let known = names?.find(uri), error.hint == nil else { throw error }
            throw SkiffError(
                error.message, errno: error.errno, hint: "--pull=missing runs \(lastComponent(known)) of the cache")
        }
        if image.isCached {
            scratch.remove()
            names?.keep(uri, image.path)
            answer(.cached(path: image.path))
        } else if let folder = scratch.release() {
            let name = String(bytes: Array(image.path.bytes.dropFirst(folder.bytes.count + 1)))
            answer(.temporary(directory: folder, name: name), orRemoving: folder)
        }
    }

    /// - Parameter path: removed when skiff has ended and cannot take it over.
    private func answer(_ answer: FetchAnswer, orRemoving path: String? = nil) {
        do throws(Errno) {
            try writeFully(FetchAnswer.descriptor, answer.bytes)
        } catch {
            if let path { try? removeTree(path) }
        }
    }
}
