import Base
import CLinux
import Linux

/// Where a keeper is found: a socket on which it listens, and a lock, in an in-memory directory of the user.
package struct MeetingAddress: Sendable {
    let directory: String
    let socketPath: String
    let lockPath: String

    /// - Parameter subject: what stands for the container; equal subjects have one address.
    init(_ subject: [UInt8]) { self.init(name: Self.name(subject)) }

    init(name: String) {
        directory = Self.directory
        socketPath = directory + "/" + name
        lockPath = socketPath + Self.lockSuffix
    }

    private static let lockSuffix = ".lock"
    private static var directory: String { "/dev/shm/skiff-\(effectiveUID())" }

    /// Returns where keepers were killed, and removes what they left when asked to. Nobody is disturbed: the kernel tells who
    /// listens; proc(5), /proc/net/unix.
    package static func leftovers(removing: Bool) -> [String] {
        guard let folder = try? open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
            (try? status(of: folder.raw).uid) == effectiveUID(), let names = try? entries(of: folder.raw),
            let sockets = try? readFile("/proc/net/unix", limit: 1 << 26)
        else { return [] }
        let listening = Set(sockets.split(separator: ASCII.newline).compactMap { $0.split(separator: 0x20).last })
        var left: [String] = []
        for name in names.map(\.text) where name.hasSuffix(lockSuffix) {
            let address = MeetingAddress(name: String(name.dropLast(lockSuffix.count)))
            guard !listening.contains(address.socketPath.bytes[...]),
                let file = try? open(name, O_RDWR | O_NOFOLLOW, at: folder.raw), (try? tryLock(file.raw)) == true,
                // The list is that of a network namespace; a keeper may be in another one.
                (try? Linux.connect(to: address.socketPath)) == nil
            else { continue }
            left.append(address.socketPath)
            if removing { address.remove(holding: file.raw) }
        }
        return left
    }

    /// FNV-1a with 64 bits, in hexadecimal digits: a name, no guarantee. All that share the directory of these names
    /// belong to one user.
    static func name(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }

    /// - Throws: an error that names the directory when it is not the user's own.
    func openDirectory() throws(SkiffError) -> OwnedFD {
        try PrivateFiles.current.openDirectory(
            directory, cure: "Remove it, or have root remove it: containers that are kept are found there")
    }

    /// Returns a connection to the keeper, or nil when there is none; what a killed keeper left behind is removed then.
    /// - Throws: an error when somebody else listens.
    func connect() throws(SkiffError) -> OwnedFD? {
        do throws(Errno) {
            let socket = try Linux.connect(to: socketPath)
            let keeper = try peer(of: socket.raw)
            guard keeper.uid == effectiveUID() else { throw .notPermitted }
            // A program of the same user may have stopped it: then all would wait.
            try? sendSignal(SIGCONT, to: keeper.pid)
            return socket
        } catch {
            switch error {
            case .noSuchFile: return nil
            case .connectionRefused:
                try? unlink(socketPath)
                return nil
            default: throw SkiffError("cannot enter the container that is kept at \(socketPath)", errno: error)
            }
        }
    }

    /// Returns the socket on which the keeper listens.
    func listen() throws(SkiffError) -> OwnedFD {
        _ = try openDirectory()
        return try during("cannot listen at \(socketPath)") { () throws(Errno) in try Linux.listen(at: socketPath) }
    }

    /// Leaves, unless somebody has the lock, and so is about to connect, or has connected.
    /// - Returns: whether the place is empty now.
    func leave(_ listener: CInt) -> Bool {
        guard let file = try? open(lockPath, O_RDWR | O_NOFOLLOW), (try? tryLock(file.raw)) == true,
            (try? waitReadable(listener, milliseconds: 0)) == false
        else { return false }
        remove()
        return true
    }

    /// Removes everything if this file is still the lock: otherwise it belongs to others now.
    func remove(holding lock: CInt) {
        guard let held = try? status(of: lock), let found = try? status(lockPath, follow: false),
            found.device == held.device, found.inode == held.inode
        else { return }
        remove()
    }

    /// Called in a keeper that keeps nothing, and has the lock as its starter has it: when that has ended, nobody else tidies
    /// up.
    func removeAbandoned(by starter: CInt) { if (try? waitReadable(starter, milliseconds: 0)) == true { remove() } }

    /// Needs the lock. Others may be waiting for it: they see that the file is no longer found by its name.
    private func remove() {
        try? unlink(socketPath)
        try? unlink(lockPath)
        try? removeDirectory(directory)
    }
}

/// An address with its lock: the process that has it connects, or becomes the first; so there is one keeper.
struct MeetingPlace: ~Copyable {
    let address: MeetingAddress
    private let lock: OwnedFD

    /// Waits for the lock.
    /// - Throws: an error that names the directory when it is not the user's own.
    init(_ address: MeetingAddress) throws(SkiffError) {
        try self.init(address, lock: Self.lock(lastComponent(address.lockPath), of: address))
    }

    private init(_ address: MeetingAddress, lock: consuming OwnedFD) {
        self.address = address
        self.lock = lock
    }

    /// Returns nil when somebody else has the lock.
    static func takeIfFree(_ address: MeetingAddress) throws(SkiffError) -> MeetingPlace? {
        let directory = try address.openDirectory()
        guard
            let file = try? open(
                lastComponent(address.lockPath), O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600, at: directory.raw),
            (try? tryLock(file.raw)) == true
        else { return nil }
        return MeetingPlace(address, lock: file)
    }

    /// The last to leave removes the file and the directory, so the file that was locked must still be the one found by
    /// the name.
    private static func lock(_ name: String, of address: MeetingAddress) throws(SkiffError) -> OwnedFD {
        while true {
            let directory = try address.openDirectory()
            do throws(Errno) {
                let file = try open(name, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600, at: directory.raw)
                try Linux.lock(file.raw)
                let held = try status(of: file.raw)
                if let found = try? status(address.lockPath, follow: false), found.inode == held.inode { return file }
            } catch {
                // The directory was removed after it was opened.
                if error != .noSuchFile { throw SkiffError("cannot lock \(address.lockPath)", errno: error) }
            }
        }
    }

    /// Lets the next one in.
    consuming func unlock() throws(Errno) { try lock.close() }

    /// Removes what was made where no keeper came of it, or stays.
    consuming func giveUp() { address.remove(holding: lock.raw) }

    /// Gives the lock away: it is held until all processes that have this descriptor have closed it.
    consuming func release() -> CInt { lock.release() }
}
