import Base
import CLinux
import Linux

/// Where the processes that share a container meet: a lock, and a socket on which its keeper listens, in an in-memory
/// directory of the user. The process that has the lock connects, or becomes the first; so there is one keeper.
struct MeetingPlace: ~Copyable {
    private let lock: OwnedFD
    private let socketPath: String

    private static let lockSuffix = ".lock"

    /// Waits for the lock.
    /// - Throws: an error that names the directory when it is not the user's own.
    init(_ name: String) throws(SkiffError) {
        let user = effectiveUID()
        let path = "/dev/shm/skiff-\(user)"
        lock = try Self.lock(name + Self.lockSuffix, in: path)
        socketPath = path + "/" + name
    }

    /// The last to leave removes the file and the directory, so the file that was locked must still be the one found by
    /// the name.
    private static func lock(_ name: String, in path: String) throws(SkiffError) -> OwnedFD {
        while true {
            let directory = try PrivateFiles.current.openDirectory(
                path, cure: "Remove it, or have root remove it: containers that are shared are found there")
            do throws(Errno) {
                let file = try open(name, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600, at: directory.raw)
                try Linux.lock(file.raw)
                let held = try status(of: file.raw)
                if let found = try? status(path + "/" + name, follow: false), found.inode == held.inode { return file }
            } catch {
                // The directory was removed after it was opened.
                if error != .noSuchFile { throw SkiffError("cannot lock \(path)/\(name)", errno: error) }
            }
        }
    }

    /// Returns a connection to the keeper, or nil when there is none; what a killed keeper left behind is removed then.
    /// - Throws: an error when somebody else listens.
    func connect() throws(SkiffError) -> OwnedFD? {
        do throws(Errno) {
            let socket = try Linux.connect(to: socketPath)
            let keeper = try peer(of: socket.raw)
            guard keeper.uid == effectiveUID() else { throw .notPermitted }
            // A program of the same user may have stopped it: then all siblings would wait.
            try? sendSignal(SIGCONT, to: keeper.pid)
            return socket
        } catch {
            switch error {
            case .noSuchFile: return nil
            case .connectionRefused:
                try? unlink(socketPath)
                return nil
            default: throw SkiffError("cannot enter the container that is shared at \(socketPath)", errno: error)
            }
        }
    }

    /// Lets the next one in.
    consuming func unlock() throws(Errno) { try lock.close() }

    /// Removes what the first process has made when no container came of it.
    consuming func giveUp() { keepsakes.remove() }

    /// Returns the socket on which the keeper listens.
    func listen() throws(SkiffError) -> OwnedFD {
        try during("cannot listen at \(socketPath)") { () throws(Errno) in try Linux.listen(at: socketPath) }
    }

    /// The keeper's way back to the lock; it must not hold the lock under which it was started.
    var keepsakes: Keepsakes { Keepsakes(socketPath: socketPath, lockPath: socketPath + Self.lockSuffix) }

    /// What a keeper removes as it leaves.
    struct Keepsakes {
        let socketPath: String
        let lockPath: String

        /// Leaves, unless somebody has the lock, and so is about to connect, or has connected.
        /// - Returns: whether the place is empty now.
        func leave(_ listener: CInt) -> Bool {
            guard let file = try? open(lockPath, O_RDWR | O_NOFOLLOW), (try? tryLock(file.raw)) == true,
                (try? waitReadable(listener, milliseconds: 0)) == false
            else { return false }
            remove()
            return true
        }

        /// Needs the lock. Others may be waiting for it: they see that the file is no longer found by its name.
        func remove() {
            try? unlink(socketPath)
            try? unlink(lockPath)
            if let directory = parentPath(lockPath) { try? removeDirectory(directory) }
        }
    }
}
