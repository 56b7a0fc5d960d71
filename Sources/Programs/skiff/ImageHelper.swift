import Base
import CLinux
import Core
import Grammar
import Linux
import PluginHost

/// Has `skiff-image` fetch what a launch names by address: networks and caches have no place in the launch path.
struct ImageHelper {
    let installation: Installation
    let registry: () -> InstalledPlugins

    struct Fetched {
        let path: String
        /// Ends with the launch; nil for an image in the cache.
        let temporary: String?
    }

    /// - Returns: nil for a path.
    func image(of invocation: Invocation) throws(SkiffError) -> Fetched? {
        guard let image = invocation.positionals.first, try isAddress(image) else { return nil }
        let answer = try fetch(invocation)
        let words = answer.split(separator: " ", maxSplits: 2).map(String.init)
        switch words.first {
        case "cached" where words.count >= 2:
            return Fetched(path: String(answer.dropFirst(7)), temporary: nil)
        case "temporary" where words.count == 3:
            return Fetched(path: words[1] + "/" + words[2], temporary: words[1])
        default: throw SkiffError("cannot fetch \(image): skiff-image gave no answer")
        }
    }

    /// Manifests are read for schemes that only a plugin can have.
    private func isAddress(_ image: String) throws(SkiffError) -> Bool {
        guard let colon = image.utf8.firstIndex(of: UInt8(ascii: ":")) else { return false }
        if BuiltInTransport.fetching.contains(String(image[..<colon])) { return true }
        guard let scheme = splitPluginURI(image)?.scheme else { return false }
        let registry = registry()
        if registry.plugins(serving: scheme).isEmpty { throw registry.refusal(of: scheme) }
        return true
    }

    /// Runs the helper with the words as they were typed; it says on descriptor 3 where the image is.
    private func fetch(_ invocation: Invocation) throws(SkiffError) -> String {
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
                descriptors: [(3, theirs.raw)], deathSignal: SIGTERM)
            try theirs.close()
            let bytes = try readToEnd(ours.raw, limit: 1 << 16)
            return (String(bytes: bytes), try waitFor(pid)?.status)
        }
        // It has said why.
        if case .exited(let code) = status, code != 0 { exit(code) }
        if case .signaled(let signal) = status { exit(128 + signal) }
        return answer.last == "\n" ? String(answer.dropLast()) : answer
    }
}
