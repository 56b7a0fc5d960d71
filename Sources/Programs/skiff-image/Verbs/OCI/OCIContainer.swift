import Base
import CLinux
import Core
import Linux

/// What is kept of a container beside the runtime's own state: where its keeper listens, and how its program has ended.
struct OCIContainer {
    fileprivate static let parent = "/run/skiff-oci"
    let id: String

    /// - Throws: for a name that is none, so that no other path is ever made of it.
    init(_ id: String) throws(SkiffError) {
        let isName = !id.isEmpty && id.utf8.count <= 64 && id != "." && id != ".." && id != "runtime"
        let isPlain = id.utf8.allSatisfy { ASCII.isAlphanumeric($0) || "_+-.".utf8.contains($0) }
        // The runtime would take it for a flag.
        guard isName, isPlain, !id.hasPrefix("-") else {
            throw SkiffError(
                "cannot use container \(id): its name has letters, digits and _ + - . only, at most 64, and no - first")
        }
        self.id = id
    }

    private var directory: String { Self.parent + "/" + id }
    var socket: String { directory + "/attach" }
    var console: String { directory + "/console" }
    var pidFile: String { directory + "/pid" }
    var log: String { directory + "/log" }
    private var exitFile: String { directory + "/exit" }

    /// Makes its directory; what a container that is gone has left is removed.
    func make(_ runtime: OCIRuntime) throws(SkiffError) {
        let exists = SkiffError("cannot create container \(id): container \(id) already exists")
        if runtime.knows(id) { throw exists }
        try during("cannot make \(directory)") { () throws(Errno) in
            if (try? connect(to: socket)) != nil { throw .exists }
            try? removeTree(directory)
            do throws(Errno) {
                try makeDirectory()
            } catch {
                // The end of the last container has just taken the directory of all away.
                guard error == .noSuchFile else { throw error }
                try makeDirectory()
            }
        }
    }

    private func makeDirectory() throws(Errno) {
        try makeDirectories(Self.parent, mode: 0o700)
        // Nobody but root comes here, whoever has made it.
        let found = try status(HostPath(Self.parent))
        guard found.uid == 0, found.permissions & 0o022 == 0, found.isDirectory else { throw .notPermitted }
        try Linux.makeDirectory(directory, mode: 0o700)
    }

    /// Removes what is kept of it, and with the last container the directory of all.
    func remove() {
        try? removeTree(directory)
        OCIRuntime.removeEmptied()
    }

    /// The process id of its program; nil unless it was made here.
    var pid: pid_t? {
        guard let bytes = try? readFile(pidFile, limit: 64), let pid = pid_t(String(bytes: bytes.filter { $0 != 10 })),
            pid > 1
        else { return nil }
        return pid
    }

    func write(_ status: ExitStatus) { try? writeFile(exitFile, Array("\(status.code)\n".utf8), mode: 0o600) }

    /// How its program has ended; nil while it has not.
    var exitCode: Int32? {
        guard let bytes = try? readFile(exitFile, limit: 64) else { return nil }
        return Int32(String(bytes: bytes.filter { $0 != 10 }))
    }
}

/// What a keeper and its clients say to each other: a byte that says what it is, and what belongs to it.
enum KeeperMessage {
    static let output = UInt8(ascii: "1")
    static let error = UInt8(ascii: "2")
    static let input = UInt8(ascii: "i")
    static let endOfInput = UInt8(ascii: "e")
    /// A number as text.
    static let signal = UInt8(ascii: "s")
    /// Rows and columns as text.
    static let size = UInt8(ascii: "w")
    /// The exit code as text, the last that is said.
    static let end = UInt8(ascii: "x")
}

extension OCIRuntime {
    /// Removes directories that hold no container: the runtime makes its own even to say that it knows none.
    static func removeEmptied() { for emptied in [state, OCIContainer.parent] { try? removeDirectory(emptied) } }
}
