import Base
import CLinux
import Core
import Grammar
import Linux
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
        var environment = environmentStrings()
        environment.append("SKIFF_MESSAGELEVEL=\(Log.level)")
        if !invocation.global.isColorAllowed { environment.append("SKIFF_NOCOLOR=1") }
        let (answer, status) = try during("cannot start \(installation.imageTool)") { () throws(Errno) in
            let pipe = try makePipe()
            let ours = OwnedFD(adopting: pipe.first)
            let theirs = OwnedFD(adopting: pipe.second)
            let pid = try spawn(
                installation.imageTool, ["skiff-image"] + invocation.global.configurationWords + invocation.words,
                environment: environment,
                descriptors: [(FetchAnswer.descriptor, theirs.raw)], deathSignal: SIGTERM)
            try theirs.close()
            let bytes = try readToEnd(ours.raw, limit: 1 << 16)
            return (FetchAnswer(bytes), try waitFor(pid)?.status)
        }
        // The helper has already said why.
        if case .exited(let code) = status, code != 0 { exit(code) }
        if case .signaled(let signal) = status { exit(128 + signal) }
        return answer
    }
}
