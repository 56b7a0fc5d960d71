package import Base
import CLinux
import Linux

/// What skiff-image works out for a launch that must not do it itself: it fetches, reads JSON, checks signatures, and opens
/// libraries.
package struct HelperAnswer {
    /// The descriptor over which it answers, and the one where it finds what it is given.
    private static let (output, input): (CInt, CInt) = (FetchAnswer.descriptor, 4)

    private let installation: Installation

    package init(installation: Installation) { self.installation = installation }

    /// Runs the helper and returns its answer. Where it fails it has said why, and this process ends as it did.
    ///
    /// - Parameters:
    ///   - given: a descriptor that it gets as well.
    ///   - limit: of the answer, in bytes.
    package func bytes(_ words: [String], giving given: Int32? = nil, limit: Int = 1 << 16) throws(SkiffError)
        -> [UInt8]
    {
        var environment = environmentWithoutKeys()
        environment.append("SKIFF_MESSAGELEVEL=\(Log.level)")
        if !Log.isColored { environment.append("SKIFF_NOCOLOR=1") }
        let (answer, status) = try during("cannot start \(installation.imageTool)") { () throws(Errno) in
            let pipe = try makePipe()
            let ours = OwnedFD(adopting: pipe.first)
            let theirs = OwnedFD(adopting: pipe.second)
            let descriptors = [(Self.output, theirs.raw)] + (given.map { [(Self.input, $0)] } ?? [])
            let pid = try spawn(
                installation.imageTool, ["skiff-image"] + words, environment: environment, descriptors: descriptors,
                deathSignal: SIGTERM)
            try theirs.close()
            let bytes = try readToEnd(ours.raw, limit: limit)
            return (bytes, try waitFor(pid)?.status)
        }
        if case .exited(let code) = status, code != 0 { leave(code) }
        if case .signaled(let signal) = status { leave(128 + signal) }
        return answer
    }
}
