import Base
import Bundles
import Core
import Grammar
import Linux

/// The program of `exec`: a file, or the container's own with what the command line says.
struct EnteringProcess {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func process(in container: BundleProcess?) throws(SkiffError) -> BundleProcess {
        let words = Array(invocation.positionals.dropFirst())
        if let path = invocation[.process] {
            guard words.isEmpty else { throw wrong("--process has the command already") }
            let bytes = try during("cannot read \(path)") { () throws(Errno) in try readFile(path, limit: 4 << 20) }
            var process = try BundleProcess(parsing: bytes, file: path)
            if invocation[.tty] { process.hasTerminal = true }
            return process
        }
        guard !words.isEmpty else { throw wrong("a command is missing") }
        guard var process = container else { throw SkiffError("cannot start a program: the container has none itself") }
        process.arguments = words
        process.hasTerminal = invocation[.tty]
        process.size = nil
        for text in invocation[.environmentEntries] {
            guard text.utf8.dropFirst().contains(UInt8(ascii: "=")) else {
                throw wrong("--env '\(text)' is not NAME=VALUE")
            }
            process.environment.append(text)
        }
        if let directory = invocation[.cwd] {
            guard directory.hasPrefix("/") else { throw wrong("--cwd '\(directory)' must be absolute") }
            process.directory = absolutePath(directory, in: "/")
        }
        try setUser(&process)
        for name in invocation[.cap] {
            guard let number = Capability.number(of: name) else { throw wrong("--cap '\(name)' is no capability") }
            let bit = UInt64(1) << UInt64(number)
            process.capabilities.bounding |= bit
            process.capabilities.effective |= bit
            process.capabilities.permitted |= bit
        }
        if invocation[.noNewPrivs] { process.noNewPrivileges = true }
        return process
    }

    private func setUser(_ process: inout BundleProcess) throws(SkiffError) {
        var (uid, gid) = (process.user.uid, process.user.gid)
        if let text = invocation[.user] {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { UInt32($0) }
            guard let user = parts[0], parts.count == 1 || parts[1] != nil, user != .max else {
                throw wrong("--user '\(text)' is not UID or UID:GID")
            }
            uid = user
            if parts.count == 2, let group = parts[1] { gid = group }
        }
        var groups = process.user.groups
        for text in invocation[.additionalGids] {
            guard let group = UInt32(text), group != .max else {
                throw wrong("--additional-gids '\(text)' is no group")
            }
            groups.append(group)
        }
        process.user = ProgramUser(uid: uid, gid: gid, groups: groups)
    }

    private func wrong(_ reason: String) -> SkiffError {
        SkiffError("cannot start a program in the container: \(reason)", code: .usage)
    }
}
