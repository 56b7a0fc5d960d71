import Base
import Core
import Grammar
import PluginHost

/// Lets `skiff-image` fetch an image that a launch names by address: networks and caches have no place in the launch
/// path.
struct ImageHelper {
    let installation: Installation
    let catalog: PluginCatalog

    /// - Returns: nil for a path.
    func image(of invocation: Invocation) throws(SkiffError) -> FetchAnswer? {
        guard let image = invocation.positionals.first, try isAddress(image) else { return nil }
        guard let answer = try fetch(invocation) else {
            throw SkiffError("cannot fetch \(image): skiff-image gave no answer")
        }
        return answer
    }

    /// Manifests are read for schemes that only a plugin can have.
    private func isAddress(_ image: String) throws(SkiffError) -> Bool {
        guard let colon = image.utf8.firstIndex(of: UInt8(ascii: ":")) else { return false }
        if BuiltInTransport.fetching.contains(String(image[..<colon])) { return true }
        guard let scheme = splitPluginURI(image)?.scheme else { return false }
        if catalog.plugins(for: [.scheme(scheme)]).plugins(serving: scheme).isEmpty {
            throw catalog.all.refusal(of: scheme)
        }
        return true
    }

    /// Runs the helper with the words as they were typed; it reports where the image is.
    private func fetch(_ invocation: Invocation) throws(SkiffError) -> FetchAnswer? {
        FetchAnswer(
            try HelperAnswer(installation: installation).bytes(
                invocation.global.configurationWords + invocation.words))
    }
}
