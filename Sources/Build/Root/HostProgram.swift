import Base
import Core
import Linux

/// A program of the host that works for a build: a package manager, `%pre`, `%setup`. Where the build is root without all of root's
/// powers, skiff-root answers its calls as it does for a step.
struct HostProgram {
    let path: String
    let identity: BuildIdentity
    let installation: Installation

    /// - Parameter words: the first is its name.
    /// - Returns: how it ended.
    func run(_ words: [String], environment: [String]) throws(SkiffError) -> ExitStatus {
        let ended: ExitStatus?
        if let supervisor = identity.supervisor, let filter {
            let socket = try SupervisorLink.handover(over: supervisor)
            ended = try during("cannot start \(path)") { () throws(Errno) in
                let pid = try spawn(
                    installation.rootSupervisor, ["skiff-root", "run", filter.rawValue, path] + words.dropFirst(),
                    environment: environment, descriptors: [(child: 3, parent: socket.raw)])
                return try waitFor(pid)?.status
            }
        } else {
            ended = try during("cannot start \(path)") { () throws(Errno) in
                try waitFor(try spawn(path, words, environment: environment))?.status
            }
        }
        guard let ended else { throw SkiffError("cannot wait for \(path): it is gone") }
        return ended
    }

    private var filter: SyscallFilter.Kind? {
        switch identity.rootMode {
        case .supervised: .supervised
        case .ranges: .devices
        case .faked, nil: nil
        }
    }
}
